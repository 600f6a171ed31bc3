//! What people do, and what happens to them.

use std::time::Duration;

use netem::LinkConfig;
use sfu_core::room::admin::ParticipantChange;
use sfu_core::room::message::{Carried, Quality, Request, TrackSettings};
use sfu_core::room::participant::{Join, Lifeline, Transports};
use sfu_core::room::permission::Permission;
use sfu_core::room::sid::{ParticipantSid, TrackSid};
use sfu_core::room::{ConnectionId, RoomOptions};
use sfu_core::shard::admin::{AdminId, AdminRequest, ParticipantRequest};
use sfu_core::shard::{Command, SignalEnd};

use super::{ClientId, Word, World};
use crate::client::{Client, ClientConfig, ClientState};
use crate::subscriber::Sink;

impl World {
    /// A client joins.
    pub fn join(&mut self, config: ClientConfig) -> ClientId {
        let number = u16::try_from(self.clients.len()).unwrap();
        let seed = self.seed.wrapping_mul(1_000).wrapping_add(u64::from(number));
        let command = join_command(number, &config, None);
        let instant = self.began + self.now;
        self.clients.push(Client::new(number, config, seed, self.began, instant));
        self.say(usize::from(number), Word::Command(command));
        ClientId(usize::from(number))
    }

    /// A client's signal connection breaks, and it goes on with its session on another.
    pub fn resume(&mut self, client: ClientId) {
        let connection = ConnectionId(client.0 as u64);
        let known = &self.clients[client.0];
        let sid = known.sid.as_deref().map(ParticipantSid::from_wire);
        let again = join_command(known.number, &known.config, sid);
        let ended = Command::SignalEnded { connection, end: SignalEnd::Silent };
        self.say(client.0, Word::Command(ended));
        self.say(client.0, Word::Command(again));
    }

    /// A client publishes its camera no more, or again.
    pub fn withdraw_camera(&mut self, client: ClientId, is_withdrawn: bool) {
        self.clients[client.0].withdraw_camera(is_withdrawn);
        for request in std::mem::take(&mut self.clients[client.0].requests) {
            self.request(client, request);
        }
    }

    /// An administrator changes what a client may do.
    pub fn permit(&mut self, client: ClientId, permission: Permission) {
        let change = ParticipantChange { permission: Some(permission), ..ParticipantChange::default() };
        let request = AdminRequest::Participant {
            room: format!("room {}", self.clients[client.0].config.room),
            identity: format!("client {}", client.0),
            what: ParticipantRequest::Update(change),
        };
        self.say(client.0, Word::Command(Command::Admin { id: AdminId(1), request }));
    }

    /// A client says something on its signal connection.
    pub fn request(&mut self, client: ClientId, request: Request) {
        let connection = ConnectionId(client.0 as u64);
        self.say(client.0, Word::Command(Command::Request { connection, request: Box::new(request) }));
    }

    /// A client leaves without a word: its socket closes.
    pub fn vanish(&mut self, client: ClientId) {
        let connection = ConnectionId(client.0 as u64);
        self.clients[client.0].state = ClientState::Left;
        let down = LinkConfig { is_down: true, ..LinkConfig::default() };
        self.set_path(client, down, down);
        self.words.push_back((
            self.now,
            Word::Command(Command::SignalEnded { connection, end: SignalEnd::Closed }),
        ));
    }

    /// A client's paths change now.
    pub fn set_path(&mut self, client: ClientId, up: LinkConfig, down: LinkConfig) {
        self.clients[client.0].up.set(up);
        self.clients[client.0].down.set(down);
    }

    /// A client's paths will change at these times.
    pub fn follow(
        &mut self,
        client: ClientId,
        up: &[(Duration, LinkConfig)],
        down: &[(Duration, LinkConfig)],
    ) {
        self.clients[client.0].up.follow(up.iter().copied());
        self.clients[client.0].down.follow(down.iter().copied());
    }

