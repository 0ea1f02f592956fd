//! Ties each tool result to the call that it answers.

use std::collections::VecDeque;

use model::{Message, Role};

/// Gives every call an id and every result the id and the name of its call.
///
/// Old clients send calls without ids, and results that name the function alone; Dify sends calls
/// without ids and results with them. Ids that have to be made depend on nothing but the place in
/// the conversation, so that the same conversation always renders to the same prompt.
pub(super) fn pair_calls(messages: &mut [Message]) {
    // The calls of the last assistant's turn that nothing has answered yet: the place of the
    // message and of the call within it.
    let mut open: VecDeque<(usize, usize)> = VecDeque::new();
    for at in 0..messages.len() {
        let (before, rest) = messages.split_at_mut(at);
        let Some(message) = rest.first_mut() else { return };
        match message.role {
            Role::Assistant => {
                open = (0..message.tool_calls.len()).map(|call| (at, call)).collect();
            }
            Role::Tool => answer(before, message, &mut open),
            Role::System | Role::User => {}
        }
    }
    for (at, message) in messages.iter_mut().enumerate() {
        for (index, call) in message.tool_calls.iter_mut().enumerate() {
            if call.id.is_empty() {
                call.id = made_id(at, index);
            }
        }
    }
}

fn made_id(message: usize, call: usize) -> String {
    format!("call_{message:016x}{call:08x}")
}

/// Finds the call that a result answers: by id, else by name, else the oldest open one.
fn answer(before: &mut [Message], result: &mut Message, open: &mut VecDeque<(usize, usize)>) {
    let call = |place: &(usize, usize)| {
        before.get(place.0).and_then(|message| message.tool_calls.get(place.1))
    };
    let by_id = || {
        let id = result.tool_call_id.as_deref()?;
        open.iter().position(|place| call(place).is_some_and(|call| call.id == id))
    };
    // A call that has an id of its own is not the one that another id means.
    let takes = |place: &(usize, usize)| {
        call(place).is_some_and(|call| result.tool_call_id.is_none() || call.id.is_empty())
    };
    let by_name = || {
        let name = result.name.as_deref()?;
        open.iter()
            .position(|place| takes(place) && call(place).is_some_and(|call| call.name == name))
    };
    let oldest = || open.iter().position(takes);
    let Some(place) = by_id().or_else(by_name).or_else(oldest).and_then(|at| open.remove(at))
    else {
        return;
    };
    let call = before.get_mut(place.0).and_then(|message| message.tool_calls.get_mut(place.1));
    let Some(call) = call else { return };
    if call.id.is_empty() {
        call.id = result.tool_call_id.clone().unwrap_or_else(|| made_id(place.0, place.1));
    }
    result.tool_call_id = Some(call.id.clone());
    if result.name.is_none() {
        result.name = Some(call.name.clone());
    }
}

#[cfg(test)]
mod tests {
    use model::ToolCall;

    use super::*;

    fn message(role: Role) -> Message {
        Message {
            role,
            content: Vec::new(),
            name: None,
            reasoning: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }

    fn calls(calls: &[(&str, &str)]) -> Message {
        let call = |&(id, name): &(&str, &str)| ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments_json: "{}".to_owned(),
        };
        Message { tool_calls: calls.iter().map(call).collect(), ..message(Role::Assistant) }
    }

    fn result(id: &str, name: &str) -> Message {
        let known = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Message { name: known(name), tool_call_id: known(id), ..message(Role::Tool) }
    }

    #[track_caller]
    fn check(mut messages: Vec<Message>, expect: &[(&str, &str)]) {
        pair_calls(&mut messages);
        let results: Vec<_> = messages
            .iter()
            .filter(|message| message.role == Role::Tool)
            .map(|m| (m.tool_call_id.as_deref().unwrap_or(""), m.name.as_deref().unwrap_or("")))
            .collect();
        assert_eq!(results, expect);
        let mut ids = messages.iter().flat_map(|m| &m.tool_calls).map(|call| &call.id);
        assert!(ids.all(|id| !id.is_empty()));
    }

    #[test]
    fn results_find_their_calls() {
        check(
            vec![calls(&[("a", "f"), ("b", "g")]), result("b", ""), result("a", "")],
            &[("b", "g"), ("a", "f")],
        );
        check(vec![calls(&[("", "f")]), result("x", "f")], &[("x", "f")]);
        check(vec![calls(&[("", "f")]), result("x", "")], &[("x", "f")]);
        let made = "call_000000000000000000000000";
        check(vec![calls(&[("", "f")]), result("", "")], &[(made, "f")]);
        check(
            vec![calls(&[("a", "f"), ("b", "g")]), result("", "g"), result("", "")],
            &[("b", "g"), ("a", "f")],
        );
        check(vec![calls(&[("a", "f")]), result("z", "f")], &[("z", "f")]);
        check(vec![result("z", "f")], &[("z", "f")]);
        check(
            vec![calls(&[("", "f")]), result("x", "f"), calls(&[("", "f")]), result("y", "f")],
            &[("x", "f"), ("y", "f")],
        );
    }
}
