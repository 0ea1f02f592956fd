//! `POST /v1/completions`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, State},
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use inference::{
    CompletionCommand, CompletionDraft, InferenceError, InvalidCommand, Reply, ReplyItem,
};
use model::{FinishReason, TokenLogprob, Usage};

use super::{
    generation::{Route, Spelling},
    logprobs::CompletionLogprobs,
    request::GenerationRequest,
    response::{
        Head, TextChoice, TextChunk, TextChunkChoice, TextCompletion, UsageBody, at, finish_word,
    },
    schema::CompletionRequest,
    sse::{self, Writer},
};
use crate::{auth::Tenant, body::JsonBody, error::ApiError, error::ErrorBody, state::Shared};

/// Goes on with a text, whole or as server-sent events.
#[utoipa::path(
    post,
    path = "/v1/completions", operation_id = "create_completion",
    tag = "inference",
    request_body = CompletionRequest,
    responses(
        (status = 200, description = "The completion; with `stream`, `text_completion` events and `[DONE]`.",
            content((TextCompletion = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "A field is wrong, or the model cannot do this.", body = ErrorBody),
        (status = 404, description = "There is no such model.", body = ErrorBody),
        (status = 429, description = "Too many requests wait; see `Retry-After`.", body = ErrorBody),
        (status = 503, description = "The model is loading, or does not serve.", body = ErrorBody),
    )
)]
pub(crate) async fn completions(
    State(shared): State<Arc<Shared>>,
    Extension(tenant): Extension<Tenant>,
    JsonBody { value: request, share }: JsonBody<GenerationRequest>,
) -> Result<Response, ApiError> {
    let place = shared.place()?;
    let request = request.with_extra_body();
    let (streams, includes_usage) = (request.streams(), request.includes_usage());
    let echo = request.echo.unwrap_or(false);
    let echoed = request.prompt.as_ref().and_then(|prompts| prompts.first()).filter(|_| echo);
    let echoed = echoed.cloned().unwrap_or_default();
    let mut reply = shared.inference.complete(command(request, tenant.salt())?).await?;
    let head = Head::new("cmpl", reply.uid().as_str());
    if streams {
        let writer = TextWriter::new(head, reply.sequences(), includes_usage, echoed);
        return Ok(sse::response_to(shared, reply, writer, place, share).await?);
    }
    let mut answer = Answer::new(reply.sequences(), &echoed);
    let mut until_begun = Some(share);
    while let Some(items) = sse::next(&shared, &mut reply).await {
        until_begun.take();
        items.into_iter().try_for_each(|item| answer.take(item))?;
    }
    Ok(Json(answer.finish(head, reply.usage())).into_response())
}

/// The request, checked.
pub(super) fn command(
    request: GenerationRequest,
    tenant: &str,
) -> Result<CompletionCommand, InvalidCommand> {
    let spelling = Spelling::of(&request, Route::Completion);
    draft(request, tenant)
        .and_then(CompletionCommand::try_from)
        .map_err(|error| spelling.name(error))
}

fn draft(mut request: GenerationRequest, tenant: &str) -> Result<CompletionDraft, InvalidCommand> {
    let model = request.take_model()?;
    let generation = request.take_generation(Route::Completion, tenant)?;
    if request.echo == Some(true) && generation.logprobs.is_some() {
        return Err(InvalidCommand::new(
            "echo",
            "cannot be used together with `logprobs`: the prompt's own probabilities are not computed",
        ));
    }
    let mut prompts = request.prompt.take().unwrap_or_default();
    let prefix = match (prompts.pop(), prompts.len()) {
        (Some(prompt), 0) => prompt,
        (None, _) => return Err(InvalidCommand::new("prompt", "is missing: send a string")),
        (Some(_), more) => {
            return Err(InvalidCommand::new(
                "prompt",
                format!("must be one string, it holds {}: send one request for each", more + 1),
            ));
        }
    };
    Ok(CompletionDraft { model, prefix, suffix: request.suffix.take(), generation })
}

fn finish(reason: FinishReason) -> &'static str {
    finish_word(reason).unwrap_or("length")
}

/// What is kept of one sequence.
#[derive(Default)]
struct Sequence {
    logprobs: Vec<TokenLogprob>,
    /// Where the next token begins.
    offset: usize,
}

/// Writes a completion as chunks.
pub(super) struct TextWriter {
    head: Head,
    sequences: Vec<Sequence>,
    includes_usage: bool,
    echoed: String,
    /// The chunk that ended the last sequence, held back because token counts go into it.
    last: Option<(u32, FinishReason)>,
}

impl TextWriter {
    pub(super) fn new(head: Head, sequences: usize, includes_usage: bool, echoed: String) -> Self {
        let sequences = std::iter::repeat_with(Sequence::default).take(sequences).collect();
        Self { head, sequences, includes_usage, echoed, last: None }
    }

