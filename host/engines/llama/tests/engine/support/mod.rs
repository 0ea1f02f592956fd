//! Models to test on, and running requests to their end.

mod gguf;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use engine_llama::Engine;
use engine_protocol::{
    Constraint, EngineError, EventKind, Finish, FromEngine, Generate, GrammarSyntax, Load,
    LoadSettings, Prompt, PromptPart, RequestId, Sampling, TokenLogprob,
};
pub(crate) use gguf::{CONTEXT, adapter, tiny_model};

/// Nothing in these tests takes a minute.
const PATIENCE: Duration = Duration::from_mins(2);

/// A file of the shared test data; says so where it is not there.
pub(crate) fn data(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../../shared/data");
    let file = root.join(path);
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {} is not here", file.display());
    None
}

/// A trained model: the shared one, or the demo model, where either is there.
pub(crate) fn stories() -> Option<PathBuf> {
    data("stories260K/stories260K-f32.gguf")
}

/// The project's own demo model, where it is there.
pub(crate) fn guide() -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../demo/guide.gguf");
    if file.exists() {
        return Some(file);
    }
    println!("skipped: {} is not here", file.display());
    None
}

/// Settings that are gentle on a machine that runs other tests too.
pub(crate) fn settings() -> LoadSettings {
    LoadSettings { threads: 1, ..LoadSettings::default() }
}

pub(crate) fn load(path: &Path, settings: LoadSettings) -> Engine {
    let request = Load { path: path.to_str().unwrap().to_owned(), settings };
    Engine::load(&request, &mut |_| true, None).unwrap()
}

pub(crate) fn prompt(text: &str) -> Prompt {
    Prompt { parts: vec![PromptPart::Text(text.to_owned())], ..Prompt::default() }
}

pub(crate) fn greedy() -> Sampling {
    Sampling { temperature: Some(0.0), ..Sampling::default() }
}

/// Plain sampling at temperature 1, from all tokens.
pub(crate) fn wild(seed: u32) -> Sampling {
    Sampling {
        temperature: Some(1.0),
        top_k: Some(0),
        top_p: Some(1.0),
        min_p: Some(0.0),
        seed: Some(seed),
        ..Sampling::default()
    }
}

pub(crate) fn generate(request: RequestId, text: &str, max_tokens: u32) -> Generate {
    Generate {
        request,
        prompt: prompt(text),
        sampling: greedy(),
        sequences: 1,
        max_tokens: Some(max_tokens),
        stop: Vec::new(),
        stop_tokens: Vec::new(),
        constraint: None,
        logprobs: None,
        lora: None,
        cache_salt: String::new(),
    }
}

pub(crate) fn constraint(syntax: GrammarSyntax, source: &str) -> Constraint {
    Constraint { syntax, source: source.to_owned(), triggers: Vec::new() }
}

/// What came of a sequence.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) pieces: Vec<String>,
    pub(crate) finish: Option<Finish>,
    pub(crate) prompt_tokens: u32,
    pub(crate) cached_tokens: u32,
    pub(crate) reported: u32,
    pub(crate) completion_tokens: u32,
    pub(crate) logprobs: Vec<TokenLogprob>,
    pub(crate) error: Option<EngineError>,
}

pub(crate) type Replies = BTreeMap<(RequestId, u32), Reply>;

/// Enters output into the replies.
pub(crate) fn enter(replies: &mut Replies, output: Vec<FromEngine>) {
    for message in output {
        let FromEngine::Step(events) = message else { panic!("{message:?} is not a step") };
        for event in events {
            let reply = replies.entry((event.request, event.sequence)).or_default();
            assert_eq!(reply.finish, None, "an event after the end: {:?}", event.kind);
            match event.kind {
                EventKind::Started { prompt_tokens, cached_tokens } => {
                    assert_eq!(reply.prompt_tokens, 0, "started twice");
                    reply.prompt_tokens = prompt_tokens;
                    reply.cached_tokens = cached_tokens;
                }
                EventKind::Text { text, tokens, logprobs } => {
                    reply.text.push_str(&text);
                    reply.pieces.push(text);
                    reply.reported += tokens;
                    reply.logprobs.extend(logprobs);
                }
                EventKind::Finished { reason, completion_tokens } => {
                    reply.finish = Some(reason);
                    reply.completion_tokens = completion_tokens;
                }
                EventKind::Segments { .. } => panic!("a language model transcribes nothing"),
                EventKind::Failed(error) => reply.error = Some(error),
            }
        }
    }
}

/// Steps until nothing is left to do, with a look at the engine after each step.
pub(crate) fn drive(engine: &mut Engine, replies: &mut Replies, mut look: impl FnMut(&mut Engine)) {
    let begun = Instant::now();
    while !engine.is_idle() || engine.is_preparing() {
        engine.step();
        enter(replies, engine.take_output());
        look(engine);
        let stats = engine.stats();
        assert!(stats.kv_used <= stats.kv_total, "{stats:?}");
        assert!(begun.elapsed() < PATIENCE, "the engine does not come to an end: {stats:?}");
    }
}

/// Runs requests beside each other.
pub(crate) fn run(engine: &mut Engine, requests: Vec<Generate>) -> Replies {
    let mut replies = Replies::new();
    for request in requests {
        engine.submit(Box::new(request));
    }
    drive(engine, &mut replies, |_| {});
    replies
}

/// Runs one request.
pub(crate) fn one(engine: &mut Engine, request: Generate) -> Reply {
    run(engine, vec![request]).into_values().next().unwrap()
}
