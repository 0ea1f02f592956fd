//! The worker process for speech models.

use std::process::ExitCode;

fn main() -> ExitCode {
    engine_ipc::serve("whisper", engine_whisper::run)
}
