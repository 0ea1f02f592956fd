//! The machine itself: port, socket folder, processor, GPUs.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    time::Duration,
};

use config::Settings;

use super::finding::Finding;
use crate::commands::block_on;

/// Whether the address to listen at is free.
pub(crate) fn listen(settings: Option<&Settings>) -> Vec<Finding> {
    const TOPIC: &str = "port";
    let default = SocketAddr::from(([127, 0, 0, 1], 9997));
    let address = settings.map_or(default, |settings| settings.server.listen);
    vec![match TcpListener::bind(address) {
        Ok(_) => Finding::ok(TOPIC, format!("{address} is free")),
        Err(_) if a_host_answers(address) => {
            Finding::ok(TOPIC, format!("a host serves at {address}"))
        }
        Err(error) => Finding::fail(
            TOPIC,
            format!("cannot listen at {address}: {error}"),
            "end what listens there, or choose another port with `--listen` or `listen` under [server]",
        ),
    }]
}

fn a_host_answers(address: SocketAddr) -> bool {
    let ask = async {
        let client = client::Client::new(format!("http://{address}").parse()?, None)?;
        tokio::time::timeout(Duration::from_secs(2), client.health()).await??;
        Ok(())
    };
    block_on(ask).is_ok()
}

/// Whether the supervisor can make its sockets.
pub(crate) fn sockets() -> Vec<Finding> {
    const TOPIC: &str = "sockets";
    // The system's limit for the path of a socket, less what the supervisor puts behind the folder.
    const LONGEST: usize = 103 - 48;
    let dir = supervisor::Options::default().runtime_dir;
    let shown = dir.display();
    let probe = dir.join(format!("modelhost-doctor-{}", std::process::id()));
    let remedy = "point TMPDIR to a short path that this user can write to";
    let made = fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe));
    vec![match made {
        Err(error) => Finding::fail(TOPIC, format!("cannot write to `{shown}`: {error}"), remedy),
        Ok(()) if dir.as_os_str().len() > LONGEST => {
            Finding::fail(TOPIC, format!("`{shown}` is too long a path for sockets"), remedy)
        }
        Ok(()) => Finding::ok(TOPIC, format!("`{shown}` can hold sockets")),
    }]
}

/// What the processor offers to the kernels.
pub(crate) fn processor() -> Vec<Finding> {
    const TOPIC: &str = "processor";
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let features = processor_features();
    let what = format!("{cores} cores, {}", features.join(" "));
    if cfg!(target_arch = "x86_64") && !features.contains(&"avx2") {
        let remedy = "models will run, and slowly; build the engines with `--portable`";
        return vec![Finding::warn(TOPIC, format!("{what}: no avx2"), remedy)];
    }
    vec![Finding::ok(TOPIC, what)]
}

#[cfg(target_arch = "x86_64")]
fn processor_features() -> Vec<&'static str> {
    let known = [
        ("sse4.2", std::arch::is_x86_feature_detected!("sse4.2")),
        ("avx", std::arch::is_x86_feature_detected!("avx")),
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("f16c", std::arch::is_x86_feature_detected!("f16c")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", std::arch::is_x86_feature_detected!("avx512bf16")),
    ];
    known.into_iter().filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

#[cfg(not(target_arch = "x86_64"))]
fn processor_features() -> Vec<&'static str> {
    vec![std::env::consts::ARCH]
}

/// GPUs and the libraries that reach them; having none is no fault.
pub(crate) fn gpus() -> Vec<Finding> {
    const TOPIC: &str = "gpu";
    let exists = |path: &&str| Path::new(path).exists();
    let nvidia = ["/dev/nvidia0", "/dev/nvidiactl"].iter().any(exists);
    let render = ["/dev/dri/renderD128", "/dev/kfd"].iter().any(exists);
    let mut findings = Vec::new();
    if nvidia && library("libcuda.so.1") {
        let what = "an NVIDIA device and its driver; build the engines with `--gpu cuda` to use it";
        findings.push(Finding::ok(TOPIC, what));
    } else if nvidia {
        let what = "an NVIDIA device without its driver's library libcuda.so.1";
        let remedy = "install the driver, or give the container access to it";
        findings.push(Finding::warn(TOPIC, what, remedy));
    }
    if render && library("libvulkan.so.1") {
        let what = "a graphics device and Vulkan; build the engines with `--gpu vulkan` to use it";
        findings.push(Finding::ok(TOPIC, what));
    } else if render {
        let what = "a graphics device without libvulkan.so.1";
        let remedy = "install the Vulkan loader and the device's driver (`libvulkan1`, `mesa-vulkan-drivers`)";
        findings.push(Finding::warn(TOPIC, what, remedy));
    }
    if findings.is_empty() {
        let what = if cfg!(target_os = "macos") {
            "build the engines with `--gpu metal` to use the GPU"
        } else {
            "none; models run on the processor"
        };
        findings.push(Finding::ok(TOPIC, what));
    }
    findings
}

/// Whether a shared library lies where the loader looks by default.
fn library(name: &str) -> bool {
    let folders = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
        "/usr/local/lib",
        "/usr/local/cuda/compat",
        "/usr/lib/wsl/lib",
    ];
    let named = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    folders
        .iter()
        .map(|folder| Path::new(folder).to_owned())
        .chain(std::env::split_paths(&named))
        .any(|folder| folder.join(name).exists())
}
