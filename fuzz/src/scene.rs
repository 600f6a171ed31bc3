//! A shard with two people in a room, without sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use sfu_core::ice::Credentials;
use sfu_core::room::limits::RoomLimits;
use sfu_core::room::message::{
    AddTrack, Carried, Description, Kind, Layer, Quality, Request, Response, Source,
};
use sfu_core::room::participant::{Join, Lifeline, Transports};
use sfu_core::room::permission::Permission;
use sfu_core::room::{ConnectionId, Now, RoomOptions};
use sfu_core::sdp::{Candidate, CandidateProtocol, SdpLimits, SessionDescription};
use sfu_core::seed::Seed;
use sfu_core::shard::{Command, Event, Shard, ShardConfig};
use sfu_core::stun::{Class, MessageWriter, Role, TransactionId};
use sfu_core::transport::{Certificate, Config, Path};

use crate::input::epoch;
use crate::sdp::mirrored_text;

/// Two, because making one costs a key pair: ours and a peer's.
pub(crate) static CERTIFICATES: LazyLock<[Certificate; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Certificate::generate().expect("the crypto is built in")));

/// The offer of a publisher with a microphone and a camera in three encodings, as Chromium writes it.
pub(crate) const OFFER: &str = include_str!("../../sfu/core/src/sdp/tests/chromium_publisher.sdp");

/// A shard and what was heard of it.
pub(crate) struct Scene {
    pub(crate) shard: Shard,
    pub(crate) now: Instant,
    /// What each connection has heard and not looked at.
    pub(crate) heard: BTreeMap<ConnectionId, Vec<Response>>,
    /// Connections that the shard closed.
    pub(crate) closed: Vec<ConnectionId>,
    /// Bytes of datagrams that left.
    pub(crate) sent_bytes: usize,
    pub(crate) other_events: Vec<Event>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let config = ShardConfig {
            transport: Config::new(CERTIFICATES[0].clone()),
            candidates: vec![Candidate { address: address(1, 7882), protocol: CandidateProtocol::Udp }],
            limits: RoomLimits::default(),
            rooms: 4,
            hide_audience: false,
            sdp: SdpLimits::default(),
            arena_bytes: 64 << 10,
            seating: sfu_core::shard::SeatingConfig::ALONE,
        };
        let start = Now { instant: epoch(), unix_us: 1_700_000_000_000_000 };
        Self {
            shard: Shard::new(config, Seed::new([9; 32]), start),
            now: epoch(),
            heard: BTreeMap::new(),
            closed: Vec::new(),
            sent_bytes: 0,
            other_events: Vec::new(),
        }
    }

    /// "ada" and "bob" are in the room "hall"; ada publishes.
    pub(crate) fn call() -> Self {
        let mut scene = Self::new();
        scene.join(ADA, "hall", join("ada"));
        scene.join(BOB, "hall", join("bob"));
        scene.request(ADA, Request::AddTrack(Box::new(add_track(Kind::Audio, "mic"))));
        scene.request(ADA, Request::AddTrack(Box::new(add_track(Kind::Video, "cam"))));
        scene.request(ADA, Request::Offer(offer(OFFER)));
        scene
    }

    pub(crate) fn join(&mut self, connection: ConnectionId, room: &str, join: Join) {
        let join = Box::new(Join { connection: Some(connection), ..join });
        self.command(Command::Join {
            connection,
            room: room.to_owned(),
            join,
            resume: None,
            options: RoomOptions::default(),
        });
    }

    pub(crate) fn request(&mut self, connection: ConnectionId, request: Request) {
        self.command(Command::Request { connection, request: Box::new(request) });
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.shard.handle_command(self.now, command);
        self.settle();
    }

    pub(crate) fn datagram(&mut self, path: Path, datagram: &[u8]) {
        self.shard.handle_datagram(self.now, path, &mut datagram.to_vec());
        self.settle();
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.shard.poll_timeout().filter(|&due| due <= end) {
            // A deadline in the past would be a loop; a millisecond is what the edge waits at least.
            self.now = due.max(self.now + Duration::from_millis(1));
            self.shard.handle_timeout(self.now, &mut |_| ());
            self.settle();
        }
        self.now = self.now.max(end);
    }

    /// Ends the turn and takes everything that came out.
    pub(crate) fn settle(&mut self) {
        self.shard.relay(self.now);
        self.shard.end_turn(self.now, &mut |_| ());
        self.shard.arena().clear();
        while let Some(transmit) = self.shard.poll_transmit() {
            self.sent_bytes += transmit.bytes.len();
        }
        while let Some(event) = self.shard.poll_event() {
            match event {
                Event::Say { connection, response } => {
                    assert!(!self.closed.contains(&connection), "nothing is said on a closed connection");
                    self.heard.entry(connection).or_default().push(*response);
                }
                Event::CloseConnection(connection) => self.closed.push(connection),
                Event::Admin { .. } | Event::Mixer { .. } | Event::PathClaimed(_) | Event::Notice { .. } => {
                    self.other_events.push(event)
                }
            }
        }
    }

    /// Our credentials in the last answer that a connection heard.
    pub(crate) fn credentials(&self, connection: ConnectionId) -> Option<Credentials> {
        let heard = self.heard.get(&connection)?.iter().rev();
        let mut answers =
            heard.filter_map(|word| if let Response::Answer(answer) = word { Some(answer) } else { None });
        let answer = SessionDescription::parse(&answers.next()?.sdp).expect("what we write can be read");
        Some(answer.remote().expect("an answer describes a transport").credentials)
    }

    /// The last offer that a connection heard, answered as a client does that takes everything.
    pub(crate) fn answer(&mut self, connection: ConnectionId) {
        let heard = self.heard.get(&connection).into_iter().flatten().rev();
        let offer =
            heard.filter_map(|word| if let Response::Offer(offer) = word { Some(offer) } else { None });
        let Some(offer) = offer.take(1).next() else { return };
        let answer = Description { id: offer.id, sdp: mirrored_text(&offer.sdp), mid_to_track: Vec::new() };
        self.request(connection, Request::Answer(answer));
    }
}

