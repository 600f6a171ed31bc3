//! One shard: rooms, their participants' transports, and the media between them, tied together.
//!
//! It decides which transport a datagram belongs to, applies what rooms decide, and keeps every deadline. It
//! opens no socket and reads no clock: the edge feeds it and sends what it wrote.
//!
//! ```text
//! commands ─▶ rooms ──effects──▶ seats (transports of a participant) ──▶ events to signal connections
//! datagrams ─▶ transports ─▶ publications ─▶ downlinks ─▶ send arena
//! ```
//!
//! After any number of `handle_*` calls, [`Shard::relay`] hands what arrived to other shards and
//! [`Shard::end_turn`] forwards it; then take the arena, [`Shard::poll_transmit`] and [`Shard::poll_event`], and
//! wait until [`Shard::poll_timeout`].

pub mod admin;
pub mod mixer;
pub mod relay;

mod away;
mod binding;
mod carrying;
mod channels;
mod commands;
mod connection;
mod downlink;
mod effects;
mod figures;
mod guard;
mod guests;
mod media;
mod mixers;
mod pacing;
mod peer;
mod publisher;
mod quality;
mod seat;
mod seating;
mod subscriber;
mod timers;
mod transports;

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time may begin anywhere")]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use slab::Slab;

use self::admin::{AdminId, AdminReply, AdminRequest};
use self::downlink::Downlink;
use self::guard::Work;
use self::media::{Media, MediaKey};
use self::mixer::{LinkId, MixerCommand, MixerMessage};
use self::peer::{Peer, TransportKey};
use self::relay::{Batches, PacketBatch, Report, ShardIndex, Word};
use self::seat::Seat;
use self::seating::Seating;
use self::timers::{Timer, Timers};
use crate::bwe::Bitrate;
use crate::forward::SendArena;
use crate::room::admin::AdminError;
use crate::room::limits::RoomLimits;
use crate::room::message::{LeaveReason, Request, Response};
use crate::room::notice::Notice;
use crate::room::participant::Join;
use crate::room::sid::{Entropy, ParticipantSid};
use crate::room::{ConnectionId, Now, ParticipantKey, PublicationKey, Room, RoomOptions};
use crate::sdp::{Candidate, SdpLimits};
use crate::seed::Seed;
use crate::transport::{Config as TransportConfig, Path, Transmit};

pub use self::figures::{RelayCounters, ShardStats};
#[cfg(debug_assertions)]
pub use self::guard::Breakable;
pub use self::seating::{ROOM_PARTICIPANTS_PER_SHARD, SeatingConfig};

/// What a shard is made with.
#[derive(Debug, Clone)]
pub struct ShardConfig {
    /// Of all its transports.
    pub transport: TransportConfig,
    /// Addresses that clients are told, in order of preference; at least one.
    pub candidates: Vec<Candidate>,
    /// Of each of its rooms.
    pub limits: RoomLimits,
    /// Of each session description.
    pub sdp: SdpLimits,
    /// Most open rooms.
    pub rooms: usize,
    /// In its rooms, those who may not publish do not see each other.
    pub hide_audience: bool,
    /// Bytes of the send arena: what may wait to be sent.
    pub arena_bytes: usize,
    /// Where it stands among other shards.
    pub seating: SeatingConfig,
}

/// From the edge.
#[derive(Debug)]
pub enum Command {
    /// A signal connection was opened for this participant.
    Join {
        /// The connection.
        connection: ConnectionId,
        /// Room name.
        room: String,
        /// As whom.
        join: Box<Join>,
        /// The session to go on with.
        resume: Option<ParticipantSid>,
        /// Of the room, if this opens it.
        options: RoomOptions,
    },
    /// A participant says something.
    Request {
        /// Through this connection.
        connection: ConnectionId,
        /// What.
        request: Box<Request>,
    },
    /// A signal connection is gone.
    SignalEnded {
        /// The connection.
        connection: ConnectionId,
        /// How it went.
        end: SignalEnd,
    },
    /// An administrator asks.
    Admin {
        /// Names the question.
        id: AdminId,
        /// The question.
        request: AdminRequest,
    },
    /// A mixer says something.
    Mixer {
        /// Through this link.
        link: LinkId,
        /// What.
        command: MixerCommand,
    },
    /// The server stops: everybody is told to go elsewhere.
    Close,
}

