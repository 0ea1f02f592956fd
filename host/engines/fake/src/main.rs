//! A scripted engine for tests and benchmarks.
//!
//! It speaks the real protocol as a real process, and does what the command line and the prompts
//! say. By default it echoes the text of the prompt, word by word, as fast as it can.
//!
//! A prompt scripts its own reply with a JSON object anywhere in its text; the last one counts:
//! `{"fake": {"text": "hello there", "delay_us": 500, "crash_after": 3}}`. The keys are the fields
//! of [`Script`](script::Script).
//!
//! Of a recording, it writes down every second that is not silent: `second 1`, `second 2`, and so
//! on. A script in the request's prompt changes that; its `text` gives the words, one for each
//! second.
//!
//! A token is a word with the white space behind it; its id is a hash of its text. A control token
//! is one token, and so is an id. Constraints and sampling are accepted and change nothing.

mod arguments;
mod engine;
mod plan;
mod recording;
mod request;
mod script;
mod tokens;

use std::process::ExitCode;

use arguments::Arguments;
use clap::Parser;
use engine::Engine;
use engine_protocol::{Hello, VERSION};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut hello = Hello::new("fake", env!("CARGO_PKG_VERSION"));
    if arguments.wrong_version {
        hello.oldest = VERSION + 1;
        hello.protocol = VERSION + 2;
    }
    let socket = arguments.socket.clone();
    engine_ipc::serve_with(&hello, &socket, |session| Engine::new(session, arguments).run())
}
