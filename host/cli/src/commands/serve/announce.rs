//! Launching the models behind a gateway that listens already, and saying what became of them.

use inference::{Inference, ModelDefinition, ModelInfo};
use tokio::task::JoinSet;

/// Adds every model and tells when it is ready, or why it is not.
pub(crate) async fn announce(inference: Inference, definitions: Vec<ModelDefinition>) {
    if definitions.is_empty() {
        tracing::warn!("the configuration names no model; add a [[model]] table and start again");
    }
    let mut waiting = JoinSet::new();
    for definition in definitions {
        let uid = definition.uid.to_string();
        // What stands in the way at once has been logged, and lists show it.
        if inference.add_model(definition).await.is_err() {
            continue;
        }
        let inference = inference.clone();
        waiting.spawn(async move {
            let ready = inference.ready(&uid).await;
            match (ready, inference.model(&uid)) {
                (Ok(()), Some(model)) => tracing::info!("{}", describe(&model)),
                (Ok(()), None) => tracing::info!("model `{uid}` was terminated"),
                (Err(error), _) => tracing::error!("model `{uid}`: {error}"),
            }
        });
    }
    while waiting.join_next().await.is_some() {}
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
        None => "no family, so it completes text and does not chat".to_owned(),
    };
    let (uid, context) = (&model.uid, model.context_length);
    format!("model `{uid}` is ready: {family}; {context} tokens of context")
}
