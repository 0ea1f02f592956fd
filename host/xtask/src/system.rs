//! What the machine must bring: a C++ compiler, cmake and libclang for the engines.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::bail;

use crate::{
    engines::Gpu,
    step::{output, run, say, step},
};

/// A program or library, and the Debian package that brings it.
struct Need {
    what: &'static str,
    package: &'static str,
    present: fn() -> bool,
}

const NEEDS: &[Need] = &[
    Need { what: "a C++ compiler", package: "g++", present: || has("c++") || has("g++") },
    Need { what: "make", package: "make", present: || has("make") || has("ninja") },
    Need { what: "cmake", package: "cmake", present: || has("cmake") },
    Need { what: "clang's headers", package: "clang", present: || has("clang") },
    Need { what: "libclang", package: "libclang-dev", present: has_libclang },
];

/// What engines with Vulkan need beside that.
const VULKAN: &[Need] = &[
    Need { what: "Vulkan's shader compiler", package: "glslc", present: || has("glslc") },
    Need {
        what: "Vulkan's headers",
        package: "libvulkan-dev",
        present: || vulkan_headers().is_some() || env::var_os("VULKAN_SDK").is_some(),
    },
    Need {
        what: "SPIR-V's headers",
        package: "spirv-headers",
        present: || {
            find("include/spirv/unified1/spirv.hpp").is_some()
                || env::var_os("VULKAN_SDK").is_some()
        },
    },
];

/// Makes sure that the engines can be built: installs what is missing, or names the command.
pub(crate) fn ensure(root: &Path, gpus: &[Gpu]) -> anyhow::Result<()> {
    let mut needs: Vec<&Need> = NEEDS.iter().collect();
    for gpu in gpus {
        match gpu {
            Gpu::Vulkan => needs.extend(VULKAN),
            Gpu::Cuda if has("nvcc") || env::var_os("CUDA_PATH").is_some() => {}
            Gpu::Cuda => bail!(
                "missing: `nvcc`, CUDA's compiler. Install NVIDIA's CUDA toolkit, and put `nvcc` \
                 on the path or the toolkit's folder into `CUDA_PATH`"
            ),
            Gpu::Metal if cfg!(target_os = "macos") => {}
            Gpu::Metal => bail!("Metal is there on macOS alone: use `--gpu vulkan` or `cuda` here"),
        }
    }
    let missing: Vec<&Need> = needs.into_iter().filter(|need| !(need.present)()).collect();
    if !missing.is_empty() {
        install_needs(root, &missing)?;
    }
    if gpus.contains(&Gpu::Vulkan) {
        check_vulkan()?;
    }
    Ok(())
}

/// Debian's headers of Vulkan may be older than what llama.cpp is written for, which would show
/// only after minutes of compiling.
fn check_vulkan() -> anyhow::Result<()> {
    // The youngest extension that it cannot do without.
    const NEEDED: &str = "VK_EXT_layer_settings";
    let Some(headers) = vulkan_headers().filter(|_| env::var_os("VULKAN_SDK").is_none()) else {
        return Ok(());
    };
    let text = std::fs::read_to_string(headers.with_file_name("vulkan_core.h")).unwrap_or_default();
    if !text.contains(NEEDED) {
        bail!(
            "the headers of Vulkan at {} are too old for llama.cpp: they lack {NEEDED}. Install \
             the Vulkan SDK from LunarG, and put its folder into `VULKAN_SDK`",
            headers.display()
        );
    }
    Ok(())
}

fn install_needs(root: &Path, missing: &[&Need]) -> anyhow::Result<()> {
    let what = missing.iter().map(|need| need.what).collect::<Vec<_>>().join(", ");
    let mut packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !has("ccache") {
        // Not needed, but it makes every later build of llama.cpp quick.
        packages.push("ccache");
    }
    install(root, &what, &packages)
}

/// Makes sure that the README's commands can be tried.
pub(crate) fn ensure_curl(root: &Path) -> anyhow::Result<()> {
    if has("curl") { Ok(()) } else { install(root, "curl", &["curl"]) }
}

/// Makes sure that Python can make virtual environments.
pub(crate) fn ensure_python(root: &Path) -> anyhow::Result<()> {
    if output(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_some() {
        return Ok(());
    }
    install(root, "Python with virtual environments", &["python3", "python3-venv"])
}

/// Makes sure that C can be compiled to WebAssembly.
pub(crate) fn ensure_c(root: &Path) -> anyhow::Result<()> {
    let version = output(Command::new("clang").arg("-dumpversion")).unwrap_or_default();
    let version = version.split('.').next().unwrap_or_default();
    let libraries = Path::new("/usr/include/wasm32-wasi").exists();
    if has("make") && has("wasm-ld") && !version.is_empty() && libraries {
        return Ok(());
    }
    let version = if version.is_empty() { "14" } else { version };
    let builtins = format!("libclang-rt-{version}-dev-wasm32");
    let what = "a C compiler and library for WebAssembly";
    install(root, what, &["make", "clang", "lld", "wasi-libc", &builtins])
}

fn install(root: &Path, what: &str, packages: &[&str]) -> anyhow::Result<()> {
    let list = packages.join(" ");
    let advice = format!("missing: {what}. On Debian or Ubuntu: sudo apt-get install {list}");
    if !has("apt-get") {
        bail!("{advice}; elsewhere, the packages of the same purpose");
    }
    let prefix: &[&str] = if is_root() {
        &[]
    } else if output(Command::new("sudo").args(["-n", "true"])).is_some() {
        &["sudo", "-n"]
    } else {
        bail!("{advice}");
    };
    step(&format!("installing {list} (missing: {what})"), || {
        let apt = |arguments: &[&str]| {
            let words: Vec<&str> = [prefix, &["apt-get"], arguments].concat();
            let mut words = words.into_iter();
            let mut command = Command::new(words.next().unwrap_or("apt-get"));
            command.args(words).current_dir(root).env("DEBIAN_FRONTEND", "noninteractive");
            command
        };
        run(&mut apt(&["update", "-qq"]))?;
        let install = [&["install", "-y", "-qq", "--no-install-recommends"], packages].concat();
        run(&mut apt(&install))
    })
    .inspect_err(|_| say(&advice))
}

/// Whether a program is on the path.
pub(crate) fn has(program: &str) -> bool {
    let Some(path) = env::var_os("PATH") else { return false };
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn vulkan_headers() -> Option<PathBuf> {
    find("include/vulkan/vulkan.hpp")
}

/// A file in one of the system's usual places.
fn find(name: &str) -> Option<PathBuf> {
    let places = ["/usr", "/usr/local", "/opt/homebrew"].iter();
    places.map(|place| Path::new(place).join(name)).find(|file| file.exists())
}

fn is_root() -> bool {
    output(Command::new("id").arg("-u")).as_deref() == Some("0")
}

fn has_libclang() -> bool {
    if env::var_os("LIBCLANG_PATH").is_some() {
        return true;
    }
    let listed = output(Command::new("/sbin/ldconfig").arg("-p")).unwrap_or_default();
    if listed.contains("libclang.so") || listed.contains("libclang-") {
        return true;
    }
    // Debian keeps the plain name in LLVM's own folder.
    let Ok(folders) = std::fs::read_dir("/usr/lib") else { return false };
    folders.flatten().any(|entry| {
        entry.file_name().to_string_lossy().starts_with("llvm-")
            && entry.path().join("lib/libclang.so").exists()
    })
}
