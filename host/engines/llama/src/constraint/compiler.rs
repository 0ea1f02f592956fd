//! Grammars to matchers, within limits, kept for the next request.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine_protocol::{Constraint, EngineError, ErrorCode, GrammarSyntax};
use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};
use toktrie::{ApproximateTokEnv, SimpleVob, TokEnv, TokRxInfo, TokTrie};

use super::LimitExceeded;
use super::gbnf::Gbnf;
use crate::vocabulary::Vocabulary;

/// The greatest source.
const MOST_SOURCE: usize = 64 << 10;
/// How deep brackets may nest in a source; what reads them recurses.
const DEEPEST: usize = 200;
/// The greatest number of triggers, and the length of each.
const MOST_TRIGGERS: usize = 64;
const LONGEST_TRIGGER: usize = 1 << 10;
/// What compiled grammars may take together.
const MOST_CACHED: usize = 64 << 20;
/// What a compiled grammar takes at least, and for each byte of its source; measured on schemas,
/// as llguidance does not report it.
const CACHED_LEAST: usize = 128 << 10;
const CACHED_PER_BYTE: usize = 64;
/// Earley items for one mask. Grammars of single characters need more than llguidance's default,
/// most of all beside a great vocabulary; this many take a tenth of a second or more.
const MOST_ITEMS: usize = 2_000_000;
/// Earley items for one place in the text; about four for each property that an object may have.
/// The work for a row grows with the square of it.
const MOST_IN_ROW: usize = 5_000;
/// What may stand between the elements of JSON: a space, or a new line with its indentation.
/// llguidance allows any amount, and a small model at a high temperature never comes back from it.
const WHITESPACE: &str = r"( |\n[ \t]{0,20})?";

/// A grammar that is ready; each sequence works on a copy.
pub(crate) struct Compiled {
    matcher: Matcher,
    /// What the grammar can begin with.
    first: SimpleVob,
    env: TokEnv,
    triggers: Vec<String>,
    slow: AtomicBool,
}

impl Compiled {
    pub(super) fn start(&self) -> Matcher {
        self.matcher.deep_clone()
    }

    pub(super) fn first(&self) -> &SimpleVob {
        &self.first
    }

    /// Whether the last token took long to follow.
    pub(crate) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }

    pub(super) fn set_slow(&self, slow: bool) {
        self.slow.store(slow, Ordering::Relaxed);
    }

    pub(super) fn trie(&self) -> &TokTrie {
        self.env.tok_trie()
    }

    pub(super) fn triggers(&self) -> &[String] {
        &self.triggers
    }
}

struct Entry {
    constraint: Constraint,
    compiled: Arc<Compiled>,
    bytes: usize,
}

/// Compiles grammars for one vocabulary.
pub(crate) struct Compiler {
    factory: ParserFactory,
    cache: Mutex<VecDeque<Entry>>,
}

impl Compiler {
    pub(crate) fn new(vocabulary: &Vocabulary) -> Result<Self, EngineError> {
        let env: TokEnv = Arc::new(ApproximateTokEnv::new(trie(vocabulary)));
        let mut factory = ParserFactory::new_simple(&env).map_err(|error| {
            let message = format!("constraints do not work with this vocabulary: {error}");
            EngineError::new(ErrorCode::Internal, message)
        })?;
        factory.quiet();
        let limits = factory.limits_mut();
        limits.verbose_errors = false;
        limits.step_max_items = MOST_ITEMS;
        limits.max_items_in_row = MOST_IN_ROW;
        Ok(Self { factory, cache: Mutex::new(VecDeque::new()) })
    }

