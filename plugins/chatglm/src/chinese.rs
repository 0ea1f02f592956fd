//! What the code of ChatGLM-6B to ChatGLM3-6B does to a reply.

use plugin_sdk::reply::{ContentText, Events, Found, ReplyParser, find};
use plugin_sdk::{ChatRequest, FinishReason};

const PLACE_HOLDER: &str = "[[训练时间]]";
const YEAR: &str = "2023年";

/// Puts a year where a reply has the place holder for the date of the training.
pub(crate) struct Dated<P> {
    /// Text that may become a place holder.
    buffer: String,
    inner: P,
}

impl<P> Dated<P> {
    pub(crate) fn new(inner: P) -> Self {
        Self { buffer: String::new(), inner }
    }
}

impl<P: ReplyParser> ReplyParser for Dated<P> {
    fn push(&mut self, text: &str, events: &mut Events) {
        self.buffer.push_str(text);
        loop {
            let (count, found) = match find(&self.buffer, &[PLACE_HOLDER]) {
                Found::Marker { at, .. } => (at, true),
                Found::Perhaps { at } => (at, false),
                Found::Nothing => (self.buffer.len(), false),
            };
            let rest = self.buffer.split_off(count);
            let text = std::mem::replace(&mut self.buffer, rest);
            self.inner.push(&text, events);
            if !found {
                return;
            }
            self.inner.push(YEAR, events);
            self.buffer.drain(..PLACE_HOLDER.len());
        }
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        let text = std::mem::take(&mut self.buffer);
        self.inner.push(&text, events);
        self.inner.finish(reason, events);
    }
}

/// Passes text on as content, ASCII punctuation beside a Chinese character made Chinese.
pub(crate) struct Punctuated {
    content: ContentText,
    /// The character before the next one.
    before: Option<char>,
    /// A mark whose neighbour to the right is yet to come.
    mark: Option<char>,
}

impl Punctuated {
    pub(crate) fn new(request: &ChatRequest) -> Self {
        Self { content: ContentText::new(request), before: None, mark: None }
    }
}

impl ReplyParser for Punctuated {
    fn push(&mut self, text: &str, events: &mut Events) {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            if let Some(mark) = self.mark.take() {
                out.push(if is_chinese(c) { wide(mark).unwrap_or(mark) } else { mark });
            }
            match wide(c) {
                Some(wide) if self.before.is_some_and(is_chinese) => out.push(wide),
                Some(_) => self.mark = Some(c),
                None => out.push(c),
            }
            self.before = Some(c);
        }
        self.content.push(&out, events);
    }

    fn finish(&mut self, reason: FinishReason, events: &mut Events) {
        if let Some(mark) = self.mark.take() {
            self.content.push(mark.encode_utf8(&mut [0; 4]), events);
        }
        self.content.finish(reason, events);
    }
}

fn is_chinese(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c)
}

fn wide(c: char) -> Option<char> {
    match c {
        ',' => Some('，'),
        '!' => Some('！'),
        ':' => Some('：'),
        ';' => Some('；'),
        '?' => Some('？'),
        _ => None,
    }
}
