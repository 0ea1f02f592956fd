//! Every syntax' grammar, as the engine's compiler reads it: it follows good calls to their end
//! and stops bad ones.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop")]

use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use plugin_sdk::reply::{Events, Syntax};
use plugin_sdk::testkit::{self, show_events};
use plugin_sdk::{ChatRequest, Constraint, FinishReason, GrammarSyntax};
use serde_json::{Value, json};
use toktrie::ApproximateTokEnv;

/// A matcher over bytes.
fn matcher(constraint: &Constraint) -> Matcher {
    assert_eq!(constraint.syntax, GrammarSyntax::Lark);
    let mut factory = ParserFactory::new_simple(&ApproximateTokEnv::single_byte_env()).unwrap();
    factory.quiet();
    let grammar = TopLevelGrammar::from_lark(constraint.source.clone());
    let mut matcher = Matcher::new(factory.create_parser(grammar));
    if let Err(error) = matcher.compute_mask_or_eos() {
        panic!("{error}\n{}", constraint.source);
    }
    matcher
}

/// How much of a text the grammar follows, and whether it may end there.
fn follow(constraint: &Constraint, text: &str) -> (usize, bool) {
    let tokens: Vec<u32> = text.bytes().map(u32::from).collect();
    let mut matcher = matcher(constraint);
    let read = matcher.try_consume_tokens(&tokens).unwrap();
    (read, matcher.is_stopped() || matcher.is_accepting().unwrap())
}

fn tools() -> Value {
    let tool = |name: &str, parameters: Value| json!({"type": "function", "function": {"name": name, "parameters": parameters}});
    json!([
        tool(
            "weather",
            json!({
                "type": "object",
                "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                "required": ["city"],
            })
        ),
        tool("now", json!({"type": "object", "properties": {}})),
    ])
}

fn request(choice: &Value, tools: &Value) -> ChatRequest {
    testkit::request(&json!({
        "messages": [{"role": "user", "content": "?"}],
        "tools": tools,
        "tool-choice": choice,
    }))
    .unwrap()
}

/// What follows the trigger: a good call, and one whose arguments are not of the schema.
///
/// The former may be cut where the grammar ends and leaves the rest to the model.
const AFTER_TRIGGER: &[(Syntax, &str, &str)] = &[
    (
        Syntax::Hermes,
        "\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 1}}",
        "\n{\"name\": \"weather\", \"arguments\": {\"days\": 1}}",
    ),
    (
        Syntax::Llama3,
        "weather\", \"parameters\": {\"city\": \"Paris\"}}",
        "weather\", \"parameters\": {\"city\": 1}}",
    ),
    (Syntax::Llama3, "nobody\"", "weather\", \"x"),
    (
        Syntax::MiniMax,
        "\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}",
        "\n{\"name\": \"nobody",
    ),
    (
        Syntax::Apriel,
        "[{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}]",
        "[{\"name\": \"nobody",
    ),
    (
        Syntax::Nemotron,
        "[{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}, {\"name\": \"now\", \"arguments\": {}}]",
        "[{\"name\": \"weather\", \"arguments\": {}}]",
    ),
    (
        Syntax::Granite,
        "[{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}]",
        "[{\"name\": \"weather\", \"arguments\": {}}]",
    ),
    (
        Syntax::Functools,
        "{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}]",
        "{\"name\": \"weather\", \"arguments\": {}}]",
    ),
    (
        Syntax::Mistral,
        "[{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}, \"id\": \"abc123DEF\"}]",
        "[{\"name\": \"weather\", \"arguments\": {}, \"id\"",
    ),
    (Syntax::MistralArgs, "{\"city\": \"Paris\", \"days\": 2}", "{\"city\": oops"),
    (
        Syntax::CommandR7B,
        "[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"weather\", \"parameters\": {\"city\": \"Paris\"}},\n    {\"tool_call_id\": \"1\", \"tool_name\": \"now\", \"parameters\": {}}\n]",
        "[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"nobody",
    ),
    (Syntax::Apertus, "[{\"weather\": {\"city\": \"Paris\"}}]", "[{\"weather\": {}}]"),
    (
        Syntax::GigaChat,
        "{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}",
        "{\"name\": \"weather\", \"arguments\": {}}",
    ),
    (Syntax::DeepSeek, "weather\n```json\n{\"city\": \"Paris\"}\n```", "weather\n```json\n{}"),
    (Syntax::DeepSeek31, "{\"city\": \"Paris\"}", "{\"city\": oops"),
    (Syntax::Kimi, "{\"city\": \"Paris\"}", "[]"),
    (Syntax::Solar, "{\"city\": \"Paris\"}", "[]"),
    (Syntax::Harmony, "{\"city\": \"Paris\"}", "[]"),
    (Syntax::Functionary31, "weather>{\"city\": \"Paris\"}</function>", "weather>{}"),
    (Syntax::Functionary32, "{\"city\": \"Paris\"}", "[]"),
    (
        Syntax::QwenCoder,
        "weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n1\n</parameter>\n</function>",
        "weather>\n<parameter=days>",
    ),
    (
        Syntax::Seed,
        "weather>\n<parameter=city>Paris</parameter>\n<parameter=days>1</parameter>\n</function>",
        "weather>\n<parameter=city>Paris</parameter>\n<parameter=days>x",
    ),
    (
        Syntax::MiniMaxM2,
        "weather\">\n<parameter name=\"city\">Paris</parameter>\n</invoke>",
        "weather\">\n</invoke>",
    ),
    (
        Syntax::MiniCpm5,
        "weather\"><param name=\"city\">Paris</param><param name=\"days\">1</param></function>",
        "nobody",
    ),
    (
        Syntax::Muse,
        "weather\">\n<atem:parameter name=\"city\">Paris</atem:parameter>\n</atem:invoke>",
        "weather\">\n</atem:invoke>",
    ),
    (Syntax::ChatGlm3, "city=\"Paris\", days=1)\n```", "days=x"),
    (Syntax::Lfm2, "[weather(city=\"Paris\", days=1), now()]", "[weather(days=1"),
    (Syntax::Pythonic, "city=\"Paris\")", "city=Paris"),
    (Syntax::Gemma, "weather(city=\"Paris\")\n```", "nobody("),
    (Syntax::Gemma4, "weather{", "nobody{"),
    (Syntax::DeepSeek32, "weather\">", "nobody"),
    (Syntax::KimiK3, "weather\"", "nobody"),
    (Syntax::MiniMaxM3, "weather\">", "nobody"),
    (Syntax::Hunyuan, "weather<tool_sep:opensource>", "nobody"),
    (
        Syntax::Glm45,
        "weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>",
        "weather\n<arg_key>days",
    ),
    (
        Syntax::Glm45,
        "weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>",
        "nobody",
    ),
];

