//! Calls as lines of Python.

use super::*;

#[test]
fn lists() {
    let two = r#"{"call":"weather"} {"arguments":"{\"city\": \"Paris\", \"days\": 1}"} {"call":"now"} {"arguments":"{}"}"#;
    check(Syntax::Pythonic, "[weather(city=\"Paris\", days=1), now()]", two);
    check(
        Syntax::Lfm2,
        "<|tool_call_start|>[weather(city=\"Paris\", days=1), now()]<|tool_call_end|>",
        two,
    );
    check(
        Syntax::Lfm2,
        "Let me see.<|tool_call_start|>[calendar.add(title=\"a [b\")]<|tool_call_end|>",
        r#"{"content":"Let me see."} {"call":"calendar.add"} {"arguments":"{\"title\": \"a [b\"}"}"#,
    );
    check(
        Syntax::Lfm2,
        "<|tool_call_start|>[config(settings={\"enabled\": True, \"note\": null, 'n': [1, None]})]<|tool_call_end|>",
        r#"{"call":"config"} {"arguments":"{\"settings\": {\"enabled\": true, \"note\": null, \"n\": [1, null]}}"}"#,
    );
    check(
        Syntax::Lfm2,
        "<|tool_call_start|>[python(code=\"print(\\\"hi\\\")\\n\\tx\")]<|tool_call_end|>",
        r#"{"call":"python"} {"arguments":"{\"code\": \"print(\\\"hi\\\")\\n\\tx\"}"}"#,
    );
    check(
        Syntax::Lfm2,
        "<think>Let me think about <|tool_call_start|>[now()]<|tool_call_end|> hmm</think><|tool_call_start|>[now()]<|tool_call_end|>",
        r#"{"reasoning":"Let me think about <|tool_call_start|>[now()]<|tool_call_end|> hmm"} {"call":"now"} {"arguments":"{}"}"#,
    );
    for text in [
        "Use [link text](url). Example: [Wikipedia](https://www.wikipedia.org).",
        "[link text](url)",
        "[weather] is fine",
        "[weather(city=open('x'))]",
        "[weather(city=\"Paris\"",
        "[now(), [1, 2]]",
    ] {
        check_content(Syntax::Pythonic, text);
        check_content(Syntax::Lfm2, text);
    }
}

#[test]
fn fences() {
    check(
        Syntax::Gemma,
        "OK\n```tool_code\nprint(weather(city='Paris'))\nnow()\n```",
        r#"{"content":"OK"} {"call":"weather"} {"arguments":"{\"city\": \"Paris\"}"} {"call":"now"} {"arguments":"{}"}"#,
    );
    check_content(Syntax::Gemma, "```tool_code\nimport os\n```");
    check_content(Syntax::Gemma, "```python\nnow()\n```");
}
