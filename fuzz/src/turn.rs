//! A TURN server between clients and peers of all kinds.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use sfu_core::demux::MAX_DATAGRAM_BYTES;
use sfu_core::room::Now;
use sfu_core::seed::Seed;
use sfu_core::stun::{MessageWriter, TransactionId};
use sfu_core::transport::{Path, Protocol, TcpId};
use sfu_core::turn::{
    AllocationId, Config, Family, Limits, MAX_CHALLENGE_BYTES, MAX_FRAME_BYTES, Output, OwnAddress, Peers,
    Secret, Server, stream_frame_bytes,
};

use crate::input::{Input, epoch};

/// Few of everything, so that the bounds are met.
const LIMITS: Limits = Limits {
    allocations: 4,
    allocations_per_user: 2,
    allocations_per_address: 3,
    permissions: 3,
    channels: 2,
    lifetime: Duration::from_secs(600),
    bytes_per_second: 4096,
    departures: 2,
    challenges_per_second: 8,
};

const SFU: ([u8; 4], u16) = ([10, 0, 0, 5], 7882);

/// Peers that a relay may reach, and what it must never.
const PEERS: [([u8; 4], u16); 8] = [
    SFU,
    ([10, 0, 0, 5], 22),
    ([127, 0, 0, 1], 7882),
    ([169, 254, 169, 254], 80),
    ([10, 0, 0, 6], 7882),
    ([1, 1, 1, 1], 53),
    ([1, 1, 1, 2], 53),
    ([8, 8, 8, 8], 9),
];

/// Whatever clients and strangers say: quotas hold, nothing special is reached, and who did not sign gets a
/// short answer at most.
pub fn turn(data: &[u8]) {
    let mut input = Input::new(data);
    let secret = Secret::new(&[7; 32]);
    let mut scene = Scene::new(&secret);
    while !input.is_empty() {
        let choice = input.byte();
        scene.now += Duration::from_millis([0, 1, 40, 1000, 250_000][input.below(5)]);
        let path = path(input.below(8));
        match choice % 8 {
            0 => scene.stranger(path, input.piece()),
            1 => scene.server.handle_closed(path),
            2 => {
                let (id, from) = (AllocationId(u64::from(input.byte()) % 16), peer(&mut input));
                scene.server.handle_peer(scene.now, id, from, input.piece());
            }
            3 => scene.server.handle_timeout(scene.now),
            4 => {
                let (number, payload) = (0x4000 + input.number() % 4, input.piece());
                let length = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
                let message = [&number.to_be_bytes()[..], &length, payload].concat();
                scene.server.handle_client(scene.now, path, &message);
            }
            _ => scene.client(path, &mut input),
        }
        scene.drain();
    }
    scene.now += Duration::from_secs(1200);
    scene.server.handle_timeout(scene.now);
    scene.drain();
    assert!(scene.open.is_empty() && scene.server.allocations() == 0, "everything ends");
    assert_eq!(scene.server.poll_timeout(), None);
}

struct Scene<'a> {
    server: Server,
    secret: &'a Secret,
    now: std::time::Instant,
    /// As clients were told.
    nonces: HashMap<Path, Vec<u8>>,
    open: HashSet<AllocationId>,
    last: u64,
}

impl<'a> Scene<'a> {
    fn new(secret: &'a Secret) -> Self {
        let ip = IpAddr::from(SFU.0);
        let config = Config {
            relay_v4: Some(SFU.0.into()),
            relay_v6: None,
            peers: Peers::new(vec![OwnAddress { told: ip, reached: ip }], vec![SFU.1]),
            limits: LIMITS,
        };
        let now = Now { instant: epoch(), unix_us: 0 };
        let server = Server::new(config, secret.clone(), &Seed::new([3; 32]), now);
        let (nonces, open) = (HashMap::new(), HashSet::new());
        Self { server, secret, now: epoch(), nonces, open, last: 0 }
    }

