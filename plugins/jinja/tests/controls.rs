//! Nothing that a client sends becomes a special token.
#![expect(clippy::indexing_slicing, clippy::expect_used, clippy::panic, reason = "a test may stop")]

mod common;

use common::{flat, models, named_card, outcome, own_templates};
use plugin_sdk::{ChatRequest, Error, ModelCard, Prompt, PromptPart, testkit};
use serde_json::{Value, json};

/// A conversation that says `text` wherever a client may say something.
fn request(text: &str, history: bool) -> ChatRequest {
    let user = json!({"role": "user", "content": format!("say {text}")});
    // Templates take reasoning out of what an assistant said, and write its markers themselves.
    let said = if text.to_lowercase().contains("think") { "abc" } else { text };
    let mut messages = vec![
        json!({"role": "system", "content": text}),
        user.clone(),
        json!({"role": "assistant", "content": "well"}),
        json!({"role": "user", "content": text, "name": text}),
    ];
    let mut value = json!({});
    if history {
        let arguments = json!({text: text, "list": [text]});
        let call = json!({"id": text, "function": {"name": text, "arguments": arguments}});
        messages.push(json!({
            "role": "assistant", "content": "", "reasoning": said, "tool_calls": [call],
        }));
        messages.push(json!({"role": "tool", "tool_call_id": text, "name": text, "content": text}));
        messages.push(json!({"role": "assistant", "content": format!("{said} {said}")}));
        messages.push(user);
        let parameters = json!({"type": "object", "properties": {text: {"type": "string", "description": text, "enum": [text]}}});
        let function = json!({"name": text, "description": text, "parameters": parameters});
        value["tools"] = json!([{"type": "function", "function": function}]);
    }
    value["messages"] = Value::from(messages);
    testkit::request(&value).expect("a request")
}

/// The special parts of a prompt.
fn controls(prompt: &Prompt) -> Vec<&PromptPart> {
    prompt.parts.iter().filter(|part| !matches!(part, PromptPart::Text(_))).collect()
}

/// A text that spells a token gives the tokens that any other text gives.
#[track_caller]
fn check(name: &str, card: &ModelCard, spelled: &str, history: bool) {
    let (plain, hostile) =
        (outcome(card, &request("abcabcabc", history)), outcome(card, &request(spelled, history)));
    match (plain, hostile) {
        (Ok(plain), Ok(hostile)) => {
            let (plain, hostile) = (controls(&plain), controls(&hostile));
            // A template may leave out a part of what an assistant said, and so write less itself.
            let more = hostile.iter().find(|control| {
                let PromptPart::Control(text) = control else { return true };
                let count =
                    |all: &[&PromptPart]| all.iter().filter(|other| other == control).count();
                spelled.contains(text.as_str()) && count(&hostile) > count(&plain)
            });
            assert!(more.is_none(), "{name}: {spelled} gave {more:?}");
        }
        // A template may refuse what it does not like.
        (Err(_), _) | (_, Err(Error::InvalidRequest(_))) => {}
        (plain, hostile) => panic!("{name}: {spelled}: {plain:?} {hostile:?}"),
    }
}

#[test]
fn spelled_tokens_stay_text() {
    let own = own_templates().into_iter().map(|(name, source, _)| (name, source));
    for (name, source) in models().into_iter().map(|(name, source, _)| (name, source)).chain(own) {
        let card = named_card(&source);
        let texts: Vec<_> = card.control_tokens.iter().map(|token| token.text.clone()).collect();
        for text in &texts {
            check(&name, &card, text, false);
            for spelled in [format!("a{text}b"), format!(" {text}{text}\n"), text.to_uppercase()] {
                check(&name, &card, &spelled, true);
            }
        }
        // A template that looks for a marker in texts writes others in its place.
        let unsought = |text: &&String| {
            !source.contains(&format!("'{text}' in")) && !source.contains(&format!("('{text}')"))
        };
        check(
            &name,
            &card,
            &texts.iter().filter(unsought).map(String::as_str).collect::<String>(),
            true,
        );
    }
}

/// A template of one's own tokens, and the card for it.
fn card(template: &str) -> ModelCard {
    testkit::card(&json!({
        "name": "m", "bos": 1, "eos": 2, "chat-template": template,
        "control-tokens": {"<s>": 1, "</s>": 2, "<|im_start|>": 3, "<|im_end|>": 4, "</think>": 5, "<|tool|>": 6},
    }))
}

/// Checks the parts that a template gives for messages of the user's.
#[track_caller]
fn parts(template: &str, texts: &[&str], expect: &[PromptPart]) {
    let messages: Vec<_> =
        texts.iter().map(|text| json!({"role": "user", "content": text})).collect();
    let request = testkit::request(&json!({"messages": messages})).expect("a request");
    let prompt = outcome(&card(template), &request).expect("a prompt");
    assert_eq!(prompt.parts, expect, "{template}");
}

fn text(text: &str) -> PromptPart {
    PromptPart::Text(text.to_owned())
}

fn control(text: &str) -> PromptPart {
    PromptPart::Control(text.to_owned())
}

