//! Transports: the first flights of DTLS, and a call in virtual time on a hostile network.

use std::collections::VecDeque;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use sfu_core::rtp::SeqIndex;
use sfu_core::seed::Seed;
use sfu_core::transport::{
    ChannelConfig, CloseReason, Config, DropReason, Event, Path, Received, Reliability, RemoteDescription,
    RemoteIce, Setup, Transport,
};

use crate::input::{Input, epoch};
use crate::scene::{CERTIFICATES, address, check};

/// Datagrams on a checked path before any handshake, to a DTLS server and to a client.
///
/// A server to which nobody has returned its cookie sends no more than it got.
pub fn dtls(data: &[u8]) {
    let mut input = Input::new(data);
    let setup = if input.byte() & 1 == 0 { Setup::Active } else { Setup::Passive };
    let (mut now, path) = (epoch(), path(50));
    let mut transport = transport_with(0, now);
    let peer = transport_with(1, now);
    transport.set_remote(description(&peer, setup), now).expect("it is the first");
    transport.handle_datagram(now, path, &mut check(transport.local()));
    let mut first: Vec<_> = std::iter::from_fn(|| transport.poll_transmit()).collect();
    assert_eq!(first.remove(0).path, path);
    let (mut got, mut sent) = (0, 0);
    let mut proven = setup == Setup::Passive;
    while !input.is_empty() {
        let mut datagram = input.piece().to_vec();
        got += datagram.len();
        proven |= datagram.windows(COOKIE.len()).any(|window| window == &COOKIE[..]);
        transport.handle_datagram(now, path, &mut datagram);
        while let Some(transmit) = transport.poll_transmit() {
            sent += transmit.bytes.len();
        }
        assert!(proven || sent <= got, "{sent} bytes for {got}");
        now += Duration::from_millis(20);
        transport.handle_timeout(now);
    }
    assert!(sent <= got + (1 << 18), "{sent} bytes for {got}");
    while let Some(event) = transport.poll_event() {
        assert!(!matches!(event, Event::Closed(CloseReason::Panicked) | Event::Connected));
    }
}

/// What our server asks every client to repeat: it stands behind 28 bytes of its HelloVerifyRequest.
static COOKIE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut pair = Pair::new(Setup::Active);
    while !pair.up.is_empty() {
        pair.carry(true);
    }
    pair.down[0][28..48].to_vec()
});

/// A join and a call in which datagrams are lost, doubled, changed, invented and late.
///
/// Whatever comes from off the path is dropped without an answer, and a call that only strangers disturb is
/// connected in the end and carries media.
pub fn transport(data: &[u8]) {
    let mut input = Input::new(data);
    let mut pair = Pair::new(if input.byte() & 1 == 0 { Setup::Active } else { Setup::Passive });
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        pair.step(&mut input);
    }
    let harmless = pair.harmless && pair.repeated <= 8 && pair.now - epoch() < CLIENT_PATIENCE;
    pair.settle();
    assert!(!pair.panicked, "a library panicked");
    if harmless {
        assert!(pair.connected, "a stranger stopped a join");
        pair.media();
    }
}

/// After seven repeats of a flight, a second apart, the client's library begins another handshake, which our server does
/// not take up in the middle of one. Browsers go on with the first.
const CLIENT_PATIENCE: Duration = Duration::from_secs(8);

/// More says nothing new.
const MAX_STEPS: usize = 200;

struct Pair {
    now: Instant,
    server: Transport,
    client: Transport,
    path: Path,
    up: VecDeque<Bytes>,
    down: VecDeque<Bytes>,
    last_up: Option<Bytes>,
    /// Only deliveries, repetitions and strangers so far.
    harmless: bool,
    /// Too many repetitions spend what a handshake may cost.
    repeated: usize,
    connected: bool,
    panicked: bool,
    sent: u64,
}

impl Pair {
    fn new(client_setup: Setup) -> Self {
        let now = epoch();
        let (mut server, mut client) = (transport_with(0, now), transport_with(1, now));
        let server_setup = if client_setup == Setup::Passive { Setup::Active } else { Setup::Passive };
        server.set_remote(description(&client, client_setup), now).expect("it is the first");
        client.set_remote(description(&server, server_setup), now).expect("it is the first");
        server.open_channel(now, reliable());
        let mut pair = Self {
            now,
            server,
            client,
            path: path(50),
            up: VecDeque::new(),
            down: VecDeque::new(),
            last_up: None,
            harmless: true,
            repeated: 0,
            connected: false,
            panicked: false,
            sent: 0,
        };
        pair.check();
        pair
    }

    /// Both sides' paths are checked.
    fn check(&mut self) {
        let mirrored = Path::udp(self.path.remote, self.path.local);
        self.server.handle_datagram(self.now, self.path, &mut check(self.server.local()));
        self.client.handle_datagram(self.now, mirrored, &mut check(self.client.local()));
        self.collect();
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 12 {
            0 | 1 => self.carry(true),
            2 => self.carry(false),
            3 => self.repeat(),
            4 => {
                self.harmless = false;
                self.up.pop_front();
            }
            5 => {
                self.harmless = false;
                if let Some(copy) = self.last_up.clone().or_else(|| self.up.front().cloned()) {
                    self.spoof(changed(input, &copy));
                }
            }
            6 => {
                self.harmless = false;
                self.spoof(input.piece().to_vec());
            }
            7 => self.stranger(input),
            8 => self.pass(Duration::from_millis(u64::from(input.byte()))),
            9 => self.check(),
            10 => self.stranger_hello(),
            _ => self.up.rotate_left(usize::from(self.up.len() > 1)),
        }
    }

