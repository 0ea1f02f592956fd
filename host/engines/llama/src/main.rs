//! The worker process for GGUF language models.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(model) = engine_llama::trials_of(std::env::args_os().skip(1)) {
        return engine_llama::try_constraints(&model)
            .map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS);
    }
    engine_ipc::serve("llama", |session| engine_llama::run(session, own_program()))
}

/// This program, also where its file has been replaced meanwhile.
fn own_program() -> Option<PathBuf> {
    if cfg!(target_os = "linux") {
        return Some("/proc/self/exe".into());
    }
    std::env::current_exe().ok()
}
