//! Sums in which a text is marked as safe.
//!
//! In Python, `'a'|safe + b` escapes `b` for HTML: a text that is safe makes the whole sum safe.
//! The engine's `+` cannot be told to, so that such a sum becomes a call of [`sum`].

use std::borrow::Cow;

use minijinja::value::{Rest, Value};
use minijinja::{Error, ErrorKind};

use crate::twins;

/// The name under which a template reaches [`sum`].
pub(crate) const SUM: &str = "__sum";

/// A template whose sums with safe texts are calls.
pub(crate) fn with_sums(source: &str) -> Cow<'_, str> {
    if !source.contains("safe +") {
        return source.into();
    }
    let mut out = String::with_capacity(source.len() + 64);
    let mut rest = source;
    while let Some((before, inside)) = rest.split_once("{{") {
        let Some((expression, after)) = inside.split_once("}}") else { break };
        let operands = operands(expression).filter(|_| expression.contains("safe +"));
        let dashes = |text: &str| (text.starts_with('-'), text.ends_with('-'));
        let call = operands.map(|operands| {
            let (left, right) = dashes(expression);
            let dash = |yes| if yes { "-" } else { "" };
            format!("{} {SUM}({}) {}", dash(left), operands.join(", "), dash(right))
        });
        out.extend([before, "{{", call.as_deref().unwrap_or(expression), "}}"]);
        rest = after;
    }
    out.push_str(rest);
    out.into()
}

/// The operands of an expression that is a sum and nothing else.
fn operands(expression: &str) -> Option<Vec<&str>> {
    let expression = expression.trim_matches('-').trim();
    let mut operands = Vec::new();
    let (mut quote, mut depth, mut from) = (None, 0_usize, 0);
    let mut escaped = false;
    for (at, c) in expression.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') => depth = depth.checked_sub(1)?,
            (None, '+') if depth == 0 => {
                operands.push(expression.get(from..at)?.trim());
                from = at + 1;
            }
            (None, '~' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | ',' | ':')
                if depth == 0 =>
            {
                return None;
            }
            _ => {}
        }
    }
    operands.push(expression.get(from..)?.trim());
    let words = [" if ", " and ", " or ", " in ", " is ", "not "];
    let plain = |operand: &&str| words.iter().all(|word| !outside_quotes(operand, word));
    (operands.iter().all(plain) && depth == 0).then_some(operands)
}

fn outside_quotes(text: &str, word: &str) -> bool {
    text.split(['\'', '"']).step_by(2).any(|piece| piece.contains(word))
}

/// The sum of texts; once one is safe, those that are not are escaped.
#[expect(clippy::needless_pass_by_value, reason = "the engine passes it so")]
pub(crate) fn sum(operands: Rest<Value>) -> Result<Value, Error> {
    let mut text = String::new();
    let mut safe = false;
    for operand in operands.iter() {
        let Some(more) = operand.as_str() else {
            let detail = format!("cannot add a value of type {} to a text", operand.kind());
            return Err(Error::new(ErrorKind::InvalidOperation, detail));
        };
        match (safe, operand.is_safe()) {
            (true, false) => text.push_str(&escape(more)),
            (false, true) => text = escape(&text) + more,
            _ => text.push_str(more),
        }
        safe |= operand.is_safe();
    }
    Ok(if safe { Value::from_safe_string(text) } else { Value::from(text) })
}

/// A text as HTML has it; what stands for a client's character is a client's.
pub(crate) fn escape(text: &str) -> String {
    let twins = twins::current();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let written = match twins.plain(c) {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '\'' => "&#39;",
            '"' => "&#34;",
            _ => {
                out.push(c);
                continue;
            }
        };
        // Nobody's character is a client's here: no template escapes what it writes itself.
        if twins.twin(c).is_some() {
            out.push_str(written);
        } else {
            twins.write_client(written, &mut out);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_with_safe_texts() {
        let source = "{{- 'a + '|safe + x['b+c'] + f(1, 2) | tojson() -}}{{ 'a' + b }}";
        let expect = "{{- __sum('a + '|safe, x['b+c'], f(1, 2) | tojson()) -}}{{ 'a' + b }}";
        assert_eq!(with_sums(source), expect);
        for same in ["{{ 'a'|safe + b if c else d }}", "{{ 'a'|safe + b ~ c }}", "{{ 'a'|safe + b"]
        {
            assert_eq!(with_sums(same), same);
        }
    }

    #[test]
    fn escapes_what_is_not_safe() {
        let sum = |values| sum(Rest(values)).unwrap().to_string();
        let safe = || Value::from_safe_string("<a>".to_owned());
        assert_eq!(
            sum(vec![Value::from("<"), safe(), Value::from("\"'&>")]),
            "&lt;<a>&#34;&#39;&amp;&gt;"
        );
        assert_eq!(sum(vec![Value::from("<"), Value::from(">")]), "<>");
    }
}
