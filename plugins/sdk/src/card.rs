//! Looking things up in a model card.

use crate::{Error, ModelCard};

impl ModelCard {
    /// The value of a metadata key.
    pub fn meta(&self, key: &str) -> Option<&str> {
        lookup(&self.metadata, key)
    }

    /// The id of a special token, by its text.
    pub fn control(&self, text: &str) -> Option<u32> {
        self.control_tokens.iter().find(|token| token.text == text).map(|token| token.id)
    }

    /// The value of one of the operator's options.
    pub fn option(&self, key: &str) -> Option<&str> {
        lookup(&self.options, key)
    }

    /// Refuses options that the family does not have.
    pub fn check_options(&self, known: &[&str]) -> Result<(), Error> {
        for (key, _) in &self.options {
            if !known.contains(&key.as_str()) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Error::InvalidRequest(format!(
                    "unknown family option `{key}`; this family has: {known}"
                )));
            }
        }
        Ok(())
    }

    /// The option `key` as one of `values`, each a word and what it means.
    pub fn choice<T: Copy>(&self, key: &str, values: &[(&str, T)]) -> Result<Option<T>, Error> {
        let Some(given) = self.option(key) else { return Ok(None) };
        if let Some((_, value)) = values.iter().find(|(word, _)| *word == given) {
            return Ok(Some(*value));
        }
        let words: Vec<_> = values.iter().map(|(word, _)| *word).collect();
        Err(Error::InvalidRequest(format!(
            "family option `{key}` cannot be `{given}`; it is one of: {}",
            words.join(", ")
        )))
    }

    /// The family that the weights name themselves, in the metadata key `modelhost.family`.
    pub fn own_family(&self) -> Option<&str> {
        self.meta("modelhost.family")
    }

    /// The names under which the model goes, in lower case: as served, and as the weights say.
    pub fn names(&self) -> Vec<String> {
        let from_weights = ["general.name", "general.basename", "general.finetune"]
            .into_iter()
            .filter_map(|key| self.meta(key));
        from_weights
            .chain([self.name.as_str()])
            .map(|name| name.to_lowercase().replace(['_', ' '], "-"))
            .collect()
    }

    /// The chat template in the weights, empty where there is none.
    pub fn template(&self) -> &str {
        self.chat_template.as_deref().unwrap_or_default()
    }
}

fn lookup<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    pairs.iter().find(|(k, _)| k == key).map(|(_, value)| value.as_str())
}