    fn carry(&mut self, up: bool) {
        if up && let Some(datagram) = self.up.pop_front() {
            self.last_up = Some(datagram.clone());
            self.spoof(datagram.to_vec());
        } else if !up && let Some(datagram) = self.down.pop_front() {
            let mirrored = Path::udp(self.path.remote, self.path.local);
            self.client.handle_datagram(self.now, mirrored, &mut datagram.to_vec());
            self.collect();
        }
    }

    fn repeat(&mut self) {
        self.repeated += 1;
        if let Some(datagram) = self.last_up.clone() {
            self.spoof(datagram.to_vec());
        }
    }

    /// A datagram towards the server with the peer's address.
    fn spoof(&mut self, mut datagram: Vec<u8>) {
        self.server.handle_datagram(self.now, self.path, &mut datagram);
        self.collect();
    }

    fn stranger(&mut self, input: &mut Input<'_>) {
        self.send_from_elsewhere(input.piece().to_vec());
    }

    /// The client's own datagram, played from another address.
    fn stranger_hello(&mut self) {
        if let Some(datagram) = self.last_up.clone().or_else(|| self.up.front().cloned()) {
            self.send_from_elsewhere(datagram.to_vec());
        }
    }

    fn send_from_elsewhere(&mut self, mut datagram: Vec<u8>) {
        self.collect();
        let received = self.server.handle_datagram(self.now, path(66), &mut datagram);
        assert!(
            matches!(
                received,
                Received::Dropped(
                    DropReason::Unknown
                        | DropReason::UncheckedPath
                        | DropReason::BadStun
                        | DropReason::UnauthenticStun
                        | DropReason::Closed
                )
            ),
            "{received:?}"
        );
        assert!(self.server.poll_transmit().is_none() && self.server.poll_event().is_none());
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.server.handle_timeout(self.now);
        self.client.handle_timeout(self.now);
        self.collect();
    }

    fn collect(&mut self) {
        let media = |bytes: &Bytes| bytes.first().is_some_and(|&first| first > 3);
        self.down.extend(std::iter::from_fn(|| self.server.poll_transmit()).map(|t| t.bytes).filter(media));
        self.up.extend(std::iter::from_fn(|| self.client.poll_transmit()).map(|t| t.bytes).filter(media));
        assert!(self.down.len() <= 4096, "few datagrams set off many");
        while let Some(event) = self.server.poll_event() {
            self.connected |= event == Event::Connected;
            self.panicked |= event == Event::Closed(CloseReason::Panicked);
        }
        while self.client.poll_event().is_some() {}
    }

    /// The network is good from now on.
    fn settle(&mut self) {
        for _ in 0..40 {
            for _ in 0..self.up.len() + self.down.len() {
                self.carry(true);
                self.carry(false);
            }
            self.check();
            self.pass(Duration::from_millis(250));
        }
    }

    /// A packet each way, sealed by one side and opened by the other.
    fn media(&mut self) {
        self.sent += 1;
        let mut header = [0x80, 96, 0, 0, 0, 0, 0, 1, 0, 0, 0, 5];
        header[2..4].copy_from_slice(&self.sent.to_be_bytes()[6..]);
        let mut packet = vec![0; 100];
        let sender = self.client.srtp().expect("both sides are connected");
        let len = sender.seal_rtp(&header, &[], b"media", SeqIndex(self.sent), &mut packet);
        packet.truncate(len.expect("there is room"));
        let received = self.server.handle_datagram(self.now, self.path, &mut packet);
        assert!(matches!(received, Received::Rtp(_)), "{received:?}");
    }
}

fn changed(input: &mut Input<'_>, datagram: &[u8]) -> Vec<u8> {
    let mut copy = datagram.to_vec();
    let at = usize::from(input.number()) % copy.len().max(1);
    if let Some(byte) = copy.get_mut(at) {
        *byte = input.byte();
    }
    copy
}

fn transport_with(which: usize, now: Instant) -> Transport {
    let seed = Seed::new([u8::try_from(which).expect("two of them") + 1; 32]);
    Transport::new(Config::new(CERTIFICATES[which].clone()), &seed, now)
}

fn description(transport: &Transport, setup: Setup) -> RemoteDescription {
    RemoteDescription {
        credentials: transport.local().clone(),
        fingerprint: transport.fingerprint(),
        setup,
        ice: RemoteIce::Full,
    }
}

fn path(last: u8) -> Path {
    Path::udp(address(1, 7882), address(last, 4000))
}

fn reliable() -> ChannelConfig {
    ChannelConfig { label: "_reliable".to_owned(), ordered: true, reliability: Reliability::Reliable }
}

/// Datagrams of a real client's join, up to each of its flights: hello, hello with cookie, and the rest.
pub(crate) fn flights() -> Vec<Vec<Vec<u8>>> {
    let mut pair = Pair::new(Setup::Active);
    let mut all = Vec::new();
    let mut flights = Vec::new();
    for _ in 0..3 {
        all.extend(pair.up.iter().map(|datagram| datagram.to_vec()));
        flights.push(all.clone());
        while !pair.up.is_empty() {
            pair.carry(true);
        }
        while !pair.down.is_empty() {
            pair.carry(false);
        }
    }
    flights
}
