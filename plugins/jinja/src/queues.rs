//! Lists that a template appends to and takes from.
//!
//! Jinja's values cannot be changed in place here, and neither in the sandbox of transformers, yet
//! Kimi-K2's own templates keep a queue of call ids in a namespace. What they do to it can be said
//! as a sum and a slice, which is what such statements become.

use std::borrow::Cow;

/// A template whose changes of lists in namespaces are assignments.
pub(crate) fn with_queues(source: &str) -> Cow<'_, str> {
    if !source.contains(".append(") && !source.contains(".pop(0)") {
        return source.into();
    }
    let mut out = String::with_capacity(source.len() + 64);
    let mut rest = source;
    while let Some((before, inside)) = rest.split_once("{%") {
        let Some((tag, after)) = inside.split_once("%}") else { break };
        out.extend([before, "{%"]);
        match changed(tag) {
            Some(tags) => out.push_str(&tags),
            None => out.push_str(tag),
        }
        out.push_str("%}");
        rest = after;
    }
    out.push_str(rest);
    out.into()
}

/// A tag of the form `set _ = NAME.LIST.append(VALUE)` or `set VALUE = NAME.LIST.pop(0)`.
fn changed(tag: &str) -> Option<String> {
    let inner = tag.trim_start_matches(['-', '+']);
    let left = tag.get(..tag.len() - inner.len())?;
    let bare = inner.trim_end_matches(['-', '+']);
    let right = inner.get(bare.len()..)?;
    let (target, expression) = bare.trim().strip_prefix("set ")?.split_once('=')?;
    let (target, expression) = (target.trim(), expression.trim());
    if let Some((list, value)) = expression.split_once(".append(") {
        let value = value.strip_suffix(')').filter(|value| is_whole(value))?;
        return is_attribute(list)
            .then(|| format!("{left} set {list} = {list} + [{value}] {right}"));
    }
    let list = expression.strip_suffix(".pop(0)").filter(|list| is_attribute(list))?;
    let word = |c: char| c.is_alphanumeric() || c == '_';
    target.chars().all(word).then(|| {
        format!("{left} set {target} = {list}[0] -%}}{{%- set {list} = {list}[1:] {right}")
    })
}

/// Whether a text is an attribute of a name, as those of namespaces are.
fn is_attribute(text: &str) -> bool {
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    text.split_once('.').is_some_and(|(name, attribute)| word(name) && word(attribute))
}

/// Whether all brackets of an expression are its own.
fn is_whole(text: &str) -> bool {
    let mut depth = 0_i32;
    text.chars().all(|c| {
        depth += i32::from(matches!(c, '(' | '[' | '{')) - i32::from(matches!(c, ')' | ']' | '}'));
        depth >= 0
    }) && depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expect: &str) {
        assert_eq!(with_queues(source), expect);
    }

    #[test]
    fn changes_are_assignments() {
        check("{%- set _ = q.ids.append(f(x)) -%}a", "{%- set q.ids = q.ids + [f(x)] -%}a");
        check(
            "{% set id = q.ids.pop(0) %}",
            "{% set id = q.ids[0] -%}{%- set q.ids = q.ids[1:] %}",
        );
        for same in [
            "{{ a.append(1) }}",
            "{% set _ = ids.append(1) %}",
            "{% set _ = q.a.append(1) + f(2) %}",
        ] {
            check(same, same);
        }
    }
}
