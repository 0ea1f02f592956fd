//! From a checked command to a reply on its way.

use std::sync::Arc;

use engine_protocol::Generate;
use model::{Ability, ContentPart, ModelCard, Prompt, ToolChoice};
use plugin_runtime::{ChatTurn, PluginError};

use crate::{
    ChatCommand, CompletionCommand, Inference, InferenceError, InvalidCommand, ReasoningMode,
    Reply,
    abilities::writing,
    convert,
    family::{Chosen, Family},
    figures::Ticket,
    history,
    parsing::Parsing,
    reply::{Started, from_supervisor},
    sampling,
    served::Served,
    think,
    tool_calls::ToolCalls,
};

/// A prompt as the family gives it, and the tokens that the engine makes of it.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The family that rendered; `None` where text was taken as it is.
    pub family: Option<String>,
    /// The prompt.
    pub prompt: Prompt,
    /// The token ids.
    pub tokens: Vec<u32>,
}

impl Inference {
    /// Answers a conversation.
    ///
    /// # Errors
    /// Where the answer cannot begin; what fails later comes as an item of the reply.
    pub async fn chat(&self, command: ChatCommand) -> Result<Reply, InferenceError> {
        let served = self.inner.served(&command.model)?;
        let ticket = Ticket::new(Arc::clone(&served.figures), "chat");
        let outcome = self.start_chat(&served, command).await;
        reply(&served, ticket, outcome)
    }

    /// Goes on with a text.
    ///
    /// # Errors
    /// Where the completion cannot begin; what fails later comes as an item of the reply.
    pub async fn complete(&self, command: CompletionCommand) -> Result<Reply, InferenceError> {
        let served = self.inner.served(&command.model)?;
        let ticket = Ticket::new(Arc::clone(&served.figures), "completion");
        let outcome = self.start_completion(&served, command).await;
        reply(&served, ticket, outcome)
    }

    /// Shows what a conversation becomes, without generating.
    ///
    /// # Errors
    /// As [`chat`](Self::chat).
    pub async fn render(&self, command: ChatCommand) -> Result<Rendered, InferenceError> {
        let served = self.inner.served(&command.model)?;
        let (turn, family) = self.turn(&served, command.request).await?;
        let prompt = turn.prompt().clone();
        self.rendered(&served, Some(family.name.to_string()), prompt).await
    }

    /// Shows what a text to go on with becomes, without generating.
    ///
    /// # Errors
    /// As [`complete`](Self::complete).
    pub async fn render_completion(
        &self,
        command: CompletionCommand,
    ) -> Result<Rendered, InferenceError> {
        let served = self.inner.served(&command.model)?;
        let family = served.family()?;
        writing(&served, &family)?;
        let name = completing(&family).map(|chosen| chosen.name.to_string());
        let prompt = self.framed(&served, &family, command.prefix, command.suffix).await?;
        self.rendered(&served, name, prompt).await
    }

    async fn rendered(
        &self,
        served: &Served,
        family: Option<String>,
        prompt: Prompt,
    ) -> Result<Rendered, InferenceError> {
        let tokens = self.inner.supervisor.tokenize(served.uid(), engine_prompt(&prompt)?).await;
        let tokens = tokens.map_err(|error| from_supervisor(served.uid().as_str(), error))?;
        Ok(Rendered { family, prompt, tokens })
    }

    async fn start_chat(
        &self,
        served: &Arc<Served>,
        command: ChatCommand,
    ) -> Result<Started, InferenceError> {
        let ChatCommand { request, generation, .. } = command;
        let calls = ToolCalls::after(&request.messages);
        let (turn, family) = self.turn(served, request).await?;
        let constraint = generation.constraint_field();
        let generate = generate(served, Some(&family), turn.prompt(), generation)?;
        let sequences = usize::try_from(generate.sequences).unwrap_or(1);
        let parsing =
            Parsing::new(turn, sequences, family.name, family.calls, served.places.clone());
        let started = self.start(served, generate, Some(parsing), constraint).await?;
        Ok(Started { calls, ..started })
    }

