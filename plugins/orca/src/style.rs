//! The versions and what is known of each.

use plugin_sdk::Profile;

/// A version of the prompt format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `orca_mini` v1 and v2.
    Mini,
    /// `orca_mini` v3.
    MiniV3,
    /// `orca_mini` as Xinference writes it, each turn on one line.
    Xinference,
    /// OpenOrca-Preview1 and OpenOrca-Platypus2.
    Alpaca,
    /// OpenOrcaxOpenChat-Preview2.
    OpenChat,
    /// FastChat's template `open-orca`.
    FastChat,
    /// LlongOrca.
    Llong,
    /// Mistral-7B-OpenOrca.
    Mistral,
    /// Microsoft's Orca 2.
    Orca2,
}

impl Style {
    /// The styles by the names that the option `style` takes; the first name of each is its own.
    pub const NAMES: [(&'static str, Self); 13] = [
        ("orca-mini", Self::Mini),
        ("orca-mini-v3", Self::MiniV3),
        ("xinference", Self::Xinference),
        ("alpaca", Self::Alpaca),
        ("openchat", Self::OpenChat),
        ("fastchat", Self::FastChat),
        ("llongorca", Self::Llong),
        ("mistral-openorca", Self::Mistral),
        ("orca-2", Self::Orca2),
        ("orca-mini-v2", Self::Mini),
        ("openorca-preview1", Self::Alpaca),
        ("openorca-preview2", Self::OpenChat),
        ("open-orca", Self::FastChat),
    ];

    /// The style's own name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, style)| *style == self).map_or("orca-mini", |(name, _)| name)
    }

    /// The sampling that the authors advise, where they do.
    pub(crate) fn profile(self) -> Profile {
        let sampling: &[(&str, f64)] = match self {
            Self::Mini | Self::MiniV3 | Self::Xinference => {
                &[("temperature", 0.7), ("top-k", 50.0), ("top-p", 1.0)]
            }
            _ => &[],
        };
        Profile {
            style: self.name().to_owned(),
            features: Vec::new(),
            sampling: sampling.iter().map(|&(key, value)| (key.to_owned(), value)).collect(),
        }
    }
}
