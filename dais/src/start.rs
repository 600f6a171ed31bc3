//! Starts the services of one process, wires them together, and stops them in order.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use auth::Keys;
use auth::room::ApiKeyPair;
use serve::{CancellationToken, Limits, Listener, Tls};
use telemetry::Metrics;
use tokio::sync::RwLock;
use tokio::task::JoinHandle;

use crate::args::Settings;
use crate::http;
use crate::wiring::{self, Wiring};

/// Which services a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Services {
    pub(crate) sfu: bool,
    pub(crate) mixer: bool,
    pub(crate) media: bool,
    pub(crate) control_api: bool,
}

impl Services {
    /// All of them.
    pub(crate) fn all() -> Self {
        Self { sfu: true, mixer: true, media: true, control_api: true }
    }

    /// Rooms.
    pub(crate) fn only_sfu() -> Self {
        Self { sfu: true, ..Self::none() }
    }

    /// Stages to HLS.
    pub(crate) fn only_mixer() -> Self {
        Self { mixer: true, ..Self::none() }
    }

    /// Assets, transforms, the HLS origin.
    pub(crate) fn only_media() -> Self {
        Self { media: true, ..Self::none() }
    }

    /// Events and the web apps.
    pub(crate) fn only_control_api() -> Self {
        Self { control_api: true, ..Self::none() }
    }

    fn none() -> Self {
        Self { sfu: false, mixer: false, media: false, control_api: false }
    }
}

/// The services that run. Each is taken out to be stopped.
#[derive(Default)]
pub(crate) struct Parts {
    pub(crate) sfu: Option<sfu::Service>,
    pub(crate) mixer: Option<mixer::Service>,
    pub(crate) media: Option<mar::Service>,
    pub(crate) transforms: Option<mts::Service>,
    pub(crate) control_api: Option<control_api::Service>,
}

impl Parts {
    /// What is not ready, in words.
    pub(crate) async fn missing(&self) -> Vec<String> {
        let mut missing = Vec::new();
        let mut note = |name: &str, ready: Result<(), String>| {
            if let Err(why) = ready {
                missing.push(format!("{name}: {why}"));
            }
        };
        if let Some(sfu) = &self.sfu {
            note("sfu", sfu.ready().await);
        }
        if let Some(mixer) = &self.mixer {
            note("mixer", mixer.ready().await);
        }
        if let Some(media) = &self.media {
            note("media", media.ready().await);
        }
        if let Some(control_api) = &self.control_api {
            note("control-api", control_api.ready().await);
        }
        missing
    }
}

/// A running process.
pub(crate) struct Running {
    /// The address that browsers use.
    pub(crate) public_url: String,
    parts: Arc<RwLock<Parts>>,
    sign_in_link: Option<String>,
    notes: Vec<String>,
    stop: CancellationToken,
    servers: Vec<JoinHandle<()>>,
}

/// Starts the services and the HTTP servers in front of them.
pub(crate) async fn start(settings: &Settings, services: Services) -> anyhow::Result<Running> {
    if let Some(warning) = public_url_warning(settings) {
        tracing::warn!("{warning}");
    }
    std::fs::create_dir_all(&settings.data_dir)
        .with_context(|| format!("cannot make the data folder {}", settings.data_dir.display()))?;
    let public = Listener::bind(settings.http_addr, tls(settings)?, settings.http_limits.limits()).await?;
    // Services of this process answer each other here: plain HTTP on loopback, whatever the public side is.
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let internal = Listener::bind(loopback, None, Limits::default()).await?;
    let urls = Urls::new(settings, public.local_addr(), internal.local_addr());

    let keys = Keys::open_or_create(&settings.keys_dir())?;
    let (api_key, made) = api_key(settings, &keys)?;
    let mut notes = Vec::new();
    if made {
        notes.push(format!(
            "development API key    {}\n  its secret           {}",
            api_key.key, api_key.secret
        ));
    }
    let metrics = Metrics::new();
    let (parts, router) =
        wiring::wire(settings, services, Wiring { keys, api_key, urls: &urls, metrics: &metrics }).await?;
    let sign_in_link = parts.control_api.as_ref().and_then(|c| c.first_sign_in_link()).map(str::to_owned);
    if let Some(link) = &sign_in_link {
        notes.push(format!("sign in, once, at      {link}"));
    }

    let parts = Arc::new(RwLock::new(parts));
    let router = http::internal(router, metrics, Arc::clone(&parts));
    let stop = CancellationToken::new();
    // A process with one service is called by others on its only public port.
    let outside = if services == Services::all() { http::public(router.clone()) } else { router.clone() };
    let servers = vec![
        tokio::spawn(public.serve(outside, stop.clone())),
        tokio::spawn(internal.serve(router, stop.clone())),
    ];
    Ok(Running { public_url: urls.public, parts, sign_in_link, notes, stop, servers })
}

