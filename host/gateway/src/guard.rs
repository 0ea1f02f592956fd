//! Which names the server answers to.
//!
//! A server that listens on this machine alone trusts whoever reaches it, and a web page must not
//! borrow that trust by **DNS rebinding**: a public name that the page's owner points at this
//! machine. So such a server answers only to names that no stranger can own: addresses, names
//! without a dot, and names under the endings that are set apart for private use, which is how
//! containers (`host.docker.internal`) and home networks (`box.lan`) reach it. A proxy that passes
//! its public name on has to be named in the configuration.
//! A server that listens on more addresses is reached by names that nobody here can know; there
//! keys are what protects it.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{error::ApiError, state::Shared};

/// Endings that no public name has.
const PRIVATE: [&str; 7] =
    [".localhost", ".local", ".internal", ".lan", ".home", ".home.arpa", ".intranet"];

/// Refuses requests for names that a stranger could own.
pub(crate) async fn known_host(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let options = &shared.options;
    if request.headers().get_all(header::HOST).iter().nth(1).is_some() {
        // Whoever looks at another of them than this server does could be told a different story.
        let message = "the request has more than one `Host` header: send one";
        return ApiError::new(StatusCode::BAD_REQUEST, message).into_response();
    }
    if options.listen.ip().is_loopback() {
        let from_uri = request.uri().host();
        let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = from_uri.or(header).unwrap_or("localhost");
        if !is_known(host, &options.allowed_hosts) {
            let shown: String = host.chars().take(100).collect();
            let message = format!(
                "this server does not answer to the name `{shown}`: use 127.0.0.1 or localhost, or let the proxy send one of these"
            );
            return ApiError::new(StatusCode::FORBIDDEN, message)
                .code("unknown_host")
                .into_response();
        }
    }
    next.run(request).await
}

fn is_known(host: &str, allowed: &[String]) -> bool {
    if !host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:[]%~".contains(&b)) {
        return false;
    }
    let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || PRIVATE.iter().any(|ending| name.ends_with(ending))
        || allowed.iter().any(|known| without_port(known).eq_ignore_ascii_case(&name))
}

pub(crate) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => {
            // An IPv6 address without brackets has no port.
            if name.contains(':') && !name.ends_with(']') { host } else { name }
        }
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, expect: bool) {
        assert_eq!(is_known(host, &["models.example.com".to_owned()]), expect, "{host}");
    }

    #[test]
    fn names_that_a_stranger_could_own_are_refused() {
        for host in [
            "localhost",
            "localhost:9997",
            "127.0.0.1:9997",
            "[::1]:9997",
            "::1",
            "192.168.1.5",
            "host.docker.internal:9997",
            "modelhost",
            "box.lan:80",
            "MODELS.example.com:443",
            "models.example.com.",
        ] {
            check(host, true);
        }
        for host in [
            "evil.com",
            "evil.com:9997",
            "127.0.0.1.evil.com",
            "localhost.evil.com",
            "a.b:c",
            "a b",
        ] {
            check(host, false);
        }
    }
}