/// How a signal connection ended without `leave`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalEnd {
    /// The peer's machine closed it: its process is gone, or its network changed.
    Closed,
    /// Nothing was heard for too long: its network is gone, and may come back.
    Silent,
}

/// To the edge.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Say this on a signal connection.
    Say {
        /// The connection.
        connection: ConnectionId,
        /// What.
        response: Box<Response>,
    },
    /// Close a signal connection after all that was said on it.
    CloseConnection(ConnectionId),
    /// The reply to an administrator.
    Admin {
        /// Of this question.
        id: AdminId,
        /// The reply.
        reply: Result<AdminReply, AdminError>,
    },
    /// Say this to a mixer.
    Mixer {
        /// Through this link.
        link: LinkId,
        /// What.
        message: MixerMessage,
    },
    /// A TCP connection carries a transport: it is not a stranger.
    PathClaimed(Path),
    /// Tell the world outside.
    Notice {
        /// What.
        notice: Box<Notice>,
        /// When, in UTC.
        unix_us: i64,
    },
}

/// Where forwarded media goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// To a participant: sealed datagrams.
    Path(Path),
    /// To a mixer: plaintext RTP of this track.
    Mixer(LinkId, mixer::TrackHandle),
}

/// One room of a process; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct RoomKey(u64);

impl RoomKey {
    /// The shard on which the room lives.
    fn home(self) -> ShardIndex {
        ShardIndex::of_key(self.0)
    }
}

/// Sends what the arena holds and clears it.
pub type Send<'a> = &'a mut dyn FnMut(&mut SendArena<Destination>);

/// The state machine of one shard thread.
pub struct Shard {
    config: ShardConfig,
    entropy: Entropy,
    /// The start, on both clocks.
    start: Now,
    /// The last key that was given out, of any kind.
    last_key: u64,
    rooms: BTreeMap<RoomKey, Room>,
    names: HashMap<String, RoomKey>,
    seats: BTreeMap<ParticipantKey, Seat>,
    connections: HashMap<ConnectionId, ParticipantKey>,
    links: BTreeMap<LinkId, ParticipantKey>,
    peers: Slab<Peer>,
    ufrags: HashMap<String, TransportKey>,
    paths: HashMap<Path, TransportKey>,
    media: Slab<Media>,
    media_of: HashMap<PublicationKey, MediaKey>,
    downlinks: Slab<Downlink>,
    /// Publications with packets that are not forwarded yet.
    fresh: Vec<MediaKey>,
    timers: Timers,
    seating: Seating,
    /// For other shards.
    words: VecDeque<(ShardIndex, Word)>,
    relayed: VecDeque<(ShardIndex, Arc<PacketBatch>)>,
    batches: Batches,
    /// Publications of other shards of which something else may be wanted now.
    unsettled: Vec<MediaKey>,
    arena: SendArena<Destination>,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
    stats: ShardStats,
    /// Reused for each RTCP compound packet.
    rtcp: Vec<u8>,
    closing: bool,
    /// The next step of this room panics.
    #[cfg(debug_assertions)]
    broken: Option<RoomKey>,
}

impl Shard {
    /// A shard without rooms. `seed` must be fresh: its secrets and names come from it.
    #[must_use]
    pub fn new(config: ShardConfig, seed: Seed, start: Now) -> Self {
        let arena = SendArena::new(config.arena_bytes);
        let (seating, first_key) = (Seating::new(config.seating), config.seating.index.first_key());
        Self {
            config,
            entropy: Entropy::new(seed),
            start,
            last_key: first_key,
            rooms: BTreeMap::new(),
            names: HashMap::new(),
            seats: BTreeMap::new(),
            connections: HashMap::new(),
            links: BTreeMap::new(),
            peers: Slab::new(),
            ufrags: HashMap::new(),
            paths: HashMap::new(),
            media: Slab::new(),
            media_of: HashMap::new(),
            downlinks: Slab::new(),
            fresh: Vec::new(),
            timers: Timers::default(),
            seating,
            words: VecDeque::new(),
            relayed: VecDeque::new(),
            batches: Batches::default(),
            unsettled: Vec::new(),
            arena,
            transmits: VecDeque::new(),
            events: VecDeque::new(),
            stats: ShardStats::default(),
            rtcp: Vec::new(),
            closing: false,
            #[cfg(debug_assertions)]
            broken: None,
        }
    }

