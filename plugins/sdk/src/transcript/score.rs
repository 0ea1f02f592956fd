//! How sure an engine was of what it decoded.

use crate::DecodedToken;

/// The mean of the tokens' log probabilities, with the end of the segment as one more, certain
/// token; a probability of 0, or one that is no number, counts as the least there is.
pub fn average_logprob(tokens: &[DecodedToken]) -> f32 {
    let logprob = |token: &DecodedToken| token.probability.clamp(f32::MIN_POSITIVE, 1.0).ln();
    let logprobs = tokens.iter().map(logprob);
    let least = f32::MIN_POSITIVE.ln();
    let sum: f32 = logprobs.map(|value| if value.is_nan() { least } else { value }).sum();
    #[expect(clippy::cast_precision_loss, reason = "a segment has some hundred tokens")]
    let count = (tokens.len() + 1) as f32;
    sum / count
}
