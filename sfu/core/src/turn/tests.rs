//! A client of RFC 8656 by hand against the server, on virtual time.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use super::credentials::LongTermKey;
use super::message::{
    self, CHANNEL_NUMBER, DATA, LIFETIME, NONCE, REALM, XOR_PEER_ADDRESS, XOR_RELAYED_ADDRESS,
};
use super::*;
use crate::room::Now;
use crate::seed::Seed;
use crate::stun::{Class, ERROR_CODE, Frame, MessageWriter, TransactionId, USERNAME, XOR_MAPPED_ADDRESS};
use crate::transport::{Path, TcpId};

#[expect(clippy::disallowed_methods, reason = "virtual time starts somewhere")]
pub(super) fn epoch() -> Instant {
    static EPOCH: LazyLock<Instant> = LazyLock::new(Instant::now);
    *EPOCH
}

/// 2023-11-14T22:13:20Z
const UNIX: u64 = 1_700_000_000;
const SFU: &str = "10.0.0.5:7882";
const PEER: &str = "203.0.112.1:9";

const ALLOCATE: u16 = 0x0003;
const REFRESH: u16 = 0x0004;
const SEND: u16 = 0x0006;
const PERMIT: u16 = 0x0008;
const BIND: u16 = 0x0009;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn after(seconds: u64) -> Instant {
    epoch() + Duration::from_secs(seconds)
}

fn client(port: u16) -> Path {
    Path::udp(at("10.0.0.5:3478"), SocketAddr::from(([192, 0, 2, 7], port)))
}

fn over_tcp(port: u16) -> Path {
    Path::tcp(at("10.0.0.5:3478"), SocketAddr::from(([192, 0, 2, 7], port)), TcpId(port.into()))
}

fn secret() -> Secret {
    Secret::new(&[7; 32])
}

/// Who signs with what.
#[derive(Debug)]
struct User {
    username: String,
    key: LongTermKey,
}

impl User {
    /// With credentials for an hour.
    fn new(name: &str) -> Self {
        Self::of(&secret(), name, UNIX + 3600)
    }

    fn of(secret: &Secret, name: &str, expires_unix: u64) -> Self {
        let username = secret.issue(&["hall", name], expires_unix).username;
        Self { key: secret.key_of(&username), username }
    }
}

/// What a server put out.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Out {
    Client(Path, Vec<u8>),
    Peer(AllocationId, SocketAddr, Vec<u8>),
    Close(AllocationId),
}

struct Scene {
    server: Server,
    last: u8,
}

