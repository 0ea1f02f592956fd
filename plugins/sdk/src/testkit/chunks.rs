//! Cutting replies into pieces.

use super::show_events;
use crate::reply::{Events, ReplyParser};
use crate::{FinishReason, ReplyEvent};

/// How many random ways of cutting are tried.
const RANDOM: u64 = 100;

/// The joined events of a reply that arrives in one piece.
pub fn parse_whole<P: ReplyParser>(parser: P, text: &str, reason: FinishReason) -> Vec<ReplyEvent> {
    parse(parser, &[text], reason)
}

/// Checks that a reply gives the same events however it is cut.
#[track_caller]
pub fn check_chunks<P: ReplyParser>(make: impl Fn() -> P, text: &str, reason: FinishReason) {
    let whole = parse_whole(make(), text, reason);
    let check = |pieces: &[&str]| {
        let events = parse(make(), pieces, reason);
        assert!(
            events == whole,
            "the events differ with the pieces {pieces:?}\n--- whole ---\n{}--- pieces ---\n{}",
            show_events(&whole),
            show_events(&events)
        );
    };
    let borders: Vec<_> = text.char_indices().map(|(at, _)| at).skip(1).collect();
    check(&cut(text, &borders));
    for &border in &borders {
        check(&cut(text, &[border]));
    }
    for seed in 0..RANDOM {
        let mut random = Random(seed);
        let few: Vec<_> = borders
            .iter()
            .copied()
            .filter(|_| random.next().is_multiple_of(seed % 9 + 2))
            .collect();
        check(&cut(text, &few));
    }
}

fn parse<P: ReplyParser>(mut parser: P, pieces: &[&str], reason: FinishReason) -> Vec<ReplyEvent> {
    let mut joined = Vec::new();
    for piece in pieces {
        let mut events = Events::default();
        parser.push(piece, &mut events);
        join(&mut joined, events);
    }
    let mut events = Events::default();
    parser.finish(reason, &mut events);
    join(&mut joined, events);
    joined
}

fn join(joined: &mut Vec<ReplyEvent>, events: Events) {
    for event in events.into_vec() {
        match (joined.last_mut(), event) {
            (Some(ReplyEvent::Content(last)), ReplyEvent::Content(text))
            | (Some(ReplyEvent::Reasoning(last)), ReplyEvent::Reasoning(text))
            | (Some(ReplyEvent::ToolCallArguments(last)), ReplyEvent::ToolCallArguments(text)) => {
                last.push_str(&text);
            }
            (_, event) => joined.push(event),
        }
    }
}

fn cut<'a>(text: &'a str, borders: &[usize]) -> Vec<&'a str> {
    let starts = std::iter::once(0).chain(borders.iter().copied());
    let ends = borders.iter().copied().chain([text.len()]);
    starts.zip(ends).filter_map(|(start, end)| text.get(start..end)).collect()
}

/// A generator (SplitMix64) that gives the same numbers in every run.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
