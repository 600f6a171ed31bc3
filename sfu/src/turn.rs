//! The TURN server's edge: listeners, relay sockets and a thread around `sfu_core::turn`.
//!
//! It decides on which ports and addresses relays are offered and how bytes travel; who gets a relay and whom
//! it reaches is the core's. Of the shards it hears who left; a relay's packets reach them through their media
//! ports, as anybody's do.
//!
//! ```text
//! client ─UDP, TCP, TLS─▶ turn thread ─UDP, a port per allocation─▶ shard thread
//! ```

mod address;
mod departures;
mod driver;
mod sockets;
mod streams;
mod wire;

use std::net::{IpAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::eventfd::{EfdFlags, EventFd};
use sfu_core::seed::Seed;
use sfu_core::stats::TurnCounters;
use sfu_core::turn::{Config as CoreConfig, Limits, Peers, Secret};

use self::departures::Departure;
pub(crate) use self::departures::Departures;
use self::driver::{Driver, Listeners};
use crate::connections::Bounds;
use crate::datagrams::UdpPort;
use crate::ice_servers::OwnTurn;
use crate::tcp::listen;

/// What a TURN server is started with.
#[derive(Clone)]
pub struct TurnConfig {
    /// UDP and TCP port. 0: free ones.
    pub port: u16,
    /// TURN over TLS; `None`: not offered.
    pub tls: Option<TurnTls>,
    /// Name or address in the URLs that clients get; `None`: the best media address.
    pub host: Option<String>,
    /// Passwords are derived from it; at least 32 random bytes, the same for all SFUs of an installation.
    pub secret: Vec<u8>,
    /// How long a client's credentials open new relays.
    pub credentials_lifetime: Duration,
    /// Bounds.
    pub limits: TurnLimits,
}

/// Bounds of a TURN server; every one is finite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnLimits {
    /// Of allocations and those who ask for them.
    pub relays: Limits,
    /// TCP and TLS connections in all.
    pub connections: usize,
    /// TCP and TLS connections of one address (IPv6: of one /64).
    pub connections_per_address: usize,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self { relays: Limits::default(), connections: 4000, connections_per_address: 1000 }
    }
}

/// TURN over TLS.
#[derive(Clone)]
pub struct TurnTls {
    /// 0: a free one.
    pub port: u16,
    /// PEM: the certificate and its chain.
    pub certificates: Vec<u8>,
    /// PEM.
    pub key: Vec<u8>,
    /// The certificate's name, which stands in the URL.
    pub host: String,
}

impl TurnConfig {
    /// Free ports, no TLS, and default bounds.
    #[must_use]
    pub fn new(secret: Vec<u8>) -> Self {
        Self {
            port: 0,
            tls: None,
            host: None,
            secret,
            credentials_lifetime: Duration::from_secs(6 * 3600),
            limits: TurnLimits::default(),
        }
    }
}

impl std::fmt::Debug for TurnConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnConfig")
            .field("port", &self.port)
            .field("host", &self.host)
            .finish_non_exhaustive()
    }
}

/// What the thread tells the metrics; at most a second old.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) counters: Mutex<TurnCounters>,
    pub(crate) allocations: AtomicU64,
    pub(crate) connections: AtomicU64,
    /// Messages dropped because a client read too slowly.
    pub(crate) dropped: AtomicU64,
    /// Connections refused because there were too many.
    pub(crate) refused: AtomicU64,
    /// Departures that the thread was not told: it was too far behind.
    pub(crate) lost_departures: AtomicU64,
}

/// What the shards know of a TURN server that is still to be started: it needs their ports.
pub(crate) struct Prepared {
    pub(crate) departures: Departures,
    config: TurnConfig,
    secret: Secret,
    waker: Arc<EventFd>,
    figures: Arc<Figures>,
    departed: Receiver<Departure>,
}

