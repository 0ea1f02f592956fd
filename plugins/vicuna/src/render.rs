//! From a conversation to a prompt.

use plugin_sdk::{ChatRequest, Error, Message, ModelCard, Prompt, PromptBuilder, Role};

use crate::example;
use crate::style::{End, Format, Style};

pub(crate) fn render(
    card: &ModelCard,
    style: Style,
    request: &ChatRequest,
) -> Result<Prompt, Error> {
    request.refuse_tools("vicuna")?;
    let format = style.format();
    let mut prompt = PromptBuilder::new(card);
    system(&mut prompt, &format, request)?;
    if style.has_example() {
        turn(&mut prompt, format.user, example::QUESTION, format.user_end);
        turn(&mut prompt, format.assistant, example::ANSWER, "");
        end_turn(&mut prompt, card, format.assistant_end)?;
    }
    for (index, message) in request.messages.iter().enumerate() {
        match message.role {
            Role::User if style.takes_images() => images_turn(&mut prompt, &format, message)?,
            Role::User => turn(&mut prompt, format.user, &message.text()?, format.user_end),
            Role::Assistant => {
                turn(&mut prompt, format.assistant, &message.text()?, "");
                if !request.continues(index) {
                    end_turn(&mut prompt, card, format.assistant_end)?;
                }
            }
            Role::System | Role::Tool => {}
        }
    }
    if !request.continues_last() {
        prompt.text(format.assistant).text(":");
    }
    for stop in format.stop {
        prompt.stop(stop);
    }
    if let Some(eos) = card.eos {
        prompt.stop_token(eos);
    }
    if card.bos.is_some() {
        prompt.add_bos(true);
    }
    Ok(prompt.build())
}

/// The system prompt: the caller's own, wherever its messages stand, else the style's.
fn system(
    prompt: &mut PromptBuilder<'_>,
    format: &Format,
    request: &ChatRequest,
) -> Result<(), Error> {
    let own = request.messages.iter().filter(|message| message.role == Role::System);
    let own = own.map(Message::text).collect::<Result<Vec<_>, _>>()?;
    let text = if own.is_empty() { format.system.map(str::to_owned) } else { Some(own.join("\n")) };
    if let Some(text) = text {
        prompt.text(format.before_system).text(&text).text(format.after_system);
    }
    Ok(())
}

fn turn(prompt: &mut PromptBuilder<'_>, role: &str, text: &str, end: &str) {
    prompt.text(role).text(": ").text(text).text(end);
}

/// A user's turn with its images before its text, each on a line of its own.
fn images_turn(
    prompt: &mut PromptBuilder<'_>,
    format: &Format,
    message: &Message,
) -> Result<(), Error> {
    prompt.text(format.user).text(": ");
    for image in message.images() {
        prompt.media(image).text("\n");
    }
    prompt.text(&message.text_beside_images()?).text(format.user_end);
    Ok(())
}

fn end_turn(prompt: &mut PromptBuilder<'_>, card: &ModelCard, end: End) -> Result<(), Error> {
    match end {
        End::Text(text) => {
            prompt.text(text);
        }
        End::Token(text) => {
            if card.control("</s>").is_some() {
                prompt.control("</s>");
            } else if let Some(eos) = card.eos {
                prompt.token(eos);
            } else {
                return Err(Error::Unsupported(
                    "this style ends the assistant's turns with the end token, and the model's \
                     vocabulary has none; choose the style `v0-zero-shot` or `stable-vicuna`"
                        .to_owned(),
                ));
            }
            prompt.text(text);
        }
    }
    Ok(())
}
