//! Jinja as transformers sets it up.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;

use minijinja::machinery::{
    CodeGenerator, Instruction, Instructions, eval, make_string_output, parse,
};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Rest, Value, ValueOrKwargs};
use minijinja::{AutoEscape, Environment, Error, State, filters};
use minijinja_contrib::globals::{cycler, joiner};

use crate::error::Refusal;
use crate::markup::{SUM, sum, with_sums};
use crate::queues::with_queues;
use crate::{alike, python, twins};

/// Calls into each other: macros, recursive loops, nested blocks.
const RECURSION: usize = 100;

/// The name of the one template of an environment.
const NAME: &str = "chat";

type Args = Rest<ValueOrKwargs>;

thread_local! {
    /// The time of the request that is rendered.
    static NOW: RefCell<String> = const { RefCell::new(String::new()) };
}

/// A template that was read, with the environment for rendering it.
pub(crate) struct Template {
    env: Environment<'static>,
    instructions: Instructions<'static>,
}

impl Template {
    /// Reads a template; the error says where it is wrong.
    pub(crate) fn read(source: &str) -> Result<Self, Error> {
        // An instance has one model, and its memory goes with it.
        let source: &'static str = adapted(source).into_owned().leak();
        let tree = parse(source, NAME, syntax())?;
        let mut code = CodeGenerator::new(NAME, source);
        code.compile_stmt(&tree);
        let (mut instructions, _) = code.finish();
        see_through(&mut instructions);
        Ok(Self { env: environment(), instructions })
    }

    /// Fills it in, in so many steps at most; `now` is the time of the request.
    pub(crate) fn fill(&mut self, now: &str, fuel: u64, values: Value) -> Result<String, Error> {
        NOW.with_borrow_mut(|old| now.clone_into(old));
        self.env.set_fuel(Some(fuel));
        let mut text = String::with_capacity(8192);
        let mut output = make_string_output(&mut text);
        let none = BTreeMap::new();
        eval(&self.env, &self.instructions, values, &none, &mut output, AutoEscape::None)?;
        drop(output);
        Ok(text)
    }
}

/// Reads a template and forgets it.
pub(crate) fn check(source: &str) -> Result<(), Error> {
    parse(&adapted(source), NAME, syntax()).map(drop)
}

fn syntax() -> SyntaxConfig {
    // The default delimiters cannot be refused.
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build().unwrap_or_default()
}

/// Has what compares values see through twins.
///
/// An operator is one instruction; the test of the same meaning takes the same two values.
fn see_through(instructions: &mut Instructions<'static>) {
    let mut fixed = false;
    for at in 0.. {
        let Some(instruction) = instructions.get_mut(at) else { break };
        let after_constant = fixed;
        fixed = matches!(instruction, Instruction::LoadConst(_));
        match instruction {
            Instruction::In => *instruction = Instruction::PerformTest("in", Some(2), PLACES[0]),
            Instruction::Eq => *instruction = Instruction::PerformTest("eq", Some(2), PLACES[1]),
            Instruction::Ne => *instruction = Instruction::PerformTest("ne", Some(2), PLACES[2]),
            // What a template looks up by a word of its own is found by it.
            Instruction::GetItem if !after_constant => {
                *instruction = Instruction::ApplyFilter(ITEM, Some(2), PLACES[0]);
            }
            _ => {}
        }
    }
}

/// Where the engine keeps tests and filters that it has looked up; templates' own begin at 0.
const PLACES: [u8; 3] = [49, 48, 47];

/// The filter that looks up what may be a client's word.
const ITEM: &str = "__item";

/// What templates can call.
fn environment() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_recursion_limit(RECURSION);
    env.set_formatter(python::format);
    env.set_unknown_method_callback(python::method);
    env.add_function("raise_exception", |message: &Value| Err::<Value, _>(Refusal::raise(message)));
    env.add_function("strftime_now", |format: &str| {
        NOW.with_borrow(|now| python::strftime(now, &twins::current().bare(format)))
    });
    env.add_function(SUM, sum);
    env.add_function("cycler", cycler);
    env.add_function("joiner", joiner);
    add_filters(&mut env);
    add_tests(&mut env);
    env
}

fn add_filters(env: &mut Environment<'static>) {
    env.add_filter(ITEM, |value: &Value, key: &Value| alike::item(value, key));
    env.add_filter("tojson", |state: &mut State<'_, '_>, value: &Value, args: Args| {
        python::to_json(state, value, &args.into_values())
    });
    env.add_filter("indent", |state: &mut State<'_, '_>, value: &Value, args: Args| {
        python::indent(state, value, &args.into_values())
    });
    env.add_filter("string", python::string);
    env.add_filter("trim", |value: &Value, args: Args| python::trim(value, &args.into_values()));
    env.add_filter("replace", |state: &mut State<'_, '_>, value: &Value, args: Args| {
        python::replace(state, value, &args.into_values())
    });
    env.add_filter("split", |state: &mut State<'_, '_>, value: &Value, args: Args| {
        python::split(state, value, &args.into_values())
    });
    for name in ["upper", "lower", "title", "capitalize"] {
        env.add_filter(name, move |value: &Value| python::case(name, value));
    }
    for name in ["escape", "e"] {
        env.add_filter(name, python::escape);
    }
    env.add_filter(
        "int",
        |state: &State<'_, '_>,
         value: &Value,
         default: Option<Value>,
         base: Option<u32>,
         more: Kwargs| { filters::int(state, &python::bare(value), default, base, more) },
    );
    env.add_filter(
        "float",
        |state: &State<'_, '_>, value: &Value, default: Option<Value>, more: Kwargs| {
            filters::float(state, &python::bare(value), default, more)
        },
    );
    env.add_filter("sort", alike::sort);
    env.add_filter("dictsort", alike::dict_sort);
}

fn add_tests(env: &mut Environment<'static>) {
    for name in ["eq", "equalto", "=="] {
        env.add_test(name, alike::equal);
    }
    for name in ["ne", "!="] {
        env.add_test(name, |one: &Value, other: &Value| !alike::equal(one, other));
    }
    env.add_test("in", alike::contains);
    for (name, has) in [
        ("startingwith", alike::begins as fn(&twins::Twins, &str, &str) -> bool),
        ("endingwith", alike::ends),
    ] {
        env.add_test(name, move |text: &str, with: &str| has(&twins::current(), text, with));
    }
    env.add_test("lower", |value: &Value| minijinja::tests::is_lower(&python::bare(value)));
    env.add_test("upper", |value: &Value| minijinja::tests::is_upper(&python::bare(value)));
}

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

/// A template in the words that the engine knows.
fn adapted(source: &str) -> Cow<'_, str> {
    let mut source = Cow::Borrowed(source);
    for change in [without_generation, with_sums, with_queues as fn(&str) -> Cow<'_, str>] {
        let changed = match change(&source) {
            Cow::Owned(changed) => changed,
            Cow::Borrowed(_) => continue,
        };
        source = changed.into();
    }
    source
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
