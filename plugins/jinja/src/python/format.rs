//! How values read in a text.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, Output, State, escape_formatter};

use super::json::float_text;
use super::{Slots, charge};

/// Writes a value as Python prints it; the engine differs in floats alone.
pub(crate) fn format(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    match float(value) {
        Some(float) => out.write_str(&float_text(float)).map_err(Error::from),
        None => escape_formatter(out, state, value),
    }
}

/// The filter `string`, of which the same is true.
pub(crate) fn string(value: &Value) -> Value {
    match float(value) {
        Some(float) => float_text(float).into(),
        None if value.as_str().is_some() => value.clone(),
        None => value.to_string().into(),
    }
}

/// A value that is a number with a fraction; of others, to ask for the number makes an error first.
fn float(value: &Value) -> Option<f64> {
    let is_float = value.kind() == ValueKind::Number && !value.is_integer();
    if is_float { f64::try_from(value.clone()).ok() } else { None }
}

/// The filter `indent(width=4, first=False, blank=False)`.
///
/// Jinja2 keeps a line break at the end, which the engine's own filter drops.
pub(crate) fn indent(state: &State<'_, '_>, value: &Value, args: &[Value]) -> Result<Value, Error> {
    let slots = Slots::of(args, &["width", "first", "blank"])?;
    let (first, blank) = (slots.flag(1), slots.flag(2));
    let indent = match slots.value(0) {
        None => " ".repeat(4),
        Some(text) if text.as_str().is_some() => text.to_string(),
        Some(_) => {
            let width = slots.number(0)?.and_then(|width| usize::try_from(width).ok());
            let width = width.unwrap_or_default();
            charge(state, width)?;
            " ".repeat(width)
        }
    };
    let text = value.to_string();
    let lines: Vec<_> = text.split('\n').map(|line| line.trim_end_matches('\r')).collect();
    charge(state, text.len().saturating_add(indent.len().saturating_mul(lines.len())))?;
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        if if index == 0 { first } else { blank || !line.is_empty() } {
            out.push_str(&indent);
        }
        out.push_str(line);
    }
    Ok(Value::from(out))
}
