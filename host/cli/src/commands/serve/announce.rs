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
        Some(family) if model.style.is_empty() => format!("family {family}"),
        Some(family) => format!("family {family} ({})", model.style),
        None => "no family, completions alone".to_owned(),
    };
    format!(
        "model `{}` is ready: {family}, since {}; {} tokens of context",
        model.uid, model.family_reason, model.context_length
    )
}
