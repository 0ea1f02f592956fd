//! Which of a model's templates is used.

use plugin_sdk::{ChatRequest, Error, ModelCard};

/// Where a further template stands in the weights' metadata, by its name.
const NAMED: &str = "tokenizer.chat_template.";

/// The template for a request: the one named `tool_use` where there are tools and it exists.
pub(crate) fn of<'a>(card: &'a ModelCard, request: &ChatRequest) -> Result<&'a str, Error> {
    let tools = !request.callable_tools().is_empty();
    let for_tools = card.meta(&format!("{NAMED}tool_use")).filter(|_| tools);
    let template = for_tools.or_else(|| main(card));
    template.ok_or_else(|| {
        Error::Unsupported(
            "the weights carry no chat template; name a family for the model in its configuration"
                .to_owned(),
        )
    })
}

/// The template for requests of all kinds.
pub(crate) fn main(card: &ModelCard) -> Option<&str> {
    let named = || card.meta(&format!("{NAMED}default"));
    card.chat_template.as_deref().filter(|text| !text.trim().is_empty()).or_else(named)
}

/// All templates of a model, for what they say together.
pub(crate) fn all(card: &ModelCard) -> impl Iterator<Item = &str> {
    main(card).into_iter().chain(card.meta(&format!("{NAMED}tool_use")))
}
