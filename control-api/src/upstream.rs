//! The other services, over HTTP: one client per service, errors alike.

pub(crate) mod media;
pub(crate) mod mixer;
pub(crate) mod rooms;

use std::time::Duration;

use axum::http::StatusCode;
use serde::de::DeserializeOwned;

/// Why a call to another service brought nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// No answer in time, or no connection.
    #[error("{service} cannot be reached")]
    Unreachable {
        /// Which.
        service: &'static str,
        /// Why.
        source: reqwest::Error,
    },
    /// It does not have what was asked for.
    #[error("{service} does not have it")]
    Missing {
        /// Which.
        service: &'static str,
    },
    /// It says no.
    #[error("{service} answers {status}: {detail}")]
    Refused {
        /// Which.
        service: &'static str,
        /// Its status.
        status: StatusCode,
        /// Its reason.
        detail: String,
    },
    /// It answers something that is not understood.
    #[error("{service} answers with something that is not understood")]
    Answer {
        /// Which.
        service: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

/// An HTTP connection pool towards one service.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    http: reqwest::Client,
    service: &'static str,
    base_url: String,
}

impl Upstream {
    pub(crate) fn new(http: reqwest::Client, service: &'static str, base_url: &str) -> Self {
        Self { http, service, base_url: base_url.trim_end_matches('/').to_owned() }
    }

    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base_url))
    }

    /// Sends a request and returns the body of a successful answer.
    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Result<Vec<u8>, UpstreamError> {
        let service = self.service;
        let unreachable = |source| UpstreamError::Unreachable { service, source };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = response.bytes().await.map_err(unreachable)?;
        match status {
            _ if status.is_success() => Ok(body.to_vec()),
            StatusCode::NOT_FOUND => Err(UpstreamError::Missing { service }),
            _ => Err(UpstreamError::Refused { service, status, detail: detail(&body) }),
        }
    }

    /// As [`Self::send`], and reads the body as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<T, UpstreamError> {
        let body = self.send(request).await?;
        serde_json::from_slice(&body)
            .map_err(|source| UpstreamError::Answer { service: self.service, source })
    }
}

/// The pool that all clients share.
pub(crate) fn http_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(2))
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
}

/// What a problem (RFC 9457) or a Twirp error says.
fn detail(body: &[u8]) -> String {
    let value: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let said = ["detail", "title", "msg"].iter().find_map(|name| value.get(name)?.as_str());
    said.unwrap_or_default().chars().take(500).collect()
}

/// One call; the reconciler repeats what fails.
const TIMEOUT: Duration = Duration::from_secs(10);
