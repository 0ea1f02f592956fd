//! The same weights behind another server, where one is installed: the one in `xllamacpp`, which
//! Xinference runs GGUF files with.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    task::JoinSet,
    time::sleep,
};

use crate::{
    connection::{Connection, request},
    host::quoted,
};

/// Requests that run at once in the comparison.
const CONNECTIONS: usize = 4;
const TOKENS: u32 = 64;

/// Serves a model with `xllamacpp`; its arguments are the file, the port and the sequences.
const SERVER: &str = "\
import sys, time, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.port = int(sys.argv[2])
params.n_parallel = int(sys.argv[3])
server = xllamacpp.Server(params)
time.sleep(3600)
";

/// Completes the same prompts with both servers and gives the ratio of their token rates.
pub(crate) async fn compare(
    model: Option<&Path>,
    python: Option<&Path>,
    folder: &Path,
    time: Duration,
) -> anyhow::Result<String> {
    let Some(model) = model.map(Path::to_owned).or_else(shared_model) else {
        return Ok("skipped: no model to compare on (`--peer-model FILE`)".to_owned());
    };
    let Some(python) = python_with_peer(python).await else {
        let how = "skipped: `pip install xllamacpp` brings one (`--peer-python PROGRAM`)";
        return Ok(how.to_owned());
    };
    let own = own_host(&model, folder)?;
    let ours = measure(own, time).await?;
    let theirs = measure(peer(&python, &model)?, time).await?;
    Ok(format!(
        "{ours:.0} tokens/s, xllamacpp {theirs:.0} tokens/s: {:.2} times as many",
        ours / theirs
    ))
}

/// A server under comparison.
struct Server {
    process: Child,
    address: SocketAddr,
}

fn own_host(model: &Path, folder: &Path) -> anyhow::Result<Server> {
    let binaries = std::env::current_exe()?;
    let binaries = binaries.parent().context("this binary lies in no folder")?;
    let config = folder.join("peer.toml");
    let plugins = folder.join("no-plugins");
    fs::create_dir_all(&plugins)?;
    let text = format!(
        "[plugins]\ndir = {}\n\n[engines]\ndir = {}\n\n[[model]]\nname = \"compared\"\npath = {}\n",
        quoted(&plugins),
        quoted(binaries),
        quoted(model),
    );
    fs::write(&config, text)?;
    let address = free_address()?;
    let mut command = Command::new(binaries.join("host"));
    command.arg("--config").arg(config).args(["--listen", &address.to_string()]);
    Ok(Server { process: quiet(command)?, address })
}

fn peer(python: &Path, model: &Path) -> anyhow::Result<Server> {
    let address = free_address()?;
    let mut command = Command::new(python);
    command.args(["-c", SERVER]).arg(model);
    command.args([address.port().to_string(), CONNECTIONS.to_string()]);
    Ok(Server { process: quiet(command)?, address })
}

fn quiet(mut command: Command) -> anyhow::Result<Child> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().context("cannot start a server to compare")
}

/// Tokens per second of several requests together.
async fn measure(mut server: Server, time: Duration) -> anyhow::Result<f64> {
    let body = json!({
        "model": "compared",
        "prompt": "Once upon a time",
        "max_tokens": TOKENS,
        "temperature": 0,
    });
    let ask = request("POST", "/v1/completions", Some(&body));
    let begun = Instant::now();
    // The first answer says that the weights are loaded.
    loop {
        let answered = match Connection::open(server.address).await {
            Ok(mut connection) => connection.exchange(&ask).await.is_ok(),
            Err(_) => false,
        };
        if answered {
            break;
        }
        if begun.elapsed() > Duration::from_mins(1) {
            bail!("the server at {} does not answer after a minute", server.address);
        }
        sleep(Duration::from_millis(50)).await;
    }
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let ask = ask.clone();
        let address = server.address;
        tasks.spawn(async move {
            let mut tokens = 0;
            let mut connection = Connection::open(address).await?;
            while begun.elapsed() < time {
                connection.exchange(&ask).await?;
                let answer = connection.json()?;
                tokens += answer
                    .pointer("/usage/completion_tokens")
                    .and_then(Value::as_u64)
                    .unwrap_or_default();
            }
            anyhow::Ok(tokens)
        });
    }
    let mut tokens = 0;
    while let Some(done) = tasks.join_next().await {
        tokens += done??;
    }
    let rate = tokens as f64 / begun.elapsed().as_secs_f64();
    server.process.kill().await?;
    Ok(rate)
}

/// A port that was free a moment ago; neither server is asked to choose one itself.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

async fn python_with_peer(given: Option<&Path>) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let usual = [root.join("target/conformance-venv/bin/python"), PathBuf::from("python3")];
    for python in given.map(Path::to_owned).into_iter().chain(usual) {
        let mut probe = Command::new(&python);
        probe.args(["-c", "import xllamacpp"]).stdout(Stdio::null()).stderr(Stdio::null());
        if probe.status().await.is_ok_and(|status| status.success()) {
            return Some(python);
        }
    }
    None
}

fn shared_model() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let known = ["../shared/data/stories260K/stories260K-f32.gguf", "host/demo/guide.gguf"];
    known.iter().map(|path| root.join(path)).find(|path| path.exists())
}
