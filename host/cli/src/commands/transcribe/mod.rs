//! `host transcribe`: recordings are written down by a model of a running host.

mod format;
mod progress;
mod recording;
mod target;

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use client::{Client, EventStream, TranscriptEvent, TranscriptionRequest};

use self::{format::Format, progress::Progress, recording::Recording, target::Target};
use crate::{connect::Connect, output, problem};

/// Writes recordings down with a model of a running host.
///
/// The text appears as it is made. With `--output` it goes into a file, whose extension says in
/// which form: plain text, subtitles (`.srt`, `.vtt`), or JSON with times. Any common audio file
/// will do, and the sound of most films.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  host transcribe talk.mp3                               the text, as it is made
  host transcribe talk.mp3 -o talk.srt                   subtitles
  host transcribe a.wav b.wav c.wav -o texts/ -f vtt     texts/a.vtt, texts/b.vtt, texts/c.vtt
  host transcribe rede.ogg --language de --translate     in English
  host transcribe call.m4a --prompt \"Ada Lovelace, Plankalkül\" --word-timestamps -o call.json
  ffmpeg -i film.mkv -f wav - | host transcribe - -o film.vtt

Languages are codes (`de`) or English names (`german`); without one the model listens for it.")]
pub(crate) struct Arguments {
    /// The recordings; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<String>,
    /// The uid of the model, as `host list` shows it; by default the one that transcribes.
    #[arg(short = 'u', long, aliases = ["model_uid", "model"], value_name = "UID")]
    model_uid: Option<String>,
    /// The language that is spoken.
    #[arg(short, long, value_name = "LANGUAGE")]
    language: Option<String>,
    /// Writes an English translation.
    #[arg(long)]
    translate: bool,
    /// Names and words that the recording uses, in the style of the transcript.
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// The file for the transcript, or a folder where there are several recordings.
    #[arg(short, long, value_name = "FILE")]
    output: Option<String>,
    /// The form of the transcript; by default what the output's extension says, else text.
    #[arg(short, long, value_name = "FORM")]
    format: Option<Format>,
    /// Adds when each word is spoken, which JSON alone can hold.
    #[arg(long, alias = "word_timestamps")]
    word_timestamps: bool,
    /// Whether text is shown as it is made, rather than at the end.
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

/// Writes down one recording after the other; one that fails does not keep the others from it.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let targets = target::of(&arguments.files, arguments.output.as_deref(), arguments.format)?;
    let wordless = targets.iter().any(|target| target.format() != Format::Json);
    if arguments.word_timestamps && wordless {
        bail!("only JSON holds the times of words: add `--format json`, or `-o FILE.json`");
    }
    let client = arguments.connect.client()?;
    let model = match &arguments.model_uid {
        Some(uid) => uid.clone(),
        None => the_model(&client).await?,
    };
    let mut failed = 0;
    for (file, target) in arguments.files.iter().zip(targets) {
        let alone = arguments.files.len() == 1;
        if !alone && target.is_shown() {
            output::note(format!("{file}:"))?;
        }
        let done = write_down(&client, arguments, &model, file, target).await;
        match done.with_context(|| format!("cannot transcribe `{file}`")) {
            Ok(()) => {}
            Err(error) if alone => return Err(error),
            Err(error) => {
                failed += 1;
                output::note(problem::describe(&error))?;
            }
        }
    }
    if failed > 0 {
        let all = arguments.files.len();
        output::note(format!("{failed} of {all} recordings were not transcribed"))?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// The one model that transcribes.
async fn the_model(client: &Client) -> anyhow::Result<String> {
    let models = client.models().await?;
    let mut able = models
        .into_iter()
        .filter(|model| model.model_ability.iter().any(|ability| ability == "audio2text"));
    match (able.next(), able.next()) {
        (Some(model), None) => Ok(model.id),
        (Some(one), Some(other)) => bail!(
            "several models transcribe, among them `{}` and `{}`: choose one with `--model-uid UID`",
            one.id,
            other.id
        ),
        (None, _) => bail!(
            "no model of this host transcribes: add one to its configuration, such as a `ggml-*.bin` file"
        ),
    }
}

async fn write_down(
    client: &Client,
    arguments: &Arguments,
    model: &str,
    file: &str,
    target: Target,
) -> anyhow::Result<()> {
    let recording = Recording::open(file).await?;
    let progress = Progress::new(recording.name(), recording.length());
    let request = TranscriptionRequest {
        model: model.to_owned(),
        language: arguments.language.clone(),
        prompt: arguments.prompt.clone(),
        format: target.format().name().to_owned(),
        translate: arguments.translate,
        word_times: arguments.word_timestamps,
    };
    let upload = recording.upload(progress.sending());
    let events = client.transcribe(&request, upload).await?;
    receive(events, &target, &progress, arguments.stream).await
}

async fn receive(
    mut events: EventStream<TranscriptEvent>,
    target: &Target,
    progress: &Progress,
    stream: bool,
) -> anyhow::Result<()> {
    let shows = stream && target.is_shown() && target.format() != Format::Json;
    let mut printed = 0;
    while let Some(event) = events.next().await? {
        match event {
            TranscriptEvent::Delta { delta } if shows => {
                progress.clear();
                printed += delta.len();
                output::text(delta)?;
            }
            TranscriptEvent::Progress { seconds, of } if printed == 0 => {
                progress.heard(seconds, of);
            }
            TranscriptEvent::Done { body } => {
                progress.clear();
                let whole = target.format().whole(&body)?;
                // What has been printed lacks its last line feed at most.
                let rest = whole.get(printed..).unwrap_or_default();
                return if shows { Ok(output::text(rest)?) } else { target.write(rest) };
            }
            TranscriptEvent::Delta { .. }
            | TranscriptEvent::Progress { .. }
            | TranscriptEvent::Other => {}
        }
    }
    bail!("the host ended the transcript before it was whole")
}
