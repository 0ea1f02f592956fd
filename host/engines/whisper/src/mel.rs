//! The spectrogram that the encoder sees.
//!
//! whisper.cpp makes one as well, with a transform that is written out by hand: for a piece of half
//! a minute that takes a tenth of a second of one core, and this some milliseconds. The result is
//! the same but for the rounding of floats.

use std::ops::Range;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// Samples from one frame to the next.
const HOP: usize = 160;
/// Samples that a frame looks at.
const FRAME: usize = 400;
/// Half of that lies in front of a frame.
const HALF: usize = FRAME / 2;
/// Bins of the spectrum.
pub(crate) const BINS: usize = HALF + 1;
/// Frames of silence behind the sound: a window of half a minute.
pub(crate) const WINDOW: usize = 3000;
/// The least power, and what is more than this below the loudest is raised to it; both as exponents
/// of ten.
const FLOOR: f32 = -10.0;
const RANGE: f32 = 8.0;

/// What a model's bands are made of.
pub(crate) struct Mel {
    bands: Vec<Band>,
    hann: Vec<f32>,
    transform: Arc<dyn RealToComplex<f32>>,
}

/// A band: bins of the spectrum, and how much each counts.
struct Band {
    bins: Range<usize>,
    weights: Vec<f32>,
}

/// A spectrogram, band by band.
#[derive(Debug, Default)]
pub(crate) struct Spectrogram {
    /// The values of all frames of the first band, then those of the second, and so on.
    pub(crate) values: Vec<f32>,
    pub(crate) bands: usize,
    /// Frames that it has.
    pub(crate) frames: usize,
    /// Those of them that are sound, or the silence within it.
    pub(crate) sounding: usize,
}

impl Mel {
    /// Takes the filters of a model file: for each band a weight for each bin.
    pub(crate) fn new(filters: &[f32]) -> Self {
        let band = |weights: &[f32]| {
            let first = weights.iter().position(|weight| *weight != 0.0).unwrap_or(0);
            let last = weights.iter().rposition(|weight| *weight != 0.0).map_or(first, |at| at + 1);
            let weights = weights.get(first..last).unwrap_or_default().to_vec();
            Band { bins: first..last, weights }
        };
        let angle = |at: usize| std::f64::consts::TAU * at as f64 / FRAME as f64;
        #[expect(clippy::cast_possible_truncation, reason = "the window is made of floats")]
        let hann = (0..FRAME).map(|at| (0.5 * (1.0 - angle(at).cos())) as f32).collect();
        Self {
            bands: filters.chunks(BINS).map(band).collect(),
            hann,
            transform: RealFftPlanner::new().plan_fft_forward(FRAME),
        }
    }

    /// Makes the spectrogram of some samples, with so many frames of silence behind them.
    pub(crate) fn spectrogram(&self, samples: &[f32], silence: usize, out: &mut Spectrogram) {
        let (count, bands) = (samples.len(), self.bands.len());
        out.bands = bands;
        out.frames = count / HOP + silence;
        out.sounding = (count + HOP).saturating_sub(HALF) / HOP;
        out.values.clear();
        out.values.resize(bands * out.frames, FLOOR);
        // In front of the sound lies its own beginning, backwards; behind it, nothing.
        let front = samples.iter().skip(1).take(HALF).rev();
        let mut padded = vec![0.0; HALF.saturating_sub(front.len())];
        padded.extend(front.chain(samples));
        let heard = (padded.len() / HOP + 1).min(out.frames);
        padded.resize(heard * HOP + FRAME, 0.0);
        let mut input = self.transform.make_input_vec();
        let mut spectrum = self.transform.make_output_vec();
        let mut scratch = self.transform.make_scratch_vec();
        let mut loudest = FLOOR;
        for frame in 0..heard {
            let part = padded.iter().skip(frame * HOP);
            for ((input, sample), weight) in input.iter_mut().zip(part).zip(&self.hann) {
                *input = sample * weight;
            }
            // It only fails where a length is wrong, and these are its own.
            let _ = self.transform.process_with_scratch(&mut input, &mut spectrum, &mut scratch);
            for (at, band) in self.bands.iter().enumerate() {
                let power = band.power(&spectrum).max(1e-10).log10();
                loudest = loudest.max(power);
                if let Some(value) = out.values.get_mut(at * out.frames + frame) {
                    *value = power;
                }
            }
        }
        let least = loudest - RANGE;
        for value in &mut out.values {
            *value = (value.max(least) + 4.0) / 4.0;
        }
    }
}

