//! Choosing the next token.
//!
//! The order is llama.cpp's: bias, constraint, penalties, top-k, typical, top-p, min-p,
//! temperature, draw. Greedy choice needs no candidates unless something changes the logits.

use engine_protocol::{EngineError, ErrorCode, Mirostat, Sampling};
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;
use toktrie::SimpleVob;

use crate::vocabulary::Vocabulary;

const TEMPERATURE: f32 = 0.8;
const TOP_K: u32 = 40;
const TOP_P: f32 = 0.95;
const MIN_P: f32 = 0.05;
const PENALTY_WINDOW: u32 = 64;
/// llama.cpp's sign for "choose a seed yourself".
const RANDOM_SEED: u32 = u32::MAX;

/// Room for candidates, shared by all sequences.
pub(crate) struct Candidates(LlamaTokenDataArray);

impl Candidates {
    pub(crate) fn new() -> Self {
        Self(LlamaTokenDataArray::new(Vec::new(), false))
    }
}

/// What may be chosen.
#[derive(Clone, Copy, Default)]
pub(crate) struct Allowed<'a> {
    /// The tokens that a constraint allows; `None`: all.
    pub(crate) mask: Option<&'a SimpleVob>,
    /// Tokens that were tried and cannot be.
    pub(crate) rejected: &'a [u32],
}

/// One sequence's way of choosing, with its memory of what was chosen.
pub(crate) struct Sampler {
    /// `None`: the most likely token.
    draw: Option<LlamaSampler>,
    penalties: Option<LlamaSampler>,
    bias: Vec<(u32, f32)>,
    /// Tokens that are never chosen, sorted.
    banned: Vec<u32>,
}

impl Sampler {
    /// A sampler for sequence `index` of a request, after `prompt`.
    pub(crate) fn new(
        sampling: &Sampling,
        index: u32,
        random: u32,
        vocabulary: &Vocabulary,
        prompt: &[u32],
    ) -> Self {
        let size = i32::try_from(vocabulary.size()).unwrap_or(i32::MAX);
        let seed = match sampling.seed.unwrap_or(random).wrapping_add(index) {
            RANDOM_SEED => RANDOM_SEED - 1,
            seed => seed,
        };
        let temperature = sampling.temperature.unwrap_or(TEMPERATURE);
        let mut sampler = Self {
            draw: (temperature > 0.0).then(|| draw(sampling, temperature, seed, size)),
            penalties: penalties(sampling, size),
            bias: sampling.logit_bias.iter().map(|(token, bias)| (*token, *bias)).collect(),
            banned: Vec::new(),
        };
        if sampling.ignore_eos {
            sampler.banned = vocabulary.end_tokens().collect();
        }
        let window = usize::try_from(window(sampling)).unwrap_or(usize::MAX);
        if let Some(penalties) = &mut sampler.penalties {
            for token in prompt.iter().skip(prompt.len().saturating_sub(window)) {
                penalties.accept(LlamaToken(token.cast_signed()));
            }
        }
        sampler
    }

    /// Chooses a token; `None` where nothing is allowed, or the logits are not numbers.
    pub(crate) fn choose(
        &mut self,
        logits: &[f32],
        allowed: Allowed<'_>,
        candidates: &mut Candidates,
    ) -> Option<u32> {
        let plain = allowed.mask.is_none()
            && allowed.rejected.is_empty()
            && self.banned.is_empty()
            && self.bias.is_empty()
            && self.penalties.is_none();
        if plain && self.draw.is_none() {
            return most_likely((0..).zip(logits.iter().copied()));
        }
        let array = &mut candidates.0;
        array.data.clear();
        array.sorted = false;
        array.selected = None;
        self.fill(logits, allowed, &mut array.data);
        if array.data.is_empty() {
            return None;
        }
        if let Some(penalties) = &mut self.penalties {
            array.apply_sampler(penalties);
        }
        match &mut self.draw {
            None => {
                let pairs =
                    array.data.iter().map(|data| (data.id().0.cast_unsigned(), data.logit()));
                most_likely(pairs)
            }
            Some(draw) => {
                array.apply_sampler(draw);
                array.selected_token().map(|token| token.0.cast_unsigned())
            }
        }
    }

    fn fill(&self, logits: &[f32], allowed: Allowed<'_>, data: &mut Vec<LlamaTokenData>) {
        let biased = |token: u32, logit: f32| {
            self.bias
                .binary_search_by_key(&token, |(token, _)| *token)
                .ok()
                .and_then(|at| self.bias.get(at))
                .map_or(logit, |(_, bias)| logit + bias)
        };
        let mut add = |token: u32, logit: f32| {
            let logit = if self.bias.is_empty() { logit } else { biased(token, logit) };
            let possible = logit > f32::NEG_INFINITY
                && !allowed.rejected.contains(&token)
                && self.banned.binary_search(&token).is_err();
            if possible {
                data.push(LlamaTokenData::new(LlamaToken(token.cast_signed()), logit, 0.0));
            }
        };
        match allowed.mask {
            None => (0..).zip(logits).for_each(|(token, logit)| add(token, *logit)),
            Some(mask) => mask.iter_set_entries(|index| {
                if let (Some(logit), Ok(token)) = (logits.get(index), u32::try_from(index)) {
                    add(token, *logit);
                }
            }),
        }
    }

