//! Server-sent events, read from bytes as they arrive.
//!
//! However the bytes are cut into pieces, the events are the same.

use std::mem;

/// The greatest size of one event, in bytes.
pub const MAX_EVENT_BYTES: usize = 16 << 20;

/// One event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The `event` field; empty where there is none.
    pub name: String,
    /// The `data` lines, joined by line feeds.
    pub data: String,
}

/// An event that is longer than [`MAX_EVENT_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {MAX_EVENT_BYTES} bytes")]
pub struct TooLong;

/// Turns bytes into events.
#[derive(Debug, Default)]
pub struct Parser {
    /// The line that has not ended yet.
    line: Vec<u8>,
    /// A line feed that comes next belongs to the carriage return that ended the last line.
    after_return: bool,
    /// Only the first line may begin with a byte order mark.
    begun: bool,
    /// The event that has not ended yet.
    event: Event,
    /// Tells an event with an empty `data` line from one with none, which is no event.
    has_data: bool,
}

impl Parser {
    /// Takes the next bytes and appends the events that they complete.
    ///
    /// # Errors
    /// An event above the size limit; the stream is of no use after that.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<Event>) -> Result<(), TooLong> {
        let mut rest = bytes;
        if self.after_return && !rest.is_empty() {
            self.after_return = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (head, tail) = rest.split_at(at);
            self.extend(head)?;
            self.end_line(events);
            rest = match tail {
                [b'\r'] => {
                    self.after_return = true;
                    &[]
                }
                [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
                [] => &[],
            };
        }
        self.extend(rest)
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + self.event.data.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<Event>) {
        let line = mem::take(&mut self.line);
        let mut line = line.as_slice();
        if !mem::replace(&mut self.begun, true) {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        }
        if line.is_empty() {
            self.end_event(events);
            return;
        }
        let colon = line.iter().position(|&byte| byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
        match field {
            b"data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(&value);
                self.has_data = true;
            }
            b"event" => self.event.name = value.into_owned(),
            // Comments, `id`, `retry` and unknown fields say nothing to this client.
            _ => {}
        }
    }

    fn end_event(&mut self, events: &mut Vec<Event>) {
        let event = mem::take(&mut self.event);
        if mem::take(&mut self.has_data) {
            events.push(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for piece in pieces {
            parser.push(piece, &mut events).unwrap();
        }
        events
    }

    #[track_caller]
    fn check(text: &str, expect: &[(&str, &str)]) {
        let expect: Vec<Event> = expect
            .iter()
            .map(|&(name, data)| Event { name: name.into(), data: data.into() })
            .collect();
        assert_eq!(parse([text.as_bytes()]), expect, "whole: {text:?}");
        assert_eq!(parse(text.as_bytes().chunks(1)), expect, "byte by byte: {text:?}");
    }

    #[test]
    fn events() {
        check("data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]);
        check("data: a\r\n\r\ndata: b\r\n\r\n", &[("", "a"), ("", "b")]);
        check("data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]);
        check("data:a\ndata: b\n\n", &[("", "a\nb")]);
        check("data\n\n", &[("", "")]);
        check("data:  two spaces\n\n", &[("", " two spaces")]);
        check(": ping - 1\r\n\r\n", &[]);
        check("event: start\ndata: {}\nid: 7\nretry: 9\n\n", &[("start", "{}")]);
        check("event: lost\n\ndata: x\n\n", &[("", "x")]);
        check("\u{feff}data: 模型 🦀\n\n", &[("", "模型 🦀")]);
        check("data: cut short", &[]);
        check("data: cut short\n", &[]);
    }

    #[test]
    fn an_event_above_the_limit_is_refused() {
        let mut parser = Parser::default();
        let piece = vec![b'a'; MAX_EVENT_BYTES / 2 + 1];
        assert_eq!(parser.push(&piece, &mut Vec::new()), Ok(()));
        assert_eq!(parser.push(&piece, &mut Vec::new()), Err(TooLong));
    }

    fn piece() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("\n".to_owned()),
            Just("\r".to_owned()),
            Just("\r\n".to_owned()),
            Just("data: ".to_owned()),
            Just("event:".to_owned()),
            Just(":".to_owned()),
            "[a-z🦀 \u{feff}]{0,6}",
        ]
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            pieces in proptest::collection::vec(piece(), 0..40),
            cuts in proptest::collection::vec(1_usize..7, 1..40),
        ) {
            let text = pieces.concat();
            let mut rest = text.as_bytes();
            let mut chunks = Vec::new();
            for cut in cuts.iter().cycle().take(text.len() + 1) {
                let (chunk, tail) = rest.split_at((*cut).min(rest.len()));
                chunks.push(chunk);
                rest = tail;
            }
            prop_assert_eq!(parse(chunks), parse([text.as_bytes()]));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let mut parser = Parser::default();
            prop_assert!(parser.push(&bytes, &mut Vec::new()).is_ok());
        }

        #[test]
        fn what_was_written_is_read(lines in proptest::collection::vec("[^\r\n]{0,20}", 1..6)) {
            let text = format!("data: {}\r\n\r\n", lines.join("\r\ndata: "));
            let events = parse([text.as_bytes()]);
            prop_assert_eq!(events, vec![Event { name: String::new(), data: lines.join("\n") }]);
        }
    }
}
