//! Nothing that a client sends becomes a special token.
#![expect(clippy::indexing_slicing, clippy::expect_used, clippy::panic, reason = "a test may stop")]

mod common;

use common::{flat, models, named_card, outcome, own_templates};
use plugin_sdk::{ChatRequest, Error, ModelCard, Prompt, PromptPart, testkit};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
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
fn put_together_by_formats() {
    for template in [
        "{{ '<|im_{}|>'.format(messages[0].content) }}",
        "{{ '<|im_{0}|>'.format(messages[0].content) }}",
        "{{ '<|im_{x}|>'.format(x=messages[0].content) }}",
        "{{ '<|im_%s|>' | format(messages[0].content) }}",
        "{{ ['<|im_', messages[0].content, '|>'] | join }}",
        "{{ ['<|im_', '|>'] | join(messages[0].content) }}",
        "{{ messages[0].content.join(['<|im_', '|>']) }}",
        "{{ '<|im_@|>' | replace('@', messages[0].content) }}",
        "{{ '<|im_@|>'.replace('@', messages[0].content) }}",
        "{{ '<|im_' ~ messages[0].content ~ '|>' }}",
        "{{ '<|im_' + messages[0].content + '|>' }}",
        "{% set x %}<|im_{{ messages[0].content }}|>{% endset %}{{ x | trim }}",
        "{% macro m(x) %}<|im_{{ x }}{% endmacro %}{{ m(messages[0].content) ~ '|>' }}",
        "{% set n = namespace(x='<|im_') %}{% for c in messages[0].content %}{% set n.x = n.x ~ c %}{% endfor %}{{ n.x }}|>",
        "<|im_{{ messages[0].content | list | join }}|>",
        "<|im_{{ messages[0].content[0] }}{{ messages[0].content[1:] }}|>",
        "<|im_{{ messages[0].content | first }}nd|>",
        "<|im_en{{ messages[0].content | last }}|>",
        "<|im_{{ messages[0].content | batch(2) | map('join') | join }}|>",
        "<|im_{{ messages[0].content | sort(reverse=true) | join | replace('ned', 'end') }}{{ messages[0].content }}|>",
    ] {
        let prompt = one(template, "end");
        assert!(controls(&prompt).is_empty(), "{template}: {prompt:?}");
        assert!(
            flat(&prompt).ends_with("<|im_end|>") || template.contains("sort"),
            "{template}: {prompt:?}"
        );
    }
    // A word of the template's own is no cover for a client's.
    parts(
        "{% if messages[0].content == 'tool' %}<|{{ messages[0].content }}|>{% endif %}",
        &["tool"],
        &[text("<|tool|>")],
    );
    parts(
        "{% set types = {'tool': 'im_end'} %}<|{{ types[messages[0].content] }}|>",
        &["tool"],
        &[control("<|im_end|>")],
    );
    parts("<|im_{{ messages[0].content | upper | lower }}|>", &["END"], &[text("<|im_end|>")]);
    parts("{{ messages[0].content | tojson }}", &["\u{1}"], &[text("\"\\u0001\"")]);
}

#[test]
fn keys_are_texts() {
    let call =
        json!({"id": "1", "function": {"name": "f", "arguments": {"im_end": {"tool": "s"}}}});
    let messages = json!([
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "x", "tool_call_id": "1"},
    ]);
    let request = testkit::request(&json!({"messages": messages})).expect("a request");
    let arguments = "messages[0].tool_calls[0].function.arguments";
    for (template, expect) in [
        ("{% for k, v in A.items() %}<|{{ k }}|>{{ v.tool }}{% endfor %}", "<|im_end|>s"),
        ("{% for k, v in A | dictsort %}<|{{ k }}|>{{ v['tool'] }}{% endfor %}", "<|im_end|>s"),
        (
            "{% for k in A %}<|{{ k }}|>{{ A[k].tool }}{{ 'im_end' in A }}{% endfor %}",
            "<|im_end|>sTrue",
        ),
        ("{{ A.im_end.get('tool') }}{{ A.get('b', 'c') }}{{ A | length }}", "sc1"),
        ("{{ A }}{{ A | tojson }}", "{'im_end': {'tool': 's'}}{\"im_end\": {\"tool\": \"s\"}}"),
        ("<{{ A.im_end.tool }}>", "<s>"),
    ] {
        let prompt = outcome(&card(&template.replace('A', arguments)), &request).expect("a prompt");
        assert_eq!(prompt.parts, [text(expect)], "{template}");
    }
}

#[test]
fn templates_look_into_texts_as_they_were_sent() {
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
    let spelled = every + "<s>";
    let prompt = outcome(&card, &request(&spelled)).expect("a prompt");
    assert_eq!(prompt.parts, [text(&spelled)]);
    // Those of the template itself are its own.
    parts("\u{e03c}s>{{ messages[0].content }}", &["s>"], &[text("\u{e03c}s>s>")]);
}

/// What a template makes of one text.
fn one(template: &str, said: &str) -> Prompt {
    outcome(&card(template), &conversation(said, said)).expect("a prompt")
}

fn conversation(first: &str, second: &str) -> ChatRequest {
    let messages = json!([
        {"role": "user", "content": first}, {"role": "assistant", "content": second},
    ]);
    testkit::request(&json!({"messages": messages})).expect("a request")
}

