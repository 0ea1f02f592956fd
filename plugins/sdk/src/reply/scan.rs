//! Looking for markers in text that arrives in pieces.

/// What a search for markers found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The marker of this index begins here.
    Marker {
        /// Where it begins.
        at: usize,
        /// Which it is.
        index: usize,
    },
    /// From here on the text may be the start of a marker; more text will tell.
    Perhaps {
        /// Where it would begin.
        at: usize,
    },
    /// There is none, and none has begun.
    Nothing,
}

/// Finds the first marker in `text`, or where one may have begun.
///
/// Of markers that begin at one place the longest that is whole wins; none may be empty.
pub fn find(text: &str, markers: &[&str]) -> Found {
    find_from(text, 0, markers)
}

/// As [`find`], for a text without a marker before the byte `from`.
pub(super) fn find_from(text: &str, from: usize, markers: &[&str]) -> Found {
    let bytes = text.as_bytes();
    let starts = |byte: u8| markers.iter().any(|marker| marker.as_bytes().first() == Some(&byte));
    for (at, _) in bytes.iter().enumerate().skip(from).filter(|(_, byte)| starts(**byte)) {
        let rest = bytes.get(at..).unwrap_or_default();
        let whole = markers
            .iter()
            .enumerate()
            .filter(|(_, marker)| rest.starts_with(marker.as_bytes()))
            .max_by_key(|(_, marker)| marker.len());
        // A longer marker may still be on its way where a shorter one is whole.
        let longest = whole.map_or(0, |(_, marker)| marker.len());
        if markers
            .iter()
            .any(|m| m.len() > longest.max(rest.len()) && m.as_bytes().starts_with(rest))
        {
            return Found::Perhaps { at };
        }
        if let Some((index, _)) = whole {
            return Found::Marker { at, index };
        }
    }
    Found::Nothing
}

/// Whether `text` begins with a marker, or may once there is more of it.
pub(super) fn begins(text: &str, markers: &[&str]) -> Found {
    let whole = markers.iter().enumerate().filter(|(_, marker)| text.starts_with(**marker));
    let whole = whole.max_by_key(|(_, marker)| marker.len());
    let longest = whole.map_or(0, |(_, marker)| marker.len());
    if markers
        .iter()
        .any(|marker| marker.len() > longest.max(text.len()) && marker.starts_with(text))
    {
        return Found::Perhaps { at: 0 };
    }
    whole.map_or(Found::Nothing, |(index, _)| Found::Marker { at: 0, index })
}

/// Takes the first `count` bytes off the front of `buffer`; `count` is a character boundary.
pub(super) fn take(buffer: &mut String, count: usize) -> String {
    let rest = buffer.split_off(count.min(buffer.len()));
    std::mem::replace(buffer, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Found) {
        assert_eq!(find(text, &["<think>", "</think>", "<t"]), expect);
    }

    #[test]
    fn finds_the_first() {
        check("plain", Found::Nothing);
        check("a<think>b</think>", Found::Marker { at: 1, index: 0 });
        check("é</think>", Found::Marker { at: 2, index: 1 });
        check("a < b <", Found::Perhaps { at: 6 });
        check("a </thin", Found::Perhaps { at: 2 });
        check("a <thin", Found::Perhaps { at: 2 });
        check("a <this", Found::Marker { at: 2, index: 2 });
    }
}
