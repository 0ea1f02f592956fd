//! The life cycle of workers.
//!
//! A **worker** is one engine process that holds one model; a model may have several, its
//! **replicas**. The supervisor spawns each with a socket of its own, loads the model, spreads the
//! requests over the replicas that are ready, and starts a worker again when it dies.
//!
//! One task owns each worker: its process, its session, and the table of requests that it works
//! on. Callers reach the task through bounded queues and see its state through snapshots, so
//! nothing here waits while it holds a lock.
//!
//! ```no_run
//! use engine_protocol::Load;
//! use supervisor::{Options, Supervisor, WorkerSpec};
//!
//! # async fn example(generate: engine_protocol::Generate) -> Result<(), Box<dyn std::error::Error>> {
//! let supervisor = Supervisor::new(Options::default())?;
//! let load = Load { path: "tiny.gguf".into(), settings: Default::default() };
//! let uid: model::ModelUid = "tiny".parse()?;
//! supervisor.launch(WorkerSpec::new(uid.clone(), "engine-llama", load))?;
//! supervisor.ready(&uid).await?;
//! let mut generation = supervisor.generate(&uid, generate).await?;
//! while let Some(event) = generation.next().await {
//!     println!("{event:?}");
//! }
//! # Ok(())
//! # }
//! ```

mod backoff;
mod cause;
mod connection;
mod error;
mod explain;
mod folder;
mod generation;
mod link;
mod log;
mod model_entry;
mod options;
mod process;
mod replica;
mod requests;
mod status;
mod supervisor;
mod transcription;
mod worker;

pub use cause::Cause;
pub use error::SupervisorError;
pub use generation::{Generation, Retry};
pub use options::{Check, Options, RestartPolicy, WorkerSpec};
pub use status::{ModelState, ModelStatus, ReplicaStatus};
pub use supervisor::Supervisor;
pub use transcription::{AudioSender, NoListener, Transcription};
