//! Finds speech by its loudness, where no detector's weights are there.
//!
//! Speech rises and falls; what stays the same is noise. A frame counts as speech as far as it
//! rises above the level of the quietest frames around it.

/// Frames that are this many decibels above the floor are as likely speech as not.
const RISE: f32 = 8.0;
/// The distance from there to certainty, in decibels.
const SLOPE: f32 = 4.0;
/// Nothing below this level is speech, in decibels of full scale.
const INAUDIBLE: f32 = -62.0;
/// Sound whose level moves less than this is no speech, in decibels.
const STEADY: f32 = 5.0;
/// Fewer frames than this, two thirds of a second, do not show whether a sound is steady.
const FEW: usize = 20;
/// Frames that may be louder than the rest of a steady sound: fewer than the shortest word has.
const SHORT_WORD: usize = 2;
/// How fast the floor may rise from one stretch to the next, in decibels.
const CLIMB: f32 = 6.0;

/// What is remembered from one stretch of a recording to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Floor(Option<f32>);

/// The level of a frame in decibels of full scale, without its constant part.
pub(crate) fn level(frame: &[i16]) -> f32 {
    if frame.is_empty() {
        return -100.0;
    }
    let count = frame.len() as f32;
    let mean = frame.iter().map(|sample| f32::from(*sample)).sum::<f32>() / count;
    let power = frame.iter().map(|sample| (f32::from(*sample) - mean).powi(2)).sum::<f32>() / count;
    (10.0 * (power / (32_768.0 * 32_768.0)).max(1e-10).log10()).max(-100.0)
}

/// How likely each frame is speech, given the levels of a stretch of frames.
pub(crate) fn probabilities(levels: &[f32], floor: &mut Floor) -> Vec<f32> {
    let mut sorted = levels.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let at = |share: usize| sorted.get(sorted.len() * share / 100).copied().unwrap_or(-100.0);
    // A word at the very end of a long silence is no more than a few frames loud.
    let loud = sorted.iter().rev().nth(SHORT_WORD).copied().unwrap_or(-100.0);
    let quiet = at(10);
    let steady = loud - quiet < STEADY;
    let base = match floor.0 {
        // A stretch of dense speech has no quiet frames of its own.
        Some(before) if levels.len() >= FEW => quiet.min(before + CLIMB),
        Some(before) => before,
        // Too little to tell speech from noise by: whatever can be heard may be speech.
        None if levels.len() < FEW => INAUDIBLE - RISE,
        None => quiet,
    };
    if levels.len() >= FEW {
        floor.0 = Some(if steady { quiet } else { base });
    }
    if steady && levels.len() >= FEW {
        return vec![0.0; levels.len()];
    }
    let probability = |level: &f32| {
        if *level < INAUDIBLE {
            return 0.0;
        }
        (0.5 + (level - base - RISE) / (2.0 * SLOPE)).clamp(0.0, 1.0)
    };
    levels.iter().map(probability).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames at a level, in decibels, with a decibel of unrest.
    fn frames(level: f32, count: usize) -> Vec<f32> {
        (0..count).map(|n| level + if n % 2 == 0 { 0.5 } else { -0.5 }).collect()
    }

    #[track_caller]
    fn check(levels: &[f32], expect: &[(usize, usize)]) {
        let found = probabilities(levels, &mut Floor::default());
        let speech = |index: usize| expect.iter().any(|(from, to)| (*from..*to).contains(&index));
        for (index, probability) in found.iter().enumerate() {
            assert_eq!(*probability >= 0.5, speech(index), "frame {index} of {expect:?}");
        }
    }

    #[test]
    fn speech_stands_out_of_constant_noise() {
        for noise in [-100.0, -70.0, -50.0, -35.0] {
            let levels = [frames(noise, 40), frames(-20.0, 30), frames(noise, 40)].concat();
            check(&levels, &[(40, 70)]);
        }
    }

    #[test]
    fn constant_noise_is_no_speech_however_loud() {
        for noise in [-100.0, -60.0, -30.0, -10.0] {
            check(&frames(noise, 200), &[]);
        }
    }

    #[test]
    fn a_short_sound_is_speech_where_it_can_be_heard() {
        check(&frames(-25.0, 8), &[(0, 8)]);
        check(&frames(-80.0, 8), &[]);
    }

    #[test]
    fn speech_at_the_very_end_of_a_long_silence() {
        check(&[frames(-100.0, 300), frames(-20.0, 5)].concat(), &[(300, 305)]);
        check(&[frames(-50.0, 300), frames(-20.0, 5)].concat(), &[(300, 305)]);
    }

    #[test]
    fn dense_speech_keeps_the_floor_that_was_there() {
        let mut floor = Floor::default();
        probabilities(&[frames(-60.0, 50), frames(-20.0, 50)].concat(), &mut floor);
        let dense: Vec<f32> = (0..200).map(|n| -20.0 - (n % 10) as f32).collect();
        assert!(probabilities(&dense, &mut floor).iter().all(|p| *p >= 0.5));
    }

    #[test]
    fn noise_that_grows_becomes_the_floor() {
        let mut floor = Floor::default();
        probabilities(&[frames(-70.0, 50), frames(-20.0, 50)].concat(), &mut floor);
        let noise = frames(-45.0, 100);
        assert!(probabilities(&noise, &mut floor).iter().all(|p| *p < 0.5));
        let levels = [frames(-45.0, 60), frames(-20.0, 40)].concat();
        let found = probabilities(&levels, &mut floor);
        assert!(found.iter().take(60).all(|p| *p < 0.5));
        assert!(found.iter().skip(60).all(|p| *p >= 0.5));
    }

    #[test]
    fn a_level_has_no_constant_part() {
        assert!(level(&[1000; 512]) < -90.0);
        let square: Vec<i16> =
            (0..512).map(|n| if n % 2 == 0 { 16_384 } else { -16_384 }).collect();
        assert!((level(&square) + 6.02).abs() < 0.1);
        assert!(level(&[]) <= -100.0);
    }
}
