//! When each word of a passage is said, from the sound alone.
//!
//! whisper.cpp guesses the times of words from timestamps that the model never decoded, and is
//! late by up to half a second. Here words share the sound of their passage by their length, with
//! as few of them as can be across a pause, and boundaries where it is quieter than around them: the
//! cheapest way to do so, over all words at once.

use std::ops::Range;

use crate::envelope::Sound;

/// A silence of so many steps is a pause.
const PAUSE: usize = 8;
/// What a step of a pause within a word costs.
const WITHIN: f32 = 0.075;
/// A word shorter or longer than its share by no more than this costs little, in steps.
const SLACK: f32 = 1.5;
/// A word takes at most so many times its share of the sound, and as many steps besides.
const STRETCH: f32 = 4.0;
const AT_LEAST: usize = 40;

/// The steps in which words are said that weigh so much, in order; `None`: there is no sound.
///
/// A word that weighs nothing, such as a dash, takes no time.
pub(crate) fn spread(sound: &Sound<'_>, weights: &[f32]) -> Option<Vec<Range<usize>>> {
    let total: f32 = weights.iter().sum();
    let steps = &sound.steps;
    if steps.is_empty() || total <= 0.0 {
        return None;
    }
    let said: Vec<f32> = weights.iter().copied().filter(|weight| *weight > 0.0).collect();
    let cuts = Table::fill(sound, &said).cuts()?;
    let mut times: Vec<Range<usize>> = Vec::with_capacity(weights.len());
    let mut pairs = cuts.windows(2);
    for weight in weights {
        let end = times.last().map_or(*steps.first()?, |before| before.end);
        let step = |at: usize| steps.get(at).copied();
        let range = match if *weight > 0.0 { pairs.next() } else { None } {
            Some([from, to]) if from < to => step(*from)?..step(to - 1)? + 1,
            _ => end..end,
        };
        times.push(range);
    }
    let mut earliest = 0;
    for at in 0..times.len() {
        let latest = times.get(at + 1).map_or(usize::MAX, |next| next.start);
        let Some(word) = times.get_mut(at).filter(|word| word.start < word.end) else { continue };
        // Of the silence between two words, each may fade into one half.
        word.end = sound.fade_out(word.end, word.end + latest.saturating_sub(word.end) / 2);
        word.start = sound.fade_in(word.start, earliest);
        earliest = word.end;
    }
    Some(times)
}

/// How long a text takes to say, to scale.
pub(crate) fn weight(text: &str) -> f32 {
    let (mut weight, mut syllables, mut vowel) = (0.0, 0.0_f32, false);
    let mut last = [' '; 2];
    for letter in text.chars().flat_map(char::to_lowercase).filter(|c| c.is_alphanumeric()) {
        let sounds = "aeiouyàáâãäåæèéêëìíîïòóôõöøùúûüœаеиоуыэюяєіїαεηιουω".contains(letter);
        match letter {
            // Digits, and characters that are syllables, are said as a word of their own.
            _ if letter.is_numeric() => weight += 6.0,
            '\u{2e80}'.. => weight += 4.0,
            // Two sounds in one letter.
            'x' => weight += 2.0,
            _ => weight += 1.0,
        }
        syllables += f32::from(u8::from(sounds && !vowel));
        vowel = sounds;
        last = [last[1], letter];
    }
    if weight <= 0.0 {
        return 0.0;
    }
    // An `e` alone at the end is rarely said.
    let silent = last[1] == 'e' && !"aeiouy".contains(last[0]) && syllables > 1.0;
    1.0 + weight + 2.0 * (syllables - f32::from(u8::from(silent))).max(1.0)
}

/// The least costs of saying the first words in the first steps of a sound.
struct Table {
    /// For each word, and each number of steps that it may end after, the number before it.
    before: Vec<Vec<usize>>,
    steps: usize,
    found: bool,
}

impl Table {
    fn fill(sound: &Sound<'_>, weights: &[f32]) -> Self {
        let steps = &sound.steps;
        let count = steps.len();
        let total: f32 = weights.iter().sum();
        let logs: Vec<f32> = (0..=count).map(|at| (at as f32 + SLACK).ln()).collect();
        // The silence between a step of sound and the one before it.
        let gaps = steps.windows(2).map(|pair| match pair {
            [before, after] => after - before - 1,
            _ => 0,
        });
        let gaps: Vec<usize> = std::iter::once(0).chain(gaps).chain([0]).collect();
        let pauses: Vec<f32> = gaps
            .iter()
            .scan(0.0, |sum, gap| {
                *sum += if *gap >= PAUSE { *gap as f32 * WITHIN } else { 0.0 };
                Some(*sum)
            })
            .collect();
        let boundaries: Vec<f32> = (0..=count)
            .map(|at| match (gaps.get(at), steps.get(at)) {
                (Some(0), Some(step)) if at > 0 => sound.closeness(*step),
                _ => 0.0,
            })
            .collect();
        let get = |list: &[f32], at: usize| list.get(at).copied().unwrap_or(f32::INFINITY);
        let mut costs = vec![f32::INFINITY; count + 1];
        if let Some(first) = costs.first_mut() {
            *first = 0.0;
        }
        let mut before = Vec::with_capacity(weights.len());
        for (index, weight) in weights.iter().enumerate() {
            let share = count as f32 * weight / total;
            let most = share_limit(share);
            let expect = (share + SLACK).ln();
            let last = index + 1 == weights.len();
            let mut next = vec![f32::INFINITY; count + 1];
            let mut from = vec![0; count + 1];
            for end in if last { count..=count } else { 0..=count } {
                let mut best = (f32::INFINITY, 0);
                for begin in end.saturating_sub(most)..=end {
                    let length = get(&logs, end - begin) - expect;
                    // Of the pauses, those count that begin and end within the word.
                    let within =
                        if end > begin { get(&pauses, end - 1) - get(&pauses, begin) } else { 0.0 };
                    let cost = get(&costs, begin) + length * length + within;
                    if cost < best.0 {
                        best = (cost, begin);
                    }
                }
                if let (Some(next), Some(from)) = (next.get_mut(end), from.get_mut(end)) {
                    *next = best.0 + get(&boundaries, end);
                    *from = best.1;
                }
            }
            costs = next;
            before.push(from);
        }
        Self { before, steps: count, found: get(&costs, count).is_finite() }
    }

