//! Histograms that count a sample the moment it is recorded.
//!
//! Those of `metrics-exporter-prometheus` keep every sample until somebody drains them: memory that
//! grows with the load, and a drain that holds up whatever thread does it for milliseconds.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use metrics::{Histogram, HistogramFn, Key};
use metrics_exporter_prometheus::formatting::{
    sanitize_label_key, sanitize_label_value, write_help_line, write_type_line,
};

/// Every histogram of the process.
#[derive(Default)]
pub(crate) struct Histograms {
    all: RwLock<HashMap<Key, Arc<Distribution>>>,
    help: RwLock<HashMap<String, String>>,
}

impl Histograms {
    pub(crate) fn describe(&self, name: &str, help: &str) {
        let mut all = self.help.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_owned(), help.to_owned());
    }

    /// The histogram of this name and these labels; `bounds` are those of a new one.
    pub(crate) fn get(&self, key: &Key, bounds: &'static [f64]) -> Histogram {
        let known = self.all.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
        let distribution = known.unwrap_or_else(|| {
            let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(key.clone()).or_insert_with(|| Distribution::new(bounds).into()))
        });
        Histogram::from_arc(distribution)
    }

    /// Adds all of them to `text`, in Prometheus' format and the order of their names.
    pub(crate) fn render(&self, text: &mut String) {
        let all = self.all.read().unwrap_or_else(PoisonError::into_inner);
        let help = self.help.read().unwrap_or_else(PoisonError::into_inner);
        let mut names: BTreeMap<&str, Vec<(String, &Distribution)>> = BTreeMap::new();
        for (key, distribution) in all.iter() {
            names.entry(key.name()).or_default().push((labels(key), distribution));
        }
        for (name, mut members) in names {
            if let Some(help) = help.get(name) {
                write_help_line(text, name, None, None, help);
            }
            write_type_line(text, name, None, None, "histogram");
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            for (labels, distribution) in members {
                distribution.render(name, &labels, text);
            }
            text.push('\n');
        }
    }
}

/// The labels of a key, as they stand between the braces.
fn labels(key: &Key) -> String {
    let mut text = String::new();
    for label in key.labels() {
        let separator = if text.is_empty() { "" } else { "," };
        let (key, value) = (sanitize_label_key(label.key()), sanitize_label_value(label.value()));
        // Writing to a string cannot fail.
        let _ = write!(text, "{separator}{key}=\"{value}\"");
    }
    text
}

/// How often a value fell between which bounds.
struct Distribution {
    /// Upper bounds, rising, each belonging to its own bucket.
    bounds: &'static [f64],
    /// One for each bound, and one for what is above all of them.
    counts: Box<[AtomicU64]>,
    /// The bits of the sum.
    sum: AtomicU64,
}

impl Distribution {
    fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0.0_f64.to_bits()) }
    }

    fn render(&self, name: &str, labels: &str, text: &mut String) {
        let separator = if labels.is_empty() { "" } else { "," };
        let mut count = 0;
        for (at, in_bucket) in self.counts.iter().enumerate() {
            count += in_bucket.load(Ordering::Relaxed);
            let bound = self.bounds.get(at).map_or("+Inf".to_owned(), f64::to_string);
            let _ = writeln!(text, "{name}_bucket{{{labels}{separator}le=\"{bound}\"}} {count}");
        }
        let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let sum = f64::from_bits(self.sum.load(Ordering::Relaxed));
        let _ = writeln!(text, "{name}_sum{braces} {sum}\n{name}_count{braces} {count}");
    }
}

impl HistogramFn for Distribution {
    fn record(&self, value: f64) {
        self.record_many(value, 1);
    }

    fn record_many(&self, value: f64, times: usize) {
        let at = self.bounds.partition_point(|bound| *bound < value);
        let (Some(count), Ok(times)) = (self.counts.get(at), u32::try_from(times)) else { return };
        count.fetch_add(times.into(), Ordering::Relaxed);
        let more = value * f64::from(times);
        let add = |sum: u64| Some((f64::from_bits(sum) + more).to_bits());
        // The closure always has a new value.
        let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: &[f64] = &[0.5, 1.0, 2.5];

    #[track_caller]
    fn check(samples: &[f64], expect: &str) {
        let histograms = Histograms::default();
        histograms.describe("took", "How long.");
        let key = Key::from_parts("took", vec![metrics::Label::new("model", "a\"b")]);
        for sample in samples {
            // Asked for again each time, as callers that keep no handle do.
            histograms.get(&key, BOUNDS).record(*sample);
        }
        let mut text = String::new();
        histograms.render(&mut text);
        assert_eq!(text, expect);
    }

    #[test]
    fn samples_are_counted_at_once_and_bounds_belong_to_their_bucket() {
        check(
            &[0.5, 0.75, 2.0, 9.0],
            "# HELP took How long.\n# TYPE took histogram\n\
             took_bucket{model=\"a\\\"b\",le=\"0.5\"} 1\n\
             took_bucket{model=\"a\\\"b\",le=\"1\"} 2\n\
             took_bucket{model=\"a\\\"b\",le=\"2.5\"} 3\n\
             took_bucket{model=\"a\\\"b\",le=\"+Inf\"} 4\n\
             took_sum{model=\"a\\\"b\"} 12.25\ntook_count{model=\"a\\\"b\"} 4\n\n",
        );
        check(&[], "");
    }

    #[test]
    fn threads_lose_no_sample() {
        let distribution = Distribution::new(BOUNDS);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| distribution.record(0.25)));
            }
        });
        let mut text = String::new();
        distribution.render("took", "", &mut text);
        assert!(text.ends_with("took_sum 10000\ntook_count 40000\n"), "{text}");
    }
}
