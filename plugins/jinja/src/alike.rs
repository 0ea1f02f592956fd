//! Comparing values as if there were no twins.

use minijinja::value::{Kwargs, Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

use crate::twins::{self, Twins};

/// Lists inside each other that are compared.
const DEPTH: usize = 32;

/// The test `eq`, and the operator `==`.
pub(crate) fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_str(), other.as_str()) {
        (Some(one), Some(other)) => {
            // Twins are beyond ASCII.
            one == other
                || !(one.is_ascii() && other.is_ascii()) && {
                    let twins = twins::current();
                    (twins.any(one) || twins.any(other)) && twins.bare(one) == twins.bare(other)
                }
        }
        (None, None) => deep(one, other, DEPTH),
        _ => false,
    }
}

fn deep(one: &Value, other: &Value, depth: usize) -> bool {
    let lists = |value: &Value| value.kind() == ValueKind::Seq && value.len().is_some();
    if depth == 0 || !lists(one) || !lists(other) || one.len() != other.len() {
        return one == other;
    }
    match (one.try_iter(), other.try_iter()) {
        (Ok(one), Ok(mut other)) => one.into_iter().all(|item| {
            other.next().is_some_and(|other| match (item.as_str(), other.as_str()) {
                (None, None) => deep(&item, &other, depth - 1),
                _ => equal(&item, &other),
            })
        }),
        _ => one == other,
    }
}

/// The test `in`, and the operator `in`.
pub(crate) fn contains(
    state: &State<'_, '_>,
    value: &Value,
    container: &Value,
) -> Result<bool, Error> {
    if container.is_undefined() {
        return Ok(false);
    }
    if let Some(text) = container.as_str() {
        let twins = twins::current();
        state.consume_fuel(text.len() as u64 / 64)?;
        let shown = value.as_str().is_none().then(|| value.to_string());
        let sought = shown.as_deref().or(value.as_str()).unwrap_or_default();
        return Ok(twins.bare(text).contains(&*twins.bare(sought)));
    }
    match container.kind() {
        ValueKind::Map => Ok(!item(container, value)?.is_undefined()),
        ValueKind::Seq | ValueKind::Iterable => {
            for item in container.try_iter()? {
                state.consume_fuel(1)?;
                if equal(&item, value) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        ValueKind::Plain => Ok(false),
        _ => Err(Error::new(
            ErrorKind::InvalidOperation,
            "cannot perform a containment check on this value",
        )),
    }
}

/// What lies under a key, which may be a client's word for one of the template's.
pub(crate) fn item(value: &Value, key: &Value) -> Result<Value, Error> {
    let found = value.get_item(key)?;
    match key.as_str() {
        Some(text) if found.is_undefined() && !text.is_ascii() => {
            let twins = twins::current();
            if !twins.any(text) {
                return Ok(found);
            }
            value.get_item(&Value::from(twins.bare(text).into_owned()))
        }
        _ => Ok(found),
    }
}

/// Whether a text begins with another.
pub(crate) fn begins(twins: &Twins, text: &str, with: &str) -> bool {
    let mut chars = text.chars().map(|c| twins.plain(c));
    with.chars().all(|c| chars.next() == Some(twins.plain(c)))
}

/// Whether a text ends with another.
pub(crate) fn ends(twins: &Twins, text: &str, with: &str) -> bool {
    let mut chars = text.chars().rev().map(|c| twins.plain(c));
    with.chars().rev().all(|c| chars.next() == Some(twins.plain(c)))
}

/// What a value is sorted by.
fn rank(twins: &Twins, value: Value, case_sensitive: bool) -> Value {
    let Some(text) = value.as_str() else { return value };
    let bare = twins.bare(text);
    Value::from(if case_sensitive { bare.into_owned() } else { bare.to_lowercase() })
}

fn order(
    state: &State<'_, '_>,
    mut ranked: Vec<(Value, Value)>,
    reverse: bool,
) -> Result<Vec<Value>, Error> {
    let count = ranked.len() as u64;
    state.consume_fuel(count.saturating_mul(1 + u64::from(count.max(1).ilog2())))?;
    ranked.sort_by(|one, other| {
        let order = one.0.cmp(&other.0);
        if reverse { order.reverse() } else { order }
    });
    Ok(ranked.into_iter().map(|(_, value)| value).collect())
}

/// The filter `dictsort(case_sensitive=False, by='key', reverse=False)`.
#[expect(clippy::needless_pass_by_value, reason = "the engine passes it so")]
pub(crate) fn dict_sort(
    state: &State<'_, '_>,
    value: &Value,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    if value.kind() != ValueKind::Map {
        let detail = "cannot convert value into pair list";
        return Err(Error::new(ErrorKind::InvalidOperation, detail));
    }
    let by_value = kwargs.get::<Option<&str>>("by")? == Some("value");
    let case_sensitive = kwargs.get::<Option<bool>>("case_sensitive")?.unwrap_or_default();
    let reverse = kwargs.get::<Option<bool>>("reverse")?.unwrap_or_default();
    kwargs.assert_all_used()?;
    let twins = twins::current();
    let mut ranked = Vec::new();
    for key in value.try_iter()? {
        state.consume_fuel(1)?;
        let field = value.get_item(&key)?;
        let by = if by_value { field.clone() } else { key.clone() };
        ranked.push((rank(&twins, by, case_sensitive), Value::from(Tuple::from([key, field]))));
    }
    Ok(Value::from(order(state, ranked, reverse)?))
}

/// The filter `sort(reverse=False, case_sensitive=False, attribute=None)`.
#[expect(clippy::needless_pass_by_value, reason = "the engine passes it so")]
pub(crate) fn sort(state: &State<'_, '_>, value: &Value, kwargs: Kwargs) -> Result<Value, Error> {
    let case_sensitive = kwargs.get::<Option<bool>>("case_sensitive")?.unwrap_or_default();
    let reverse = kwargs.get::<Option<bool>>("reverse")?.unwrap_or_default();
    let attribute = kwargs.get::<Option<&str>>("attribute")?;
    let paths: Option<Vec<&str>> =
        attribute.map(|text| text.split(',').map(str::trim).filter(|p| !p.is_empty()).collect());
    let twins = twins::current();
    let mut ranked = Vec::new();
    for item in value.try_iter()? {
        state.consume_fuel(1)?;
        let by = match &paths {
            None => rank(&twins, item.clone(), case_sensitive),
            Some(paths) => {
                let ranks = paths.iter().map(|path| rank(&twins, at(&item, path), case_sensitive));
                ranks.collect()
            }
        };
        ranked.push((by, item));
    }
    kwargs.assert_all_used()?;
    Ok(Value::from(order(state, ranked, reverse)?))
}

/// What lies at a path such as `function.name`.
fn at(value: &Value, path: &str) -> Value {
    path.split('.').fold(value.clone(), |value, key| match key.parse::<usize>() {
        Ok(index) => value.get_item_by_index(index).unwrap_or_default(),
        Err(_) => value.get_attr(key).unwrap_or_default(),
    })
}
