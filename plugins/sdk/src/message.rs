//! Reading a message.

use std::borrow::Cow;

use crate::{ContentPart, Error, Message};

impl Message {
    /// The text of the message; an image or a clip in it is refused.
    pub fn text(&self) -> Result<Cow<'_, str>, Error> {
        match self.content.as_slice() {
            [] => Ok(Cow::Borrowed("")),
            [ContentPart::Text(text)] => Ok(Cow::Borrowed(text)),
            parts => parts.iter().map(text_of).collect::<Result<String, _>>().map(Cow::Owned),
        }
    }

    /// The media in the message, in order.
    pub fn images(&self) -> impl Iterator<Item = u32> {
        self.content.iter().filter_map(|part| match part {
            ContentPart::Image(index) => Some(*index),
            _ => None,
        })
    }

    /// The text of the message beside its images; a clip in it is refused.
    pub fn text_beside_images(&self) -> Result<String, Error> {
        let texts = self.content.iter().filter(|part| !matches!(part, ContentPart::Image(_)));
        texts.map(text_of).collect()
    }
}

fn text_of(part: &ContentPart) -> Result<&str, Error> {
    match part {
        ContentPart::Text(text) => Ok(text),
        ContentPart::Image(_) => {
            Err(Error::Unsupported("this model takes no images; send text alone".to_owned()))
        }
        ContentPart::Audio(_) => {
            Err(Error::Unsupported("this model takes no audio; send text alone".to_owned()))
        }
    }
}
