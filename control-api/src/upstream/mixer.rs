//! The mixer service: `wire::mixer`.

use auth::service::{ServiceKey, ServiceName};
use ids::StageId;
use reqwest::Method;
use wire::mixer::{StageSpec, StageStatus};

use super::{Upstream, UpstreamError};

/// A client of `/internal/mixer/v1`.
#[derive(Debug, Clone)]
pub(crate) struct MixerClient {
    upstream: Upstream,
    key: ServiceKey,
}

impl MixerClient {
    pub(crate) fn new(http: reqwest::Client, base_url: &str, key: ServiceKey) -> Self {
        Self { upstream: Upstream::new(http, "mixer", base_url), key }
    }

    /// Tells the wanted state. Idempotent.
    pub(crate) async fn show(&self, stage: &StageId, spec: &StageSpec) -> Result<StageStatus, UpstreamError> {
        let request = self.request(Method::PUT, &format!("/internal/mixer/v1/stages/{stage}"));
        self.upstream.json(request.json(spec)).await
    }

    pub(crate) async fn status(&self, stage: &StageId) -> Result<StageStatus, UpstreamError> {
        let request = self.request(Method::GET, &format!("/internal/mixer/v1/stages/{stage}"));
        self.upstream.json(request).await
    }

    /// Asks for the end. Idempotent.
    pub(crate) async fn end(&self, stage: &StageId) -> Result<StageStatus, UpstreamError> {
        let request = self.request(Method::POST, &format!("/internal/mixer/v1/stages/{stage}/end"));
        self.upstream.json(request).await
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let token = self.key.token(ServiceName::ControlApi, ServiceName::Mixer);
        self.upstream.request(method, path).bearer_auth(token)
    }
}