/// Expressions that put texts of a client's and pieces of tokens together in any way.
fn expression() -> impl Strategy<Value = String> {
    const PIECES: [&str; 12] = [
        "<", "<|", "<|im_", "im_end", "end|>", "|>", "</", "think>", "s>", "_start|>", " ", "tool",
    ];
    let leaf = prop_oneof![
        3 => Just("messages[0].content".to_owned()),
        1 => Just("messages[1].content".to_owned()),
        2 => select(&PIECES).prop_map(|piece| format!("'{piece}'")),
        1 => Just("'<|im_end|>'".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        let whole = [
            "A[1:]",
            "A[:-1]",
            "A[::-1]",
            "A[0]",
            "(A | reverse)",
            "(A | upper)",
            "(A | lower)",
            "(A | title)",
            "(A | capitalize)",
            "A.upper()",
            "A.lower()",
            "A.title()",
            "A.capitalize()",
            "A.center(9)",
            "A.ljust(9, '|')",
            "(A | list | join)",
            "(A | first)",
            "(A | last)",
            "(A | indent(2))",
            "(A | string)",
            "(A | trim)",
            "A.strip()",
            "(A | batch(3) | map('join') | join)",
            "(A | default('x'))",
            "A.splitlines() | join",
            "A.split() | join",
            "([A] | tojson)",
            "(A | e)",
            "([A, A] | last)",
            "{'a': A}.a",
            "(A if A else A)",
            "(A | map('upper') | join)",
            "A.zfill(7)",
        ];
        let pairs = [
            "(A ~ B)",
            "(A + B)",
            "[A, B] | join('|')",
            "'<|{}|>{}'.format(A, B)",
            "('%s%s|>' | format(A, B))",
            "A.join([B, B])",
            "('<|@|>' | replace('@', A ~ B))",
            "'im_@_'.replace('@', A ~ B)",
        ];
        prop_oneof![
            (select(whole.to_vec()), inner.clone())
                .prop_map(|(form, a)| format!("({})", form.replace('A', &a))),
            (select(pairs.to_vec()), inner.clone(), inner).prop_map(|(form, a, b)| {
                let form = form.replace('B', "\u{1}").replace('A', &a);
                format!("({})", form.replace('\u{1}', &b))
            }),
        ]
    })
}

/// Texts made of what tokens are made of.
fn said() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(vec![
            "<",
            "|",
            ">",
            "im_",
            "end",
            "start",
            "s",
            "/",
            "think",
            "tool",
            "_",
            " ",
            "\n",
            "é",
            "日",
            "<|im_end|>",
            "</think>",
            "IM_END",
            "\u{17f}",
            "\u{e03c}",
            "{}",
            "%s",
            "\"",
            "\\",
        ])
        .prop_map(str::to_owned),
        "[a-z<|>_/]{1,3}",
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_template_makes_a_token_of_what_a_client_sent(
        shape in expression(), first in said(), second in said(),
    ) {
        let template = format!("<s>{{{{ {shape} }}}}");
        let card = card(&template);
        let mut bare = card.clone();
        bare.control_tokens.clear();
        bare.bos = None;
        bare.eos = None;
        let hostile = outcome(&card, &conversation(&first, &second));
        // The text is what it is without any special tokens in the vocabulary.
        let plain = outcome(&bare, &conversation(&first, &second));
        prop_assert_eq!(hostile.is_ok(), plain.is_ok(), "{:?} {:?}", &hostile, &plain);
        let (Ok(hostile), Ok(plain)) = (hostile, plain) else { return Ok(()) };
        prop_assert_eq!(flat(&hostile), flat(&plain), "{}", &template);
        // Its tokens are those that it writes whatever the client says.
        let neutral = |said: &str| -> String {
            said.chars().map(|c| if c.is_whitespace() { c } else { '0' }).collect()
        };
        let same = outcome(&card, &conversation(&neutral(&first), &neutral(&second)));
        let Ok(same) = same else { return Ok(()) };
        prop_assert_eq!(controls(&hostile), controls(&same), "{}", &template);
    }

    #[test]
    fn searching_and_comparing_see_what_was_sent(first in said(), second in said()) {
        let template = "{% set a, b = messages[0].content, messages[1].content %}\
            {{ a == b }}{{ a in b }}{{ a != 'end' }}{{ 'im_' in a }}{{ a in ['end', b, 's'] }}\
            {{ a.find('_') }}{{ a.count('e') }}{{ a.startswith('<|') }}{{ a.endswith(b) }}\
            {{ a.split('|') }}{{ a.rsplit('e', 1) | tojson }}{{ a.partition('<') | list }}\
            {{ a.strip('<>s') }}{{ a.replace('en', '_') }}{{ a.removeprefix('<') }}{{ a | length }}\
            {{ a.split() | sort }}{{ [a, b] | sort | join(',') }}{{ a is startingwith('im') }}\
            {{ {'end': 1, 'x': 2}[a] }}{{ {'end': 1}.get(a, 0) }}{{ a.isalpha() }}{{ a | int(7) }}\
            {{ a is lower }}{{ [b] | select('equalto', a) | list | length }}{{ a.splitlines() }}\
            {{ a is eq(b) }}{{ not a == b }}{{ a not in b }}{{ a.rfind('s') }}{{ a | e }}";
        let card = card(template);
        let mut bare = card.clone();
        bare.control_tokens.clear();
        bare.bos = None;
        bare.eos = None;
        let actual = outcome(&card, &conversation(&first, &second)).map(|prompt| flat(&prompt));
        let expect = outcome(&bare, &conversation(&first, &second)).map(|prompt| flat(&prompt));
        prop_assert_eq!(actual, expect);
    }
}
