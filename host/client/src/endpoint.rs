//! Where a host is.

use std::{fmt, str::FromStr};

use crate::ClientError;

/// Where a host listens unless it is told otherwise.
pub const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:9997";

/// The base address of a host, such as `http://127.0.0.1:9997`.
///
/// A trailing slash and a trailing `/v1`, which OpenAI clients want in their base address, are
/// accepted and dropped; a missing scheme means `http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(String);

impl Endpoint {
    /// The address of one route, such as `/v1/models`.
    pub fn route(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }
}

impl FromStr for Endpoint {
    type Err = ClientError;

    fn from_str(given: &str) -> Result<Self, ClientError> {
        let invalid = |reason: &str| ClientError::InvalidEndpoint {
            given: given.to_owned(),
            reason: reason.to_owned(),
        };
        let text = given.trim();
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => {
                return Err(ClientError::Https { given: given.to_owned() });
            }
            Some((scheme, _)) => {
                return Err(invalid(&format!("the scheme `{scheme}` is not http")));
            }
            None => text,
        };
        let rest = rest.trim_end_matches('/');
        let rest = rest.strip_suffix("/v1").unwrap_or(rest).trim_end_matches('/');
        if rest.is_empty() {
            return Err(invalid("it names no host"));
        }
        let base = format!("http://{rest}");
        match reqwest::Url::parse(&base) {
            Ok(url) if url.query().is_none() && url.fragment().is_none() => Ok(Self(base)),
            Ok(_) => Err(invalid("it has a query or a fragment")),
            Err(error) => Err(invalid(&error.to_string())),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, expect: Result<&str, &str>) {
        match (given.parse::<Endpoint>(), expect) {
            (Ok(endpoint), Ok(base)) => assert_eq!(endpoint.to_string(), base),
            (Err(error), Err(part)) => {
                let message = error.to_string();
                assert!(message.contains(part), "`{message}` lacks `{part}`");
            }
            (got, _) => panic!("{given}: {got:?}"),
        }
    }

    #[test]
    fn endpoints() {
        check("http://127.0.0.1:9997", Ok("http://127.0.0.1:9997"));
        check(" http://127.0.0.1:9997/ ", Ok("http://127.0.0.1:9997"));
        check("http://127.0.0.1:9997/v1", Ok("http://127.0.0.1:9997"));
        check("http://127.0.0.1:9997/v1/", Ok("http://127.0.0.1:9997"));
        check("HTTP://models.lan/behind/a/proxy", Ok("http://models.lan/behind/a/proxy"));
        check("localhost:9997", Ok("http://localhost:9997"));
        check("[::1]:9997", Ok("http://[::1]:9997"));
        check("https://models.lan", Err("plain http"));
        check("ftp://models.lan", Err("`ftp`"));
        check("", Err("no host"));
        check("http://", Err("no host"));
        check("http://h:99999", Err("port"));
        check("http://h/?a=b", Err("query"));
    }
}
