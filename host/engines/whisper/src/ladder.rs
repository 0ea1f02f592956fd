//! The temperatures that are tried in turn, in whisper.cpp's terms.

use engine_protocol::{EngineError, ErrorCode};

/// More temperatures than this help no one.
const MOST: usize = 16;
/// whisper.cpp's list ends here.
const LAST: f32 = 1.0 + 1e-6;

/// A list of temperatures.
///
/// whisper.cpp takes a first one and a step, and stops at 1. A list that is not of that kind is run
/// under temperatures that are, and each logit is scaled to undo the difference.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ladder {
    wanted: Vec<f32>,
    internal: Vec<f32>,
    step: f32,
}

impl Ladder {
    /// Checks a list, which must not be empty; only the first temperature may be 0.
    pub(crate) fn new(wanted: &[f32]) -> Result<Self, EngineError> {
        let invalid = |text: String| Err(EngineError::new(ErrorCode::Invalid, text));
        let Some(first) = wanted.first().copied() else {
            return invalid("the plan has no temperature; it needs one at least".into());
        };
        if wanted.len() > MOST {
            let count = wanted.len();
            return invalid(format!("the plan has {count} temperatures; {MOST} is the limit"));
        }
        let sound = |(at, value): (usize, &f32)| {
            value.is_finite() && *value <= 10.0 && (*value > 0.0 || (at == 0 && *value == 0.0))
        };
        if !wanted.iter().enumerate().all(sound) {
            return invalid(format!(
                "the temperatures {wanted:?} must lie above 0 and up to 10, but for the first, \
                 which may be 0"
            ));
        }
        let wanted = wanted.to_vec();
        let Some(second) = wanted.get(1).copied() else {
            return Ok(Self { internal: wanted.clone(), wanted, step: 0.0 });
        };
        let step = second - first;
        let internal = climb(first, step);
        let same = internal.len() == wanted.len()
            && internal.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-3);
        if same {
            return Ok(Self { wanted: internal.clone(), internal, step });
        }
        let first = if first == 0.0 { 0.0 } else { 0.1 };
        let step = (0.999 - first) / (wanted.len() - 1) as f32;
        Ok(Self { internal: climb(first, step), wanted, step })
    }

    /// What whisper.cpp starts with.
    pub(crate) fn first(&self) -> f32 {
        self.internal(0)
    }

    /// What whisper.cpp adds each time; 0: there is one temperature.
    pub(crate) fn step(&self) -> f32 {
        self.step
    }

    /// The temperature of an attempt.
    pub(crate) fn temperature(&self, attempt: usize) -> f32 {
        self.wanted.get(attempt).or(self.wanted.last()).copied().unwrap_or_default()
    }

    /// What whisper.cpp takes for the temperature of an attempt.
    pub(crate) fn internal(&self, attempt: usize) -> f32 {
        self.internal.get(attempt).or(self.internal.last()).copied().unwrap_or_default()
    }

    /// What the logits of an attempt are multiplied with, after whisper.cpp has divided them.
    pub(crate) fn scale(&self, attempt: usize) -> f32 {
        let (internal, wanted) = (self.internal(attempt), self.temperature(attempt));
        if internal > 0.0 && wanted > 0.0 { internal / wanted } else { 1.0 }
    }
}

/// The temperatures that whisper.cpp makes of a first one and a step.
fn climb(first: f32, step: f32) -> Vec<f32> {
    if step <= 0.0 {
        return vec![first];
    }
    std::iter::successors(Some(first), |value| Some(value + step))
        .take_while(|value| *value < LAST)
        .take(MOST + 1)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(wanted: &[f32], scaled: bool) {
        let ladder = Ladder::new(wanted).unwrap();
        // What whisper.cpp will do.
        let made = climb(ladder.first(), ladder.step());
        assert_eq!(made.len(), wanted.len(), "{ladder:?}");
        for (at, (made, wanted)) in made.iter().zip(wanted).enumerate() {
            assert!((ladder.temperature(at) - wanted).abs() < 1e-3);
            assert!((made / ladder.scale(at) - wanted).abs() < 1e-3, "{ladder:?}");
            assert_eq!((ladder.scale(at) - 1.0).abs() > 1e-6, scaled && *wanted > 0.0, "{at}");
        }
    }

    #[test]
    fn lists() {
        check(&[0.0], false);
        check(&[1.7], false);
        check(&[0.0, 0.2, 0.4, 0.6, 0.8, 1.0], false);
        check(&[0.3, 0.5, 0.7, 0.9], false);
        check(&[0.0, 0.5], true);
        check(&[0.4, 0.2], true);
        check(&[0.7, 1.4, 2.0], true);
        check(&[0.5, 0.5, 0.5], true);
    }

    #[test]
    fn refused() {
        for wanted in [&[][..], &[f32::NAN], &[-0.1], &[0.5, 0.0], &[11.0], &[0.1; 17]] {
            let error = Ladder::new(wanted).unwrap_err();
            assert_eq!(error.code, ErrorCode::Invalid, "{wanted:?}");
        }
    }
}
