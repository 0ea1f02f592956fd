//! Grammars over a model that has no idea of them: nothing but the constraint makes these valid.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use engine_llama::Engine;
use engine_protocol::{
    Constraint, ErrorCode, Finish, Generate, GrammarSyntax, LoadSettings, Sampling,
};
use serde_json::Value;

use crate::support::{
    Replies, Reply, constraint, drive, enter, generate, greedy, guide, load, one, run, settings,
    stories, tiny_model, wild,
};

const SCHEMA: &str = r#"{
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "mood": {"enum": ["glad", "sad", "cross"]},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "weight": {"type": "number", "minimum": 0, "maximum": 500},
        "pet": {
            "type": "object",
            "properties": {
                "legs": {"type": "integer", "minimum": 0, "maximum": 8},
                "tame": {"type": "boolean"}
            },
            "required": ["legs", "tame"],
            "additionalProperties": false
        },
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 4}, "maxItems": 2}
    },
    "required": ["name", "mood", "age", "pet", "tags"],
    "additionalProperties": false
}"#;

/// Runs a test on every model that is there: random weights, and trained ones.
fn on_models(test: impl Fn(&mut Engine)) {
    let (_folder, tiny) = tiny_model();
    let models: Vec<PathBuf> = [Some(tiny), stories()].into_iter().flatten().collect();
    for path in models {
        test(&mut load(&path, settings()));
    }
}

fn constrained(id: u64, sampling: Sampling, constraint: Constraint, max_tokens: u32) -> Generate {
    Generate { sampling, constraint: Some(constraint), ..generate(id, "the", max_tokens) }
}

fn check_schema(text: &str) {
    let value: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert!(value["name"].as_str().unwrap().chars().count() <= 8, "{text}");
    assert!(["glad", "sad", "cross"].contains(&value["mood"].as_str().unwrap()), "{text}");
    assert!(value["age"].as_u64().unwrap() <= 150, "{text}");
    let weight = value.get("weight").map_or(Some(0.0), Value::as_f64).unwrap();
    assert!((0.0..=500.0).contains(&weight), "{text}");
    assert!(value["pet"]["legs"].as_u64().unwrap() <= 8, "{text}");
    assert!(value["pet"]["tame"].is_boolean(), "{text}");
    let tags = value["tags"].as_array().unwrap();
    assert!(tags.len() <= 2 && tags.iter().all(|tag| tag.as_str().unwrap().len() <= 16), "{text}");
    let known = ["name", "mood", "age", "weight", "pet", "tags"];
    assert!(value.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())), "{text}");
}

#[test]
fn schemas_are_followed_at_any_temperature() {
    on_models(|engine| {
        let schema = || constraint(GrammarSyntax::JsonSchema, SCHEMA);
        let requests = (1..=12)
            .map(|id| constrained(id, wild(u32::try_from(id).unwrap()), schema(), 250))
            .collect();
        let replies = run(engine, requests);
        let mut complete = 0;
        for reply in replies.values() {
            assert!(reply.error.is_none(), "{:?}", reply.error);
            if reply.finish == Some(Finish::Stop) {
                check_schema(&reply.text);
                complete += 1;
            }
        }
        // A number may go on for as long as there are tokens, so a few may not come to an end.
        assert!(complete >= 9, "{complete} of 12 came to an end");
    });
}

#[track_caller]
fn check(engine: &mut Engine, constraint: &Constraint, valid: impl Fn(&str) -> bool) {
    for seed in 0..6 {
        for sampling in [wild(seed), greedy()] {
            let reply = one(engine, constrained(1, sampling, constraint.clone(), 120));
            assert!(reply.error.is_none(), "{:?}", reply.error);
            assert_eq!(reply.finish, Some(Finish::Stop), "{}", reply.text);
            assert!(valid(&reply.text), "{:?}", reply.text);
        }
    }
}

#[test]
fn expressions_match_the_whole_text() {
    on_models(|engine| {
        let digits = constraint(GrammarSyntax::Regex, "[0-9]{3}-[0-9]{2}");
        check(engine, &digits, |text| {
            let (a, b) = text.split_once('-').unwrap();
            let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            a.len() == 3 && b.len() == 2 && number(a) && number(b)
        });
        let choice = constraint(GrammarSyntax::Regex, "yes|no|perhaps not");
        check(engine, &choice, |text| ["yes", "no", "perhaps not"].contains(&text));
        let unicode = constraint(GrammarSyntax::Regex, "(é|中){2,4}");
        check(engine, &unicode, |text| text.chars().all(|c| matches!(c, 'é' | '中')));
    });
}

