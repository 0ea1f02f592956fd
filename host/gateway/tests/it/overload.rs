//! More than there is room for.

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::Request};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tower::ServiceExt;

use crate::host::{Answer, Host, check_error};

/// Sends many chats at once, and returns the answers in the order in which they ended.
async fn flood(host: &Arc<Host>, count: usize, model: &'static str) -> Vec<Answer> {
    let text = r#"{"fake": {"text": "a b c d", "delay_us": 150000}}"#;
    let mut asked = JoinSet::new();
    for _ in 0..count {
        let host = Arc::clone(host);
        asked.spawn(async move { host.chat(text, json!({ "model": model })).await });
    }
    asked.join_all_in_order().await
}

trait InOrder<T> {
    async fn join_all_in_order(self) -> Vec<T>;
}

impl<T: 'static> InOrder<T> for JoinSet<T> {
    async fn join_all_in_order(mut self) -> Vec<T> {
        let mut ended = Vec::new();
        while let Some(one) = self.join_next().await {
            ended.push(one.unwrap());
        }
        ended
    }
}

#[track_caller]
fn check(answers: &[Answer], places: usize, part: &str) {
    let (refused, answered) = answers.split_at(answers.len() - places);
    // Nobody waited for a refusal.
    for answer in refused {
        check_error(answer, 429, part);
        let seconds: u32 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        assert_eq!(answer.json()["error"]["code"], "overloaded");
    }
    for answer in answered {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "a b c d");
    }
}

#[tokio::test]
async fn ten_times_more_requests_than_places_cost_nobody_else_anything() {
    let few = |options: &mut gateway::Options| options.max_requests = 4;
    let Some(host) = Host::start_with(few).await else { return };
    let host = Arc::new(host);
    check(&flood(&host, 40, "tiny").await, 4, "answers 4 requests already");
    check(&flood(&host, 4, "tiny").await, 4, "");
}

#[tokio::test]
async fn ten_times_more_requests_than_a_model_takes_leave_the_others_alone() {
    let Some(host) = Host::start().await else { return };
    host.add("narrow", |model| (model.settings.parallel, model.settings.queue) = (2, 2)).await;
    let host = Arc::new(host);
    let (answers, beside) = tokio::join!(flood(&host, 40, "narrow"), flood(&host, 4, "tiny"));
    check(&answers, 4, "Rate limit reached for the model `narrow`");
    check(&beside, 4, "");
}

/// A chat of about 60000 bytes.
fn large(script: &Value, stream: bool) -> Request<Body> {
    let text = format!("{}{}", "x".repeat(60_000), json!({ "fake": script }));
    let messages = json!([{"role": "user", "content": text}]);
    let body = json!({"model": "narrow", "stream": stream, "messages": messages});
    Request::post("/v1/chat/completions").body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn large_bodies_count_until_their_answers_begin() {
    // Of this size eleven fit into the budget.
    let small = |options: &mut gateway::Options| options.body_limit = 64 << 10;
    let Some(host) = Host::start_with(small).await else { return };
    host.add("narrow", |model| model.settings.parallel = 2).await;
    let host = Arc::new(host);
    let endless = json!({"text": "on and ", "tokens": 1_000_000, "delay_us": 1000});
    let mut streams = Vec::new();
    for _ in 0..2 {
        let response = host.app.router().oneshot(large(&endless, true)).await.unwrap();
        let mut body = response.into_body().into_data_stream();
        assert!(body.next().await.unwrap().unwrap().starts_with(b"data: "));
        streams.push(body);
    }
    // The streams hold nothing any more, and keep the model from taking up what follows.
    let mut asked = JoinSet::new();
    for _ in 0..20 {
        let host = Arc::clone(&host);
        asked.spawn(async move { host.send(large(&json!({"text": "done"}), false)).await });
    }
    for _ in 0..9 {
        let refused = asked.join_next().await.unwrap().unwrap();
        check_error(&refused, 429, "the bodies of all requests together");
        assert_eq!(refused.headers["retry-after"], "1");
    }
    // A usual request is taken all the same.
    let beside = Arc::clone(&host);
    asked.spawn(async move {
        let text = r#"{"fake": {"text": "done"}}"#;
        beside.chat(text, json!({"model": "narrow"})).await
    });
    let waits = tokio::time::timeout(Duration::from_millis(50), asked.join_next()).await;
    assert!(waits.is_err(), "nobody else is refused, or answered");
    drop(streams);
    let answers = asked.join_all_in_order().await;
    assert_eq!(answers.len(), 12);
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "done");
    }
}
