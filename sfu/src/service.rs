//! Starts and stops everything: sockets, shard threads, the link server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use auth::room::ApiKeys;
use sfu_core::room::ConnectionId;
use sfu_core::seed::Seed;
use sfu_core::shard::relay::ShardIndex;
use sfu_core::shard::{SeatingConfig, ShardConfig};
use sfu_core::transport::{Certificate, Config as TransportConfig};
use sfu_signal::response::Node;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, Limits};
use crate::datagrams::UdpPort;
use crate::ice_servers::IceServers;
use crate::relays::{self, Relays};
use crate::shard::{ShardHandle, Start, candidates, spawn};
use crate::tcp::TcpPort;
use crate::turn::{self, Prepared, Turn};
use crate::webhooks::{Outbox, Webhooks};
use crate::{http, metrics, mixers, webhooks, whip};

/// What every route and task shares.
pub(crate) struct Shared {
    pub(crate) shards: Vec<ShardHandle>,
    pub(crate) api_keys: ApiKeys,
    pub(crate) limits: Limits,
    pub(crate) node: Node,
    pub(crate) ice_servers: IceServers,
    pub(crate) signal_permits: Arc<Semaphore>,
    pub(crate) sessions: whip::Sessions,
    pub(crate) webhooks: Arc<webhooks::Figures>,
    pub(crate) turn: Arc<turn::Figures>,
    last_connection: AtomicU64,
}

impl Shared {
    /// A fresh name for a signal connection or a link.
    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.last_connection.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The shard on which a room lives, whenever it is open.
    pub(crate) fn shard_of(&self, room: &str) -> &ShardHandle {
        // FNV-1a: the same in every process and version.
        let hash = room.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let count = u64::try_from(self.shards.len()).unwrap_or(1);
        &self.shards[usize::try_from(hash % count).unwrap_or(0)]
    }
}

/// A running SFU.
pub struct Service {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    media_addrs: Vec<SocketAddr>,
    link_addr: Option<SocketAddr>,
    link_task: Option<tokio::task::JoinHandle<()>>,
    webhooks: Option<JoinHandle<()>>,
    turn: Option<Turn>,
    stop: CancellationToken,
}

