//! `host generate`: a model of a running host goes on with a text.

use std::io;

use client::{Client, CompletionRequest};

use crate::{connect::Connect, output};

/// Lets a model of a running host go on with a text.
///
/// With a text it completes and ends; without one it goes on until an empty line.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  host generate --model-uid stories \"Once upon a time\" --max-tokens 64 --temperature 0
  host generate --model-uid stories")]
pub(crate) struct Arguments {
    /// The text to go on with.
    prompt: Option<String>,
    /// The uid of the model, as `host list` shows it.
    #[arg(short = 'u', long, alias = "model_uid", value_name = "UID")]
    model_uid: String,
    /// The greatest number of tokens in the completion.
    #[arg(long, alias = "max_tokens", value_name = "N", default_value_t = 512)]
    max_tokens: u32,
    /// How freely the model chooses; 0 always takes the most likely token.
    #[arg(long, value_name = "T")]
    temperature: Option<f32>,
    /// Whether the completion is shown as it is made.
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

/// Completes once, or goes on completing.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let client = arguments.connect.client()?;
    if let Some(prompt) = &arguments.prompt {
        complete(&client, arguments, prompt, "").await?;
        return Ok(output::line("")?);
    }
    client.model(&arguments.model_uid).await?;
    let mut lines = io::stdin().lines();
    loop {
        output::text("Prompt: ")?;
        let Some(prompt) = lines.next() else { break };
        let prompt = prompt?;
        if prompt.trim().is_empty() {
            return Ok(());
        }
        complete(&client, arguments, &prompt, "Completion: ").await?;
        output::line("")?;
    }
    Ok(output::line("")?)
}

/// Prints a heading, the prompt and what the model makes of it.
///
/// Nothing is printed before the model answers, so that a failure stands alone.
async fn complete(
    client: &Client,
    arguments: &Arguments,
    prompt: &str,
    heading: &str,
) -> anyhow::Result<()> {
    let request = CompletionRequest {
        max_tokens: Some(arguments.max_tokens),
        temperature: arguments.temperature,
        ..CompletionRequest::new(&arguments.model_uid, prompt)
    };
    if !arguments.stream {
        let completion = client.complete(&request).await?;
        return Ok(output::text(format!("{heading}{prompt}{}", completion.text()))?);
    }
    let mut pieces = client.complete_stream(&request).await?;
    let mut piece = pieces.next().await?;
    output::text(format!("{heading}{prompt}"))?;
    while let Some(given) = piece {
        output::text(given.text())?;
        piece = pieces.next().await?;
    }
    Ok(())
}
