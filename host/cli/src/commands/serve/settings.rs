//! The configuration, with what the command line changes in it.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::anyhow;
use config::Settings;

use crate::problem::Hint;

/// Reads the configuration; a `listen` and `plugins` given here win.
pub(crate) fn load(
    file: &Path,
    listen: Option<SocketAddr>,
    plugins: Option<&PathBuf>,
) -> anyhow::Result<Settings> {
    if !file.exists() {
        let missing = anyhow!("there is no configuration `{}`", file.display());
        return Err(missing).hint(format!(
            "`host config example > {}` writes one to begin with; another is named with `--config FILE`",
            file.display()
        ));
    }
    let variables = |name: &str| match (name, listen) {
        // What is given here takes the file's place, and is held to the same rule below.
        (config::environment::LISTEN, Some(_)) => Some("127.0.0.1:0".to_owned()),
        _ => config::environment::of_process(name),
    };
    let mut settings = config::load_with(file, &variables)?;
    if let Some(listen) = listen {
        refuse_open_door(listen, &settings)?;
        settings.server.listen = listen;
    }
    if let Some(dir) = plugins {
        settings.plugins.dir.clone_from(dir);
    }
    Ok(settings)
}

/// An address that others can reach needs keys, whether it comes from the file or from here.
fn refuse_open_door(listen: SocketAddr, settings: &Settings) -> anyhow::Result<()> {
    if listen.ip().is_loopback() || !settings.server.api_keys.is_empty() {
        return Ok(());
    }
    let open = anyhow!(
        "`--listen {listen}` can be reached from other machines, and there are no API keys"
    );
    Err(open).hint(format!(
        "set `api-keys` or `api-key-file` under [server], or listen at 127.0.0.1:{}",
        listen.port()
    ))
}
