//! Launching the models behind a gateway that listens already, and saying what becomes of them.

use std::time::Duration;

use inference::{Inference, ModelDefinition, ModelInfo, ModelState};
use tokio::task::JoinSet;

/// How often models are looked at once they have been announced.
const LOOK: Duration = Duration::from_secs(1);

/// Adds every model and tells when it is ready, or why it is not, for as long as it runs.
pub(crate) async fn announce(inference: Inference, definitions: Vec<ModelDefinition>) {
    if definitions.is_empty() {
        tracing::warn!("the configuration names no model; add a [[model]] table and start again");
    }
    let mut waiting = JoinSet::new();
    for definition in definitions {
        let uid = definition.uid.to_string();
        // What stands in the way at once has been logged, and lists show it; it may go away.
        let added = inference.add_model(definition).await.is_ok();
        let inference = inference.clone();
        waiting.spawn(async move {
            if added {
                first(&inference, &uid).await;
            }
            follow(&inference, &uid).await;
        });
    }
    while waiting.join_next().await.is_some() {}
}

/// Tells how the first launch of a model ends.
async fn first(inference: &Inference, uid: &str) {
    let ready = inference.ready(uid).await;
    match (ready, inference.model(uid)) {
        (Ok(()), Some(model)) => tracing::info!("{}", describe(&model)),
        (Ok(()), None) => tracing::info!("model `{uid}` was terminated"),
        (Err(error), _) => tracing::error!("model `{uid}`: {error}"),
    }
}

/// Tells when a worker that died serves again, and when it is given up.
async fn follow(inference: &Inference, uid: &str) {
    let mut told: Vec<Replica> = Vec::new();
    let mut looks = tokio::time::interval(LOOK);
    let mut is_first = true;
    loop {
        looks.tick().await;
        let Some(model) = inference.model(uid) else { return };
        let now: Vec<Replica> = model.replicas.iter().map(Replica::of).collect();
        // How the first launch ended has been told.
        let known = std::mem::take(&mut is_first);
        let alone = now.len() == 1;
        for (index, replica) in now.iter().enumerate().filter(|_| !known) {
            let name = if alone {
                format!("model `{uid}`")
            } else {
                format!("replica {index} of model `{uid}`")
            };
            match replica.news(told.get(index)) {
                Some(News::Ready(0)) if alone => tracing::info!("{}", describe(&model)),
                Some(News::Ready(0)) => tracing::info!("{name} is ready"),
                Some(News::Ready(restarts)) => {
                    tracing::info!("{name} is ready again; restarts so far: {restarts}");
                }
                Some(News::GivenUp) => {
                    let cause = replica.error.as_deref().unwrap_or("the log says why");
                    tracing::error!("{name} does not serve: {cause}");
                }
                None => {}
            }
        }
        told = now;
    }
}

/// What is told of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    /// It serves, after so many restarts.
    Ready(u32),
    /// It is not started again for now.
    GivenUp,
}

/// What is looked at of a replica.
#[derive(Clone, Debug)]
struct Replica {
    state: ModelState,
    restarts: u32,
    error: Option<String>,
}

impl Replica {
    fn of(status: &inference::ReplicaStatus) -> Self {
        Self { state: status.state, restarts: status.restarts, error: status.error.clone() }
    }

    /// What is new since it was looked at before; a restart may fit between two looks.
    fn news(&self, before: Option<&Self>) -> Option<News> {
        let was = |state| before.is_some_and(|before| before.state == state);
        let restarted = before.is_some_and(|before| before.restarts < self.restarts);
        match self.state {
            ModelState::Ready if restarted || !was(ModelState::Ready) => {
                Some(News::Ready(self.restarts))
            }
            ModelState::Error if restarted || !was(ModelState::Error) => Some(News::GivenUp),
            _ => None,
        }
    }
}

fn describe(model: &ModelInfo) -> String {
    let family = match &model.family {
        Some(family) => {
            let style = match model.style.as_str() {
                "" => String::new(),
                style => format!(" ({style})"),
            };
            format!("family {family}{style}, by {}", model.family_reason)
        }
        // Why there is none has been told as a warning.
        None if model.hears => "no family, so nobody can ask it for anything".to_owned(),
        None => "no family, so it completes text and does not chat".to_owned(),
    };
    let (uid, context) = (&model.uid, model.context_length);
    if model.hears {
        return format!("model `{uid}` is ready: {family}; it writes down speech");
    }
    format!("model `{uid}` is ready: {family}; {context} tokens of context")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restarts_and_their_end_are_told_once() {
        use ModelState::{Creating, Error, Loading, Ready};
        #[track_caller]
        fn check(before: Option<&Replica>, now: &Replica, expect: Option<News>) {
            assert_eq!(now.news(before), expect, "{before:?} {now:?}");
        }
        let at = |state, restarts| Replica { state, restarts, error: None };
        check(Some(&at(Ready, 0)), &at(Ready, 0), None);
        check(Some(&at(Ready, 0)), &at(Creating, 0), None);
        check(Some(&at(Creating, 1)), &at(Loading, 1), None);
        check(Some(&at(Loading, 1)), &at(Ready, 1), Some(News::Ready(1)));
        check(Some(&at(Ready, 1)), &at(Ready, 2), Some(News::Ready(2)));
        check(Some(&at(Creating, 4)), &at(Error, 4), Some(News::GivenUp));
        check(Some(&at(Error, 4)), &at(Error, 4), None);
        check(Some(&at(Error, 4)), &at(Ready, 5), Some(News::Ready(5)));
        check(None, &at(Ready, 0), Some(News::Ready(0)));
        check(None, &at(Creating, 0), None);
    }
}
