//! `host serve`: the composition root, from the configuration to a host that listens.

mod address;
mod announce;
mod descriptors;
mod mapping;
mod settings;
mod signals;

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use inference::Inference;
use plugin_runtime::PluginRuntime;
use supervisor::Supervisor;
use telemetry::Recorder;
use tokio_util::sync::CancellationToken;

use self::{announce::announce, signals::Signals};
pub(crate) use self::{
    mapping::{engine_programs, user_cache},
    settings::load as load_settings,
};

/// Serves the models of a configuration.
///
/// The host listens at once; models that are loading answer 503 until they are ready. Plugins that
/// are dropped into the plugin folder count from the next request on. Ctrl-C lets running requests
/// end, a second one does not wait for them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  host --config models.toml
  host --config models.toml --listen 127.0.0.1:8080
  host serve --plugins target/plugins

`host config example` prints a configuration to begin with.")]
pub(crate) struct Arguments {
    /// What to serve, and how.
    #[arg(short, long, value_name = "FILE", default_value = "models.toml")]
    pub(crate) config: PathBuf,
    /// The address and port to listen at, rather than the configuration's; port 0 is any free one.
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// The folder with the plugins, rather than the configuration's.
    #[arg(long, value_name = "DIR")]
    pub(crate) plugins: Option<PathBuf>,
    /// Writes the address into this file once the host listens.
    #[arg(long, value_name = "FILE")]
    pub(crate) address_file: Option<PathBuf>,
}

/// Serves until it is told to end.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let settings = settings::load(&arguments.config, arguments.listen, arguments.plugins.as_ref())?;
    telemetry::init_logs(mapping::log_format(settings.log.format), &settings.log.level)?;
    let recorder = telemetry::install_recorder()?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if std::env::var_os("TOKIO_WORKER_THREADS").is_none() {
        runtime.worker_threads(event_threads());
    }
    let runtime = runtime.enable_all().build().context("cannot start the event loop")?;
    let address_file = arguments.address_file;
    let result = runtime.block_on(serve(settings, recorder, address_file, started));
    // What is still blocked in a plugin or a read must not hold up the end.
    runtime.shutdown_background();
    result
}

/// Half of the cores move requests; engines need the others.
///
/// Where engines and clients want the same cores, more threads wait for each other instead of
/// working: with two on two cores, an event held by one of them now and then lies for the several
/// milliseconds of the system's turns.
fn event_threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

async fn serve(
    settings: config::Settings,
    recorder: Recorder,
    address_file: Option<PathBuf>,
    started: Instant,
) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::take().context("cannot handle signals")?;
    let (listener, address) = address::listen(settings.server.listen).await?;
    tracing::debug!(elapsed = ?started.elapsed(), %address, "the port is ours");

    let plugins = open_plugins(&settings).await?;
    let watch = plugins.watch();
    if let Err(error) = &watch {
        tracing::warn!("new plugins count from the next start on: {error}");
    }
    // Compiling takes seconds, for some plugins minutes; the host answers meanwhile.
    let compiled = plugins.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = compiled.compile() {
            tracing::error!("the plugin folder cannot be read: {error}");
        }
    });
    let supervisor = Supervisor::new(supervisor::Options::default())?;
    let inference = Inference::new(supervisor, plugins, inference::Options::default());
    let definitions = mapping::definitions(&settings);
    inference.expect(definitions.iter().map(|definition| definition.uid.clone()));
    let mut options = mapping::gateway(&settings, address, recorder);
    options.max_connections = descriptors::raise(options.max_connections);
    let app = gateway::app(inference.clone(), options);

    if let Some(file) = &address_file {
        address::write(file, address)?;
    }
    tracing::info!("modelhost serves at {}", address::url(address));
    // Scripts written for Xinference and for uvicorn wait for these words.
    tracing::info!("Starting Xinference at endpoint: {}", address::url(address));
    tracing::info!("Uvicorn running on {} (Press CTRL+C to quit)", address::url(address));
    tracing::debug!(elapsed = ?started.elapsed(), "listening");

    let end = CancellationToken::new();
    let told = end.clone();
    let announcing = tokio::spawn(announce(inference.clone(), definitions));
    let drain = settings.server.drain_timeout;
    let mut serving = tokio::spawn(async move {
        gateway::serve(listener, app, async move { told.cancelled().await }, drain).await
    });

    let signal = tokio::select! {
        signal = signals.next() => signal,
        ended = &mut serving => {
            announcing.abort();
            inference.shutdown(Duration::ZERO).await;
            ended.context("the gateway panicked")?.context("the gateway failed")?;
            bail!("the gateway ended without being told to");
        }
    };
    tracing::info!("{signal}: running requests have {drain:?} to end; a second signal ends them");
    end.cancel();
    announcing.abort();
    let deadline = Instant::now() + drain;
    let drained = async {
        let served = serving.await;
        // Clients that took all of the time leave none to the workers.
        inference.shutdown(deadline.saturating_duration_since(Instant::now())).await;
        served.context("the gateway panicked")?.context("the gateway failed")
    };
    tokio::select! {
        outcome = drained => outcome?,
        signal = signals.next() => {
            tracing::warn!("{signal}, the second signal: running requests are ended now");
            inference.shutdown(Duration::ZERO).await;
        }
    }
    drop(watch);
    tracing::info!("modelhost has ended");
    Ok(ExitCode::SUCCESS)
}

async fn open_plugins(settings: &config::Settings) -> anyhow::Result<PluginRuntime> {
    let begun = Instant::now();
    let options = mapping::plugins(settings);
    let dir = options.dir.clone();
    let shown = dir.display();
    if !dir.exists() {
        tracing::warn!("the plugin folder `{shown}` was not there and is made, without any family");
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("cannot make the plugin folder `{shown}`"))?;
    }
    let plugins = tokio::task::spawn_blocking(move || PluginRuntime::open_compiled(options))
        .await
        .context("loading plugins panicked")?
        .with_context(|| format!("cannot open the plugin folder `{shown}`"))?;
    tracing::debug!(elapsed = ?begun.elapsed(), "plugins are open");
    Ok(plugins)
}
