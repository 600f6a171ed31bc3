//! A whole shard: one datagram in a call, and sequences of everything.

use std::time::Duration;

use sfu_core::room::message::{
    Kind, ParticipantState, Quality, Request, Response, ResumeFault, Scenario, TrackSettings,
};
use sfu_core::room::participant::Transports;
use sfu_core::room::permission::Permission;
use sfu_core::room::sid::{ParticipantSid, TrackSid};
use sfu_core::room::{ConnectionId, RoomOptions, admin::ParticipantChange};
use sfu_core::shard::admin::{AdminId, AdminRequest, ParticipantRequest};
use sfu_core::shard::{Command, SignalEnd};
use sfu_core::stun::Message;
use sfu_core::transport::Path;
use sfu_signal::request::{self, Incoming};

use crate::input::Input;
use crate::scene::{ADA, OFFER, Scene, add_track, address, check, join, offer};

/// One datagram from a stranger, or spoofed from a participant's own address: nobody is thrown out, and the
/// answer, if any, is not longer.
pub fn datagram(data: &[u8]) {
    let mut input = Input::new(data);
    let spoofed = input.byte() & 1 == 1;
    let datagram = input.rest();
    let mut scene = Scene::call();
    let credentials = scene.credentials(ADA).expect("ada's offer was answered");
    let own = Path::udp(address(1, 7882), address(50, 4000));
    scene.datagram(own, &check(&credentials));
    let (sent, dropped) = (scene.sent_bytes, scene.shard.stats().dropped_datagrams);
    assert!(sent > 0, "the check was answered");
    let stranger = Path::udp(address(1, 7882), address(66, 6666));
    scene.datagram(if spoofed { own } else { stranger }, datagram);
    let answered = scene.sent_bytes - sent;
    let knows_password = Message::parse(datagram).is_ok_and(|check| check.is_authentic(&credentials.pwd));
    if !knows_password {
        assert!(answered <= datagram.len(), "{answered} bytes for {}", datagram.len());
        if !spoofed {
            assert_eq!((answered, scene.shard.stats().dropped_datagrams), (0, dropped + 1));
        }
    }
    scene.pass(Duration::from_secs(1));
    let stats = scene.shard.stats();
    assert_eq!((stats.panics, stats.participants, stats.transports, stats.publications), (0, 2, 3, 2));
}

/// Any sequence of joins, requests, answers, ended connections, administrators' calls, datagrams and time: every
/// connection first hears what it is, and in the end nothing is left.
pub fn shard(data: &[u8]) {
    let mut input = Input::new(data);
    let mut play = Play { scene: Scene::new(), connections: 0 };
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        play.step(&mut input);
        play.look();
    }
    play.scene.command(Command::Close);
    play.look();
    play.scene.pass(Duration::from_secs(60));
    let stats = play.scene.shard.stats();
    assert_eq!((stats.rooms, stats.participants, stats.transports), (0, 0, 0));
    assert_eq!((stats.publications, stats.subscriptions, stats.panics), (0, 0, 0));
    assert!(play.scene.shard.is_empty());
}

/// A sequence that is longer says nothing new, and takes its time.
const MAX_STEPS: usize = 100;

struct Play {
    scene: Scene,
    connections: u64,
}

impl Play {
    fn step(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        let connection = ConnectionId(u64::from(input.byte()) % self.connections.max(1) + 1);
        match choice % 16 {
            0 | 1 => self.join(input, None),
            2 => {
                let kind = if input.byte() & 1 == 1 { Kind::Audio } else { Kind::Video };
                let wish = add_track(kind, ["mic", "cam", "screen"][input.below(3)]);
                self.scene.request(connection, Request::AddTrack(Box::new(wish)));
            }
            3 => {
                let sdp = OFFERS[input.below(OFFERS.len())];
                self.scene.request(connection, Request::Offer(offer(sdp)));
            }
            4 | 5 => self.scene.answer(connection),
            6 => {
                let (tracks, subscribe) = (self.tracks(connection, input), input.byte() & 1 == 1);
                self.scene.request(connection, Request::Subscribe { tracks, subscribe });
            }
            7 => {
                let (tracks, bits) = (self.tracks(connection, input), input.byte());
                let quality = [Quality::Low, Quality::Medium, Quality::High][usize::from(bits % 3)];
                let size = (bits & 8 != 0).then(|| (u32::from(input.number()), u32::from(input.number())));
                let settings =
                    TrackSettings { disabled: bits & 16 != 0, quality, size, ..TrackSettings::DEFAULT };
                self.scene.request(connection, Request::TrackSettings { tracks, settings });
            }
            8 => {
                let (track, muted) = (self.tracks(connection, input).pop(), input.byte() & 1 == 1);
                let track = track.unwrap_or_else(|| TrackSid::from_wire("TR_none"));
                self.scene.request(connection, Request::Mute { track, muted });
            }
            9 => {
                let end = if input.byte() & 1 == 1 { SignalEnd::Closed } else { SignalEnd::Silent };
                self.scene.command(Command::SignalEnded { connection, end });
            }
            10 => self.scene.pass(Duration::from_millis(40 * u64::from(input.byte()))),
            11 => {
                if let Ok(Incoming::Room(request)) = request::read(input.piece()) {
                    self.scene.request(connection, request);
                }
            }
            12 => self.resume(connection, input),
            13 => self.administer(input),
            14 => {
                let path = Path::udp(address(1, 7882), address(input.byte() & 3, 4000));
                match self.scene.credentials(connection).filter(|_| input.byte() & 1 == 1) {
                    Some(credentials) => self.scene.datagram(path, &check(&credentials)),
                    None => self.scene.datagram(path, input.piece()),
                }
            }
            _ => self.scene.request(connection, Request::Simulate(SCENARIOS[input.below(SCENARIOS.len())])),
        }
    }

