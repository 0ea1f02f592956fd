//! `host plugin render`: what a model is really asked.

use std::{fs, io, path::PathBuf};

use anyhow::{Context as _, bail};
use client::{Message, RenderRequest, Rendered, RenderedPart};

use super::facts::Facts;
use crate::{connect::Connect, output, problem::Hint};

/// Shows the prompt that a request becomes: its parts and token ids, without generating.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Parts marked `control` and `token` are special tokens that the family chose; `text` can never
become one, whatever a user writes.

Examples:
  host plugin render --model-uid guide --user \"Hello\"
  host plugin render --model-uid guide --system \"Be brief.\" --user \"What is a family?\"
  host plugin render --model-uid glm --request request.json --json
  host plugin render --model-uid stories --prompt \"Once upon a time\"
  echo '{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}' | host plugin render -u guide --request -")]
pub(crate) struct Arguments {
    /// The uid of the model, as `host list` shows it.
    #[arg(short = 'u', long, alias = "model_uid", value_name = "UID")]
    model_uid: String,
    /// The body of a chat or completion request; `-` reads it from standard input.
    #[arg(long, value_name = "FILE", group = "what")]
    request: Option<PathBuf>,
    /// A conversation of one message.
    #[arg(long, value_name = "TEXT", group = "what")]
    user: Option<String>,
    /// The text of a plain completion.
    #[arg(long, value_name = "TEXT", group = "what")]
    prompt: Option<String>,
    /// Instructions before `--user`.
    #[arg(long, value_name = "TEXT", requires = "user")]
    system: Option<String>,
    /// Prints the host's answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Asks the host and prints.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let request = request(arguments)?;
    let rendered = arguments.connect.client()?.render(&request).await?;
    if arguments.json {
        return Ok(output::line(serde_json::to_string_pretty(&rendered)?)?);
    }
    Ok(output::text(describe(&rendered))?)
}

fn request(arguments: &Arguments) -> anyhow::Result<RenderRequest> {
    let mut request = if let Some(path) = &arguments.request {
        let (name, text) = if path.as_os_str() == "-" {
            ("standard input".to_owned(), io::read_to_string(io::stdin().lock())?)
        } else {
            let name = path.display().to_string();
            let text = fs::read_to_string(path).with_context(|| format!("cannot read `{name}`"))?;
            (name, text)
        };
        let mut body: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text)
            .with_context(|| format!("{name} holds no JSON object"))
            .hint("write the body of a request, like {\"messages\": [{\"role\": \"user\", \"content\": \"hi\"}]}")?;
        body.insert("model".to_owned(), arguments.model_uid.clone().into());
        serde_json::from_value(body.into()).with_context(|| format!("{name} holds no request"))?
    } else if let Some(prompt) = &arguments.prompt {
        RenderRequest { prompt: Some(prompt.clone()), ..RenderRequest::default() }
    } else if let Some(user) = &arguments.user {
        let mut messages: Vec<Message> = arguments.system.iter().map(Message::system).collect();
        messages.push(Message::user(user));
        RenderRequest { messages, ..RenderRequest::default() }
    } else {
        bail!("nothing to render: give --user TEXT, --prompt TEXT or --request FILE");
    };
    request.model.clone_from(&arguments.model_uid);
    Ok(request)
}

fn describe(rendered: &Rendered) -> String {
    let mut facts = Facts::default();
    let family = rendered.family.as_deref().unwrap_or("none, the text as it is");
    facts.add("model", &rendered.model).add("family", family);
    facts.add_list("parts", rendered.parts.iter().map(part));
    facts.add_list("stop", rendered.stop.iter().map(|stop| format!("{stop:?}")));
    facts.add("stop tokens", ids(&rendered.stop_tokens));
    facts.add(&format!("{} tokens", rendered.tokens.len()), ids(&rendered.tokens));
    facts.text()
}

fn part(part: &RenderedPart) -> String {
    match part {
        RenderedPart::Text(text) => format!("text     {text:?}"),
        RenderedPart::Control(text) => format!("control  {text}"),
        RenderedPart::Token(id) => format!("token    {id}"),
        RenderedPart::Media(at) => format!("media    {at}"),
        RenderedPart::Split => "split".to_owned(),
    }
}

fn ids(tokens: &[u32]) -> String {
    tokens.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_shown_part_by_part() {
        let rendered = Rendered {
            model: "glm".into(),
            family: Some("chatglm".into()),
            parts: vec![
                RenderedPart::Control("<|user|>".into()),
                RenderedPart::Text("\n <|user|>".into()),
                RenderedPart::Token(7),
                RenderedPart::Split,
            ],
            tokens: vec![64795, 30910, 13],
            stop_tokens: vec![2],
            ..Rendered::default()
        };
        assert_eq!(
            describe(&rendered),
            "\
model        glm
family       chatglm
parts        control  <|user|>
             text     \"\\n <|user|>\"
             token    7
             split
stop tokens  2
3 tokens     64795 30910 13
"
        );
    }
}
