//! What every handler shares.

use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use auth::experience::ExperienceKey;
use auth::invitation::InvitationKey;
use auth::room::ApiKeys;
use ids::EventId;
use tokio::sync::Notify;

use crate::addresses::Addresses;
use crate::cache::Cache;
use crate::config::Config;
use crate::db::Store;
use crate::limits::Limiter;
use crate::metrics::Metrics;
use crate::on_air::Air;
use crate::origins::Origins;
use crate::platform::builtin::Builtin;
use crate::platform::{AttendeeService, AuthService, EventService};
use crate::presence::Presence;
use crate::reception::Scene;
use crate::upstream::media::MediaClient;
use crate::upstream::mixer::MixerClient;
use crate::upstream::rooms::RoomClient;

/// Shared by all handlers and the reconciler. Cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Shared>);

/// The inside of [`App`].
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) auth: Box<dyn AuthService>,
    pub(crate) events: Box<dyn EventService>,
    pub(crate) attendees: Box<dyn AttendeeService>,
    pub(crate) experience_key: ExperienceKey,
    pub(crate) invitation_key: InvitationKey,
    pub(crate) api_keys: ApiKeys,
    pub(crate) rooms: RoomClient,
    pub(crate) mixer: MixerClient,
    pub(crate) media: MediaClient,
    pub(crate) addresses: Addresses,
    pub(crate) origins: Origins,
    pub(crate) presence: Presence,
    pub(crate) air: Air,
    pub(crate) limits: Limits,
    /// What is on, per event: everybody in it asks.
    pub(crate) scenes: Cache<EventId, Arc<Scene>>,
    pub(crate) metrics: Metrics,
    /// Wakes the reconciler.
    pub(crate) changed: Notify,
}

/// Limits on attempts.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Passwords, per account and address.
    pub(crate) sign_in: Limiter<(String, IpAddr)>,
    /// One-time links, per address.
    pub(crate) links: Limiter<IpAddr>,
    /// People who enter events, per address: a venue's visitors share one.
    pub(crate) entries: Limiter<IpAddr>,
}

impl Default for Limits {
    fn default() -> Self {
        let minute = Duration::from_secs(60);
        Self {
            sign_in: Limiter::new(5, minute),
            links: Limiter::new(30, minute),
            entries: Limiter::new(1200, minute),
        }
    }
}

impl Deref for App {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl App {
    pub(crate) fn new(config: &Config, store: Store, http: reqwest::Client) -> Self {
        let builtin = Builtin(store.clone());
        let api_keys = ApiKeys::new(&config.api_key, &[]);
        let key = &config.service_key;
        Self(Arc::new(Shared {
            auth: Box::new(builtin.clone()),
            events: Box::new(builtin.clone()),
            attendees: Box::new(builtin),
            experience_key: config.experience_key.clone(),
            invitation_key: config.invitation_key.clone(),
            rooms: RoomClient::new(http.clone(), &config.sfu_url, api_keys.clone()),
            mixer: MixerClient::new(http.clone(), &config.mixer_url, key.clone()),
            media: MediaClient::new(http, &config.media_url, key.clone()),
            api_keys,
            addresses: Addresses::new(config),
            origins: Origins::new(&config.public_url, &config.allowed_origins),
            presence: Presence::default(),
            air: Air::default(),
            limits: Limits::default(),
            scenes: Cache::default(),
            metrics: Metrics::default(),
            changed: Notify::new(),
            store,
        }))
    }

    /// Browsers refuse `Secure` cookies from plain HTTP, and a name with `__Host-` must be `Secure`.
    pub(crate) fn secure_cookies(&self) -> bool {
        self.addresses.public_url.starts_with("https:")
    }

    /// Name of the organiser's session cookie.
    pub(crate) fn cookie_name(&self) -> &'static str {
        if self.secure_cookies() { "__Host-dais" } else { "dais_session" }
    }

    /// Address of a page of the web apps.
    pub(crate) fn page(&self, path: &str) -> String {
        format!("{}{path}", self.addresses.public_url)
    }
}
