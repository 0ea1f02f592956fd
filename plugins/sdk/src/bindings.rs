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
    inline: "
        package modelhost:sdk;

        /// Every interface for which the SDK has a trait; `register!` exports those of a family.
        world every-family {
            import modelhost:family/log@0.1.0;
            export modelhost:family/identity@0.1.0;
            export modelhost:family/chat@0.1.0;
            export modelhost:family/preparation@0.1.0;
            export modelhost:family/completion@0.1.0;
            export modelhost:family/transcription@0.1.0;
        }
    ",
    world: "modelhost:sdk/every-family",
    pub_export_macro: true,
    additional_derives: [Clone, PartialEq],
    generate_all,
    generate_unused_types: true,
});
