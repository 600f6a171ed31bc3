//! Gives each service of a process its settings, its keys and the addresses of the others.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use auth::Keys;
use auth::link::LinkRole;
use auth::room::{ApiKeyPair, ApiKeys};
use axum::Router;
use bucket::BucketConfig;
use db::Location;
use telemetry::Metrics;

use crate::args::Settings;
use crate::start::{self, Parts, Services, Urls};

/// What all services of a process share.
pub(crate) struct Wiring<'a> {
    /// Keys of the token domains.
    pub(crate) keys: Keys,
    /// Signs room tokens.
    pub(crate) api_key: ApiKeyPair,
    /// Who is reached where.
    pub(crate) urls: &'a Urls,
    /// Where services register their metrics.
    pub(crate) metrics: &'a Metrics,
}

/// Starts the wanted services and merges their routes.
pub(crate) async fn wire(
    settings: &Settings,
    services: Services,
    wiring: Wiring<'_>,
) -> anyhow::Result<(Parts, Router)> {
    let mut parts = Parts::default();
    let mut router = Router::new();
    let mut link_addr = settings.sfu_link_addr;
    if services.sfu {
        let sfu = sfu::start(sfu_config(settings, &wiring)?).await.context("starting the SFU")?;
        link_addr = sfu.link_addr().or(link_addr);
        tracing::info!(media = ?sfu.media_addrs(), turn = ?sfu.turn_urls(), link = ?link_addr, "the SFU listens");
        router = router.merge(sfu.router());
        parts.sfu = Some(sfu);
    }
    let bucket = bucket(settings, &wiring)?;
    if services.media {
        let media = mar::start(media_config(settings, &wiring, bucket.clone())?);
        let media = media.await.context("starting the media service")?;
        media.register_metrics(wiring.metrics);
        let transforms = mts::start(transform_config(settings, &wiring), media.registry().clone());
        let transforms = transforms.await.context("starting the transforms")?;
        router = router.merge(media.router()).merge(transforms.router());
        parts.media = Some(media);
        parts.transforms = Some(transforms);
    }
    if services.mixer {
        let link_addr = link_addr
            .context("the mixer needs the SFU's link: set DAIS_SFU_LINK_ADDR here and for `dais sfu`")?;
        let config = mixer_config(settings, &wiring, bucket, link_addr)?;
        let mixer = mixer::start(config, wiring.metrics).await.context("starting the mixer")?;
        router = router.merge(mixer.router());
        parts.mixer = Some(mixer);
    }
    if services.control_api {
        let metrics = wiring.metrics;
        let control_api = control_api::start(control_config(settings, wiring)?);
        let control_api = control_api.await.context("starting the control API")?;
        control_api.register_metrics(metrics);
        router = router.merge(control_api.router());
        parts.control_api = Some(control_api);
    }
    Ok((parts, router))
}

fn sfu_config(settings: &Settings, wiring: &Wiring<'_>) -> anyhow::Result<sfu::Config> {
    let addr = settings.sfu_link_addr.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let media_ips = if settings.sfu_media_ips.is_empty() {
        interface_addresses()?
    } else {
        settings.sfu_media_ips.clone()
    };
    Ok(sfu::Config {
        media_port: settings.sfu_media_port,
        media_ips,
        shards: start::shards(settings),
        pin_shards: settings.sfu_pin_shards,
        api_keys: ApiKeys::new(&wiring.api_key, &[]),
        link: Some(sfu::LinkConfig { addr, identity: wiring.keys.link_identity(LinkRole::Sfu)? }),
        ice_urls: Vec::new(),
        turn: turn(settings, wiring)?,
        webhooks: webhooks(settings, wiring),
        hide_audience: settings.sfu_hide_audience,
        limits: settings.sfu_limits.limits(),
    })
}

