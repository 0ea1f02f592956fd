//! The methods of Python's strings that cut, search and replace.
//!
//! They see through twins (see [`crate::twins`]) and pay fuel before they make long texts.
//! Everything else is left to `minijinja-contrib`.

use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::{Slots, charge};
use crate::text::Text;
use crate::twins::{self, Twins};
use crate::{alike, markup};

/// Calls a method of a value.
pub(crate) fn method(
    state: &mut State<'_, '_>,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let Some(raw) = value.as_str() else {
        return other_method(state, value, name, args);
    };
    let twins = twins::current();
    match name {
        "strip" | "lstrip" | "rstrip" => {
            let slots = Slots::of(args, &["chars"])?;
            return Ok(strip(&twins, raw, slots.text(0)?, name != "rstrip", name != "lstrip"));
        }
        "startswith" => return affix(&twins, raw, args, alike::begins),
        "endswith" => return affix(&twins, raw, args, alike::ends),
        "join" => return join(state, value, args),
        "ljust" | "rjust" | "center" | "zfill" => return fill(state, &twins, raw, name, args),
        "format" => return unknown_method_callback(state, value, name, args),
        _ => {}
    }
    let text = Text::of(raw, &twins);
    let bare: &str = &text.bare;
    let cut = |range: (usize, usize)| Value::from(text.cut(range.0, range.1));
    match name {
        "split" | "rsplit" => {
            let slots = Slots::of(args, &["sep", "maxsplit"])?;
            let most = slots.number(1)?.and_then(|most| usize::try_from(most).ok());
            let ranges = match slots.text(0)?.map(|text| twins.bare(text)).as_deref() {
                None => words(bare, most, name == "rsplit"),
                Some("") => return Err(operation("empty separator")),
                Some(separator) => pieces(bare, separator, most, name == "rsplit"),
            };
            Ok(Value::from(ranges.into_iter().map(cut).collect::<Vec<_>>()))
        }
        "splitlines" => {
            let slots = Slots::of(args, &["keepends"])?;
            Ok(lines(bare, slots.flag(0)).into_iter().map(cut).collect())
        }
        "partition" | "rpartition" => {
            let slots = Slots::of(args, &["sep"])?;
            let separator = twins.bare(slots.needed(0)?);
            let end = bare.len();
            let last = name == "rpartition";
            let at = if last { bare.rfind(&*separator) } else { bare.find(&*separator) };
            let (first, second) = match at {
                Some(at) => (at, at + separator.len()),
                None if last => (0, 0),
                None => (end, end),
            };
            let parts = [(0, first), (first, second), (second, end)].map(cut);
            Ok(Value::from(Tuple::from(parts)))
        }
        "removeprefix" => {
            let slots = Slots::of(args, &["prefix"])?;
            let prefix = twins.bare(slots.needed(0)?);
            let rest = bare.strip_prefix(&*prefix).unwrap_or(bare);
            Ok(cut((bare.len() - rest.len(), bare.len())))
        }
        "removesuffix" => {
            let slots = Slots::of(args, &["suffix"])?;
            let suffix = twins.bare(slots.needed(0)?);
            Ok(cut((0, bare.strip_suffix(&*suffix).unwrap_or(bare).len())))
        }
        "find" | "rfind" | "index" | "rindex" | "count" => search(&twins, bare, name, args),
        "replace" => {
            let slots = Slots::of(args, &["old", "new", "count"])?;
            let most = slots.number(2)?.and_then(|most| usize::try_from(most).ok());
            let old = twins.bare(slots.needed(0)?);
            replaced(state, &text, &old, slots.needed(1)?, most).map(Value::from)
        }
        "upper" => Ok(Value::from(text.map(str::to_uppercase))),
        "lower" | "casefold" => Ok(Value::from(text.map(str::to_lowercase))),
        "title" => Ok(Value::from(text.map(title))),
        "capitalize" => Ok(Value::from(text.map(capitalized))),
        // What is left asks of what kind the characters are.
        _ => unknown_method_callback(state, &Value::from(bare), name, args),
    }
}

/// A text without whitespace, or other characters, at its ends.
fn strip(twins: &Twins, raw: &str, chars: Option<&str>, left: bool, right: bool) -> Value {
    let chars = chars.map(|chars| twins.bare(chars));
    let own = match &chars {
        Some(chars) => chars.chars().any(|c| twins.twin(c).is_some()),
        None => twins.spaces(),
    };
    if !own {
        // No twin is in question, so the text need not be looked through.
        let (start, end) = stripped(raw, left, right, chars.as_deref());
        return Value::from(raw.get(start..end).unwrap_or_default());
    }
    let text = Text::of(raw, twins);
    let (start, end) = stripped(&text.bare, left, right, chars.as_deref());
    Value::from(text.cut(start, end))
}

/// The first character as a capital, all others not.
fn capitalized(text: &str) -> String {
    let first = text.chars().next().map_or(0, char::len_utf8);
    let (head, tail) = text.split_at_checked(first).unwrap_or_default();
    title(head) + &tail.to_lowercase()
}

