//! What is answered.

use inference::ReplyItem;
use model::{FinishReason, Message, PromptPart, Role, Tool, ToolCall, ToolChoice};

use crate::host::{Host, chat, message};

fn tool() -> Tool {
    Tool {
        name: "weather".into(),
        description: None,
        parameters_json: "{}".into(),
        definition_json: "{}".into(),
    }
}

#[tokio::test]
async fn no_tokens_are_an_empty_reply() {
    let Some(host) = Host::start().await else { return };
    let (items, usage) = host.complete("Once upon", |g| g.max_tokens = Some(0)).await.unwrap();
    let text = items.iter().any(|item| matches!(item, ReplyItem::Content { .. }));
    assert!(!text, "{items:?}");
    let end = items.last().unwrap();
    assert!(matches!(end, ReplyItem::Finished { reason: FinishReason::Length, .. }), "{end:?}");
    assert!(usage.prompt_tokens > 0, "{usage:?}");
    assert_eq!(usage.completion_tokens, 0);
}

#[tokio::test]
async fn tools_that_may_not_be_called_disturb_no_family() {
    let Some(host) = Host::start().await else { return };
    let mut draft = chat(vec![message(Role::User, "hello")]);
    draft.request.tools = vec![tool()];
    let refused = host.inference.chat(draft.clone().try_into().unwrap()).await;
    let refused = refused.err().unwrap().to_string();
    assert!(refused.contains("`tiny` does not support tool calls"), "{refused}");
    draft.request.tool_choice = ToolChoice::None;
    host.inference.chat(draft.try_into().unwrap()).await.unwrap();
}

#[tokio::test]
async fn earlier_calls_are_text_for_a_family_without_tools() {
    let Some(host) = Host::start().await else { return };
    let call =
        ToolCall { id: "1".into(), name: "weather".into(), arguments_json: "{\"d\": 1}".into() };
    let mut messages = vec![
        message(Role::User, "Warm?"),
        Message { content: vec![], tool_calls: vec![call], ..message(Role::Assistant, "") },
        Message { tool_call_id: Some("1".into()), ..message(Role::Tool, "18") },
    ];
    let draft = chat(messages.clone());
    let refused = host.inference.chat(draft.try_into().unwrap()).await.err().unwrap().to_string();
    assert!(refused.contains("`tiny` does not support tool messages"), "{refused}");
    messages.push(message(Role::Assistant, "Yes."));
    messages.push(message(Role::User, "Thanks"));
    let rendered = host.inference.render(chat(messages).try_into().unwrap()).await.unwrap();
    let texts = rendered.prompt.parts.iter().filter_map(|part| match part {
        PromptPart::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let prompt: String = texts.collect();
    for part in ["{\"name\": \"weather\", \"arguments\": {\"d\": 1}}", "Result of weather: 18"] {
        assert!(prompt.contains(part), "{prompt}");
    }
}
