//! Who calls.

use auth::service::ServiceName;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::App;
use super::problem::Unauthorised;

/// Who calls the public API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// A service of this installation.
    Service(ServiceName),
    /// A program with the API key pair.
    ApiPair,
}

impl Caller {
    /// Keys of different callers never meet.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Service(service) => service.as_str(),
            Self::ApiPair => "api",
        }
    }
}

/// A caller that must be a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnlyService(pub(crate) ServiceName);

impl FromRequestParts<App> for Caller {
    type Rejection = Unauthorised;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Unauthorised> {
        let header = authorization(parts).ok_or(Unauthorised)?;
        if let Some(pair) = header.strip_prefix("Basic ") {
            return if is_pair(app, pair) { Ok(Self::ApiPair) } else { Err(Unauthorised) };
        }
        let service = app.service_key.verify(Some(header), ServiceName::Media);
        service.map(Self::Service).map_err(|_| Unauthorised)
    }
}

impl FromRequestParts<App> for OnlyService {
    type Rejection = Unauthorised;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Unauthorised> {
        let service = app.service_key.verify(authorization(parts), ServiceName::Media);
        service.map(Self).map_err(|_| Unauthorised)
    }
}

fn authorization(parts: &Parts) -> Option<&str> {
    parts.headers.get(header::AUTHORIZATION)?.to_str().ok()
}

fn is_pair(app: &App, base64: &str) -> bool {
    let Ok(given) = BASE64.decode(base64.trim()) else { return false };
    let wanted = format!("{}:{}", app.api_pair.key, app.api_pair.secret);
    // Digests have one length, so that the comparison tells nothing of where the texts differ.
    let digest = |bytes: &[u8]| aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    let (given, wanted) = (digest(&given), digest(wanted.as_bytes()));
    aws_lc_rs::constant_time::verify_slices_are_equal(given.as_ref(), wanted.as_ref()).is_ok()
}