fn turn(settings: &Settings, wiring: &Wiring<'_>) -> anyhow::Result<Option<sfu::TurnConfig>> {
    if !settings.sfu_turn {
        return Ok(None);
    }
    let own = settings.sfu_turn_tls_cert.as_ref().zip(settings.sfu_turn_tls_key.as_ref());
    let pair = own.or(settings.http_tls_cert.as_ref().zip(settings.http_tls_key.as_ref()));
    let tls = pair.map(|(certificates, key)| {
        let read =
            |path: &PathBuf| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
        let host = match &settings.sfu_turn_host {
            Some(host) => host.clone(),
            None => {
                let url = reqwest::Url::parse(&wiring.urls.public).context("DAIS_PUBLIC_URL is not a URL")?;
                url.host_str().context("DAIS_PUBLIC_URL names no host")?.to_owned()
            }
        };
        let (certificates, key) = (read(certificates)?, read(key)?);
        anyhow::Ok(sfu::TurnTls { port: settings.sfu_turn_tls_port, certificates, key, host })
    });
    Ok(Some(sfu::TurnConfig {
        port: settings.sfu_turn_port,
        tls: tls.transpose()?,
        host: settings.sfu_turn_host.clone(),
        credentials_lifetime: Duration::from_secs(settings.sfu_turn_credentials_seconds),
        secret: wiring.keys.turn_secret()?,
        limits: settings.turn_limits.limits(),
    }))
}

fn webhooks(settings: &Settings, wiring: &Wiring<'_>) -> Option<sfu::WebhookConfig> {
    if settings.sfu_webhook_urls.is_empty() {
        return None;
    }
    let pair = match (&settings.sfu_webhook_key, &settings.sfu_webhook_secret) {
        (Some(key), Some(secret)) => ApiKeyPair { key: key.clone(), secret: secret.clone() },
        _ => wiring.api_key.clone(),
    };
    Some(sfu::WebhookConfig {
        urls: settings.sfu_webhook_urls.clone(),
        keys: ApiKeys::new(&pair, &[]),
        journal: settings.data_dir.join("webhooks.journal"),
        private_addresses: settings.sfu_webhook_private,
        limits: sfu::WebhookLimits {
            events: settings.sfu_webhook_queue_events,
            retention: std::time::Duration::from_secs(
                settings.sfu_webhook_retention_hours.saturating_mul(3600),
            ),
            ..sfu::WebhookLimits::default()
        },
    })
}

fn media_config(
    settings: &Settings,
    wiring: &Wiring<'_>,
    bucket: BucketConfig,
) -> anyhow::Result<mar::Config> {
    Ok(mar::Config {
        data_dir: settings.data_dir.clone(),
        database_url: settings.database_url.clone(),
        migrations: mts::db::MIGRATIONS,
        bucket,
        embedded: settings.s3_endpoint.is_none().then(mar::store::Limits::default),
        public_url: wiring.urls.public.clone(),
        api_pair: mar::ApiPair { key: wiring.api_key.key.clone(), secret: wiring.api_key.secret.clone() },
        service_key: wiring.keys.service.clone(),
        playback_key: wiring.keys.playback.clone(),
        uploads: mar::registry::UploadLimits::default(),
        mixer_patience: mar::Config::MIXER_PATIENCE,
        bus: Arc::new(mar::outbox::LocalBus::default()),
    })
}

fn transform_config(settings: &Settings, wiring: &Wiring<'_>) -> mts::Config {
    mts::Config {
        data_dir: settings.data_dir.clone(),
        service_key: wiring.keys.service.clone(),
        workers: 1,
        bounds: mts::Bounds::default(),
        lease: TRANSFORM_LEASE,
        child: mts::ChildCommand::default(),
    }
}

fn mixer_config(
    settings: &Settings,
    wiring: &Wiring<'_>,
    bucket: BucketConfig,
    sfu_link_addr: SocketAddr,
) -> anyhow::Result<mixer::Config> {
    let registry = std::path::absolute(settings.data_dir.join("gstreamer-registry.bin"))?;
    Ok(mixer::Config {
        data_dir: settings.data_dir.clone(),
        base_url: settings.mixer_url.clone().unwrap_or_else(|| wiring.urls.internal.clone()),
        sfu_link_addr,
        link_identity: wiring.keys.link_identity(LinkRole::Mixer)?,
        media_url: wiring.urls.media.clone(),
        bucket,
        service_key: wiring.keys.service.clone(),
        spool_limit_bytes: settings.mixer_spool_bytes,
        kept_sets: KEPT_SETS,
        ladder: mixer::Ladder::default(),
        child: mixer::ChildCommand {
            envs: vec![("GST_REGISTRY".into(), registry.into_os_string())],
            ..mixer::ChildCommand::default()
        },
        shutdown_drain: std::time::Duration::from_secs(20),
    })
}

