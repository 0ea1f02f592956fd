//! What a check found.

/// How good or bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// As it should be.
    Ok,
    /// The host serves, but less well than it could.
    Warn,
    /// Something will not work.
    Fail,
}

/// What a check found, and the remedy where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) level: Level,
    topic: &'static str,
    what: String,
    remedy: Option<String>,
}

impl Finding {
    /// As it should be.
    pub(crate) fn ok(topic: &'static str, what: impl Into<String>) -> Self {
        Self { level: Level::Ok, topic, what: what.into(), remedy: None }
    }

    /// The host serves, but less well than it could.
    pub(crate) fn warn(
        topic: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { level: Level::Warn, topic, what: what.into(), remedy: Some(remedy.into()) }
    }

    /// Something will not work.
    pub(crate) fn fail(
        topic: &'static str,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { level: Level::Fail, topic, what: what.into(), remedy: Some(remedy.into()) }
    }

    /// The finding as a person reads it.
    pub(crate) fn text(&self) -> String {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        };
        // Later lines of a long text stand under its first one.
        let indent = |text: &str| text.trim_end().replace('\n', "\n                   ");
        let mut text = format!("{level:4}  {:11}  {}\n", self.topic, indent(&self.what));
        if let Some(remedy) = &self.remedy {
            text.push_str("                   -> ");
            text.push_str(&indent(remedy));
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(finding: &Finding, expect: &str) {
        assert_eq!(finding.text(), expect);
    }

    #[test]
    fn findings() {
        check(
            &Finding::ok("port", "127.0.0.1:9997 is free"),
            "ok    port         127.0.0.1:9997 is free\n",
        );
        check(
            &Finding::fail("engines", "no engine", "build it:\ncargo xtask engines"),
            "\
fail  engines      no engine
                   -> build it:
                   cargo xtask engines
",
        );
    }
}