impl Scene {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        let own = OwnAddress { told: at(SFU).ip(), reached: at(SFU).ip() };
        let peers = Peers::new(vec![own], vec![7882]);
        let config = Config { relay_v4: Some([10, 0, 0, 5].into()), relay_v6: None, peers, limits };
        let now = Now { instant: epoch(), unix_us: i64::try_from(UNIX).unwrap() * 1_000_000 };
        Self { server: Server::new(config, secret(), &Seed::new([9; 32]), now), last: 0 }
    }

    /// Everything that is put out; sockets are bound to port 50000 plus the relay's number.
    fn drain(&mut self) -> Vec<Out> {
        let mut all = Vec::new();
        loop {
            let bind = match self.server.poll_output() {
                None => return all,
                Some(Output::Bind { id, .. }) => id,
                Some(Output::Close { id }) => {
                    all.push(Out::Close(id));
                    continue;
                }
                Some(Output::ToClient { path, bytes }) => {
                    all.push(Out::Client(path, bytes.to_vec()));
                    continue;
                }
                Some(Output::ToPeer { id, peer, bytes }) => {
                    all.push(Out::Peer(id, peer, bytes.to_vec()));
                    continue;
                }
            };
            self.server.handle_bound(bind, Some(50_000 + u16::try_from(bind.0).unwrap()));
        }
    }

    fn say(&mut self, now: Instant, path: Path, bytes: &[u8]) -> Vec<Out> {
        self.server.handle_client(now, path, bytes);
        self.drain()
    }

    fn writer(&mut self, method: u16) -> MessageWriter {
        self.last += 1;
        MessageWriter::of_kind(method, TransactionId([self.last; 12]))
    }

    /// A request that is signed after a challenge, as clients do it; returns the answer.
    fn ask(&mut self, now: Instant, path: Path, who: &User, request: MessageWriter) -> Answer {
        let probe = self.writer(REFRESH).unsigned();
        let challenge = self.answer(now, path, &probe);
        let bytes = sign(request, who, &challenge.nonce);
        self.answer(now, path, &bytes)
    }

    fn answer(&mut self, now: Instant, path: Path, bytes: &[u8]) -> Answer {
        let all = self.say(now, path, bytes);
        let mut answers = all.iter().filter_map(|out| match out {
            Out::Client(to, bytes) if *to == path => Some(Answer::read(bytes)),
            Out::Client(..) | Out::Peer(..) | Out::Close(_) => None,
        });
        answers.next_back().expect("an answer")
    }

    fn allocate(&mut self, now: Instant, path: Path, person: &str) -> Answer {
        let request = udp(self.writer(ALLOCATE));
        self.ask(now, path, &User::new(person), request)
    }

    fn permit(&mut self, now: Instant, path: Path, peer: &str) -> Answer {
        let request = self.writer(PERMIT).xor_address(XOR_PEER_ADDRESS, at(peer));
        self.ask(now, path, &User::new("ada"), request)
    }

    fn bind(&mut self, now: Instant, path: Path, number: u16, peer: &str) -> Answer {
        let [a, b] = number.to_be_bytes();
        let request = self.writer(BIND).attribute(CHANNEL_NUMBER, &[a, b, 0, 0]);
        self.ask(now, path, &User::new("ada"), request.xor_address(XOR_PEER_ADDRESS, at(peer)))
    }

    fn refresh(&mut self, now: Instant, path: Path, seconds: u32) -> Answer {
        let request = self.writer(REFRESH).attribute(LIFETIME, &seconds.to_be_bytes());
        self.ask(now, path, &User::new("ada"), request)
    }

    fn send(&mut self, now: Instant, path: Path, peer: &str, data: &[u8]) -> Vec<Out> {
        let indication = self.writer(SEND | 0x0010).xor_address(XOR_PEER_ADDRESS, at(peer));
        let bytes = indication.attribute(DATA, data).unsigned();
        self.say(now, path, &bytes)
    }

    fn hear(&mut self, now: Instant, id: u64, from: &str, data: &[u8]) -> Vec<Out> {
        self.server.handle_peer(now, AllocationId(id), at(from), data);
        self.drain()
    }
}

fn udp(request: MessageWriter) -> MessageWriter {
    request.attribute(message::REQUESTED_TRANSPORT, &[17, 0, 0, 0])
}

fn sign(request: MessageWriter, who: &User, nonce: &[u8]) -> Vec<u8> {
    let request = request.attribute(USERNAME, who.username.as_bytes()).attribute(REALM, b"dais");
    request.attribute(NONCE, nonce).sign_with(&who.key.signer())
}

/// What an answer says; 0 is success.
#[derive(Debug, Default, PartialEq, Eq)]
struct Answer {
    code: u16,
    bytes: usize,
    nonce: Vec<u8>,
    relayed: Option<SocketAddr>,
    mapped: Option<SocketAddr>,
    lifetime: Option<u32>,
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let frame = Frame::parse(bytes).unwrap();
        let mut answer = Self { bytes: bytes.len(), ..Self::default() };
        for attribute in frame.attributes() {
            let attribute = attribute.unwrap();
            let value = attribute.value;
            match attribute.kind {
                ERROR_CODE => answer.code = u16::from(value[2]) * 100 + u16::from(value[3]),
                NONCE => answer.nonce = value.to_vec(),
                XOR_RELAYED_ADDRESS => answer.relayed = frame.xor_address(value),
                XOR_MAPPED_ADDRESS => answer.mapped = frame.xor_address(value),
                LIFETIME => answer.lifetime = Some(u32::from_be_bytes(value.try_into().unwrap())),
                _ => {}
            }
        }
        let (class, _) = Class::split(frame.kind());
        assert_eq!(class == Class::Success, answer.code == 0);
        answer
    }
}

