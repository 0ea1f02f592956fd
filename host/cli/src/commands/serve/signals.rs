//! Being told to end.

use std::{fs, future::pending, io};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that end the host.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where whoever started the host wants it to outlive the terminal.
    hangup: Option<Signal>,
}

impl Signals {
    /// Takes over Ctrl-C, SIGTERM and the end of the terminal; from now on none of them ends the
    /// process by itself.
    pub(crate) fn take() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hangup = hears_hangups(&status).then(|| signal(SignalKind::hangup()));
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: hangup.transpose()?,
        })
    }

    /// Waits for the next of them.
    pub(crate) async fn next(&mut self) -> &'static str {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl-C",
            _ = self.terminate.recv() => "SIGTERM",
            _ = hangup => "SIGHUP",
        }
    }
}

/// Whether SIGHUP has its usual meaning, by the kernel's word on the process: `nohup` has it
/// ignored, and taking it over would undo that.
fn hears_hangups(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_hangup_stays_ignored() {
        assert!(hears_hangups("Name:\thost\nSigIgn:\t0000000000001000\n"));
        assert!(!hears_hangups("Name:\thost\nSigIgn:\t0000000000001001\n"));
        assert!(!hears_hangups(""), "where nothing is known, nothing is changed");
    }
}
