//! Jinja as transformers sets it up.

use std::borrow::Cow;
use std::sync::Arc;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, Value, ValueOrKwargs};
use minijinja::{AutoEscape, Environment, Error, State};
use minijinja_contrib::globals::{cycler, joiner};

use crate::dressed::Guards;
use crate::error::Refusal;
use crate::markup::{SUM, sum, with_sums};
use crate::python;
use crate::slices::with_slices;

/// Calls into each other: macros, recursive loops, nested blocks.
const RECURSION: usize = 100;

/// An environment that templates can be read in, before anything is known of a request.
pub(crate) fn reader() -> Environment<'static> {
    let mut env = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    // The default delimiters cannot be refused.
    env.set_syntax(syntax.unwrap_or_default());
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_recursion_limit(RECURSION);
    env.add_function("raise_exception", |message: &Value| Err::<Value, _>(Refusal::raise(message)));
    env.add_function(SUM, sum);
    env.set_formatter(python::format);
    env.add_function("cycler", cycler);
    env.add_function("joiner", joiner);
    env
}

/// Adds what depends on a request: `now` is its time, `guards` what its texts hold.
pub(crate) fn equip(env: &mut Environment<'static>, now: &str, guards: &Guards) {
    let own = guards.clone();
    env.set_unknown_method_callback(move |state, value, name, args| {
        python::method(state, &own, value, name, args)
    });
    let sign = guards.sign;
    env.add_filter("tojson", move |state: &mut State<'_, '_>, value: &Value, args: Args| {
        python::to_json(state, sign, value, &args.into_values())
    });
    env.add_filter("indent", |state: &mut State<'_, '_>, value: &Value, args: Args| {
        python::indent(state, value, &args.into_values())
    });
    let own = guards.clone();
    env.add_filter("trim", move |value: &Value, args: Args| {
        python::trim(&own, value, &args.into_values())
    });
    let own = guards.clone();
    env.add_filter("replace", move |state: &mut State<'_, '_>, value: &Value, args: Args| {
        python::replace(state, &own, value, &args.into_values())
    });
    for name in ["length", "count"] {
        env.add_filter(name, move |value: &Value| python::length(sign, value));
    }
    let now: Arc<str> = now.into();
    env.add_function("strftime_now", move |format: &str| python::strftime(&now, format));
}

type Args = Rest<ValueOrKwargs>;

/// A template whose blocks `generation` do nothing, as they only mark what to train on.
///
/// They become blocks that the engine knows, with the same scope and the same effect on whitespace.
fn without_generation(source: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut from = 0;
    for (at, word) in source.match_indices("generation") {
        let before = source.get(from..at).unwrap_or_default();
        let after = source.get(at + word.len()..).unwrap_or_default();
        let opened = before.strip_suffix("end").unwrap_or(before).trim_end();
        let opens = ["{%", "{%-", "{%+"].iter().any(|tag| opened.ends_with(tag));
        let closes = ["%}", "-%}", "+%}"].iter().any(|tag| after.trim_start().starts_with(tag));
        if opens && closes {
            out.extend([before, "with"]);
            from = at + word.len();
        }
    }
    if from == 0 {
        return source.into();
    }
    out.push_str(source.get(from..).unwrap_or_default());
    out.into()
}

/// A template in the words that the engine knows; `guarded` where texts hold guards.
pub(crate) fn adapted(source: &str, guarded: bool) -> Cow<'_, str> {
    if guarded {
        return adapted(&with_slices(source), false).into_owned().into();
    }
    match without_generation(source) {
        Cow::Borrowed(source) => with_sums(source),
        Cow::Owned(source) => with_sums(&source).into_owned().into(),
    }
}

/// Reads a template; the error says where it is wrong.
pub(crate) fn check(source: &str) -> Result<(), Error> {
    let source = adapted(source, false);
    reader().template_from_str(&source).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_blocks() {
        let source = "{%- generation -%} a {%+ endgeneration %}{{ 'generation' }}{% if %";
        let expect = "{%- with -%} a {%+ endwith %}{{ 'generation' }}{% if %";
        assert_eq!(without_generation(source), expect);
        assert_eq!(without_generation("plain"), "plain");
    }
}
