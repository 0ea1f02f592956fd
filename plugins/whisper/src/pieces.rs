//! What a subtitle's text is made of: pieces that no line break may part.

use plugin_sdk::Segment;
use unicode_linebreak::linebreaks;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How well a line, or a subtitle, ends after a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A sentence ends.
    Sentence,
    /// A part of one does.
    Clause,
    /// Nothing does.
    None,
}

/// A word, or a character of a script without spaces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    /// Whether a space is in front of it, where it does not begin a line.
    pub(crate) spaced: bool,
    /// Columns.
    pub(crate) width: usize,
    pub(crate) start_ms: u32,
    pub(crate) end_ms: u32,
    pub(crate) stop: Stop,
}

/// The text of a passage as subtitles can hold it: on one line, and without the arrow that stands
/// between the times.
pub(crate) fn plain(text: &str) -> String {
    let visible = |c: char| if c.is_control() || is_invisible(c) { ' ' } else { c };
    let text: String = text.chars().map(visible).collect();
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    while text.contains("-->") {
        text = text.replace("-->", "->");
    }
    text
}

/// Line and paragraph separators, and marks that turn the direction of what follows.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Cuts a passage's plain text into pieces.
pub(crate) fn pieces<'a>(text: &'a str, segment: &Segment, span: (u32, u32)) -> Vec<Piece<'a>> {
    let clock = Clock::new(text, segment, span);
    let mut pieces = Vec::new();
    let mut start = 0;
    for (end, _) in linebreaks(text) {
        let (Some(raw), Some(rest)) = (text.get(start..end), text.get(end..)) else { continue };
        // Of the places where Unicode would break a line, those in scripts without spaces count;
        // elsewhere they are hyphens and slashes, which belong to their word.
        let between = [raw.chars().next_back(), rest.chars().next()];
        let unspaced = between.iter().flatten().any(|c| c.width() == Some(2));
        if !raw.ends_with(' ') && !rest.is_empty() && !unspaced {
            continue;
        }
        let piece = raw.trim();
        if !piece.is_empty() {
            let at = start + (raw.len() - raw.trim_start().len());
            pieces.push(Piece {
                text: piece,
                spaced: text.get(..at).is_some_and(|before| before.ends_with(' ')),
                width: piece.width(),
                start_ms: clock.start(at),
                end_ms: clock.end(at + piece.len()),
                stop: stop(piece),
            });
        }
        start = end;
    }
    pieces
}

fn stop(piece: &str) -> Stop {
    let bare = piece.trim_end_matches(['"', '\'', '”', '’', ')', ']', '」', '』', '»']);
    match bare.chars().next_back() {
        Some('.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' | '۔' | '।') => {
            Stop::Sentence
        }
        Some(',' | ';' | ':' | '，' | '；' | '：' | '、' | '،' | '–' | '—') => {
            Stop::Clause
        }
        _ => Stop::None,
    }
}

/// When each place of a text is spoken: known at the ends of words, and in between by proportion.
struct Clock {
    /// Places and times, both in order.
    known: Vec<(usize, u32)>,
}

impl Clock {
    fn new(text: &str, segment: &Segment, (from, to): (u32, u32)) -> Self {
        let mut known = vec![(0, from)];
        let (mut place, mut time) = (0, from);
        for word in &segment.words {
            let found = text.get(place..).and_then(|rest| rest.find(&word.text));
            // A word that is far away is another one of the same text.
            let Some(at) = found.filter(|at| *at <= 32) else { continue };
            let start = place + at;
            place = start + word.text.len();
            let begins = word.start_ms.clamp(time, to);
            time = word.end_ms.clamp(begins, to);
            known.extend([(start, begins), (place, time)]);
        }
        known.push((text.len(), to));
        Self { known }
    }

    /// The time of a place where something begins.
    fn start(&self, place: usize) -> u32 {
        let next = self.known.partition_point(|(known, _)| *known <= place);
        self.between(next.saturating_sub(1), next, place)
    }

    /// The time of a place where something ends.
    fn end(&self, place: usize) -> u32 {
        let next = self.known.partition_point(|(known, _)| *known < place);
        self.between(next.saturating_sub(1), next, place)
    }

    fn between(&self, before: usize, after: usize, place: usize) -> u32 {
        let last = self.known.last().copied().unwrap_or_default();
        let (from, begins) = self.known.get(before).copied().unwrap_or(last);
        let (to, ends) = self.known.get(after).copied().unwrap_or(last);
        let (length, done) = (to.saturating_sub(from), place.saturating_sub(from));
        if length == 0 {
            return begins;
        }
        let passed = u64::from(ends.saturating_sub(begins)) * done as u64 / length as u64;
        begins.saturating_add(u32::try_from(passed).unwrap_or(u32::MAX))
    }
}
