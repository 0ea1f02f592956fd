//! What one sequence will say, known before its first token.

use engine_protocol::Finish;

use crate::tokens::words;

/// The limits of a reply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits<'a> {
    /// The script's number of tokens.
    pub(crate) tokens: Option<u32>,
    /// The greatest number of tokens.
    pub(crate) max: u32,
    /// Strings that end it.
    pub(crate) stop: &'a [String],
}

/// What one sequence will say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Plan {
    /// The words of the reply, said over and over as far as `total` goes.
    words: Vec<String>,
    /// How many tokens come.
    total: u32,
    /// What is left of the last token, where a stop string cuts it.
    last: Option<String>,
    /// Why it ends.
    pub(crate) finish: Finish,
}

impl Plan {
    pub(crate) fn new(reply: &str, limits: Limits<'_>) -> Self {
        let words = words(reply);
        let own = u32::try_from(words.len()).unwrap_or(u32::MAX);
        let wanted = if words.is_empty() { 0 } else { limits.tokens.unwrap_or(own) };
        let (total, finish) =
            if wanted > limits.max { (limits.max, Finish::Length) } else { (wanted, Finish::Stop) };
        let mut plan = Self { words, total, last: None, finish };
        if !limits.stop.is_empty() {
            plan.cut(limits.stop);
        }
        plan
    }

    pub(crate) fn total(&self) -> u32 {
        self.total
    }

    /// The text of a token.
    pub(crate) fn token(&self, index: u32) -> &str {
        if let Some(last) = self.last.as_ref().filter(|_| index + 1 == self.total) {
            return last;
        }
        let index = index as usize % self.words.len().max(1);
        self.words.get(index).map_or("", String::as_str)
    }

    /// Ends the reply before the first stop string.
    fn cut(&mut self, stop: &[String]) {
        let text: String = (0..self.total).map(|index| self.token(index)).collect();
        let found = stop.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| text.find(stop));
        let Some(end) = found.min() else { return };
        self.finish = Finish::Stop;
        let mut at = 0;
        for index in 0..self.total {
            let token = self.token(index);
            let next = at + token.len();
            if next > end {
                let rest = token.get(..end - at).unwrap_or_default().to_owned();
                self.total = index + 1;
                self.last = Some(rest);
                return;
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(
        reply: &str,
        tokens: Option<u32>,
        max: u32,
        stop: &[&str],
        expect: (&str, u32, Finish),
    ) {
        let stop: Vec<_> = stop.iter().map(ToString::to_string).collect();
        let plan = Plan::new(reply, Limits { tokens, max, stop: &stop });
        let text: String = (0..plan.total()).map(|index| plan.token(index)).collect();
        assert_eq!((text.as_str(), plan.total(), plan.finish), expect);
    }

    #[test]
    fn replies_end_where_they_should() {
        check("a b c", None, 9, &[], ("a b c", 3, Finish::Stop));
        check("a b c", None, 2, &[], ("a b ", 2, Finish::Length));
        check("a b ", Some(5), 9, &[], ("a b a b a ", 5, Finish::Stop));
        check("a b c", None, 9, &["b"], ("a ", 2, Finish::Stop));
        check("one two three", None, 9, &["o th", "zzz"], ("one tw", 2, Finish::Stop));
        check("one two", None, 1, &["two"], ("one ", 1, Finish::Length));
        check("你好", None, 9, &["好"], ("你", 1, Finish::Stop));
        check("", None, 9, &[], ("", 0, Finish::Stop));
        check("", Some(3), 9, &[], ("", 0, Finish::Stop));
        check("a", None, 0, &[], ("", 0, Finish::Length));
    }
}
