//! A panic in one room's logic ends that room and no other.
//!
//! Every entry into the shard runs inside [`Shard::guard`], which knows the room before it begins. What a
//! panic leaves half done inside the room goes with the room; what rooms share (timers, maps, the arena) is
//! only ever changed by whole steps of the standard library's containers. Transports have their own guard:
//! a panic in ICE, DTLS, SRTP or SCTP ends that transport alone (`transport.rs`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::admin::{AdminId, AdminReply, AdminRequest};
use super::mixer::MixerCommand;
use super::relay::{Order, Report, Word, WordKind};
use super::timers::Timer;
use super::{Command, Event, RoomKey, Shard};
use crate::room::admin::AdminError;
use crate::room::message::{LeaveAction, LeaveReason};
use crate::room::{ConnectionId, Effect, ParticipantKey, PublicationKey, Room};

/// Which room a piece of work is for.
pub(super) enum Work {
    /// This one.
    Room(RoomKey),
    /// The one of this name; it may be opened by the work.
    Named(String),
    /// None: it only looks something up.
    Nobody,
}

impl From<Option<RoomKey>> for Work {
    fn from(room: Option<RoomKey>) -> Self {
        room.map_or(Self::Nobody, Self::Room)
    }
}

impl Shard {
    /// Does a piece of work; if it panics, its room ends, everybody in it is told to come again, and the
    /// panic is counted and logged. Returns whether the work was done.
    pub(super) fn guard(&mut self, work: &Work, now: Instant, act: impl FnOnce(&mut Self)) -> bool {
        let is_done = catch_unwind(AssertUnwindSafe(|| act(self))).is_ok();
        if !is_done {
            self.stats.room_panics += 1;
            let room = match work {
                Work::Room(key) => Some(*key),
                Work::Named(name) => self.names.get(name).copied(),
                Work::Nobody => None,
            };
            match room {
                Some(key) => self.abandon(key, now),
                None => tracing::error!("work for no room panicked; it is left undone"),
            }
        }
        is_done
    }

    /// The room that a command is for.
    pub(super) fn work_of(&self, command: &Command) -> Work {
        match command {
            Command::Join { room, .. } => Work::Named(room.clone()),
            Command::Request { connection, .. } | Command::SignalEnded { connection, .. } => {
                self.connections.get(connection).and_then(|&key| self.seat_room(key)).into()
            }
            Command::Mixer { command: MixerCommand::Enter { room, .. }, .. } => Work::Named(room.clone()),
            Command::Mixer { link, .. } => self.links.get(link).and_then(|&key| self.seat_room(key)).into(),
            Command::Admin { request, .. } => match request {
                AdminRequest::CreateRoom { name, .. } | AdminRequest::DeleteRoom { name } => {
                    Work::Named(name.clone())
                }
                AdminRequest::ListRooms { .. } => Work::Nobody,
                AdminRequest::ListParticipants { room }
                | AdminRequest::Participant { room, .. }
                | AdminRequest::SendMessage { room, .. }
                | AdminRequest::Call { room, .. }
                | AdminRequest::SetRoomMetadata { room, .. } => Work::Named(room.clone()),
            },
            Command::Close => Work::Nobody,
        }
    }

    /// The room that a word of another shard is about.
    pub(super) fn work_of_word(&self, word: &Word) -> Work {
        let seat = |key: &ParticipantKey| self.seat_room(*key).into();
        let media = |publication: &PublicationKey| {
            self.media_of.get(publication).and_then(|&key| self.media.get(key)).map(|m| m.room).into()
        };
        match &word.0 {
            WordKind::Order(order) => match order {
                Order::Open(guest) => Work::Room(guest.room),
                Order::Receive(carried, _) | Order::Carry(carried) => Work::Room(carried.room),
                Order::Begin(key)
                | Order::Close(key)
                | Order::Resumed(key, _)
                | Order::SignalLost(key)
                | Order::Offer(key, ..)
                | Order::Answer(key, _)
                | Order::Trickle(key, _)
                | Order::Pretend(key, _)
                | Order::Detach(key, _) => seat(key),
                Order::Attach(link) | Order::Tune(link) => seat(&link.subscriber),
                Order::Deliver(delivery) => delivery.to.first().map_or(Work::Nobody, seat),
                Order::Drop(publication) | Order::Speaks(publication, _) => media(publication),
            },
            WordKind::Report(report) => match report {
                Report::Say(key, _)
                | Report::Connected(key)
                | Report::Alive(key, _)
                | Report::Quality(key, _)
                | Report::Dismiss(key, ..)
                | Report::Message { from: key, .. }
                | Report::Unplayable(key, _)
                | Report::Sections(key, _) => seat(key),
                Report::Received(publication) => media(publication),
            },
            WordKind::Media(publication, _) => media(publication),
        }
    }

    /// Who waits for the end of a command must not wait for ever.
    pub(super) fn after_panic(&mut self, waiting: &Waiting) {
        match *waiting {
            // Whoever had a seat was told with the others of the room.
            Waiting::Newcomer(connection) if !self.connections.contains_key(&connection) => {
                self.turn_away(connection, LeaveReason::ServerShutdown, LeaveAction::Reconnect);
            }
            Waiting::Administrator(id) => {
                self.events.push_back(Event::Admin { id, reply: Err(AdminError::NotFound) });
            }
            Waiting::Newcomer(_) | Waiting::Nobody => {}
        }
    }

