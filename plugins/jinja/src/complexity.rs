//! Templates that are too deep to be read.
//!
//! The engine's parser limits brackets and blocks inside each other, but not long chains such as
//! `1 + 1 + 1 ..` or `not not ..`, which it also holds as one inside the other. They are counted
//! when a model is added, so that no request pays for it.

use plugin_sdk::Error;

/// Operators in one tag.
const OPERATORS: usize = 400;
/// Branches of the form `elif` in one template.
const BRANCHES: usize = 400;
/// Bytes of a template; the largest that are known have 20 KB.
const BYTES: usize = 1 << 20;

/// Refuses a template that is beyond the limits.
pub(crate) fn check(source: &str) -> Result<(), Error> {
    let limit = |what: &str, limit: usize| {
        let text = format!("the model's chat template has more than {limit} {what}");
        Err(Error::InvalidRequest(text))
    };
    if source.len() > BYTES {
        return limit("bytes", BYTES);
    }
    if source.matches("elif").nth(BRANCHES).is_some() {
        return limit("branches", BRANCHES);
    }
    let mut rest = source;
    while let Some(at) = rest.find(['{']) {
        rest = rest.get(at + 1..).unwrap_or_default();
        if !rest.starts_with(['{', '%']) {
            continue;
        }
        let (operators, len) = operators(rest.get(1..).unwrap_or_default());
        if operators > OPERATORS {
            return limit("operators in one tag", OPERATORS);
        }
        rest = rest.get(1 + len..).unwrap_or_default();
    }
    Ok(())
}

/// The operators of a tag, and its length; words count where they are short, as `not` and `if` are.
fn operators(tag: &str) -> (usize, usize) {
    let (mut count, mut word) = (0, 0);
    let (mut quote, mut escaped) = (None, false);
    let mut previous = '\0';
    for (at, c) in tag.char_indices() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '}') if matches!(previous, '}' | '%') => return (count, at),
            (None, '.' | '|' | '+' | '-' | '*' | '/' | '%' | '~' | '(' | '[' | '<' | '>' | '=') => {
                count += 1;
            }
            _ => {}
        }
        if quote.is_none() && c.is_ascii_lowercase() {
            word += 1;
        } else {
            count += usize::from((2..=3).contains(&word));
            word = 0;
        }
        previous = c;
    }
    (count, tag.len())
}
