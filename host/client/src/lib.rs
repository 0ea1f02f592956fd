//! A typed REST client for the host, used by the command line and by the tests.
//!
//! [`Client`] speaks plain HTTP to one [`Endpoint`]. Requests are small structs with `Default`;
//! answers keep every field that the host sends, known or not, where a person may want to see it.
//! A refusal carries the text that the host gave, so that the command line shows the cause and not
//! a status code alone.
//!
//! ```
//! # async fn example() -> Result<(), client::ClientError> {
//! use client::{ChatRequest, Client, Endpoint, Message};
//!
//! let client = Client::new("http://127.0.0.1:9997".parse::<Endpoint>()?, None)?;
//! let request = ChatRequest::new("vicuna-v1.5", vec![Message::user("Hello")]);
//! let mut reply = client.chat_stream(&request).await?;
//! while let Some(chunk) = reply.next().await? {
//!     let _text = chunk.content();
//! }
//! # Ok(()) }
//! ```

mod chat;
mod completion;
mod connection;
mod endpoint;
mod error;
mod models;
mod plugins;
mod render;
pub mod sse;
mod stream;
mod transcription;
mod upload;

pub use chat::{
    ChatChunk, ChatReply, ChatRequest, ChunkChoice, Delta, FunctionCall, Message, ReplyChoice,
    ReplyMessage, StreamOptions, ToolCall, Usage,
};
pub use completion::{CompletionChoice, CompletionReply, CompletionRequest};
pub use connection::Client;
pub use endpoint::{DEFAULT_ENDPOINT, Endpoint};
pub use error::ClientError;
pub use models::ModelDescription;
pub use plugins::Plugin;
pub use render::{RenderRequest, Rendered, RenderedPart};
pub use stream::EventStream;
pub use transcription::{TranscriptEvent, TranscriptionRequest};
pub use upload::Upload;
