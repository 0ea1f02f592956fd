//! Which web pages may call the server.
//!
//! Any page that somebody looks at can make their browser send requests to this machine, and a
//! server without keys would answer them. That the page cannot read the answer does not help: a
//! request that a form could send is sent without a question. So pages are told by the `Origin`
//! that every browser sends with such requests, and refused unless they are the server's own or the
//! configuration lets them call. Unless it says otherwise those may that are served by the machine
//! that shows them, and applications that bring their pages along; no stranger can own such an
//! origin. Other clients send no origin and are none of this module's business.
//!
//! Credentials of a browser are never asked for, so a page that may call has no more than a key
//! that it holds itself.

use std::{net::IpAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header, request::Parts, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use crate::{
    error::ApiError,
    guard::without_port,
    state::{Options, Origins, Shared},
};

/// Schemes of pages that come with an application and not from a network.
const APPLICATIONS: [&str; 5] = ["app", "file", "tauri", "vscode-file", "vscode-webview"];

/// Refuses requests of pages that may not call.
pub(crate) async fn known_page(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    if let Some(origin) = parts.headers.get(header::ORIGIN)
        && !may_call(&shared.options, origin, &parts)
    {
        let shown: String = String::from_utf8_lossy(origin.as_bytes()).chars().take(100).collect();
        let message = format!(
            "pages of the origin `{shown}` may not call this server: its configuration can let them (`cors-origins`)"
        );
        return ApiError::new(StatusCode::FORBIDDEN, message)
            .code("unknown_origin")
            .into_response();
    }
    next.run(Request::from_parts(parts, body)).await
}

/// Answers browsers that ask which pages may call.
pub(crate) fn cors(options: &Options) -> CorsLayer {
    let origin = if options.allowed_origins == Origins::Any {
        AllowOrigin::any()
    } else {
        let options = options.clone();
        AllowOrigin::predicate(move |origin, parts| may_call(&options, origin, parts))
    };
    // A `*` for headers does not cover `Authorization`, so what is asked for is repeated.
    CorsLayer::new()
        .allow_methods(AllowMethods::mirror_request())
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([header::HeaderName::from_static("x-request-id"), header::RETRY_AFTER])
        .allow_origin(origin)
}

fn may_call(options: &Options, origin: &HeaderValue, parts: &Parts) -> bool {
    let Ok(origin) = origin.to_str() else { return options.allowed_origins == Origins::Any };
    let listed = match &options.allowed_origins {
        Origins::Any => true,
        Origins::Local => is_local(origin),
        Origins::Only(origins) => origins.iter().any(|known| known.eq_ignore_ascii_case(origin)),
    };
    listed || is_own(origin, &options.allowed_hosts, parts)
}

/// Whether no stranger can own an origin: the machine that shows the page serves it.
fn is_local(origin: &str) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    if APPLICATIONS.contains(&scheme) {
        return true;
    }
    let Some(authority) = authority(scheme, rest) else { return false };
    let host = authority.host().to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost"
        || host.ends_with(".localhost")
        || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

/// Whether an origin is the server's own: the name that the request is for, which `guard` has
/// looked at, or one that the configuration gives the server.
fn is_own(origin: &str, names: &[String], parts: &Parts) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else { return false };
    let Some(authority) = authority(scheme, rest) else { return false };
    let is_it = |name: &String| without_port(name).eq_ignore_ascii_case(authority.host());
    let host = parts.uri.authority().map(Authority::as_str);
    let host = host.or_else(|| parts.headers.get(header::HOST)?.to_str().ok());
    let host = host.and_then(|host| self::authority(scheme, host));
    names.iter().any(is_it) || host.is_some_and(|host| host == authority)
}

/// The name and the port of a page from a network, without the scheme's usual port.
fn authority(scheme: &str, text: &str) -> Option<Authority> {
    let usual = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return None,
    };
    text.strip_suffix(usual).unwrap_or(text).parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[track_caller]
    fn check(origins: Origins, host: &str, origin: &str, expect: bool) {
        let mut options = Options::new(SocketAddr::from(([127, 0, 0, 1], 9997)));
        options.allowed_origins = origins;
        options.allowed_hosts = vec!["models.example.org:443".to_owned()];
        let request = Request::get("/").header("host", host).body(()).unwrap();
        let (parts, ()) = request.into_parts();
        let given = HeaderValue::from_bytes(origin.as_bytes()).unwrap();
        assert_eq!(may_call(&options, &given, &parts), expect, "{origin} at {host}");
    }

    #[test]
    fn pages_of_this_machine_may_call() {
        for origin in [
            "http://localhost",
            "http://localhost:3000",
            "https://LOCALHOST:8443",
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:3000",
            "http://0.0.0.0:3000",
            "http://tauri.localhost",
            "tauri://localhost",
            "vscode-webview://1a2b3c",
            "app://obsidian.md",
            "file://",
        ] {
            check(Origins::Local, "127.0.0.1:9997", origin, true);
            check(Origins::Only(Vec::new()), "127.0.0.1:9997", origin, false);
        }
    }

    #[test]
    fn pages_of_strangers_may_not() {
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example:9997",
            "http://evil.example/localhost",
            "http://localhost@evil.example",
            "http://192.168.1.5:3000",
            "chrome-extension://abcdef",
            "localhost",
            "http://",
            "http://127.1",
            "\u{e9}",
        ] {
            check(Origins::Local, "127.0.0.1:9997", origin, false);
            check(Origins::Only(vec!["https://a.example".into()]), "localhost", origin, false);
            check(Origins::Any, "localhost", origin, true);
        }
    }

    #[test]
    fn the_servers_own_pages_may_call() {
        for origins in [Origins::Local, Origins::Only(Vec::new())] {
            let own = |host, origin, expect| check(origins.clone(), host, origin, expect);
            own("192.168.1.5:9997", "http://192.168.1.5:9997", true);
            own("192.168.1.5:9997", "http://192.168.1.5:9998", false);
            own("box.lan", "http://box.lan", true);
            own("box.lan:80", "http://box.lan", true);
            own("BOX.lan", "https://box.LAN:443", true);
            own("box.lan", "http://other.lan", false);
            own("127.0.0.1:9997", "https://models.example.org", true);
        }
        let listed = Origins::Only(vec!["https://chat.example.org".into()]);
        check(listed.clone(), "127.0.0.1", "https://chat.example.org", true);
        check(listed, "127.0.0.1", "https://chat.example.org:8443", false);
    }
}