#[test]
fn a_client_allocates_and_speaks_with_the_sfu_both_ways() {
    let mut scene = Scene::new();
    let ada = client(1000);
    let allocated = scene.allocate(epoch(), ada, "ada");
    assert_eq!((allocated.code, allocated.lifetime), (0, Some(600)));
    assert_eq!((allocated.relayed, allocated.mapped), (Some(at("10.0.0.5:50001")), Some(ada.remote)));

    assert_eq!(scene.send(epoch(), ada, SFU, b"early"), [], "no permission yet");
    assert_eq!(scene.permit(epoch(), ada, SFU).code, 0);
    assert_eq!(
        scene.send(epoch(), ada, SFU, b"check"),
        [Out::Peer(AllocationId(1), at(SFU), b"check".to_vec())]
    );
    let heard = scene.hear(epoch(), 1, SFU, b"reply");
    let [Out::Client(to, bytes)] = &heard[..] else { panic!("{heard:?}") };
    let frame = Frame::parse(bytes).unwrap();
    let attributes: Vec<_> = frame.attributes().map(Result::unwrap).collect();
    assert_eq!((*to, frame.kind()), (ada, 0x0017));
    assert_eq!(frame.xor_address(attributes[0].value), Some(at(SFU)));
    assert_eq!((attributes[1].kind, attributes[1].value), (DATA, &b"reply"[..]));

    assert_eq!(scene.bind(epoch(), ada, 0x4001, SFU).code, 0);
    let said = scene.say(epoch(), ada, b"\x40\x01\x00\x05mediaXX");
    assert_eq!(said, [Out::Peer(AllocationId(1), at(SFU), b"media".to_vec())]);
    let heard = scene.hear(epoch(), 1, SFU, b"media");
    assert_eq!(heard, [Out::Client(ada, b"\x40\x01\x00\x05media".to_vec())]);
}

