//! How to generate, from what clients send to what inference checks.

use inference::{GenerationDraft, InvalidCommand};
use model::{Mirostat, Sampling};

use super::{
    constraint,
    request::{GenerationRequest, Logprobs},
};
use crate::lax::TokenId;

/// Which route a request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Chat,
    Completion,
}

impl GenerationRequest {
    /// What both routes ask of a generation; `tenant` keeps cached prefixes apart.
    pub(crate) fn take_generation(
        &mut self,
        route: Route,
        tenant: &str,
    ) -> Result<GenerationDraft, InvalidCommand> {
        let salt = self.cache_salt.take().unwrap_or_default();
        let max_tokens = self.max_completion_tokens.map(|n| ("max_completion_tokens", n));
        let max_tokens = max_tokens.or(self.max_tokens.map(|n| ("max_tokens", n)));
        Ok(GenerationDraft {
            sampling: self.take_sampling()?,
            sequences: self.n.map(|n| positive("n", n)).transpose()?,
            max_tokens: match max_tokens {
                // llama.cpp's way to say that there is no limit.
                None | Some((_, -1)) => None,
                // More than any context holds is as good as no limit.
                Some((_, given)) if given > u32::MAX.into() => None,
                // A completion of no tokens is its prompt; a chat of none is a mistake.
                Some((field, given)) if route == Route::Completion => Some(natural(field, given)?),
                Some((field, given)) => Some(positive(field, given)?),
            },
            stop: self.stop.take().unwrap_or_default(),
            stop_tokens: self
                .stop_token_ids
                .take()
                .into_iter()
                .flatten()
                .map(|TokenId(id)| id)
                .collect(),
            constraint: constraint::of(self)?,
            logprobs: self.wanted_logprobs(route)?,
            lora: self.lora_name.take().filter(|name| !name.is_empty()),
            cache_salt: if tenant.is_empty() { salt } else { format!("{tenant}:{salt}") },
        })
    }

    fn wanted_logprobs(&self, route: Route) -> Result<Option<u32>, InvalidCommand> {
        let top = self.top_logprobs.map(|top| natural("top_logprobs", top)).transpose()?;
        Ok(match (self.logprobs, route) {
            (None | Some(Logprobs::Flag(false)), Route::Completion) => None,
            (Some(Logprobs::Count(count)), Route::Completion) => Some(natural("logprobs", count)?),
            (Some(Logprobs::Flag(true)), _) => Some(top.unwrap_or(0)),
            (Some(Logprobs::Count(count)), Route::Chat) if natural("logprobs", count)? > 0 => {
                Some(top.unwrap_or(0))
            }
            (_, Route::Chat) => match top {
                Some(top) if top > 0 => {
                    return Err(InvalidCommand::new("top_logprobs", "needs `logprobs` to be true"));
                }
                _ => None,
            },
        })
    }

    fn take_sampling(&mut self) -> Result<Sampling, InvalidCommand> {
        let version = self.mirostat.or(self.mirostat_mode).unwrap_or(0);
        let mirostat = match version {
            0 => None,
            1 | 2 => Some(Mirostat {
                version: if version == 1 { 1 } else { 2 },
                tau: self.mirostat_tau.unwrap_or(5.0),
                eta: self.mirostat_eta.unwrap_or(0.1),
            }),
            _ => {
                let reason = format!("must be 0, 1 or 2, it is {version}");
                return Err(InvalidCommand::new("mirostat", reason));
            }
        };
        Ok(Sampling {
            temperature: self.temperature,
            // Several clients write -1 for what llama.cpp writes 0.
            top_k: match self.top_k {
                Some(k) => Some(natural_or_minus_one("top_k", k)?.unwrap_or(0)),
                None => None,
            },
            top_p: self.top_p,
            min_p: self.min_p,
            typical_p: self.typical_p,
            repetition_penalty: self.repetition_penalty.or(self.repeat_penalty),
            penalty_window: self
                .repeat_last_n
                .map(|n| natural_or_minus_one("repeat_last_n", n))
                .transpose()?
                .flatten(),
            frequency_penalty: self.frequency_penalty,
            presence_penalty: self.presence_penalty,
            mirostat,
            seed: self.seed,
            logit_bias: self.logit_bias.take().unwrap_or_default(),
            ignore_eos: self.ignore_eos.unwrap_or(false),
        })
    }
}

fn positive(field: &str, given: i64) -> Result<u32, InvalidCommand> {
    u32::try_from(given).ok().filter(|&n| n > 0).ok_or_else(|| {
        InvalidCommand::new(field, format!("must be a whole number of at least 1, it is {given}"))
    })
}

fn natural(field: &str, given: i64) -> Result<u32, InvalidCommand> {
    u32::try_from(given).map_err(|_| {
        InvalidCommand::new(field, format!("must be from 0 to {}, it is {given}", u32::MAX))
    })
}

/// As [`natural`], and `None` for -1, by which clients mean that there is no limit.
fn natural_or_minus_one(field: &str, given: i64) -> Result<Option<u32>, InvalidCommand> {
    if given == -1 {
        return Ok(None);
    }
    u32::try_from(given).map(Some).map_err(|_| {
        let limit = u32::MAX;
        InvalidCommand::new(field, format!("must be -1, or from 0 to {limit}, it is {given}"))
    })
}

/// How a client spells the fields that have several names.
///
/// Errors name fields as inference knows them; the client should read the name that it sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelling {
    renamed: [Option<(&'static str, &'static str)>; 6],
}

impl Spelling {
    pub(crate) fn of(request: &GenerationRequest, route: Route) -> Self {
        let counts = matches!(request.logprobs, Some(Logprobs::Count(_)));
        let functions = request.tools.as_ref().is_none_or(Vec::is_empty);
        let renamed = |applies: bool, known, sent| applies.then_some((known, sent));
        Self {
            renamed: [
                Some(("penalty_window", "repeat_last_n")),
                renamed(
                    request.repetition_penalty.is_none(),
                    "repetition_penalty",
                    "repeat_penalty",
                ),
                renamed(request.mirostat.is_none(), "mirostat", "mirostat_mode"),
                renamed(route == Route::Completion && counts, "top_logprobs", "logprobs"),
                renamed(functions && request.functions.is_some(), "tools", "functions"),
                renamed(
                    request.tool_choice.is_none() && request.function_call.is_some(),
                    "tool_choice",
                    "function_call",
                ),
            ],
        }
    }

    /// The error with the client's own name for its field.
    pub(crate) fn name(self, mut error: InvalidCommand) -> InvalidCommand {
        let Some(field) = &error.field else { return error };
        let (known, rest) = field.split_at(field.find(['[', '.']).unwrap_or(field.len()));
        let renamed = self.renamed.into_iter().flatten().find(|(name, _)| *name == known);
        if let Some((_, sent)) = renamed {
            // A function of the old form lies in the list itself.
            let rest =
                if sent == "functions" { rest.replace(".function", "") } else { rest.into() };
            error.field = Some(format!("{sent}{rest}"));
        }
        error
    }
}

#[cfg(test)]
mod tests;
