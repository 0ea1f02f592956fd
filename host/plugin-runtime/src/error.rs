//! What can go wrong between the host and a plugin.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::Ability;

/// Why a plugin could not be loaded, chosen or called.
///
/// `plugin` is the name and the version of the plugin at fault.
/// [`PluginError::is_client_fault`] tells what a client caused from what an operator must mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// The family does not have what the request asks for; the text is for the client.
    #[error("{0}")]
    Unsupported(String),

    /// The request contradicts itself or lacks something; the text is for the client.
    #[error("{0}")]
    Invalid(String),

    /// The plugin says that it failed, or what it returned is not valid.
    #[error("plugin `{plugin}` failed: {cause}")]
    Internal {
        /// The plugin at fault.
        plugin: String,
        /// What was wrong.
        cause: String,
    },

    /// The plugin's code trapped.
    #[error("plugin `{plugin}` trapped in `{call}`: {cause}")]
    Trapped {
        /// The plugin at fault.
        plugin: String,
        /// What it was called for.
        call: &'static str,
        /// The trap, and the error that the plugin logged last.
        cause: String,
    },

    /// The plugin did not answer in time.
    #[error(
        "plugin `{plugin}` took longer than {limit:?} in `{call}`; raise the plugins' time limit \
         if it needs more"
    )]
    TimedOut {
        /// The plugin at fault.
        plugin: String,
        /// What it was called for.
        call: &'static str,
        /// The limit.
        limit: Duration,
    },

    /// The plugin was given up before it had used its time, because other work had the cores.
    #[error(
        "plugin `{plugin}` did not get {limit:?} of computing for `{call}` within {waited:?}: other \
         work has the cores"
    )]
    Starved {
        /// The plugin.
        plugin: String,
        /// What it was called for.
        call: &'static str,
        /// The time that it may use.
        limit: Duration,
        /// How long it was waited for.
        waited: Duration,
    },

    /// The plugin asked for more memory than it may have.
    #[error(
        "plugin `{plugin}` needs more than {limit} bytes of memory in `{call}`; raise the plugins' \
         memory limit if it needs more"
    )]
    OutOfMemory {
        /// The plugin at fault.
        plugin: String,
        /// What it was called for.
        call: &'static str,
        /// The limit in bytes.
        limit: usize,
    },

    /// The plugin called itself too deeply.
    #[error("plugin `{plugin}` used up its call stack of {limit} bytes in `{call}`")]
    TooDeep {
        /// The plugin at fault.
        plugin: String,
        /// What it was called for.
        call: &'static str,
        /// The limit in bytes.
        limit: usize,
    },

    /// The plugin returned more than it may.
    #[error(
        "plugin `{plugin}` returned more than {limit} bytes from `{call}`; raise the plugins' \
         output limit if it must"
    )]
    OutputTooLarge {
        /// The plugin at fault.
        plugin: String,
        /// What it was called for.
        call: &'static str,
        /// The limit in bytes.
        limit: usize,
    },

    /// There are as many instances of plugins as there may be.
    #[error("all {limit} places for instances of plugins are taken; ask again in a moment")]
    Busy {
        /// The places.
        limit: u32,
    },

    /// An earlier call of the same turn failed, and took the instance with it.
    #[error("this turn of plugin `{plugin}` ended with an earlier failure: {cause}")]
    Dead {
        /// The plugin at fault.
        plugin: String,
        /// The earlier failure.
        cause: String,
    },

    /// The plugin imports what no plugin is given.
    #[error(
        "it imports `{name}`, which no plugin is given: a plugin has the host's `log` and an empty \
         WASI without a network"
    )]
    ForeignImport {
        /// The name of the import.
        name: String,
    },

    /// The plugin lacks an interface that every plugin must export.
    #[error("it does not export `{name}`, which every plugin must; it exports {exports:?}")]
    MissingExport {
        /// The name of the interface.
        name: &'static str,
        /// What the file exports.
        exports: Vec<String>,
    },

    /// The file is no component, or one that cannot be linked.
    #[error("it is not a usable component: {0}")]
    NotAComponent(String),

    /// What the plugin says of itself is not valid.
    #[error("its description is not valid: {0}")]
    Description(String),

    /// Another file already serves a family of the same name.
    #[error("family `{name}` is already served by `{file}`; remove one of the two files")]
    Duplicate {
        /// The family's name.
        name: String,
        /// The file that serves it.
        file: String,
    },

    /// No installed family recognises the model.
    #[error(
        "no installed family recognises model `{model}` (architecture `{architecture}`){}; install a \
         plugin for it, or name a family in the model's configuration",
        answers(considered)
    )]
    NoFamily {
        /// The model's name.
        model: String,
        /// Its architecture.
        architecture: String,
        /// The families there are.
        installed: Vec<String>,
        /// Each of them and why it is not the one.
        considered: Vec<(String, String)>,
    },

    /// The family that was asked for is not installed.
    #[error("family `{wanted}` is not installed; installed: {installed:?}")]
    UnknownFamily {
        /// The name that was asked for.
        wanted: String,
        /// The families there are.
        installed: Vec<String>,
    },

    /// Plugins that may hold the family are still being compiled.
    #[error(
        "the families are not all there yet: {} compiled, which is done once; ask again in a moment",
        being(files)
    )]
    Compiling {
        /// The names of the files that are being compiled.
        files: Vec<String>,
    },

    /// The family cannot do what was asked of it.
    #[error("family `{family}` has no {ability:?} ability; it has {abilities:?}")]
    LacksAbility {
        /// The family.
        family: String,
        /// What was asked of it.
        ability: Ability,
        /// What it can do.
        abilities: Vec<Ability>,
    },

    /// A plugin's file is larger than allowed.
    #[error("`{}` has {size} bytes, more than the {limit} that a plugin may have", path.display())]
    FileTooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },

    /// A plugin's file is a link, a folder or a device.
    #[error("`{}` is not a regular file; copy the plugin itself to this place", path.display())]
    NotAFile {
        /// The file.
        path: PathBuf,
    },

    /// The compile cache must not be used.
    #[error("the compile cache `{}` cannot be trusted: {cause}", path.display())]
    Cache {
        /// The cache's folder.
        path: PathBuf,
        /// Why not, and what mends it.
        cause: String,
    },

    /// The folder of plugins cannot be watched.
    #[error("cannot watch `{}` for new plugins: {cause}", path.display())]
    Watch {
        /// The folder.
        path: PathBuf,
        /// Why not.
        cause: String,
    },

    /// A file or folder could not be read or written.
    #[error("cannot {action} `{}`: {cause}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which path.
        path: PathBuf,
        /// The system's answer.
        #[source]
        cause: io::Error,
    },

    /// The WebAssembly engine could not be set up on this machine.
    #[error("the WebAssembly engine cannot start: {0}")]
    Engine(String),
}

/// What the families answered that were asked, or that there are none.
fn answers(considered: &[(String, String)]) -> String {
    if considered.is_empty() {
        return "; none is installed".to_owned();
    }
    let answers: Vec<_> =
        considered.iter().map(|(family, answer)| format!("{family}: {answer}")).collect();
    format!(": {}", answers.join("; "))
}

fn being(files: &[String]) -> String {
    let verb = if files.len() == 1 { "is" } else { "are" };
    format!("{} {verb} being", files.join(", "))
}

impl PluginError {
    /// Whether the client's request is at fault, so that the text is meant for the client.
    pub fn is_client_fault(&self) -> bool {
        matches!(self, Self::Unsupported(_) | Self::Invalid(_))
    }

    pub(crate) fn io<'a>(
        action: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |cause| Self::Io { action, path: path.to_owned(), cause }
    }
}