    /// Where words begin and end, in steps of sound.
    fn cuts(&self) -> Option<Vec<usize>> {
        let mut cuts = vec![self.steps];
        let mut at = self.steps;
        for before in self.before.iter().rev() {
            at = before.get(at).copied()?;
            cuts.push(at);
        }
        cuts.reverse();
        self.found.then_some(cuts)
    }
}

/// The most steps that a word of such a share takes.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of steps is not negative, and fits"
)]
fn share_limit(share: f32) -> usize {
    (share * STRETCH) as usize + AT_LEAST
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::envelope::Envelope;

    /// So many hundredths of a second of sound, or of silence.
    fn piece(parts: &[(bool, usize)]) -> Vec<i16> {
        let part = |(loud, count): &(bool, usize)| {
            let size = if *loud { 8000 } else { 0 };
            (0..count * 160).map(move |at| if at % 20 < 10 { size } else { -size })
        };
        parts.iter().flat_map(part).collect()
    }

    #[track_caller]
    fn check(parts: &[(bool, usize)], words: &[&str], expect: &[(usize, usize)]) {
        let envelope = Envelope::new(&piece(parts));
        let sound = envelope.sound(0..usize::MAX);
        let weights: Vec<f32> = words.iter().map(|word| weight(word)).collect();
        let times = spread(&sound, &weights).unwrap();
        for (found, expect) in times.iter().zip(expect) {
            let close = found.start.abs_diff(expect.0) <= 3 && found.end.abs_diff(expect.1) <= 3;
            assert!(close, "{words:?} are at {times:?}, not at {expect:?}");
        }
        assert_eq!(times.len(), expect.len());
    }

    #[test]
    fn words_do_not_reach_across_pauses() {
        let pause = [(false, 20), (true, 40), (false, 60), (true, 35), (false, 30)];
        check(&pause, &["three", "seven"], &[(20, 60), (120, 155)]);
        // A short word alone, then two longer ones.
        let uneven = [(true, 20), (false, 40), (true, 90)];
        check(&uneven, &["two", "seven", "window"], &[(0, 20), (60, 103), (103, 150)]);
    }

    #[test]
    fn words_share_what_has_no_pause() {
        check(&[(true, 60)], &["two", "two", "two"], &[(0, 20), (20, 40), (40, 60)]);
        check(&[(true, 60)], &["two", "-", "two"], &[(0, 30), (30, 30), (30, 60)]);
    }

    #[test]
    fn silence_holds_no_words() {
        let envelope = Envelope::new(&[]);
        assert_eq!(spread(&envelope.sound(0..9), &[1.0]), None);
        let envelope = Envelope::new(&piece(&[(true, 9)]));
        assert_eq!(spread(&envelope.sound(0..9), &[0.0]), None);
    }

    #[test]
    fn longer_words_weigh_more() {
        let weights: Vec<f32> = ["", "?!", "six", "seven", "window"].map(weight).to_vec();
        assert!(weights.is_sorted(), "{weights:?}");
        assert_eq!(weights.first(), weights.get(1));
        assert!(weight("nine") < weight("nino"));
        assert!(weight("今日は") > weight("you"));
    }

    proptest! {
        #[test]
        fn words_are_in_order_and_inside(
            parts in prop::collection::vec((any::<bool>(), 1_usize..60), 1..12),
            weights in prop::collection::vec(0_f32..20.0, 1..30),
        ) {
            let envelope = Envelope::new(&piece(&parts));
            let end: usize = parts.iter().map(|part| part.1).sum();
            let sound = envelope.sound(0..end);
            if let Some(times) = spread(&sound, &weights) {
                prop_assert_eq!(times.len(), weights.len());
                let mut latest = 0;
                for time in &times {
                    prop_assert!(time.start >= latest && time.end >= time.start, "{times:?}");
                    latest = time.end;
                }
                prop_assert!(latest <= end);
            }
        }
    }
}
