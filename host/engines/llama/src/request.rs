//! Checking a request and making it ready: tokens, adapter, and then its grammar.
//!
//! Short prompts are made ready at once; long ones on the threads of the [`pool`](crate::pool), and
//! grammars that are not known in the [`workshop`](crate::constraint::Workshop), so that they do not
//! hold up whoever is being answered.

use std::sync::{Arc, OnceLock};

use engine_protocol::{Constraint, EngineError, ErrorCode, Generate, Prompt, PromptPart};

use crate::constraint::{self, Compiled, Compiler, Trials};
use crate::sampler;
use crate::vocabulary::Vocabulary;

/// Text up to this long is tokenized on the spot.
const SHORT: usize = 32 << 10;
/// Text longer than this is refused unread: tokenizing it would take minutes.
const MOST_TEXT: usize = 8 << 20;
/// The greatest number of stop strings and stop tokens, and the length of each string.
const MOST_STOPS: usize = 256;
const LONGEST_STOP: usize = 4 << 10;
/// The greatest number of most likely tokens that are reported.
const MOST_LOGPROBS: u32 = 100;

/// A request that can be admitted.
pub(crate) struct Ready {
    pub(crate) generate: Box<Generate>,
    pub(crate) prompt: Vec<u32>,
    /// The constraint's compiled form, once there is one.
    pub(crate) compiled: Option<Arc<Compiled>>,
    /// 0 for no adapter, otherwise one more than its place in the settings.
    pub(crate) group: usize,
}

/// What a request must fit into.
#[derive(Clone, Debug)]
pub(crate) struct Bounds {
    pub(crate) context_length: usize,
    pub(crate) parallel: usize,
    pub(crate) adapters: Vec<String>,
}

/// Makes requests ready for one model.
pub(crate) struct Preparer {
    vocabulary: Arc<Vocabulary>,
    bounds: Bounds,
    compiler: OnceLock<Result<Compiler, EngineError>>,
    trials: OnceLock<Trials>,
}

impl Preparer {
    pub(crate) fn new(vocabulary: Arc<Vocabulary>, bounds: Bounds) -> Self {
        Self { vocabulary, bounds, compiler: OnceLock::new(), trials: OnceLock::new() }
    }

    /// Checks a request and tokenizes its prompt; its grammar is yet to come.
    ///
    /// # Errors
    /// Names the value that cannot be, its limit and what to do.
    pub(crate) fn prepare(&self, generate: Box<Generate>) -> Result<Ready, EngineError> {
        self.check(&generate)?;
        let group = self.group(generate.lora.as_deref())?;
        let prompt = self.prompt(&generate)?;
        Ok(Ready { generate, prompt, compiled: None, group })
    }

    /// The compiled form of a constraint that was used lately.
    ///
    /// # Errors
    /// Says which limit the source exceeds.
    pub(crate) fn known(
        &self,
        constraint: &Constraint,
    ) -> Result<Option<Arc<Compiled>>, EngineError> {
        constraint::check(constraint)?;
        let compiler = self.compiler.get().and_then(|compiler| compiler.as_ref().ok());
        Ok(compiler.and_then(|compiler| compiler.known(constraint)))
    }

    /// The compiled form of a constraint, which may take long.
    ///
    /// # Errors
    /// Says what is wrong with the source.
    pub(crate) fn compile(&self, constraint: &Constraint) -> Result<Arc<Compiled>, EngineError> {
        if let Some(trials) = self.trials.get() {
            trials.attempt(constraint)?;
        }
        self.compiler()?.compile(constraint)
    }

    /// Has constraints tried out from now on.
    pub(crate) fn try_out(&self, trials: Trials) {
        // The first ones stay.
        let _ = self.trials.set(trials);
    }

    /// The tokens of a prompt, however long the context.
    ///
    /// # Errors
    /// Names a part that cannot be.
    pub(crate) fn tokenize(&self, prompt: &Prompt) -> Result<Vec<u32>, EngineError> {
        let bytes = text_bytes(prompt);
        if bytes > MOST_TEXT {
            return Err(invalid(format!(
                "the text has {bytes} bytes; at most {MOST_TEXT} are tokenized at once"
            )));
        }
        self.vocabulary.tokenize(prompt)
    }

