//! The methods of Python's strings that cut, search and replace.
//!
//! They know guards (see [`crate::dressed`]) and pay fuel before they make long texts.
//! Everything else is left to `minijinja-contrib`.

use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::{Slots, charge};
use crate::dressed::{Dressed, Guards};
use crate::slices::SLICE;

/// Calls a method of a value.
pub(crate) fn method(
    state: &mut State<'_, '_>,
    guards: &Guards,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let Some(text) = value.as_str() else {
        return other_method(state, value, name, args);
    };
    let text = Dressed::of(text, guards.sign);
    let bare: &str = &text.bare;
    let cut = |range: (usize, usize)| Value::from(text.cut(range.0, range.1));
    match name {
        "strip" | "lstrip" | "rstrip" => {
            let slots = Slots::of(args, &["chars"])?;
            Ok(cut(stripped(bare, name != "rstrip", name != "lstrip", slots.text(0)?)))
        }
        "split" | "rsplit" => {
            let slots = Slots::of(args, &["sep", "maxsplit"])?;
            let most = slots.number(1)?.and_then(|most| usize::try_from(most).ok());
            let ranges = match slots.text(0)? {
                None => words(bare, most, name == "rsplit"),
                Some("") => return Err(operation("empty separator")),
                Some(separator) => pieces(bare, separator, most, name == "rsplit"),
            };
            Ok(apart(guards, &text, &ranges))
        }
        "splitlines" => {
            let slots = Slots::of(args, &["keepends"])?;
            Ok(lines(bare, slots.flag(0)).into_iter().map(cut).collect())
        }
        "partition" | "rpartition" => {
            let slots = Slots::of(args, &["sep"])?;
            let separator = slots.needed(0)?;
            let end = bare.len();
            let last = name == "rpartition";
            let at = if last { bare.rfind(separator) } else { bare.find(separator) };
            let (first, second) = match at {
                Some(at) => (at, at + separator.len()),
                None if last => (0, 0),
                None => (end, end),
            };
            let parts = [(0, first), (first, second), (second, end)].map(cut);
            Ok(Value::from(Tuple::from(parts)))
        }
        "startswith" => affix(bare, args, |bare, affix| bare.starts_with(affix)),
        "endswith" => affix(bare, args, |bare, affix| bare.ends_with(affix)),
        SLICE => {
            let count = bare.chars().count();
            let mut ends: Vec<_> = bare.char_indices().map(|(at, _)| at).collect();
            ends.push(bare.len());
            let place = |index: usize| ends.get(index).copied().unwrap_or(bare.len());
            let mut out = String::new();
            for index in indices(&Slots::of(args, &["start", "stop", "step"])?, count)? {
                text.copy(place(index), place(index + 1), &mut out);
            }
            Ok(Value::from(out))
        }
        "removeprefix" => {
            let slots = Slots::of(args, &["prefix"])?;
            let rest = bare.strip_prefix(slots.needed(0)?).unwrap_or(bare);
            Ok(cut((bare.len() - rest.len(), bare.len())))
        }
        "removesuffix" => {
            let slots = Slots::of(args, &["suffix"])?;
            Ok(cut((0, bare.strip_suffix(slots.needed(0)?).unwrap_or(bare).len())))
        }
        "find" | "rfind" | "index" | "rindex" | "count" => search(bare, name, args),
        "replace" => {
            let slots = Slots::of(args, &["old", "new", "count"])?;
            let most = slots.number(2)?.and_then(|most| usize::try_from(most).ok());
            replaced(state, guards, &text, slots.needed(0)?, slots.needed(1)?, most)
                .map(Value::from)
        }
        "upper" => Ok(Value::from(text.map(str::to_uppercase))),
        "lower" | "casefold" => Ok(Value::from(text.map(str::to_lowercase))),
        "title" => Ok(Value::from(text.map(title))),
        "join" => join(state, value, args),
        "ljust" | "rjust" | "center" | "zfill" => fill(state, &text, name, args),
        _ => unknown_method_callback(state, value, name, args),
    }
}