    async fn start_completion(
        &self,
        served: &Arc<Served>,
        command: CompletionCommand,
    ) -> Result<Started, InferenceError> {
        let family = served.family()?;
        writing(served, &family)?;
        let prompt = self.framed(served, &family, command.prefix, command.suffix).await?;
        let family = family.chosen().map(Driver::of);
        let constraint = command.generation.constraint_field();
        let generate = generate(served, family.as_ref(), &prompt, command.generation)?;
        self.start(served, generate, None, constraint).await
    }

    async fn start(
        &self,
        served: &Served,
        generate: Generate,
        parsing: Option<Parsing<ChatTurn>>,
        constraint: &'static str,
    ) -> Result<Started, InferenceError> {
        let sequences = usize::try_from(generate.sequences).unwrap_or(1);
        let generation = self.inner.supervisor.generate(served.uid(), generate).await;
        let generation =
            generation.map_err(|error| from_supervisor(served.uid().as_str(), error))?;
        served.was_ready.store(true, std::sync::atomic::Ordering::Relaxed);
        let calls = ToolCalls::default();
        Ok(Started { generation, parsing, sequences, constraint, calls })
    }

    /// Renders a conversation with the model's family.
    async fn turn(
        &self,
        served: &Arc<Served>,
        mut request: model::ChatRequest,
    ) -> Result<(ChatTurn, Driver), InferenceError> {
        let card = Arc::clone(&served.weights()?.card);
        let family = served.family()?;
        let chosen = self.chatting(served, &family)?;
        if !family.has("tools") {
            if request.tool_choice == ToolChoice::None {
                // Nothing may be called, so nothing is lost.
                request.tools.clear();
            }
            self.check_tools(served, &request)?;
            history::without_calls(&mut request.messages);
        }
        self.check_media(served, &family, &request)?;
        if served.definition.reasoning == ReasoningMode::Content && family.has("reasoning") {
            think::unwrap(&mut request.messages);
        }
        let driver = Driver::of(chosen);
        let plugins = self.inner.plugins.clone();
        let (name, calls) = (Arc::clone(&driver.name), Arc::clone(&driver.calls));
        let quick = calls.render.is_quick() && is_short(&request);
        let render = move || calls.render.record(|| plugins.chat_shared(&name, &card, &request));
        let turn = if quick {
            let turn = render();
            turn.map_err(|error| InferenceError::from_plugin(&driver.name, "render", &error))?
        } else {
            self.render_hop(served, &driver.name, render).await?
        };
        Ok((turn, driver))
    }

    /// Frames a text with the model's family, where that has rules for it.
    async fn framed(
        &self,
        served: &Arc<Served>,
        family: &Family,
        prefix: String,
        suffix: Option<String>,
    ) -> Result<Prompt, InferenceError> {
        let card: Arc<ModelCard> = Arc::clone(&served.weights()?.card);
        let suffix = suffix.filter(|suffix| !suffix.is_empty());
        let Some(chosen) = completing(family) else {
            if suffix.is_some() {
                let uid = served.uid();
                return Err(InferenceError::Unsupported {
                    message: format!(
                        "`suffix` is not supported by model `{uid}`: no installed family frames it for completion"
                    ),
                });
            }
            return Ok(Prompt::plain(prefix));
        };
        let driver = Driver::of(chosen);
        let plugins = self.inner.plugins.clone();
        let (name, calls) = (Arc::clone(&driver.name), Arc::clone(&driver.calls));
        self.render_hop(served, &driver.name, move || {
            calls.render.record(|| plugins.completion(&name, &card, &prefix, suffix.as_deref()))
        })
        .await
    }

    /// Runs a plugin call on a blocking thread, with bounds on how many run and wait.
    pub(crate) async fn render_hop<T: Send + 'static>(
        &self,
        served: &Served,
        family: &str,
        call: impl FnOnce() -> Result<T, PluginError> + Send + 'static,
    ) -> Result<T, InferenceError> {
        let queued = Arc::clone(&self.inner.render_queue).try_acquire_owned();
        let _queued = queued.map_err(|_| {
            let why = "too many requests wait for their prompt to be rendered";
            InferenceError::overloaded(served.uid().as_str(), why, 1)
        })?;
        let outcome = served.places.run(family, call).await?;
        outcome.map_err(|error| InferenceError::from_plugin(family, "render", &error))
    }
}

