//! Beginning requests once more whose worker died.

use std::sync::Arc;

use engine_protocol::Generate;
use model::ModelUid;
use tokio::sync::OwnedSemaphorePermit;

use super::Supervisor;
use crate::{
    ModelStatus, Retry, SupervisorError,
    generation::Begin,
    link::{Link, Work},
};

/// Whoever is begun once more, and where.
pub(super) struct Turn {
    pub(super) link: Arc<Link>,
    pub(super) place: OwnedSemaphorePermit,
    /// The time up to which a recording was written down before.
    pub(super) past_ms: u32,
}

impl Supervisor {
    /// How a request is begun once more.
    pub(super) fn again(&self, uid: &ModelUid, generate: Box<Generate>) -> Begin {
        let (inner, uid) = (Arc::downgrade(&self.0), uid.clone());
        let begin = async move |retry| {
            let turn = Self(inner.upgrade()?).turn(&uid, retry, 0).await.ok()?;
            let supervisor = Self(inner.upgrade()?);
            let begun = supervisor.begin(&uid, turn, |sink| Work::Generate { generate, sink });
            begun.ok()
        };
        Box::new(move |retry| Box::pin(begin(retry)))
    }

    /// Waits until a request whose worker died can be begun once more.
    ///
    /// What a worker died of may be any of the requests that it had looked at. So of each model one
    /// at a time is begun once more, if possible on a worker that has nothing else to do, and the
    /// next when it is where it was: if it was that one, it takes no other with it again.
    pub(super) async fn turn(
        &self,
        uid: &ModelUid,
        retry: Retry,
        past_ms: u32,
    ) -> Result<Option<Turn>, SupervisorError> {
        let Retry::Alone { replica } = retry else {
            self.restarted(uid).await;
            return Ok(None);
        };
        let entry = self.entry(uid)?;
        let place = entry.turns().acquire_owned().await;
        let place = place.map_err(|_| SupervisorError::ShuttingDown)?;
        let idle = || entry.in_place(replica).is_some_and(|link| link.in_flight() == 0);
        let over = |status: &ModelStatus| idle() || status.is_over();
        let limit = self.0.common.options.restart_wait;
        // A worker that never rests is shared.
        let _ = tokio::time::timeout(limit, self.until(uid, over)).await;
        let link = entry.in_place(replica).ok_or_else(|| entry.unready())?;
        Ok(Some(Turn { link, place, past_ms }))
    }
}
