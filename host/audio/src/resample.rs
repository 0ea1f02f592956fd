//! From any sample rate to the one that is wanted, without a gap and to the exact length.

use rubato::{Fft, FixedSync, Resampler as _, audioadapter_buffers::direct::SequentialSlice};

use crate::{
    SAMPLE_RATE,
    error::{AudioError, Result},
    limits,
};

/// Resamples a stream of one channel.
///
/// The filter looks ahead; its delay is cut off at the beginning and made up for at the end, so
/// that a sample stays at its time and the length is the input's, to the nearest sample.
#[derive(Debug)]
pub(crate) struct Resampler {
    rate: u32,
    /// `None` where the rate is right already.
    fft: Option<Fft<f32>>,
    pending: Vec<f32>,
    chunk: Vec<f32>,
    /// Samples of the delay that are still to be cut off.
    cut: usize,
    taken: u64,
    given: u64,
}

/// Samples in one step: more sharpen the filter, fewer shorten its delay.
const CHUNK: usize = 2048;

impl Resampler {
    pub(crate) fn new(rate: u32) -> Result<Self> {
        let (least, most) = (limits::LEAST_RATE, limits::MOST_RATE);
        if !(least..=most).contains(&rate) {
            return Err(AudioError::OutOfRange {
                field: "the sample rate in Hz",
                given: rate.into(),
                least: least.into(),
                most: most.into(),
            });
        }
        let fft = if rate == SAMPLE_RATE { None } else { Some(build(rate)?) };
        let cut = fft.as_ref().map_or(0, rubato::Resampler::output_delay);
        Ok(Self { rate, fft, pending: Vec::new(), chunk: Vec::new(), cut, taken: 0, given: 0 })
    }

    /// The rate of what goes in.
    pub(crate) fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes samples, and appends what they give.
    pub(crate) fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) -> Result<()> {
        self.taken = self.taken.saturating_add(samples.len() as u64);
        let Some(fft) = &self.fft else {
            self.given = self.taken;
            out.extend_from_slice(samples);
            return Ok(());
        };
        let step = fft.input_frames_next();
        self.pending.extend_from_slice(samples);
        let mut pending = std::mem::take(&mut self.pending);
        let whole = pending.len() - pending.len() % step;
        let (ready, _) = pending.split_at(whole);
        let result = ready.chunks_exact(step).try_for_each(|chunk| self.step(chunk, out));
        pending.drain(..whole);
        self.pending = pending;
        result
    }

    /// Appends what is left in the filter.
    pub(crate) fn finish(&mut self, out: &mut Vec<f32>) -> Result<()> {
        let Some(fft) = &self.fft else { return Ok(()) };
        let step = fft.input_frames_next();
        let wanted = self.wanted();
        let mut last = std::mem::take(&mut self.pending);
        while self.given < wanted {
            last.resize(step, 0.0);
            let before = out.len();
            self.step(&last, out)?;
            let over = usize::try_from(self.given.saturating_sub(wanted)).unwrap_or(usize::MAX);
            out.truncate(out.len().saturating_sub(over).max(before));
            last.clear();
        }
        Ok(())
    }

    /// The length that belongs to what was taken.
    fn wanted(&self) -> u64 {
        let (rate, wanted) = (u128::from(self.rate), u128::from(SAMPLE_RATE));
        let exact = u128::from(self.taken) * wanted + rate / 2;
        u64::try_from(exact / rate.max(1)).unwrap_or(u64::MAX)
    }

    fn step(&mut self, chunk: &[f32], out: &mut Vec<f32>) -> Result<()> {
        let Some(fft) = &mut self.fft else { return Ok(()) };
        let frames = fft.output_frames_next();
        self.chunk.resize(frames, 0.0);
        let input = SequentialSlice::new(chunk, 1, chunk.len()).map_err(fault)?;
        let mut output = SequentialSlice::new_mut(&mut self.chunk, 1, frames).map_err(fault)?;
        let (_, made) = fft.process_into_buffer(&input, &mut output, None).map_err(fault)?;
        let made = self.chunk.get(..made).unwrap_or_default();
        let cut = self.cut.min(made.len());
        self.cut -= cut;
        let kept = made.get(cut..).unwrap_or_default();
        self.given = self.given.saturating_add(kept.len() as u64);
        out.extend_from_slice(kept);
        Ok(())
    }
}

fn build(rate: u32) -> Result<Fft<f32>> {
    let size = |rate: u32| usize::try_from(rate).unwrap_or(usize::MAX);
    // A step is made of the fewest samples that last as long as whole samples of the new rate; an
    // even number of them, so that the middle of the filter, which is its delay, is a sample too.
    let unit = size(rate / gcd(rate, SAMPLE_RATE));
    let units = CHUNK.div_ceil(unit).next_multiple_of(2);
    // One transform for the whole chunk gives the sharpest filter.
    Fft::new_custom(
        size(rate),
        size(SAMPLE_RATE),
        units.saturating_mul(unit),
        1,
        1,
        rubato::WindowFunction::BlackmanHarris2,
        FixedSync::Both,
    )
    .map_err(fault)
}

fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

/// The library's complaints are about sizes, which are ours.
fn fault(error: impl std::fmt::Display) -> AudioError {
    AudioError::Io(std::io::Error::other(format!("resampling: {error}")))
}
