//! `register!`: from a family to a component.

/// Makes the crate a plugin: exports the family with the abilities named before it.
///
/// ```ignore
/// plugin_sdk::register!(chat: Vicuna);
/// plugin_sdk::register!(prepared chat: Slow);
/// plugin_sdk::register!(completion: Base);
/// plugin_sdk::register!(chat + completion: Llama);
/// plugin_sdk::register!(transcription: Whisper);
/// ```
///
/// Anywhere but on WebAssembly it does nothing, so that a family is tested as an ordinary crate.
#[macro_export]
macro_rules! register {
    (chat: $family:ty) => {
        $crate::__register!($family, CHAT, identity chat);
    };
    (prepared chat: $family:ty) => {
        $crate::__register!($family, PREPARED_CHAT, identity chat preparation);
    };
    (completion: $family:ty) => {
        $crate::__register!($family, COMPLETION, identity completion);
    };
    (chat + completion: $family:ty) => {
        $crate::__register!($family, CHAT_COMPLETION, identity chat completion);
    };
    (transcription: $family:ty) => {
        $crate::__register!($family, TRANSCRIPTION, identity transcription);
    };
}

/// The common part of `register!`'s forms.
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($family:ty, $section:ident, $($ability:ident)+) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::__private::Component<$family>;
            $($crate::__export!($ability Component);)+

            #[unsafe(link_section = "component-type:modelhost:family")]
            static SECTION: [u8; $crate::__private::worlds::$section.len()] =
                $crate::__private::worlds::$section;
        };
    };
}

/// Calls the macro that wit-bindgen generated for one exported interface.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    (identity $component:ident) => {
        $crate::__export_modelhost_family_identity_0_1_0_cabi!(
            $component with_types_in
            $crate::bindings::exports::modelhost::family::identity
        );
    };
    (chat $component:ident) => {
        $crate::__export_modelhost_family_chat_0_1_0_cabi!(
            $component with_types_in
            $crate::bindings::exports::modelhost::family::chat
        );
    };
    (preparation $component:ident) => {
        $crate::__export_modelhost_family_preparation_0_1_0_cabi!(
            $component with_types_in
            $crate::bindings::exports::modelhost::family::preparation
        );
    };
    (completion $component:ident) => {
        $crate::__export_modelhost_family_completion_0_1_0_cabi!(
            $component with_types_in
            $crate::bindings::exports::modelhost::family::completion
        );
    };
    (transcription $component:ident) => {
        $crate::__export_modelhost_family_transcription_0_1_0_cabi!(
            $component with_types_in
            $crate::bindings::exports::modelhost::family::transcription
        );
    };
}

/// The encoded worlds, by the abilities that they export.
pub mod worlds {
    /// Conversations.
    pub const CHAT: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/chat-family")).len()] =
        *include_bytes!(concat!(env!("OUT_DIR"), "/chat-family"));
    /// Conversations, with models that are read ahead.
    pub const PREPARED_CHAT: [u8; include_bytes!(concat!(
        env!("OUT_DIR"),
        "/prepared-chat-family"
    ))
    .len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/prepared-chat-family"));
    /// Plain completion.
    pub const COMPLETION: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/completion-family"))
        .len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/completion-family"));
    /// Conversations and plain completion.
    pub const CHAT_COMPLETION: [u8; include_bytes!(concat!(
        env!("OUT_DIR"),
        "/chat-completion-family"
    ))
    .len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/chat-completion-family"));
    /// Transcripts of speech.
    pub const TRANSCRIPTION: [u8; include_bytes!(concat!(
        env!("OUT_DIR"),
        "/transcription-family"
    ))
    .len()] = *include_bytes!(concat!(env!("OUT_DIR"), "/transcription-family"));
}
