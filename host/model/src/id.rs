//! Names under which models are served.

use std::{fmt, str::FromStr, sync::Arc};

/// The name that clients use for a model: 1 to 100 characters of `A-Z a-z 0-9 . _ -`.
///
/// It is safe in a URL, in a file name and in a metric's label, so nothing downstream escapes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelUid(Arc<str>);

/// Why a text is no [`ModelUid`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUid {
    /// The text is empty or too long.
    #[error("a model uid has 1 to {max} characters, `{given}` has {length}")]
    Length {
        /// The text, cut to a printable size.
        given: String,
        /// Its length in characters.
        length: usize,
        /// The greatest length allowed.
        max: usize,
    },
    /// A character that is not allowed.
    #[error(
        "`{character}` is not allowed in the model uid `{given}`: use letters, digits, `.`, `_` and `-`, and begin with a letter or a digit"
    )]
    Character {
        /// The text, cut to a printable size.
        given: String,
        /// The first offending character.
        character: char,
    },
    /// The form is kept for the replicas of a model.
    #[error(
        "the model uid `{given}` ends in `-rep` and digits, which names a replica: choose another ending"
    )]
    Replica {
        /// The text.
        given: String,
    },
}

impl ModelUid {
    /// The greatest number of characters.
    pub const MAX: usize = 100;

    /// The uid as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelUid {
    type Err = InvalidUid;

    fn from_str(text: &str) -> Result<Self, InvalidUid> {
        let given = || text.chars().take(Self::MAX).collect::<String>();
        let length = text.chars().count();
        if length == 0 || length > Self::MAX {
            return Err(InvalidUid::Length { given: given(), length, max: Self::MAX });
        }
        let allowed = |(at, c): (usize, char)| {
            c.is_ascii_alphanumeric() || (at > 0 && matches!(c, '.' | '_' | '-'))
        };
        if let Some((_, character)) = text.char_indices().find(|&pair| !allowed(pair)) {
            return Err(InvalidUid::Character { given: given(), character });
        }
        if let Some((_, digits)) = text.rsplit_once("-rep")
            && !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit())
        {
            return Err(InvalidUid::Replica { given: given() });
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ModelUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ModelUid {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<&str, &str>) {
        let got = text.parse::<ModelUid>();
        match expect {
            Ok(uid) => assert_eq!(got.unwrap().as_str(), uid),
            Err(part) => {
                let message = got.unwrap_err().to_string();
                assert!(message.contains(part), "`{message}` lacks `{part}`");
            }
        }
    }

    #[test]
    fn uids() {
        check("vicuna-v1.5_7B", Ok("vicuna-v1.5_7B"));
        check("", Err("1 to 100"));
        check(&"a".repeat(101), Err("has 101"));
        check("../etc", Err("`.`"));
        check("a/b", Err("`/`"));
        check("模型", Err("`模`"));
        check("tiny-rep0", Err("replica"));
        check("tiny-report", Ok("tiny-report"));
    }
}
