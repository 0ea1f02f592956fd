//! Replies in the form that clients see them, against golden files.

use bytes::BytesMut;
use inference::{Reply, ReplyItem};
use model::Usage;

use super::{response::Head, sse::Writer};

/// Always the same answer.
pub(super) fn head() -> Head {
    Head { id: "id-0".to_owned(), created: 1_790_000_000, model: "tiny".to_owned() }
}

pub(super) fn usage() -> Usage {
    Usage { prompt_tokens: 100, cached_tokens: 64, completion_tokens: 5 }
}

/// What a writer makes of a reply that ends well, with line ends made visible.
pub(super) fn transcript(mut writer: impl Writer<Of = Reply>, items: Vec<ReplyItem>) -> String {
    let mut out = BytesMut::new();
    let failed = items.iter().any(|item| matches!(item, ReplyItem::Failed(_)));
    for item in items {
        writer.item(item, &mut out);
    }
    if !failed {
        writer.end(usage(), &mut out);
    }
    let text = String::from_utf8(out.to_vec()).unwrap();
    assert_eq!(text.matches("\r\n").count(), text.matches('\n').count(), "bare line feed");
    timeless(&text.replace("\r\n", "⏎\n"))
}

/// A text that a new version does not change.
pub(super) fn timeless(text: &str) -> String {
    text.replace(super::response::FINGERPRINT, "modelhost-VERSION")
}

pub(super) fn content(sequence: u32, text: &str) -> ReplyItem {
    ReplyItem::Content { sequence, text: text.to_owned() }
}
