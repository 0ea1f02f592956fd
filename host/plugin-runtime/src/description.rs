//! Checks what a plugin says of itself.

use model::Profile;
use semver::Version;

use crate::PluginError;
use crate::bindings::Description;
use crate::text::one_line;

/// Characters of a name.
const NAME: usize = 64;
/// Characters of a version.
const VERSION: usize = 64;
/// Characters of a summary.
const SUMMARY: usize = 200;
/// Features, or sampling parameters, of one profile.
const ENTRIES: usize = 64;

/// Checks name and version, and cuts the summary to one line.
///
/// # Errors
/// The name is not in kebab-case, or the version is not a semantic version.
pub(crate) fn validate(description: &Description) -> Result<Description, PluginError> {
    let Description { name, version, summary } = description;
    if !is_kebab_case(name) || name.len() > NAME {
        return Err(PluginError::Description(format!(
            "name `{}` must be kebab-case, such as `my-family`, with at most {NAME} characters",
            one_line(name, NAME)
        )));
    }
    if version.len() > VERSION || Version::parse(version).is_err() {
        return Err(PluginError::Description(format!(
            "version `{}` must be a semantic version, such as `1.2.0`, with at most {VERSION} \
             characters",
            one_line(version, VERSION)
        )));
    }
    let (name, version) = (name.clone(), version.clone());
    Ok(Description { name, version, summary: one_line(summary, SUMMARY) })
}

/// Checks how a plugin drives a model, which ends up in tables and in sampling.
///
/// # Errors
/// Names the first thing that is not valid.
pub(crate) fn validate_profile(profile: &Profile) -> Result<(), String> {
    let Profile { style, features, sampling } = profile;
    if features.len() > ENTRIES || sampling.len() > ENTRIES {
        let (features, sampling) = (features.len(), sampling.len());
        return Err(format!(
            "{features} features and {sampling} parameters, {ENTRIES} are allowed"
        ));
    }
    let words = features.iter().chain(sampling.iter().map(|(key, _)| key)).chain([style]);
    if let Some(word) = words.into_iter().find(|word| *word != &one_line(word, NAME)) {
        let word = one_line(word, NAME);
        return Err(format!("`{word}` is not one line of at most {NAME} characters"));
    }
    match sampling.iter().find(|(_, value)| !value.is_finite()) {
        Some((key, value)) => Err(format!("`{key}` is {value}")),
        None => Ok(()),
    }
}

fn is_kebab_case(name: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.split('-').all(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, version: &str, expect: bool) {
        let description =
            Description { name: name.into(), version: version.into(), summary: "s\n".into() };
        assert_eq!(validate(&description).is_ok(), expect);
    }

    #[track_caller]
    fn check_profile(change: impl FnOnce(&mut Profile), expect: Result<(), &str>) {
        let mut profile = Profile { style: "v1.1".into(), ..Profile::default() };
        change(&mut profile);
        assert_eq!(validate_profile(&profile), expect.map_err(String::from));
    }

    #[test]
    fn profiles() {
        check_profile(|p| p.features = vec!["tools".into()], Ok(()));
        check_profile(|p| p.sampling = vec![("top-p".into(), 0.8)], Ok(()));
        check_profile(|p| p.sampling = vec![("top-p".into(), f64::NAN)], Err("`top-p` is NaN"));
        check_profile(
            |p| p.style = "a\nb".into(),
            Err("`a b` is not one line of at most 64 characters"),
        );
        check_profile(
            |p| p.features = vec![String::new(); 65],
            Err("65 features and 0 parameters, 64 are allowed"),
        );
    }

    #[test]
    fn names_and_versions() {
        check("chatglm", "0.1.0", true);
        check("my-family-2", "1.0.0-rc.1+build", true);
        check("", "1.0.0", false);
        check("2fast", "1.0.0", false);
        check("My-Family", "1.0.0", false);
        check("my--family", "1.0.0", false);
        check("my-", "1.0.0", false);
        check("../etc", "1.0.0", false);
        check(&"a".repeat(65), "1.0.0", false);
        check("a", "1.0", false);
        check("a", "", false);
        check("a", &format!("1.0.0-{}", "a".repeat(99)), false);
    }
}