#[test]
fn lark_and_gbnf_grammars_are_followed() {
    on_models(|engine| {
        let lark = "start: verb \" the \" noun\nverb: \"see\" | \"find\"\nnoun: \"dog\" | \"ball\"";
        let sentence = |text: &str| {
            let (verb, noun) = text.split_once(" the ").unwrap();
            ["see", "find"].contains(&verb) && ["dog", "ball"].contains(&noun)
        };
        check(engine, &constraint(GrammarSyntax::Lark, lark), sentence);
        let gbnf = "# a sentence\nroot ::= verb \" the \" noun\nverb ::= \"see\" |\n  \"find\"\n\
                    noun ::= (\"dog\" | \"ball\")";
        check(engine, &constraint(GrammarSyntax::Gbnf, gbnf), sentence);
        // With recursion: brackets that balance, at most three in a row.
        let nested = "root ::= \"(\" inner \")\"\ninner ::= root{0,2} | [a-c]{1,3}";
        let balanced = |text: &str| {
            let mut depth = 0_i32;
            text.chars().all(|c| {
                depth += i32::from(c == '(') - i32::from(c == ')');
                depth >= 0 && matches!(c, '(' | ')' | 'a'..='c')
            }) && depth == 0
        };
        let reply = |seed| {
            let grammar = constraint(GrammarSyntax::Gbnf, nested);
            Generate { constraint: Some(grammar), sampling: wild(seed), ..generate(1, "the", 200) }
        };
        let mut complete = 0;
        for seed in 0..10 {
            let reply = one(engine, reply(seed));
            assert!(reply.error.is_none(), "{:?}", reply.error);
            if reply.finish == Some(Finish::Stop) {
                assert!(balanced(&reply.text), "{}", reply.text);
                complete += 1;
            }
        }
        assert!(complete > 0);
    });
}

#[test]
fn a_lexers_greed_changes_no_gbnf_language() {
    // With letters as one lexeme, the `x` would be eaten and the text could never end.
    let gbnf = "root ::= [a-z]{1,3} \"x\" | \"(\" root \")\"";
    on_models(|engine| {
        for seed in 0..6 {
            let grammar = constraint(GrammarSyntax::Gbnf, gbnf);
            let reply = one(engine, constrained(1, wild(seed), grammar, 200));
            assert!(reply.error.is_none(), "{:?}", reply.error);
            if reply.finish == Some(Finish::Stop) {
                assert!(reply.text.trim_end_matches(')').ends_with('x'), "{}", reply.text);
            }
        }
    });
}

#[test]
fn an_end_token_comes_only_where_the_grammar_may_end() {
    on_models(|engine| {
        let grammar = constraint(GrammarSyntax::Regex, "[a-z]{10}[a-z]*");
        // End tokens are what the sampler wants most.
        let logit_bias = std::collections::BTreeMap::from([(2, 50.0)]);
        let sampling = Sampling { logit_bias, ..greedy() };
        let reply = one(engine, constrained(1, sampling, grammar, 60));
        assert_eq!(reply.finish, Some(Finish::Stop), "{:?}", reply.error);
        assert!(reply.text.len() >= 10 && reply.text.bytes().all(|b| b.is_ascii_lowercase()));
        assert!(reply.text.len() < 20, "{}", reply.text);
    });
}

/// What stands between each trigger and what the grammar says must follow.
fn check_lazy(reply: &Reply, trigger: &str, bodies: &[&str]) -> usize {
    assert!(reply.error.is_none(), "{:?}", reply.error);
    let mut calls = 0;
    for after in reply.text.split(trigger).skip(1) {
        let whole = bodies.iter().any(|body| after.starts_with(body));
        // The last one may have been cut off by the token limit.
        let cut = reply.finish == Some(Finish::Length)
            && bodies.iter().any(|body| body.starts_with(after));
        assert!(whole || cut, "{:?}", reply.text);
        calls += 1;
    }
    calls
}

