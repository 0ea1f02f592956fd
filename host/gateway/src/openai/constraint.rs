//! What the client wants the answer to follow.

use inference::{ClientConstraint, InvalidCommand};
use model::{Constraint, GrammarSyntax};
use serde_json::{Value, json};

use super::request::GenerationRequest;

/// Any JSON object.
const ANY_OBJECT: &str = r#"{"type":"object"}"#;

/// The one constraint of a request, taken out of it.
pub(super) fn of(
    request: &mut GenerationRequest,
) -> Result<Option<ClientConstraint>, InvalidCommand> {
    let of = |syntax, source| Some(Constraint { syntax, source, triggers: Vec::new() });
    let schema = |value: &Value| of(GrammarSyntax::JsonSchema, as_json(value));
    let mut found = Vec::new();
    if let Some(format) = request.response_format.take() {
        found.extend(response_format(&format.0)?.map(|c| ("response_format", c)));
    }
    if let Some(json) = request.guided_json.take() {
        found.extend(schema(&json.0).map(|c| ("guided_json", c)));
    }
    if request.guided_json_object.take() == Some(true) {
        let any = of(GrammarSyntax::JsonSchema, ANY_OBJECT.to_owned());
        found.extend(any.map(|c| ("guided_json_object", c)));
    }
    if let Some(regex) = request.guided_regex.take().filter(|text| !text.is_empty()) {
        found.extend(of(GrammarSyntax::Regex, regex).map(|c| ("guided_regex", c)));
    }
    if let Some(choices) = request.guided_choice.take() {
        found.extend(of(GrammarSyntax::Lark, choice(&choices)?).map(|c| ("guided_choice", c)));
    }
    let grammars =
        [("guided_grammar", request.guided_grammar.take()), ("grammar", request.grammar.take())];
    for (field, grammar) in grammars {
        if let Some(grammar) = grammar.filter(|text| !text.is_empty()) {
            // Only GBNF has this arrow.
            let gbnf = grammar.contains("::=");
            let syntax = if gbnf { GrammarSyntax::Gbnf } else { GrammarSyntax::Lark };
            found.extend(of(syntax, grammar).map(|c| (field, c)));
        }
    }
    let mut found = found.into_iter();
    let found = match (found.next(), found.next()) {
        (Some((first, _)), Some((second, _))) => {
            let reason = format!("cannot be used together with `{first}`: send one of them");
            return Err(InvalidCommand::new(second, reason));
        }
        (first, _) => first.map(|(field, constraint)| ClientConstraint { field, constraint }),
    };
    match request.guided_whitespace_pattern.take().filter(|pattern| !pattern.is_empty()) {
        Some(pattern) => with_whitespace(found, &pattern).map(Some),
        None => Ok(found),
    }
}

/// The constraint with other blanks between the parts of its JSON.
fn with_whitespace(
    found: Option<ClientConstraint>,
    pattern: &str,
) -> Result<ClientConstraint, InvalidCommand> {
    const FIELD: &str = "guided_whitespace_pattern";
    let needs = "needs a JSON Schema, such as one in `guided_json` or `response_format`";
    let Some(ClientConstraint { field, mut constraint }) =
        found.filter(|found| found.constraint.syntax == GrammarSyntax::JsonSchema)
    else {
        return Err(InvalidCommand::new(FIELD, needs));
    };
    regex_syntax::parse(pattern)
        .map_err(|_| InvalidCommand::new(FIELD, "is no regular expression"))?;
    // What is no object is refused where schemas are checked.
    if let Ok(Value::Object(mut schema)) = serde_json::from_str(&constraint.source) {
        schema.insert("x-guidance".to_owned(), json!({ "whitespace_pattern": pattern }));
        constraint.source = Value::Object(schema).to_string();
    }
    Ok(ClientConstraint { field, constraint })
}

