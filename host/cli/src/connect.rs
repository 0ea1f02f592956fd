//! Which host a subcommand talks to.

use std::env;

use client::{Client, DEFAULT_ENDPOINT, Endpoint};

/// Variables that name the host, the first that is set wins.
const ENDPOINT_VARIABLES: [&str; 2] = ["MODELHOST_ENDPOINT", "XINFERENCE_ENDPOINT"];
/// Variables that hold the key, the first that is set wins.
const KEY_VARIABLES: [&str; 2] = ["MODELHOST_API_KEY", "XINFERENCE_API_KEY"];

/// Options of every subcommand that talks to a running host.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Connect {
    /// The host to ask; else $MODELHOST_ENDPOINT, $XINFERENCE_ENDPOINT, http://127.0.0.1:9997.
    #[arg(short, long, value_name = "URL")]
    pub(crate) endpoint: Option<String>,
    /// The key, where the host asks for one (also `-ak`); else $MODELHOST_API_KEY,
    /// $XINFERENCE_API_KEY.
    #[arg(long, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
}

impl Connect {
    /// A client for that host.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let endpoint = self
            .endpoint
            .clone()
            .or_else(|| first_set(&ENDPOINT_VARIABLES))
            .unwrap_or_else(|| DEFAULT_ENDPOINT.to_owned());
        let key = self.api_key.clone().or_else(|| first_set(&KEY_VARIABLES));
        Ok(Client::new(endpoint.parse::<Endpoint>()?, key.as_deref())?)
    }
}

fn first_set(names: &[&str]) -> Option<String> {
    names.iter().filter_map(|name| env::var(name).ok()).find(|value| !value.is_empty())
}
