//! From any number of channels to one.

use symphonia::core::audio::{Channels, Position};

/// What each channel weighs in the mix; the weights add up to one, so nothing is clipped.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mixer {
    weights: Vec<f32>,
}

/// Speech sits in the middle; the room is behind.
const CENTER: f32 = 1.0;
const FRONT: f32 = std::f32::consts::FRAC_1_SQRT_2;
const ROOM: f32 = 0.5;
/// Rumble says nothing.
const RUMBLE: f32 = 0.0;

impl Mixer {
    pub(crate) fn new(channels: &Channels) -> Self {
        let weights = match channels {
            Channels::Positioned(positions) => positions.iter().map(weight).collect(),
            Channels::Ambisonic(_) => return Self::first_of(channels.count()),
            _ => vec![1.0; channels.count()],
        };
        Self::with_weights(weights)
    }

    /// A sound field, whose first component is the sound from everywhere.
    pub(crate) fn first_of(channels: usize) -> Self {
        let mut weights = vec![0.0; channels];
        if let Some(first) = weights.first_mut() {
            *first = 1.0;
        }
        Self { weights }
    }

    /// The speakers in the order of Vorbis, which Opus shares.
    pub(crate) fn vorbis_order(channels: usize) -> Self {
        const MOST: [f32; 8] = [FRONT, CENTER, FRONT, ROOM, ROOM, ROOM, ROOM, RUMBLE];
        let weights = match channels {
            3 => vec![FRONT, CENTER, FRONT],
            4 => vec![FRONT, FRONT, ROOM, ROOM],
            5 => vec![FRONT, CENTER, FRONT, ROOM, ROOM],
            6 => vec![FRONT, CENTER, FRONT, ROOM, ROOM, RUMBLE],
            7 => vec![FRONT, CENTER, FRONT, ROOM, ROOM, ROOM, RUMBLE],
            8 => MOST.to_vec(),
            other => vec![1.0; other],
        };
        Self::with_weights(weights)
    }

    fn with_weights(mut weights: Vec<f32>) -> Self {
        let sum: f32 = weights.iter().sum();
        if sum > 0.0 {
            for weight in &mut weights {
                *weight /= sum;
            }
        } else {
            // A file with the rumble alone is heard all the same.
            let share = 1.0 / weights.len().max(1) as f32;
            weights.fill(share);
        }
        Self { weights }
    }

    pub(crate) fn channels(&self) -> usize {
        self.weights.len()
    }

    /// Appends the mix of interleaved samples.
    ///
    /// Numbers that are none count as silence; the others are held to a range that no later
    /// arithmetic can leave.
    pub(crate) fn mix(&self, interleaved: &[f32], mono: &mut Vec<f32>) {
        const MOST: f32 = 8.0;
        let tame = |sample: f32| if sample.is_nan() { 0.0 } else { sample.clamp(-MOST, MOST) };
        match self.weights.as_slice() {
            [] => {}
            [_] => mono.extend(interleaved.iter().copied().map(tame)),
            weights => mono.extend(interleaved.chunks_exact(weights.len()).map(|frame| {
                let pairs = frame.iter().zip(weights);
                pairs.map(|(&sample, weight)| tame(sample) * weight).sum::<f32>()
            })),
        }
    }
}

fn weight(position: Position) -> f32 {
    match position {
        Position::FRONT_CENTER => CENTER,
        Position::FRONT_LEFT
        | Position::FRONT_RIGHT
        | Position::FRONT_LEFT_CENTER
        | Position::FRONT_RIGHT_CENTER => FRONT,
        Position::LFE1 | Position::LFE2 => RUMBLE,
        _ => ROOM,
    }
}

#[cfg(test)]
mod tests {
    use symphonia::core::audio::layouts;

    use super::*;

    #[track_caller]
    fn check(channels: &Channels, frame: &[f32], expect: f32) {
        let mixer = Mixer::new(channels);
        assert_eq!(mixer.channels(), frame.len());
        let mut mono = Vec::new();
        mixer.mix(frame, &mut mono);
        let [sample] = mono.as_slice() else { panic!("{mono:?}") };
        assert!((sample - expect).abs() < 1e-6, "{sample} is not {expect}");
    }

    #[test]
    fn mixes() {
        check(&layouts::CHANNEL_LAYOUT_MONO, &[0.3], 0.3);
        check(&layouts::CHANNEL_LAYOUT_STEREO, &[0.2, 0.6], 0.4);
        check(&layouts::CHANNEL_LAYOUT_5P1, &[1.0; 6], 1.0);
        // The rumble of the fourth channel is left out.
        check(&layouts::CHANNEL_LAYOUT_5P1, &[0.0, 0.0, 0.0, 1.0, 0.0, 0.0], 0.0);
        check(&layouts::CHANNEL_LAYOUT_5P1, &[0.0, 0.0, 1.0, 0.0, 0.0, 0.0], 1.0 / 3.414_213_6);
        check(&Channels::Discrete(32), &[0.5; 32], 0.5);
        check(&Channels::Ambisonic(1), &[0.5, 1.0, -1.0, 1.0], 0.5);
        check(&Position::LFE1.into(), &[0.5], 0.5);
    }

    #[test]
    fn numbers_that_are_none() {
        check(&layouts::CHANNEL_LAYOUT_MONO, &[f32::NAN], 0.0);
        check(&layouts::CHANNEL_LAYOUT_MONO, &[f32::INFINITY], 8.0);
        check(&layouts::CHANNEL_LAYOUT_STEREO, &[f32::NAN, 1.0], 0.5);
    }
}
