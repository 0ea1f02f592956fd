//! Runs a family's reply parser off the async threads, and falls back to raw text where it breaks.

use std::sync::Arc;

use model::{FinishReason, ReplyEvent};
use plugin_runtime::{ChatTurn, PluginError};

use crate::{InferenceError, family::Calls, places::Places};

/// Bytes of text up to which a parser's usual time says something of the next call.
const SHORT: usize = 16 << 10;

/// What happened to one sequence, for the parser.
#[derive(Debug)]
pub(crate) enum Input {
    /// More raw text.
    Text { sequence: u32, text: String },
    /// The end.
    Finish { sequence: u32, reason: FinishReason },
}

/// What the parser made of one [`Input`].
#[derive(Debug, PartialEq)]
pub(crate) struct Parsed {
    pub(crate) sequence: u32,
    pub(crate) events: Vec<ReplyEvent>,
    /// Present where the sequence ended.
    pub(crate) finish: Option<FinishReason>,
}

/// A reply parser: a plugin's, or a stand-in for one.
pub(crate) trait Parser: Send + 'static {
    fn push(&mut self, sequence: u32, text: &str) -> Result<Vec<ReplyEvent>, PluginError>;
    fn finish(
        &mut self,
        sequence: u32,
        reason: FinishReason,
    ) -> Result<Vec<ReplyEvent>, PluginError>;
}

impl Parser for ChatTurn {
    fn push(&mut self, sequence: u32, text: &str) -> Result<Vec<ReplyEvent>, PluginError> {
        Self::push(self, sequence, text)
    }

    fn finish(
        &mut self,
        sequence: u32,
        reason: FinishReason,
    ) -> Result<Vec<ReplyEvent>, PluginError> {
        Self::finish(self, sequence, reason)
    }
}

/// One request's parser and what is needed to go on without it.
pub(crate) struct Parsing<P> {
    /// `None` once the parser has broken.
    parser: Option<P>,
    /// For each sequence the raw text that the parser took and has not given back.
    held: Vec<String>,
    family: Arc<str>,
    calls: Arc<Calls>,
    places: Places,
}

impl<P: Parser> Parsing<P> {
    pub(crate) fn new(
        parser: P,
        sequences: usize,
        family: Arc<str>,
        calls: Arc<Calls>,
        places: Places,
    ) -> Self {
        Self { parser: Some(parser), held: vec![String::new(); sequences], family, calls, places }
    }

    /// Parses everything that is ready, on this thread where that is quick, else in one hop to a
    /// blocking one and back.
    ///
    /// # Errors
    /// The thread broke, and took the parser and the inputs with it.
    pub(crate) async fn feed(
        mut self,
        inputs: Vec<Input>,
    ) -> Result<(Self, Vec<Parsed>), InferenceError> {
        if self.parser.is_none() || self.is_quick(&inputs) {
            let parsed = self.run(inputs);
            return Ok((self, parsed));
        }
        let (family, places) = (Arc::clone(&self.family), self.places.clone());
        let hop = move || {
            let parsed = self.run(inputs);
            (self, parsed)
        };
        places.run(&family, hop).await
    }

    fn is_quick(&self, inputs: &[Input]) -> bool {
        let length = |input: &Input| match input {
            Input::Text { text, .. } => text.len(),
            Input::Finish { .. } => 0,
        };
        self.calls.parse.is_quick() && inputs.iter().map(length).sum::<usize>() <= SHORT
    }

    fn run(&mut self, inputs: Vec<Input>) -> Vec<Parsed> {
        let mut all = Vec::with_capacity(inputs.len());
        for input in inputs {
            let (sequence, text, finish) = match input {
                Input::Text { sequence, text } => (sequence, text, None),
                Input::Finish { sequence, reason } => (sequence, String::new(), Some(reason)),
            };
            let events = self.step(sequence, &text, finish);
            if finish.is_some() || !events.is_empty() {
                all.push(Parsed { sequence, events, finish });
            }
        }
        all
    }