    /// A client's peer connections go on from other ports.
    pub fn move_client(&mut self, client: ClientId) {
        let now = self.began + self.now;
        let client = &mut self.clients[client.0];
        let port = 20_000 + 2 * client.number;
        client.publisher.leg.move_to(port, now);
        if let Some(leg) = &mut client.second {
            leg.move_to(port + 1, now);
        }
    }

    /// A client mutes its camera, or shows it again.
    pub fn mute_camera(&mut self, client: ClientId, muted: bool) {
        let now = self.began + self.now;
        let Some(track) = self.clients[client.0].own[1].clone() else { return };
        if let Some(camera) = &mut self.clients[client.0].publisher.camera {
            camera.is_muted = muted;
        }
        for other in &mut self.clients {
            for known in other.subscriber.tracks.iter_mut().filter(|known| known.sid == track) {
                if let Sink::Picture(picture) = &mut known.sink {
                    picture.set_paused(muted, now);
                }
            }
        }
        self.request(client, Request::Mute { track: TrackSid::from_wire(&track), muted });
    }

    /// A client says something to everybody on its reliable channel; false while it has none.
    pub fn send_message(&mut self, client: ClientId, text: &str) -> bool {
        let now = self.began + self.now;
        self.clients[client.0].receiving_mut().send_message(now, &user_packet(text))
    }

    /// A client subscribes to a track of another, or no longer wants it.
    pub fn subscribe(&mut self, client: ClientId, of: ClientId, picture: bool, wanted: bool) {
        let Some(track) = self.clients[of.0].own[usize::from(picture)].clone() else { return };
        let tracks = vec![TrackSid::from_wire(&track)];
        self.request(client, Request::Subscribe { tracks, subscribe: wanted });
    }

    /// The next step of a room's logic panics; in debug builds only.
    #[cfg(debug_assertions)]
    pub fn break_room(&mut self, room: u16) {
        self.break_room_on(0, room);
    }

    /// The same on one of the shards that a room spans.
    #[cfg(debug_assertions)]
    pub fn break_room_on(&mut self, shard: usize, room: u16) {
        let name = format!("room {room}");
        let home = self.shards[0].room_to_break(&name);
        self.shards[shard].break_room(home);
    }

    /// A client says how much of another's picture it has use for.
    pub fn watch_at(&mut self, client: ClientId, of: ClientId, quality: Quality) {
        let Some(track) = self.clients[of.0].own[1].clone() else { return };
        let tracks = vec![TrackSid::from_wire(&track)];
        let settings = TrackSettings { quality, ..TrackSettings::DEFAULT };
        self.request(client, Request::TrackSettings { tracks, settings });
    }
}

/// A LiveKit `DataPacket` with a `UserPacket` whose payload is this text.
fn user_packet(text: &str) -> Vec<u8> {
    let len = u8::try_from(text.len()).unwrap();
    [&[0x12, len + 2, 0x12, len], text.as_bytes()].concat()
}

fn join_command(number: u16, config: &ClientConfig, resume: Option<ParticipantSid>) -> Command {
    let publishes = config.camera.is_some() || config.has_microphone;
    let join = Join {
        identity: format!("client {number}"),
        name: String::new(),
        metadata: String::new(),
        attributes: std::collections::BTreeMap::new(),
        permission: Permission { can_publish: publishes, ..Permission::speaker() },
        auto_subscribe: true,
        adaptive_stream: true,
        may_pause: true,
        kind: Carried(0),
        kind_details: Vec::new(),
        client_protocol: Carried(0),
        capabilities: Vec::new(),
        receives_red: config.red,
        transports: if config.is_single { Transports::Single } else { Transports::Two },
        connection: Some(ConnectionId(u64::from(number))),
        lifeline: Lifeline::Signal,
        moderates: false,
    };
    Command::Join {
        connection: ConnectionId(u64::from(number)),
        room: format!("room {}", config.room),
        join: Box::new(join),
        resume,
        options: RoomOptions::default(),
    }
}
