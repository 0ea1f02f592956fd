//! Replies, cut into pieces in every way.

use model::{FinishReason, ReplyEvent};
use plugin_runtime::{ChatTurn, PluginError};

use super::{cost::Cost, show};

/// How many random ways of cutting are tried.
const RANDOM: u64 = 100;

/// The joined events of a reply, or how they differ between two ways of cutting it.
///
/// Each way is a sequence of its own in the same turn, as the replies to a request with `n > 1`
/// are; so a parser that keeps anything outside of itself is found out.
pub(super) fn check(
    turn: &mut ChatTurn,
    text: &str,
    reason: FinishReason,
    cost: &mut Cost<'_>,
) -> Result<Result<Vec<ReplyEvent>, String>, PluginError> {
    let mut run = Run { turn, next: 0, reason, cost };
    let whole = run.parse(&[text])?;
    for pieces in ways(text) {
        let events = run.parse(&pieces)?;
        if events != whole {
            return Ok(Err(differ(&format!("with the pieces {pieces:?}"), &whole, &events)));
        }
    }
    for events in run.interleaved(text)? {
        if events != whole {
            let how = "when another sequence is parsed in turns with it";
            return Ok(Err(differ(how, &whole, &events)));
        }
    }
    Ok(Ok(whole))
}

fn differ(how: &str, whole: &[ReplyEvent], pieces: &[ReplyEvent]) -> String {
    let (whole, pieces) = (show::events(whole), show::events(pieces));
    format!("the events differ {how}\n--- whole ---\n{whole}--- pieces ---\n{pieces}")
}

struct Run<'a, 'c> {
    turn: &'a mut ChatTurn,
    next: u32,
    reason: FinishReason,
    cost: &'a mut Cost<'c>,
}

impl Run<'_, '_> {
    fn sequence(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn parse(&mut self, pieces: &[&str]) -> Result<Vec<ReplyEvent>, PluginError> {
        let sequence = self.sequence();
        let mut joined = Vec::new();
        for piece in pieces {
            let events = self.cost.push(|| self.turn.push(sequence, piece))?;
            join(&mut joined, events);
        }
        join(&mut joined, self.turn.finish(sequence, self.reason)?);
        Ok(joined)
    }

    /// Two sequences, a character each in turns.
    fn interleaved(&mut self, text: &str) -> Result<[Vec<ReplyEvent>; 2], PluginError> {
        let sequences = [self.sequence(), self.sequence()];
        let mut joined = [Vec::new(), Vec::new()];
        for piece in cut(text, &borders(text)) {
            for (sequence, joined) in sequences.into_iter().zip(&mut joined) {
                join(joined, self.turn.push(sequence, piece)?);
            }
        }
        for (sequence, joined) in sequences.into_iter().zip(&mut joined) {
            join(joined, self.turn.finish(sequence, self.reason)?);
        }
        Ok(joined)
    }
}

/// Joins neighbours of a kind: where they are cut apart means nothing.
fn join(joined: &mut Vec<ReplyEvent>, events: Vec<ReplyEvent>) {
    for event in events {
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

/// Single characters, two pieces with every border between them, and pieces at random.
fn ways(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let borders = borders(text);
    let characters = cut(text, &borders);
    let random = random(borders.clone()).map(move |borders| cut(text, &borders));
    let halves = borders.into_iter().map(move |border| cut(text, &[border]));
    std::iter::once(characters).chain(halves).chain(random)
}

fn random(borders: Vec<usize>) -> impl Iterator<Item = Vec<usize>> {
    (0..RANDOM).map(move |seed| {
        let mut random = Random(seed);
        let mut few = borders.clone();
        few.retain(|_| random.next().is_multiple_of(seed % 9 + 2));
        few
    })
}

fn borders(text: &str) -> Vec<usize> {
    text.char_indices().map(|(at, _)| at).skip(1).collect()
}

fn cut<'a>(text: &'a str, borders: &[usize]) -> Vec<&'a str> {
    let starts = std::iter::once(0).chain(borders.iter().copied());
    let ends = borders.iter().copied().chain([text.len()]);
    starts.zip(ends).filter_map(|(start, end)| text.get(start..end)).collect()
}

/// A generator (SplitMix64) that gives the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_cutting_keeps_the_text() {
        let text = "a<é>\n";
        let all: Vec<_> = ways(text).collect();
        assert_eq!(all.len(), 1 + 4 + 100);
        assert!(all.iter().all(|pieces| pieces.concat() == text));
        assert_eq!(all[0], ["a", "<", "é", ">", "\n"]);
        assert_eq!(all[2], ["a<", "é>\n"]);
        assert_eq!(ways("").map(|pieces| pieces.concat()).collect::<String>(), "");
    }

    #[test]
    fn only_neighbours_of_a_kind_are_joined() {
        let content = |text: &str| ReplyEvent::Content(text.into());
        let start = || ReplyEvent::ToolCallStart { id: None, name: "f".into() };
        let mut joined = Vec::new();
        join(&mut joined, vec![content("a"), content("b"), start()]);
        join(&mut joined, vec![start(), content("c")]);
        assert_eq!(joined, [content("ab"), start(), start(), content("c")]);
    }
}