    fn join(&mut self, input: &mut Input<'_>, resume: Option<ParticipantSid>) {
        let (identity, room) = (IDENTITIES[input.below(3)], ROOMS[input.below(2)]);
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let bits = input.byte();
        let mut join = join(identity);
        join.permission.can_subscribe = bits & 1 == 0;
        join.permission.can_publish = bits & 2 == 0;
        join.permission.hidden = bits & 4 != 0;
        join.auto_subscribe = bits & 8 == 0;
        join.transports = if bits & 16 == 0 { Transports::Two } else { Transports::Single };
        join.connection = Some(connection);
        self.scene.command(Command::Join {
            connection,
            room: room.to_owned(),
            join: Box::new(join),
            resume,
            options: RoomOptions::default(),
        });
    }

    fn resume(&mut self, connection: ConnectionId, input: &mut Input<'_>) {
        let heard = self.scene.heard.get(&connection);
        let sid = heard.and_then(|heard| heard.first()).and_then(|first| {
            if let Response::Joined(joined) = first { Some(joined.participant.sid.clone()) } else { None }
        });
        self.join(input, Some(sid.unwrap_or_else(|| ParticipantSid::from_wire("PA_none"))));
    }

    fn administer(&mut self, input: &mut Input<'_>) {
        let (room, identity) = (ROOMS[input.below(2)].to_owned(), IDENTITIES[input.below(3)].to_owned());
        let bits = input.byte();
        let permission = Permission {
            can_subscribe: bits & 1 == 0,
            can_publish: bits & 2 == 0,
            hidden: bits & 4 != 0,
            ..Permission::speaker()
        };
        let what = match bits >> 5 {
            0 | 1 => ParticipantRequest::Update(ParticipantChange {
                permission: Some(permission),
                ..ParticipantChange::default()
            }),
            2 => ParticipantRequest::Remove,
            3 => ParticipantRequest::Subscribe { tracks: self.tracks(ADA, input), subscribe: bits & 1 == 0 },
            _ => ParticipantRequest::Get,
        };
        let request = match bits >> 5 {
            7 => AdminRequest::DeleteRoom { name: room },
            6 => AdminRequest::SendMessage {
                room,
                bytes: vec![1; 40],
                lossy: false,
                identities: Vec::new(),
                sids: Vec::new(),
            },
            _ => AdminRequest::Participant { room, identity, what },
        };
        self.scene.command(Command::Admin { id: AdminId(1), request });
    }

    /// Some tracks that a connection has heard of.
    fn tracks(&self, connection: ConnectionId, input: &mut Input<'_>) -> Vec<TrackSid> {
        let mut known = Vec::new();
        for word in self.scene.heard.get(&connection).into_iter().flatten() {
            if let Response::TrackPublished { track, .. } = word {
                known.push(track.sid.clone());
            } else if let Response::Update(all) = word {
                known.extend(all.iter().flat_map(|p| &p.tracks).map(|t| t.sid.clone()));
            }
        }
        let take = input.below(4);
        (0..take).filter_map(|_| known.get(input.below(known.len())).cloned()).collect()
    }

    /// What always holds.
    fn look(&self) {
        for (connection, heard) in &self.scene.heard {
            let first = heard.first();
            let greets = first.is_some_and(|first| {
                matches!(first, Response::Joined(_) | Response::Resumed { .. } | Response::Leave { .. })
            });
            assert!(greets, "{connection:?} first hears {first:?}");
            for word in heard {
                if let Response::Update(all) = word {
                    assert!(
                        all.iter().all(|p| p.state != ParticipantState::Disconnected || p.tracks.is_empty())
                    );
                }
            }
        }
        let stats = self.scene.shard.stats();
        assert!(stats.panics == 0 && stats.rooms <= 4);
        assert!(stats.transports <= 2 * stats.participants);
        assert!(stats.publications <= 8 * stats.participants);
        assert!(stats.subscriptions <= stats.publications * stats.participants);
    }
}

const IDENTITIES: [&str; 3] = ["ada", "bob", "eve"];
const ROOMS: [&str; 2] = ["hall", "stage"];
const OFFERS: [&str; 3] = [
    OFFER,
    include_str!("../../sfu/core/src/sdp/tests/chromium_single.sdp"),
    include_str!("../../sfu/core/src/sdp/tests/firefox_publisher.sdp"),
];
const SCENARIOS: [Scenario; 8] = [
    Scenario::SpeakerUpdate(3),
    Scenario::UseTcp(true),
    Scenario::Migration,
    Scenario::ServerLeave,
    Scenario::SubscriberBandwidth(100_000),
    Scenario::DisconnectSignalOnResume(ResumeFault::AfterWords),
    Scenario::DisconnectSignalOnResume(ResumeFault::BeforeWords),
    Scenario::FullReconnect,
];
