//! Calls to one host.

use std::time::Duration;

use reqwest::{
    Method, RequestBuilder, Response,
    header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    ChatChunk, ChatReply, ChatRequest, ClientError, CompletionReply, CompletionRequest, Endpoint,
    EventStream, ModelDescription, Plugin, RenderRequest, Rendered, TranscriptEvent,
    TranscriptionRequest, Upload, error::message_of, models::ModelList, plugins::PluginList,
};

/// How long a host may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection to one host; clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    endpoint: Endpoint,
    http: reqwest::Client,
}

impl Client {
    /// A client for the host at `endpoint`, with an API key where the host asks for one.
    ///
    /// Nothing is sent yet. Proxies that the environment names are not used: a host is on this
    /// machine or near it.
    ///
    /// # Errors
    /// A key that no header can carry.
    pub fn new(endpoint: Endpoint, api_key: Option<&str>) -> Result<Self, ClientError> {
        let mut headers = HeaderMap::new();
        if let Some(key) = api_key {
            let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
                .map_err(|_| ClientError::InvalidKey)?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let http = reqwest::Client::builder()
            .default_headers(headers)
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|source| ClientError::Unreachable {
                endpoint: endpoint.to_string(),
                source,
            })?;
        Ok(Self { endpoint, http })
    }

    /// The host's address.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The models that the host serves or tries to serve.
    pub async fn models(&self) -> Result<Vec<ModelDescription>, ClientError> {
        Ok(self.get::<ModelList>("/v1/models").await?.data)
    }

    /// What the host says of one model.
    pub async fn model(&self, uid: &str) -> Result<ModelDescription, ClientError> {
        let mut model: ModelDescription =
            self.get(&format!("/v1/models/{}", path_segment(uid))).await?;
        if model.id.is_empty() {
            uid.clone_into(&mut model.id);
        }
        Ok(model)
    }

    /// A whole answer to a conversation.
    pub async fn chat(&self, request: &ChatRequest) -> Result<ChatReply, ClientError> {
        let request = ChatRequest { stream: false, ..request.clone() };
        self.post("/v1/chat/completions", &request).await
    }

    /// An answer to a conversation, in pieces.
    pub async fn chat_stream(
        &self,
        request: &ChatRequest,
    ) -> Result<EventStream<ChatChunk>, ClientError> {
        let request = ChatRequest { stream: true, ..request.clone() };
        self.stream("/v1/chat/completions", &request).await
    }

    /// A whole completion.
    pub async fn complete(
        &self,
        request: &CompletionRequest,
    ) -> Result<CompletionReply, ClientError> {
        let request = CompletionRequest { stream: false, ..request.clone() };
        self.post("/v1/completions", &request).await
    }

    /// A completion, in pieces.
    pub async fn complete_stream(
        &self,
        request: &CompletionRequest,
    ) -> Result<EventStream<CompletionReply>, ClientError> {
        let request = CompletionRequest { stream: true, ..request.clone() };
        self.stream("/v1/completions", &request).await
    }

    /// What a recording says, in pieces.
    ///
    /// Nothing limits the time that this takes, since a recording may be long.
    pub async fn transcribe(
        &self,
        request: &TranscriptionRequest,
        file: Upload,
    ) -> Result<EventStream<TranscriptEvent>, ClientError> {
        let path = request.path();
        let form = request.form(file);
        let response = self.call(Method::POST, path, |sent| sent.multipart(form)).await?;
        Ok(EventStream::new(self.endpoint.clone(), path, response))
    }

    /// The plugins that the host has found.
    pub async fn plugins(&self) -> Result<Vec<Plugin>, ClientError> {
        Ok(self.get::<PluginList>("/v1/plugins").await?.data)
    }

    /// The prompt that a conversation or a text becomes, without generating.
    pub async fn render(&self, request: &RenderRequest) -> Result<Rendered, ClientError> {
        self.post("/v1/render", request).await
    }

    /// Uptime and resources.
    pub async fn status(&self) -> Result<Value, ClientError> {
        self.get("/status").await
    }

    /// Whether the host lives.
    pub async fn health(&self) -> Result<(), ClientError> {
        self.call(Method::GET, "/health", |request| request).await.map(drop)
    }

    /// The metrics as Prometheus reads them.
    pub async fn metrics(&self) -> Result<String, ClientError> {
        let response = self.call(Method::GET, "/metrics", |request| request).await?;
        response.text().await.map_err(|source| self.broken(source))
    }

    /// Sends one JSON body as it is and returns the answer's JSON; for tests of odd requests.
    pub async fn post_json(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        self.post(path, body).await
    }

    /// Fetches one route's JSON.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let response = self.call(Method::GET, path, |request| request).await?;
        self.read(path, response).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let response = self.call(Method::POST, path, |request| request.json(body)).await?;
        self.read(path, response).await
    }

    async fn stream<T: DeserializeOwned>(
        &self,
        path: &'static str,
        body: &impl Serialize,
    ) -> Result<EventStream<T>, ClientError> {
        let response = self.call(Method::POST, path, |request| request.json(body)).await?;
        Ok(EventStream::new(self.endpoint.clone(), path, response))
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        build: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, ClientError> {
        let request = build(self.http.request(method, self.endpoint.route(path)));
        let response = request.send().await.map_err(|source| {
            if source.is_connect() {
                ClientError::Unreachable { endpoint: self.endpoint.to_string(), source }
            } else {
                self.broken(source)
            }
        })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .map(Duration::from_secs);
        let body = response.bytes().await.map_err(|source| self.broken(source))?;
        Err(ClientError::Refused { status, message: message_of(status, &body), retry_after })
    }

    async fn read<T: DeserializeOwned>(
        &self,
        path: &str,
        response: Response,
    ) -> Result<T, ClientError> {
        let body = response.bytes().await.map_err(|source| self.broken(source))?;
        serde_json::from_slice(&body).map_err(|error| ClientError::Unexpected {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    fn broken(&self, source: reqwest::Error) -> ClientError {
        ClientError::Broken { endpoint: self.endpoint.to_string(), source }
    }
}

/// A uid that a person typed, made harmless in a path; a valid one comes out as it is.
fn path_segment(uid: &str) -> String {
    let mut segment = String::with_capacity(uid.len());
    for byte in uid.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-') {
            segment.push(char::from(byte));
        } else {
            segment.push('%');
            for digit in [byte >> 4, byte & 15] {
                segment.extend(char::from_digit(digit.into(), 16));
            }
        }
    }
    segment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_cannot_leave_its_place_in_the_path() {
        assert_eq!(path_segment("vicuna-v1.5_7B"), "vicuna-v1.5_7B");
        assert_eq!(path_segment("a/b?c#d e"), "a%2fb%3fc%23d%20e");
    }

    #[test]
    fn a_key_that_no_header_carries_is_refused() {
        let endpoint: Endpoint = "http://127.0.0.1:1".parse().unwrap();
        let error = Client::new(endpoint, Some("a\nb")).unwrap_err();
        assert!(matches!(error, ClientError::InvalidKey));
    }
}
