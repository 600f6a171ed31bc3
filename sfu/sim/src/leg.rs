//! One peer connection of a client: full ICE in the controlling role around a second transport.
//!
//! The second transport is the SFU's own, so that DTLS, SRTP and SCTP are real. It is a lite agent and sends
//! no checks; this harness sends them as a browser does, and lets it believe the path when an answer came.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use sfu_core::rtp::SeqIndex;
use sfu_core::seed::Seed;
use sfu_core::stun::{Class, Message, MessageWriter, Role, TransactionId};
use sfu_core::transport::{
    Certificate, ChannelId, Config, Credentials, DataKind, Event, Path, Received, RemoteDescription,
    RemoteIce, Setup, TcpId, Transport,
};

/// Making a certificate costs a key pair: once for each process.
static CERTIFICATE: LazyLock<Certificate> = LazyLock::new(|| Certificate::generate().unwrap());

/// Where the shard listens.
pub(crate) const SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 7882);

/// Chromium's interval between checks of a path that works.
const CHECK: Duration = Duration::from_millis(2_500);
/// And of one that does not answer; Chromium's is 48 ms on a path that it knows as weak.
const CHECK_WEAK: Duration = Duration::from_millis(200);
/// Without an answer for this long a path is weak.
const WEAK_AFTER: Duration = Duration::from_millis(2_600);

/// One peer connection.
pub(crate) struct Leg {
    pub(crate) transport: Transport,
    /// As the server sees it.
    path: Path,
    server: Option<Credentials>,
    is_dtls_client: bool,
    /// Of a TCP connection: how long it takes to open.
    opening: Duration,
    checks: u64,
    next_check: Instant,
    last_check: Instant,
    last_answer: Instant,
    /// As the last answered check measured it.
    pub(crate) round_trip: Duration,
    pub(crate) connected: bool,
    pub(crate) closed: bool,
    /// The server's reliable channel, once it is open.
    channel: Option<ChannelId>,
    /// Messages that came on channels.
    pub(crate) messages: Vec<Vec<u8>>,
    out: Vec<Vec<u8>>,
}

impl Leg {
    /// A peer connection that sends from `port` and has heard nothing of the server.
    pub(crate) fn new(port: u16, seed: [u8; 32], is_dtls_client: bool, now: Instant) -> Self {
        let config = Config::new(CERTIFICATE.clone());
        let remote = SocketAddr::from(([192, 0, 2, 1], port));
        Self {
            transport: Transport::new(config, &Seed::new(seed), now),
            path: Path::udp(SERVER, remote),
            server: None,
            is_dtls_client,
            opening: Duration::ZERO,
            checks: 0,
            next_check: now,
            last_check: now,
            last_answer: now,
            round_trip: Duration::from_millis(100),
            connected: false,
            closed: false,
            channel: None,
            messages: Vec::new(),
            out: Vec::new(),
        }
    }

    /// The same over a TCP connection (RFC 6544), which takes `opening` once the server is known.
    pub(crate) fn over_tcp(mut self, opening: Duration) -> Self {
        let connection = TcpId(u64::from(self.path.remote.port()));
        self.path = Path::tcp(self.path.local, self.path.remote, connection);
        self.opening = opening;
        self
    }

    /// The path as the server sees it.
    pub(crate) const fn path(&self) -> Path {
        self.path
    }