/// A connectivity check of a peer that knows these credentials.
pub(crate) fn check(credentials: &Credentials) -> Vec<u8> {
    MessageWriter::new(Class::Request, TransactionId([7; 12]))
        .username(&format!("{}:peer", credentials.ufrag))
        .priority(1)
        .role(Role::Controlling(7))
        .use_candidate()
        .sign(&credentials.pwd)
}

pub(crate) const ADA: ConnectionId = ConnectionId(1);
pub(crate) const BOB: ConnectionId = ConnectionId(2);

pub(crate) fn address(last: u8, port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], port))
}

pub(crate) fn offer(sdp: &str) -> Description {
    Description { id: 1, sdp: sdp.to_owned(), mid_to_track: Vec::new() }
}

pub(crate) fn join(identity: &str) -> Join {
    Join {
        identity: identity.to_owned(),
        name: String::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        permission: Permission { can_update_metadata: true, ..Permission::speaker() },
        auto_subscribe: true,
        adaptive_stream: false,
        kind: Carried(0),
        kind_details: Vec::new(),
        client_protocol: Carried(0),
        capabilities: Vec::new(),
        receives_red: true,
        transports: Transports::Two,
        may_pause: true,
        connection: None,
        lifeline: Lifeline::Signal,
        moderates: false,
    }
}

pub(crate) fn add_track(kind: Kind, cid: &str) -> AddTrack {
    let layer = |quality, width| Layer { quality, width, height: 180, bitrate_bps: 0, rid: String::new() };
    let layers = match kind {
        Kind::Audio => Vec::new(),
        Kind::Video => {
            vec![layer(Quality::Low, 320), layer(Quality::Medium, 640), layer(Quality::High, 1280)]
        }
    };
    AddTrack { width: 1280, height: 720, layers, ..AddTrack::new(cid.to_owned(), kind, Source::Camera) }
}
