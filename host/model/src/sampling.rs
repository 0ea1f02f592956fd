//! How the next token is chosen.

use std::collections::BTreeMap;

/// Mirostat, which steers the perplexity of what is generated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mirostat {
    /// 1 or 2.
    pub version: u8,
    /// The target entropy.
    pub tau: f32,
    /// The learning rate.
    pub eta: f32,
}

/// Sampling parameters; `None` leaves a parameter to the engine.
///
/// Names and meanings are llama.cpp's and OpenAI's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling {
    /// From 0, which is greedy, to 2, as in both dialects.
    pub temperature: Option<f32>,
    /// The number of most likely tokens kept; 0 keeps all.
    pub top_k: Option<u32>,
    /// The probability mass kept.
    pub top_p: Option<f32>,
    /// The least probability kept, relative to the best token's.
    pub min_p: Option<f32>,
    /// Locally typical sampling; 1 is off.
    pub typical_p: Option<f32>,
    /// Divides the logits of tokens seen lately; 1 is off.
    pub repetition_penalty: Option<f32>,
    /// How many tokens back the penalties look; 0 is none.
    pub penalty_window: Option<u32>,
    /// Subtracted for each earlier occurrence.
    pub frequency_penalty: Option<f32>,
    /// Subtracted once for an earlier occurrence.
    pub presence_penalty: Option<f32>,
    /// Mirostat in place of the cut-offs above.
    pub mirostat: Option<Mirostat>,
    /// The random seed; equal requests with equal seeds give equal replies.
    pub seed: Option<u32>,
    /// Added to the logits of these tokens.
    pub logit_bias: BTreeMap<u32, f32>,
    /// Whether end tokens are generated over rather than obeyed.
    pub ignore_eos: bool,
}

/// A sampling parameter out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("`{name}` must be {range}, it is {given}")]
pub struct InvalidSampling {
    /// The parameter, as clients spell it.
    pub name: &'static str,
    /// The range allowed, in words.
    pub range: &'static str,
    /// The value given.
    pub given: f32,
}

impl Sampling {
    /// The greatest number of `logit_bias` entries.
    pub const MAX_LOGIT_BIAS: usize = 1024;

    /// Checks every parameter against its range; nothing unchecked reaches an engine.
    ///
    /// # Errors
    /// Names the first parameter that is not finite or out of range.
    pub fn validate(&self) -> Result<(), InvalidSampling> {
        let check = |name, value: Option<f32>, low: f32, high: f32, range| match value {
            Some(given) if !(given.is_finite() && given >= low && given <= high) => {
                Err(InvalidSampling { name, range, given })
            }
            _ => Ok(()),
        };
        check("temperature", self.temperature, 0.0, 2.0, "from 0 to 2")?;
        check("top_p", self.top_p, 0.0, 1.0, "from 0 to 1")?;
        check("min_p", self.min_p, 0.0, 1.0, "from 0 to 1")?;
        check("typical_p", self.typical_p, 0.0, 1.0, "from 0 to 1")?;
        check("repetition_penalty", self.repetition_penalty, 0.01, 100.0, "from 0.01 to 100")?;
        check("frequency_penalty", self.frequency_penalty, -100.0, 100.0, "from -100 to 100")?;
        check("presence_penalty", self.presence_penalty, -100.0, 100.0, "from -100 to 100")?;
        if let Some(Mirostat { version, tau, eta }) = self.mirostat {
            check("mirostat", Some(f32::from(version)), 1.0, 2.0, "1 or 2")?;
            check("mirostat_tau", Some(tau), 0.0, 100.0, "from 0 to 100")?;
            check("mirostat_eta", Some(eta), 0.0, 1.0, "from 0 to 1")?;
        }
        let window = self.penalty_window.map(|n| n as f32);
        check("penalty_window", window, 0.0, 1_048_576.0, "from 0 to 1048576")?;
        let top_k = self.top_k.map(|k| k as f32);
        check("top_k", top_k, 0.0, 1_000_000.0, "from 0 to 1000000")?;
        let biases = self.logit_bias.len() as f32;
        check("logit_bias", Some(biases), 0.0, 1024.0, "at most 1024 entries")?;
        for &bias in self.logit_bias.values() {
            check("logit_bias", Some(bias), -1000.0, 1000.0, "from -1000 to 1000")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: impl FnOnce(&mut Sampling), expect: Option<&str>) {
        let mut sampling = Sampling::default();
        change(&mut sampling);
        assert_eq!(sampling.validate().err().map(|e| e.name), expect);
    }

    #[test]
    fn ranges() {
        check(|_| {}, None);
        check(|s| s.temperature = Some(0.0), None);
        check(|s| s.temperature = Some(f32::NAN), Some("temperature"));
        check(|s| s.temperature = Some(-0.1), Some("temperature"));
        check(|s| s.top_p = Some(f32::INFINITY), Some("top_p"));
        check(|s| s.mirostat = Some(Mirostat { version: 3, tau: 5.0, eta: 0.1 }), Some("mirostat"));
        check(|s| s.logit_bias = (0..1025).map(|id| (id, 0.0)).collect(), Some("logit_bias"));
        check(|s| s.logit_bias = [(1, f32::NAN)].into(), Some("logit_bias"));
    }
}
