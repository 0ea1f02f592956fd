//! The component: wit-bindgen's traits, implemented for any family.

use std::cell::RefCell;
use std::marker::PhantomData;

use crate::bindings::exports::modelhost::family::{chat, completion, identity};
use crate::reply::{Events, ReplyParser};
use crate::{
    Chat, ChatRequest, Completion, CompletionRequest, Error, Family, FamilyInfo, FinishReason,
    ModelCard, Profile, Prompt, Recognition, ReplyEvent, panic,
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

impl<F: Chat + 'static> chat::Guest for Component<F> {
    type ReplyParser = Parser;
    type Turn = Turn<F>;
}

/// What a turn keeps: a parser may need any of it.
pub struct Turn<F> {
    card: ModelCard,
    request: ChatRequest,
    prompt: Prompt,
    family: PhantomData<F>,
}

impl<F: Chat + 'static> chat::GuestTurn for Turn<F> {
    fn start(card: ModelCard, request: ChatRequest) -> Result<chat::Turn, Error> {
        panic::install_hook();
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
