//! Each limit, with the field that its error names.

use model::{Message, Mirostat, Tool};

use super::*;

fn message(role: Role, text: &str) -> Message {
    Message {
        role,
        content: vec![ContentPart::Text(text.to_owned())],
        name: None,
        reasoning: None,
        tool_calls: Vec::new(),
        tool_call_id: None,
    }
}

fn tool(name: &str, parameters: &str) -> Tool {
    Tool {
        name: name.to_owned(),
        description: None,
        parameters_json: parameters.to_owned(),
        definition_json: parameters.to_owned(),
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut ChatDraft), expect: Option<&str>) {
    let mut draft = ChatDraft::default();
    draft.request.messages.push(message(Role::User, "hello"));
    change(&mut draft);
    match (ChatCommand::try_from(draft), expect) {
        (Ok(_), None) => {}
        (Err(error), Some(part)) => {
            let text = error.to_string();
            assert!(text.contains(part), "`{text}` lacks `{part}`");
        }
        (got, _) => panic!("{got:?} instead of {expect:?}"),
    }
}

#[test]
fn conversations() {
    check(|_| {}, None);
    check(|d| d.request.messages.clear(), Some("Please specify the prompt"));
    let many = vec![message(Role::User, ""); limits::MESSAGES + 1];
    check(|d| d.request.messages = many, Some("`messages` may hold at most 4096 messages"));
    check(
        |d| d.request.messages.push(message(Role::User, &"x".repeat(limits::TEXT_BYTES))),
        Some("bytes of text"),
    );
    check(|d| d.request.continue_last = true, Some("`continue_final_message`"));
    check(
        |d| {
            d.request.messages.push(message(Role::Assistant, "Once"));
            d.request.continue_last = true;
        },
        None,
    );
    check(
        |d| d.request.template_variables_json = Some("x".repeat(limits::VARIABLE_BYTES + 1)),
        Some("`chat_template_kwargs`"),
    );
}

#[test]
fn tools() {
    check(|d| d.request.tools = vec![tool("f", "{}")], None);
    check(|d| d.request.tools = vec![tool("", "{}")], Some("`tools[0].function.name`"));
    check(|d| d.request.tools = vec![tool("f", "7")], Some("`tools[0].function.parameters`"));
    check(|d| d.request.tools = vec![tool("f", "{"); 1], Some("`tools[0].function.parameters`"));
    check(|d| d.request.tools = vec![tool("f", "{}"); 129], Some("at most 128 tools"));
    check(|d| d.request.tool_choice = ToolChoice::Required, Some("`tool_choice`"));
    check(|d| d.request.tool_choice = ToolChoice::Named("f".into()), Some("`f`"));
    let deep = format!("{}{}", r#"{"a":"#.repeat(70), "1".to_owned() + &"}".repeat(70));
    check(|d| d.request.tools = vec![tool("f", &deep)], Some("at most 64 deep, it nests 70"));
}

#[test]
fn generations() {
    let with =
        |change: fn(&mut GenerationDraft)| move |d: &mut ChatDraft| change(&mut d.generation);
    check(with(|g| g.sampling.temperature = Some(f32::NAN)), Some("`temperature` must be from 0"));
    check(with(|g| g.sampling.top_p = Some(1.5)), Some("`top_p` must be from 0 to 1, it is 1.5"));
    check(with(|g| g.sampling.mirostat = Some(Mirostat { version: 2, tau: 5.0, eta: 0.1 })), None);
    check(with(|g| g.sequences = Some(0)), Some("`n` must be from 1 to 16, it is 0"));
    check(with(|g| g.sequences = Some(17)), Some("`n`"));
    check(with(|g| g.max_tokens = Some(0)), None);
    check(with(|g| g.max_tokens = Some(u32::MAX)), None);
    check(with(|g| g.logprobs = Some(21)), Some("`top_logprobs`"));
    check(with(|g| g.stop = vec![String::new(); 40]), None);
    check(with(|g| g.stop = vec!["x".into(); 17]), Some("`stop` may hold at most 16 strings"));
    check(with(|g| g.stop = vec!["x".repeat(257)]), Some("`stop[0]`"));
    check(with(|g| g.stop_tokens = vec![1; 65]), Some("`stop_token_ids`"));
    check(with(|g| g.lora = Some("x".repeat(129))), Some("`lora_name`"));
    check(with(|g| g.cache_salt = "x".repeat(257)), Some("`cache_salt`"));
}

#[test]
fn more_tokens_than_any_context_holds_are_cut() {
    let tokens = |given| {
        let draft = GenerationDraft { max_tokens: given, ..GenerationDraft::default() };
        check_generation(draft).unwrap().into_inner().max_tokens
    };
    assert_eq!(tokens(None), None);
    assert_eq!(tokens(Some(0)), Some(0));
    assert_eq!(tokens(Some(7)), Some(7));
    assert_eq!(tokens(Some(i32::MAX.unsigned_abs())), Some(limits::MAX_TOKENS));
}

#[test]
fn constraints() {
    let with = |field, syntax, source: &str| {
        let constraint = Constraint { syntax, source: source.to_owned(), triggers: Vec::new() };
        let asked = ClientConstraint { field, constraint };
        move |d: &mut ChatDraft| d.generation.constraint = Some(asked)
    };
    let json = GrammarSyntax::JsonSchema;
    check(with("response_format", json, r#"{"type":"object"}"#), None);
    check(with("guided_json", json, "[1]"), Some("`guided_json` must be a JSON Schema object"));
    check(with("response_format", json, "{oops"), Some("`response_format` is no JSON Schema"));
    check(with("guided_regex", GrammarSyntax::Regex, "a+"), None);
    let long = "a".repeat(limits::CONSTRAINT_BYTES + 1);
    check(
        with("guided_regex", GrammarSyntax::Regex, &long),
        Some("`guided_regex` may hold at most 65536 bytes"),
    );
    check(with("grammar", GrammarSyntax::Gbnf, &long), Some("`grammar`"));
}

#[test]
fn completions() {
    let of = |prefix: &str, suffix: Option<&str>| {
        CompletionCommand::try_from(CompletionDraft {
            prefix: prefix.to_owned(),
            suffix: suffix.map(str::to_owned),
            ..CompletionDraft::default()
        })
    };
    assert!(of("Once", None).is_ok());
    assert!(of("", Some("end")).is_ok());
    assert_eq!(of("", None).unwrap_err().field.as_deref(), Some("prompt"));
    assert!(of(&"x".repeat(limits::TEXT_BYTES + 1), None).is_err());
}

#[test]
fn brackets_in_strings_do_not_nest() {
    assert_eq!(nesting(r#"{"a":"[[[[\"[["}"#), 1);
    assert_eq!(nesting("]]]["), 1);
}
