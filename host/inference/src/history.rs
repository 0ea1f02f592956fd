//! Earlier tool calls as plain text, for families that have no words for them.
//!
//! A conversation may have begun with a model that calls tools and go on with one that does not.

use model::{ContentPart, Message, Role};

/// Writes the calls of the assistant and their results as text.
///
/// Results become turns of the user, and those of one round become one turn, so that the turns
/// still alternate.
pub(crate) fn without_calls(messages: &mut Vec<Message>) {
    // The function behind each call id, for results that name the id alone.
    let mut names: Vec<(String, String)> = Vec::new();
    let mut after_result = false;
    let mut plain: Vec<Message> = Vec::with_capacity(messages.len());
    for mut message in messages.drain(..) {
        for call in std::mem::take(&mut message.tool_calls) {
            let gap = if message.content.is_empty() { "" } else { "\n" };
            let name = serde_json::Value::from(call.name.as_str());
            let text =
                format!(r#"{gap}{{"name": {name}, "arguments": {}}}"#, call.arguments_json.trim());
            message.content.push(ContentPart::Text(text));
            names.push((call.id, call.name));
        }
        let is_result = message.role == Role::Tool;
        if !is_result {
            after_result = false;
            plain.push(message);
            continue;
        }
        let id = message.tool_call_id.take().unwrap_or_default();
        let known = names.iter().rev().find(|(of, _)| *of == id).map(|(_, name)| name.clone());
        let what = known.or(message.name.take()).unwrap_or_else(|| "the tool".to_owned());
        let mut content = vec![ContentPart::Text(format!("Result of {what}: "))];
        content.append(&mut message.content);
        match plain.last_mut().filter(|_| after_result) {
            Some(last) => {
                last.content.push(ContentPart::Text("\n".to_owned()));
                last.content.append(&mut content);
            }
            None => plain.push(Message { role: Role::User, content, ..message }),
        }
        after_result = true;
    }
    *messages = plain;
}

#[cfg(test)]
mod tests {
    use model::ToolCall;

    use super::*;

    fn message(role: Role, text: &str, calls: &[(&str, &str)], answers: Option<&str>) -> Message {
        let call = |&(id, name): &(&str, &str)| ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments_json: r#"{"city":"Bonn"}"#.to_owned(),
        };
        let text = Some(text).filter(|text| !text.is_empty());
        Message {
            role,
            content: text.map(|text| ContentPart::Text(text.to_owned())).into_iter().collect(),
            name: None,
            reasoning: None,
            tool_calls: calls.iter().map(call).collect(),
            tool_call_id: answers.map(str::to_owned),
        }
    }

    #[track_caller]
    fn check(mut messages: Vec<Message>, expect: &[(Role, &str)]) {
        without_calls(&mut messages);
        let text = |message: &Message| {
            let parts = message.content.iter().map(|part| match part {
                ContentPart::Text(text) => text.as_str(),
                ContentPart::Image(_) | ContentPart::Audio(_) => "?",
            });
            parts.collect::<String>()
        };
        let got: Vec<_> = messages.iter().map(|m| (m.role, text(m))).collect();
        let got: Vec<_> = got.iter().map(|(role, text)| (*role, text.as_str())).collect();
        assert_eq!(got, expect);
        assert!(messages.iter().all(|m| m.tool_calls.is_empty() && m.tool_call_id.is_none()));
    }

    #[test]
    fn calls_and_results_become_text() {
        check(
            vec![
                message(Role::User, "Warm?", &[], None),
                message(Role::Assistant, "", &[("1", "weather"), ("2", "map")], None),
                message(Role::Tool, "18", &[], Some("2")),
                message(Role::Tool, "19", &[], Some("1")),
                message(Role::Assistant, "Yes.", &[("3", "bye")], None),
                message(Role::Tool, "ok", &[], Some("?")),
                message(Role::User, "Thanks", &[], None),
            ],
            &[
                (Role::User, "Warm?"),
                (
                    Role::Assistant,
                    "{\"name\": \"weather\", \"arguments\": {\"city\":\"Bonn\"}}\n\
                     {\"name\": \"map\", \"arguments\": {\"city\":\"Bonn\"}}",
                ),
                (Role::User, "Result of map: 18\nResult of weather: 19"),
                (Role::Assistant, "Yes.\n{\"name\": \"bye\", \"arguments\": {\"city\":\"Bonn\"}}"),
                (Role::User, "Result of the tool: ok"),
                (Role::User, "Thanks"),
            ],
        );
    }

    #[test]
    fn a_conversation_without_calls_stays_as_it_is() {
        let messages =
            vec![message(Role::User, "a", &[], None), message(Role::Assistant, "b", &[], None)];
        let mut same = messages.clone();
        without_calls(&mut same);
        assert_eq!(same, messages);
    }
}