fn other_method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if value.kind() == ValueKind::Seq && name == "index" {
        let [wanted] = args else { return Err(Error::from(ErrorKind::MissingArgument)) };
        let found = value.try_iter()?.position(|item| item == *wanted);
        return found.map(Value::from).ok_or_else(|| operation("the value is not in the list"));
    }
    if name == SLICE && matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let items: Vec<_> = value.try_iter()?.collect();
        let indices = indices(&Slots::of(args, &["start", "stop", "step"])?, items.len())?;
        return Ok(indices.into_iter().filter_map(|index| items.get(index).cloned()).collect());
    }
    if name == SLICE {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    if value.kind() == ValueKind::Map && name == "copy" {
        return Ok(value.clone());
    }
    unknown_method_callback(state, value, name, args)
}

/// The places that a slice takes, of so many.
fn indices(slots: &Slots, count: usize) -> Result<Vec<usize>, Error> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let step = slots.number(2)?.unwrap_or(1);
    let (first, last) = if step < 0 { (count - 1, -1) } else { (0, count) };
    let place = |given: Option<i64>, lacking: i64| {
        given.map_or(lacking, |index| {
            let index = if index < 0 { index.saturating_add(count) } else { index };
            index.clamp(first.min(last).min(0), first.max(last))
        })
    };
    let (start, end) = (place(slots.number(0)?, first), place(slots.number(1)?, last));
    let mut places = Vec::new();
    let mut at = start;
    while step != 0 && if step < 0 { at > end } else { at < end } {
        places.extend(usize::try_from(at));
        at = at.saturating_add(step);
    }
    if step == 0 { Err(operation("slice step cannot be zero")) } else { Ok(places) }
}

/// The filter `length`, to which guards are nothing.
pub(crate) fn length(guard: Option<char>, value: &Value) -> Result<usize, Error> {
    match value.as_str() {
        Some(text) => Ok(text.chars().filter(|c| Some(*c) != guard).count()),
        None => minijinja::filters::length(value),
    }
}

/// The filter `trim`.
pub(crate) fn trim(guards: &Guards, value: &Value, args: &[Value]) -> Result<Value, Error> {
    let slots = Slots::of(args, &["chars"])?;
    let shown = value.to_string();
    let text = Dressed::of(value.as_str().unwrap_or(&shown), guards.sign);
    let (start, end) = stripped(&text.bare, true, true, slots.text(0)?);
    Ok(Value::from(text.cut(start, end)))
}

/// The filter `replace`.
pub(crate) fn replace(
    state: &State<'_, '_>,
    guards: &Guards,
    value: &Value,
    args: &[Value],
) -> Result<Value, Error> {
    let slots = Slots::of(args, &["old", "new", "count"])?;
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (text, old, new) = (shown(value), slots.value(0).map(shown), slots.value(1).map(shown));
    let (Some(old), Some(new)) = (old, new) else {
        return Err(Error::from(ErrorKind::MissingArgument));
    };
    let most = slots.number(2)?.and_then(|most| usize::try_from(most).ok());
    replaced(state, guards, &Dressed::of(&text, guards.sign), &old, &new, most).map(Value::from)
}

/// Python begins a word after anything that is no letter, apostrophes too.
fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.extend(c.to_lowercase());
        } else {
            // Of a ligature, the first letter alone is a capital.
            let mut letters = c.to_uppercase();
            out.extend(letters.next());
            out.extend(letters.flat_map(char::to_lowercase));
        }
        inside = c.is_lowercase() || c.is_uppercase();
    }
    out
}

