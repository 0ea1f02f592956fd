//! `POST /v1/chat/completions`.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Extension, State},
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use inference::{ChatCommand, InferenceError, InvalidCommand, Reply, ReplyItem};
use model::{TokenLogprob, Usage};

use super::{
    conversation,
    generation::{Route, Spelling},
    logprobs::ChatLogprobs,
    request::GenerationRequest,
    response::{
        AssistantMessage, ChatChoice, ChatChunk, ChatChunkChoice, ChatCompletion, Delta,
        FINGERPRINT, FunctionBody, Head, ToolCallBody, UsageBody, at, finish_word,
    },
    schema::ChatCompletionRequest,
    sse::{self, Writer},
};
use crate::{auth::Tenant, body::JsonBody, error::ApiError, error::ErrorBody, state::Shared};

/// Answers a conversation, whole or as server-sent events.
#[utoipa::path(
    post,
    path = "/v1/chat/completions", operation_id = "create_chat_completion",
    tag = "inference",
    request_body = ChatCompletionRequest,
    responses(
        (status = 200, description = "The answer; with `stream`, `chat.completion.chunk` events and `[DONE]`.",
            content((ChatCompletion = "application/json"), (String = "text/event-stream"))),
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
    let old_form = request.functions.is_some() && request.tools.is_none();
    let mut reply = shared.inference.chat(command(request, tenant.salt())?).await?;
    let head = Head::new("chatcmpl", reply.uid().as_str());
    if streams {
        let sequences = reply.sequences();
        let writer = ChatWriter::new(head, sequences, includes_usage, old_form);
        return Ok(sse::response_to(shared, reply, writer, place, share).await?);
    }
    let mut answer = Answer::new(reply.sequences());
    let mut until_begun = Some(share);
    while let Some(items) = sse::next(&shared, &mut reply).await {
        until_begun.take();
        items.into_iter().try_for_each(|item| answer.take(item))?;
    }
    Ok(Json(answer.finish(head, reply.usage(), old_form)).into_response())
}

/// The request, checked.
pub(super) fn command(
    request: GenerationRequest,
    tenant: &str,
) -> Result<ChatCommand, InvalidCommand> {
    let spelling = Spelling::of(&request, Route::Chat);
    conversation::draft(request, tenant, now())
        .and_then(ChatCommand::try_from)
        .map_err(|error| spelling.name(error))
}

/// The time that templates may print, to the second.
fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What is kept of one sequence until it ends.
#[derive(Default)]
struct Sequence {
    calls: Vec<ToolCallBody>,
    logprobs: Vec<TokenLogprob>,
}

impl Sequence {
    fn start_call(&mut self, id: String, name: String) {
        let function = FunctionBody { name, arguments: String::new() };
        self.calls.push(ToolCallBody {
            index: Some(self.calls.len()),
            id,
            kind: "function",
            function,
        });
    }

    fn add_arguments(&mut self, text: &str) {
        if let Some(call) = self.calls.last_mut() {
            call.function.arguments.push_str(text);
        }
    }

    /// The calls, whose arguments are JSON even where a function takes none.
    fn take_calls(&mut self) -> Vec<ToolCallBody> {
        let mut calls = std::mem::take(&mut self.calls);
        for call in &mut calls {
            if call.function.arguments.trim().is_empty() {
                "{}".clone_into(&mut call.function.arguments);
            }
        }
        calls
    }
}

/// Writes an answer as chunks.
pub(super) struct ChatWriter {
    head: Head,
    sequences: Vec<Sequence>,
    includes_usage: bool,
    old_form: bool,
}

impl ChatWriter {
    pub(super) fn new(head: Head, sequences: usize, includes_usage: bool, old_form: bool) -> Self {
        let sequences = std::iter::repeat_with(Sequence::default).take(sequences).collect();
        Self { head, sequences, includes_usage, old_form }
    }

    fn chunk(&self, choices: &[ChatChunkChoice<'_>], usage: Option<UsageBody>, out: &mut BytesMut) {
        let chunk = ChatChunk {
            choices,
            created: self.head.created,
            model: &self.head.model,
            system_fingerprint: FINGERPRINT,
            object: "chat.completion.chunk",
            usage,
            id: &self.head.id,
        };
        sse::event(out, &chunk);
    }

    fn delta(&mut self, sequence: u32, delta: Delta<'_>, out: &mut BytesMut) {
        let state = at(&mut self.sequences, sequence);
        let tokens = state.map(|state| std::mem::take(&mut state.logprobs)).unwrap_or_default();
        let logprobs = ChatLogprobs::of(tokens);
        let choice = ChatChunkChoice { finish_reason: None, index: sequence, delta, logprobs };
        self.chunk(&[choice], None, out);
    }
}

impl Writer for ChatWriter {
    type Of = Reply;