/// What a request keeps of its family; plugins may change while it runs.
struct Driver {
    name: Arc<str>,
    calls: Arc<crate::family::Calls>,
    sampling: model::Sampling,
}

impl Driver {
    fn of(chosen: &Chosen) -> Self {
        Self {
            name: Arc::clone(&chosen.name),
            calls: Arc::clone(&chosen.calls),
            sampling: chosen.sampling.clone(),
        }
    }
}

/// The reply of a generation that has begun, or a refusal that is counted.
fn reply(
    served: &Served,
    ticket: Ticket,
    outcome: Result<Started, InferenceError>,
) -> Result<Reply, InferenceError> {
    match outcome {
        Ok(started) => {
            Ok(Reply::new(served.uid().clone(), started, served.definition.reasoning, ticket))
        }
        Err(error) => {
            ticket.failed(&error);
            Err(error)
        }
    }
}

/// Whether a family's usual time says something of how long it takes to render this.
fn is_short(request: &model::ChatRequest) -> bool {
    const SHORT: usize = 16 << 10;
    let text = |part: &ContentPart| match part {
        ContentPart::Text(text) => text.len(),
        _ => 0,
    };
    let messages = request.messages.iter().map(|message| {
        let calls = message.tool_calls.iter().map(|call| call.arguments_json.len());
        let reasoning = message.reasoning.as_ref().map_or(0, String::len);
        64 + reasoning + message.content.iter().map(text).sum::<usize>() + calls.sum::<usize>()
    });
    let tools = request.tools.iter().map(|tool| tool.definition_json.len());
    messages.chain(tools).sum::<usize>() <= SHORT
}

fn completing(family: &Family) -> Option<&Chosen> {
    family.chosen().filter(|chosen| chosen.can(Ability::Completion))
}

fn engine_prompt(prompt: &Prompt) -> Result<engine_protocol::Prompt, InferenceError> {
    convert::prompt(prompt).ok_or_else(|| InferenceError::Unsupported {
        message: "the prompt holds an image or a sound, which no engine here reads".to_owned(),
    })
}

/// What the engine is asked: the family's prompt and rules with the client's wishes on top.
fn generate(
    served: &Served,
    family: Option<&Driver>,
    prompt: &Prompt,
    generation: crate::command::Generation,
) -> Result<Generate, InferenceError> {
    let draft = generation.into_inner();
    let (most, sequences) =
        (served.definition.settings.parallel.max(1), draft.sequences.unwrap_or(1));
    if sequences > most {
        let range = if most == 1 { "1".to_owned() } else { format!("from 1 to {most}") };
        return Err(InvalidCommand::new(
            "n",
            format!(
                "must be {range} for the model `{}`, it is {sequences}: `parallel` in its \
                 configuration is the limit",
                served.uid()
            ),
        )
        .into());
    }
    let mut sampling = sampling::merge(draft.sampling, &served.definition.sampling);
    if let Some(family) = family {
        sampling = sampling::merge(sampling, &family.sampling);
    }
    let mut stop = draft.stop;
    stop.extend(prompt.stop.iter().filter(|stop| !stop.is_empty()).cloned());
    stop.dedup();
    let mut stop_tokens = draft.stop_tokens;
    stop_tokens.extend(&prompt.stop_tokens);
    let asked = draft.constraint.map(|asked| asked.constraint);
    Ok(Generate {
        request: 0,
        prompt: engine_prompt(prompt)?,
        sampling: convert::sampling(sampling),
        sequences,
        max_tokens: draft.max_tokens.or(served.definition.max_tokens),
        stop,
        stop_tokens,
        constraint: asked.or_else(|| prompt.constraint.clone()).map(convert::constraint),
        logprobs: draft.logprobs,
        lora: draft.lora,
        cache_salt: draft.cache_salt,
    })
}
