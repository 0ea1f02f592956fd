//! The real host with real engines and plugins, over HTTP: everything is in `tests/it`.
