//! `tojson` as transformers has it: Python's `json.dumps` without escapes for HTML or non-ASCII.

use std::fmt::Write as _;

use minijinja::value::{DynObject, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use super::Slots;
use crate::twins::{self, Twins};

/// The filter `tojson(ensure_ascii=False, indent=None, separators=None, sort_keys=False)`.
pub(crate) fn to_json(
    state: &State<'_, '_>,
    value: &Value,
    args: &[Value],
) -> Result<Value, Error> {
    let slots = Slots::of(args, &["ensure_ascii", "indent", "separators", "sort_keys"])?;
    let indent = match slots.value(1) {
        None => None,
        Some(text) if text.as_str().is_some() => text.as_str().map(str::to_owned),
        Some(_) => {
            let width = slots.number(1)?.and_then(|width| usize::try_from(width).ok());
            Some(" ".repeat(width.unwrap_or_default().min(MAX_INDENT)))
        }
    };
    let mut separators = [if indent.is_some() { "," } else { ", " }.to_owned(), ": ".to_owned()];
    if let Some(given) = slots.value(2) {
        for (to, from) in separators.iter_mut().zip(given.try_iter()?) {
            from.as_str().unwrap_or_default().clone_into(to);
        }
    }
    let [item, key] = separators;
    let mut writer = Writer {
        state,
        twins: &twins::current(),
        out: String::new(),
        charged: 0,
        ascii: slots.flag(0),
        sort: slots.flag(3),
        indent,
        item,
        key,
    };
    writer.value(value, 0)?;
    writer.charge(1)?;
    Ok(Value::from(writer.out))
}

/// The widest indentation; a template has no use for more.
const MAX_INDENT: usize = 64;

/// How deep a value may be nested, as in the JSON that clients send.
const MAX_DEPTH: usize = 128;

/// How many bytes are written between two payments.
const STEP: usize = 4096;

struct Writer<'a> {
    state: &'a State<'a, 'a>,
    twins: &'a Twins,
    out: String,
    charged: usize,
    ascii: bool,
    sort: bool,
    indent: Option<String>,
    item: String,
    key: String,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        self.charge(STEP)?;
        if depth > MAX_DEPTH {
            let detail = format!("tojson: more than {MAX_DEPTH} levels of nesting");
            return Err(Error::new(ErrorKind::BadSerialization, detail));
        }
        match value.kind() {
            ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self.out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.number(value),
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                self.out.push('[');
                let mut first = true;
                for item in value.try_iter()? {
                    self.begin(first, depth + 1);
                    first = false;
                    self.value(&item, depth + 1)?;
                }
                self.end(first, depth, ']');
            }
            ValueKind::Map => {
                let mut fields = pairs(value)?;
                if self.sort {
                    let bare =
                        |key: &Value| key.as_str().map(|key| self.twins.bare(key).into_owned());
                    fields.sort_by_cached_key(|(key, _)| {
                        bare(key).map_or_else(|| key.clone(), Value::from)
                    });
                }
                self.out.push('{');
                let mut first = true;
                for (name, field) in fields {
                    self.begin(first, depth + 1);
                    first = false;
                    self.name(&name)?;
                    self.out.push_str(&self.key);
                    self.value(&field, depth + 1)?;
                }
                self.end(first, depth, '}');
            }
            kind => {
                let detail = format!("tojson: a value of type {kind} is not JSON serializable");
                return Err(Error::new(ErrorKind::BadSerialization, detail));
            }
        }
        Ok(())
    }

    fn name(&mut self, name: &Value) -> Result<(), Error> {
        match name.kind() {
            ValueKind::String => self.string(name.as_str().unwrap_or_default()),
            ValueKind::None | ValueKind::Bool | ValueKind::Number => {
                self.out.push('"');
                self.value(name, 0)?;
                self.out.push('"');
            }
            kind => {
                let detail = format!("tojson: a key of type {kind}");
                return Err(Error::new(ErrorKind::BadSerialization, detail));
            }
        }
        Ok(())
    }

    fn begin(&mut self, first: bool, depth: usize) {
        if !first {
            self.out.push_str(&self.item);
        }
        self.new_line(depth);
    }

    fn end(&mut self, empty: bool, depth: usize, bracket: char) {
        if !empty {
            self.new_line(depth);
        }
        self.out.push(bracket);
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(indent) = &self.indent {
            self.out.push('\n');
            for _ in 0..depth {
                self.out.push_str(indent);
            }
        }
    }

    fn number(&mut self, value: &Value) {
        match f64::try_from(value.clone()) {
            Ok(float) if !value.is_integer() => self.out.push_str(&float_text(float)),
            // Writing to a string cannot fail.
            _ => _ = write!(self.out, "{value}"),
        }
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        let mut from = 0;
        for (at, c) in text.char_indices() {
            let bare = self.twins.plain(c);
            let plain =
                bare >= ' ' && bare != '"' && bare != '\\' && (bare < '\x7f' || !self.ascii);
            if plain {
                continue;
            }
            self.out.push_str(text.get(from..at).unwrap_or_default());
            from = at + c.len_utf8();
            // What stands for a character is whose the character was, and a client's where that
            // is not known.
            self.twins.write_client(&escaped(bare), &mut self.out);
        }
        self.out.push_str(text.get(from..).unwrap_or_default());
        self.out.push('"');
    }

    /// Pays for what was written once it is `step` bytes.
    fn charge(&mut self, step: usize) -> Result<(), Error> {
        let new = self.out.len() - self.charged;
        if new < step {
            return Ok(());
        }
        self.charged = self.out.len();
        self.state.consume_fuel(new as u64 / 64 + 1)
    }
}

/// The keys of a mapping and what lies under them.
fn pairs(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    if let Some(pairs) = value.as_object().and_then(DynObject::try_iter_pairs) {
        return Ok(pairs.collect());
    }
    value.try_iter()?.map(|key| Ok((key.clone(), value.get_item(&key)?))).collect()
}

/// A character as JSON spells it.
fn escaped(c: char) -> String {
    let short = match c {
        '"' => "\\\"",
        '\\' => "\\\\",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        _ => "",
    };
    if !short.is_empty() {
        return short.to_owned();
    }
    let mut out = String::new();
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a string cannot fail.
        _ = write!(out, "\\u{unit:04x}");
    }
    out
}

/// A float as `repr` gives it: the shortest digits, an exponent below 1e-4 and from 1e16.
pub(crate) fn float_text(float: f64) -> String {
    if !float.is_finite() {
        let name = if float.is_nan() { "NaN" } else { "Infinity" };
        return if float < 0.0 { format!("-{name}") } else { name.to_owned() };
    }
    let number = serde_json::Number::from_f64(float).map(serde_json::Value::Number);
    plugin_sdk::json::python(&number.unwrap_or_default())
}
