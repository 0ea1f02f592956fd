//! Building blocks for transcripts.
//!
//! A transcript takes what was decoded between two timestamps, in the order of time, and gives
//! passages.
//! A token's bytes may end within a character, and so may a segment's: [`Characters`] holds such an
//! end back.

mod characters;
mod plain;
mod score;

pub use characters::Characters;
pub use plain::Plain;
pub use score::average_logprob;

use crate::{Cue, DecodedSegment, Segment};

/// Writes down one recording.
pub trait Transcript {
    /// Takes a decoded segment and adds the passages that it completes.
    fn push(&mut self, segment: DecodedSegment, passages: &mut Vec<Segment>);

    /// Ends the recording and adds the passages that were held back.
    fn finish(&mut self, passages: &mut Vec<Segment>);
}

impl Transcript for Box<dyn Transcript> {
    fn push(&mut self, segment: DecodedSegment, passages: &mut Vec<Segment>) {
        (**self).push(segment, passages);
    }

    fn finish(&mut self, passages: &mut Vec<Segment>) {
        (**self).finish(passages);
    }
}

/// The whole passage as one subtitle; none where it has no text.
pub fn whole_cue(segment: &Segment) -> Option<Cue> {
    let text = segment.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let Segment { start_ms, end_ms, .. } = *segment;
    (!text.is_empty()).then_some(Cue { start_ms, end_ms, text })
}
