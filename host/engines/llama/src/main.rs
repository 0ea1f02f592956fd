//! The worker process for GGUF language models.

use std::process::ExitCode;

fn main() -> ExitCode {
    engine_ipc::serve("llama", engine_llama::run)
}