    fn chunk(&self, choices: &[TextChunkChoice<'_>], usage: Option<UsageBody>, out: &mut BytesMut) {
        let chunk = TextChunk {
            choices,
            created: self.head.created,
            model: &self.head.model,
            object: "text_completion",
            usage,
            id: &self.head.id,
        };
        sse::event(out, &chunk);
    }

    fn text(&mut self, sequence: u32, text: &str, out: &mut BytesMut) {
        let logprobs = self.take_logprobs(sequence);
        let choice = TextChunkChoice { text, index: sequence, logprobs, finish_reason: None };
        self.chunk(&[choice], None, out);
    }

    fn take_logprobs(&mut self, sequence: u32) -> Option<CompletionLogprobs> {
        let state = at(&mut self.sequences, sequence)?;
        CompletionLogprobs::of(std::mem::take(&mut state.logprobs), &mut state.offset)
    }

    fn flush_last(&mut self, usage: Option<UsageBody>, out: &mut BytesMut) {
        let Some((sequence, reason)) = self.last.take() else { return };
        let logprobs = self.take_logprobs(sequence);
        let finish_reason = Some(finish(reason));
        let choice = TextChunkChoice { text: "", index: sequence, logprobs, finish_reason };
        self.chunk(&[choice], usage, out);
    }
}

impl Writer for TextWriter {
    type Of = Reply;

    fn item(&mut self, item: ReplyItem, out: &mut BytesMut) {
        match item {
            ReplyItem::Started { sequence } => {
                if !self.echoed.is_empty() {
                    let echoed = std::mem::take(&mut self.echoed);
                    self.text(sequence, &echoed, out);
                    self.echoed = echoed;
                }
            }
            ReplyItem::Content { sequence, text } => self.text(sequence, &text, out),
            ReplyItem::Logprobs { sequence, tokens } => {
                if let Some(state) = at(&mut self.sequences, sequence) {
                    state.logprobs.extend(tokens);
                }
            }
            ReplyItem::Finished { sequence, reason } => {
                self.flush_last(None, out);
                self.last = Some((sequence, reason));
            }
            ReplyItem::Failed(error) => sse::failed(out, &error.into()),
            // A completion is not parsed, so it has neither.
            ReplyItem::Reasoning { .. }
            | ReplyItem::ToolCallStart { .. }
            | ReplyItem::ToolCallArguments { .. } => {}
        }
    }

    fn end(&mut self, usage: Usage, out: &mut BytesMut) {
        // Xinference's clients find the counts in the last chunk with a choice, OpenAI's in one
        // without, which they have to ask for.
        let usage = UsageBody::from(usage);
        if self.includes_usage {
            self.flush_last(None, out);
            self.chunk(&[], Some(usage), out);
        } else {
            self.flush_last(Some(usage), out);
        }
        sse::done(out);
    }
}

/// Gathers a whole completion.
struct Answer {
    choices: Vec<Gathered>,
}

#[derive(Default)]
struct Gathered {
    text: String,
    logprobs: Vec<TokenLogprob>,
    finish: Option<FinishReason>,
}

impl Answer {
    fn new(sequences: usize, echoed: &str) -> Self {
        let empty = || Gathered { text: echoed.to_owned(), ..Gathered::default() };
        Self { choices: std::iter::repeat_with(empty).take(sequences).collect() }
    }

    fn take(&mut self, item: ReplyItem) -> Result<(), InferenceError> {
        match item {
            ReplyItem::Content { sequence, text } => {
                if let Some(choice) = at(&mut self.choices, sequence) {
                    choice.text.push_str(&text);
                }
            }
            ReplyItem::Logprobs { sequence, tokens } => {
                if let Some(choice) = at(&mut self.choices, sequence) {
                    choice.logprobs.extend(tokens);
                }
            }
            ReplyItem::Finished { sequence, reason } => {
                if let Some(choice) = at(&mut self.choices, sequence) {
                    choice.finish = Some(reason);
                }
            }
            ReplyItem::Failed(error) => return Err(error),
            ReplyItem::Started { .. }
            | ReplyItem::Reasoning { .. }
            | ReplyItem::ToolCallStart { .. }
            | ReplyItem::ToolCallArguments { .. } => {}
        }
        Ok(())
    }

    fn finish(self, head: Head, usage: Usage) -> TextCompletion {
        let choice = |(gathered, index): (Gathered, u32)| TextChoice {
            text: gathered.text,
            index,
            logprobs: CompletionLogprobs::of(gathered.logprobs, &mut 0),
            finish_reason: finish(gathered.finish.unwrap_or(FinishReason::Cancelled)),
        };
        TextCompletion {
            choices: self.choices.into_iter().zip(0..).map(choice).collect(),
            created: head.created,
            model: head.model,
            object: "text_completion",
            usage: usage.into(),
            id: head.id,
        }
    }
}

#[cfg(test)]
mod tests;
