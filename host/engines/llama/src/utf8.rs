//! Bytes to characters, without ever cutting one.

/// The longest encoding of a character.
const LONGEST: usize = 4;

/// Collects the bytes of tokens and gives whole characters.
///
/// Bytes that can never become a character turn into U+FFFD, by the same rule as
/// [`String::from_utf8_lossy`], so the text is the same however the bytes are cut into tokens.
#[derive(Clone, Debug, Default)]
pub(crate) struct Utf8Stream {
    pending: Vec<u8>,
}

impl Utf8Stream {
    /// Adds bytes and appends the characters that are complete.
    pub(crate) fn push(&mut self, bytes: &[u8], text: &mut String) {
        self.pending.extend_from_slice(bytes);
        let mut rest = self.pending.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    self.pending.clear();
                    return;
                }
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    let Some(broken) = error.error_len() else {
                        debug_assert!(after.len() < LONGEST, "a character has at most four bytes");
                        self.pending = after.to_vec();
                        return;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = after.get(broken..).unwrap_or_default();
                }
            }
        }
    }

    /// Ends the text: a character that never became complete is replaced.
    pub(crate) fn finish(&mut self, text: &mut String) {
        if !self.pending.is_empty() {
            self.pending.clear();
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decode(pieces: &[&[u8]]) -> (String, bool) {
        let mut stream = Utf8Stream::default();
        let mut text = String::new();
        for piece in pieces {
            stream.push(piece, &mut text);
        }
        let held = !stream.pending.is_empty();
        stream.finish(&mut text);
        (text, held)
    }

    #[track_caller]
    fn check(pieces: &[&[u8]], expect: &str) {
        assert_eq!(decode(pieces).0, expect);
    }

    #[test]
    fn characters_stay_whole_and_broken_ones_are_replaced() {
        check(&[b"a", b"\xc3", b"\xa9", b"z"], "aéz");
        check(&[b"\xf0\x9f", b"\x98\x80"], "😀");
        check(&[b"\xf0\x9f\x98"], "\u{fffd}");
        check(&[b"\xff", b"a"], "\u{fffd}a");
        check(&[b"\xe4\xb8", b"a"], "\u{fffd}a");
        check(&[], "");
    }

    proptest! {
        #[test]
        fn any_cut_gives_what_the_whole_gives(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            cuts in proptest::collection::vec(0_usize..60, 0..10),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(decode(&pieces).0, String::from_utf8_lossy(&bytes).into_owned());
        }

        #[test]
        fn text_in_single_bytes_comes_back(text in ".{0,40}") {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
            let (decoded, held) = decode(&pieces);
            prop_assert_eq!(decoded, text);
            prop_assert!(!held);
        }
    }
}
