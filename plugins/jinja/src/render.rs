//! From a template and a request to a prompt.

use std::rc::Rc;

use minijinja::Value;
use plugin_sdk::{ChatRequest, Error, Forced, ModelCard, Prompt, PromptBuilder, PromptPart, Role};

use crate::error::{failure, is_about_absence, is_about_none, too_long};
use crate::known::{Known, Vocabulary};
use crate::prepared::Read;
use crate::twins::{Clients, Twins};
use crate::values::Values;
use crate::variables::{described_tools, variables};
use crate::{known, parts, reply, stops, template};

/// Steps that every template has, and further ones for each message and each byte of the request.
///
/// A step is an instruction or 64 bytes of text; long templates take about 300 for a message.
const STEPS: u64 = 300_000;
const STEPS_PER_MESSAGE: u64 = 2_000;
const BYTES_PER_STEP: u64 = 2;

/// Bytes that a prompt may have.
const PROMPT_BYTES: usize = 6 << 20;

/// Renders a conversation.
pub(crate) fn render(card: &ModelCard, request: &ChatRequest) -> Result<Prompt, Error> {
    let source = template::of(card, request)?;
    let known = Known::of(card, source)?;
    let vocabulary = Vocabulary::of(card, source)?;
    let tokens = &vocabulary.tokens;
    let mut twins = vocabulary.twins.clone();
    let clients = Clients::new(twins.clone());
    let mut given = variables(card, request, known, &Values::new(&clients))?;
    if let Some(others) = clients.others(&vocabulary.taken) {
        twins = Rc::new(others?);
        given = variables(card, request, known, &Values::new(&Clients::new(twins.clone())))?;
    }
    twins.use_now();
    let fuel = steps(request);
    let fail = |error: minijinja::Error| failure(&error, fuel, &card.name, &twins);
    let described = || described_tools(request, &Values::new(&Clients::new(twins.clone())));
    let mut text = written(request, source, given, described).map_err(fail)?;
    if text.len() > PROMPT_BYTES && twins.bare(&text).len() > PROMPT_BYTES {
        return Err(too_long(PROMPT_BYTES));
    }
    if request.continues_last() {
        cut_after_last(&mut text, request, &twins)?;
    }
    let mut prompt = PromptBuilder::new(card);
    parts::split(&text, tokens, &twins, &mut prompt);
    parts::bos(card, known.bos, &text, &mut prompt);
    stops::add(card, &mut prompt);
    let mut prompt = prompt.build();
    if !request.callable_tools().is_empty() {
        demand_calls(card, request, &vocabulary, &mut prompt)?;
    }
    Ok(prompt)
}

/// Has the reply follow the tools' schemas, from its beginning where the client demands a call.
fn demand_calls(
    card: &ModelCard,
    request: &ChatRequest,
    vocabulary: &Vocabulary<'_>,
    prompt: &mut Prompt,
) -> Result<(), Error> {
    let forced = request.forced()? != Forced::No;
    let Some(syntax) = known::syntax(card)? else { return Ok(()) };
    if forced {
        let opening = syntax.opening(request, &reply::tail(prompt));
        let mut more = PromptBuilder::new(card);
        parts::split(&opening, &vocabulary.tokens, &vocabulary.twins, &mut more);
        for part in more.build().parts {
            match (prompt.parts.last_mut(), part) {
                // Neighbouring texts are one.
                (Some(PromptPart::Text(last)), PromptPart::Text(text)) => last.push_str(&text),
                (_, part) => prompt.parts.push(part),
            }
        }
    }
    prompt.constraint = syntax.constraint(request);
    Ok(())
}

/// What the template writes, with twins.
///
/// Templates do without a look what few clients give cause for: one that is only for requests with
/// tools loops over them, and one that tells of them adds each one's description to a text.
fn written(
    request: &ChatRequest,
    source: &str,
    mut variables: Vec<(String, Value)>,
    described: impl FnOnce() -> Option<Value>,
) -> Result<String, minijinja::Error> {
    let fuel = steps(request);
    let mut read = Read::of(source)?;
    let context = |variables: &[(String, Value)]| {
        Value::from_pairs(variables.iter().map(|(name, value)| (name.as_str(), value)))
    };
    let mut text = read.template.fill(&request.now, fuel, context(&variables));
    let tools = variables.iter_mut().find(|(name, _)| name == "tools").map(|(_, tools)| tools);
    if let (Err(error), Some(tools)) = (&text, tools) {
        let instead = if tools.is_none() && is_about_none(error) {
            Some(Value::from(Vec::<Value>::new()))
        } else if is_about_absence(error) {
            described()
        } else {
            None
        };
        if let Some(instead) = instead {
            *tools = instead;
            text = read.template.fill(&request.now, fuel, context(&variables));
        }
    }
    read.leave();
    text
}

fn steps(request: &ChatRequest) -> u64 {
    let texts = request.messages.iter().map(|message| {
        let calls = message.tool_calls.iter().map(|call| call.arguments_json.len());
        let content = message.content.iter().map(|part| match part {
            plugin_sdk::ContentPart::Text(text) => text.len(),
            _ => 0,
        });
        content.sum::<usize>()
            + calls.sum::<usize>()
            + message.reasoning.as_ref().map_or(0, String::len)
    });
    let tools = request.tools.iter().map(|tool| tool.definition_json.len());
    let bytes = texts.sum::<usize>() + tools.sum::<usize>();
    STEPS + STEPS_PER_MESSAGE * request.messages.len() as u64 + bytes as u64 / BYTES_PER_STEP
}

/// Ends the prompt with the last message, which the reply continues, as transformers does.
fn cut_after_last(text: &mut String, request: &ChatRequest, twins: &Twins) -> Result<(), Error> {
    let Some(last) = request.messages.last().filter(|last| last.role == Role::Assistant) else {
        return Ok(());
    };
    let content = last.text()?;
    let content = twins.client(&content);
    let found = text.rfind(content.trim()).ok_or_else(|| {
        Error::InvalidRequest(
            "the model's chat template does not write the last message as it is, so the reply \
             cannot continue it"
                .to_owned(),
        )
    })?;
    let end = found + content.trim_start().len();
    let whole = text.get(found..end) == Some(&content);
    text.truncate(if whole { end } else { found + content.trim().len() });
    Ok(())
}
