//! A decoding plan, checked against the model.

use engine_protocol::{DecodingPlan, EngineError, ErrorCode, StartToken, Task};

use crate::ladder::Ladder;
use crate::native::{Model, Tokens};
use crate::tokenizer::Tokenizer;

/// What whisper.cpp decodes side by side at most.
const MOST_DECODERS: u32 = 8;
/// Milliseconds from one timestamp to the next, as whisper.cpp counts them.
const STEP_MS: u32 = 20;

/// A language that speech may be in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tongue {
    /// Its code.
    pub(crate) code: String,
    /// whisper.cpp's number for it.
    pub(crate) number: u32,
}

/// A plan that whisper.cpp can follow.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) asked: DecodingPlan,
    pub(crate) ladder: Ladder,
    /// The language, where it is known already.
    pub(crate) tongue: Option<Tongue>,
    /// The languages that detection chooses from.
    pub(crate) tongues: Vec<Tongue>,
    /// The prompt's tokens.
    pub(crate) prompt: Vec<u32>,
    /// How many tokens of what was decoded before are a window's context.
    pub(crate) context: u32,
    /// How many tokens prompt and context may have together.
    pub(crate) room: u32,
    /// In whisper.cpp's terms: 0 is no limit.
    pub(crate) max_tokens: u32,
}

fn invalid(text: impl Into<String>) -> EngineError {
    EngineError::new(ErrorCode::Invalid, text)
}

impl Plan {
    /// Checks a plan.
    pub(crate) fn check(
        plan: DecodingPlan,
        model: &Model,
        tokenizer: &Tokenizer,
    ) -> Result<Self, EngineError> {
        let tokens = &model.tokens;
        let ladder = Ladder::new(&plan.temperatures)?;
        check_tokens(&plan, tokens)?;
        check_numbers(&plan)?;
        let (tongue, tongues) = languages(&plan, model)?;
        check_start(&plan, model, tongue.as_ref())?;
        let room = (model.text_context / 2).saturating_sub(1);
        let takes_context = plan.previous.is_some();
        let kept = plan.prompt_tokens.min(room) as usize;
        let prompt = match plan.prompt.as_deref().filter(|_| takes_context) {
            Some(prompt) => tokenizer.tail(prompt, kept),
            None => Vec::new(),
        };
        let context = if takes_context { plan.context_tokens.min(room) } else { 0 };
        let most = (model.text_context / 2).saturating_sub(4);
        // whisper.cpp stops after one token more than it is told.
        let max_tokens =
            if plan.max_tokens >= most { 0 } else { plan.max_tokens.saturating_sub(1).max(1) };
        Ok(Self { asked: plan, ladder, tongue, tongues, prompt, context, room, max_tokens })
    }

    /// Whether pieces are decoded one after the other, because each is the next one's context.
    pub(crate) fn is_sequential(&self) -> bool {
        self.context > 0
    }

    /// The code of a language, for whisper.cpp; an English-only model ignores it.
    pub(crate) fn code(tongue: Option<&Tongue>) -> &str {
        tongue.map_or("en", |tongue| &tongue.code)
    }
}

fn check_tokens(plan: &DecodingPlan, tokens: &Tokens) -> Result<(), EngineError> {
    let same = |what: &str, asked: u32, is: u32| {
        if asked == is {
            return Ok(());
        }
        Err(invalid(format!(
            "the plan's {what} token is {asked}, and this model's is {is}: the family does not \
             fit the weights"
        )))
    };
    same("end", plan.end, tokens.end)?;
    same("no-speech", plan.no_speech, tokens.no_speech)?;
    if let Some(previous) = plan.previous {
        same("context", previous, tokens.previous)?;
    }
    if let Some(rules) = &plan.timestamps {
        same("first timestamp", rules.first, tokens.time)?;
        if rules.step_ms != STEP_MS {
            let step = rules.step_ms;
            return Err(invalid(format!(
                "the plan's timestamps are {step} ms apart, and whisper's are {STEP_MS} ms"
            )));
        }
    }
    let unknown = plan.suppress.iter().chain(&plan.suppress_first).find(|id| **id >= tokens.count);
    match unknown {
        Some(id) => Err(invalid(format!(
            "the plan suppresses token {id}, and this model has {}",
            tokens.count
        ))),
        None => Ok(()),
    }
}