/// Why an SFU does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings that cannot work.
    #[error(transparent)]
    Config(#[from] crate::ConfigError),
    /// A port is taken, or the system refuses.
    #[error("media port {port}: {source}")]
    Media {
        /// The port asked for.
        port: u16,
        /// What the system says.
        source: std::io::Error,
    },
    /// The TURN server's ports or certificate.
    #[error("TURN: {0}")]
    Turn(#[from] turn::TurnError),
    /// No certificate for DTLS.
    #[error("DTLS certificate: {0}")]
    Certificate(String),
    /// The link's address or key material.
    #[error("link: {0}")]
    Link(#[from] link::LinkError),
    /// Webhooks cannot be kept or sent.
    #[error("webhooks: {what}: {source:#}")]
    Webhooks {
        /// What fails.
        what: &'static str,
        /// How.
        source: anyhow::Error,
    },
    /// No random bytes.
    #[error("the system's random source does not answer")]
    Random,
}

/// Opens the sockets and starts the threads.
///
/// # Errors
/// See [`StartError`]; nothing runs then.
pub async fn start(config: Config) -> Result<Service, StartError> {
    config.check()?;
    let certificate = Certificate::generate().map_err(|error| StartError::Certificate(error.to_string()))?;
    let (mut shards, mut threads, mut media_addrs) = (Vec::new(), Vec::new(), Vec::new());
    let webhooks = config.webhooks.clone().map(webhooks::start).transpose()?;
    let turn = config.turn.clone().map(turn::prepare).transpose()?;
    let count = u16::try_from(config.shards).unwrap_or(u16::MAX);
    let relays =
        relays::between(count).map_err(|source| StartError::Media { port: config.media_port, source })?;
    for (index, relays) in (0..).zip(relays) {
        let outbox = webhooks.as_ref().map(|webhooks| webhooks.outbox.clone());
        let mut start = open_shard(&config, &certificate, index, (relays, outbox))?;
        start.departures = turn.as_ref().map(|turn| turn.departures.clone());
        media_addrs.push(SocketAddr::new(config.media_ips[0], start.udp.port()));
        let port = start.udp.port();
        let (handle, thread) = spawn(start).map_err(|source| StartError::Media { port, source })?;
        shards.push(handle);
        threads.push(thread);
    }
    let turn = turn.map(|prepared| start_turn(prepared, &config, &media_addrs)).transpose()?;
    let own_turn = turn.as_ref().map(|turn| turn.told.clone());
    let shared = Arc::new(Shared {
        shards,
        api_keys: config.api_keys,
        node: Node { id: format!("ND_{:016x}", u64::from_le_bytes(random()?)) },
        ice_servers: IceServers::new(config.ice_urls, own_turn),
        signal_permits: Arc::new(Semaphore::new(config.limits.signal_connections)),
        limits: config.limits,
        sessions: whip::Sessions::default(),
        webhooks: webhooks.as_ref().map(|webhooks| Arc::clone(&webhooks.figures)).unwrap_or_default(),
        turn: turn.as_ref().map(|turn| Arc::clone(&turn.figures)).unwrap_or_default(),
        last_connection: AtomicU64::new(0),
    });
    let stop = CancellationToken::new();
    let (mut link_addr, mut link_task) = (None, None);
    if let Some(link) = config.link {
        let server = link::Server::bind(link.addr, &link.identity)?;
        link_addr = server.local_addr();
        link_task = Some(tokio::spawn(mixers::serve(server, Arc::clone(&shared), stop.clone())));
    }
    // The shards have the only senders now: with the last of them the thread ends.
    let webhooks = webhooks.map(|Webhooks { thread, .. }| thread);
    Ok(Service { shared, threads, media_addrs, link_addr, link_task, webhooks, turn, stop })
}

impl Service {
    /// Its HTTP routes.
    pub fn router(&self) -> axum::Router {
        http::router(Arc::clone(&self.shared))
    }

    /// Whether it can take participants.
    ///
    /// # Errors
    /// Says what is missing.
    pub async fn ready(&self) -> Result<(), String> {
        for (index, shard) in self.shared.shards.iter().enumerate() {
            let question = sfu_core::shard::admin::AdminRequest::ListRooms { names: vec![String::new()] };
            let asked = tokio::time::timeout(Duration::from_secs(1), shard.ask(question)).await;
            if !matches!(asked, Ok(Ok(_))) {
                return Err(format!("shard {index} does not answer"));
            }
        }
        Ok(())
    }

    /// First media address of each shard, with the port that was bound.
    #[must_use]
    pub fn media_addrs(&self) -> &[SocketAddr] {
        &self.media_addrs
    }

    /// Where mixers connect, with the port that was bound.
    #[must_use]
    pub fn link_addr(&self) -> Option<SocketAddr> {
        self.link_addr
    }

    /// What clients are told of the TURN server, with the ports that were bound; empty without one.
    #[must_use]
    pub fn turn_urls(&self) -> &[String] {
        self.turn.as_ref().map_or(&[], |turn| &turn.told.urls)
    }

    /// Its metrics in Prometheus' text format; counters of media are at most a second old.
    #[must_use]
    pub fn metrics(&self) -> String {
        metrics::render(&self.shared)
    }

    /// Tells everybody to go elsewhere, then ends; takes at most about five seconds.
    pub async fn shutdown(self) {
        for shard in &self.shared.shards {
            shard.stop().await;
        }
        for thread in self.threads {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        if let Some(turn) = self.turn {
            turn.shutdown().await;
        }
        if let Some(thread) = self.webhooks {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        // After the shards, so that mixers hear that their rooms closed.
        self.stop.cancel();
        if let Some(task) = self.link_task {
            let _ = task.await;
        }
    }
}

fn start_turn(prepared: Prepared, config: &Config, media: &[SocketAddr]) -> Result<Turn, StartError> {
    let ports = media.iter().map(SocketAddr::port).collect();
    Ok(turn::start(prepared, &config.media_ips, ports, Seed::new(random()?))?)
}

fn open_shard(
    config: &Config,
    certificate: &Certificate,
    index: u16,
    (relays, outbox): (Relays, Option<Outbox>),
) -> Result<Start, StartError> {
    let wanted = if config.media_port == 0 { 0 } else { config.media_port + index };
    let ipv6 = config.media_ips.iter().any(std::net::IpAddr::is_ipv6);
    let failed = |port| move |source| StartError::Media { port, source };
    let udp = UdpPort::bind(wanted, ipv6).map_err(failed(wanted))?;
    let connections = config.limits.tcp_connections;
    // The same number for TCP, unless it was a free one for UDP only.
    let (tcp, tcp_port) = match TcpPort::bind(udp.port(), ipv6, connections) {
        Ok(tcp) => (tcp, udp.port()),
        Err(_) if wanted == 0 => {
            let tcp = TcpPort::bind(0, ipv6, connections).map_err(failed(0))?;
            let port = tcp.port();
            (tcp, port)
        }
        Err(source) => return Err(StartError::Media { port: wanted, source }),
    };
    let shard_config = ShardConfig {
        transport: TransportConfig { certificate: certificate.clone(), max_ssrcs: config.limits.ssrcs },
        candidates: candidates(&config.media_ips, udp.port(), tcp_port),
        limits: config.limits.room.clone(),
        sdp: config.limits.sdp,
        rooms: config.limits.rooms.div_ceil(config.shards),
        hide_audience: config.hide_audience,
        arena_bytes: ARENA_BYTES,
        seating: SeatingConfig {
            index: ShardIndex(index),
            shards: u16::try_from(config.shards).unwrap_or(u16::MAX),
            room_participants_per_shard: config.limits.room_participants_per_shard,
        },
    };
    let seed = Seed::new(random()?);
    Ok(Start {
        index: index.into(),
        is_pinned: config.pin_shards,
        udp,
        tcp,
        config: shard_config,
        seed,
        outbox,
        departures: None,
        relays,
    })
}

fn random<const N: usize>() -> Result<[u8; N], StartError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| StartError::Random)?;
    Ok(bytes)
}

/// What may wait to be sent. A shard sends as soon as a few calls' worth is there; the rest of the room is for
/// repeats that a whole batch of NACKs asks for. Memory that was never needed is not backed by pages.
const ARENA_BYTES: usize = 16 << 20;
