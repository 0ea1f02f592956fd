//! The languages by code, name and alias.

use plugin_sdk::{Error, Language};

use crate::vocabulary::Vocabulary;

/// A language's code and its English name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct KnownLanguage(pub(crate) &'static str, pub(crate) &'static str);

/// The languages in the order of their tokens; the last one came with large-v3.
pub(crate) const ALL: &[KnownLanguage] = &[
    KnownLanguage("en", "english"),
    KnownLanguage("zh", "chinese"),
    KnownLanguage("de", "german"),
    KnownLanguage("es", "spanish"),
    KnownLanguage("ru", "russian"),
    KnownLanguage("ko", "korean"),
    KnownLanguage("fr", "french"),
    KnownLanguage("ja", "japanese"),
    KnownLanguage("pt", "portuguese"),
    KnownLanguage("tr", "turkish"),
    KnownLanguage("pl", "polish"),
    KnownLanguage("ca", "catalan"),
    KnownLanguage("nl", "dutch"),
    KnownLanguage("ar", "arabic"),
    KnownLanguage("sv", "swedish"),
    KnownLanguage("it", "italian"),
    KnownLanguage("id", "indonesian"),
    KnownLanguage("hi", "hindi"),
    KnownLanguage("fi", "finnish"),
    KnownLanguage("vi", "vietnamese"),
    KnownLanguage("he", "hebrew"),
    KnownLanguage("uk", "ukrainian"),
    KnownLanguage("el", "greek"),
    KnownLanguage("ms", "malay"),
    KnownLanguage("cs", "czech"),
    KnownLanguage("ro", "romanian"),
    KnownLanguage("da", "danish"),
    KnownLanguage("hu", "hungarian"),
    KnownLanguage("ta", "tamil"),
    KnownLanguage("no", "norwegian"),
    KnownLanguage("th", "thai"),
    KnownLanguage("ur", "urdu"),
    KnownLanguage("hr", "croatian"),
    KnownLanguage("bg", "bulgarian"),
    KnownLanguage("lt", "lithuanian"),
    KnownLanguage("la", "latin"),
    KnownLanguage("mi", "maori"),
    KnownLanguage("ml", "malayalam"),
    KnownLanguage("cy", "welsh"),
    KnownLanguage("sk", "slovak"),
    KnownLanguage("te", "telugu"),
    KnownLanguage("fa", "persian"),
    KnownLanguage("lv", "latvian"),
    KnownLanguage("bn", "bengali"),
    KnownLanguage("sr", "serbian"),
    KnownLanguage("az", "azerbaijani"),
    KnownLanguage("sl", "slovenian"),
    KnownLanguage("kn", "kannada"),
    KnownLanguage("et", "estonian"),
    KnownLanguage("mk", "macedonian"),
    KnownLanguage("br", "breton"),
    KnownLanguage("eu", "basque"),
    KnownLanguage("is", "icelandic"),
    KnownLanguage("hy", "armenian"),
    KnownLanguage("ne", "nepali"),
    KnownLanguage("mn", "mongolian"),
    KnownLanguage("bs", "bosnian"),
    KnownLanguage("kk", "kazakh"),
    KnownLanguage("sq", "albanian"),
    KnownLanguage("sw", "swahili"),
    KnownLanguage("gl", "galician"),
    KnownLanguage("mr", "marathi"),
    KnownLanguage("pa", "punjabi"),
    KnownLanguage("si", "sinhala"),
    KnownLanguage("km", "khmer"),
    KnownLanguage("sn", "shona"),
    KnownLanguage("yo", "yoruba"),
    KnownLanguage("so", "somali"),
    KnownLanguage("af", "afrikaans"),
    KnownLanguage("oc", "occitan"),
    KnownLanguage("ka", "georgian"),
    KnownLanguage("be", "belarusian"),
    KnownLanguage("tg", "tajik"),
    KnownLanguage("sd", "sindhi"),
    KnownLanguage("gu", "gujarati"),
    KnownLanguage("am", "amharic"),
    KnownLanguage("yi", "yiddish"),
    KnownLanguage("lo", "lao"),
    KnownLanguage("uz", "uzbek"),
    KnownLanguage("fo", "faroese"),
    KnownLanguage("ht", "haitian creole"),
    KnownLanguage("ps", "pashto"),
    KnownLanguage("tk", "turkmen"),
    KnownLanguage("nn", "nynorsk"),
    KnownLanguage("mt", "maltese"),
    KnownLanguage("sa", "sanskrit"),
    KnownLanguage("lb", "luxembourgish"),
    KnownLanguage("my", "myanmar"),
    KnownLanguage("bo", "tibetan"),
    KnownLanguage("tl", "tagalog"),
    KnownLanguage("mg", "malagasy"),
    KnownLanguage("as", "assamese"),
    KnownLanguage("tt", "tatar"),
    KnownLanguage("haw", "hawaiian"),
    KnownLanguage("ln", "lingala"),
    KnownLanguage("ha", "hausa"),
    KnownLanguage("ba", "bashkir"),
    KnownLanguage("jw", "javanese"),
    KnownLanguage("su", "sundanese"),
    KnownLanguage("yue", "cantonese"),
];

