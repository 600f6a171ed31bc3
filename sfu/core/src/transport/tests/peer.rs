//! A browser for tests: full ICE in the controlling role around a second transport's DTLS, SRTP and SCTP.
//!
//! The second transport takes our checks as if a lite agent had been asked, so that its paths are checked;
//! this harness sends the checks to the transport under test and looks at the responses.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::seed::Seed;
use crate::stun::{Class, Message, MessageWriter, Role, TransactionId};
use crate::transport::*;

/// Making a certificate costs a key pair: once per test binary, as once per process in production.
static CERTIFICATES: LazyLock<(Certificate, Certificate)> =
    LazyLock::new(|| (Certificate::generate().unwrap(), Certificate::generate().unwrap()));

#[expect(clippy::disallowed_methods, reason = "the one real instant from which virtual time starts")]
pub(super) fn epoch() -> Instant {
    Instant::now()
}

pub(super) fn config() -> Config {
    Config::new(CERTIFICATES.0.clone())
}

pub(super) fn server_path(last: u8) -> Path {
    Path::udp(SocketAddr::from(([10, 0, 0, last], 7882)), SocketAddr::from(([192, 0, 2, 1], 40_000)))
}

pub(super) fn tcp_path() -> Path {
    let remote = SocketAddr::from(([192, 0, 2, 1], 50_000));
    Path::tcp(SocketAddr::from(([10, 0, 0, 1], 7882)), remote, TcpId(9))
}

fn mirrored(path: Path) -> Path {
    Path { local: path.remote, remote: path.local, protocol: path.protocol }
}

/// True for a datagram that the network loses: (towards the server, bytes).
type Loss = Box<dyn FnMut(bool, &[u8]) -> bool>;

/// The transport under test, its peer, and the network between them.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) server: Transport,
    pub(super) client: Transport,
    /// Paths that the client knows; a datagram of the client leaves on `active`.
    pub(super) active: Path,
    pub(super) server_events: Vec<Event>,
    pub(super) client_events: Vec<Event>,
    pub(super) lose: Loss,
    pub(super) handshake_log: Vec<(bool, Bytes)>,
    checks: u8,
    in_flight: VecDeque<(bool, Path, Bytes)>,
}

impl Pair {
    /// The client is the DTLS client, as browsers are.
    pub(super) fn new() -> Self {
        Self::with_setup(Setup::Active)
    }

    pub(super) fn with_setup(client_setup: Setup) -> Self {
        let now = epoch();
        let mut server = Transport::new(config(), &Seed::new([1; 32]), now);
        let config = Config::new(CERTIFICATES.1.clone());
        let mut client = Transport::new(config, &Seed::new([2; 32]), now);
        let server_setup = match client_setup {
            Setup::Passive => Setup::Active,
            Setup::Active | Setup::ActPass => Setup::Passive,
        };
        server.set_remote(description(&client, client_setup), now).unwrap();
        client.set_remote(description(&server, server_setup), now).unwrap();
        Self::from_parts(now, server, client)
    }

    pub(super) fn from_parts(now: Instant, server: Transport, client: Transport) -> Self {
        Self {
            now,
            server,
            client,
            active: server_path(1),
            server_events: Vec::new(),
            client_events: Vec::new(),
            lose: Box::new(|_, _| false),
            handshake_log: Vec::new(),
            checks: 0,
            in_flight: VecDeque::new(),
        }
    }

    /// A connected pair with nothing in flight.
    pub(super) fn connected() -> Self {
        let mut pair = Self::new();
        pair.connect();
        pair
    }

    pub(super) fn connect(&mut self) {
        self.check(self.active, true);
        self.run(Duration::from_secs(1));
        assert!(self.server_events.contains(&Event::Connected), "{:?}", self.server_events);
        assert!(self.client_events.contains(&Event::Connected), "{:?}", self.client_events);
    }

    /// The client checks a path of the server; true if the server answered with success.
    pub(super) fn check(&mut self, path: Path, nominate: bool) -> bool {
        let credentials = self.server.local().clone();
        self.check_with(path, nominate, &credentials)
    }

    pub(super) fn check_with(&mut self, path: Path, nominate: bool, credentials: &Credentials) -> bool {
        let mut request = self.request(credentials, nominate);
        let received = self.server.handle_datagram(self.now, path, &mut request);
        let answered = self.take_response(path, &credentials.pwd);
        if received == Received::PathChecked {
            self.validate_for_client(path);
        }
        answered
    }