#[test]
fn lazy() {
    let request = request(&json!("auto"), &tools());
    for (syntax, good, bad) in AFTER_TRIGGER {
        let name = syntax.name();
        let constraint = syntax.constraint(&request).unwrap_or_else(|| panic!("{name}: none"));
        assert!(!constraint.triggers.is_empty(), "{name}");
        let source = &constraint.source;
        assert_eq!(follow(&constraint, good), (good.len(), true), "{name}: {good}\n{source}");
        let (read, may_end) = follow(&constraint, bad);
        assert!(read < bad.len() || !may_end, "{name}: {bad}\n{source}");
    }
    for (name, syntax) in Syntax::NAMES {
        let checked = AFTER_TRIGGER.iter().any(|(other, _, _)| other == syntax);
        assert_eq!(syntax.constraint(&request).is_some(), checked, "{name}");
    }
}

/// What the client demands: the prompt opens the call, the grammar holds the rest of it, and the
/// parser reads both.
#[test]
fn demanded() {
    const CALLS: &[(Syntax, &str)] = &[
        (Syntax::Hermes, "{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}"),
        (Syntax::Llama3, "weather\", \"parameters\": {\"city\": \"Paris\"}}"),
        (Syntax::MistralArgs, "weather[ARGS]{\"city\": \"Paris\"}"),
        (Syntax::Mistral, "[{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\"}}]"),
        (Syntax::DeepSeek, "weather\n```json\n{\"city\": \"Paris\"}\n```"),
        (Syntax::DeepSeek31, "weather<｜tool▁sep｜>{\"city\": \"Paris\"}"),
        (Syntax::Kimi, "weather:0<|tool_call_argument_begin|>{\"city\": \"Paris\"}"),
        (Syntax::Harmony, "weather <|constrain|>json<|message|>{\"city\": \"Paris\"}"),
        (Syntax::QwenCoder, "weather>\n<parameter=city>\nParis\n</parameter>\n</function>"),
        (Syntax::Lfm2, "[weather(city=\"Paris\")]"),
        (Syntax::Pythonic, "weather(city=\"Paris\")]"),
        (
            Syntax::CommandR7B,
            "[\n    {\"tool_call_id\": \"0\", \"tool_name\": \"weather\", \"parameters\": {\"city\": \"Paris\"}}\n]",
        ),
        (Syntax::Glm45, "weather<arg_key>city</arg_key><arg_value>Paris</arg_value></tool_call>"),
        (Syntax::Glm4, "weather\n{\"city\": \"Paris\"}"),
        (
            Syntax::CommandR,
            "[\n    {\n        \"tool_name\": \"weather\",\n        \"parameters\": {\"city\": \"Paris\"}\n    }\n]```",
        ),
        (
            Syntax::Muse,
            "weather\">\n<atem:parameter name=\"city\">Paris</atem:parameter>\n</atem:invoke>",
        ),
    ];
    for (syntax, call) in CALLS {
        for choice in ["required", "weather"] {
            let choice = if choice == "required" { json!(choice) } else { json!({"name": choice}) };
            let request = request(&choice, &tools());
            let name = syntax.name();
            let prompt = "<|start|>assistant<think>";
            let opening = syntax.opening(&request, prompt);
            let constraint = syntax.constraint(&request).unwrap();
            assert!(constraint.triggers.is_empty());
            // A name that the prompt holds already is not written again.
            let written =
                ["[ARGS]", "<｜tool▁sep｜>", "<|tool_call_argument_begin|>", "<|message|>"]
                    .iter()
                    .find(|marker| opening.ends_with(**marker) && call.contains(**marker))
                    .map_or(*call, |marker| call.split_once(*marker).unwrap().1);
            let (read, may_end) = follow(&constraint, written);
            assert_eq!((read, may_end), (written.len(), true), "{name}\n{}", constraint.source);
            let mut parser = syntax.parser(&request, &format!("{prompt}{opening}"));
            let mut events = Events::default();
            parser.push(written, &mut events);
            parser.finish(FinishReason::Stop, &mut events);
            let shown = show_events(&events.into_vec());
            assert!(shown.contains("{\"call\":\"weather\""), "{name}: {opening:?} {shown}");
            assert!(shown.contains(r#"{"arguments":"{\"city\": \"Paris\"}"}"#), "{name}: {shown}");
            assert!(!shown.contains("content"), "{name}: {shown}");
        }
    }
}

/// A tool without parameters is called with none, however that is said.
#[test]
fn demanded_without_parameters() {
    const CALLS: &[(Syntax, &str, &str)] = &[
        (Syntax::Hermes, "{\"name\": \"now\", \"arguments\": ", "}"),
        (Syntax::Llama3, "now\", \"parameters\": ", "}"),
        (Syntax::Mistral, "[{\"name\": \"now\", \"arguments\": ", "}]"),
        (Syntax::DeepSeek, "now\n```json\n", "\n```"),
        (Syntax::Glm4, "now\n", ""),
    ];
    let schemas = [
        json!({}),
        Value::Null,
        json!({"type": "object"}),
        json!({"properties": {}}),
        json!({"type": "object", "properties": {}, "additionalProperties": false}),
    ];
    for schema in schemas {
        let function = json!({"name": "now", "parameters": schema});
        for function in [function, json!({"name": "now"})] {
            let tools = json!([{"type": "function", "function": function}]);
            for choice in [json!("required"), json!({"name": "now"})] {
                let request = request(&choice, &tools);
                for (syntax, head, end) in CALLS {
                    let constraint = syntax.constraint(&request).unwrap();
                    let good = format!("{head}{{}}{end}");
                    assert_eq!(
                        follow(&constraint, &good),
                        (good.len(), true),
                        "{}",
                        constraint.source
                    );
                    for junk in ["{\"a\": 1}", "1", "\"x\"", "[]", "null"] {
                        let (read, _) = follow(&constraint, &format!("{head}{junk}{end}"));
                        assert!(read <= head.len() + 1, "{junk}: {}", constraint.source);
                    }
                }
                let constraint = Syntax::QwenCoder.constraint(&request).unwrap();
                assert!(follow(&constraint, "now>\n</function>").1, "{}", constraint.source);
                assert!(follow(&constraint, "now>\n<parameter").0 < 8, "{}", constraint.source);
            }
        }
    }
    // One that takes any arguments says so.
    let open = json!({"type": "object", "additionalProperties": true});
    let tools = json!([{"type": "function", "function": {"name": "now", "parameters": open}}]);
    let constraint = Syntax::Glm4.constraint(&request(&json!("required"), &tools)).unwrap();
    let call = "now\n{\"a\": 1}";
    assert_eq!(follow(&constraint, call), (call.len(), true));
}

/// Text without quotes is of the form and the length that its schema asks for.
#[test]
fn bare_text() {
    #[track_caller]
    fn check(schema: &Value, good: &[&str], bad: &[&str]) {
        let parameters = json!({"type": "object", "properties": {"a": schema}, "required": ["a"]});
        let tools =
            json!([{"type": "function", "function": {"name": "f", "parameters": parameters}}]);
        let constraint =
            Syntax::QwenCoder.constraint(&request(&json!("required"), &tools)).unwrap();
        let call = |text: &str| format!("f>\n<parameter=a>\n{text}\n</parameter>\n</function>");
        for text in good {
            let call = call(text);
            assert_eq!(
                follow(&constraint, &call),
                (call.len(), true),
                "{text}: {}",
                constraint.source
            );
        }
        for text in bad {
            let call = call(text);
            let (read, may_end) = follow(&constraint, &call);
            assert!(read < call.len() || !may_end, "{text}: {}", constraint.source);
        }
    }
    let string = |more: Value| {
        let mut schema = json!({"type": "string"});
        for (key, value) in more.as_object().unwrap() {
            schema[key] = value.clone();
        }
        schema
    };
    check(&string(json!({})), &["", "x\ny", "</parameter>"], &[]);
    check(&string(json!({"minLength": 2, "maxLength": 3})), &["ab", "abc"], &["a", "abcd"]);
    check(&string(json!({"minLength": 2})), &["ab", "abcdefgh"], &["a", ""]);
    check(&string(json!({"maxLength": 900_000})), &["", "abcdefgh"], &[]);
    check(&string(json!({"pattern": "^[a-z]+/[0-9]$"})), &["a/1", "abc/9"], &["a/", "A/1", "a/12"]);
    check(&string(json!({"pattern": "b"})), &["abc", "b"], &["ac", ""]);
    check(&string(json!({"pattern": "^(on|off)$"})), &["on", "off"], &["of", "on off"]);
    check(&string(json!({"pattern": "^a|b$"})), &["xyz"], &[]);
    check(&string(json!({"pattern": "^\\d+$", "maxLength": 2})), &["1", "12"], &["123", "x"]);
}

/// Schemas that a compiler could refuse do not fail a request that would do without a grammar.
#[test]
fn odd_schemas() {
    let odd = [
        json!({}),
        json!({"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}),
        json!({"type": "object", "properties": {"a": {"$ref": "https://example.com/x"}}}),
        json!({"type": "object", "properties": {"a": {"pattern": "(("}, "b": {"type": "nothing"}}}),
        json!({"type": "object", "properties": {"a": {"minimum": 5, "maximum": 1}}, "required": ["a", "z"], "additionalProperties": false}),
        json!({"type": "object", "properties": {"a": {"allOf": [{"type": "string"}, {"type": "number"}]}, "b": false}}),
        json!({"type": "object", "properties": {"a": {"enum": []}, "b": {"anyOf": []}, "c": {"not": {}}}}),
        json!({"type": "object", "properties": {"tree": {"$ref": "#/$defs/node"}}, "$defs": {"node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}}}),
        json!({"type": "object", "properties": {"a": {"type": "string", "format": "no-such", "minLength": 5, "maxLength": 900_000}}}),
        json!({"type": "string"}),
        json!({"anyOf": [{"type": "object"}, {"type": "null"}], "x-made-up": 1}),
        json!({"type": ["object", "null"], "properties": {"é \" \\ \n": {"type": "array", "items": [{}]}}}),
    ];
    for schema in odd {
        let tool =
            json!([{"type": "function", "function": {"name": "odd-tool.x", "parameters": schema}}]);
        let request = request(&json!("auto"), &tool);
        for (_, syntax) in Syntax::NAMES {
            if let Some(constraint) = syntax.constraint(&request) {
                let _ = matcher(&constraint);
            }
        }
    }
}

/// A reply with one call has a grammar for one.
#[test]
fn one_call() {
    let mut request = request(&json!("auto"), &tools());
    request.parallel_tool_calls = Some(false);
    let constraint = Syntax::Nemotron.constraint(&request).unwrap();
    let one = "[{\"name\": \"now\", \"arguments\": {}}";
    let two = format!("{one}, ");
    assert_eq!(follow(&constraint, &two).0, one.len());
}

/// A compiler that refuses a schema says in which line, and a comment above it says of which tool.
#[test]
fn refused_schemas_have_a_tool() {
    let impossible = json!({"type": "object", "properties": {"a": false}, "required": ["a"]});
    let tool = |name: &str, parameters: &Value| json!({"type": "function", "function": {"name": name, "parameters": parameters}});
    let tools = json!([tool("fine", &json!({})), tool("odd", &impossible)]);
    for (_, syntax) in Syntax::NAMES {
        let Some(constraint) = syntax.constraint(&request(&json!("required"), &tools)) else {
            continue;
        };
        let mut factory = ParserFactory::new_simple(&ApproximateTokEnv::single_byte_env()).unwrap();
        factory.quiet();
        let grammar = TopLevelGrammar::from_lark(constraint.source.clone());
        let Err(error) = factory.create_parser(grammar) else { continue };
        let error = error.to_string();
        let line: usize =
            error.strip_prefix("at ").and_then(|at| at.split_once('(')).unwrap().0.parse().unwrap();
        let above = constraint.source.lines().take(line).filter(|line| line.starts_with("//"));
        assert_eq!(above.last(), Some("// tool `odd`"), "{error}\n{}", constraint.source);
    }
}
