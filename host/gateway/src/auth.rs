//! Who may ask.
//!
//! One layer stands in front of every route but the few that clients call before they know
//! whether a key is needed, and those are a router of their own: no path is compared, so none can
//! be spelled around it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use subtle::{Choice, ConstantTimeEq};

use crate::{error::ApiError, state::Shared};

/// Whose request it is; cached prefixes are shared within a tenant only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tenant(Arc<str>);

impl Tenant {
    /// What keeps this tenant's cached prefixes apart; empty where no keys are needed.
    pub(crate) fn salt(&self) -> &str {
        &self.0
    }
}

/// Lets a request pass that carries a valid key, or any request where no keys are configured.
pub(crate) async fn require_key(
    State(shared): State<Arc<Shared>>,
    mut request: Request,
    next: Next,
) -> Response {
    match tenant(&shared.options.api_keys, request.headers()) {
        Some(tenant) => {
            request.extensions_mut().insert(tenant);
            next.run(request).await
        }
        None => ApiError::new(StatusCode::UNAUTHORIZED, "Could not validate credentials")
            .code("invalid_api_key")
            .into_response(),
    }
}

fn tenant(keys: &[String], headers: &HeaderMap) -> Option<Tenant> {
    if keys.is_empty() {
        return Some(Tenant::default());
    }
    let given = presented(headers)?.as_bytes();
    // Every key is compared, and each in constant time, so that neither a key nor its place in
    // the list can be found out by measuring.
    let mut matching = None;
    for (at, key) in keys.iter().enumerate() {
        let equal: Choice = key.as_bytes().ct_eq(given);
        if bool::from(equal) {
            matching = Some(at);
        }
    }
    matching.map(|at| Tenant(format!("key{at}").into()))
}

/// The key in `Authorization: Bearer`, or in `x-api-key`.
fn presented(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, key) = value.to_str().ok()?.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    });
    bearer.or_else(|| headers.get("x-api-key")?.to_str().ok().map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(keys: &[&str], header: Option<(&'static str, &str)>, expect: Option<&str>) {
        let keys: Vec<_> = keys.iter().map(|&key| key.to_owned()).collect();
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        let tenant = tenant(&keys, &headers);
        assert_eq!(tenant.as_ref().map(Tenant::salt), expect);
    }

    #[test]
    fn keys() {
        check(&[], None, Some(""));
        check(&[], Some(("authorization", "Bearer abc")), Some(""));
        check(&["a", "b"], None, None);
        check(&["a", "b"], Some(("authorization", "Bearer b")), Some("key1"));
        check(&["a", "b"], Some(("authorization", "bearer  a ")), Some("key0"));
        check(&["a", "b"], Some(("x-api-key", "a")), Some("key0"));
        check(&["a", "b"], Some(("authorization", "Bearer c")), None);
        check(&["a", "b"], Some(("authorization", "Basic a")), None);
        check(&["a"], Some(("authorization", "Bearer")), None);
        check(&["a"], Some(("authorization", "Bearer ab")), None);
    }
}
