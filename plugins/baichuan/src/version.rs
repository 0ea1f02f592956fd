//! The versions and what each can do.

use plugin_sdk::Profile;

/// A version of the prompt format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Baichuan-7B, Baichuan-13B-Base and the Baichuan2 base models, which complete text.
    Base,
    /// Baichuan-13B-Chat: the assistant's turns end with the end token.
    V1,
    /// Baichuan-13B-Chat as chatglm.cpp and FastChat write it: without end tokens.
    V1Open,
    /// Baichuan-13B-Chat as Xinference writes it: with spaces around the role tokens.
    Xinference,
    /// Baichuan2-7B-Chat and Baichuan2-13B-Chat: a system prompt, no end tokens.
    V2,
    /// Baichuan-M1.
    M1,
    /// Baichuan-M2.
    M2,
}

impl Version {
    /// The versions by the names that the option `style` takes; the first name of each is its own.
    pub const NAMES: [(&'static str, Self); 8] = [
        ("base", Self::Base),
        ("baichuan-chat", Self::V1),
        ("chatglm.cpp", Self::V1Open),
        ("xinference", Self::Xinference),
        ("baichuan2-chat", Self::V2),
        ("baichuan-m1", Self::M1),
        ("baichuan-m2", Self::M2),
        ("fastchat", Self::V1Open),
    ];

    /// The version's own name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, version)| *version == self).map_or("base", |(name, _)| name)
    }

    /// Whether roles are the tokens 195 and 196 of a sentencepiece vocabulary.
    pub(crate) fn has_role_ids(self) -> bool {
        matches!(self, Self::V1 | Self::V1Open | Self::Xinference | Self::V2)
    }

    /// What the version can do, and the sampling of its authors' generation settings.
    pub(crate) fn profile(self) -> Profile {
        let features: &[&str] = match self {
            Self::M2 => &["tools", "reasoning", "hybrid"],
            _ => &[],
        };
        let sampling: &[(&str, f64)] = match self {
            Self::V1 | Self::V1Open | Self::Xinference => &[
                ("temperature", 0.3),
                ("top-k", 5.0),
                ("top-p", 0.85),
                ("repetition-penalty", 1.1),
            ],
            Self::V2 => &[
                ("temperature", 0.3),
                ("top-k", 5.0),
                ("top-p", 0.85),
                ("repetition-penalty", 1.05),
            ],
            Self::Base | Self::M1 | Self::M2 => &[],
        };
        Profile {
            style: self.name().to_owned(),
            features: features.iter().map(|&feature| feature.to_owned()).collect(),
            sampling: sampling.iter().map(|&(key, value)| (key.to_owned(), value)).collect(),
        }
    }
}