    /// Our role in the handshake, as `a=setup` says it.
    pub(crate) const fn setup(&self) -> &'static str {
        if self.is_dtls_client { "active" } else { "passive" }
    }

    /// What the server said about itself.
    pub(crate) fn set_server(&mut self, remote: RemoteDescription, now: Instant) {
        if self.server.as_ref() != Some(&remote.credentials) {
            let is_first = self.server.replace(remote.credentials.clone()).is_none();
            self.next_check = if is_first { now + self.opening } else { now };
        }
        let setup = if self.is_dtls_client { Setup::Passive } else { Setup::Active };
        let _ = self.transport.set_remote(RemoteDescription { setup, ice: RemoteIce::Full, ..remote }, now);
    }

    /// The client moves to another address.
    pub(crate) fn move_to(&mut self, port: u16, now: Instant) {
        self.path = Path::udp(SERVER, SocketAddr::from(([192, 0, 2, 2], port)));
        self.next_check = now;
        self.believe(now);
    }

    /// Takes a datagram of the server and decrypts media in place.
    pub(crate) fn handle_datagram(&mut self, now: Instant, datagram: &mut [u8]) -> Received {
        if datagram.first().is_some_and(|&byte| byte < 4) {
            let pwd = self.server.as_ref().map(|server| server.pwd.as_str());
            let answer = pwd.and_then(|pwd| {
                let message = Message::parse(datagram).ok()?;
                let is_answer = message.class() == Class::Success && message.is_authentic(pwd);
                is_answer.then(|| message.transaction())
            });
            if let Some(transaction) = answer {
                self.last_answer = now;
                // The answer to an earlier check would make the path seem shorter than it is.
                if transaction == transaction_of(self.checks) {
                    self.round_trip = now - self.last_check;
                }
                self.next_check = now + CHECK;
                self.believe(now);
            }
            return Received::Consumed;
        }
        let mirrored = self.mirrored();
        self.transport.handle_datagram(now, mirrored, datagram)
    }

    /// Acts on timers and takes events; call it after every input.
    pub(crate) fn turn(&mut self, now: Instant) {
        if self.transport.poll_timeout().is_some_and(|at| at <= now) {
            self.transport.handle_timeout(now);
        }
        if self.server.is_some() && self.next_check <= now {
            self.check();
            self.last_check = now;
            let weak = now.saturating_duration_since(self.last_answer) > WEAK_AFTER || !self.connected;
            self.next_check = now + if weak { CHECK_WEAK } else { CHECK };
        }
        while let Some(transmit) = self.transport.poll_transmit() {
            // Its answers to our own make-believe checks go nowhere.
            if transmit.bytes.first().is_some_and(|&byte| byte > 3) {
                self.out.push(transmit.bytes.to_vec());
            }
        }
        while let Some(event) = self.transport.poll_event() {
            match event {
                Event::Connected => self.connected = true,
                Event::Closed(_) => self.closed = true,
                Event::PathChanged(_)
                | Event::PathForgotten(_)
                | Event::UfragRetired(_)
                | Event::Stalled
                | Event::Recovered
                | Event::ChannelClosed(_) => {}
                Event::ChannelOpened(opened) if opened.ordered => self.channel = Some(opened.id),
                Event::ChannelOpened(_) => {}
                Event::ChannelData { bytes, .. } => self.messages.push(bytes.to_vec()),
            }
        }
    }

    /// When [`Self::turn`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let check = self.server.as_ref().map(|_| self.next_check);
        [check, self.transport.poll_timeout()].into_iter().flatten().min()
    }

    /// Datagrams to the server.
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.out)
    }

    /// Seals one RTP packet; false before the handshake is done.
    pub(crate) fn send_rtp(&mut self, header: &[u8], payload: &[u8], index: SeqIndex) -> Option<usize> {
        let srtp = self.transport.srtp()?;
        let mut out = vec![0; header.len() + payload.len() + 32];
        let len = srtp.seal_rtp(header, &[], payload, index, &mut out).ok()?;
        out.truncate(len);
        self.out.push(out);
        Some(len)
    }

    /// Sends a message on the reliable channel; false while there is none.
    pub(crate) fn send_message(&mut self, now: Instant, message: &[u8]) -> bool {
        let Some(channel) = self.channel else { return false };
        self.transport.send_data(now, channel, DataKind::Binary, message).is_ok()
    }

    /// Seals one compound RTCP packet.
    pub(crate) fn send_rtcp(&mut self, compound: &[u8]) {
        let Some(srtp) = self.transport.srtp_mut() else { return };
        let mut out = vec![0; compound.len() + 32];
        if let Ok(len) = srtp.seal_rtcp(compound, &mut out) {
            out.truncate(len);
            self.out.push(out);
        }
    }

    fn check(&mut self) {
        let Some(server) = &self.server else { return };
        self.checks += 1;
        let request = MessageWriter::new(Class::Request, transaction_of(self.checks))
            .username(&format!("{}:{}", server.ufrag, self.transport.local().ufrag))
            .priority(1)
            .role(Role::Controlling(7))
            .use_candidate()
            .sign(&server.pwd);
        self.out.push(request);
    }

    /// Our transport takes a check of our own making, so that it believes the path.
    fn believe(&mut self, now: Instant) {
        let local = self.transport.local().clone();
        let mut request = MessageWriter::new(Class::Request, TransactionId([0; 12]))
            .username(&format!("{}:server", local.ufrag))
            .priority(1)
            .role(Role::Controlling(8))
            .use_candidate()
            .sign(&local.pwd);
        let mirrored = self.mirrored();
        self.transport.handle_datagram(now, mirrored, &mut request);
    }

    fn mirrored(&self) -> Path {
        Path { local: self.path.remote, remote: self.path.local, protocol: self.path.protocol }
    }
}

fn transaction_of(check: u64) -> TransactionId {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&check.to_be_bytes());
    TransactionId(bytes)
}
