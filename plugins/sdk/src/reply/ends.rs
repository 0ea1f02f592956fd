//! Where a call ends that is no JSON.

use super::notation::Read;
use super::scan::{Found, find_from};

/// How many kinds of quotes a notation may have.
const MOST_QUOTES: usize = 3;

/// How a call ends, and where in it the text is.
#[derive(Clone, Copy)]
pub(super) struct Closing {
    pub(super) read: Read,
    pub(super) close: &'static str,
    quotes: &'static [[&'static str; 2]],
    /// The end of the quote that is open.
    quote: Option<&'static str>,
    /// How much of the text is known.
    searched: usize,
}

impl Closing {
    pub(super) fn new(
        read: Read,
        close: &'static str,
        quotes: &'static [[&'static str; 2]],
    ) -> Self {
        Self { read, close, quotes, quote: None, searched: 0 }
    }

    /// Finds the end in a text that only ever grows.
    pub(super) fn find(&mut self, text: &str) -> Option<usize> {
        loop {
            let mut markers = [self.quote.unwrap_or(self.close); MOST_QUOTES + 1];
            if self.quote.is_none() {
                let opens = self.quotes.iter().map(|[open, _]| *open);
                markers.iter_mut().skip(1).zip(opens).for_each(|(marker, open)| *marker = open);
            }
            match find_from(text, self.searched, &markers) {
                Found::Nothing => {
                    self.searched = text.len();
                    return None;
                }
                Found::Perhaps { at } => {
                    self.searched = at;
                    return None;
                }
                Found::Marker { at, index } => {
                    let marker = markers.get(index).copied().unwrap_or_default();
                    self.searched = at + marker.len();
                    if self.quote.is_some() {
                        self.quote = None;
                    } else if marker == self.close {
                        return Some(at);
                    } else {
                        let pair = self.quotes.iter().find(|[open, _]| *open == marker);
                        self.quote = pair.map(|[_, end]| *end);
                    }
                }
            }
        }
    }
}

/// How deep brackets are, outside of quotes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brackets {
    read: usize,
    depth: u32,
    quote: Option<u8>,
    escaped: bool,
}

impl Brackets {
    /// Reads on; where the first bracket is closed.
    pub(super) fn advance(&mut self, text: &str) -> Option<usize> {
        for &byte in text.as_bytes().get(self.read..)? {
            self.read += 1;
            if let Some(quote) = self.quote {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    byte if byte == quote => self.quote = None,
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' | b'\'' => self.quote = Some(byte),
                b'[' | b'(' | b'{' => self.depth += 1,
                b']' | b')' | b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(self.read);
                    }
                }
                _ => {}
            }
        }
        None
    }
}