    pub(super) fn request(&mut self, credentials: &Credentials, nominate: bool) -> Vec<u8> {
        self.checks = self.checks.wrapping_add(1);
        let writer = MessageWriter::new(Class::Request, TransactionId([self.checks; 12]))
            .username(&format!("{}:{}", credentials.ufrag, self.client.local().ufrag))
            .priority(1)
            .role(Role::Controlling(7));
        let writer = if nominate { writer.use_candidate() } else { writer };
        writer.sign(&credentials.pwd)
    }

    /// The client's own transport believes the path, too.
    fn validate_for_client(&mut self, path: Path) {
        let local = self.client.local().clone();
        let mut request = MessageWriter::new(Class::Request, TransactionId([0; 12]))
            .username(&format!("{}:server", local.ufrag))
            .priority(1)
            .role(Role::Controlling(8))
            .use_candidate()
            .sign(&local.pwd);
        self.client.handle_datagram(self.now, mirrored(path), &mut request);
    }

    fn take_response(&mut self, path: Path, password: &str) -> bool {
        let mut answered = false;
        while let Some(transmit) = self.server.poll_transmit() {
            match Message::parse(&transmit.bytes) {
                Ok(message) => {
                    assert_eq!(transmit.path, path, "a response leaves from the address that was asked");
                    assert!(message.is_authentic(password));
                    answered |= message.class() == Class::Success;
                }
                Err(_) => self.in_flight.push_back((false, transmit.path, transmit.bytes)),
            }
        }
        answered
    }

    /// Moves datagrams and time until nothing happens for `limit`, with 5 ms per hop.
    pub(super) fn run(&mut self, limit: Duration) {
        let end = self.now + limit;
        loop {
            self.collect();
            if self.in_flight.is_empty() {
                let due = [self.server.poll_timeout(), self.client.poll_timeout()];
                let Some(due) = due.into_iter().flatten().min().filter(|&due| due <= end) else { break };
                self.now = self.now.max(due);
                self.server.handle_timeout(self.now);
                self.client.handle_timeout(self.now);
                continue;
            }
            self.now += Duration::from_millis(5);
            for (to_server, path, bytes) in std::mem::take(&mut self.in_flight) {
                self.deliver(to_server, path, &bytes);
            }
        }
        self.now = self.now.max(end);
    }

    /// Lets time pass with a check of the active path every 2.5 s, as Chromium does.
    pub(super) fn live(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.check(self.active, true);
            self.run(Duration::from_millis(2500));
        }
    }

    fn deliver(&mut self, to_server: bool, path: Path, bytes: &Bytes) {
        if (self.lose)(to_server, bytes) {
            return;
        }
        let mut datagram = bytes.to_vec();
        if to_server {
            self.server.handle_datagram(self.now, path, &mut datagram);
        } else {
            self.client.handle_datagram(self.now, mirrored(path), &mut datagram);
        }
    }

    pub(super) fn collect(&mut self) {
        while let Some(transmit) = self.server.poll_transmit() {
            if Message::parse(&transmit.bytes).is_ok() {
                continue;
            }
            self.handshake_log.push((false, transmit.bytes.clone()));
            self.in_flight.push_back((false, transmit.path, transmit.bytes));
        }
        while let Some(transmit) = self.client.poll_transmit() {
            if Message::parse(&transmit.bytes).is_ok() {
                continue;
            }
            self.handshake_log.push((true, transmit.bytes.clone()));
            self.in_flight.push_back((true, self.active, transmit.bytes));
        }
        self.server_events.extend(std::iter::from_fn(|| self.server.poll_event()));
        self.client_events.extend(std::iter::from_fn(|| self.client.poll_event()));
    }

    /// One RTP packet from the client; what the server made of it.
    pub(super) fn send_rtp(&mut self, index: u64) -> Received {
        let mut out = sealed(self.client.srtp().unwrap(), index);
        self.server.handle_datagram(self.now, self.active, &mut out)
    }

    pub(super) fn take_server_events(&mut self) -> Vec<Event> {
        self.collect();
        std::mem::take(&mut self.server_events)
    }
}

pub(super) fn sealed(sender: &SrtpSender, index: u64) -> Vec<u8> {
    let mut header = [0x80, 96, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5];
    header[2..4].copy_from_slice(&index.to_be_bytes()[6..]);
    let mut out = vec![0; 100];
    let len = sender.seal_rtp(&header, &[], b"media", crate::rtp::SeqIndex(index), &mut out).unwrap();
    out.truncate(len);
    out
}

pub(super) fn description(transport: &Transport, setup: Setup) -> RemoteDescription {
    RemoteDescription {
        credentials: transport.local().clone(),
        fingerprint: transport.fingerprint(),
        setup,
        ice: RemoteIce::Full,
    }
}
