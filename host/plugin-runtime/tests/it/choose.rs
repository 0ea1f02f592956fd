//! Which family gets a model.

use model::{Ability, Fit, ModelCard};

use crate::support::{card, host};

fn of(architecture: &str) -> ModelCard {
    ModelCard { architecture: architecture.into(), ..card() }
}

#[track_caller]
fn check(architecture: &str, wanted: Option<&str>, expect: (&str, Fit)) {
    let choice = host(&["echo", "misbehave"]).runtime.choose(&of(architecture), wanted).unwrap();
    assert_eq!((choice.family.as_str(), choice.fit), expect);
}

#[test]
fn the_best_fit_is_chosen() {
    check("echo", None, ("echo", Fit::Exact));
    check("misbehave", None, ("misbehave", Fit::Exact));
    check("choir", None, ("misbehave", Fit::Exact));
}

#[test]
fn the_operator_knows_best() {
    check("choir", Some("echo"), ("echo", Fit::Generic));
    check("llama", Some("echo"), ("echo", Fit::None));
}

#[test]
fn a_choice_tells_its_reasons() {
    let choice = host(&["echo", "misbehave"]).runtime.choose(&of("choir"), None).unwrap();
    assert_eq!(choice.reason, "it says so");
    assert_eq!(choice.abilities, [Ability::Chat]);
    assert_eq!(choice.profile.style, "bad");
    let considered = [
        ("echo".to_owned(), Fit::Generic, "architecture is choir".to_owned()),
        ("misbehave".to_owned(), Fit::Exact, "it says so".to_owned()),
    ];
    assert_eq!(choice.considered, considered);
}

#[test]
fn a_profile_arrives_whole() {
    let choice = host(&["echo"]).runtime.choose(&of("echo"), None).unwrap();
    assert_eq!(choice.version, "1.0.0");
    assert_eq!(choice.abilities, [Ability::Chat, Ability::Completion]);
    assert_eq!(choice.profile.style, "plain");
    assert!(choice.profile.has("tools"));
    assert_eq!(choice.profile.sampling, [("temperature".to_owned(), 0.5)]);
}

#[test]
fn a_family_that_traps_is_not_chosen() {
    let card = ModelCard { name: "trap".into(), ..of("echo") };
    let choice = host(&["echo", "misbehave"]).runtime.choose(&card, None).unwrap();
    assert_eq!(choice.family, "echo");
    let (name, fit, reason) = &choice.considered[1];
    assert_eq!((name.as_str(), *fit), ("misbehave", Fit::None));
    assert!(reason.contains("trapped in `recognize`"), "{reason}");
}

#[test]
fn no_family_fits() {
    let host = host(&["echo", "misbehave"]);
    assert_eq!(
        host.runtime.choose(&of("llama"), None).unwrap_err().to_string(),
        "no installed family recognises model `parrot` (architecture `llama`): echo: architecture is \
         llama; misbehave: it says so; install a plugin for it, or name a family in the model's \
         configuration"
    );
    assert_eq!(
        host.runtime.choose(&of("echo"), Some("llama")).unwrap_err().to_string(),
        "family `llama` is not installed; installed: [\"echo\", \"misbehave\"]"
    );
}

#[test]
fn options_that_a_family_does_not_know() {
    let card = ModelCard { options: vec![("stile".into(), "v2".into())], ..of("echo") };
    let error = host(&["echo"]).runtime.choose(&card, None).unwrap_err();
    assert_eq!(error.to_string(), "`stile` is not an option of echo");
    assert!(error.is_client_fault());
}