    /// The compiled form of a constraint.
    ///
    /// # Errors
    /// Says what is wrong with the source, or which limit it exceeds.
    pub(crate) fn compile(&self, constraint: &Constraint) -> Result<Arc<Compiled>, EngineError> {
        check(constraint)?;
        if let Some(known) = self.known(constraint) {
            return Ok(known);
        }
        let (matcher, first) = self
            .matcher(constraint)
            .map_err(|error| refused(&located(&error, &constraint.source)))?;
        let env = self.factory.tok_env().clone();
        let triggers = constraint.triggers.clone();
        let slow = AtomicBool::new(false);
        let compiled = Arc::new(Compiled { matcher, first, env, triggers, slow });
        self.keep(constraint, &compiled);
        Ok(compiled)
    }

    fn matcher(&self, constraint: &Constraint) -> Result<(Matcher, SimpleVob), String> {
        let source = constraint.source.as_str();
        match constraint.syntax {
            GrammarSyntax::JsonSchema => {
                self.build(TopLevelGrammar::from_json_schema(schema(source)?))
            }
            GrammarSyntax::Regex => self.build(TopLevelGrammar::from_regex(source)),
            GrammarSyntax::Lark => self.build(TopLevelGrammar::from_lark(source.to_owned())),
            GrammarSyntax::Gbnf => {
                let gbnf = Gbnf::parse(source).map_err(|error| error.to_string())?;
                if let Some(regex) = gbnf.to_regex()
                    && let Ok(built) = self.build(TopLevelGrammar::from_regex(&regex))
                {
                    return Ok(built);
                }
                self.build(TopLevelGrammar::from_lark(gbnf.to_lark()))
            }
        }
    }

    fn build(&self, grammar: TopLevelGrammar) -> Result<(Matcher, SimpleVob), String> {
        let factory = std::panic::AssertUnwindSafe(&self.factory);
        let parser = llguidance::panic_utils::catch_unwind(move || factory.create_parser(grammar));
        let mut matcher = Matcher::new(parser);
        // The first mask finds what reading the grammar did not, and warms the lexer for the copies.
        match matcher.compute_mask_or_eos() {
            Ok(mask) if mask.is_zero() => {
                Err("no text of this vocabulary can satisfy the constraint".to_owned())
            }
            Ok(mask) => Ok((matcher, mask)),
            Err(error) => Err(explained(&error.to_string())),
        }
    }

    /// The compiled form of a constraint that was used lately.
    pub(crate) fn known(&self, constraint: &Constraint) -> Option<Arc<Compiled>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let at = cache.iter().position(|entry| entry.constraint == *constraint)?;
        let entry = cache.remove(at)?;
        let compiled = Arc::clone(&entry.compiled);
        cache.push_back(entry);
        Some(compiled)
    }

    fn keep(&self, constraint: &Constraint, compiled: &Arc<Compiled>) {
        let bytes = CACHED_LEAST + constraint.source.len() * CACHED_PER_BYTE;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        let compiled = Arc::clone(compiled);
        cache.push_back(Entry { constraint: constraint.clone(), compiled, bytes });
        while cache.iter().map(|entry| entry.bytes).sum::<usize>() > MOST_CACHED {
            cache.pop_front();
        }
    }
}

/// Checks what can be checked without compiling.
///
/// # Errors
/// Says which limit the source exceeds.
pub(crate) fn check(constraint: &Constraint) -> Result<(), EngineError> {
    within_limits(constraint).map_err(|error| refused(&error.to_string()))
}

fn within_limits(constraint: &Constraint) -> Result<(), LimitExceeded> {
    let within = |what, given, limit| {
        if given > limit { Err(LimitExceeded { what, given, limit }) } else { Ok(()) }
    };
    within("bytes of grammar", constraint.source.len(), MOST_SOURCE)?;
    within("brackets nested", deepest(&constraint.source), DEEPEST)?;
    within("triggers", constraint.triggers.len(), MOST_TRIGGERS)?;
    let longest = constraint.triggers.iter().map(String::len).max().unwrap_or(0);
    within("bytes in a trigger", longest, LONGEST_TRIGGER)?;
    Ok(())
}