impl Running {
    /// Tells a person where everything is.
    pub(crate) fn announce(&self, out: &mut impl Write) -> std::io::Result<()> {
        writeln!(out, "Dais runs at           {}", self.public_url)?;
        for note in &self.notes {
            writeln!(out, "{note}")?;
        }
        out.flush()
    }

    /// The token of the organiser's one-time sign-in link; there is none once an organiser has a password.
    pub(crate) fn sign_in_token(&self) -> Option<&str> {
        self.sign_in_link.as_deref()?.split_once("#token=").map(|(_, token)| token)
    }

    /// Stops in the order in which nothing is lost: stages are sealed while storage still answers.
    pub(crate) async fn shutdown(self) {
        tracing::info!("stopping");
        let Parts { sfu, mixer, media, transforms, control_api } =
            std::mem::take(&mut *self.parts.write().await);
        if let Some(control_api) = control_api {
            control_api.shutdown().await;
        }
        if let Some(mixer) = mixer {
            mixer.shutdown().await;
        }
        if let Some(sfu) = sfu {
            sfu.shutdown().await;
        }
        if let Some(transforms) = transforms {
            transforms.shutdown().await;
        }
        self.stop.cancel();
        for server in self.servers {
            // A server task ends by its own drain; a panic in it was already reported.
            let _ = server.await;
        }
        if let Some(media) = media {
            media.shutdown().await;
        }
    }
}

/// Waits for SIGTERM or Ctrl-C.
pub(crate) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::warn!("signals cannot be caught; stop this process with SIGKILL");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

/// The API key: from the settings, or the development pair and whether it was made just now.
pub(crate) fn api_key(settings: &Settings, keys: &Keys) -> anyhow::Result<(ApiKeyPair, bool)> {
    match (&settings.api_key, &settings.api_secret) {
        (Some(key), Some(secret)) => Ok((ApiKeyPair { key: key.clone(), secret: secret.clone() }, false)),
        _ => Ok(keys.development_api_key()?),
    }
}

/// Shard threads.
pub(crate) fn shards(settings: &Settings) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    settings.sfu_shards.unwrap_or(cores.min(MAX_DEFAULT_SHARDS)).max(1)
}

/// Why browsers would refuse camera and cookies at the public URL.
pub(crate) fn public_url_warning(settings: &Settings) -> Option<String> {
    let url = settings.public_url.as_deref()?;
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split(['/', ':']).next().unwrap_or_default();
    let secure = url.starts_with("https://") || ["127.0.0.1", "localhost", "[::1]"].contains(&host);
    (!secure).then(|| {
        format!(
            "the public URL {url} is neither HTTPS nor loopback: browsers will give no camera; set \
             DAIS_PUBLIC_URL to an https:// address, and DAIS_HTTP_TLS_CERT and _KEY or a proxy in front"
        )
    })
}

fn tls(settings: &Settings) -> anyhow::Result<Option<Tls>> {
    let (Some(certificate), Some(key)) = (&settings.http_tls_cert, &settings.http_tls_key) else {
        return Ok(None);
    };
    let read = |path: &Path| std::fs::read(path).with_context(|| format!("cannot read {}", path.display()));
    Ok(Some(Tls::from_pem(&read(certificate)?, &read(key)?)?))
}

/// Who is reached where.
pub(crate) struct Urls {
    pub(crate) public: String,
    pub(crate) internal: String,
    pub(crate) sfu: String,
    pub(crate) mixer: String,
    pub(crate) media: String,
}

impl Urls {
    fn new(settings: &Settings, public: SocketAddr, internal: SocketAddr) -> Self {
        let scheme = if settings.http_tls_cert.is_some() { "https" } else { "http" };
        let shown = if public.ip().is_unspecified() {
            SocketAddr::from((Ipv4Addr::LOCALHOST, public.port()))
        } else {
            public
        };
        let internal = format!("http://{internal}");
        let trim = |url: &Option<String>| url.as_ref().map(|url| url.trim_end_matches('/').to_owned());
        let or_here = |url: &Option<String>| trim(url).unwrap_or_else(|| internal.clone());
        Self {
            public: trim(&settings.public_url).unwrap_or_else(|| format!("{scheme}://{shown}")),
            sfu: or_here(&settings.sfu_url),
            mixer: or_here(&settings.mixer_url),
            media: or_here(&settings.media_url),
            internal,
        }
    }
}

/// Two shards already saturate a small link; more than this is for measured reasons.
const MAX_DEFAULT_SHARDS: usize = 16;
