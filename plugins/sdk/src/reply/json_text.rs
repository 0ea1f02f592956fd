//! Finding the end of a JSON value in text that arrives in pieces.

/// How deep arrays and objects may nest; as deep as serde_json reads.
const DEEPEST: usize = 120;
/// How many fields of the outermost object are noted.
const MOST_FIELDS: usize = 32;

/// What is known of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on.
    Open,
    /// It ended before this byte.
    Ended(usize),
    /// This byte cannot stand where it does.
    Wrong(usize),
}

/// A field of the outermost object, by the bytes of its parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// The key, with its quotes.
    pub(super) key: (usize, usize),
    /// Where the value begins, once it has.
    pub(super) start: Option<usize>,
    /// Where the value ended, once it has.
    pub(super) end: Option<usize>,
}

/// Reads a value byte by byte, each byte once; strict, so that what it lets through is JSON.
#[derive(Clone, Debug)]
pub(super) struct JsonText {
    open: Vec<u8>,
    state: State,
    read: usize,
    key_start: usize,
    fields: Vec<Field>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value.
    Value,
    /// A value or the end of the array.
    Item,
    /// A key or the end of the object.
    FirstKey,
    Key,
    Colon,
    /// A comma or the end of what is open.
    Comma,
    Text {
        key: bool,
    },
    Escape {
        key: bool,
    },
    Code {
        key: bool,
        left: u8,
    },
    Number(Digits),
    Word(&'static [u8]),
    Ended,
}

/// Where in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    Sign,
    Zero,
    Whole,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    Power,
}

impl Default for JsonText {
    fn default() -> Self {
        Self { open: Vec::new(), state: State::Value, read: 0, key_start: 0, fields: Vec::new() }
    }
}

impl JsonText {
    /// How many bytes were read.
    pub(super) fn read(&self) -> usize {
        self.read
    }

    /// The fields of the outermost object so far.
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Reads on in a text of which the first [`JsonText::read`] bytes are known.
    pub(super) fn advance(&mut self, more: &str) -> Progress {
        for &byte in more.as_bytes() {
            if !self.take(byte) {
                return Progress::Wrong(self.read);
            }
            if self.state == State::Ended {
                // A number ends at the byte after it, but none stands alone here.
                self.read += 1;
                return Progress::Ended(self.read);
            }
            self.read += 1;
        }
        Progress::Open
    }

    /// Takes a byte; false when it cannot stand here.
    fn take(&mut self, byte: u8) -> bool {
        match self.state {
            State::Text { key } => match byte {
                b'"' => {
                    if key {
                        self.end_key();
                    } else {
                        self.end_value(1);
                    }
                    true
                }
                b'\\' => self.go(State::Escape { key }),
                byte => byte >= b' ',
            },
            State::Escape { key } => match byte {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {
                    self.go(State::Text { key })
                }
                b'u' => self.go(State::Code { key, left: 4 }),
                _ => false,
            },
            State::Code { key, left } => {
                self.state = if left == 1 {
                    State::Text { key }
                } else {
                    State::Code { key, left: left - 1 }
                };
                byte.is_ascii_hexdigit()
            }
            State::Word(rest) => match rest.split_first() {
                Some((first, rest)) if *first == byte => {
                    if rest.is_empty() {
                        self.end_value(1);
                    } else {
                        self.state = State::Word(rest);
                    }
                    true
                }
                _ => false,
            },
            State::Number(digits) => self.number(digits, byte),
            _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => true,
            State::Item if byte == b']' => self.close(byte),
            State::Value | State::Item => self.begin_value(byte),
            State::FirstKey if byte == b'}' => self.close(byte),
            State::FirstKey | State::Key if byte == b'"' => {
                self.key_start = self.read;
                self.go(State::Text { key: true })
            }
            State::FirstKey | State::Key | State::Ended => false,
            State::Colon => byte == b':' && self.go(State::Value),
            State::Comma => match (byte, self.open.last()) {
                (b',', Some(b'{')) => self.go(State::Key),
                (b',', Some(_)) => self.go(State::Value),
                (b'}' | b']', _) => self.close(byte),
                _ => false,
            },
        }
    }

    fn go(&mut self, state: State) -> bool {
        self.state = state;
        true
    }