fn check_numbers(plan: &DecodingPlan) -> Result<(), EngineError> {
    for (what, value) in [("beam size", plan.beam_size), ("number of candidates", plan.best_of)] {
        if !(1..=MOST_DECODERS).contains(&value) {
            return Err(invalid(format!(
                "the {what} is {value}; it must be from 1 to {MOST_DECODERS}"
            )));
        }
    }
    if plan.max_tokens == 0 {
        return Err(invalid("the plan allows 0 tokens in a window; allow 1 at least"));
    }
    let thresholds = [
        ("entropy threshold", plan.entropy_threshold),
        ("log probability threshold", plan.logprob_threshold),
        ("no-speech threshold", plan.no_speech_threshold),
    ];
    match thresholds.iter().find(|(_, value)| value.is_nan()) {
        Some((what, _)) => Err(invalid(format!("the {what} is not a number"))),
        None => Ok(()),
    }
}

fn languages(
    plan: &DecodingPlan,
    model: &Model,
) -> Result<(Option<Tongue>, Vec<Tongue>), EngineError> {
    let tongue = |code: &str| match Model::language(code) {
        Some(number) => Ok(Tongue { code: code.to_owned(), number }),
        None => Err(invalid(format!(
            "whisper.cpp does not know the language `{code}`; give the code of one that it knows, \
             such as `en`"
        ))),
    };
    if let Some(code) = &plan.language {
        return Ok((Some(tongue(code)?), Vec::new()));
    }
    if !model.multilingual {
        return Ok((Some(tongue("en")?), Vec::new()));
    }
    let mut tongues = Vec::new();
    for language in &plan.languages {
        let found = tongue(&language.code)?;
        let token = model.language_token(found.number);
        if token != language.token {
            return Err(invalid(format!(
                "the plan's token for `{}` is {}, and this model's is {token}: the family does not \
                 fit the weights",
                language.code, language.token
            )));
        }
        tongues.push(found);
    }
    match tongues.as_slice() {
        [] => Err(invalid("the plan names no language to choose from; name one at least")),
        [only] => Ok((Some(only.clone()), Vec::new())),
        _ => Ok((None, tongues)),
    }
}

/// Makes sure that decoding starts with the tokens that whisper.cpp will use.
fn check_start(
    plan: &DecodingPlan,
    model: &Model,
    tongue: Option<&Tongue>,
) -> Result<(), EngineError> {
    let tokens = &model.tokens;
    let language = tongue.map(|tongue| model.language_token(tongue.number));
    let asked: Vec<Option<u32>> = plan
        .start
        .iter()
        .map(|token| match token {
            StartToken::Token(id) => Some(*id),
            StartToken::DetectedLanguage => language,
        })
        .collect();
    let task = match plan.task {
        Task::Transcribe => tokens.transcribe,
        Task::Translate => tokens.translate,
    };
    let mut used = vec![Some(tokens.start)];
    if model.multilingual {
        used.extend([language, Some(task)]);
    } else if plan.task == Task::Translate {
        return Err(invalid("this model knows English only: it cannot translate"));
    }
    if plan.timestamps.is_none() || model.distilled {
        used.push(Some(tokens.no_timestamps));
    }
    if asked == used {
        return Ok(());
    }
    let write = |tokens: &[Option<u32>]| {
        let words = tokens.iter().map(|id| id.map_or("language".to_owned(), |id| id.to_string()));
        words.collect::<Vec<_>>().join(" ")
    };
    Err(invalid(format!(
        "the plan starts decoding with the tokens {}, and whisper.cpp would with {}",
        write(&asked),
        write(&used)
    )))
}