    fn step(&mut self, sequence: u32, text: &str, finish: Option<FinishReason>) -> Vec<ReplyEvent> {
        let Some(held) = usize::try_from(sequence).ok().and_then(|at| self.held.get_mut(at)) else {
            return Vec::new();
        };
        let Some(parser) = &mut self.parser else {
            let raw = std::mem::take(held) + text;
            return if raw.is_empty() { Vec::new() } else { vec![ReplyEvent::Content(raw)] };
        };
        let outcome = self.calls.parse.record(|| match finish {
            None => parser.push(sequence, text),
            Some(reason) => parser.finish(sequence, reason),
        });
        match outcome {
            Ok(events) => {
                held.push_str(text);
                for event in &events {
                    release(held, event);
                }
                events
            }
            Err(error) => {
                tracing::warn!(
                    family = %self.family,
                    sequence,
                    %error,
                    "the reply parser failed; the rest of this reply is raw text"
                );
                self.parser = None;
                let raw = std::mem::take(held) + text;
                if raw.is_empty() { Vec::new() } else { vec![ReplyEvent::Content(raw)] }
            }
        }
    }
}

/// Takes what an event gives back off the text that the parser holds.
///
/// A parser that rewrites what it gives back holds nothing that could be told from it, so nothing
/// is repeated in the raw text; markers around a text go with it.
fn release(held: &mut String, event: &ReplyEvent) {
    let given = match event {
        ReplyEvent::Content(text)
        | ReplyEvent::Reasoning(text)
        | ReplyEvent::ToolCallArguments(text)
        | ReplyEvent::ToolCallStart { name: text, .. } => text,
    };
    match held.find(given.as_str()) {
        Some(at) => drop(held.drain(..at + given.len())),
        None => held.clear(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holds back from `<` on, and breaks at `!`.
    #[derive(Default)]
    struct Touchy {
        held: String,
    }

    impl Parser for Touchy {
        fn push(&mut self, _: u32, text: &str) -> Result<Vec<ReplyEvent>, PluginError> {
            if text.contains('!') {
                return Err(PluginError::Invalid("broken".into()));
            }
            self.held.push_str(text);
            let at = self.held.find('<').unwrap_or(self.held.len());
            let free = self.held.drain(..at).collect::<String>();
            Ok(if free.is_empty() { vec![] } else { vec![ReplyEvent::Content(free)] })
        }

        fn finish(&mut self, _: u32, _: FinishReason) -> Result<Vec<ReplyEvent>, PluginError> {
            Ok(vec![ReplyEvent::Content(std::mem::take(&mut self.held))])
        }
    }

    fn places() -> Places {
        Places::of_model(&Arc::new(tokio::sync::Semaphore::new(1)), 1)
    }

    async fn text_of(pieces: &[&str]) -> String {
        let calls = Arc::new(Calls::new("touchy"));
        let mut parsing = Parsing::new(Touchy::default(), 1, "touchy".into(), calls, places());
        let mut text = String::new();
        let texts = pieces.iter().map(|piece| Input::Text { sequence: 0, text: (*piece).into() });
        let end = Input::Finish { sequence: 0, reason: FinishReason::Stop };
        for input in texts.chain([end]) {
            let (back, parsed) = parsing.feed(vec![input]).await.unwrap();
            parsing = back;
            for event in parsed.into_iter().flat_map(|parsed| parsed.events) {
                let ReplyEvent::Content(piece) = event else { panic!("{event:?}") };
                text += &piece;
            }
        }
        text
    }

    #[tokio::test]
    async fn no_character_is_lost_or_repeated_when_a_parser_breaks() {
        for pieces in [
            &["abc", "def"][..],
            &["abc<to", "ol", "!", "rest"],
            &["!", "abc"],
            &["abc", "<", "x!y", "z"],
            &["ab<", "cd"],
        ] {
            assert_eq!(text_of(pieces).await, pieces.concat());
        }
    }

    #[tokio::test]
    async fn a_sequence_out_of_range_is_ignored() {
        let calls = Arc::new(Calls::new("touchy"));
        let parsing = Parsing::new(Touchy::default(), 1, "touchy".into(), calls, places());
        let input = Input::Text { sequence: 7, text: "x".into() };
        let (_, parsed) = parsing.feed(vec![input]).await.unwrap();
        assert!(parsed.is_empty());
    }
}
