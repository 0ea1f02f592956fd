//! Logs, and the names of metrics.
//!
//! A leaf that every layer may use: [`metric`] holds each metric's name once, [`init_logs`] sets up
//! what the process writes to standard error, and [`install_recorder`] gives the handle that
//! `/metrics` prints.

mod histograms;
mod logs;
pub mod metric;
mod recorder;

pub use logs::{LogFormat, TelemetryError, init_logs};
pub use recorder::{Recorder, install_recorder};
