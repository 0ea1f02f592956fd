//! A transcript that leaves nothing out.

use super::{Characters, Transcript, average_logprob};
use crate::{DecodedSegment, Segment};

/// Takes the text as the tokens give it, without words.
#[derive(Debug, Default)]
pub struct Plain {
    characters: Characters,
    /// A passage whose last character is not complete.
    open: Option<Segment>,
}

impl Transcript for Plain {
    fn push(&mut self, mut segment: DecodedSegment, passages: &mut Vec<Segment>) {
        let mut bytes = Vec::new();
        for token in &mut segment.tokens {
            bytes.append(&mut token.bytes);
        }
        if let Some(mut open) = self.open.take() {
            let own = bytes.drain(..self.characters.completed_by(&bytes));
            open.text.push_str(&self.characters.push(own.as_slice()));
            drop(own);
            if bytes.is_empty() && self.characters.is_open() {
                self.open = Some(open);
                return;
            }
            open.text.push_str(self.characters.finish());
            passages.push(open);
        }
        let passage = Segment {
            start_ms: segment.start_ms,
            end_ms: segment.end_ms,
            window_ms: segment.window_ms,
            text: self.characters.push(&bytes),
            tokens: segment.tokens.iter().map(|token| token.id).collect(),
            temperature: segment.temperature,
            average_logprob: average_logprob(&segment.tokens),
            compression_ratio: 1.0,
            no_speech_probability: segment.no_speech_probability,
            words: Vec::new(),
        };
        if self.characters.is_open() {
            self.open = Some(passage);
        } else {
            passages.push(passage);
        }
    }

    fn finish(&mut self, passages: &mut Vec<Segment>) {
        if let Some(mut open) = self.open.take() {
            open.text.push_str(self.characters.finish());
            passages.push(open);
        }
    }
}
