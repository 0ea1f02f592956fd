//! From a template and a request to a prompt.

use minijinja::Value;
use plugin_sdk::{ChatRequest, Error, Forced, ModelCard, Prompt, PromptBuilder, PromptPart, Role};

use crate::dressed::Guards;
use crate::environment::equip;
use crate::error::failure;
use crate::guard::Guard;
use crate::known::Known;
use crate::output::Output;
use crate::prepared::{NAME, Read};
use crate::tokens::Tokens;
use crate::values::Values;
use crate::variables::variables;
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
    let tokens = Tokens::of(&card.control_tokens);
    let mut guard = Guard::new(&tokens, source);
    let mut given = variables(card, request, known, &Values::new(&guard))?;
    if guard.clashes() {
        guard.another()?;
        given = variables(card, request, known, &Values::new(&guard))?;
    }
    let texts = || card.control_tokens.iter().map(|token| token.text.clone());
    let tokens_of_cuts = if known.cuts { texts().collect() } else { [].into() };
    let guards = Guards { sign: guard.sign(), tokens: tokens_of_cuts };
    let mut text = written(request, source, given, &guards, guard.placed())?;
    if request.continues_last() {
        cut_after_last(&mut text, request, &guard)?;
    }
    let mut prompt = PromptBuilder::new(card);
    parts::split(&text, &tokens, guards.sign, &mut prompt);
    parts::bos(card, known.bos, &text, &mut prompt);
    stops::add(card, &mut prompt);
    let mut prompt = prompt.build();
    if !request.callable_tools().is_empty() {
        demand_calls(card, request, &tokens, &mut prompt)?;
    }
    Ok(prompt)
}

/// Has the reply follow the tools' schemas, from its beginning where the client demands a call.
fn demand_calls(
    card: &ModelCard,
    request: &ChatRequest,
    tokens: &Tokens<'_>,
    prompt: &mut Prompt,
) -> Result<(), Error> {
    let forced = request.forced()? != Forced::No;
    let Some(syntax) = known::syntax(card)? else { return Ok(()) };
    if forced {
        let opening = syntax.opening(request, &reply::tail(prompt));
        let mut more = PromptBuilder::new(card);
        parts::split(&opening, tokens, None, &mut more);
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

/// What the template writes, with guards.
fn written(
    request: &ChatRequest,
    source: &str,
    variables: Vec<(String, Value)>,
    guards: &Guards,
    guarded: bool,
) -> Result<String, Error> {
    let fuel = steps(request);
    let fail = |error: minijinja::Error| failure(&error, fuel, PROMPT_BYTES);
    let mut read = Read::of(source, guarded).map_err(fail)?;
    equip(&mut read.env, &request.now, guards);
    read.env.set_fuel(Some(fuel));
    let text = filled(&read, variables).map_err(fail);
    read.leave();
    text
}

/// What a template that was read writes.
fn filled(read: &Read, mut variables: Vec<(String, Value)>) -> Result<String, minijinja::Error> {
    let template = read.env.get_template(NAME)?;
    let mut output = Output::new(PROMPT_BYTES);
    let context =
        || Value::from_pairs(variables.iter().map(|(name, value)| (name.as_str(), value)));
    let first = template.render_captured_to(context(), &mut output).map(drop);
    // A template that is only for requests with tools loops over them without a look.
    let no_tools = variables.iter_mut().find(|(name, value)| name == "tools" && value.is_none());
    match (first, no_tools) {
        (Ok(()), _) => Ok(output.into_text()),
        (Err(error), Some((_, tools))) if crate::error::is_about_none(&error) => {
            *tools = Value::from(Vec::<Value>::new());
            output = Output::new(PROMPT_BYTES);
            let context = Value::from_pairs(variables);
            template.render_captured_to(context, &mut output)?;
            Ok(output.into_text())
        }
        (Err(error), _) => Err(error),
    }
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
fn cut_after_last(
    text: &mut String,
    request: &ChatRequest,
    guard: &Guard<'_>,
) -> Result<(), Error> {
    let Some(last) = request.messages.last().filter(|last| last.role == Role::Assistant) else {
        return Ok(());
    };
    let content = last.text()?;
    let content = guard.dress(&content).unwrap_or_else(|| content.into_owned());
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
