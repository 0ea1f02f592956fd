//! From passages to subtitles.

use plugin_sdk::{Cue, Segment};

use crate::lines::{Layout, Room, width};
use crate::pieces::{self, Piece, Stop};

/// The least time that a passage is seen, even one that has none.
const LEAST_PASSAGE_MS: u32 = 100;
/// The least time that a subtitle is seen, where the next one leaves it.
const LEAST_MS: u32 = 833;
/// The most time that a subtitle is seen.
const MOST_MS: u32 = 7000;
/// A pause that parts two subtitles.
const PAUSE_MS: u32 = 1500;

/// The most that a long time costs: less than another short subtitle.
const MOST_LONG: u64 = 700;
/// Pieces that one subtitle can have at most.
const MOST_PIECES: usize = 200;

/// Breaks a passage into subtitles.
pub(crate) fn cues(segment: &Segment, layout: Layout) -> Vec<Cue> {
    let from = segment.start_ms;
    let to = segment.end_ms.max(from.saturating_add(LEAST_PASSAGE_MS));
    let text = pieces::plain(&segment.text);
    let pieces = pieces::pieces(&text, segment, (from, to));
    let room = layout.room(&pieces);
    let groups = group(&pieces, room);
    let mut cues: Vec<Cue> = Vec::new();
    let mut time = from;
    for (index, group) in groups.iter().enumerate() {
        let starts = |group: &[Piece<'_>]| group.first().map_or(to, |piece| piece.start_ms);
        let next = groups.get(index + 1).map_or(to, |next| starts(next));
        // The first subtitle begins, and the last one ends, with the passage.
        let start = if index == 0 { from } else { starts(group).max(time) };
        let spoken = group.last().map_or(to, |piece| piece.end_ms);
        let end = if index + 1 == groups.len() { to } else { spoken };
        let end =
            end.max(start.saturating_add(LEAST_MS).min(next)).min(start.saturating_add(MOST_MS));
        let end = end.max(start.saturating_add(1));
        time = end;
        cues.push(Cue { start_ms: start, end_ms: end, text: room.lay_out(group) });
    }
    cues
}

/// Parts the pieces so that each part fits into a subtitle, and the parts end where sentences do,
/// as well as all of that can be had.
fn group<'p, 'a>(pieces: &'p [Piece<'a>], room: Room) -> Vec<&'p [Piece<'a>]> {
    // The least cost of parting what is in front of each place, and where its last part begins.
    let mut best: Vec<(u64, usize)> = vec![(0, 0)];
    for end in 1..=pieces.len() {
        let mut cheapest = (u64::MAX, end - 1);
        for start in (end.saturating_sub(MOST_PIECES)..end).rev() {
            let Some(part) = pieces.get(start..end) else { break };
            if !room.fits(part) {
                break;
            }
            let before = best.get(start).map_or(0, |(cost, _)| *cost);
            let total = before.saturating_add(cost(part, end == pieces.len(), room));
            if total < cheapest.0 {
                cheapest = (total, start);
            }
        }
        best.push(cheapest);
    }
    let mut parts = Vec::new();
    let mut end = pieces.len();
    while end > 0 {
        let start = best.get(end).map_or(0, |(_, start)| *start);
        parts.extend(pieces.get(start..end));
        end = start.min(end - 1);
    }
    parts.reverse();
    parts
}

/// What a subtitle costs: for being there, for ending amid a sentence, for being short, long in
/// time, or for going on over a pause.
fn cost(part: &[Piece<'_>], is_last: bool, room: Room) -> u64 {
    let end = match part.last().map(|piece| piece.stop) {
        _ if is_last => 0,
        Some(Stop::Sentence) => 0,
        Some(Stop::Clause) => 150,
        _ => 400,
    };
    let missing = (room.width / 2).saturating_sub(width(part)) as u64;
    let short = 300 * missing / (room.width as u64 / 2).max(1);
    let times = part.first().zip(part.last());
    let time = times.map_or(0, |(first, last)| last.end_ms.saturating_sub(first.start_ms));
    // Without words' times a short text can seem to take any time, and is still one subtitle.
    let long = u64::from(time.saturating_sub(MOST_MS)).min(MOST_LONG);
    let pauses = part.iter().zip(part.iter().skip(1));
    let pauses = pauses.filter(|(one, next)| next.start_ms.saturating_sub(one.end_ms) >= PAUSE_MS);
    600 + end + short + long + 2000 * pauses.count() as u64
}