#[test]
fn on_a_stream_channel_data_is_padded_and_frames_are_found() {
    let mut scene = Scene::new();
    let ada = over_tcp(1000);
    assert_eq!(scene.allocate(epoch(), ada, "ada").code, 0);
    assert_eq!(scene.bind(epoch(), ada, 0x4001, SFU).code, 0);
    let heard = scene.hear(epoch(), 1, SFU, b"media");
    let [Out::Client(_, bytes)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!(bytes, b"\x40\x01\x00\x05media\0\0\0");
    for (stream, wanted) in [
        (&b""[..], Ok(None)),
        (b"\x40\x01\x00", Ok(None)),
        (b"\x40\x01\x00\x05", Ok(Some(12))),
        (b"\x00\x03\x00\x08", Ok(Some(28))),
        (b"\x00\x03\x00\x07", Err(NotTurn)),
        (b"\x00\x03\xff\xfc", Err(NotTurn)),
        (b"\x40\x01\xff\xff", Err(NotTurn)),
        (b"GET ", Err(NotTurn)),
        (b"\x16\x03\x01\x00", Err(NotTurn)),
    ] {
        assert_eq!(stream_frame_bytes(stream), wanted, "{stream:?}");
    }
    scene.server.handle_closed(ada);
    assert_eq!(scene.drain(), [Out::Close(AllocationId(1))]);
}

#[test]
fn a_repeated_allocate_gets_the_same_relay_and_a_second_one_none() {
    let mut scene = Scene::new();
    let ada = client(1000);
    let probe = scene.writer(ALLOCATE).unsigned();
    let nonce = scene.answer(epoch(), ada, &probe).nonce;
    let first = udp(scene.writer(ALLOCATE));
    let bytes = sign(first, &User::new("ada"), &nonce);
    let answers = [scene.answer(epoch(), ada, &bytes), scene.answer(after(1), ada, &bytes)];
    assert_eq!((&answers[0], answers[0].relayed), (&answers[1], Some(at("10.0.0.5:50001"))));
    assert_eq!(scene.allocate(epoch(), ada, "ada").code, 437);
    assert_eq!(scene.server.allocations(), 1);
}

#[test]
fn who_is_not_who_it_says_gets_nothing() {
    let mut scene = Scene::new();
    let ada = client(1000);
    let forged = User { key: User::new("bob").key, ..User::new("ada") };
    let foreign = User::of(&Secret::new(&[8; 32]), "ada", UNIX + 3600);
    let expired = User::of(&secret(), "ada", UNIX - 1);
    let nobody = User { username: "not ours".to_owned(), key: secret().key_of("not ours") };
    for who in [forged, foreign, expired, nobody] {
        let request = udp(scene.writer(ALLOCATE));
        assert_eq!(scene.ask(epoch(), ada, &who, request).code, 401, "{who:?}");
    }
    let stale = sign(udp(scene.writer(ALLOCATE)), &User::new("ada"), b"AAAAAAAAAAAAAAAA");
    assert_eq!(scene.answer(epoch(), ada, &stale).code, 438);
    let incomplete =
        scene.writer(ALLOCATE).attribute(NONCE, b"AAAA").sign_with(&User::new("ada").key.signer());
    assert_eq!(scene.answer(epoch(), ada, &incomplete).code, 400);
    assert_eq!(scene.server.allocations(), 0);

    assert_eq!(scene.allocate(epoch(), ada, "ada").code, 0);
    let request = scene.writer(REFRESH);
    assert_eq!(scene.ask(epoch(), ada, &User::new("bob"), request).code, 441);
    for answer in [scene.refresh(epoch(), client(1001), 600), scene.permit(epoch(), client(1001), SFU)] {
        assert_eq!(answer.code, 437, "no allocation there");
    }
}

#[test]
fn what_is_not_offered_is_refused_by_its_code() {
    let mut scene = Scene::new();
    let requests = [
        (scene.writer(ALLOCATE), 400),
        (scene.writer(ALLOCATE).attribute(message::REQUESTED_TRANSPORT, &[6, 0, 0, 0]), 442),
        (udp(scene.writer(ALLOCATE)).attribute(message::REQUESTED_ADDRESS_FAMILY, &[2, 0, 0, 0]), 440),
        (udp(scene.writer(ALLOCATE)).attribute(message::EVEN_PORT, &[0x80]), 508),
        (udp(scene.writer(ALLOCATE)).attribute(0x7fff, &[]), 420),
    ];
    for (request, code) in requests {
        assert_eq!(scene.ask(epoch(), client(1000), &User::new("ada"), request).code, code);
    }
    assert_eq!(scene.server.allocations(), 0);
}

#[test]
fn quotas_end_at_their_number_and_are_given_back() {
    let limits =
        Limits { allocations: 5, allocations_per_user: 2, allocations_per_address: 4, ..Limits::default() };
    let mut scene = Scene::with(limits);
    let codes: Vec<_> = [(1, "ada"), (2, "ada"), (3, "ada"), (4, "bob"), (5, "bob"), (6, "eve")]
        .into_iter()
        .map(|(port, person)| scene.allocate(epoch(), client(port), person).code)
        .collect();
    assert_eq!(codes, [0, 0, 486, 0, 0, 486], "two of a person, four of an address");
    let elsewhere = |port| Path::udp(at("10.0.0.5:3478"), SocketAddr::from(([192, 0, 2, 8], port)));
    assert_eq!(scene.allocate(epoch(), elsewhere(1), "eve").code, 0);
    assert_eq!(scene.allocate(epoch(), elsewhere(2), "eve").code, 508, "five in all");
    assert_eq!(scene.refresh(epoch(), client(1), 0).lifetime, Some(0));
    assert_eq!(scene.allocate(epoch(), elsewhere(2), "eve").code, 0);
    assert_eq!(scene.allocate(epoch(), elsewhere(3), "ada").code, 508);
    assert_eq!(scene.server.allocations(), 5);
}

#[test]
fn permissions_and_channels_of_an_allocation_are_bounded() {
    let mut scene = Scene::with(Limits { permissions: 2, channels: 2, ..Limits::default() });
    let ada = client(1000);
    scene.allocate(epoch(), ada, "ada");
    let bind = |scene: &mut Scene, number, peer| scene.bind(epoch(), ada, number, peer).code;
    assert_eq!(bind(&mut scene, 0x3fff, SFU), 400);
    assert_eq!(bind(&mut scene, 0x5000, SFU), 400);
    assert_eq!(bind(&mut scene, 0x4000, SFU), 0);
    assert_eq!(bind(&mut scene, 0x4000, SFU), 0, "a refresh");
    assert_eq!(bind(&mut scene, 0x4000, PEER), 400, "another peer's number");
    assert_eq!(bind(&mut scene, 0x4001, SFU), 400, "the peer has one");
    assert_eq!(bind(&mut scene, 0x4001, PEER), 0);
    assert_eq!(bind(&mut scene, 0x4002, "203.0.112.1:10"), 508);
    assert_eq!(scene.permit(epoch(), ada, "203.0.112.1:7").code, 0, "known");
    assert_eq!(scene.permit(epoch(), ada, "203.0.112.2:7").code, 508);
}

#[test]
fn a_relay_reaches_no_special_address_and_of_this_machine_only_media_ports() {
    let mut scene = Scene::new();
    let ada = client(1000);
    scene.allocate(epoch(), ada, "ada");
    for peer in ["127.0.0.1:7882", "10.0.0.6:7882", "169.254.169.254:80", "0.0.0.0:7882", "224.0.0.1:5353"] {
        assert_eq!(scene.permit(epoch(), ada, peer).code, 403, "{peer}");
        assert_eq!(scene.bind(epoch(), ada, 0x4000, peer).code, 403, "{peer}");
        assert_eq!(scene.send(epoch(), ada, peer, b"x"), []);
    }
    assert_eq!(scene.permit(epoch(), ada, "[::ffff:127.0.0.1]:7882").code, 443);
    // The permission is for all ports of the SFU's address; the media port is the only one that it opens.
    assert_eq!(scene.permit(epoch(), ada, SFU).code, 0);
    assert_eq!(scene.bind(epoch(), ada, 0x4000, "10.0.0.5:53").code, 403);
    assert_eq!(scene.send(epoch(), ada, "10.0.0.5:53", b"x"), []);
    assert_eq!(scene.hear(epoch(), 1, "10.0.0.5:53", b"x"), []);
    assert_eq!(scene.hear(epoch(), 1, PEER, b"x"), [], "nobody permitted it");
    // One forbidden peer spoils the request.
    let two = scene.writer(PERMIT).xor_address(XOR_PEER_ADDRESS, at(PEER));
    let two = two.xor_address(XOR_PEER_ADDRESS, at("127.0.0.1:1"));
    assert_eq!(scene.ask(epoch(), ada, &User::new("ada"), two).code, 403);
    assert_eq!(scene.hear(epoch(), 1, PEER, b"x"), []);
}

#[test]
fn everything_ends_unless_it_is_refreshed() {
    let mut scene = Scene::new();
    let ada = client(1000);
    scene.allocate(epoch(), ada, "ada");
    scene.bind(epoch(), ada, 0x4000, SFU);
    let media = b"\x40\x00\x00\x01m";
    assert_eq!(scene.say(after(299), ada, media).len(), 1);
    assert_eq!(scene.say(after(300), ada, media), [], "the permission is over");
    assert_eq!(scene.permit(after(300), ada, SFU).code, 0);
    assert_eq!(scene.say(after(599), ada, media).len(), 1);
    // The credentials are over, too, and do not matter to an allocation that lives.
    for minutes in (5..90).step_by(5) {
        assert_eq!(scene.refresh(after(minutes * 60), ada, 60).lifetime, Some(600));
    }
    assert_eq!(scene.say(after(85 * 60), ada, media), [], "so are permission and channel");
    assert_eq!(scene.allocate(after(85 * 60), client(1001), "ada").code, 401);
    let end = 85 * 60 + 600;
    scene.server.handle_timeout(after(end - 1));
    assert_eq!((scene.drain(), scene.server.allocations()), (Vec::new(), 1));
    assert!(scene.server.poll_timeout().is_some_and(|at| at <= after(end + 1)));
    scene.server.handle_timeout(after(end + 1));
    assert_eq!((scene.drain(), scene.server.allocations()), (vec![Out::Close(AllocationId(1))], 0));
    assert_eq!(scene.server.poll_timeout(), None);
}

#[test]
fn who_left_keeps_no_relay_and_gets_none_until_it_joins_again() {
    let mut scene = Scene::new();
    let (ada, bob) = (User::new("ada"), User::new("bob"));
    let ask = |scene: &mut Scene, port, who: &User, method| {
        let request = udp(scene.writer(method));
        scene.ask(after(1), client(port), who, request)
    };
    for (port, who) in [(1, &ada), (2, &ada), (3, &bob)] {
        assert_eq!(ask(&mut scene, port, who, ALLOCATE).code, 0);
    }
    // She left ten seconds after her credentials were made; they would end after an hour.
    let person = secret().name_of(&["hall", "ada"]);
    scene.server.handle_departure(after(1), &person, i64::try_from(UNIX + 3610).unwrap());
    let closed = scene.drain();
    assert_eq!(closed.len(), 2, "{closed:?}");
    assert!([1, 2].iter().all(|&id| closed.contains(&Out::Close(AllocationId(id)))), "{closed:?}");
    assert_eq!((scene.server.allocations(), scene.server.counters().ended_allocations), (1, 2));
    for method in [REFRESH, ALLOCATE] {
        assert_eq!(ask(&mut scene, 1, &ada, method).code, 401);
    }
    assert_eq!(ask(&mut scene, 3, &bob, REFRESH).code, 0, "he is still there");
    let again = User::of(&secret(), "ada", UNIX + 3610);
    assert_eq!(ask(&mut scene, 1, &again, ALLOCATE).code, 0);
}

#[test]
fn an_allocation_carries_so_many_bytes_a_second() {
    let mut scene = Scene::with(Limits { bytes_per_second: 10_000, ..Limits::default() });
    let ada = client(1000);
    scene.allocate(epoch(), ada, "ada");
    scene.bind(epoch(), ada, 0x4000, SFU);
    let out = (0..20).map(|_| scene.hear(epoch(), 1, SFU, &[0; 1000]).len()).sum::<usize>();
    assert_eq!(out, 10);
    let out = (0..20).map(|_| scene.hear(after(1), 1, SFU, &[0; 500]).len()).sum::<usize>();
    assert_eq!((out, scene.server.counters().over_rate), (20, 10));
}

/// What strangers get is short, rationed, and leaves nothing behind.
#[test]
fn a_flood_of_strangers_is_answered_sparingly() {
    let mut scene = Scene::with(Limits { challenges_per_second: 10, ..Limits::default() });
    let mut longest = 0;
    let mut answered = 0;
    for port in 0..1000 {
        for method in [ALLOCATE, REFRESH, PERMIT, BIND, 0x0001] {
            let request = scene.writer(method).unsigned();
            for out in scene.say(epoch(), client(port), &request) {
                let Out::Client(_, bytes) = out else { panic!("{out:?}") };
                longest = longest.max(bytes.len());
                answered += 1;
            }
            scene.last = 0;
        }
    }
    assert_eq!((answered, longest), (10, MAX_CHALLENGE_BYTES));
    assert_eq!((scene.server.allocations(), scene.server.poll_timeout()), (0, None));
    // A connection proves its address.
    let request = scene.writer(ALLOCATE).unsigned();
    assert_eq!(scene.say(epoch(), over_tcp(1), &request).len(), 1);
}

#[test]
fn an_allocation_without_a_socket_is_refused() {
    let mut scene = Scene::new();
    let ada = client(1000);
    let probe = scene.writer(ALLOCATE).unsigned();
    let nonce = scene.answer(epoch(), ada, &probe).nonce;
    let bytes = sign(udp(scene.writer(ALLOCATE)), &User::new("ada"), &nonce);
    scene.server.handle_client(epoch(), ada, &bytes);
    assert!(matches!(
        scene.server.poll_output(),
        Some(Output::Bind { id: AllocationId(1), family: Family::V4 })
    ));
    scene.server.handle_bound(AllocationId(1), None);
    let out = scene.drain();
    let [Out::Client(_, bytes), Out::Close(AllocationId(1))] = &out[..] else { panic!("{out:?}") };
    assert_eq!((Answer::read(bytes).code, scene.server.allocations()), (508, 0));
}
