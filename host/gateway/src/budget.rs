//! How many bytes of bodies the server holds at once, over all requests.
//!
//! A body counts from its first byte until its answer begins. What it says goes on living as a
//! command, a prompt and a message to the engine, about as large as the body was, while the request
//! waits for its prompt to be rendered, for a worker to be started again, or for a place in the
//! engine. Once the engine has read the prompt nothing of it is needed here, so a long stream holds
//! nothing of the budget, however long it lasts.

use std::sync::Arc;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::ApiError;

/// Permits stand for so many bytes, because a semaphore counts no further than 32 bits do.
const UNIT: usize = 4096;

/// Bodies of the greatest size that fit at once; small ones fit by the thousand.
const LARGEST_AT_ONCE: usize = 8;

/// Bytes of each body that do not count: the number of connections bounds them well enough, and
/// requests of the usual size are taken while large ones use up the budget.
const UNCOUNTED: usize = 16 << 10;

/// The bytes of bodies that all requests together may hold.
///
/// Without it, as many slow clients as there are connections could each hold a whole body.
pub(crate) struct BodyBudget {
    units: Arc<Semaphore>,
    limit: usize,
}

/// What one body holds of the budget; it is given back when this is dropped.
pub(crate) struct Share {
    budget: Arc<Semaphore>,
    limit: usize,
    permit: Option<OwnedSemaphorePermit>,
    units: usize,
}

impl BodyBudget {
    /// A budget for bodies of at most `body_limit` bytes each.
    pub(crate) fn new(body_limit: usize) -> Self {
        let limit = body_limit.saturating_mul(LARGEST_AT_ONCE);
        let units = limit.div_ceil(UNIT).clamp(1, Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(units)), limit }
    }

    /// The share of a body of which nothing has arrived yet.
    pub(crate) fn share(&self) -> Share {
        Share { budget: Arc::clone(&self.units), limit: self.limit, permit: None, units: 0 }
    }
}

impl Share {
    /// Grows the share to a body of so many bytes.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        let wanted = bytes.saturating_sub(UNCOUNTED).div_ceil(UNIT);
        let more = wanted.saturating_sub(self.units);
        if more == 0 {
            return Ok(());
        }
        let more_units = u32::try_from(more).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.budget).try_acquire_many_owned(more_units).map_err(|_| {
            let limit = self.limit;
            let message = format!(
                "the bodies of all requests together hold {limit} bytes already, which is the \
                 limit: try again"
            );
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).code("overloaded").retry_after(1)
        })?;
        match &mut self.permit {
            Some(held) => held.merge(permit),
            None => self.permit = Some(permit),
        }
        self.units = wanted;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_a_budget_and_give_it_back() {
        let budget = BodyBudget::new(UNIT);
        let mut shares: Vec<_> = (0..LARGEST_AT_ONCE).map(|_| budget.share()).collect();
        for share in &mut shares {
            assert!(share.grow(UNCOUNTED + 1).is_ok());
            assert!(share.grow(UNCOUNTED + UNIT).is_ok(), "a unit is held once");
        }
        assert!(budget.share().grow(UNCOUNTED + 1).is_err());
        assert!(budget.share().grow(UNCOUNTED).is_ok(), "small bodies are taken all the same");
        shares.pop();
        assert!(budget.share().grow(UNCOUNTED + 1).is_ok());
    }
}
