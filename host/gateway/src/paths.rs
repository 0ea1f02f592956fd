//! Paths as clients join them.
//!
//! An address that ends in a slash gives `//v1/models`, and some clients end every path in one.
//! What is meant is plain, so it is answered.

use axum::{
    Router,
    extract::Request,
    http::{Uri, uri::PathAndQuery},
    middleware::map_request,
};

/// The one path that ends in a slash, because the page's own files lie below it.
const PAGE: &str = "/docs/";

/// The routes, for paths whose slashes are put right before any route is looked for.
pub(crate) fn normalised(router: Router) -> Router {
    Router::new().fallback_service(router).layer(map_request(normalise))
}

async fn normalise(mut request: Request) -> Request {
    if let Some(uri) = plain(request.uri()) {
        *request.uri_mut() = uri;
    }
    request
}

/// The same target with single slashes; `None` where it has no others.
fn plain(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.contains("//") && (!path.ends_with('/') || path == "/" || path == PAGE) {
        return None;
    }
    let mut plain = String::with_capacity(path.len());
    for part in path.split('/').filter(|part| !part.is_empty()) {
        plain.push('/');
        plain.push_str(part);
    }
    if plain.is_empty()
        || (path.ends_with('/') && plain.len() + 1 == PAGE.len() && PAGE.starts_with(&plain))
    {
        plain.push('/');
    }
    if let Some(query) = uri.query() {
        plain.push('?');
        plain.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(plain).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(given: &str, expect: &str) {
        let uri: Uri = given.parse().unwrap();
        let plain = plain(&uri).unwrap_or(uri);
        assert_eq!(plain.to_string(), expect);
    }

    #[test]
    fn slashes() {
        check("/v1/models", "/v1/models");
        check("//v1/models", "/v1/models");
        check("//v1//models//?a=//", "/v1/models?a=//");
        check("/v1/models/", "/v1/models");
        check("/", "/");
        check("//", "/");
        check("/docs", "/docs");
        check("/docs/", "/docs/");
        check("//docs/", "/docs/");
        check("/docs/index.css", "/docs/index.css");
        check("http://a:1//v1/models", "http://a:1/v1/models");
        check("*", "*");
    }
}
