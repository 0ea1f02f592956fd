//! The component: wit-bindgen's traits, implemented for any family.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;

use crate::bindings::exports::modelhost::family::{
    chat, completion, identity, preparation, transcription,
};
use crate::reply::{Events, ReplyParser};
use crate::transcript::Transcript;
use crate::{
    Chat, ChatRequest, Completion, CompletionRequest, Cue, DecodedSegment, DecodingPlan, Error,
    Family, FamilyInfo, FinishReason, ModelCard, Prepare, Profile, Prompt, Recognition, ReplyEvent,
    Segment, Transcription, TranscriptionRequest, panic,
};

/// A family as a component.
pub struct Component<F>(PhantomData<F>);

impl<F: Family> identity::Guest for Component<F> {
    fn describe() -> FamilyInfo {
        panic::install_hook();
        F::describe()
    }

    fn recognize(card: ModelCard) -> Recognition {
        panic::install_hook();
        F::recognize(&card)
    }

    fn profile(card: ModelCard) -> Result<Profile, Error> {
        panic::install_hook();
        F::profile(&card)
    }
}

thread_local! {
    /// The card of the model that this instance was prepared for.
    static CARD: Cell<Option<&'static ModelCard>> = const { Cell::new(None) };
}

impl<F: Prepare> preparation::Guest for Component<F> {
    fn prepare(card: ModelCard) {
        panic::install_hook();
        // An instance has one model, and goes as a whole.
        let card: &'static ModelCard = Box::leak(Box::new(card));
        F::prepare(card);
        CARD.set(Some(card));
    }
}

impl<F: Chat + 'static> chat::Guest for Component<F> {
    type ReplyParser = Parser;
    type Turn = Turn<F>;
}

/// What a turn keeps: a parser may need any of it.
pub struct Turn<F> {
    card: Cow<'static, ModelCard>,
    request: ChatRequest,
    prompt: Prompt,
    family: PhantomData<F>,
}

impl<F: Chat + 'static> chat::GuestTurn for Turn<F> {
    fn start(card: ModelCard, request: ChatRequest) -> Result<chat::Turn, Error> {
        panic::install_hook();
        let card = CARD.take().map_or(Cow::Owned(card), Cow::Borrowed);
        let prompt = F::render(&card, &request)?;
        Ok(chat::Turn::new(Self { card, request, prompt, family: PhantomData }))
    }

    fn prompt(&self) -> Prompt {
        self.prompt.clone()
    }

    fn parser(&self) -> chat::ReplyParser {
        let parser = F::parser(&self.card, &self.request, &self.prompt);
        chat::ReplyParser::new(Parser(RefCell::new(parser)))
    }
}

/// A family's parser as a resource.
pub struct Parser(RefCell<Box<dyn ReplyParser>>);

impl chat::GuestReplyParser for Parser {
    fn push(&self, text: String) -> Vec<ReplyEvent> {
        let mut events = Events::default();
        self.0.borrow_mut().push(&text, &mut events);
        events.into_vec()
    }

    fn finish(&self, reason: FinishReason) -> Vec<ReplyEvent> {
        let mut events = Events::default();
        self.0.borrow_mut().finish(reason, &mut events);
        events.into_vec()
    }
}

impl<F: Completion> completion::Guest for Component<F> {
    fn render(card: ModelCard, request: CompletionRequest) -> Result<Prompt, Error> {
        panic::install_hook();
        F::render(&card, &request)
    }
}

impl<F: Transcription + 'static> transcription::Guest for Component<F> {
    type Transcriber = Transcriber<F>;
}

/// What a recording keeps: its plan, and the transcript as far as it has come.
pub struct Transcriber<F> {
    card: ModelCard,
    request: TranscriptionRequest,
    plan: DecodingPlan,
    transcript: RefCell<Box<dyn Transcript>>,
    family: PhantomData<F>,
}

impl<F: Transcription + 'static> transcription::GuestTranscriber for Transcriber<F> {
    fn start(
        card: ModelCard,
        request: TranscriptionRequest,
    ) -> Result<transcription::Transcriber, Error> {
        panic::install_hook();
        let plan = F::plan(&card, &request)?;
        let transcript = RefCell::new(F::transcript(&card, &request, &plan));
        let transcriber = Self { card, request, plan, transcript, family: PhantomData };
        Ok(transcription::Transcriber::new(transcriber))
    }

    fn plan(&self) -> DecodingPlan {
        self.plan.clone()
    }

    fn push(&self, segments: Vec<DecodedSegment>) -> Vec<Segment> {
        let mut passages = Vec::new();
        let mut transcript = self.transcript.borrow_mut();
        for segment in segments {
            transcript.push(segment, &mut passages);
        }
        passages
    }

    fn finish(&self) -> Vec<Segment> {
        let mut passages = Vec::new();
        self.transcript.borrow_mut().finish(&mut passages);
        passages
    }

    fn cues(&self, segment: Segment) -> Vec<Cue> {
        F::cues(&self.card, &self.request, &segment)
    }
}
