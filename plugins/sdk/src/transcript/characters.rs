//! Characters whose bytes come in pieces.

/// Joins pieces of UTF-8 that may begin and end anywhere.
///
/// Bytes that are no character become U+FFFD, as `String::from_utf8_lossy` has it; the end of a
/// piece that may go on is held back.
///
/// ```
/// use plugin_sdk::transcript::Characters;
///
/// let mut characters = Characters::default();
/// assert_eq!(characters.push(b"caf\xc3"), "caf");
/// assert!(characters.is_open());
/// assert_eq!(characters.push(b"\xa9!"), "é!");
/// assert_eq!(characters.finish(), "");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Characters {
    open: Vec<u8>,
}

impl Characters {
    /// Takes more bytes and returns the text that they complete.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.open.extend_from_slice(bytes);
        let mut text = String::new();
        let mut rest = self.open.as_slice();
        let mut end: &[u8] = &[];
        while !rest.is_empty() {
            let (good, error) = match std::str::from_utf8(rest) {
                Ok(good) => (good.len(), None),
                Err(error) => (error.valid_up_to(), Some(error.error_len())),
            };
            let (valid, after) = rest.split_at_checked(good).unwrap_or((rest, &[]));
            text.push_str(&String::from_utf8_lossy(valid));
            match error {
                None => break,
                Some(None) => {
                    end = after;
                    break;
                }
                Some(Some(bad)) => {
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = after.get(bad..).unwrap_or_default();
                }
            }
        }
        self.open = end.to_vec();
        text
    }

    /// Ends the text; bytes that were held back are no character now.
    pub fn finish(&mut self) -> &'static str {
        if std::mem::take(&mut self.open).is_empty() { "" } else { "\u{fffd}" }
    }

    /// Whether the text ends within a character.
    pub fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// How many of these bytes, which follow, belong to the character that is open.
    pub fn completed_by(&self, bytes: &[u8]) -> usize {
        let Some(first) = self.open.first() else { return 0 };
        let wanted = match first {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4_usize,
        };
        let missing = wanted.saturating_sub(self.open.len());
        bytes.iter().take(missing).take_while(|byte| (0x80..0xc0).contains(*byte)).count()
    }
}