    /// Next datagram to send that is no media. Call until `None` after every turn.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// Next event. Call until `None` after every turn.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Media of this turn; send it, then [`SendArena::clear`] it.
    pub fn arena(&mut self) -> &mut SendArena<Destination> {
        &mut self.arena
    }

    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        self.timers.next_deadline()
    }

    /// What the path to a participant carries; `None` for one who receives by no transport of this shard. For
    /// tests: it looks at every seat.
    #[must_use]
    pub fn estimate(&self, connection: ConnectionId) -> Option<Bitrate> {
        let seat = self.seats.values().find(|seat| seat.connection == Some(connection))?;
        let subscribing = self.peers.get(seat.subscriber?)?.role.receives()?;
        Some(subscribing.outbound.congestion.bwe().bitrate())
    }

    /// Subscribers who wait for a keyframe that nobody has asked their publisher for: none between two turns. For
    /// tests: it looks at every subscription.
    #[must_use]
    pub fn unasked_keyframes(&self) -> usize {
        let waits = |downlink: &downlink::Downlink| {
            let forwarding = downlink.forwarding.as_ref().filter(|forwarding| !forwarding.is_held())?;
            let encoding = forwarding.waits_for()?;
            let media = self.media.get(downlink.media).filter(|media| !media.is_carried())?;
            Some(!media.reception.codec().is_audio() && !media.reception.is_keyframe_requested(encoding))
        };
        self.downlinks.iter().filter(|(_, downlink)| waits(downlink) == Some(true)).count()
    }

    /// Everybody is gone, as after [`Command::Close`], and nothing of them is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let people = self.rooms.len() + self.seats.len() + self.peers.len();
        people + self.media.len() + self.media_of.len() + self.downlinks.len() == 0
    }

    /// Acts on all deadlines that have passed; `send` as in [`Self::end_turn`].
    pub fn handle_timeout(&mut self, now: Instant, send: Send<'_>) {
        // Each once: a deadline that is set to the past meanwhile waits for the next turn.
        let due: Vec<Timer> = std::iter::from_fn(|| self.timers.pop_due(now)).collect();
        for timer in due {
            let work = self.room_of_timer(timer).into();
            self.guard(&work, now, |shard| shard.on_timer(timer, now));
            if self.arena.is_ripe() {
                send(&mut self.arena);
            }
        }
    }

    fn on_timer(&mut self, timer: Timer, now: Instant) {
        match timer {
            Timer::Transport(key) => self.on_transport_timeout(key, now),
            Timer::Room(key) => self.on_room_timeout(key, now),
            Timer::Seat(key) => self.on_seat_timeout(key, now),
            Timer::Reception(key) => self.on_reception_timeout(key, now),
            Timer::Qualities(key) => self.on_qualities_timeout(key, now),
            Timer::Connections => self.on_connections_timeout(now),
            Timer::Feedback(key) => self.on_feedback_timeout(key, now),
            Timer::Sending(key) => self.on_sending_timeout(key, now),
            Timer::Pacing(key) => self.on_pacing_timeout(key, now),
            Timer::Relay(key) => self.on_relay_timeout(key, now),
        }
    }

    fn now(&self, instant: Instant) -> Now {
        let passed = instant.saturating_duration_since(self.start.instant);
        let passed = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
        Now { instant, unix_us: self.start.unix_us.saturating_add(passed) }
    }

    fn next_key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }

    fn room_of(&mut self, key: ParticipantKey) -> Option<(RoomKey, &mut Room)> {
        let room = self.seats.get(&key)?.room;
        Some((room, self.rooms.get_mut(&room)?))
    }

    fn say(&mut self, key: ParticipantKey, response: Response) {
        let Some(seat) = self.seats.get(&key) else { return };
        let response = Box::new(response);
        if seat.is_guest() {
            self.report_home(seat.room.home(), Report::Say(key, response));
        } else if let Some(connection) = seat.connection {
            self.events.push_back(Event::Say { connection, response });
        }
    }

    fn close_everything(&mut self, now: Instant) {
        self.closing = true;
        let keys: Vec<_> = self.rooms.keys().copied().collect();
        for key in keys {
            self.guard(&Work::Room(key), now, |shard| {
                let at = shard.now(now);
                if let Some(room) = shard.rooms.get_mut(&key) {
                    room.close(LeaveReason::ServerShutdown, at);
                }
                shard.apply_effects(key, now);
            });
        }
    }
}