/// JSON that came as an object, or as a string that holds one.
fn as_json(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn response_format(format: &Value) -> Result<Option<Constraint>, InvalidCommand> {
    const FIELD: &str = "response_format";
    let of = |source: String| {
        Ok(Some(Constraint { syntax: GrammarSyntax::JsonSchema, source, triggers: Vec::new() }))
    };
    let kind = match format {
        Value::String(kind) => Some(kind.as_str()),
        Value::Object(object) => object.get("type").and_then(Value::as_str),
        _ => None,
    };
    let Some(kind) = kind else {
        return Err(InvalidCommand::new(
            format!("{FIELD}.type"),
            "is missing: it must be `text`, `json_object` or `json_schema`",
        ));
    };
    // llama.cpp and Together put the schema beside the type.
    let beside = format.get("schema").filter(|schema| !schema.is_null());
    match kind {
        "text" => Ok(None),
        "json_object" => of(beside.map_or_else(|| ANY_OBJECT.to_owned(), as_json)),
        "json_schema" => {
            let inner = format.get("json_schema");
            let schema = inner.and_then(|inner| inner.get("schema")).or(beside);
            schema.filter(|schema| !schema.is_null()).map_or_else(
                || Err(InvalidCommand::new("response_format.json_schema.schema", "is missing")),
                |schema| of(as_json(schema)),
            )
        }
        other => {
            let other: String = other.chars().take(64).collect();
            Err(InvalidCommand::new(
                format!("{FIELD}.type"),
                format!("must be `text`, `json_object` or `json_schema`, it is `{other}`"),
            ))
        }
    }
}

/// A grammar with one alternative for each text.
fn choice(choices: &[String]) -> Result<String, InvalidCommand> {
    if choices.is_empty() {
        return Err(InvalidCommand::new("guided_choice", "is empty: send at least one text"));
    }
    if let Some(at) = choices.iter().position(String::is_empty) {
        let field = format!("guided_choice[{at}]");
        return Err(InvalidCommand::new(field, "is empty: leave it out"));
    }
    // Lark's strings are written as JSON's are.
    let quoted = choices.iter().map(|text| Value::from(text.as_str()).to_string());
    Ok(format!("start: {}", quoted.collect::<Vec<_>>().join(" | ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expect: Result<Option<(GrammarSyntax, &str)>, &str>) {
        let mut request: GenerationRequest = serde_json::from_str(body).unwrap();
        match (of(&mut request), expect) {
            (Ok(got), Ok(expect)) => {
                let got = got.as_ref().map(|c| (c.constraint.syntax, c.constraint.source.as_str()));
                assert_eq!(got, expect, "{body}");
            }
            (Err(error), Err(part)) => {
                let text = error.to_string();
                assert!(text.contains(part), "`{text}` lacks `{part}`");
            }
            (got, _) => panic!("{body}: {got:?}"),
        }
    }

    #[test]
    fn each_field_gives_its_constraint() {
        use GrammarSyntax::{Gbnf, JsonSchema, Lark, Regex};
        check("{}", Ok(None));
        check(r#"{"response_format":{"type":"text"}}"#, Ok(None));
        check(r#"{"response_format":{"type":"json_object"}}"#, Ok(Some((JsonSchema, ANY_OBJECT))));
        check(
            r#"{"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"b":1,"a":2}}}}"#,
            Ok(Some((JsonSchema, r#"{"b":1,"a":2}"#))),
        );
        check(
            r#"{"guided_json":"{\"type\": \"string\"}"}"#,
            Ok(Some((JsonSchema, r#"{"type": "string"}"#))),
        );
        check(r#"{"guided_json_object":true}"#, Ok(Some((JsonSchema, ANY_OBJECT))));
        check(r#"{"guided_regex":"a+"}"#, Ok(Some((Regex, "a+"))));
        check(r#"{"guided_choice":["yes","n\"o"]}"#, Ok(Some((Lark, r#"start: "yes" | "n\"o""#))));
        check(r#"{"guided_grammar":"root ::= \"a\""}"#, Ok(Some((Gbnf, r#"root ::= "a""#))));
        check(r#"{"grammar":"start: \"a\""}"#, Ok(Some((Lark, r#"start: "a""#))));
    }

    #[test]
    fn contradictions_are_refused() {
        check(r#"{"guided_regex":"a","guided_choice":["b"]}"#, Err("together with `guided_regex`"));
        check(r#"{"response_format":{"type":"xml"}}"#, Err("it is `xml`"));
        check(
            r#"{"response_format":{"type":"json_schema"}}"#,
            Err("json_schema.schema` is missing"),
        );
        check(r#"{"guided_choice":[""]}"#, Err("`guided_choice[0]`"));
        check(r#"{"guided_choice":[]}"#, Err("`guided_choice` is empty"));
        for format in ["{}", "[]", "7", "true", r#"{"type":7}"#, r#"{"type":null}"#] {
            let body = format!(r#"{{"response_format":{format}}}"#);
            check(&body, Err("`response_format.type` is missing"));
        }
    }

    #[test]
    fn blanks_are_the_schemas() {
        let pattern = r#""guided_whitespace_pattern":"[ ]?""#;
        check(
            &format!(r#"{{"guided_json":{{"type":"object"}},{pattern}}}"#),
            Ok(Some((
                GrammarSyntax::JsonSchema,
                r#"{"type":"object","x-guidance":{"whitespace_pattern":"[ ]?"}}"#,
            ))),
        );
        check(r#"{"guided_whitespace_pattern":""}"#, Ok(None));
        check(&format!("{{{pattern}}}"), Err("`guided_whitespace_pattern` needs a JSON Schema"));
        check(&format!(r#"{{"guided_regex":"a",{pattern}}}"#), Err("needs a JSON Schema"));
        check(
            r#"{"guided_json_object":true,"guided_whitespace_pattern":"["}"#,
            Err("`guided_whitespace_pattern` is no regular expression"),
        );
    }
}
