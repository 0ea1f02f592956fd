//! Loads, limits and calls family plugins.
//!
//! A plugin is a WebAssembly component of the package `modelhost:family` (see `wit/`).
//! It turns conversations into prompts and raw output into reply events, and can do nothing else:
//! it imports the host's log and an empty WASI, and each call into it has a limit of memory, time
//! and output.
//! Every request gets a fresh instance, so that no state passes from one to another, and whatever
//! a plugin does wrong ends that one request.
//!
//! ```
//! use model::{ChatRequest, ContentPart, Message, ModelCard, Role};
//! use plugin_runtime::{Limits, Options, PluginError, PluginRuntime};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let dir = folder.path().to_owned();
//! let runtime = PluginRuntime::open(Options {
//!     dir,
//!     cache_dir: None,
//!     compiler: None,
//!     limits: Limits::default(),
//! })?;
//! for plugin in runtime.plugins() {
//!     println!("{} {}: {}", plugin.name, plugin.version, plugin.summary);
//! }
//!
//! let card = ModelCard { name: "parrot".into(), architecture: "llama".into(), ..Default::default() };
//! let hello = Message {
//!     role: Role::User,
//!     content: vec![ContentPart::Text("Hello!".into())],
//!     name: None,
//!     reasoning: None,
//!     tool_calls: vec![],
//!     tool_call_id: None,
//! };
//! let request = ChatRequest { messages: vec![hello], ..Default::default() };
//! match runtime.choose(&card, None) {
//!     Ok(choice) => {
//!         let mut turn = runtime.chat(&choice.family, &card, &request)?;
//!         println!("{:?}", turn.prompt());
//!         println!("{:?}", turn.push(0, "Polly wants a cracker.")?);
//!     }
//!     Err(PluginError::NoFamily { installed, .. }) => assert!(installed.is_empty()),
//!     Err(error) => return Err(error),
//! }
//! # Ok::<(), PluginError>(())
//! ```
//!
//! The parts, from the outside in: [`PluginRuntime`] answers questions from a snapshot of what is
//! installed, which [`Watch`] replaces when the folder changes; `loader` makes a plugin of a file,
//! with the help of the compile `cache`
//! and a `compiler` that is a process of its own; `bindings` hides which version of the package a plugin
//! was built for; `sandbox` is one instance with its limits; `wasi` is the WASI with nothing in it.

mod ahead;
mod bindings;
mod cache;
mod choose;
mod compiler;
mod deadline;
mod description;
mod engine;
mod error;
mod folder;
mod installed;
mod limits;
mod loader;
mod log;
mod prompt;
mod runtime;
mod sandbox;
mod status;
mod text;
mod transcript;
mod transcription;
mod turn;
mod wasi;
mod watch;

pub use compiler::{COMPILED, Compiler, REFUSED, compile_into_cache};
pub use error::PluginError;
pub use limits::Limits;
pub use runtime::{Options, PluginRuntime};
pub use status::{Choice, PluginStatus, Report};
pub use transcription::TranscriptionTurn;
pub use turn::ChatTurn;
pub use watch::Watch;