    /// The room of a deadline's owner; [`Timer::Connections`] is everybody's.
    pub(super) fn room_of_timer(&self, timer: Timer) -> Option<RoomKey> {
        match timer {
            Timer::Room(key) => Some(key),
            Timer::Seat(key) => self.seat_room(key),
            Timer::Reception(key) | Timer::Qualities(key) | Timer::Relay(key) => {
                self.media.get(key).map(|media| media.room)
            }
            Timer::Transport(key) | Timer::Feedback(key) | Timer::Sending(key) | Timer::Pacing(key) => {
                self.peers.get(key).map(|peer| peer.room)
            }
            Timer::Connections => None,
        }
    }

    fn seat_room(&self, key: ParticipantKey) -> Option<RoomKey> {
        self.seats.get(&key).map(|seat| seat.room)
    }

    /// Takes a room apart without asking its logic, which is broken.
    fn abandon(&mut self, room_key: RoomKey, now: Instant) {
        let Some(room) = self.rooms.remove(&room_key) else {
            tracing::error!(home = room_key.home().0, "what this shard does for a room of another panicked");
            self.abandon_guests(room_key, now);
            self.abandon_media(room_key);
            return;
        };
        self.timers.remove(Timer::Room(room_key));
        self.names.remove(room.name());
        tracing::error!(room = room.name(), "the room's logic panicked; the room ends");
        self.last_notices(room, now);
        let keys: Vec<_> =
            self.seats.iter().filter(|(_, seat)| seat.room == room_key).map(|(&key, _)| key).collect();
        for key in keys {
            let connection = self.seats.get(&key).and_then(|seat| seat.connection);
            if let Some(connection) = connection {
                self.turn_away(connection, LeaveReason::ServerShutdown, LeaveAction::Reconnect);
                self.connections.remove(&connection);
            }
            self.remove_seat(key, None, now);
        }
        // Peers whose seat the panic had already taken.
        let orphans: Vec<_> =
            self.peers.iter().filter(|(_, peer)| peer.room == room_key).map(|(key, _)| key).collect();
        orphans.into_iter().for_each(|key| self.remove_peer(key, now));
        self.abandon_media(room_key);
    }

    fn abandon_media(&mut self, room_key: RoomKey) {
        let media: Vec<_> =
            self.media.iter().filter(|(_, media)| media.room == room_key).map(|(key, _)| key).collect();
        self.downlinks.retain(|_, downlink| !media.contains(&downlink.media));
        for key in media {
            let publication = self.media[key].publication;
            self.remove_media(publication);
        }
    }

    /// Lets the world outside hear of the end, and those who wait for a call, as far as the room still can.
    fn last_notices(&mut self, mut room: Room, now: Instant) {
        let at = self.now(now);
        let closed = catch_unwind(AssertUnwindSafe(|| {
            room.close(LeaveReason::ServerShutdown, at);
            std::iter::from_fn(|| room.poll_effect()).collect::<Vec<_>>()
        }));
        for effect in closed.unwrap_or_default() {
            match effect {
                Effect::Notice(notice) => {
                    self.events.push_back(Event::Notice { notice, unix_us: at.unix_us });
                }
                Effect::CallEnded { id, result } => {
                    let reply = result.map(AdminReply::Called).map_err(AdminError::Call);
                    self.events.push_back(Event::Admin { id: AdminId(id.0), reply });
                }
                // The seats go all together.
                Effect::Tell { .. }
                | Effect::Published { .. }
                | Effect::Attach { .. }
                | Effect::Detach { .. }
                | Effect::Tune { .. }
                | Effect::Unpublished { .. }
                | Effect::Gone { .. }
                | Effect::Replaced { .. }
                | Effect::Deliver(_)
                | Effect::Closed => {}
            }
        }
    }

    /// A room of this shard, to break it here or where it spans to: for tests, and in no release build.
    #[cfg(debug_assertions)]
    #[must_use]
    pub fn room_to_break(&self, name: &str) -> Option<Breakable> {
        self.names.get(name).copied().map(Breakable)
    }

    /// The next step for this room panics.
    #[cfg(debug_assertions)]
    pub fn break_room(&mut self, room: Option<Breakable>) {
        self.broken = room.map(|room| room.0);
    }

    /// Panics in a room that a test broke.
    #[cfg(debug_assertions)]
    pub(super) fn fail_if_broken(&mut self, room: RoomKey) {
        if self.broken == Some(room) {
            self.broken = None;
            panic!("a test broke this room");
        }
    }

    /// No test breaks a release build.
    #[cfg(not(debug_assertions))]
    #[expect(clippy::unused_self, reason = "it does something in debug builds")]
    pub(super) const fn fail_if_broken(&self, _: RoomKey) {}
}

/// A room that a test may break.
#[cfg(debug_assertions)]
#[derive(Debug, Clone, Copy)]
pub struct Breakable(RoomKey);

/// Who waits for the end of a command.
pub(super) enum Waiting {
    /// A signal connection that was to get a seat.
    Newcomer(ConnectionId),
    /// Somebody who asked.
    Administrator(AdminId),
    /// No one.
    Nobody,
}

impl Waiting {
    pub(super) const fn of(command: &Command) -> Self {
        match command {
            Command::Join { connection, .. } => Self::Newcomer(*connection),
            Command::Admin { id, .. } => Self::Administrator(*id),
            Command::Request { .. }
            | Command::SignalEnded { .. }
            | Command::Mixer { .. }
            | Command::Close => Self::Nobody,
        }
    }
}