impl Band {
    fn power(&self, spectrum: &[Complex<f32>]) -> f32 {
        let bins = spectrum.get(self.bins.clone()).unwrap_or_default();
        bins.iter().zip(&self.weights).map(|(bin, weight)| bin.norm_sqr() * weight).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two bands of three bins each.
    fn filters() -> Vec<f32> {
        let mut filters = vec![0.0; 2 * BINS];
        filters[10..13].copy_from_slice(&[0.5, 1.0, 0.5]);
        filters[BINS + 100..BINS + 103].copy_from_slice(&[0.1, 0.2, 0.3]);
        filters
    }

    /// The same by definition, in double precision, for a frame of the sound.
    fn exact(samples: &[f32], filters: &[f32], frame: usize) -> Vec<f64> {
        let sample = |at: isize| -> f64 {
            // In front of the sound it is mirrored.
            samples.get(at.unsigned_abs()).filter(|_| at > -200).map_or(0.0, |s| f64::from(*s))
        };
        let power = |bin: usize| {
            let (mut re, mut im) = (0.0, 0.0);
            for at in 0..FRAME {
                let turn = std::f64::consts::TAU * at as f64 / FRAME as f64;
                let place = (frame * HOP + at).cast_signed() - HALF.cast_signed();
                let value = sample(place) * 0.5 * (1.0 - turn.cos());
                re += value * (turn * bin as f64).cos();
                im -= value * (turn * bin as f64).sin();
            }
            re * re + im * im
        };
        let band = |weights: &[f32]| {
            let bins = weights.iter().enumerate().filter(|(_, weight)| **weight > 0.0);
            let sum: f64 = bins.map(|(bin, weight)| power(bin) * f64::from(*weight)).sum();
            sum.max(1e-10).log10()
        };
        filters.chunks(BINS).map(band).collect()
    }

    #[test]
    fn a_spectrogram_is_what_its_definition_says() {
        let sound = |at: usize| (at as f32 * 0.17).sin() * 0.3 + (at as f32 * 1.6).sin() * 0.1;
        let samples: Vec<f32> = (0..4_000).map(sound).collect();
        let mut found = Spectrogram::default();
        Mel::new(&filters()).spectrogram(&samples, 30, &mut found);
        assert_eq!((found.bands, found.frames, found.sounding), (2, 55, 24));
        let frames: Vec<Vec<f64>> =
            (0..27).map(|frame| exact(&samples, &filters(), frame)).collect();
        let loudest = frames.iter().flatten().copied().fold(-10.0, f64::max);
        for frame in 0..found.frames {
            for band in 0..2 {
                let exact = frames.get(frame).map_or(-10.0, |frame| frame[band]);
                let expect = (exact.max(loudest - 8.0) + 4.0) / 4.0;
                let value = f64::from(found.values[band * found.frames + frame]);
                assert!((value - expect).abs() < 1e-3, "{frame} {band}: {value}, not {expect}");
            }
        }
    }

    #[test]
    fn nothing_is_silent() {
        let mut found = Spectrogram::default();
        for length in [0, 1, 39, 40, 199, 200, 201] {
            Mel::new(&filters()).spectrogram(&vec![0.0; length], 3, &mut found);
            assert_eq!(found.frames, length / HOP + 3);
            assert!(found.values.iter().all(|value| (value + 1.5).abs() < 1e-6), "{found:?}");
        }
    }
}