    fn compiler(&self) -> Result<&Compiler, EngineError> {
        self.compiler.get_or_init(|| Compiler::new(&self.vocabulary)).as_ref().map_err(Clone::clone)
    }

    fn check(&self, generate: &Generate) -> Result<(), EngineError> {
        let sequences = usize::try_from(generate.sequences).unwrap_or(usize::MAX);
        if sequences == 0 || sequences > self.bounds.parallel {
            return Err(invalid(format!(
                "{sequences} sequences were asked for; this model generates 1 to {} at a time \
                 (`parallel`)",
                self.bounds.parallel
            )));
        }
        sampler::check(&generate.sampling, &self.vocabulary)?;
        let stops = generate.stop.len() + generate.stop_tokens.len();
        if stops > MOST_STOPS {
            return Err(invalid(format!(
                "{stops} stops were given; at most {MOST_STOPS} are possible"
            )));
        }
        if let Some(stop) = generate.stop.iter().find(|stop| stop.len() > LONGEST_STOP) {
            let length = stop.len();
            return Err(invalid(format!(
                "a stop string has {length} bytes; at most {LONGEST_STOP} are possible"
            )));
        }
        let size = self.vocabulary.size();
        if let Some(token) = generate.stop_tokens.iter().find(|token| **token >= size) {
            return Err(invalid(format!(
                "stop token {token} is outside of the vocabulary of {size} tokens"
            )));
        }
        if let Some(logprobs) = generate.logprobs.filter(|count| *count > MOST_LOGPROBS) {
            return Err(invalid(format!(
                "{logprobs} logprobs were asked for; at most {MOST_LOGPROBS} are possible"
            )));
        }
        Ok(())
    }

    fn group(&self, adapter: Option<&str>) -> Result<usize, EngineError> {
        let Some(wanted) = adapter else { return Ok(0) };
        let at = self.bounds.adapters.iter().position(|name| name == wanted);
        at.map(|at| at + 1).ok_or_else(|| {
            let known = match self.bounds.adapters.as_slice() {
                [] => "it has none".to_owned(),
                names => format!("it has: {}", names.join(", ")),
            };
            invalid(format!("this model has no adapter `{wanted}`; {known}"))
        })
    }

    fn prompt(&self, generate: &Generate) -> Result<Vec<u32>, EngineError> {
        let limit = self.bounds.context_length;
        // No token stands for more bytes than the longest one, so this cannot fit in any case, and
        // tokenizing many megabytes takes long.
        let bytes = text_bytes(&generate.prompt);
        let least = bytes / self.vocabulary.longest_piece();
        if least > limit {
            return Err(too_long(&format!("at least {least}"), limit));
        }
        if bytes > MOST_TEXT {
            let message = format!(
                "the prompt has {bytes} bytes of text, but at most {MOST_TEXT} are read; shorten it"
            );
            return Err(EngineError::new(ErrorCode::PromptTooLong, message));
        }
        let prompt = self.vocabulary.tokenize(&generate.prompt)?;
        if prompt.is_empty() {
            return Err(invalid("the prompt has no tokens; give it some text".to_owned()));
        }
        let room = usize::from(generate.max_tokens != Some(0));
        if prompt.len() + room > limit {
            return Err(too_long(&prompt.len().to_string(), limit));
        }
        Ok(prompt)
    }
}

/// Whether a prompt takes too long to be tokenized between two steps.
pub(crate) fn is_long(prompt: &Prompt) -> bool {
    text_bytes(prompt) > SHORT
}

fn text_bytes(prompt: &Prompt) -> usize {
    let bytes = |part: &PromptPart| match part {
        PromptPart::Text(text) => text.len(),
        _ => 0,
    };
    prompt.parts.iter().map(bytes).sum()
}

fn too_long(given: &str, limit: usize) -> EngineError {
    EngineError::new(
        ErrorCode::PromptTooLong,
        format!(
            "the prompt has {given} tokens, but the context has {limit}, and the reply needs some \
             of them; shorten it, or raise the model's context length"
        ),
    )
}

fn invalid(message: String) -> EngineError {
    EngineError::new(ErrorCode::Invalid, message)
}
