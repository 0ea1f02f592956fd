//! What a model can do, and how it is best sampled, from its templates and metadata.

use plugin_sdk::reply::Syntax;
use plugin_sdk::{Error, ModelCard, Profile};

use crate::{reply, template};

/// The profile of a model.
pub(crate) fn profile(card: &ModelCard) -> Result<Profile, Error> {
    let any = |words: &[&str]| {
        template::all(card).any(|source| words.iter().any(|word| source.contains(word)))
    };
    let syntax = reply::syntax(card)?;
    let can = |feature| syntax.is_some_and(|syntax| syntax.features().contains(&feature));
    let tools = any(&["tools", "functions"]);
    let reasoning = can("reasoning") && any(&REASONING);
    let hybrid =
        reasoning && any(&["enable_thinking", "is thinking", "if thinking", "not thinking"]);
    let features = [("tools", tools), ("reasoning", reasoning), ("hybrid", hybrid)];
    let style = syntax.map_or("plain", Syntax::name);
    Ok(Profile {
        style: style.to_owned(),
        features: features
            .iter()
            .filter(|(_, has)| *has)
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        sampling: sampling(card),
    })
}

/// What the templates of models that reason hold.
const REASONING: [&str; 7] = [
    "think>",
    "reasoning_content",
    "enable_thinking",
    "[THINK]",
    "analysis",
    "reasoning",
    "thinking",
];

/// What the weights advise.
fn sampling(card: &ModelCard) -> Vec<(String, f64)> {
    let known = [
        ("general.sampling.temp", "temperature"),
        ("general.sampling.top_k", "top-k"),
        ("general.sampling.top_p", "top-p"),
        ("general.sampling.min_p", "min-p"),
        ("general.sampling.penalty_repeat", "repetition-penalty"),
    ];
    let advised = known.iter().filter_map(|(key, name)| {
        let value: f64 = card.meta(key)?.parse().ok()?;
        value.is_finite().then(|| ((*name).to_owned(), value))
    });
    advised.collect()
}