/// A running TURN server; it ends when this is dropped.
pub(crate) struct Turn {
    pub(crate) figures: Arc<Figures>,
    /// What clients are told.
    pub(crate) told: OwnTurn,
    waker: Arc<EventFd>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Why a TURN server does not start.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// A port is taken, or the system refuses.
    #[error("port {port}: {source}")]
    Port {
        /// The port asked for.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
    /// The certificate or key is no good.
    #[error("TLS: {0}")]
    Tls(#[from] wire::TlsError),
    /// The thread or its poller cannot be made.
    #[error("{0}")]
    System(#[from] std::io::Error),
}

/// Prepares a server, so that shards can tell it who leaves.
pub(crate) fn prepare(config: TurnConfig) -> Result<Prepared, TurnError> {
    let secret = Secret::new(&config.secret);
    let flags = EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
    let waker = Arc::new(EventFd::from_value_and_flags(0, flags).map_err(std::io::Error::from)?);
    let figures = Arc::new(Figures::default());
    let (departures, departed) = Departures::new(
        secret.clone(),
        config.credentials_lifetime,
        Arc::clone(&waker),
        Arc::clone(&figures),
    );
    Ok(Prepared { departures, config, secret, waker, figures, departed })
}

/// Opens the listeners and starts the thread. `media_ports` are the shards' UDP ports.
pub(crate) fn start(
    prepared: Prepared,
    media_ips: &[IpAddr],
    media_ports: Vec<u16>,
    seed: Seed,
) -> Result<Turn, TurnError> {
    let Prepared { departures: _, config, secret, waker, figures, departed } = prepared;
    let ipv6 = media_ips.iter().any(IpAddr::is_ipv6);
    let at = |port| move |source| TurnError::Port { port, source };
    let udp = UdpPort::bind(config.port, ipv6).map_err(at(config.port))?;
    // The same number for TCP, unless it was a free one for UDP only.
    let tcp = match listen(udp.port(), ipv6) {
        Err(_) if config.port == 0 => listen(0, ipv6).map_err(at(0))?,
        listener => listener.map_err(at(udp.port()))?,
    };
    let tls = match &config.tls {
        Some(tls) => Some((listen(tls.port, ipv6).map_err(at(tls.port))?, wire::acceptor(tls)?)),
        None => None,
    };
    let best = address::best(media_ips, address::default_route);
    let urls = {
        let told = config.host.clone().or_else(|| best.host());
        let tls =
            config.tls.as_ref().zip(tls.as_ref()).map(|(tls, (listener, _))| (&tls.host, port(listener)));
        urls(told.as_deref(), (udp.port(), port(&tcp)), tls)
    };
    let told = OwnTurn::new(urls, secret.clone(), config.credentials_lifetime);
    let limits = &config.limits;
    let bounds = Bounds { connections: limits.connections, per_address: limits.connections_per_address };
    let core = CoreConfig {
        relay_v4: best.v4,
        relay_v6: best.v6,
        peers: Peers::new(address::own(media_ips, address::is_local), media_ports),
        limits: config.limits.relays,
    };
    let stop = Arc::new(AtomicBool::new(false));
    let listeners = Listeners { udp, tcp, tls, waker: Arc::clone(&waker), departed, stop: Arc::clone(&stop) };
    let driver = Driver::new(listeners, (core, secret, seed), bounds, Arc::clone(&figures))?;
    let thread = std::thread::Builder::new().name("turn".to_owned()).spawn(move || driver.run())?;
    Ok(Turn { figures, told, waker, stop, thread: Some(thread) })
}

impl Turn {
    /// Closes every relay, and returns when the thread has ended.
    pub(crate) async fn shutdown(mut self) {
        let thread = self.thread.take();
        drop(self);
        let _ = tokio::task::spawn_blocking(move || thread.map(JoinHandle::join)).await;
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // A full counter means that the thread is woken anyway.
        let _ = self.waker.write(1);
    }
}

/// As in RFC 7065, the cheapest way first. None when there is no address to tell.
fn urls(host: Option<&str>, (udp, tcp): (u16, u16), tls: Option<(&String, u16)>) -> Vec<String> {
    let plain = host.into_iter().flat_map(|host| {
        [format!("turn:{host}:{udp}?transport=udp"), format!("turn:{host}:{tcp}?transport=tcp")]
    });
    plain.chain(tls.map(|(host, port)| format!("turns:{host}:{port}?transport=tcp"))).collect()
}

fn port(listener: &TcpListener) -> u16 {
    listener.local_addr().map_or(0, |addr| addr.port())
}
