//! The versions and what each can do.

use plugin_sdk::Profile;

/// A version of the prompt format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// ChatGLM-6B, every question in a numbered round.
    V1,
    /// ChatGLM-6B, a lone question without a round, as the model's own code has it.
    V1Bare,
    /// ChatGLM2-6B and CodeGeeX2.
    V2,
    /// ChatGLM3-6B.
    V3,
    /// GLM-4-9B-chat and CodeGeeX4.
    Glm4,
    /// GLM-4V-9B.
    Glm4V,
    /// GLM-Edge.
    Edge,
    /// GLM-4-0414.
    Glm0414,
    /// GLM-Z1-0414, which always reasons.
    Z1,
    /// GLM-4.5.
    Glm45,
    /// GLM-4.6, which speaks as 4.5 does.
    Glm46,
    /// GLM-4.7 and 4.7-Flash.
    Glm47,
    /// GLM-5, which speaks as 4.7 does.
    Glm5,
    /// GLM-5.1.
    Glm51,
    /// GLM-5.2.
    Glm52,
}

impl Version {
    /// The versions by the names that the option `style` takes.
    pub const NAMES: [(&'static str, Self); 15] = [
        ("chatglm", Self::V1),
        ("chatglm-bare", Self::V1Bare),
        ("chatglm2", Self::V2),
        ("chatglm3", Self::V3),
        ("glm-4", Self::Glm4),
        ("glm-4v", Self::Glm4V),
        ("glm-edge", Self::Edge),
        ("glm-4-0414", Self::Glm0414),
        ("glm-z1", Self::Z1),
        ("glm-4.5", Self::Glm45),
        ("glm-4.6", Self::Glm46),
        ("glm-4.7", Self::Glm47),
        ("glm-5", Self::Glm5),
        ("glm-5.1", Self::Glm51),
        ("glm-5.2", Self::Glm52),
    ];

    /// The version's name.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, version)| *version == self).map_or("glm-4", |(name, _)| name)
    }

    /// What the version can do, and the sampling that its authors advise.
    pub(crate) fn profile(self) -> Profile {
        let features: &[&str] = match self {
            Self::V1 | Self::V1Bare | Self::V2 | Self::Edge => &[],
            Self::V3 | Self::Glm4 | Self::Glm0414 => &["tools"],
            Self::Glm4V => &["vision"],
            Self::Z1 => &["tools", "reasoning"],
            _ => &["tools", "reasoning", "hybrid"],
        };
        let (temperature, top_p) = match self {
            Self::V1 | Self::V1Bare => (0.95, 0.7),
            Self::V2 | Self::V3 | Self::Glm4 | Self::Glm4V | Self::Edge => (0.8, 0.8),
            Self::Glm0414 => (0.6, 0.8),
            Self::Z1 | Self::Glm45 => (0.6, 0.95),
            _ => (1.0, 0.95),
        };
        Profile {
            style: self.name().to_owned(),
            features: features.iter().map(|&feature| feature.to_owned()).collect(),
            sampling: vec![("temperature".to_owned(), temperature), ("top-p".to_owned(), top_p)],
        }
    }
}
