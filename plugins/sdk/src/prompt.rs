//! Building a prompt.

use crate::{Constraint, GrammarSyntax, ModelCard, Prompt, PromptPart};

/// Collects the parts of a prompt and the rules for tokens and stops.
///
/// Every method returns the builder, so that calls chain.
#[derive(Debug)]
pub struct PromptBuilder<'a> {
    card: &'a ModelCard,
    prompt: Prompt,
}

impl<'a> PromptBuilder<'a> {
    /// An empty prompt for the model that `card` describes.
    pub fn new(card: &'a ModelCard) -> Self {
        let prompt = Prompt {
            parts: Vec::new(),
            add_bos: None,
            space_prefix: None,
            stop: Vec::new(),
            stop_tokens: Vec::new(),
            constraint: None,
        };
        Self { card, prompt }
    }

    /// Adds text, in which nothing is a special token.
    pub fn text(&mut self, text: &str) -> &mut Self {
        if text.is_empty() {
            return self;
        }
        match self.prompt.parts.last_mut() {
            Some(PromptPart::Text(last)) => last.push_str(text),
            _ => self.prompt.parts.push(PromptPart::Text(text.to_owned())),
        }
        self
    }

    /// Adds a special token, by its text; a vocabulary without it is an error in the engine.
    pub fn control(&mut self, text: &str) -> &mut Self {
        self.prompt.parts.push(PromptPart::Control(text.to_owned()));
        self
    }

    /// Adds a token, by its id.
    pub fn token(&mut self, id: u32) -> &mut Self {
        self.prompt.parts.push(PromptPart::Token(id));
        self
    }

    /// Adds a special token by its text where the card lists it, else by the id it is known to have.
    ///
    /// An id beyond the vocabulary is of no use; the text then lets the engine name what is missing.
    pub fn special(&mut self, text: &str, id: u32) -> &mut Self {
        if self.card.control(text).is_some() || id >= self.card.vocabulary_size {
            self.control(text)
        } else {
            self.token(id)
        }
    }

    /// Adds a marker: a special token where the card lists one with this text, else plain text.
    pub fn marker(&mut self, text: &str) -> &mut Self {
        if self.card.control(text).is_some() { self.control(text) } else { self.text(text) }
    }

    /// Ends a run of text: what follows is tokenized apart from what came before.
    pub fn split(&mut self) -> &mut Self {
        self.prompt.parts.push(PromptPart::Split);
        self
    }

    /// Adds a medium, by its index in the request.
    pub fn media(&mut self, index: u32) -> &mut Self {
        self.prompt.parts.push(PromptPart::Media(index));
        self
    }

    /// Says whether the beginning-of-sequence token is put in front.
    pub fn add_bos(&mut self, yes: bool) -> &mut Self {
        self.prompt.add_bos = Some(yes);
        self
    }

    /// Says whether each run of text gets a space in front.
    pub fn space_prefix(&mut self, yes: bool) -> &mut Self {
        self.prompt.space_prefix = Some(yes);
        self
    }

    /// Adds a string that ends the reply.
    pub fn stop(&mut self, text: &str) -> &mut Self {
        self.prompt.stop.push(text.to_owned());
        self
    }

    /// Adds a token that ends the reply.
    pub fn stop_token(&mut self, id: u32) -> &mut Self {
        if !self.prompt.stop_tokens.contains(&id) {
            self.prompt.stop_tokens.push(id);
        }
        self
    }

    /// Adds a special token that ends the reply: the card's id for it, else the one it is known to have.
    pub fn stop_special(&mut self, text: &str, id: u32) -> &mut Self {
        let id = self.card.control(text).unwrap_or(id);
        if id < self.card.vocabulary_size { self.stop_token(id) } else { self }
    }

    /// Binds the whole reply to a grammar.
    pub fn constraint(&mut self, syntax: GrammarSyntax, source: String) -> &mut Self {
        self.prompt.constraint = Some(Constraint { syntax, source, triggers: Vec::new() });
        self
    }

    /// Binds the reply, or the calls in it, to a grammar; none leaves it free.
    pub fn bind(&mut self, constraint: Option<Constraint>) -> &mut Self {
        self.prompt.constraint = constraint;
        self
    }

    /// The finished prompt; the builder is empty after it.
    pub fn build(&mut self) -> Prompt {
        let empty = Self::new(self.card).prompt;
        std::mem::replace(&mut self.prompt, empty)
    }
}
