//! ChatGLM-6B and ChatGLM2-6B: numbered rounds of a question and an answer.
//!
//! The vocabulary of ChatGLM-6B spells line breaks, tabs and runs of spaces with pieces of its
//! own; that is its tokenizer's work, not the prompt's.

use std::borrow::Cow;

use plugin_sdk::{ChatRequest, Error, ModelCard, PromptBuilder, Role};

use crate::{Version, special};

/// The separators and the first number of a version's rounds.
struct Rounds {
    first: usize,
    gap: &'static str,
}

/// A question and, where it was given, its answer.
#[derive(Default)]
struct Round<'a> {
    question: Option<Cow<'a, str>>,
    answer: Option<Cow<'a, str>>,
}

pub(crate) fn render(
    prompt: &mut PromptBuilder<'_>,
    card: &ModelCard,
    version: Version,
    request: &ChatRequest,
) -> Result<(), Error> {
    request.refuse_tools(version.name())?;
    let style = match version {
        Version::V2 => Rounds { first: 1, gap: "\n\n" },
        _ => Rounds { first: 0, gap: "\n" },
    };
    let rounds = rounds(request)?;
    special::begin(prompt, card, version);
    match rounds.as_slice() {
        [Round { question: Some(question), answer: None }] if version == Version::V1Bare => {
            prompt.text(question);
        }
        rounds => {
            for (index, round) in rounds.iter().enumerate() {
                style.render(prompt, index, round, index + 1 == rounds.len());
            }
        }
    }
    special::end(prompt, version);
    Ok(())
}

impl Rounds {
    fn render(&self, prompt: &mut PromptBuilder<'_>, index: usize, round: &Round<'_>, last: bool) {
        let question = round.question.as_deref().unwrap_or_default();
        prompt.text(&format!("[Round {}]{}", self.first + index, self.gap));
        prompt.text("问：").text(question).text(self.gap).text("答：");
        if let Some(answer) = &round.answer {
            prompt.text(answer);
            if !last {
                prompt.text(self.gap);
            }
        }
    }
}

/// The conversation in rounds; what the system says goes in front of the first question.
fn rounds(request: &ChatRequest) -> Result<Vec<Round<'_>>, Error> {
    let mut rounds: Vec<Round<'_>> = Vec::new();
    let mut system = String::new();
    for message in &request.messages {
        let text = message.text()?;
        match message.role {
            Role::System => system.push_str(&text),
            Role::User => match rounds.last_mut() {
                // Two questions in a row are one.
                Some(Round { question: Some(question), answer: None }) => {
                    question.to_mut().push('\n');
                    question.to_mut().push_str(&text);
                }
                _ => rounds.push(Round { question: Some(text), answer: None }),
            },
            Role::Assistant | Role::Tool => match rounds.last_mut() {
                Some(round @ Round { answer: None, .. }) => round.answer = Some(text),
                Some(Round { answer: Some(answer), .. }) => {
                    answer.to_mut().push('\n');
                    answer.to_mut().push_str(&text);
                }
                None => rounds.push(Round { question: None, answer: Some(text) }),
            },
        }
    }
    if !system.is_empty() {
        if rounds.is_empty() {
            rounds.push(Round::default());
        }
        if let Some(first) = rounds.first_mut() {
            let question = first.question.take().unwrap_or_default();
            first.question = Some(Cow::Owned(system + &question));
        }
    }
    if !request.continues_last() && rounds.last().is_none_or(|last| last.answer.is_some()) {
        rounds.push(Round { question: Some(Cow::Borrowed("")), answer: None });
    }
    Ok(rounds)
}
