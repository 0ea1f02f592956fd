//! The host that is measured.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{
    process::{Child, Command},
    time::sleep,
};

use crate::{
    connection::{Connection, request},
    gguf,
};

/// The model that the loads ask.
pub(crate) const MODEL: &str = "scripted";

/// A running host.
pub(crate) struct Host {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Host {
    /// Starts a host in `folder` and waits until it listens; says how long that took.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<(Self, Duration)> {
        let binaries = binaries()?;
        let address_file = folder.join("address");
        // Left by the run before, where there was one.
        let _ = fs::remove_file(&address_file);
        let config = configure(folder, &binaries)?;
        let log = fs::File::create(folder.join("host.log"))?;
        let begun = Instant::now();
        let mut process = Command::new(binaries.join("host"))
            .arg("--config")
            .arg(config)
            .args(["--listen", "127.0.0.1:0", "--address-file"])
            .arg(&address_file)
            // The compile cache of this run, so that cold and warm are what they say.
            .env("XDG_CACHE_HOME", folder.join("cache"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start `host`; build it with `cargo build --release`")?;
        loop {
            if let Ok(text) = fs::read_to_string(&address_file) {
                let elapsed = begun.elapsed();
                let address = text.trim().trim_start_matches("http://").parse()?;
                return Ok((Self { process, address }, elapsed));
            }
            if let Some(status) = process.try_wait()? {
                bail!("the host ended with {status}:\n{}", log_of(folder));
            }
            if begun.elapsed() > Duration::from_mins(1) {
                bail!("the host does not listen after a minute:\n{}", log_of(folder));
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until the model answers.
    pub(crate) async fn ready(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut connection = Connection::open(self.address).await?;
        let ask = request("GET", "/v1/models/instances", None);
        loop {
            connection.exchange(&ask).await?;
            let instances = connection.json()?;
            match instances.pointer("/0/status").and_then(serde_json::Value::as_str) {
                Some("READY") => return Ok(()),
                Some("ERROR") => bail!("the model does not serve: {instances}"),
                _ if begun.elapsed() > Duration::from_mins(1) => bail!("not ready: {instances}"),
                _ => sleep(Duration::from_millis(5)).await,
            }
        }
    }

    /// Waits until every family is compiled, which would take the cores from what is measured, and
    /// says how many there are.
    pub(crate) async fn families(&self) -> anyhow::Result<usize> {
        let begun = Instant::now();
        let mut connection = Connection::open(self.address).await?;
        let ask = request("GET", "/v1/plugins", None);
        loop {
            connection.exchange(&ask).await?;
            let plugins = connection.json()?;
            let plugins = plugins.get("data").and_then(serde_json::Value::as_array);
            let plugins = plugins.context("the list of plugins has no data")?;
            if plugins.iter().all(|plugin| plugin["compiling"] == false) {
                return Ok(plugins.len());
            }
            if begun.elapsed() > Duration::from_mins(5) {
                bail!("not compiled: {plugins:?}");
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Resident memory of the host itself, in bytes; its workers are processes of their own.
    pub(crate) fn memory(&self) -> anyhow::Result<u64> {
        let id = self.process.id().context("the host has ended")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))
            .context("resident memory is read from /proc, which this system does not have")?;
        let kilobytes: u64 = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"))
            .context("no VmRSS in /proc")?
            .parse()?;
        Ok(kilobytes * 1024)
    }

    /// Ends the host by Ctrl-C and holds it to a clean exit.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        let id = self.process.id().context("the host has ended by itself")?;
        // A process cannot signal another one through the standard library.
        let told = Command::new("kill").args(["-INT", &id.to_string()]).status().await?;
        if !told.success() {
            bail!("cannot signal the host");
        }
        let status = self.process.wait().await?;
        if status.success() { Ok(()) } else { bail!("the host ended with {status}") }
    }
}

/// The text that makes the fake engine answer with `text`.
pub(crate) fn script(text: &str, tokens: Option<u32>) -> String {
    let mut script = serde_json::json!({"text": text});
    if let (Some(tokens), Some(script)) = (tokens, script.as_object_mut()) {
        script.insert("tokens".to_owned(), tokens.into());
    }
    serde_json::json!({"fake": script}).to_string()
}

fn configure(folder: &Path, binaries: &Path) -> anyhow::Result<PathBuf> {
    let model = folder.join("scripted.gguf");
    gguf::write(&model)?;
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").canonicalize()?;
    let config = folder.join("models.toml");
    fs::write(
        &config,
        format!(
            "[plugins]\ndir = {}\n\n[engines]\ndir = {}\n\n\
             [[model]]\nname = {MODEL:?}\npath = {}\nengine = \"fake\"\nfamily = \"vicuna\"\nparallel = 64\n",
            quoted(&plugins),
            quoted(binaries),
            quoted(&model),
        ),
    )?;
    Ok(config)
}

/// The folder of this very binary, where cargo puts `host` and the engines too.
fn binaries() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.parent().context("this binary lies in no folder")?.to_owned())
}

/// A path as TOML writes it.
pub(crate) fn quoted(path: &Path) -> String {
    serde_json::Value::from(path.to_string_lossy()).to_string()
}

fn log_of(folder: &Path) -> String {
    fs::read_to_string(folder.join("host.log")).unwrap_or_default()
}
