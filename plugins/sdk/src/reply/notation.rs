//! What a notation for calls is: markers, and how what follows them is read.

use serde_json::{Map, Value};

use super::Call;
use super::json_text::Field;
use crate::Tools;

/// How much of a call may be held back; more of it is content.
pub(super) const MOST_HELD: usize = 1 << 20;
/// How long what stands between an opening and a call's arguments may be.
pub(super) const LONGEST_HEAD: usize = 1 << 10;

/// A notation for calls, as data for [`Marked`](super::Marked).
#[derive(Debug)]
pub struct Notation {
    /// What begins a call, or a group of them.
    pub openings: &'static [&'static str],
    /// What ends a call or a group of them; dropped after a call, text anywhere else.
    pub closings: &'static [&'static str],
    /// Markers that frame content and show nowhere.
    pub silent: &'static [&'static str],
    /// Characters with which the reply itself may be a call; `*`: any.
    pub starts: &'static [char],
    /// What names the parts of a call that is an object.
    pub keys: Option<&'static Keys>,
    /// Decides what follows an opening.
    pub head: fn(&Heading<'_>) -> Head,
}

/// What [`Notation::head`] decides by.
#[derive(Debug)]
pub struct Heading<'a> {
    /// The opening; empty where the reply itself may be a call.
    pub marker: &'static str,
    /// What has come after it.
    pub text: &'a str,
    /// The tools that may be called.
    pub tools: &'a Tools,
}

/// What follows an opening.
#[derive(Debug)]
pub enum Head {
    /// More text will tell.
    Unknown,
    /// It is no call.
    NoCall,
    /// Content follows from this byte on, and what stands before it shows nowhere.
    Content {
        /// Where the content begins.
        at: usize,
    },
    /// A call as one object that begins at this byte; others may follow it.
    Object {
        /// Where it begins.
        at: usize,
    },
    /// A list of such objects, of which the first begins at this byte.
    List {
        /// Where the first object begins.
        at: usize,
    },
    /// The arguments of this call, one object that begins at this byte.
    Arguments {
        /// The call, without arguments.
        call: Call,
        /// Where they begin.
        at: usize,
    },
    /// Something that `read` reads once its end has come.
    Closed {
        /// Reads what stands before the end.
        read: Read,
        /// The end.
        close: &'static str,
        /// Pairs of markers between which nothing is the end.
        quotes: &'static [[&'static str; 2]],
    },
    /// Something that `read` reads once its first bracket is closed.
    Bracketed {
        /// Reads all of it.
        read: Read,
    },
}

/// Reads a call that is whole; `None`: it is no call.
pub type Read = fn(&Heading<'_>) -> Option<Vec<Call>>;

/// What names the parts of a call that is one JSON object.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// The key of the name; empty: the first key is the name and its value the arguments.
    pub name: &'static [&'static str],
    /// The key of the arguments.
    pub arguments: &'static [&'static str],
    /// The key of the id.
    pub id: &'static [&'static str],
    /// Whether only tools of the request may be called, and arguments must be there: for calls
    /// that no marker tells from ordinary JSON.
    pub strict: bool,
}

impl Keys {
    /// `{"name": .., "arguments": ..}`, where some models write `parameters`.
    pub const COMMON: Self = Self {
        name: &["name"],
        arguments: &["arguments", "parameters"],
        id: &["id"],
        strict: false,
    };

    fn find<'a>(keys: &[&str], body: &str, fields: &'a [Field]) -> Option<&'a Field> {
        fields.iter().find(|field| {
            let key = body.get(field.key.0 + 1..field.key.1.saturating_sub(1));
            key.is_some_and(|key| keys.contains(&key))
        })
    }

    /// The text of a field that is a string and whole.
    fn string(keys: &[&str], body: &str, fields: &[Field]) -> Option<String> {
        let field = Self::find(keys, body, fields)?;
        match serde_json::from_str(body.get(field.start?..field.end?)?).ok()? {
            Value::String(text) => Some(text).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Whether the object begins with a key that no call begins with.
    pub(super) fn first_is_foreign(&self, body: &str, fields: &[Field]) -> bool {
        let key = fields.first().and_then(|first| body.get(first.key.0 + 1..first.key.1 - 1));
        key.is_some_and(|key| {
            key != "type" && ![self.name, self.arguments, self.id].concat().contains(&key)
        })
    }

    /// The name, once it is known.
    pub(super) fn name(&self, body: &str, fields: &[Field]) -> Option<String> {
        if self.name.is_empty() {
            let (from, to) = fields.first()?.key;
            return serde_json::from_str(body.get(from..to)?).ok();
        }
        Self::string(self.name, body, fields)
    }

    fn id(&self, body: &str, fields: &[Field]) -> Option<String> {
        Self::string(self.id, body, fields)
    }

    /// Where the arguments begin, and end once they have.
    fn arguments(&self, body: &str, fields: &[Field]) -> Option<(usize, Option<usize>)> {
        let field = if self.name.is_empty() {
            fields.first()
        } else {
            Self::find(self.arguments, body, fields)
        }?;
        Some((field.start?, field.end))
    }

    /// The call in an object that is whole.
    ///
    /// Arguments may be JSON in a string, and be missing where there are none.
    pub(super) fn call(&self, body: &str, fields: &[Field]) -> Option<Call> {
        let name = self.name(body, fields)?;
        let given = self.arguments(body, fields);
        let given = given.and_then(|(start, end)| body.get(start..end?)).map(str::trim);
        let arguments = match given {
            None | Some("null") if self.strict => return None,
            None | Some("null" | "\"\"") => "{}".to_owned(),
            Some(text) if text.starts_with('"') => serde_json::from_str::<String>(text).ok()?,
            Some(text) => text.to_owned(),
        };
        serde_json::from_str::<Map<String, Value>>(&arguments).ok()?;
        Some(Call { id: self.id(body, fields), name, arguments })
    }
}

/// The name in `"name": ..` of markup, without quotes.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "<>\"'{}[](),".contains(c))
}