fn control_config(settings: &Settings, wiring: Wiring<'_>) -> anyhow::Result<control_api::Config> {
    // One public address stands before all services; without it, each is reached where it is.
    let apart = |url: &Option<String>| url.clone().filter(|_| settings.public_url.is_none());
    let media_public_url = apart(&settings.media_url).map(|url| url.parse()).transpose();
    Ok(control_api::Config {
        public_url: wiring.urls.public.parse().context("DAIS_PUBLIC_URL is not a URL")?,
        allowed_origins: Vec::new(),
        room_url: apart(&settings.sfu_url).map(|url| url.replacen("http", "ws", 1)),
        media_public_url: media_public_url.context("DAIS_MEDIA_URL is not a URL")?,
        database: database(settings, "control-api")?,
        sfu_url: wiring.urls.sfu.clone(),
        mixer_url: wiring.urls.mixer.clone(),
        media_url: wiring.urls.media.clone(),
        api_key: wiring.api_key,
        service_key: wiring.keys.service,
        experience_key: wiring.keys.experience,
        invitation_key: wiring.keys.invitation,
    })
}

/// Where a service's database is.
pub(crate) fn database(settings: &Settings, service: &str) -> Result<Location, db::OpenError> {
    Location::choose(settings.database_url.as_deref(), &settings.data_dir, service)
}

/// The bucket of an S3 server of its own.
pub(crate) fn external_bucket(settings: &Settings, endpoint: &str) -> BucketConfig {
    BucketConfig {
        endpoint: Some(endpoint.to_owned()),
        public_endpoint: settings.s3_public_endpoint.clone(),
        bucket: settings.s3_bucket.clone(),
        region: settings.s3_region.clone(),
        access_key: settings.s3_access_key.clone().unwrap_or_default(),
        secret_key: settings.s3_secret_key.clone().unwrap_or_default(),
    }
}

/// The external bucket, or the embedded store behind this process's own listeners.
fn bucket(settings: &Settings, wiring: &Wiring<'_>) -> anyhow::Result<BucketConfig> {
    if let Some(endpoint) = &settings.s3_endpoint {
        return Ok(external_bucket(settings, endpoint));
    }
    let embedded = wiring.keys.storage_key()?;
    Ok(BucketConfig {
        endpoint: Some(wiring.urls.media.clone()),
        public_endpoint: Some(
            settings.s3_public_endpoint.clone().unwrap_or_else(|| wiring.urls.public.clone()),
        ),
        bucket: settings.s3_bucket.clone(),
        region: settings.s3_region.clone(),
        access_key: settings.s3_access_key.clone().unwrap_or(embedded.key),
        secret_key: settings.s3_secret_key.clone().unwrap_or(embedded.secret),
    })
}

/// Every address of every interface that is up, and 127.0.0.1; no link-local IPv6, which needs a scope.
fn interface_addresses() -> anyhow::Result<Vec<IpAddr>> {
    let mut addresses = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    for interface in nix::ifaddrs::getifaddrs().context("cannot list the network interfaces")? {
        let Some(address) = interface.address else { continue };
        let v4 = address.as_sockaddr_in().map(|a| IpAddr::V4(a.ip()));
        let v6 = address
            .as_sockaddr_in6()
            .map(|a| a.ip())
            .filter(|ip| !ip.is_loopback() && !ip.is_unicast_link_local());
        addresses.extend(v4.or(v6.map(IpAddr::V6)));
    }
    addresses.sort_unstable();
    addresses.dedup();
    Ok(addresses)
}

/// Ten minutes of segments stay on disk for viewers near the live edge.
const KEPT_SETS: u64 = 300;

/// A killed worker's job waits so long before another takes it over.
const TRANSFORM_LEASE: std::time::Duration = std::time::Duration::from_secs(20);