/// Other names, and the codes of other standards; whisper has its own idea of some.
const ALIASES: &[(&str, &str)] = &[
    ("burmese", "my"),
    ("valencian", "ca"),
    ("flemish", "nl"),
    ("haitian", "ht"),
    ("letzeburgesch", "lb"),
    ("pushto", "ps"),
    ("panjabi", "pa"),
    ("moldavian", "ro"),
    ("moldovan", "ro"),
    ("sinhalese", "si"),
    ("castilian", "es"),
    ("mandarin", "zh"),
    ("farsi", "fa"),
    ("filipino", "tl"),
    ("bangla", "bn"),
    ("cmn", "zh"),
    ("fil", "tl"),
    ("in", "id"),
    ("iw", "he"),
    ("ji", "yi"),
    ("jv", "jw"),
    ("mo", "ro"),
    ("nb", "no"),
    ("ara", "ar"),
    ("chi", "zh"),
    ("deu", "de"),
    ("eng", "en"),
    ("fra", "fr"),
    ("fre", "fr"),
    ("ger", "de"),
    ("hin", "hi"),
    ("ita", "it"),
    ("jpn", "ja"),
    ("kor", "ko"),
    ("por", "pt"),
    ("rus", "ru"),
    ("spa", "es"),
    ("ukr", "uk"),
    ("vie", "vi"),
    ("zho", "zh"),
];

/// Words that ask for detection.
const DETECT: [&str; 5] = ["", "auto", "detect", "none", "null"];

/// Suggestions for a name that is not known.
const SUGGESTIONS: usize = 3;

/// The language that a client asks for; `None`: it is to be detected.
pub(crate) fn wanted(
    vocabulary: &Vocabulary,
    given: Option<&str>,
) -> Result<Option<&'static KnownLanguage>, Error> {
    let name = given.unwrap_or_default().trim().to_lowercase().replace('_', "-");
    let english = vocabulary.is_english_only();
    if DETECT.contains(&name.as_str()) {
        return Ok(ALL.first().filter(|_| english));
    }
    let Some(language) = find(&name) else { return Err(unknown(&name)) };
    if english && language.0 != "en" {
        return Err(Error::Unsupported(format!(
            "this model knows English alone, and the request says `{name}`; use a multilingual \
             model, or leave the language out where the recording is English",
        )));
    }
    if !vocabulary.known_languages().any(|(_, known)| known == language) {
        return Err(Error::Unsupported(format!(
            "{} came with large-v3, and this model is older; say `zh` or use a newer model",
            language.1
        )));
    }
    Ok(Some(language))
}

/// Finds a language by code, name or alias, all in lower case; of a tag such as `zh-cn` the first
/// part counts.
fn find(name: &str) -> Option<&'static KnownLanguage> {
    let spaced = name.replace('-', " ");
    let exact = |name: &str| {
        let code = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, code)| *code);
        ALL.iter().find(|known| known.0 == code || known.1 == code)
    };
    let first = || name.split_once('-').and_then(|(first, _)| exact(first));
    exact(&spaced).or_else(first)
}

fn unknown(name: &str) -> Error {
    let length = name.chars().count();
    // Codes are all alike, so they are near to nothing but another code.
    let comparable = |word: &str| (word.len() > 3) == (length > 3);
    let allowed = match length {
        0..=3 => 1,
        4..=6 => 2,
        _ => 3,
    };
    let names = ALL.iter().flat_map(|known| [(known.0, known.0), (known.1, known.0)]);
    let names = names.chain(ALIASES.iter().copied()).filter(|(word, _)| comparable(word));
    let mut near: Vec<_> = names
        .map(|(word, code)| {
            let alike = name.get(..3).is_some_and(|start| length > 3 && word.starts_with(start));
            (distance(name, word).min(if alike { allowed } else { usize::MAX }), word, code)
        })
        .filter(|(distance, ..)| *distance <= allowed)
        .collect();
    near.sort_unstable();
    near.dedup_by_key(|(.., code)| *code);
    near.truncate(SUGGESTIONS);
    let near: Vec<_> = near.iter().map(|(_, word, code)| format!("`{code}` ({word})")).collect();
    let name: String = name.chars().take(40).collect();
    let help = if near.is_empty() {
        "it is a code such as `en` or a name such as `english`, or left out to be detected".into()
    } else {
        format!("near it are {}", near.join(", "))
    };
    Error::InvalidRequest(format!("unknown language `{name}`; {help}"))
}

/// The number of letters to change, add or drop to make one word of the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(40).enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (cell, y) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            left = (diagonal + usize::from(x != *y)).min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The languages of a plan.
pub(crate) fn list(vocabulary: &Vocabulary) -> Vec<Language> {
    let language = |(token, known): (u32, &KnownLanguage)| Language {
        code: known.0.to_owned(),
        name: known.1.to_owned(),
        token,
    };
    vocabulary.known_languages().map(language).collect()
}

/// Whether a language is written without spaces between its words.
pub(crate) fn is_unspaced(code: &str) -> bool {
    matches!(code, "zh" | "ja" | "th" | "lo" | "my" | "yue")
}
