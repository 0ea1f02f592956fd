//! How versions meet.

use serde::{Deserialize, Serialize};

/// The version of the protocol that this crate speaks.
///
/// 1: the first one.
pub const VERSION: u32 = 1;

/// The oldest version that this crate still understands.
pub const OLDEST_VERSION: u32 = 1;

/// The first message in both directions, and the only one whose shape may never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The newest version that the sender speaks.
    pub protocol: u32,
    /// The oldest version that the sender understands.
    pub oldest: u32,
    /// Who speaks: `host`, or the engine's name such as `llama`.
    pub name: String,
    /// The sender's own version, for messages and logs.
    pub version: String,
    /// Optional abilities, by name; unknown ones are ignored.
    #[serde(default)]
    pub features: Vec<String>,
}

/// Two ends that have no version in common.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{ours} speaks engine protocol {our_oldest} to {our_newest}, `{theirs}` speaks {their_oldest} \
     to {their_newest}: build host and engines from the same release"
)]
pub struct Incompatible {
    /// The name of this end.
    pub ours: String,
    /// The name of the other end.
    pub theirs: String,
    /// The oldest version this end understands.
    pub our_oldest: u32,
    /// The newest version this end speaks.
    pub our_newest: u32,
    /// The oldest version the other end understands.
    pub their_oldest: u32,
    /// The newest version the other end speaks.
    pub their_newest: u32,
}

impl Hello {
    /// A greeting for this version of the protocol.
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> Self {
        Self {
            protocol: VERSION,
            oldest: OLDEST_VERSION,
            name: name.into(),
            version: version.into(),
            features: Vec::new(),
        }
    }

    /// The newest version that both ends speak.
    ///
    /// # Errors
    /// Names both ranges where they do not overlap.
    pub fn agree(&self, other: &Self) -> Result<u32, Incompatible> {
        let newest = self.protocol.min(other.protocol);
        if newest >= self.oldest && newest >= other.oldest {
            return Ok(newest);
        }
        Err(Incompatible {
            ours: self.name.clone(),
            theirs: other.name.clone(),
            our_oldest: self.oldest,
            our_newest: self.protocol,
            their_oldest: other.oldest,
            their_newest: other.protocol,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(ours: (u32, u32), theirs: (u32, u32), expect: Option<u32>) {
        let hello = |(oldest, protocol)| Hello { protocol, oldest, ..Hello::new("x", "1") };
        assert_eq!(hello(ours).agree(&hello(theirs)).ok(), expect);
    }

    #[test]
    fn versions_meet_where_ranges_overlap() {
        check((1, 1), (1, 1), Some(1));
        check((1, 3), (2, 5), Some(3));
        check((2, 5), (1, 3), Some(3));
        check((1, 1), (2, 3), None);
        check((4, 5), (1, 3), None);
    }
}
