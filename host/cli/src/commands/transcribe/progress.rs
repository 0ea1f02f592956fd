//! A bar that shows how far a transcript is; only a person at a terminal sees it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the bar moves while nothing comes.
const TICK: Duration = Duration::from_millis(120);

/// How far one transcript is.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for a recording of this name and size.
    pub(crate) fn new(name: &str, length: Option<u64>) -> Self {
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
        bar.set_style(style(match length {
            Some(_) => "{spinner} {msg} [{bar:30}] {bytes}/{total_bytes}",
            None => "{spinner} {msg} {bytes}",
        }));
        bar.set_message(format!("sending {name}"));
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// What is told of every piece that is sent.
    pub(crate) fn sending(&self) -> impl FnMut(u64) + Send + 'static {
        let bar = self.0.clone();
        move |bytes| bar.inc(bytes)
    }

    /// So many seconds are written down.
    pub(crate) fn heard(&self, seconds: f64, of: Option<f64>) {
        let whole = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let (done, all) = (whole(seconds), of.map(whole));
        self.0.set_style(style(if all.is_some() {
            "{spinner} [{bar:30}] {msg}, {eta} left"
        } else {
            "{spinner} {msg}"
        }));
        if let Some(all) = all {
            self.0.set_length(all.as_secs().max(1));
        }
        self.0.set_position(done.as_secs());
        self.0.set_message(match all {
            Some(all) => format!("{} of {}", clock(done), clock(all)),
            None => format!("{} written down", clock(done)),
        });
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours and have been seen to work.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// `1:02:03`, or `2:03`.
fn clock(time: Duration) -> String {
    let (hours, minutes, seconds) =
        (time.as_secs() / 3600, time.as_secs() / 60 % 60, time.as_secs() % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        assert_eq!(clock(Duration::from_secs(3)), "0:03");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
    }

    #[test]
    fn the_templates_are_valid() {
        for template in [
            "{spinner} {msg} [{bar:30}] {bytes}/{total_bytes}",
            "{spinner} {msg} {bytes}",
            "{spinner} [{bar:30}] {msg}, {eta} left",
            "{spinner} {msg}",
        ] {
            ProgressStyle::with_template(template).unwrap();
        }
    }
}