#[test]
fn a_lazy_constraint_binds_after_each_trigger_until_it_is_complete() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let bodies = ["[1]", "[333]"];
    let lazy = |trigger: &str| Constraint {
        triggers: vec!["never said".to_owned(), trigger.to_owned()],
        ..constraint(GrammarSyntax::Regex, r"\[(1|333)\]")
    };
    // Letters that come often, alone and inside of longer tokens.
    let mut calls = 0;
    for (id, trigger) in (1..).zip(["e", "th", "n", " t", "é"]) {
        for seed in 0..6 {
            let request = Generate {
                sampling: Sampling { ignore_eos: true, ..wild(seed) },
                constraint: Some(lazy(trigger)),
                ..generate(id, "the", 150)
            };
            calls += check_lazy(&one(&mut engine, request), trigger, &bodies);
        }
    }
    assert!(calls > 3, "{calls}");
}

#[test]
fn a_lazy_constraint_that_is_never_triggered_changes_nothing() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let lazy = Constraint {
        triggers: vec!["<tool_call>".to_owned()],
        ..constraint(GrammarSyntax::JsonSchema, SCHEMA)
    };
    let free = one(&mut engine, generate(1, "the", 60));
    let bound = one(&mut engine, constrained(2, greedy(), lazy, 60));
    assert_eq!(bound.text, free.text);
    assert_eq!(bound.finish, free.finish);
}

#[test]
fn several_sequences_follow_one_grammar_each_in_its_own_way() {
    on_models(|engine| {
        let grammar = constraint(GrammarSyntax::Regex, "[a-e]{6}");
        let request = Generate { sequences: 5, ..constrained(1, wild(9), grammar, 40) };
        let replies = run(engine, vec![request]);
        assert_eq!(replies.len(), 5);
        for reply in replies.values() {
            assert_eq!(reply.text.len(), 6);
            assert!(reply.text.bytes().all(|byte| (b'a'..=b'e').contains(&byte)), "{}", reply.text);
        }
        let first = &replies[&(1, 0)].text;
        assert!(replies.values().any(|reply| reply.text != *first));
    });
}

fn joined(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect::<Vec<_>>().concat()
}

#[test]
fn compiling_holds_nobody_up() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let mut replies = Replies::new();
    engine.submit(Box::new(Generate {
        sampling: Sampling { ignore_eos: true, ..greedy() },
        ..generate(1, "the", 100)
    }));
    let big = joined(400, |i| format!("(a{{1,{}}}|b{i})", 10 + i % 40));
    let heavy = constraint(GrammarSyntax::Regex, &big);
    engine.submit(Box::new(constrained(2, greedy(), heavy, 10)));
    let tokens = engine.stats().completion_tokens;
    engine.step();
    enter(&mut replies, engine.take_output());
    assert!(engine.stats().completion_tokens > tokens);
    drive(&mut engine, &mut replies, |_| {});
    assert_eq!(replies[&(1, 0)].completion_tokens, 100);
    assert!(replies[&(2, 0)].finish.is_some() || replies[&(2, 0)].error.is_some());
}

