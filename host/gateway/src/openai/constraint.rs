//! What the client wants the answer to follow.

use inference::{ClientConstraint, InvalidCommand};
use model::{Constraint, GrammarSyntax};
use serde_json::Value;

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
    if let Some(choices) = request.guided_choice.take().filter(|list| !list.is_empty()) {
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
    match (found.next(), found.next()) {
        (Some((first, _)), Some((second, _))) => Err(InvalidCommand::new(
            second,
            format!("cannot be used together with `{first}`: send one of them"),
        )),
        (first, _) => Ok(first.map(|(field, constraint)| ClientConstraint { field, constraint })),
    }
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
        Value::String(kind) => kind.as_str(),
        other => other.get("type").and_then(Value::as_str).unwrap_or("text"),
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
        other => Err(InvalidCommand::new(
            format!("{FIELD}.type"),
            format!("must be `text`, `json_object` or `json_schema`, it is `{other}`"),
        )),
    }
}

/// A grammar with one alternative for each text.
fn choice(choices: &[String]) -> Result<String, InvalidCommand> {
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
    }
}
