//! How likely tokens were, by the network alone.

use engine_protocol::{TokenLogprob, TopLogprob};

use crate::vocabulary::Vocabulary;

/// The chosen token's logarithmic probability and those of the `count` most likely tokens, from
/// the logits as the network gave them, before penalties, temperature and constraints.
pub(crate) fn logprobs(
    logits: &[f32],
    chosen: u32,
    count: usize,
    vocabulary: &Vocabulary,
) -> TokenLogprob {
    let normal = log_sum_exp(logits);
    let entry = |token: u32| {
        let logit = usize::try_from(token).ok().and_then(|index| logits.get(index)).copied();
        TopLogprob {
            token,
            bytes: vocabulary.piece(token).to_vec(),
            logprob: logprob(logit.unwrap_or(f32::NEG_INFINITY), normal),
        }
    };
    TokenLogprob {
        chosen: entry(chosen),
        top: most_likely(logits, count).into_iter().map(entry).collect(),
    }
}

fn logprob(logit: f32, normal: f64) -> f32 {
    let exact = f64::from(logit) - normal;
    // JSON has no infinity, and this is as good as never.
    #[expect(clippy::cast_possible_truncation, reason = "rounding to f32 is what is wanted")]
    let rounded = exact.max(-9999.0) as f32;
    rounded.min(0.0)
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if !greatest.is_finite() {
        return 0.0;
    }
    let greatest = f64::from(greatest);
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - greatest).exp()).sum();
    greatest + sum.ln()
}

/// The tokens with the greatest logits, best first, the lower id first among equals.
fn most_likely(logits: &[f32], count: usize) -> Vec<u32> {
    let count = count.min(logits.len());
    if count == 0 {
        return Vec::new();
    }
    let mut order: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
    let better = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    if count < order.len() {
        order.select_nth_unstable_by(count, better);
        order.truncate(count);
    }
    order.sort_unstable_by(better);
    order.into_iter().map(|(token, _)| token).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_likely_come_first() {
        let logits = [0.5, 3.0, -1.0, 3.0, 2.0];
        assert_eq!(most_likely(&logits, 3), [1, 3, 4]);
        assert_eq!(most_likely(&logits, 9), [1, 3, 4, 0, 2]);
        assert_eq!(most_likely(&logits, 0), [0_u32; 0]);
    }

    #[test]
    fn probabilities_add_up_to_one() {
        let logits = [0.5, 3.0, -1.0, f32::NEG_INFINITY, 2.0];
        let normal = log_sum_exp(&logits);
        let sum: f32 = logits.iter().map(|logit| logprob(*logit, normal).exp()).sum();
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        assert!(logprob(f32::NEG_INFINITY, normal).is_finite());
    }
}
