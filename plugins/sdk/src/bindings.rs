//! What wit-bindgen makes of the WIT package.
#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::indexing_slicing,
    clippy::allow_attributes_without_reason,
    clippy::undocumented_unsafe_blocks,
    clippy::unwrap_used,
    reason = "generated code"
)]

wit_bindgen::generate!({
    path: "../../wit/family@0.1",
    world: "chat-completion-family",
    pub_export_macro: true,
    additional_derives: [Clone, PartialEq],
    generate_unused_types: true,
});
