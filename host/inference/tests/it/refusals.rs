//! What clients are told when something is refused or breaks.

use inference::{ClientConstraint, InferenceError, ModelDefinition};
use model::{Constraint, GrammarSyntax};
use supervisor::RestartPolicy;

use crate::host::Host;

/// The text holds all of `parts`, and neither a folder nor a line of a log.
#[track_caller]
fn check(host: &Host, text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "`{text}` lacks `{part}`");
    }
    let folder = host.folder.path().to_str().unwrap();
    assert!(!text.contains(folder) && !text.contains("log says"), "{text}");
}

#[tokio::test]
async fn a_file_is_named_without_its_folder() {
    let Some(host) = Host::start().await else { return };
    std::fs::write(host.folder.path().join("bad.gguf"), "[package]").unwrap();
    let error = host.inference.add_model(host.define("bad", "bad.gguf", &[])).await.unwrap_err();
    check(&host, &error.to_string(), &["`bad`", "`bad.gguf`", "GGUF"]);
    check(&host, &host.inference.model("bad").unwrap().error.unwrap(), &["`bad.gguf`"]);
    check(&host, &host.inference.ready("bad").await.unwrap_err().to_string(), &["`bad.gguf`"]);
}

/// Named by the configuration or looked for, the family is waited for.
async fn check_waits_for_the_compiler(family: Option<&str>) {
    let Some((host, plugins)) = Host::begin() else { return };
    let family = family.map(str::to_owned);
    let tiny = ModelDefinition { family, ..host.define("tiny", "tiny.gguf", &[]) };
    host.inference.add_model(tiny).await.unwrap();
    let info = host.inference.model("tiny").unwrap();
    assert!(info.is_loading() && info.error.is_none(), "{info:?}");
    check(&host, &info.family_reason, &["vicuna.wasm is being compiled", "ask again"]);
    let refused = host.complete("Hello", |_| {}).await.unwrap_err();
    assert!(matches!(refused, InferenceError::Loading { .. }), "{refused:?}");

    let ready = tokio::spawn({
        let inference = host.inference.clone();
        async move { inference.ready("tiny").await }
    });
    tokio::task::spawn_blocking(move || plugins.compile()).await.unwrap().unwrap();
    ready.await.unwrap().unwrap();
    assert!(host.inference.model("tiny").unwrap().is_ready());
    host.complete("Hello", |_| {}).await.unwrap();
}

#[tokio::test]
async fn a_family_that_is_named_and_being_compiled_is_waited_for() {
    check_waits_for_the_compiler(Some("vicuna")).await;
}

#[tokio::test]
async fn a_family_that_is_looked_for_is_waited_for_while_any_is_compiled() {
    check_waits_for_the_compiler(None).await;
}

#[tokio::test]
async fn a_crash_is_told_without_the_log_of_the_worker() {
    let Some(host) = Host::start().await else { return };
    let once = RestartPolicy { max_crashes: 1, ..RestartPolicy::default() };
    let crashing = host.define("crashing", "tiny.gguf", &["--crash-on-load"]);
    host.inference.add_model(ModelDefinition { restart: once, ..crashing }).await.unwrap();
    let error = host.inference.ready("crashing").await.unwrap_err().to_string();
    let info = host.inference.model("crashing").unwrap();
    for text in [error, info.error.unwrap(), info.replicas[0].error.clone().unwrap()] {
        check(&host, &text, &["SIGABRT"]);
        assert!(!text.contains("as told"), "a line of the log: {text}");
    }
    let dying = host.complete(r#"{"fake": {"text": "a b c", "crash_after": 1}}"#, |_| {}).await;
    let dying = dying.unwrap_err().to_string();
    check(&host, &dying, &["`tiny`", "SIGABRT"]);
    assert!(!dying.contains("as told"), "a line of the log: {dying}");
}

#[tokio::test]
async fn a_file_that_is_replaced_is_not_loaded_at_a_restart() {
    let Some(host) = Host::start().await else { return };
    crate::gguf::write(&host.folder.path().join("tiny.gguf"), "Another Model");
    let _died = host.complete(r#"{"fake": {"text": "a", "crash_after": 1}}"#, |_| {}).await;
    let told = async {
        loop {
            let info = host.inference.model("tiny").unwrap();
            match info.error {
                Some(error) if error.contains("not the model any more") => break error,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let told = tokio::time::timeout(std::time::Duration::from_mins(1), told).await.unwrap();
    check(&host, &told, &["`tiny.gguf`", "start the host again"]);
}

#[tokio::test]
async fn a_refused_constraint_names_its_own_field() {
    let Some(host) = Host::start().await else { return };
    let fail =
        r#"{"fake": {"fail": "invalid_constraint", "message": "the constraint is refused"}}"#;
    for (syntax, field) in [
        (GrammarSyntax::Regex, "guided_regex"),
        (GrammarSyntax::Lark, "guided_choice"),
        (GrammarSyntax::JsonSchema, "guided_json"),
    ] {
        let constraint = Constraint { syntax, source: "{}".into(), triggers: Vec::new() };
        let asked = ClientConstraint { field, constraint };
        let refused = host.complete(fail, |g| g.constraint = Some(asked)).await.unwrap_err();
        let InferenceError::Invalid(refused) = refused else { panic!("{refused:?}") };
        assert_eq!(refused.field.as_deref(), Some(field));
        let expect = format!("`{field}` cannot be followed: the constraint is refused");
        assert_eq!(refused.to_string(), expect);
    }
}

#[tokio::test]
async fn a_full_queue_names_the_model() {
    let Some(host) = Host::start().await else { return };
    let fail = r#"{"fake": {"fail": "overloaded", "message": "8 requests wait already"}}"#;
    let refused = host.complete(fail, |_| {}).await.unwrap_err();
    let expect = "Rate limit reached for the model `tiny`: 8 requests wait already";
    assert_eq!(refused.to_string(), expect);
}

#[tokio::test]
async fn more_sequences_than_the_model_generates_at_once_are_refused() {
    let Some(host) = Host::start().await else { return };
    let mut single = host.define("single", "tiny.gguf", &[]);
    single.settings.parallel = 1;
    host.inference.add_model(single).await.unwrap();
    host.inference.ready("single").await.unwrap();
    let draft = inference::CompletionDraft {
        model: "single".into(),
        prefix: "Once".into(),
        suffix: None,
        generation: inference::GenerationDraft { sequences: Some(2), ..Default::default() },
    };
    let refused = host.inference.complete(draft.try_into().unwrap()).await.err().unwrap();
    check(&host, &refused.to_string(), &["`n` must be 1 for the model `single`, it is 2"]);
}
