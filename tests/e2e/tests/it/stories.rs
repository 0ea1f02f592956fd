//! Trained weights, whose official greedy text is known.

use futures::future::join_all;
use serde_json::json;

use crate::host::{Setup, shared};

/// What llama2.c's own test expects of these weights, 200 tokens with the prompt's.
const OFFICIAL: &str = concat!(
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. ",
    "One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n",
    "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. ",
    "She said, \"I want to play with your ball, but I can't find it.\"\n",
    "Lily was sad and didn't know what to do. ",
    "She said, \"I'm sorry, Lily. I didn't know what to do.\"\n",
    "Lily didn't want to help her mom, so she"
);

const PROMPT: &str = "Once upon a time";

#[tokio::test(flavor = "multi_thread")]
async fn the_official_text_comes_alone_and_among_fifteen_others() {
    let Some(weights) = shared("stories260K/stories260K-f32.gguf") else { return };
    let host = Setup::new().model("stories", &weights, "parallel = 16").start().await;
    let complete = async |prompt: &str, temperature: f32, max_tokens: u32| {
        let body = json!({
            "model": "stories", "prompt": prompt, "temperature": temperature,
            "max_tokens": max_tokens, "seed": 7,
        });
        let (status, reply) = host.post("/v1/completions", &body).await;
        assert_eq!(status, 200, "{reply}");
        format!("{prompt}{}", reply["choices"][0]["text"].as_str().unwrap())
    };

    let alone = complete(PROMPT, 0.0, 195).await;
    assert!(OFFICIAL.starts_with(&alone) || alone.starts_with(OFFICIAL), "alone:\n{alone}");
    assert!(alone.len() > OFFICIAL.len() - 8, "alone is short:\n{alone}");

    let prompts: Vec<String> =
        (0..15).map(|i| format!("The {i} little dogs went to the {} and", i * 7)).collect();
    let others = join_all(prompts.iter().enumerate().map(|(i, prompt)| {
        let temperature = if i % 2 == 0 { 0.0 } else { 1.0 };
        complete(prompt, temperature, 80 + u32::try_from(i).unwrap() * 8)
    }));
    let (among, _) = futures::join!(complete(PROMPT, 0.0, 195), others);
    assert_eq!(among, alone);
}
