//! How a reply is read: the one place that knows the syntaxes.

use plugin_sdk::reply::{Plain, ReplyParser, Syntax};
use plugin_sdk::{ChatRequest, Error, ModelCard, Prompt, PromptPart};

use crate::{known, template};

/// How much of a prompt's end a syntax looks at.
const TAIL: usize = 256;

/// The syntax that the operator names, or that the templates show; `None`: text alone.
pub(crate) fn syntax(card: &ModelCard) -> Result<Option<Syntax>, Error> {
    match card.option("syntax") {
        Some("plain") => Ok(None),
        Some(name) => Syntax::named(name).map(Some).ok_or_else(|| {
            let names: Vec<_> = Syntax::NAMES.iter().map(|(name, _)| *name).collect();
            Error::InvalidRequest(format!(
                "family option `syntax` cannot be `{name}`; it is one of: {}",
                names.join(", ")
            ))
        }),
        None => Ok(template::all(card).filter_map(Syntax::detect).last()),
    }
}

/// The parser of one reply.
pub(crate) fn parser(
    card: &ModelCard,
    request: &ChatRequest,
    prompt: &Prompt,
) -> Box<dyn ReplyParser> {
    match known::syntax(card) {
        Ok(Some(syntax)) => syntax.parser(request, &tail(prompt)),
        _ => Box::new(Plain::new(request)),
    }
}

/// What a prompt ends with.
pub(crate) fn tail(prompt: &Prompt) -> String {
    let mut pieces = Vec::new();
    let mut len = 0;
    for part in prompt.parts.iter().rev() {
        if let PromptPart::Text(text) | PromptPart::Control(text) = part {
            len += text.len();
            pieces.push(text.as_str());
        }
        if len > TAIL {
            break;
        }
    }
    pieces.reverse();
    pieces.concat()
}
