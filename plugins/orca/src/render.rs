//! From a conversation to a prompt.

use plugin_sdk::{ChatRequest, Error, Message, ModelCard, Prompt, PromptBuilder, Role};

use crate::Style;
use crate::format::{Format, Piece};

pub(crate) fn render(
    card: &ModelCard,
    style: Style,
    request: &ChatRequest,
) -> Result<Prompt, Error> {
    request.refuse_tools("orca")?;
    let format = style.format();
    check_vocabulary(card, &format)?;
    let mut prompt = PromptBuilder::new(card);
    let in_front = system(&mut prompt, &format, request)?;
    for (index, message) in request.messages.iter().enumerate() {
        let text = message.text()?;
        match message.role {
            Role::System if index >= in_front && format.system_anywhere => {
                framed(&mut prompt, format.around_system, &text);
            }
            Role::System | Role::Tool => {}
            Role::User => {
                framed(&mut prompt, format.around_user, &text);
                input(&mut prompt, &format, request, index);
            }
            Role::Assistant if request.continues(index) => {
                let [before, _] = format.around_assistant;
                pieces(&mut prompt, before);
                prompt.text(&text);
            }
            Role::Assistant => framed(&mut prompt, format.around_assistant, &text),
        }
    }
    if !request.continues_last() {
        let [before, _] = format.around_assistant;
        pieces(&mut prompt, format.open.unwrap_or(before));
    }
    stops(&mut prompt, card, &format);
    prompt.add_bos(card.bos.is_some());
    Ok(prompt.build())
}

/// Refuses a vocabulary without the special tokens that stand between the messages.
fn check_vocabulary(card: &ModelCard, format: &Format) -> Result<(), Error> {
    let frames = [format.around_system, format.around_user, format.around_assistant];
    for piece in frames.into_iter().flatten().flatten() {
        if let Piece::Token(text, id) = *piece
            && card.control(text).is_none()
            && id.is_none_or(|id| id >= card.vocabulary_size)
        {
            return Err(Error::Unsupported(format!(
                "the messages of this style are framed with `{text}`, and the vocabulary of {} \
                 entries has no such token; name another `style` in the model's family-options",
                card.vocabulary_size
            )));
        }
    }
    Ok(())
}

/// The system prompt: the caller's own, else the style's. Returns how many messages it took from
/// the front of the conversation.
fn system(
    prompt: &mut PromptBuilder<'_>,
    format: &Format,
    request: &ChatRequest,
) -> Result<usize, Error> {
    let is_system = |message: &&Message| message.role == Role::System;
    let leading = request.messages.iter().take_while(is_system).count();
    let reach = if format.system_anywhere { leading } else { request.messages.len() };
    let own = request.messages.iter().take(reach).filter(is_system);
    let own = own.map(Message::text).collect::<Result<Vec<_>, _>>()?;
    let text = if own.is_empty() { format.system.map(str::to_owned) } else { Some(own.join("\n")) };
    if let Some(text) = text {
        framed(prompt, format.around_system, &text);
    }
    Ok(leading)
}

fn framed(prompt: &mut PromptBuilder<'_>, [before, after]: [&[Piece]; 2], text: &str) {
    pieces(prompt, before);
    prompt.text(text);
    pieces(prompt, after);
}

fn pieces(prompt: &mut PromptBuilder<'_>, pieces: &[Piece]) {
    for piece in pieces {
        match *piece {
            Piece::Text(text) => prompt.text(text),
            Piece::Token(text, Some(id)) => prompt.special(text, id),
            Piece::Token(text, None) => prompt.control(text),
        };
    }
}

/// What the last question is about, where the client sends it as the template variable `input`.
fn input(prompt: &mut PromptBuilder<'_>, format: &Format, request: &ChatRequest, index: usize) {
    if !format.takes_input || request.last_user() != Some(index) {
        return;
    }
    if let Some(input) = request.variable("input").as_ref().and_then(|input| input.as_str()) {
        prompt.text("### Input:\n").text(input).text("\n\n");
    }
}

fn stops(prompt: &mut PromptBuilder<'_>, card: &ModelCard, format: &Format) {
    for stop in format.stop {
        prompt.stop(stop);
    }
    for &(text, id) in format.stop_tokens {
        match (card.control(text), id) {
            (Some(id), _) => prompt.stop_token(id),
            (None, Some(id)) => prompt.stop_special(text, id),
            (None, None) => prompt,
        };
    }
    if let Some(eos) = card.eos {
        prompt.stop_token(eos);
    }
}
