//! Facts as aligned lines, `name` before `value`.

use std::fmt::{Display, Write as _};

/// Collects facts and prints them under one another.
#[derive(Default)]
pub(crate) struct Facts(Vec<(String, String)>);

impl Facts {
    /// Adds a fact; an empty value is left out.
    pub(crate) fn add(&mut self, name: &str, value: impl Display) -> &mut Self {
        let value = value.to_string();
        if !value.is_empty() {
            self.0.push((name.to_owned(), value));
        }
        self
    }

    /// Adds a fact of several lines, one for each item.
    pub(crate) fn add_list<T: Display>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        for (at, item) in items.into_iter().enumerate() {
            self.0.push((if at == 0 { name.to_owned() } else { String::new() }, item.to_string()));
        }
        self
    }

    /// The lines.
    pub(crate) fn text(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        self.0.iter().fold(String::new(), |mut text, (name, value)| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:width$}  {}", value.replace('\n', "\n  "));
            text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_aligned_and_empty_ones_left_out() {
        let mut facts = Facts::default();
        facts.add("name", "chatglm").add("style", "").add_list("exports", ["chat", "identity"]);
        assert_eq!(facts.text(), "name     chatglm\nexports  chat\n         identity\n");
    }
}
