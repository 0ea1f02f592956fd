//! Whose sampling parameters count: the client's, then the operator's, then the family's.

use model::{InvalidSampling, Profile, Sampling};

/// The first of each parameter, in the order given.
pub(crate) fn merge(first: Sampling, then: &Sampling) -> Sampling {
    Sampling {
        temperature: first.temperature.or(then.temperature),
        top_k: first.top_k.or(then.top_k),
        top_p: first.top_p.or(then.top_p),
        min_p: first.min_p.or(then.min_p),
        typical_p: first.typical_p.or(then.typical_p),
        repetition_penalty: first.repetition_penalty.or(then.repetition_penalty),
        penalty_window: first.penalty_window.or(then.penalty_window),
        frequency_penalty: first.frequency_penalty.or(then.frequency_penalty),
        presence_penalty: first.presence_penalty.or(then.presence_penalty),
        mirostat: first.mirostat.or(then.mirostat),
        seed: first.seed.or(then.seed),
        logit_bias: if first.logit_bias.is_empty() {
            then.logit_bias.clone()
        } else {
            first.logit_bias
        },
        ignore_eos: first.ignore_eos || then.ignore_eos,
    }
}

/// What a family advises, or why its advice is no sampling.
pub(crate) fn advised(profile: &Profile) -> Result<Sampling, InvalidSampling> {
    let mut sampling = Sampling::default();
    for (key, value) in &profile.sampling {
        // The plugin speaks in doubles; a sampler needs no more than a single.
        #[expect(clippy::cast_possible_truncation, reason = "validate checks what is left")]
        let single = *value as f32;
        match key.as_str() {
            "temperature" => sampling.temperature = Some(single),
            "top-p" => sampling.top_p = Some(single),
            "min-p" => sampling.min_p = Some(single),
            "repetition-penalty" => sampling.repetition_penalty = Some(single),
            "top-k" => {
                let range = "a whole number from 0 to 1000000";
                if !(0.0..=1_000_000.0).contains(value) {
                    return Err(InvalidSampling { name: "top-k", range, given: single });
                }
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the range has been checked"
                )]
                let whole = *value as u32;
                sampling.top_k = Some(whole);
            }
            other => tracing::debug!(key = other, "the family advises an unknown parameter"),
        }
    }
    sampling.validate()?;
    Ok(sampling)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(sampling: &[(&str, f64)]) -> Profile {
        Profile {
            sampling: sampling.iter().map(|&(key, value)| (key.to_owned(), value)).collect(),
            ..Profile::default()
        }
    }

    #[test]
    fn the_client_wins_over_the_operator_and_he_over_the_family() {
        let client = Sampling { temperature: Some(0.1), ..Sampling::default() };
        let operator = Sampling { temperature: Some(0.2), top_p: Some(0.5), ..Sampling::default() };
        let family = advised(&profile(&[("temperature", 0.3), ("top-p", 0.9), ("top-k", 20.0)]));
        let merged = merge(merge(client, &operator), &family.unwrap());
        assert_eq!(merged.temperature, Some(0.1));
        assert_eq!(merged.top_p, Some(0.5));
        assert_eq!(merged.top_k, Some(20));
    }

    #[test]
    fn bad_advice_is_refused() {
        assert!(advised(&profile(&[("temperature", f64::NAN)])).is_err());
        assert!(advised(&profile(&[("top-k", -1.0)])).is_err());
        assert!(advised(&profile(&[("mood", 1.0)])).is_ok());
    }
}
