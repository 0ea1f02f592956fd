//! The fake vocabulary: words.

use engine_protocol::{Prompt, PromptPart, TokenLogprob, TopLogprob};

/// Ids stay below this.
pub(crate) const VOCABULARY: u32 = 1 << 20;

/// Cuts a text into words, each with the white space behind it; nothing is lost.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut after_space = true;
    for character in text.chars() {
        let space = character.is_whitespace();
        match words.last_mut() {
            Some(word) if space || !after_space => word.push(character),
            _ => words.push(character.to_string()),
        }
        after_space = space;
    }
    words
}

/// The id of a word or of a control token, the same in every process.
pub(crate) fn id(word: &str) -> u32 {
    let hash = word
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash % VOCABULARY
}

/// The ids of a prompt.
pub(crate) fn tokenize(prompt: &Prompt) -> Vec<u32> {
    let mut ids = Vec::new();
    // Neighbouring texts are one run.
    let mut run = String::new();
    let close = |run: &mut String, ids: &mut Vec<u32>| {
        ids.extend(words(run).iter().map(|word| id(word)));
        run.clear();
    };
    for part in &prompt.parts {
        if let PromptPart::Text(text) = part {
            run.push_str(text);
            continue;
        }
        close(&mut run, &mut ids);
        match part {
            PromptPart::Control(text) => ids.push(id(text)),
            PromptPart::Token(token) => ids.push(*token),
            PromptPart::Text(_) | PromptPart::Split => {}
        }
    }
    close(&mut run, &mut ids);
    ids
}

/// Made-up probabilities: the chosen token has a half, each rival half of the one before.
pub(crate) fn logprobs(word: &str, count: u32) -> TokenLogprob {
    let entry = |text: String, rank: u32| TopLogprob {
        token: id(&text),
        bytes: text.into_bytes(),
        logprob: -std::f32::consts::LN_2 * (rank + 1) as f32,
    };
    let chosen = entry(word.to_owned(), 0);
    let rivals = (1..count).map(|rank| entry(format!("rival{rank}"), rank));
    let top = if count == 0 {
        Vec::new()
    } else {
        std::iter::once(chosen.clone()).chain(rivals).collect()
    };
    TokenLogprob { chosen, top }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        assert_eq!(words(text), expect);
        assert_eq!(words(text).concat(), text);
    }

    #[test]
    fn words_keep_their_spaces() {
        check("", &[]);
        check("one two  three\n", &["one ", "two  ", "three\n"]);
        check("  lead", &["  ", "lead"]);
        check("你好 世界", &["你好 ", "世界"]);
    }

    #[test]
    fn neighbouring_texts_are_one_run() {
        let text = |text: &str| PromptPart::Text(text.into());
        let ids = |parts| tokenize(&Prompt { parts, ..Prompt::default() });
        assert_eq!(ids(vec![text("a"), text("b")]), [id("ab")]);
        assert_eq!(ids(vec![text("a"), PromptPart::Split, text("b")]), [id("a"), id("b")]);
        let control = PromptPart::Control("<|user|>".into());
        assert_eq!(ids(vec![control, PromptPart::Token(7)]), [id("<|user|>"), 7]);
    }

    #[test]
    fn probabilities_sum_to_less_than_one() {
        let top = logprobs("x", 20).top;
        assert_eq!(top.len(), 20);
        assert!(top.iter().map(|entry| entry.logprob.exp()).sum::<f32>() < 1.0);
        assert!(logprobs("x", 0).top.is_empty());
    }
}
