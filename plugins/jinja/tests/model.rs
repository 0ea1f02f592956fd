//! What the family makes of a card: templates by name, options, features, tokens that begin and end.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may stop")]

mod common;

use common::{flat, outcome};
use jinja::Jinja;
use plugin_sdk::reply::Events;
use plugin_sdk::{Chat, Error, Family, FinishReason, Fit, ModelCard, ReplyEvent, testkit};
use serde_json::{Value, json};

const CHATML: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n\
    {% endfor %}<|im_start|>assistant\n{% if tools and false %}<tool_call></tool_call>{% endif %}\
    {% if enable_thinking %}<think>\n{% endif %}";

fn card(fields: &Value) -> ModelCard {
    let mut card = json!({
        "name": "m", "bos": 1, "eos": 2, "chat-template": CHATML,
        "control-tokens": {"<s>": 1, "</s>": 2, "<|im_start|>": 3, "<|im_end|>": 4, "<|eot_id|>": 5},
    });
    for (key, value) in fields.as_object().unwrap() {
        card[key] = value.clone();
    }
    testkit::card(&card)
}

fn hello(more: &Value) -> plugin_sdk::ChatRequest {
    let mut request = json!({"messages": [{"role": "user", "content": "Hi"}]});
    for (key, value) in more.as_object().unwrap() {
        request[key] = value.clone();
    }
    testkit::request(&request).unwrap()
}

#[test]
fn recognition_and_features() {
    assert_eq!(Jinja::recognize(&card(&json!({}))).fit, Fit::Generic);
    assert_eq!(Jinja::recognize(&card(&json!({"chat-template": null}))).fit, Fit::None);
    let own = json!({"metadata": {"modelhost.family": "jinja"}});
    assert_eq!(Jinja::recognize(&card(&own)).fit, Fit::Exact);
    let metadata = json!({"general.sampling.temp": "0.6", "general.sampling.top_k": "20"});
    let profile = Jinja::profile(&card(&json!({"metadata": metadata}))).unwrap();
    assert_eq!(profile.features, ["tools", "reasoning", "hybrid"]);
    assert_eq!(profile.sampling, [("temperature".to_owned(), 0.6), ("top-k".to_owned(), 20.0)]);
    let plain = Jinja::profile(&card(&json!({"chat-template": "{{ messages }}"}))).unwrap();
    assert_eq!((plain.style.as_str(), plain.features.len()), ("plain", 0));
}

#[test]
fn options() {
    for (key, value) in [("syntax", "hermes"), ("content", "parts"), ("arguments", "string")] {
        Jinja::profile(&card(&json!({"options": {key: value}}))).unwrap();
        let wrong = Jinja::profile(&card(&json!({"options": {key: "nonsense"}})));
        assert!(matches!(wrong, Err(Error::InvalidRequest(_))), "{key}");
    }
    assert!(Jinja::profile(&card(&json!({"options": {"sytnax": "hermes"}}))).is_err());
    let parts =
        json!({"chat-template": "{{ messages[0].content }}", "options": {"content": "parts"}});
    let prompt = outcome(&card(&parts), &hello(&json!({}))).unwrap();
    assert_eq!(flat(&prompt), "[{'type': 'text', 'text': 'Hi'}]");
}

#[test]
fn a_template_for_tools() {
    let card = card(
        &json!({"metadata": {"tokenizer.chat_template.tool_use": "with {{ tools | length }}"}}),
    );
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f"}}]});
    assert_eq!(flat(&outcome(&card, &hello(&tools)).unwrap()), "with 1");
    let none = json!({"tools": tools["tools"], "tool-choice": "none"});
    for request in [hello(&json!({})), hello(&none)] {
        assert!(flat(&outcome(&card, &request).unwrap()).starts_with("<|im_start|>user\nHi"));
    }
}

#[test]
fn tokens_that_begin_and_end() {
    let prompt = outcome(&card(&json!({})), &hello(&json!({}))).unwrap();
    assert_eq!((prompt.add_bos, prompt.stop_tokens.as_slice()), (None, [2, 4, 5].as_slice()));
    for template in [
        "<s>{{ messages[0].content }}",
        "{{ bos_token }}x",
        "{% if false %}{{ bos_token }}{% endif %}x",
    ] {
        let prompt =
            outcome(&card(&json!({"chat-template": template})), &hello(&json!({}))).unwrap();
        assert_eq!(prompt.add_bos, Some(false), "{template}");
    }
}

#[test]
fn variables() {
    let card = card(&json!({"chat-template": "{{ style }} {{ thinking }} {{ reasoning_effort }}"}));
    let request = hello(&json!({
        "template-variables": {"style": "<s>brief"}, "reasoning": true, "reasoning-effort": "high",
    }));
    let prompt = outcome(&card, &request).unwrap();
    assert_eq!(flat(&prompt), "<s>brief True high");
    assert_eq!(prompt.parts.len(), 1, "{prompt:?}");
    let own = hello(&json!({"template-variables": {"messages": []}}));
    assert!(matches!(outcome(&card, &own), Err(Error::InvalidRequest(_))));
}

#[test]
fn replies() {
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}], "reasoning": true});
    let (card, request) = (card(&json!({})), hello(&tools));
    let prompt = outcome(&card, &request).unwrap();
    let mut parser = <Jinja as Chat>::parser(&card, &request, &prompt);
    let mut events = Events::default();
    let said =
        "Hm.</think>\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
    parser.push(said, &mut events);
    parser.finish(FinishReason::Stop, &mut events);
    let events = events.into_vec();
    assert!(
        events
            .iter()
            .any(|event| matches!(event, ReplyEvent::ToolCallStart(start) if start.name == "f")),
        "{events:?}"
    );
}

#[test]
fn tools_without_descriptions() {
    let template = "{% for tool in tools %}{{ '// ' + tool.function.description + '|' }}\
        {% for name, spec in tool.function.parameters.properties.items() %}\
        {{ name + ': ' + spec.description }}{% endfor %}{% endfor %}";
    let card = card(&json!({"chat-template": template}));
    let parameters = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": parameters}});
    let request = hello(&json!({"tools": [tool("f"), tool("g")]}));
    assert_eq!(flat(&outcome(&card, &request).unwrap()), "// |a: // |a: ");
}

#[test]
fn queues_in_namespaces() {
    let template = "{% set q = namespace(ids=[]) %}{% macro add(x) %}{% set _ = q.ids.append(x) %}{% endmacro %}\
        {% for x in 'abc' %}{% set _ = q.ids.append(x) %}{% endfor %}{{ add('d') }}\
        {%- set first = q.ids.pop(0) -%}{{ first }}{{ q.ids | join }}{% set q.ids = [] %}";
    let card = card(&json!({"chat-template": template}));
    assert_eq!(flat(&outcome(&card, &hello(&json!({}))).unwrap()), "abcd");
}

#[test]
fn a_broken_template_says_where() {
    let broken = card(&json!({"chat-template": "a\n{{ messages[0].content.nothing.more }}"}));
    let Err(Error::InvalidRequest(text)) = outcome(&broken, &hello(&json!({}))) else {
        unreachable!()
    };
    assert!(text.contains("(line 2)") && text.contains("name a family"), "{text}");
    let wrong = Jinja::recognize(&card(&json!({"chat-template": "a\n{% if %}"})));
    assert_eq!(wrong.fit, Fit::None);
    assert!(wrong.reason.contains("(line 2)"), "{}", wrong.reason);
}