fn operation(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

/// Python takes four control characters for whitespace that Unicode does not.
fn space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

fn stripped(text: &str, left: bool, right: bool, chars: Option<&str>) -> (usize, usize) {
    let drop = |c: char| chars.map_or_else(|| space(c), |chars| chars.contains(c));
    let start = if left { text.len() - text.trim_start_matches(drop).len() } else { 0 };
    let end = if right { text.trim_end_matches(drop).len() } else { text.len() };
    (start, end.max(start))
}

/// The ranges of words between whitespace.
fn words(text: &str, most: Option<usize>, from_right: bool) -> Vec<(usize, usize)> {
    let most = most.unwrap_or(usize::MAX);
    let (mut start, mut end) = stripped(text, true, true, None);
    let mut ranges = Vec::new();
    while start < end {
        let rest = text.get(start..end).unwrap_or_default();
        let gap = if from_right { rest.rfind(space) } else { rest.find(space) };
        let Some(gap) = gap.filter(|_| ranges.len() < most) else {
            ranges.push((start, end));
            break;
        };
        if from_right {
            let width =
                rest.get(gap..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            ranges.push((start + gap + width, end));
            end = start + rest.get(..gap).unwrap_or_default().trim_end_matches(space).len();
        } else {
            ranges.push((start, start + gap));
            start = end - rest.get(gap..).unwrap_or_default().trim_start_matches(space).len();
        }
    }
    if from_right {
        ranges.reverse();
    }
    ranges
}

/// The ranges between separators.
fn pieces(text: &str, by: &str, most: Option<usize>, from_right: bool) -> Vec<(usize, usize)> {
    let most = most.unwrap_or(usize::MAX);
    let mut gaps: Vec<_> = if from_right {
        text.rmatch_indices(by).take(most).map(|(at, _)| at).collect()
    } else {
        text.match_indices(by).take(most).map(|(at, _)| at).collect()
    };
    if from_right {
        gaps.reverse();
    }
    let starts = std::iter::once(0).chain(gaps.iter().map(|at| at + by.len()));
    starts.zip(gaps.iter().copied().chain([text.len()])).collect()
}

fn lines(text: &str, keep_ends: bool) -> Vec<(usize, usize)> {
    let mut ranges = Vec::new();
    let mut start = 0;
    let breaks = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    while let Some(rest) = text.get(start..).filter(|rest| !rest.is_empty()) {
        let Some(count) = rest.find(breaks) else {
            ranges.push((start, text.len()));
            break;
        };
        let after = rest.get(count..).unwrap_or_default();
        let width = match after.chars().next() {
            Some('\r') if after.starts_with("\r\n") => 2,
            first => first.map_or(1, char::len_utf8),
        };
        let end = start + count;
        ranges.push((start, if keep_ends { end + width } else { end }));
        start = end + width;
    }
    ranges
}

/// `startswith` and `endswith`: one affix, or a tuple of them.
fn affix(text: &str, args: &[Value], has: fn(&str, &str) -> bool) -> Result<Value, Error> {
    let slots = Slots::of(args, &["affix", "start", "end"])?;
    let (start, end) = bounds(text, &slots)?;
    let text = text.get(start..end).unwrap_or_default();
    let given = slots.value(0).ok_or_else(|| Error::from(ErrorKind::MissingArgument))?;
    if let Some(affix) = given.as_str() {
        return Ok(Value::from(has(text, affix)));
    }
    if !matches!(given.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(operation("the affix must be a string or a tuple of strings"));
    }
    Ok(Value::from(given.try_iter()?.any(|item| item.as_str().is_some_and(|item| has(text, item)))))
}

/// The second and third argument as a range of bytes; Python counts characters.
fn bounds(text: &str, slots: &Slots) -> Result<(usize, usize), Error> {
    let (start, end) = (slots.number(1)?, slots.number(2)?);
    if start.is_none() && end.is_none() {
        return Ok((0, text.len()));
    }
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let byte = |index: i64| {
        let index = if index < 0 { (count + index).max(0) } else { index };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        text.char_indices().nth(index).map_or(text.len(), |(at, _)| at)
    };
    let start = start.map_or(0, byte);
    Ok((start, end.map_or(text.len(), byte).max(start)))
}

fn search(text: &str, name: &str, args: &[Value]) -> Result<Value, Error> {
    let slots = Slots::of(args, &["sub", "start", "end"])?;
    let (start, end) = bounds(text, &slots)?;
    let (sought, within) = (slots.needed(0)?, text.get(start..end).unwrap_or_default());
    let found = match name {
        "count" => return Ok(Value::from(within.matches(sought).count())),
        "find" | "index" => within.find(sought),
        _ => within.rfind(sought),
    };
    match found {
        Some(at) => Ok(Value::from(text.get(..start + at).unwrap_or_default().chars().count())),
        None if name.ends_with("index") => Err(operation("substring not found")),
        None => Ok(Value::from(-1)),
    }
}

/// The pieces of a text. Where they could make a special token together, the second is guarded.
fn apart(guards: &Guards, text: &Dressed<'_>, ranges: &[(usize, usize)]) -> Value {
    let mut left = "";
    let mut pieces = Vec::with_capacity(ranges.len());
    for &(start, end) in ranges {
        let bare = text.bare.get(start..end).unwrap_or_default();
        let mut piece = String::new();
        if !left.is_empty() && guards.reach_over(left, bare) {
            piece.extend(guards.sign);
        }
        text.copy(start, end, &mut piece);
        pieces.push(Value::from(piece));
        left = bare;
    }
    Value::from(pieces)
}

fn replaced(
    state: &State<'_, '_>,
    guards: &Guards,
    text: &Dressed<'_>,
    old: &str,
    new: &str,
    most: Option<usize>,
) -> Result<String, Error> {
    let bare: &str = &text.bare;
    let gaps: Vec<_> = bare.match_indices(old).take(most.unwrap_or(usize::MAX)).collect();
    charge(state, bare.len().saturating_add(gaps.len().saturating_mul(new.len())))?;
    let mut out = String::new();
    let mut from = 0;
    for (at, gap) in gaps {
        text.copy(from, at, &mut out);
        out.push_str(new);
        let left = bare.get(from..at).unwrap_or_default();
        from = at + gap.len();
        if new.is_empty() && guards.reach_over(left, bare.get(from..).unwrap_or_default()) {
            out.extend(guards.sign);
        }
    }
    text.copy(from, bare.len(), &mut out);
    Ok(out)
}

fn join(state: &State<'_, '_>, separator: &Value, args: &[Value]) -> Result<Value, Error> {
    let [items] = args else { return Err(Error::from(ErrorKind::MissingArgument)) };
    let separator = separator.as_str().unwrap_or_default();
    let mut out = String::new();
    for (index, item) in items.try_iter()?.enumerate() {
        let item = item.as_str().ok_or_else(|| operation("join takes strings"))?.to_owned();
        charge(state, separator.len() + item.len())?;
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(&item);
    }
    Ok(Value::from(out))
}

fn fill(
    state: &State<'_, '_>,
    text: &Dressed<'_>,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let slots = Slots::of(args, &["width", "fillchar"])?;
    let width = slots.number(0)?.and_then(|width| usize::try_from(width).ok()).unwrap_or_default();
    let missing = width.saturating_sub(text.bare.chars().count());
    let fill = if name == "zfill" { "0" } else { slots.text(1)?.unwrap_or(" ") };
    charge(state, missing.saturating_mul(fill.len()))?;
    let left = match name {
        "ljust" => 0,
        "center" => missing / 2 + (missing & width & 1),
        _ => missing,
    };
    let signed = name == "zfill" && text.bare.starts_with(['+', '-']);
    let (sign, digits) = (usize::from(signed), text.bare.len());
    let (sign, digits) = (text.cut(0, sign), text.cut(sign, digits));
    let (left, right) = (fill.repeat(left), fill.repeat(missing - left));
    Ok(Value::from(format!("{sign}{left}{digits}{right}")))
}
