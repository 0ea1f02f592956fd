//! What a plugin's calls cost, measured on its own cases.

use std::time::{Duration, Instant};

use plugin_runtime::{ChatTurn, PluginRuntime};

use super::{super::facts::Facts, case::Case};

/// Times that the longest conversation is rendered, unless that takes longer than [`PATIENCE`].
const RENDERS: usize = 500;
const PATIENCE: Duration = Duration::from_secs(2);

/// Collects what the cases' calls cost.
#[derive(Default)]
pub(super) struct Cost<'a> {
    longest: Option<&'a Case>,
    pushes: Vec<Duration>,
    memory: usize,
}

impl<'a> Cost<'a> {
    /// A case that the plugin renders.
    pub(super) fn rendered(&mut self, case: &'a Case) {
        if self.longest.is_none_or(|longest| longest.text_bytes() < case.text_bytes()) {
            self.longest = Some(case);
        }
    }

    /// Times one push.
    pub(super) fn push<T>(&mut self, push: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let pushed = push();
        self.pushes.push(start.elapsed());
        pushed
    }

    /// The memory of a turn that has done its work.
    pub(super) fn held(&mut self, turn: &ChatTurn) {
        self.memory = self.memory.max(turn.memory());
    }

    /// Renders the longest conversation again and again, and says what all of it costs.
    pub(super) fn describe(mut self, runtime: &PluginRuntime, family: &str, facts: &mut Facts) {
        if let Some(case) = self.longest {
            let mut renders = Vec::new();
            let begin = Instant::now();
            while renders.len() < RENDERS && begin.elapsed() < PATIENCE {
                let start = Instant::now();
                let Ok(turn) = runtime.chat(family, &case.card, &case.request) else { break };
                renders.push(start.elapsed());
                self.held(&turn);
            }
            let what = format!(
                "{:.1?} for a fresh instance and a conversation of {} bytes",
                median(&mut renders),
                case.text_bytes()
            );
            facts.add("render", what);
            facts.add("memory", format!("{:.1} MB", self.memory as f64 / f64::from(1 << 20)));
        }
        if !self.pushes.is_empty() {
            facts.add("push", format!("{:.1?} for a piece of a reply", median(&mut self.pushes)));
        }
    }
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