    /// Remembers what was chosen.
    pub(crate) fn accept(&mut self, token: u32) {
        let token = LlamaToken(token.cast_signed());
        if let Some(penalties) = &mut self.penalties {
            penalties.accept(token);
        }
        if let Some(draw) = &mut self.draw {
            draw.accept(token);
        }
    }
}

/// The token with the greatest logit, the lower id among equals.
fn most_likely(pairs: impl Iterator<Item = (u32, f32)>) -> Option<u32> {
    let mut best: Option<(u32, f32)> = None;
    for (token, logit) in pairs {
        if logit > best.map_or(f32::NEG_INFINITY, |(_, greatest)| greatest) {
            best = Some((token, logit));
        }
    }
    best.map(|(token, _)| token)
}

fn draw(sampling: &Sampling, temperature: f32, seed: u32, size: i32) -> LlamaSampler {
    let mut chain = Vec::new();
    if let Some(Mirostat { version, tau, eta }) = sampling.mirostat {
        chain.push(LlamaSampler::temp(temperature));
        chain.push(match version {
            1 => LlamaSampler::mirostat(size, seed, tau, eta, 100),
            _ => LlamaSampler::mirostat_v2(seed, tau, eta),
        });
        return LlamaSampler::chain(chain, true);
    }
    let top_k = i32::try_from(sampling.top_k.unwrap_or(TOP_K)).unwrap_or(i32::MAX);
    if top_k > 0 {
        chain.push(LlamaSampler::top_k(top_k));
    }
    if let Some(typical) = sampling.typical_p.filter(|typical| *typical < 1.0) {
        chain.push(LlamaSampler::typical(typical, 1));
    }
    let top_p = sampling.top_p.unwrap_or(TOP_P);
    if top_p < 1.0 {
        chain.push(LlamaSampler::top_p(top_p, 1));
    }
    let min_p = sampling.min_p.unwrap_or(MIN_P);
    if min_p > 0.0 {
        chain.push(LlamaSampler::min_p(min_p, 1));
    }
    chain.push(LlamaSampler::temp(temperature));
    chain.push(LlamaSampler::dist(seed));
    LlamaSampler::chain(chain, true)
}

fn window(sampling: &Sampling) -> u32 {
    sampling.penalty_window.unwrap_or(PENALTY_WINDOW)
}

#[expect(clippy::float_cmp, reason = "exactly these values switch a penalty off")]
fn penalties(sampling: &Sampling, size: i32) -> Option<LlamaSampler> {
    let repetition = sampling.repetition_penalty.unwrap_or(1.0);
    let frequency = sampling.frequency_penalty.unwrap_or(0.0);
    let presence = sampling.presence_penalty.unwrap_or(0.0);
    let window = i32::try_from(window(sampling)).unwrap_or(i32::MAX);
    let off = window == 0 || (repetition == 1.0 && frequency == 0.0 && presence == 0.0);
    (!off).then(|| LlamaSampler::penalties(size, window, repetition, frequency, presence))
}

/// Checks once more what the host has checked, before numbers reach foreign code.
///
/// # Errors
/// Names the first value out of its range.
pub(crate) fn check(sampling: &Sampling, vocabulary: &Vocabulary) -> Result<(), EngineError> {
    let mirostat = sampling.mirostat;
    let values = [
        ("temperature", sampling.temperature, 0.0, 100.0),
        ("top_p", sampling.top_p, 0.0, 1.0),
        ("min_p", sampling.min_p, 0.0, 1.0),
        ("typical_p", sampling.typical_p, 0.0, 1.0),
        ("repetition_penalty", sampling.repetition_penalty, 1e-3, 100.0),
        ("frequency_penalty", sampling.frequency_penalty, -100.0, 100.0),
        ("presence_penalty", sampling.presence_penalty, -100.0, 100.0),
        ("mirostat tau", mirostat.map(|mirostat| mirostat.tau), 0.0, 1000.0),
        ("mirostat eta", mirostat.map(|mirostat| mirostat.eta), 0.0, 1000.0),
    ];
    for (name, value, least, most) in values {
        if let Some(value) = value
            && !(least..=most).contains(&value)
        {
            return Err(invalid(format!("{name} is {value}; it must be from {least} to {most}")));
        }
    }
    if let Some(version) = mirostat.map(|mirostat| mirostat.version)
        && !(1..=2).contains(&version)
    {
        return Err(invalid(format!("mirostat version {version} does not exist; use 1 or 2")));
    }
    if let Some(window) = sampling.penalty_window.filter(|window| *window > MOST_WINDOW) {
        return Err(invalid(format!(
            "penalty_window is {window}; at most {MOST_WINDOW} is possible"
        )));
    }
    for (token, bias) in &sampling.logit_bias {
        if *token >= vocabulary.size() {
            return Err(invalid(format!(
                "logit_bias names token {token}, but the vocabulary has {} tokens",
                vocabulary.size()
            )));
        }
        if bias.is_nan() {
            return Err(invalid(format!("logit_bias of token {token} is not a number")));
        }
    }
    Ok(())
}

/// The greatest window for penalties; llama.cpp allocates it for each sequence.
const MOST_WINDOW: u32 = 1 << 16;

fn invalid(message: String) -> EngineError {
    EngineError::new(ErrorCode::Invalid, message)
}
