//! What this service must be told: plain values, no flags and no environment.

use auth::experience::ExperienceKey;
use auth::invitation::InvitationKey;
use auth::room::ApiKeyPair;
use auth::service::ServiceKey;
use url::Url;

/// Settings of control-api.
#[derive(Debug, Clone)]
pub struct Config {
    /// The one public address of the installation, such as `https://dais.example.org`.
    pub public_url: Url,
    /// Further origins whose pages may use the organiser's cookie, such as a development server's.
    pub allowed_origins: Vec<String>,
    /// Address under which browsers reach the SFU, if it is not the public URL (`wss://…`).
    pub room_url: Option<String>,
    /// Address under which browsers reach the media service, if it is not the public URL.
    pub media_public_url: Option<Url>,
    /// Where this service's database is.
    pub database: ::db::Location,
    /// The SFU's base URL for server API calls.
    pub sfu_url: String,
    /// The mixer service's base URL.
    pub mixer_url: String,
    /// The media service's base URL.
    pub media_url: String,
    /// Signs room tokens.
    pub api_key: ApiKeyPair,
    /// Signs calls to the other services.
    pub service_key: ServiceKey,
    /// Signs experience tokens.
    pub experience_key: ExperienceKey,
    /// Signs invitation links.
    pub invitation_key: InvitationKey,
}