/// How deep brackets nest, whether they mean something or stand in a string.
fn deepest(source: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn schema(source: &str) -> Result<Value, String> {
    let mut schema: Value =
        serde_json::from_str(source).map_err(|error| format!("the schema is not JSON: {error}"))?;
    if let Some(object) = schema.as_object_mut() {
        object.entry("x-guidance").or_insert_with(|| json!({ "whitespace_pattern": WHITESPACE }));
    }
    Ok(schema)
}

fn trie(vocabulary: &Vocabulary) -> TokTrie {
    let mut words: Vec<Vec<u8>> = (0..vocabulary.size())
        .map(|token| {
            let piece = vocabulary.piece(token);
            let silent = vocabulary.reply_piece(token).is_empty();
            if piece.is_empty() || !(vocabulary.is_control(token) || silent) {
                return piece.to_vec();
            }
            let mut word = vec![TokTrie::SPECIAL_TOKEN_MARKER];
            word.extend_from_slice(piece);
            word
        })
        .collect();
    let mut ends: Vec<u32> = vocabulary.eos().into_iter().collect();
    ends.extend(vocabulary.end_tokens().filter(|token| Some(*token) != vocabulary.eos()));
    if ends.is_empty() {
        // A vocabulary without an end: one that no logits have stands for it.
        ends.push(vocabulary.size());
        words.push(Vec::new());
    }
    let size = u32::try_from(words.len()).unwrap_or(u32::MAX);
    let info = TokRxInfo::new(size, ends.first().copied().unwrap_or_default());
    TokTrie::from(&info, &words).with_eos_tokens(&ends)
}

fn refused(cause: &str) -> EngineError {
    EngineError::new(ErrorCode::InvalidConstraint, format!("the constraint is refused: {cause}"))
}

/// What llguidance says, in words that help whoever wrote the grammar.
pub(super) fn explained(error: &str) -> String {
    if error.contains("NoExtensionBias") {
        return "the grammar can never produce a text".to_owned();
    }
    if error.contains("Current row has") {
        return format!(
            "the grammar leaves more than {MOST_IN_ROW} ways to go on at one place, such as \
             optional properties (about four ways each); make properties required or split the \
             object, or remove ambiguity"
        );
    }
    first_lines(error)
}

/// An error with what the grammar's own comment above the line says of it, in place of the line.
fn located(error: &str, source: &str) -> String {
    let place = error.strip_prefix("at ").and_then(|error| error.split_once(": "));
    let Some((place, cause)) = place else { return error.to_owned() };
    let line = place.split_once('(').and_then(|(line, _)| line.parse::<usize>().ok());
    let Some(line) = line else { return error.to_owned() };
    let cause = cause.strip_prefix("failed to compile JSON schema: ").unwrap_or(cause);
    match source.lines().take(line).filter_map(|line| line.strip_prefix("// ")).last() {
        Some(comment) => format!("{comment}: {cause}"),
        None => format!("line {line}: {cause}"),
    }
}

/// The lines that say what is wrong, without those of the grammar around it.
fn first_lines(text: &str) -> String {
    let head = text.split("<backtrace>").next().unwrap_or_default();
    let of_grammar = |line: &&str| {
        let line = line.trim_start();
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        rest.len() < line.len() && rest.starts_with(" | ")
    };
    head.lines()
        .take_while(|line| !of_grammar(line))
        .take(4)
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(400)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_what_the_grammar_says_of_the_line() {
        let source = "start: r1\n// tool `f`\nr1: %json {\"minimum\": 5, \"maximum\": 1}\n";
        let dump = "\n   2 | // tool `f`\n   3 | r1: %json {}\n           ^\n";
        let error = format!("at 3(5): failed to compile JSON schema: it is odd{dump}");
        assert_eq!(located(&first_lines(&error), source), "tool `f`: it is odd");
        assert_eq!(located("at 1(7): no rule", source), "line 1: no rule");
        assert_eq!(located("too great", source), "too great");
    }
}
