//! Why a call did not succeed.

use std::time::Duration;

/// Why a call did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address cannot be used.
    #[error("`{given}` is not an endpoint: {reason}; write it like http://127.0.0.1:9997")]
    InvalidEndpoint {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The address wants TLS, which this client does not speak.
    #[error(
        "`{given}` asks for https, and this command speaks plain http only: give the host's own http address, or a tunnel to it"
    )]
    Https {
        /// What was given.
        given: String,
    },
    /// The API key has a character that no header can carry.
    #[error("the API key holds a character that an HTTP header cannot carry")]
    InvalidKey,
    /// Nothing answers at the address.
    #[error("no host answers at {endpoint}")]
    Unreachable {
        /// The address.
        endpoint: String,
        /// What went wrong on the way.
        #[source]
        source: reqwest::Error,
    },
    /// The host answered with an error.
    #[error("{message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The text that the host gave.
        message: String,
        /// When the host wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// The host ended a stream with an error.
    #[error("{message}")]
    Interrupted {
        /// The text that the host gave.
        message: String,
    },
    /// The connection broke in the middle of an answer.
    #[error("the connection to {endpoint} broke in the middle of the answer")]
    Broken {
        /// The address.
        endpoint: String,
        /// What went wrong.
        #[source]
        source: reqwest::Error,
    },
    /// The answer has another shape than the one documented.
    #[error(
        "`{path}` answered something else than expected: {reason}; is it a modelhost of the same release?"
    )]
    Unexpected {
        /// The route.
        path: String,
        /// What does not fit.
        reason: String,
    },
}

impl ClientError {
    /// The HTTP status, where the host gave one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

/// The text of an error body: `error.message`, else `detail`, else the body itself.
pub(crate) fn message_of(status: u16, body: &[u8]) -> String {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let known = parsed.as_ref().and_then(|value| {
        [value.pointer("/error/message"), value.get("error"), value.get("detail")]
            .into_iter()
            .flatten()
            .find_map(|text| text.as_str().map(str::to_owned))
            // Validation errors carry a list here; as JSON it still names the field.
            .or_else(|| value.get("detail").map(ToString::to_string))
    });
    let text = known.unwrap_or_else(|| String::from_utf8_lossy(body).trim().to_owned());
    if text.is_empty() { format!("the host answered with status {status}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(body: &str, expect: &str) {
        assert_eq!(message_of(500, body.as_bytes()), expect);
    }

    #[test]
    fn messages() {
        check(r#"{"detail":"d","error":{"message":"m"}}"#, "m");
        check(r#"{"detail":"d"}"#, "d");
        check(r#"{"error":"e"}"#, "e");
        check(r#"{"detail":[{"loc":["body","file"]}]}"#, r#"[{"loc":["body","file"]}]"#);
        check("Access denied\n", "Access denied");
        check("", "the host answered with status 500");
    }
}