    fn begin_value(&mut self, byte: u8) -> bool {
        if self.open.len() == 1
            && let Some(field) = self.fields.last_mut()
            && field.start.is_none()
        {
            field.start = Some(self.read);
        }
        match byte {
            b'{' | b'[' => {
                self.open.push(byte);
                self.state = if byte == b'{' { State::FirstKey } else { State::Item };
                self.open.len() <= DEEPEST
            }
            b'"' => self.go(State::Text { key: false }),
            b't' => self.go(State::Word(b"rue")),
            b'f' => self.go(State::Word(b"alse")),
            b'n' => self.go(State::Word(b"ull")),
            // A number alone has no end.
            _ if self.open.is_empty() => false,
            b'-' => self.go(State::Number(Digits::Sign)),
            b'0' => self.go(State::Number(Digits::Zero)),
            b'1'..=b'9' => self.go(State::Number(Digits::Whole)),
            _ => false,
        }
    }

    fn number(&mut self, digits: Digits, byte: u8) -> bool {
        let next = match (digits, byte) {
            (Digits::Sign, b'0') => Digits::Zero,
            (Digits::Sign, b'1'..=b'9') | (Digits::Whole, b'0'..=b'9') => Digits::Whole,
            (Digits::Zero | Digits::Whole, b'.') => Digits::Point,
            (Digits::Point | Digits::Fraction, b'0'..=b'9') => Digits::Fraction,
            (Digits::Zero | Digits::Whole | Digits::Fraction, b'e' | b'E') => Digits::Exponent,
            (Digits::Exponent, b'+' | b'-') => Digits::ExponentSign,
            (Digits::Exponent | Digits::ExponentSign | Digits::Power, b'0'..=b'9') => Digits::Power,
            (Digits::Zero | Digits::Whole | Digits::Fraction | Digits::Power, _) => {
                self.end_value(0);
                return self.take(byte);
            }
            _ => return false,
        };
        self.go(State::Number(next))
    }

    fn close(&mut self, byte: u8) -> bool {
        let opened = if byte == b'}' { b'{' } else { b'[' };
        if self.open.pop() != Some(opened) {
            return false;
        }
        self.end_value(1);
        true
    }

    /// A value ended `length` bytes after the byte that is read.
    fn end_value(&mut self, length: usize) {
        match self.open.len() {
            0 => self.state = State::Ended,
            depth => {
                self.state = State::Comma;
                if depth == 1
                    && self.open.first() == Some(&b'{')
                    && let Some(field) = self.fields.last_mut()
                    && field.end.is_none()
                {
                    field.end = Some(self.read + length);
                }
            }
        }
    }

    fn end_key(&mut self) {
        if self.open.len() == 1 && self.fields.len() < MOST_FIELDS {
            let key = (self.key_start, self.read + 1);
            self.fields.push(Field { key, start: None, end: None });
        }
        self.state = State::Colon;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Progress) {
        assert_eq!(JsonText::default().advance(text), expect);
        let mut one_by_one = JsonText::default();
        let mut progress = Progress::Open;
        for at in text.char_indices() {
            let piece = &text[at.0..at.0 + at.1.len_utf8()];
            progress = one_by_one.advance(piece);
            if progress != Progress::Open {
                break;
            }
        }
        assert_eq!(progress, expect);
        if let Progress::Ended(end) = expect {
            assert!(serde_json::from_str::<serde_json::Value>(&text[..end]).is_ok());
        }
    }

    #[test]
    fn values() {
        check("{}x", Progress::Ended(2));
        check(" [1, -2.5e+3, true, null, \"a\\u00e9\\n\"] y", Progress::Ended(38));
        check(r#"{"a": {"b": [0]}, "c": "}"}"#, Progress::Ended(27));
        check(r#"{"a": 1"#, Progress::Open);
        check(r#"{"a": tru"#, Progress::Open);
        check("\"x\"", Progress::Ended(3));
    }

    #[test]
    fn what_is_none() {
        check("{oops}", Progress::Wrong(1));
        check("{\"a\":01}", Progress::Wrong(6));
        check("[1,]", Progress::Wrong(3));
        check("[1}", Progress::Wrong(2));
        check("{\"a\"}", Progress::Wrong(4));
        check("\"a\nb\"", Progress::Wrong(2));
        check("12", Progress::Wrong(0));
        check(&"[".repeat(DEEPEST + 1), Progress::Wrong(DEEPEST));
    }

    #[test]
    fn fields() {
        let text = r#"{"name": "f", "arguments": {"name": 1}, "n": 2 }"#;
        let mut json = JsonText::default();
        json.advance(text);
        let fields: Vec<_> = json
            .fields()
            .iter()
            .map(|field| {
                (&text[field.key.0..field.key.1], &text[field.start.unwrap()..field.end.unwrap()])
            })
            .collect();
        let expect = [("\"name\"", "\"f\""), ("\"arguments\"", "{\"name\": 1}"), ("\"n\"", "2")];
        assert_eq!(fields, expect);
    }
}
