//! Memory over thousands of requests.

use futures::future::join_all;
use serde_json::json;

use crate::host::Setup;

const REQUESTS: usize = 20_000;
const AT_ONCE: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_requests_leave_no_memory_behind() {
    let host = Setup::new().fake("fake").start().await;
    let body = json!({
        "model": "fake", "max_tokens": 16,
        "messages": [{"role": "user", "content": "a few words to be said again and again"}],
    });
    let http = reqwest::Client::new();
    let route = format!("{}/v1/chat/completions", host.url);
    let round = async |requests: usize| {
        for _ in 0..requests / AT_ONCE {
            join_all((0..AT_ONCE).map(async |_| {
                let reply = http.post(&route).json(&body).send().await.unwrap();
                assert_eq!(reply.status().as_u16(), 200, "{}", reply.text().await.unwrap());
                reply.bytes().await.unwrap();
            }))
            .await;
        }
    };
    // Pools and caches fill at first; what counts is growth after that.
    round(REQUESTS / 2).await;
    let before = host.memory();
    round(REQUESTS).await;
    // Nobody scrapes the metrics here, so they must not keep every sample until somebody does.
    let limit = before + (6 << 10);
    host.until(&format!("memory is below {limit} KiB again"), async || host.memory() < limit).await;
}
