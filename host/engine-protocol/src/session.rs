//! The two directions of a session.

use serde::{Deserialize, Serialize};

use crate::{
    Audio, EngineError, Event, Generate, Hello, Load, LoadedModel, Tokenize, Transcribe,
    WorkerStats,
};

/// The number of a request within a session, chosen by the host.
pub type RequestId = u64;

/// The greatest size of a frame, in bytes; a longer one ends the session.
pub const MAX_FRAME_BYTES: usize = 64 << 20;

/// What the host says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToEngine {
    /// Since version 1; first, and its shape never changes.
    Hello(Hello),
    /// Since version 1.
    Load(Box<Load>),
    /// Since version 1.
    Generate(Box<Generate>),
    /// Since version 1.
    Tokenize(Tokenize),
    /// Since version 1.
    Transcribe(Box<Transcribe>),
    /// Since version 1.
    Audio(Audio),
    /// Ends a request within one engine step. Since version 1.
    ///
    /// Its sequences still end with an event; a request that has ended already is no error.
    Cancel {
        /// The request.
        request: RequestId,
    },
    /// The worker finishes nothing more and exits. Since version 1.
    Shutdown,
}

/// What an engine says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromEngine {
    /// Since version 1; first, and its shape never changes.
    Hello(Hello),
    /// How far loading is. Since version 1.
    Loading {
        /// From 0 to 1.
        fraction: f32,
    },
    /// The model is ready. Since version 1.
    Loaded(LoadedModel),
    /// The model cannot be loaded; the worker exits. Since version 1.
    LoadFailed(EngineError),
    /// What one engine step brought, for all sequences. Since version 1.
    Step(Vec<Event>),
    /// The answer to [`ToEngine::Tokenize`]. Since version 1.
    Tokens {
        /// The request.
        request: RequestId,
        /// The ids, or why there are none.
        tokens: Result<Vec<u32>, EngineError>,
    },
    /// The engine's loop is alive; at least once a second, busy or idle. Since version 1.
    Heartbeat(WorkerStats),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{EventKind, Finish, PromptPart};

    fn round_trip<T>(message: &T) -> T
    where
        T: Serialize + for<'a> Deserialize<'a>,
    {
        rmp_serde::from_slice(&rmp_serde::to_vec_named(message).unwrap()).unwrap()
    }

    proptest! {
        #[test]
        fn events_survive_the_wire(text in ".{0,80}", request: u64, sequence: u32, tokens: u32) {
            let events = vec![
                Event { request, sequence, kind: EventKind::Text { text, tokens, logprobs: vec![] } },
                Event {
                    request,
                    sequence,
                    kind: EventKind::Finished { reason: Finish::Length, completion_tokens: tokens },
                },
            ];
            let message = FromEngine::Step(events);
            prop_assert_eq!(round_trip(&message), message);
        }
    }

    #[test]
    fn a_field_from_the_future_is_skipped_and_a_missing_one_has_its_default() {
        #[derive(Serialize)]
        struct Future {
            prompt: FuturePrompt,
            request: u64,
            sequences: u32,
            mood: &'static str,
        }
        #[derive(Serialize)]
        struct FuturePrompt {
            parts: Vec<PromptPart>,
        }
        let future = Future {
            prompt: FuturePrompt { parts: vec![PromptPart::Text("hi".into()), PromptPart::Split] },
            request: 7,
            sequences: 1,
            mood: "good",
        };
        let bytes = rmp_serde::to_vec_named(&future).unwrap();
        let generate: Generate = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(generate.request, 7);
        assert_eq!(generate.prompt.parts.len(), 2);
        assert_eq!(generate.max_tokens, None);
    }
}