    fn item(&mut self, item: ReplyItem, out: &mut BytesMut) {
        match item {
            ReplyItem::Started { sequence } => {
                let delta = Delta { role: Some("assistant"), ..Delta::default() };
                self.delta(sequence, delta, out);
            }
            ReplyItem::Content { sequence, text } => {
                let delta = Delta { content: Some(&text), ..Delta::default() };
                self.delta(sequence, delta, out);
            }
            ReplyItem::Reasoning { sequence, text } => {
                let delta = Delta { reasoning_content: Some(&text), ..Delta::default() };
                self.delta(sequence, delta, out);
            }
            ReplyItem::ToolCallStart { sequence, id, name } => {
                if let Some(state) = at(&mut self.sequences, sequence) {
                    state.start_call(id, name);
                }
            }
            ReplyItem::ToolCallArguments { sequence, text } => {
                if let Some(state) = at(&mut self.sequences, sequence) {
                    state.add_arguments(&text);
                }
            }
            ReplyItem::Logprobs { sequence, tokens } => {
                if let Some(state) = at(&mut self.sequences, sequence) {
                    state.logprobs.extend(tokens);
                }
            }
            ReplyItem::Finished { sequence, reason } => {
                // Clients of Dify and LangChain read calls only from the chunk that ends the
                // answer, and only where they are whole there.
                let state = at(&mut self.sequences, sequence);
                let (calls, tokens) = state
                    .map(|state| (state.take_calls(), std::mem::take(&mut state.logprobs)))
                    .unwrap_or_default();
                let old = calls.first().map(|call| &call.function).filter(|_| self.old_form);
                let choice = ChatChunkChoice {
                    finish_reason: Some(finish(reason, old.is_some())),
                    index: sequence,
                    delta: Delta {
                        content: Some(""),
                        tool_calls: if old.is_some() { &[] } else { &calls },
                        function_call: old,
                        ..Delta::default()
                    },
                    logprobs: ChatLogprobs::of(tokens),
                };
                self.chunk(&[choice], None, out);
            }
            ReplyItem::Failed(error) => sse::failed(out, &error.into()),
        }
    }

    fn end(&mut self, usage: Usage, out: &mut BytesMut) {
        if self.includes_usage {
            self.chunk(&[], Some(usage.into()), out);
        }
        sse::done(out);
    }
}

fn finish(reason: model::FinishReason, old_form: bool) -> &'static str {
    match finish_word(reason) {
        Some("tool_calls") if old_form => "function_call",
        Some(word) => word,
        // Whoever still reads did not cancel, so it was cut off.
        None => "length",
    }
}

/// Gathers a whole answer.
struct Answer {
    choices: Vec<Gathered>,
}

#[derive(Default)]
struct Gathered {
    content: String,
    reasoning: String,
    sequence: Sequence,
    finish: Option<model::FinishReason>,
}

impl Answer {
    fn new(sequences: usize) -> Self {
        Self { choices: std::iter::repeat_with(Gathered::default).take(sequences).collect() }
    }

    fn take(&mut self, item: ReplyItem) -> Result<(), InferenceError> {
        match item {
            ReplyItem::Started { .. } => {}
            ReplyItem::Content { sequence, text } => {
                if let Some(choice) = at(&mut self.choices, sequence) {
                    choice.content.push_str(&text);
                }
            }
            ReplyItem::Reasoning { sequence, text } => {
                if let Some(choice) = at(&mut self.choices, sequence) {
                    choice.reasoning.push_str(&text);
                }
            }
            ReplyItem::ToolCallStart { sequence, id, name } => {
                if let Some(choice) = at(&mut self.choices, sequence) {
                    choice.sequence.start_call(id, name);
                }
            }
            ReplyItem::ToolCallArguments { sequence, text } => {
                if let Some(choice) = at(&mut self.choices, sequence) {
                    choice.sequence.add_arguments(&text);
                }
            }
            ReplyItem::Logprobs { sequence, tokens } => {
                if let Some(choice) = at(&mut self.choices, sequence) {
                    choice.sequence.logprobs.extend(tokens);
                }
            }
            ReplyItem::Finished { sequence, reason } => {
                if let Some(choice) = at(&mut self.choices, sequence) {
                    choice.finish = Some(reason);
                }
            }
            ReplyItem::Failed(error) => return Err(error),
        }
        Ok(())
    }

    fn finish(self, head: Head, usage: Usage, old_form: bool) -> ChatCompletion {
        let choice = |(mut gathered, index): (Gathered, u32)| {
            let mut tool_calls = gathered.sequence.take_calls();
            for call in &mut tool_calls {
                call.index = None;
            }
            let mut function_call = None;
            if old_form && !tool_calls.is_empty() {
                function_call = Some(tool_calls.swap_remove(0).function);
                tool_calls.clear();
            }
            let reason = gathered.finish.unwrap_or(model::FinishReason::Cancelled);
            ChatChoice {
                finish_reason: finish(reason, function_call.is_some()),
                index,
                message: AssistantMessage {
                    role: "assistant",
                    content: gathered.content,
                    reasoning_content: Some(gathered.reasoning).filter(|text| !text.is_empty()),
                    tool_calls,
                    function_call,
                },
                logprobs: ChatLogprobs::of(gathered.sequence.logprobs),
            }
        };
        ChatCompletion {
            choices: self.choices.into_iter().zip(0..).map(choice).collect(),
            created: head.created,
            model: head.model,
            system_fingerprint: FINGERPRINT,
            object: "chat.completion",
            usage: usage.into(),
            id: head.id,
        }
    }
}

#[cfg(test)]
mod tests;
