//! Finding stop strings in text that arrives in pieces.

/// Holds back what may be the beginning of a stop string, and nothing else.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopMatcher {
    stops: Vec<String>,
    held: String,
}

impl StopMatcher {
    /// A matcher for some strings; an empty one would match everywhere and is dropped.
    pub(crate) fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Self { stops, held: String::new() }
    }

    /// Adds text, appends to `out` what is certainly not part of a stop string, and says whether
    /// one is complete. The stop string itself is never given out.
    pub(crate) fn push(&mut self, text: &str, out: &mut String) -> bool {
        if self.stops.is_empty() {
            out.push_str(text);
            return false;
        }
        self.held.push_str(text);
        let first = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min();
        if let Some(at) = first {
            out.push_str(self.held.get(..at).unwrap_or_default());
            self.held.clear();
            return true;
        }
        let keep = self.stops.iter().map(|stop| overlap(&self.held, stop)).max().unwrap_or(0);
        let free = self.held.len() - keep;
        out.push_str(self.held.get(..free).unwrap_or_default());
        self.held.drain(..free);
        false
    }

    /// Ends the text: what was held back is text after all.
    pub(crate) fn finish(&mut self, out: &mut String) {
        out.push_str(&std::mem::take(&mut self.held));
    }
}

/// The length of the longest end of `text` that begins `stop`.
fn overlap(text: &str, stop: &str) -> usize {
    let longest = text.len().min(stop.len());
    (1..=longest)
        .rev()
        .filter(|length| stop.is_char_boundary(*length))
        .find(|length| {
            text.as_bytes().ends_with(stop.as_bytes().get(..*length).unwrap_or_default())
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut matcher = StopMatcher::new(&stops);
        let mut out = String::new();
        for piece in pieces {
            if matcher.push(piece, &mut out) {
                return (out, true);
            }
            for stop in stops.iter().filter(|stop| !stop.is_empty()) {
                assert!(!out.contains(stop.as_str()), "{stop:?} was given out");
            }
        }
        matcher.finish(&mut out);
        (out, false)
    }

    #[track_caller]
    fn check(stops: &[&str], pieces: &[&str], expect: &str, stopped: bool) {
        assert_eq!(run(stops, pieces), (expect.to_owned(), stopped));
    }

    #[test]
    fn stop_strings_are_found_over_piece_borders() {
        check(&["STOP"], &["a S", "TO", "P b"], "a ", true);
        check(&["STOP"], &["a S", "TO", "N b"], "a STON b", false);
        check(&["STOP"], &["SSTO", "P"], "S", true);
        check(&["ab", "b"], &["xa", "b"], "x", true);
        check(&["</s>"], &["x<", "/s", ">y"], "x", true);
        check(&["é!"], &["caf", "é", "!"], "caf", true);
        check(&[], &["a", "b"], "ab", false);
        check(&[""], &["a", "b"], "ab", false);
    }

    #[test]
    fn only_a_possible_beginning_is_held_back() {
        let mut matcher = StopMatcher::new(&["\n\nUser:".to_owned()]);
        let mut out = String::new();
        matcher.push("Hi\n", &mut out);
        assert_eq!(out, "Hi");
        matcher.push("there", &mut out);
        assert_eq!(out, "Hi\nthere");
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same(
            text in "[abc]{0,30}",
            stops in proptest::collection::vec("[abc]{1,4}", 0..4),
            cuts in proptest::collection::vec(0_usize..30, 0..8),
        ) {
            let stops: Vec<&str> = stops.iter().map(String::as_str).collect();
            // Where stop strings overlap, the one that is complete first ends the text, so the
            // reference is the finest cut.
            let single: Vec<String> = text.chars().map(String::from).collect();
            let single: Vec<&str> = single.iter().map(String::as_str).collect();
            let (_, stopped) = run(&stops, &single);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&str> = cuts.windows(2).map(|w| &text[w[0]..w[1]]).collect();
            let (out, cut_stopped) = run(&stops, &pieces);
            prop_assert_eq!(cut_stopped, stopped);
            prop_assert!(text.starts_with(out.as_str()));
            if !stopped {
                prop_assert_eq!(out, text);
            }
        }
    }
}
