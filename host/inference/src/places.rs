//! Places for plugin calls that leave the thread that asks for them.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::InferenceError;

/// Where the plugin calls of one model run that may take long.
///
/// Every such call keeps a thread busy. The host has so many places as it has cores, and a model
/// gets all of them but one: a slow template or parser keeps neither the event loop nor the other
/// models waiting, however many requests its model has.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    own: Arc<Semaphore>,
    all: Arc<Semaphore>,
}

impl Places {
    /// The places of one model among the `most` that there are.
    pub(crate) fn of_model(all: &Arc<Semaphore>, most: usize) -> Self {
        let own = Semaphore::new(most.saturating_sub(1).max(1));
        Self { own: Arc::new(own), all: Arc::clone(all) }
    }

    /// Runs a call of a family on a blocking thread, once there is a place for it.
    ///
    /// # Errors
    /// The call panicked, or the host is going down.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        family: &str,
        call: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, InferenceError> {
        let closed = |_| InferenceError::ShuttingDown;
        let own = Arc::clone(&self.own).acquire_owned().await.map_err(closed)?;
        let place = Arc::clone(&self.all).acquire_owned().await.map_err(closed)?;
        let hop = tokio::task::spawn_blocking(move || {
            // Held by the thread and not by the request, so that requests that are dropped while
            // they run cannot pile up threads.
            let _place = (own, place);
            call()
        });
        hop.await.map_err(|error| {
            tracing::error!(family, %error, "the thread of a plugin call broke");
            InferenceError::PluginFailed { family: family.to_owned() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_model_leaves_a_place_to_the_others() {
        let all = Arc::new(Semaphore::new(2));
        let (slow, other) = (Places::of_model(&all, 2), Places::of_model(&all, 2));
        let (release, held) = std::sync::mpsc::sync_channel::<()>(1);
        let blocked = tokio::spawn({
            let slow = slow.clone();
            async move { slow.run("slow", move || held.recv()).await }
        });
        while all.available_permits() == 2 {
            tokio::task::yield_now().await;
        }
        let waiting = tokio::spawn({
            let slow = slow.clone();
            async move { slow.run("slow", || ()).await }
        });
        other.run("other", || ()).await.unwrap();
        assert!(!waiting.is_finished());
        release.send(()).unwrap();
        blocked.await.unwrap().unwrap().unwrap();
        waiting.await.unwrap().unwrap();
        assert_eq!(all.available_permits(), 2);
    }

    #[tokio::test]
    async fn a_call_that_panics_is_an_error_and_gives_its_place_back() {
        let all = Arc::new(Semaphore::new(1));
        let places = Places::of_model(&all, 1);
        let broken = places.run("odd", || std::panic::resume_unwind(Box::new("odd"))).await;
        let broken: Result<(), _> = broken;
        assert!(matches!(broken, Err(InferenceError::PluginFailed { .. })), "{broken:?}");
        places.run("odd", || ()).await.unwrap();
    }
}