/// The filters that change the case of a text.
pub(crate) fn case(name: &str, value: &Value) -> Value {
    let twins = twins::current();
    let shown = value.to_string();
    let text = Text::of(&shown, &twins);
    Value::from(match name {
        "upper" => text.map(str::to_uppercase),
        "lower" => text.map(str::to_lowercase),
        "title" => text.map(title),
        _ => text.map(capitalized),
    })
}

/// The filter `escape`.
pub(crate) fn escape(value: &Value) -> Value {
    if value.is_safe() {
        return value.clone();
    }
    Value::from_safe_string(markup::escape(&value.to_string()))
}

/// The filter `split`.
pub(crate) fn split(
    state: &mut State<'_, '_>,
    value: &Value,
    args: &[Value],
) -> Result<Value, Error> {
    method(state, &Value::from(value.to_string()), "split", args)
}

/// A value for filters that read a number in it.
pub(crate) fn bare(value: &Value) -> Value {
    let twins = twins::current();
    match value.as_str() {
        Some(text) if twins.any(text) => Value::from(twins.bare(text).into_owned()),
        _ => value.clone(),
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
        let found = value.try_iter()?.position(|item| alike::equal(&item, wanted));
        return found.map(Value::from).ok_or_else(|| operation("the value is not in the list"));
    }
    if value.kind() == ValueKind::Map && name == "copy" {
        return Ok(value.clone());
    }
    if let ([wanted], ValueKind::Seq, "count") = (args, value.kind(), name) {
        let alike = value.try_iter()?.filter(|item| alike::equal(item, wanted));
        return Ok(Value::from(alike.count()));
    }
    if value.kind() == ValueKind::Map && name == "get" {
        let slots = Slots::of(args, &["key", "default"])?;
        let Some(key) = slots.value(0) else { return Ok(Value::from(())) };
        let found = alike::item(value, key)?;
        let absent = || slots.value(1).cloned().unwrap_or_else(|| Value::from(()));
        return Ok(if found.is_undefined() { absent() } else { found });
    }
    unknown_method_callback(state, value, name, args)
}

/// The filter `trim`.
pub(crate) fn trim(value: &Value, args: &[Value]) -> Result<Value, Error> {
    let slots = Slots::of(args, &["chars"])?;
    let shown = value.as_str().is_none().then(|| value.to_string());
    let text = shown.as_deref().or(value.as_str()).unwrap_or_default();
    Ok(strip(&twins::current(), text, slots.text(0)?, true, true))
}

/// The filter `replace`.
pub(crate) fn replace(
    state: &State<'_, '_>,
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
    let twins = twins::current();
    replaced(state, &Text::of(&text, &twins), &twins.bare(&old), &new, most).map(Value::from)
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
fn affix(
    twins: &Twins,
    raw: &str,
    args: &[Value],
    has: fn(&Twins, &str, &str) -> bool,
) -> Result<Value, Error> {
    let slots = Slots::of(args, &["affix", "start", "end"])?;
    let (start, end) = bounds(raw, &slots)?;
    let text = raw.get(start..end).unwrap_or_default();
    let given = slots.value(0).ok_or_else(|| Error::from(ErrorKind::MissingArgument))?;
    if let Some(affix) = given.as_str() {
        return Ok(Value::from(has(twins, text, affix)));
    }
    if !matches!(given.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Err(operation("the affix must be a string or a tuple of strings"));
    }
    let mut affixes = given.try_iter()?;
    Ok(Value::from(affixes.any(|item| item.as_str().is_some_and(|affix| has(twins, text, affix)))))
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

fn search(twins: &Twins, text: &str, name: &str, args: &[Value]) -> Result<Value, Error> {
    let slots = Slots::of(args, &["sub", "start", "end"])?;
    let (start, end) = bounds(text, &slots)?;
    let sought = twins.bare(slots.needed(0)?);
    let (sought, within) = (&*sought, text.get(start..end).unwrap_or_default());
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

fn replaced(
    state: &State<'_, '_>,
    text: &Text<'_>,
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
        from = at + gap.len();
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
    twins: &Twins,
    text: &str,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let slots = Slots::of(args, &["width", "fillchar"])?;
    let width = slots.number(0)?.and_then(|width| usize::try_from(width).ok()).unwrap_or_default();
    let missing = width.saturating_sub(text.chars().count());
    let fill = if name == "zfill" { "0" } else { slots.text(1)?.unwrap_or(" ") };
    charge(state, missing.saturating_mul(fill.len()))?;
    let left = match name {
        "ljust" => 0,
        "center" => missing / 2 + (missing & width & 1),
        _ => missing,
    };
    let signed = |first: &char| name == "zfill" && matches!(twins.plain(*first), '+' | '-');
    let sign = text.chars().next().filter(signed).map_or(0, char::len_utf8);
    let (sign, digits) = text.split_at_checked(sign).unwrap_or(("", text));
    let (left, right) = (fill.repeat(left), fill.repeat(missing - left));
    Ok(Value::from(format!("{sign}{left}{digits}{right}")))
}
