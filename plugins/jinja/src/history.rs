//! Earlier calls as templates want them that refuse some of what a reply may hold.
//!
//! A template that refuses its own model's reply would end every conversation with tools after the
//! first call.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use plugin_sdk::{Message, Role};

/// The ids of calls that Mistral's templates take: letters and digits, so many.
const ID_LENGTH: usize = 9;

/// An id that Mistral's templates take: the client's where it is one, else one that is the same
/// wherever the client's is.
pub(crate) fn short_id(id: &str) -> Cow<'_, str> {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    if id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return id.into();
    }
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let mut hash = hasher.finish();
    let digit = |_| {
        let digit = usize::try_from(hash % 36).unwrap_or_default();
        hash /= 36;
        DIGITS.get(digit).map_or('0', |digit| char::from(*digit))
    };
    (0..ID_LENGTH).map(digit).collect::<String>().into()
}

/// Messages with one call each: of several calls at once, each is followed by its own result.
pub(crate) fn one_call_each(messages: &[Message]) -> Vec<Message> {
    let mut rest: VecDeque<&Message> = messages.iter().collect();
    let mut out = Vec::with_capacity(messages.len());
    while let Some(message) = rest.pop_front() {
        if message.tool_calls.len() < 2 {
            out.push(message.clone());
            continue;
        }
        let mut results = Vec::new();
        while let Some(result) = rest.pop_front_if(|next| next.role == Role::Tool) {
            results.push(result);
        }
        for (index, call) in message.tool_calls.iter().enumerate() {
            let mut single = message.clone();
            single.tool_calls = vec![call.clone()];
            if index > 0 {
                single.content.clear();
                single.reasoning = None;
            }
            out.push(single);
            let of_call = |result: &&Message| result.tool_call_id.as_ref() == Some(&call.id);
            // Results without ids answer the calls in their order.
            let nameless = |result: &&Message| result.tool_call_id.is_none();
            let found = results.iter().position(of_call);
            if let Some(at) = found.or_else(|| results.iter().position(nameless)) {
                out.push(results.remove(at).clone());
            }
        }
        out.extend(results.into_iter().cloned());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        assert_eq!(short_id("abcDEF123"), "abcDEF123");
        for id in ["", "call_1", "abcDEF12_", "call_c141630ae70745ba92660395"] {
            let short = short_id(id);
            assert!(short.len() == ID_LENGTH && short.bytes().all(|b| b.is_ascii_alphanumeric()));
            assert_eq!(short, short_id(id));
        }
        assert_ne!(short_id("call_1"), short_id("call_2"));
    }
}