#[test]
fn hostile_sources_are_refused_and_harm_nobody() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let deep =
        |open: &str, close: &str| format!("{}a{}", open.repeat(20_000), close.repeat(20_000));
    let chain = joined(3000, |i| format!("r{i} ::= r{}\n", i + 1));
    let chain = format!("root ::= r0\n{chain}r3000 ::= \"a\"\n");
    let doubling = joined(40, |i| format!("r{i} ::= r{n} r{n}\n", n = i + 1));
    let doubling = format!("root ::= r0\n{doubling}r40 ::= [a-z]*\n");
    let schema = format!("{}{}{}", r#"{"items":"#.repeat(5000), "{}", "}".repeat(5000));
    let sources: Vec<(GrammarSyntax, String)> = vec![
        (GrammarSyntax::Regex, deep("(", ")")),
        (GrammarSyntax::Regex, "(".to_owned()),
        (GrammarSyntax::Regex, "a{1000}{1000}{1000}".to_owned()),
        (GrammarSyntax::Regex, "((a*)*)*b{500,1000}(c{1,900}d){300}".to_owned()),
        (GrammarSyntax::Regex, format!("a{}", "*".repeat(30_000))),
        (GrammarSyntax::Regex, "x".repeat(100_000)),
        (GrammarSyntax::Regex, "a\0b".to_owned()),
        (GrammarSyntax::Regex, "[^\\x00-\\u{10ffff}]".to_owned()),
        (GrammarSyntax::JsonSchema, schema),
        (GrammarSyntax::JsonSchema, "{".to_owned()),
        (GrammarSyntax::JsonSchema, r#"{"type":"nonsense"}"#.to_owned()),
        (GrammarSyntax::JsonSchema, r##"{"$ref":"#"}"##.to_owned()),
        (GrammarSyntax::JsonSchema, r#"{"$ref":"http://example.invalid/x"}"#.to_owned()),
        (GrammarSyntax::JsonSchema, r#"{"type":"string","pattern":"(((a+)+)+)+$"}"#.to_owned()),
        (GrammarSyntax::Lark, format!("start: {}", deep("(", ")"))),
        (GrammarSyntax::Lark, "start: start".to_owned()),
        (GrammarSyntax::Lark, "start: x\nx: x x | \"a\"".to_owned()),
        (GrammarSyntax::Lark, "%%%".to_owned()),
        (GrammarSyntax::Lark, String::new()),
        (GrammarSyntax::Gbnf, format!("root ::= {}", deep("(", ")"))),
        (GrammarSyntax::Gbnf, "root ::= root".to_owned()),
        (GrammarSyntax::Gbnf, "root ::= root \"a\" | root root | \"\"".to_owned()),
        (GrammarSyntax::Gbnf, "root ::= ([a-z]* [a-z]*)* [a-z]*".to_owned()),
        (GrammarSyntax::Gbnf, format!("root ::= {}", "[a-z]* ".repeat(3000))),
        (GrammarSyntax::Gbnf, chain),
        (GrammarSyntax::Gbnf, doubling),
        (GrammarSyntax::Gbnf, "root ::= \"a\"{2000}".to_owned()),
    ];
    for (id, (syntax, source)) in (1..).zip(sources) {
        let shown: String = source.chars().take(60).collect();
        let begun = Instant::now();
        let reply = one(&mut engine, constrained(id, wild(1), constraint(syntax, &source), 8));
        let took = begun.elapsed();
        if let Some(error) = &reply.error {
            assert_eq!(error.code, ErrorCode::InvalidConstraint, "{shown}: {error}");
            assert!(error.message.len() < 1000, "{shown}: {error}");
        }
        assert!(took.as_secs() < 15, "{shown} took {took:?}");
        // The engine is well afterwards.
        assert!(one(&mut engine, generate(id + 1000, "the", 2)).error.is_none());
    }
}

/// 2^60 ways through rules that all say nothing.
fn nothing_doubled() -> String {
    let chain = joined(60, |i| format!("a{i} ::= a{n} a{n}\n", n = i + 1));
    format!("root ::= a0\n{chain}a60 ::= \"\"\n")
}

#[test]
fn a_grammar_of_nothing_doubled_keeps_nobody_from_being_prepared() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let choice = |id| constrained(id, wild(1), constraint(GrammarSyntax::Regex, "yes|no"), 20);
    // What is made once for the vocabulary is not part of the measurement.
    assert!(one(&mut engine, choice(1)).error.is_none());
    let begun = Instant::now();
    for id in 2..8 {
        let grammar = constraint(GrammarSyntax::Gbnf, &nothing_doubled());
        engine.submit(Box::new(constrained(id, wild(1), grammar, 8)));
    }
    engine.submit(Box::new(choice(8)));
    let mut replies = Replies::new();
    drive(&mut engine, &mut replies, |_| {});
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(["yes", "no"].contains(&replies[&(8, 0)].text.as_str()));
    assert_eq!(engine.stats().waiting, 0);
}

#[test]
fn what_can_never_be_said_is_called_so() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let never = "the grammar can never produce a text";
    let cases = [
        (GrammarSyntax::Gbnf, "root ::= root", never),
        (GrammarSyntax::Lark, "start: start", never),
        (GrammarSyntax::JsonSchema, r##"{"$ref":"#"}"##, never),
        (GrammarSyntax::Regex, "[^\\x00-\\u{10ffff}]", never),
    ];
    for (id, (syntax, source, expect)) in (1..).zip(cases) {
        let reply = one(&mut engine, constrained(id, wild(1), constraint(syntax, source), 8));
        let error = reply.error.unwrap_or_else(|| panic!("{source} is not refused"));
        assert_eq!(error.code, ErrorCode::InvalidConstraint, "{source}");
        assert!(error.message.contains(expect), "{source}: {error}");
        assert!(!error.message.contains("NoExtension"), "{source}: {error}");
    }
}

fn optional_properties(count: usize) -> String {
    let part =
        |i| format!("{}\"property{i}\":{{\"type\":\"integer\"}}", [",", ""][usize::from(i == 0)]);
    let properties = joined(count, part);
    format!(r#"{{"type":"object","properties":{{{properties}}},"additionalProperties":false}}"#)
}

#[test]
fn great_schemas_are_followed_and_greater_ones_refused_in_plain_words() {
    let (_folder, path) = tiny_model();
    let mut engine = load(&path, settings());
    let words = joined(1000, |i| format!("{}\"word{i}\"", [",", ""][usize::from(i == 0)]));
    for (id, source) in (1..).zip([optional_properties(500), format!(r#"{{"enum":[{words}]}}"#)]) {
        let grammar = constraint(GrammarSyntax::JsonSchema, &source);
        let reply = one(&mut engine, constrained(id, wild(3), grammar, 60));
        assert!(reply.error.is_none(), "{:?}", reply.error);
        if reply.finish == Some(Finish::Stop) {
            serde_json::from_str::<Value>(&reply.text).unwrap();
        }
    }
    let grammar = constraint(GrammarSyntax::JsonSchema, &optional_properties(1500));
    let error = one(&mut engine, constrained(3, wild(3), grammar, 60)).error.unwrap();
    assert_eq!(error.code, ErrorCode::InvalidConstraint);
    assert!(error.message.contains("optional properties"), "{error}");
}

/// The longest time between two pieces of a plain reply.
fn longest_gap(engine: &mut Engine, others: Vec<Generate>) -> (Duration, Replies) {
    let sampling = Sampling { ignore_eos: true, ..greedy() };
    engine.submit(Box::new(Generate { sampling, ..generate(1, "the", 300) }));
    for other in others {
        engine.submit(Box::new(other));
    }
    let mut replies = Replies::new();
    let (mut last, mut longest) = (None::<Instant>, Duration::ZERO);
    while !engine.is_idle() || engine.is_preparing() {
        engine.step();
        enter(&mut replies, engine.take_output());
        let Some(reply) = replies.get(&(1, 0)) else { continue };
        let count = reply.reported;
        let now = Instant::now();
        if count > 0 && reply.finish.is_none() {
            longest = longest.max(last.map_or(Duration::ZERO, |last| now - last));
            last = Some(now);
        }
        let stats = engine.stats();
        assert!(stats.kv_used <= stats.kv_total, "{stats:?}");
    }
    (longest, replies)
}

#[test]
fn an_ambiguous_grammar_holds_nobody_up() {
    let (_folder, tiny) = tiny_model();
    let path = guide().unwrap_or(tiny);
    for sequences in [1, 4, 16] {
        let settings = LoadSettings { parallel: 20, kv_tokens: 8192, ..settings() };
        let mut engine = load(&path, settings);
        let (alone, _) = longest_gap(&mut engine, Vec::new());
        let source = "root ::= x\nx ::= x x | x x x | [a-z ]";
        let sampling = Sampling { temperature: Some(1.5), ignore_eos: true, ..wild(1) };
        let grammar = constraint(GrammarSyntax::Gbnf, source);
        let attack = Generate { sequences, ..constrained(2, sampling, grammar, 200) };
        let begun = Instant::now();
        let (beside, replies) = longest_gap(&mut engine, vec![attack]);
        println!("n = {sequences}: {alone:?} alone, {beside:?} beside, {:?}", begun.elapsed());
        assert_eq!(replies[&(1, 0)].completion_tokens, 300);
        // Its end is a text or a refusal, and not far away.
        let attack = &replies[&(2, 0)];
        assert!(attack.finish.is_some() || attack.error.is_some());
        if let Some(error) = &attack.error {
            assert_eq!(error.code, ErrorCode::InvalidConstraint);
            println!("{error}");
        }
        assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
        assert!(beside < Duration::from_millis(400), "{beside:?} beside, {alone:?} alone");
    }
}