    /// Any bytes, unsigned: at most one answer, a short one, and no change.
    fn stranger(&mut self, path: Path, bytes: &[u8]) {
        let before = self.server.allocations();
        self.server.handle_client(self.now, path, bytes);
        let mut answers = 0;
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::ToClient { path: to, bytes } => {
                    assert!(to == path && bytes.len() <= MAX_CHALLENGE_BYTES, "a short answer to who asked");
                    answers += 1;
                }
                // An indication or channel data of an allocation that is there.
                Output::ToPeer { peer, .. } => assert!(before > 0 && is_allowed(peer)),
                Output::Close { id } => assert!(self.open.remove(&id), "it was over"),
                Output::Bind { .. } => panic!("a stranger gets no allocation"),
            }
        }
        assert!(answers <= 1 && self.server.allocations() <= before);
    }

    /// A request as a client would sign it, changed here and there.
    fn client(&mut self, path: Path, input: &mut Input<'_>) {
        let person = ["ada", "bob", "eve"][input.below(3)];
        let username = self.secret.issue(&[person], [0, 500, 1 << 32][input.below(3)]).username;
        let (number, peers) = (0x4000 + input.number() % 4, [peer(input), peer(input)]);
        self.last += 1;
        let mut id = [0; 12];
        id[4..].copy_from_slice(&self.last.to_be_bytes());
        let start = |kind| MessageWriter::of_kind(kind, TransactionId(id));
        let at = |writer: MessageWriter, peer| writer.xor_address(XOR_PEER_ADDRESS, peer);
        let [high, low] = number.to_be_bytes();
        let request = match input.below(5) {
            0 => start(ALLOCATE).attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0]),
            1 => start(REFRESH).attribute(LIFETIME, &[0, 0, input.byte() % 2, 0]),
            2 => at(at(start(CREATE_PERMISSION), peers[0]), peers[input.below(2)]),
            3 => at(start(CHANNEL_BIND).attribute(CHANNEL_NUMBER, &[high, low, 0, 0]), peers[0]),
            _ => at(start(SEND), peers[0]).attribute(DATA, input.piece()),
        };
        let nonce = self.nonces.get(&path).map_or(&[][..], |nonce| nonce);
        let request = request.username(&username).attribute(REALM, b"dais").attribute(NONCE, nonce);
        let mut message = request.sign_with(&self.secret.key_of(&username).signer());
        if input.byte().is_multiple_of(8) {
            let at = usize::from(input.number()) % message.len();
            message[at] ^= input.byte();
        }
        self.server.handle_client(self.now, path, &message);
    }

    fn drain(&mut self) {
        loop {
            let bound = match self.server.poll_output() {
                None => break,
                Some(Output::Bind { id, family }) => {
                    assert!(family == Family::V4 && self.open.insert(id), "a number of its own");
                    id
                }
                Some(Output::Close { id }) => {
                    assert!(self.open.remove(&id), "it was open");
                    continue;
                }
                Some(Output::ToPeer { id, peer, bytes }) => {
                    assert!(self.open.contains(&id) && is_allowed(peer), "{peer} is not to be reached");
                    assert!(bytes.len() <= MAX_DATAGRAM_BYTES);
                    continue;
                }
                Some(Output::ToClient { path, bytes }) => {
                    if matches!(path.protocol, Protocol::Tcp(_)) {
                        assert_eq!(stream_frame_bytes(bytes), Ok(Some(bytes.len())), "whole messages");
                    }
                    assert!(bytes.len() <= MAX_FRAME_BYTES);
                    // Of all answers only a challenge ends with a nonce.
                    if bytes.len() == MAX_CHALLENGE_BYTES
                        && let [.., 0, 0x15, 0, 16] = bytes[..bytes.len() - 16]
                    {
                        self.nonces.insert(path, bytes[bytes.len() - 16..].to_vec());
                    }
                    continue;
                }
            };
            self.server.handle_bound(bound, (bound.0 % 5 != 0).then_some(50_000));
        }
        assert_eq!(self.open.len(), self.server.allocations());
        assert!(self.server.allocations() <= LIMITS.allocations);
    }
}

fn path(number: usize) -> Path {
    let local = SocketAddr::from((SFU.0, 3478));
    let last = u8::try_from(number / 4).unwrap_or(0);
    let remote = SocketAddr::from(([192, 0, 2, last], 1000 + u16::try_from(number).unwrap_or(0)));
    if number.is_multiple_of(2) {
        Path::udp(local, remote)
    } else {
        Path::tcp(local, remote, TcpId(u64::try_from(number).unwrap_or(0)))
    }
}

fn peer(input: &mut Input<'_>) -> SocketAddr {
    let choice = input.byte();
    let number = usize::from(choice % 8);
    match choice / 8 {
        0 => SocketAddr::new(Ipv4Addr::from(PEERS[number].0).to_ipv6_mapped().into(), PEERS[number].1),
        _ => PEERS[number].into(),
    }
}

fn is_allowed(peer: SocketAddr) -> bool {
    [PEERS[0], PEERS[5], PEERS[6], PEERS[7]].iter().any(|&allowed| SocketAddr::from(allowed) == peer)
}

const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
const SEND: u16 = 0x0016;
const CREATE_PERMISSION: u16 = 0x0008;
const CHANNEL_BIND: u16 = 0x0009;
const CHANNEL_NUMBER: u16 = 0x000c;
const LIFETIME: u16 = 0x000d;
const XOR_PEER_ADDRESS: u16 = 0x0012;
const DATA: u16 = 0x0013;
const REALM: u16 = 0x0014;
const NONCE: u16 = 0x0015;
const REQUESTED_TRANSPORT: u16 = 0x0019;