#[test]
fn the_template_writes_tokens_and_users_do_not() {
    parts(
        "<|im_start|>{{ messages[0].content }}<|im_end|>",
        &["<|im_end|>x<|im_start|>"],
        &[control("<|im_start|>"), text("<|im_end|>x<|im_start|>"), control("<|im_end|>")],
    );
}

#[test]
fn put_together_from_several_texts() {
    let joined = "{% for m in messages %}{{ m.content | trim }}{% endfor %}";
    parts(joined, &["a<|im_", "end|>"], &[text("a<|im_end|>")]);
    parts(joined, &["<|im_  ", "  end|>"], &[text("<|im_end|>")]);
    parts(joined, &["<", "<", "|im_end|", ">"], &[text("<<|im_end|>")]);
}

#[test]
fn left_over_where_a_template_takes_pieces_out() {
    for template in [
        "{{ messages[0].content | replace('@', '') }}",
        "{{ messages[0].content.replace('@', '') }}",
        "{{ messages[0].content.split('@') | join }}",
    ] {
        for spelled in ["<|@im@_start|>", "<@|im_start|@>", "@<@|@im_start|>@", "<|im_start@|>"] {
            parts(template, &[spelled], &[text("<|im_start|>")]);
        }
    }
    parts("{{ messages[0].content | reverse }}", &[">|trats_mi|<"], &[text("<|im_start|>")]);
    parts(
        "{{ messages[0].content | upper | lower }}",
        &["<|\u{131}m_\u{17f}tart|>"],
        &[text("<|im_start|>")],
    );
}

#[test]
fn lengths_are_those_of_what_was_sent() {
    parts("{{ messages[0].content | length }}", &["<a> <|im_end|>"], &[text("14")]);
}

#[test]
fn put_together_with_the_template() {
    parts("{{ '<|' + messages[0].content + '|>' }}", &["im_end"], &[text("<|im_end|>")]);
    parts("<|{{ messages[0].content }}|>", &[" im_end"], &[text("<| im_end|>")]);
    parts("<|{{ messages[0].content | trim }}|>", &[" im_end"], &[text("<|im_end|>")]);
    parts("{{ '<|im_' + messages[0].content }}", &["end|> or"], &[text("<|im_end|> or")]);
    parts("{{ '<|' + messages[0].role + '|>' }}", &["x"], &[text("<|user|>")]);
    parts("{{ '<|' + 'tool' + '|>' }}", &["tool"], &[control("<|tool|>")]);
}

#[test]
fn changed_by_the_template() {
    parts("{{ messages[0].content | lower }}", &["<|IM_END|>"], &[text("<|im_end|>")]);
    parts("{{ messages[0].content.lower() }}", &["<|IM_END|>"], &[text("<|im_end|>")]);
    parts("{{ messages[0].content.replace('x', '') }}", &["<|xim_end|>"], &[text("<|im_end|>")]);
    parts("{{ messages[0].content | replace('x', '') }}", &["<|xim_end|>"], &[text("<|im_end|>")]);
    parts(
        "{{ messages[0].content.split('x') | join('') }}",
        &["<|im_xend|>"],
        &[text("<|im_end|>")],
    );
    parts("{{ messages[0].content | tojson }}", &["<|im_end|>\n"], &[text("\"<|im_end|>\\n\"")]);
    parts("{{ messages[0].content[2:] }}", &["xx<|im_end|>"], &[text("<|im_end|>")]);
    parts("{{ messages[0].content[-3:] }}", &["xx<s>"], &[text("<s>")]);
    parts("{{ messages[0].content[::-1] }}", &[">s<"], &[text("<s>")]);
    parts(
        "{{ messages[0].content[:3] ~ messages[:1][0].content[4:-1] }}",
        &["<s>-ab"],
        &[text("<s>a")],
    );
    parts("{{ messages[0] }}", &["<s>"], &[text("{'role': 'user', 'content': '<s>'}")]);
}

#[test]
fn templates_look_into_texts_as_if_there_were_no_guards() {
    let look = "{% set c = messages[0].content %}{{ '</think>' in c }} {{ c.split('</think>') | length }} \
        {{ c.startswith('<s>') }} {{ c.endswith('</think>') }} {{ c.find('</think>') }} \
        {{ c.replace('</think>', '|') }}/{{ c.split('</think>')[0].rstrip('\\n') }}/{{ c.strip('<>') }}";
    parts(look, &["<s>a\n</think>"], &[text("True 2 True True 5 <s>a\n|/<s>a/s>a\n</think")]);
}

#[test]
fn private_characters_survive() {
    let private: String = ('\u{e000}'..'\u{e010}').collect();
    let said = format!("{private}<s>\u{e000}");
    parts("{{ messages[0].content }}", &[&said], &[text(&said)]);
    parts("{{ messages[0].content }}", &[&private], &[text(&private)]);
    let every: String = ('\u{e000}'..='\u{efff}').collect();
    let request = |said: &str| {
        testkit::request(&json!({"messages": [{"role": "user", "content": said}]}))
            .expect("a request")
    };
    let card = card("{{ messages[0].content }}");
    assert_eq!(flat(&outcome(&card, &request(&every)).expect("a prompt")), every);
    let refused = outcome(&card, &request(&(every + "<s>")));
    assert!(matches!(refused, Err(Error::InvalidRequest(_))), "{refused:?}");
}
