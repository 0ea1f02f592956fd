//! Short ways to say yes or no to a model.

use crate::{Fit, Recognition};

impl Recognition {
    /// The model is of this family, because of `reason`.
    pub fn exact(reason: impl Into<String>) -> Self {
        Self { fit: Fit::Exact, reason: reason.into() }
    }

    /// The family would do, because of `reason`.
    pub fn generic(reason: impl Into<String>) -> Self {
        Self { fit: Fit::Generic, reason: reason.into() }
    }

    /// The model is not of this family, because of `reason`.
    pub fn none(reason: impl Into<String>) -> Self {
        Self { fit: Fit::None, reason: reason.into() }
    }

    /// Exact where `yes`, otherwise none; `what` is where the sign was looked for.
    pub fn exact_if(yes: bool, what: &str) -> Self {
        if yes { Self::exact(what) } else { Self::none(format!("nothing in {what}")) }
    }
}
