//! What the runtime itself costs: `cargo bench -p plugin-runtime`.
//!
//! Prints the median of many runs for each step of a chat request, and what a plugin costs to load.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench prints, and may stop")]

use std::cell::RefCell;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{ChatRequest, ContentPart, ControlToken, FinishReason, Message, ModelCard, Role, Tool};
use plugin_runtime::{Limits, Options, PluginRuntime};

fn main() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("plugins");
    fs::create_dir(&dir).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/plugins");
    fs::copy(fixtures.join("echo.wasm"), dir.join("echo.wasm")).unwrap();
    let open = |cache: Option<&str>| {
        let cache_dir = cache.map(|name| root.path().join(name));
        let limits = Limits::default();
        PluginRuntime::open(Options { dir: dir.clone(), cache_dir, compiler: None, limits })
            .unwrap()
    };
    let runtime = open(Some("warm"));

    let (small, large) = (card(8, 0), card(1000, 10_000));
    let request = conversation(2048);
    measure("open, compiling one plugin", 10, || {
        black_box(open(None));
    });
    measure("open, one plugin from the cache", 50, || {
        black_box(open(Some("warm")));
    });
    measure("recognize and profile", 500, || {
        black_box(runtime.choose(&small, None).unwrap());
    });
    measure("chat: instance and prompt of 2 KB", 1000, || {
        black_box(runtime.chat("echo", &small, &request).unwrap());
    });
    measure("the same, card with 1000 control tokens", 1000, || {
        black_box(runtime.chat("echo", &large, &request).unwrap());
    });
    let mut turn = runtime.chat("echo", &small, &request).unwrap();
    measure("push of 5 bytes", 20_000, || {
        black_box(turn.push(0, "word ").unwrap());
    });
    let mut sequence = 1;
    measure("parser: made and finished", 1000, || {
        sequence += 1;
        black_box(turn.finish(sequence, FinishReason::Stop).unwrap());
    });
    templates(root.path());
}

/// What the family `jinja` costs, where it is built: each render reads the template anew.
fn templates(root: &Path) {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins");
    let dir = root.join("jinja");
    fs::create_dir(&dir).unwrap();
    if fs::copy(plugins.join("jinja.wasm"), dir.join("jinja.wasm")).is_err() {
        println!("skipped: plugins/jinja.wasm is not built; `cargo xtask plugins` builds it");
        return;
    }
    let runtime = PluginRuntime::open(Options {
        dir,
        cache_dir: None,
        compiler: None,
        limits: Limits::default(),
    })
    .unwrap();
    let bench = fs::read_to_string(plugins.join("jinja/goldens/templates/long.jinja")).unwrap();
    let short = fs::read_to_string(plugins.join("jinja/goldens/templates/thinking.jinja")).unwrap();
    let mut request = conversation(2048);
    for (what, template, tokens) in [
        ("jinja: 2 KB, template of 1 KB", &short, 8),
        ("jinja: 2 KB, long template", &bench, 8),
        ("jinja: 2 KB, long template, 1000 tokens", &bench, 1000),
    ] {
        let mut card = card(tokens, 0);
        card.chat_template = Some(template.clone());
        measure(what, 1000, || {
            black_box(runtime.chat("jinja", &card, &request).unwrap());
        });
        ahead(&runtime, &Arc::new(card), &request);
    }
    let mut card = card(8, 0);
    card.chat_template = Some(bench);
    let parameters = r#"{"type": "object", "properties": {"city": {"type": "string"}}}"#;
    request.tools = (0..4)
        .map(|n| Tool {
            name: format!("tool_{n}"),
            description: Some("Gets the weather of a city.".into()),
            parameters_json: parameters.into(),
            definition_json: format!(
                r#"{{"type": "function", "function": {{"name": "tool_{n}", "description": "Gets the weather of a city.", "parameters": {parameters}}}}}"#
            ),
        })
        .collect();
    measure("jinja: the same with four tools", 1000, || {
        black_box(runtime.chat("jinja", &card, &request).unwrap());
    });
    ahead(&runtime, &Arc::new(card.clone()), &request);
    measure("jinja: and a parser", 1000, || {
        let mut turn = runtime.chat("jinja", &card, &request).unwrap();
        black_box(turn.push(0, "word ").unwrap());
    });
}

/// A request that meets an instance which has read the template: one every few milliseconds.
///
/// Up to the prompt, with which the engine begins; an instance goes when the reply is over.
fn ahead(runtime: &PluginRuntime, card: &Arc<ModelCard>, request: &ChatRequest) {
    let chat = || black_box(runtime.chat_shared("jinja", card, request).unwrap());
    let last = RefCell::new(Some(chat()));
    // Not asleep, as a thread that wakes up finds its caches cold.
    let pause = || {
        last.take();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(3) {
            std::hint::spin_loop();
        }
    };
    measure_between("    read ahead of the request", 300, pause, || {
        last.replace(Some(chat()));
    });
}

fn measure(what: &str, runs: usize, work: impl FnMut()) {
    measure_between(what, runs, || {}, work);
}

/// Measures work with something before each run that does not count.
fn measure_between(what: &str, runs: usize, mut before: impl FnMut(), mut work: impl FnMut()) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            before();
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    times.sort();
    let at = |percent: usize| times.get(runs * percent / 100).copied().unwrap_or_default();
    println!("{what:42} median {:>10.2?}   99 % under {:>10.2?}", at(50), at(99));
}

fn card(control_tokens: u32, template: usize) -> ModelCard {
    const ROLES: [&str; 5] =
        ["<|system|>", "<|user|>", "<|assistant|>", "<|observation|>", "<|end|>"];
    let text = |id: u32| {
        let role = ROLES.get(id as usize).map(|role| (*role).to_owned());
        role.unwrap_or_else(|| format!("<|reserved_{id}|>"))
    };
    ModelCard {
        name: "bench".into(),
        architecture: "echo".into(),
        chat_template: (template > 0).then(|| "x".repeat(template)),
        vocabulary_size: 32_000,
        control_tokens: (0..control_tokens).map(|id| ControlToken { text: text(id), id }).collect(),
        metadata: (0..40).map(|n| (format!("general.key.{n}"), "value".into())).collect(),
        ..ModelCard::default()
    }
}

/// A conversation of so many bytes in eight messages.
fn conversation(bytes: usize) -> ChatRequest {
    let message = |n: usize| Message {
        role: if n.is_multiple_of(2) { Role::User } else { Role::Assistant },
        content: vec![ContentPart::Text("w".repeat(bytes / 8))],
        name: None,
        reasoning: None,
        tool_calls: vec![],
        tool_call_id: None,
    };
    ChatRequest { messages: (0..8).map(message).collect(), ..ChatRequest::default() }
}
