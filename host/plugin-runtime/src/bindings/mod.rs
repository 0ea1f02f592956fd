//! The versions of the WIT package that plugins may be built for.
//!
//! Each has a module that puts its bindings behind [`Family`], [`Turn`] and [`Transcriber`]; nothing
//! else of the host knows that there is more than one.

mod v0_1;

use model::{
    Ability, ChatRequest, Cue, DecodedSegment, DecodingPlan, FinishReason, Fit, ModelCard, Profile,
    Prompt, ReplyEvent, Segment, TranscriptionRequest,
};
use wasmtime::component::{InstancePre, Linker};

use crate::PluginError;
use crate::sandbox::{Sandbox, State};

/// What a plugin says of itself, as it says it.
#[derive(Default)]
pub(crate) struct Description {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) summary: String,
}

/// A plugin's code, whatever version of the package it was built for.
///
/// Each method makes a fresh instance in the sandbox that it is given.
pub(crate) trait Family: Send + Sync {
    /// What it can do, found from its exports.
    fn abilities(&self) -> &[Ability];

    /// What it says of itself.
    fn describe(&self, sandbox: &mut Sandbox) -> Result<Description, PluginError>;

    /// How well it fits a model, and why.
    fn recognize(
        &self,
        sandbox: &mut Sandbox,
        card: &ModelCard,
    ) -> Result<(Fit, String), PluginError>;

    /// How it drives a model.
    fn profile(&self, sandbox: &mut Sandbox, card: &ModelCard) -> Result<Profile, PluginError>;

    /// Renders a conversation, and keeps what parses the replies to it.
    fn chat(
        &self,
        sandbox: &mut Sandbox,
        card: &ModelCard,
        request: &ChatRequest,
    ) -> Result<(Prompt, Box<dyn Turn>), PluginError>;

    /// Whether it reads models ahead of their requests.
    fn prepares(&self) -> bool;

    /// Reads a model; `None` for a plugin that does not.
    fn prepare(
        &self,
        sandbox: &mut Sandbox,
        card: &ModelCard,
    ) -> Result<Option<Box<dyn Prepared>>, PluginError>;

    /// Frames a plain completion.
    fn complete(
        &self,
        sandbox: &mut Sandbox,
        card: &ModelCard,
        prefix: &str,
        suffix: Option<&str>,
    ) -> Result<Prompt, PluginError>;

    /// Makes the plan of a transcript, and keeps what turns decoded tokens into text.
    fn transcribe(
        &self,
        sandbox: &mut Sandbox,
        card: &ModelCard,
        request: &TranscriptionRequest,
    ) -> Result<(DecodingPlan, Box<dyn Transcriber>), PluginError>;
}

/// A plugin's code that has read a model, in the sandbox that it did so in.
pub(crate) trait Prepared: Send {
    /// As [`Family::chat`], once.
    fn chat(
        self: Box<Self>,
        sandbox: &mut Sandbox,
        card: &ModelCard,
        request: &ChatRequest,
    ) -> Result<(Prompt, Box<dyn Turn>), PluginError>;
}

/// The parsers of one chat turn, which live in the sandbox that rendered it.
pub(crate) trait Turn: Send {
    /// Takes newly decoded text of one sequence.
    fn push(
        &mut self,
        sandbox: &mut Sandbox,
        sequence: u32,
        text: &str,
    ) -> Result<Vec<ReplyEvent>, PluginError>;

    /// Ends one sequence.
    fn finish(
        &mut self,
        sandbox: &mut Sandbox,
        sequence: u32,
        reason: FinishReason,
    ) -> Result<Vec<ReplyEvent>, PluginError>;
}

/// What writes down one recording, in the sandbox that made its plan.
pub(crate) trait Transcriber: Send {
    /// Takes decoded segments in the order of time.
    fn push(
        &mut self,
        sandbox: &mut Sandbox,
        segments: &[DecodedSegment],
    ) -> Result<Vec<Segment>, PluginError>;

    /// Ends the recording.
    fn finish(&mut self, sandbox: &mut Sandbox) -> Result<Vec<Segment>, PluginError>;

    /// Breaks a passage into subtitles.
    fn cues(&mut self, sandbox: &mut Sandbox, segment: &Segment) -> Result<Vec<Cue>, PluginError>;
}

/// One version of the package: a semver track, within which plugins and hosts fit each other.
pub(crate) struct Track {
    /// What the names of its interfaces end with, but for the patch version.
    pub(crate) version: &'static str,
    /// Offers its imports to plugins.
    pub(crate) link: fn(&mut Linker<State>) -> wasmtime::Result<()>,
    /// Whether the host offers an import of this name.
    pub(crate) offers: fn(&str) -> bool,
    /// Finds its exports in a plugin.
    pub(crate) find: fn(InstancePre<State>) -> wasmtime::Result<Box<dyn Family>>,
}

/// The versions that this host knows, newest first.
pub(crate) const TRACKS: &[Track] = &[v0_1::TRACK];

/// The interface that every plugin exports.
pub(crate) const IDENTITY: &str = "modelhost:family/identity";

/// The version that a plugin with these exports was built for.
pub(crate) fn track_of<'a>(mut exports: impl Iterator<Item = &'a str>) -> Option<&'static Track> {
    exports.find_map(|export| {
        let version = export.strip_prefix(IDENTITY)?.strip_prefix('@')?;
        TRACKS.iter().find(|track| {
            version.strip_prefix(track.version).is_some_and(|patch| patch.starts_with('.'))
        })
    })
}
