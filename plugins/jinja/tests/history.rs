//! A reply of the model's own, sent back as history, is never refused by its template.
#![expect(clippy::unwrap_used, reason = "a test may stop")]

mod common;

use common::{flat, outcome};
use plugin_sdk::testkit;
use serde_json::{Value, json};

#[track_caller]
fn check(template: &str, messages: &Value, expect: &str) {
    let card = testkit::card(&json!({"name": "m", "chat-template": template}));
    let request = testkit::request(&json!({"messages": messages})).unwrap();
    assert_eq!(flat(&outcome(&card, &request).unwrap()), expect);
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    let function = json!({"name": name, "arguments": arguments});
    json!({"id": id, "type": "function", "function": function})
}

fn result(id: &str, content: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": content})
}

#[test]
fn ids_of_any_form_suit_mistral() {
    const TEMPLATE: &str = "{% for m in messages %}{% for c in m.tool_calls or [] %}\
        {% if c.id|length != 9 %}\
        {{ raise_exception('Tool call IDs should be alphanumeric strings with length 9!') }}\
        {% endif %}<{{ c.id }}>{% endfor %}{{ m.tool_call_id }}{% endfor %}";
    let loops = |id: &str| {
        json!([
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "", "tool_calls": [call(id, "f", "{}")]},
            result(id, "1"),
        ])
    };
    check(TEMPLATE, &loops("abcDEF123"), "<abcDEF123>abcDEF123");
    let card = testkit::card(&json!({"name": "m", "chat-template": TEMPLATE}));
    let request =
        testkit::request(&json!({"messages": loops("call_c141630ae70745ba92660395")})).unwrap();
    let text = flat(&outcome(&card, &request).unwrap());
    let (id, of_result) = text.strip_prefix('<').unwrap().split_once('>').unwrap();
    assert_eq!((id.len(), id), (9, of_result));
}

#[test]
fn calls_at_once_come_one_by_one() {
    const TEMPLATE: &str = "{% for m in messages %}{% if m.tool_calls %}\
        {% if m.tool_calls|length != 1 %}\
        {{ raise_exception('This model only supports single tool-calls at once!') }}{% endif %}\
        {{ m.content }}[{{ m.tool_calls[0].function.name }}]\
        {% else %}{{ m.role }}:{{ m.content }};{% endif %}{% endfor %}";
    let calls = [call("1", "a", "{}"), call("2", "b", "{}"), call("3", "c", "{}")];
    let asked = json!({"role": "assistant", "content": "So ", "tool_calls": calls});
    let all = json!([
        {"role": "user", "content": "x"}, asked, result("2", "B"), result("1", "A"),
        result("9", "?"), {"role": "user", "content": "y"},
    ]);
    check(TEMPLATE, &all, "user:x;So [a]tool:A;[b]tool:B;[c]tool:?;user:y;");
    check(TEMPLATE, &json!([asked]), "So [a][b][c]");
}

#[test]
fn content_beside_a_call_replaces_reasoning_where_there_cannot_be_both() {
    const TEMPLATE: &str = "{% for m in messages %}{% if m.content and m.thinking %}\
        {{ raise_exception('Cannot pass both content and thinking in an assistant message!') }}\
        {% endif %}({{ m.thinking }}|{{ m.content }}){% endfor %}";
    let said = |content: &str, calls: &[Value]| {
        json!([{"role": "assistant", "content": content, "reasoning_content": "why",
            "tool_calls": calls}])
    };
    check(TEMPLATE, &said("Let me see.", &[call("1", "a", "{}")]), "(|Let me see.)");
    check(TEMPLATE, &said("", &[call("1", "a", "{}")]), "(why|)");
}

#[test]
fn numbers_keep_their_digits() {
    const TEMPLATE: &str = "{% for c in messages[0].tool_calls %}\
        {% for k, v in c.function.arguments|items %}{{ v }} {{ v|string }} {{ v|tojson }};\
        {% endfor %}{% endfor %}";
    let arguments = r#"{"a": 123456789012345678901234567890, "b": 1e-5, "c": 1e16, "d": 2.50}"#;
    let message = json!([{"role": "assistant", "content": "", "tool_calls":
        [call("1", "f", arguments)]}]);
    let big = "123456789012345678901234567890";
    let expect = format!("{big} {big} {big};1e-05 1e-05 1e-05;1e+16 1e+16 1e+16;2.5 2.5 2.5;");
    check(TEMPLATE, &message, &expect);
}
