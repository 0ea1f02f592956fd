//! `host chat`: a conversation with a model of a running host.

use std::io;

use client::{ChatRequest, Client, ClientError, Message, ToolCall};

use crate::{connect::Connect, output, problem};

/// Talks to a model of a running host.
///
/// With a question it answers and ends; without one it goes on until an empty line.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  host chat --model-uid guide
  host chat --model-uid guide \"What is a family?\"
  host chat --model-uid guide --system \"Answer in one sentence.\" --temperature 0 \"Who are you?\"
  git diff | host chat --model-uid guide --system \"Review this change.\" -")]
pub(crate) struct Arguments {
    /// The question; `-` reads it from standard input.
    question: Option<String>,
    /// The uid of the model, as `host list` shows it.
    #[arg(short = 'u', long, alias = "model_uid", value_name = "UID")]
    model_uid: String,
    /// Instructions that come before the conversation.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// The greatest number of tokens in one answer.
    #[arg(long, alias = "max_tokens", value_name = "N", default_value_t = 512)]
    max_tokens: u32,
    /// How freely the model chooses; 0 always takes the most likely token.
    #[arg(long, value_name = "T")]
    temperature: Option<f32>,
    /// Whether the answer is shown as it is made.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        default_value = "true",
        default_missing_value = "true",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    stream: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Asks once, or goes on asking.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = arguments.connect.client()?;
    let mut messages: Vec<Message> = arguments.system.iter().map(Message::system).collect();
    match arguments.question.as_deref() {
        Some(question) => {
            let question = if question == "-" {
                io::read_to_string(io::stdin().lock())?
            } else {
                question.to_owned()
            };
            messages.push(Message::user(question));
            answer(&client, arguments, &messages).await?;
            output::line("")?;
        }
        None => converse(&client, arguments, messages).await?,
    }
    Ok(())
}

async fn converse(
    client: &Client,
    arguments: &Arguments,
    mut messages: Vec<Message>,
) -> anyhow::Result<()> {
    // A mistyped uid is told before the first question, not after it.
    client.model(&arguments.model_uid).await?;
    let mut lines = io::stdin().lines();
    loop {
        output::text("User: ")?;
        let Some(line) = lines.next() else { break };
        let line = line?;
        if line.trim().is_empty() {
            return Ok(());
        }
        messages.push(Message::user(line));
        output::text("Assistant: ")?;
        match answer(client, arguments, &messages).await {
            Ok(reply) => {
                output::line("")?;
                messages.push(Message::assistant(reply));
            }
            Err(error) if is_refusal(&error) => {
                output::line("")?;
                output::note(problem::describe(&error))?;
                messages.pop();
            }
            Err(error) => return Err(error),
        }
    }
    Ok(output::line("")?)
}

/// Whether the host said no to one question, which does not end the conversation.
fn is_refusal(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref::<ClientError>(),
        Some(ClientError::Refused { .. } | ClientError::Interrupted { .. })
    )
}

/// Prints the answer and returns its visible text.
async fn answer(
    client: &Client,
    arguments: &Arguments,
    messages: &[Message],
) -> anyhow::Result<String> {
    let request = ChatRequest {
        max_tokens: Some(arguments.max_tokens),
        temperature: arguments.temperature,
        ..ChatRequest::new(&arguments.model_uid, messages.to_vec())
    };
    let mut visible = String::new();
    if !arguments.stream {
        let reply = client.chat(&request).await?;
        visible.push_str(reply.content());
        output::text(&visible)?;
        let message = reply.choices.into_iter().next().map(|choice| choice.message);
        show_calls(message.and_then(|message| message.tool_calls).unwrap_or_default())?;
        return Ok(visible);
    }
    let mut chunks = client.chat_stream(&request).await?;
    while let Some(chunk) = chunks.next().await? {
        for choice in chunk.choices {
            // Reasoning is for the person, not for a program that reads the answer.
            output::aside(choice.delta.reasoning_content.unwrap_or_default())?;
            let content = choice.delta.content.unwrap_or_default();
            output::text(&content)?;
            visible.push_str(&content);
            show_calls(choice.delta.tool_calls.unwrap_or_default())?;
        }
    }
    Ok(visible)
}

fn show_calls(calls: Vec<ToolCall>) -> io::Result<()> {
    for ToolCall { function, .. } in calls {
        let name = function.name.unwrap_or_default();
        let arguments = function.arguments.unwrap_or_default();
        output::text(format!("\n{name}({arguments})"))?;
    }
    Ok(())
}
