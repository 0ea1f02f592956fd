//! A host of a test's own: its folder, its process, its log.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use client::{Client, Endpoint};
use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take before a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_mins(5);

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// The folder with `host` and the engines: above this test's own executable.
pub(crate) fn binaries() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().to_path_buf()
}

/// The demo model.
pub(crate) fn guide() -> PathBuf {
    root().join("host/demo/guide.gguf")
}

/// A file of the shared test data, or a printed line and `None` where it is not there.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let file = root().join("../shared/data").join(path);
    if !file.exists() {
        eprintln!("skipped: {} is not there", file.display());
        return None;
    }
    Some(file)
}

/// A running host; dropping it kills it.
pub(crate) struct Host {
    process: Child,
    pub(crate) folder: TempDir,
    pub(crate) url: String,
    pub(crate) client: Client,
    log: Arc<Mutex<String>>,
}

/// What a host serves.
pub(crate) struct Setup {
    folder: TempDir,
    models: String,
    names: Vec<String>,
    /// Where compiled plugins are.
    cache: PathBuf,
}

impl Setup {
    /// A folder with all built plugins and no models.
    pub(crate) fn new() -> Self {
        let setup = Self::without_plugins();
        for entry in fs::read_dir(root().join("plugins")).unwrap().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "wasm") {
                fs::copy(entry.path(), setup.folder.path().join("plugins").join(entry.file_name()))
                    .unwrap();
            }
        }
        setup
    }

    /// A folder without plugins and models.
    pub(crate) fn without_plugins() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("plugins")).unwrap();
        // One cache for all tests, as for all hosts of a user: each plugin is compiled once.
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
        Self { folder, models: String::new(), names: Vec::new(), cache }
    }

    /// Nothing is compiled yet, as at a first start.
    pub(crate) fn cold(self) -> Self {
        Self { cache: self.folder.path().join("cache"), ..self }
    }

    /// Adds a plugin, by its path in the repository.
    pub(crate) fn plugin(self, path: &str) -> Self {
        let file = root().join(path);
        let place = self.folder.path().join("plugins").join(file.file_name().unwrap());
        fs::copy(&file, place)
            .unwrap_or_else(|error| panic!("{path}: {error}; run `cargo xtask plugins`"));
        self
    }

    /// Adds a model; `more` is further TOML of its table.
    pub(crate) fn model(mut self, name: &str, path: &Path, more: &str) -> Self {
        let path = path.display();
        write!(self.models, "\n[[model]]\nname = \"{name}\"\npath = \"{path}\"\n{more}\n").unwrap();
        self.names.push(name.to_owned());
        self
    }

    /// Adds the demo model on llama.cpp.
    pub(crate) fn guide(self) -> Self {
        self.model("guide", &guide(), "context-length = 512")
    }

    /// Adds a model whose engine is scripted by the prompt.
    pub(crate) fn fake(self, name: &str) -> Self {
        self.model(name, &guide(), "engine = \"fake\"\nfamily = \"vicuna\"")
    }

    /// Starts the host and waits until every model is ready.
    pub(crate) async fn start(self) -> Host {
        let names = self.names.clone();
        let host = self.listen();
        for name in names {
            host.ready(&name).await;
        }
        host
    }

    /// Starts the host and waits until it listens.
    pub(crate) fn listen(self) -> Host {
        let config = self.folder.path().join("models.toml");
        let text = format!(
            "[server]\nlisten = \"127.0.0.1:0\"\n[plugins]\ndir = \"plugins\"\n{}",
            self.models
        );
        fs::write(&config, text).unwrap();
        let program = binaries().join("host");
        assert!(program.exists(), "{} is missing: run `cargo xtask test`", program.display());
        let mut process = Command::new(program)
            .arg("--config")
            .arg(&config)
            .env("XDG_CACHE_HOME", &self.cache)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (found, address) = mpsc::sync_channel(1);
        let lines = BufReader::new(process.stderr.take().unwrap());
        let kept = Arc::clone(&log);
        // The host would stall on a full pipe, so its log is read to the end.
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("modelhost serves at ") {
                    let _ = found.try_send(url.trim().to_owned());
                }
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let url = address.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!("the host does not listen; its log:\n{}", log.lock().unwrap())
        });
        let client = Client::new(url.parse::<Endpoint>().unwrap(), None).unwrap();
        Host { process, folder: self.folder, url, client, log }
    }
}

impl Host {
    /// Waits until a model answers.
    pub(crate) async fn ready(&self, name: &str) {
        self.until(&format!("`{name}` is ready"), async || {
            let route = format!("/v1/models/{name}/replicas");
            let replicas: Value = self.client.get(&route).await.unwrap_or_default();
            let replicas = replicas.as_array().cloned().unwrap_or_default();
            !replicas.is_empty() && replicas.iter().all(|replica| replica["status"] == "READY")
        })
        .await;
    }

    /// Waits until something is true, by asking again and again.
    pub(crate) async fn until(&self, what: &str, mut ask: impl AsyncFnMut() -> bool) {
        let asking = async {
            while !ask().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, asking).await.is_ok();
        assert!(came, "it never came that {what}; the log:\n{}", self.log());
    }

    /// What the host has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// The host's process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The workers' processes, by the model that they serve.
    pub(crate) fn workers(&self) -> Vec<u32> {
        let children = format!("/proc/{0}/task", self.pid());
        let mut pids = Vec::new();
        for task in fs::read_dir(children).unwrap().flatten() {
            let listed = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            // The host's compiler of plugins is a child as well, but for a moment.
            let is_engine = |pid: &u32| {
                let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                name.starts_with("engine-")
            };
            let children = listed.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok());
            pids.extend(children.filter(is_engine));
        }
        pids
    }

    /// The host's resident memory, in KiB.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Sends a JSON body and returns status and answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = reqwest::Client::new().post(format!("{}{path}", self.url)).json(body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Asks the host to end, as Ctrl-C does, and returns whether it ended cleanly.
    pub(crate) fn interrupt(mut self) -> bool {
        let pid = self.pid().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.process.wait().unwrap().success()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
