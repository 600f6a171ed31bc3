//! A participant's place in a shard: its transports, its signal connection, its deadlines.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::away::AwaySeat;
use super::binding::Offered;
use super::mixer::{LinkId, TrackHandle, Watched};
use super::peer::{Negotiation, Sections, TransportKey};
use super::timers::Timer;
use super::{RoomKey, Shard, SignalEnd};
use crate::room::message::{ConnectionQuality, LeaveAction, LeaveReason, ParticipantState, ResumeFault};
use crate::room::participant::Lifeline;
use crate::room::{ConnectionId, ParticipantKey};

/// One participant's place.
pub(super) struct Seat {
    pub(super) room: RoomKey,
    pub(super) lifeline: Lifeline,
    pub(super) connection: Option<ConnectionId>,
    /// How and when the signal connection went.
    pub(super) signal_lost: Option<(Instant, SignalEnd)>,
    pub(super) publisher: Option<TransportKey>,
    pub(super) subscriber: Option<TransportKey>,
    pub(super) offered: Offered,
    /// The mixer's link, if it is one.
    pub(super) mixer: Option<MixerSeat>,
    pub(super) joined_at: Instant,
    /// It is told TCP candidates alone.
    pub(super) tcp_only: bool,
    /// Bytes that it may still send on data channels, and since when.
    pub(super) message_budget: (f64, Instant),
    /// The next resume fails on purpose, for a client's own test.
    pub(super) resume_fault: Option<ResumeFault>,
    /// Connection qualities that it was told.
    pub(super) told_qualities: BTreeMap<ParticipantKey, ConnectionQuality>,
    /// Pictures that do not fit its path may be left out.
    pub(super) may_pause: bool,
    /// Its sound may be RED.
    pub(super) receives_red: bool,
    pub(super) place: Place,
}

/// Where a participant's room and transports are.
#[derive(Debug)]
pub(super) enum Place {
    /// Both are here.
    Here,
    /// The room is here, its transports are on another shard.
    Away(AwaySeat),
    /// Its transports are here, the room is on another shard.
    Guest(GuestSeat),
}

/// What the home of a guest was told.
#[derive(Debug, Default)]
pub(super) struct GuestSeat {
    pub(super) told_alive: bool,
    pub(super) told_quality: Option<ConnectionQuality>,
}

/// A mixer's place.
pub(super) struct MixerSeat {
    pub(super) link: LinkId,
    pub(super) watched: Vec<Watched>,
    pub(super) last_handle: u16,
}

impl MixerSeat {
    pub(super) fn next_handle(&mut self) -> TrackHandle {
        self.last_handle = self.last_handle.wrapping_add(1);
        TrackHandle(self.last_handle)
    }
}

impl Seat {
    pub(super) fn new(
        room: RoomKey,
        connection: Option<ConnectionId>,
        lifeline: Lifeline,
        now: Instant,
    ) -> Self {
        Self {
            room,
            lifeline,
            connection,
            signal_lost: None,
            publisher: None,
            subscriber: None,
            offered: Offered::default(),
            mixer: None,
            joined_at: now,
            tcp_only: false,
            message_budget: (0.0, now),
            resume_fault: None,
            told_qualities: BTreeMap::new(),
            may_pause: false,
            receives_red: false,
            place: Place::Here,
        }
    }

    /// It has a transport on which it receives, here or on another shard.
    pub(super) const fn receives(&self) -> bool {
        self.subscriber.is_some() || matches!(self.place, Place::Away(_))
    }

    pub(super) const fn is_guest(&self) -> bool {
        matches!(self.place, Place::Guest(_))
    }
}

/// LiveKit's time: an offer without answer means that the client is stuck.
pub(super) const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// A closed socket and a stalled path together mean a killed page; a reload or a changed network comes back
/// within two or three of the client's retries (0, 0.3, 1.2, 2.7, 4.8 s).
const CLOSED_WINDOW: Duration = Duration::from_secs(10);

/// How often a session without signal connection is looked at.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Shard {
    /// Looks after one participant: joins that never connect, offers, vanished clients.
    pub(super) fn on_seat_timeout(&mut self, key: ParticipantKey, now: Instant) {
        if let Some((reason, action)) = self.verdict(key, now) {
            self.dismiss(key, reason, action, now);
            return;
        }
        self.offer_if_due(key, now);
        self.schedule_seat(key, now);
    }

    /// Sets the participant's next deadline.
    pub(super) fn schedule_seat(&mut self, key: ParticipantKey, now: Instant) {
        let Some(seat) = self.seats.get(&key) else { return };
        let joining = self.is_joining(key).then(|| seat.joined_at + self.config.limits.join_timeout);
        let lost = seat.signal_lost.map(|(since, _)| (since + CLOSED_WINDOW).max(now + LOOK_AGAIN));
        let negotiation = seat.subscriber.and_then(|peer| self.peers.get_mut(peer)?.subscribing()).and_then(
            |subscribing| match subscribing.negotiation {
                Negotiation::Stable { .. } => None,
                Negotiation::Due { at } => Some(at),
                Negotiation::InFlight { since } => Some(since + ANSWER_TIMEOUT),
            },
        );
        let at = [joining, lost, negotiation].into_iter().flatten().min();
        self.timers.schedule(Timer::Seat(key), at);
    }

    /// Why it must go, if it must.
    fn verdict(&mut self, key: ParticipantKey, now: Instant) -> Option<(LeaveReason, LeaveAction)> {
        let joining = self.is_joining(key);
        let alive = self.is_alive(key);
        let seat = self.seats.get(&key)?;
        if joining && now >= seat.joined_at + self.config.limits.join_timeout {
            return Some((LeaveReason::JoinFailure, LeaveAction::Reconnect));
        }
        if let Some((since, end)) = seat.signal_lost {
            let window = match end {
                SignalEnd::Closed => CLOSED_WINDOW,
                SignalEnd::Silent => self.config.limits.resume_window,
            };
            if !alive && now >= since + window {
                return Some((LeaveReason::ConnectionTimeout, LeaveAction::Disconnect));
            }
        }
        let subscribing = self.peers.get_mut(seat.subscriber?)?.subscribing()?;
        let ours = matches!(subscribing.sections, Sections::Ours { .. });
        match subscribing.negotiation {
            Negotiation::InFlight { since } if ours && now >= since + ANSWER_TIMEOUT => {
                let connected = self.seats.get(&key)?.connection.is_some();
                // Without a signal connection no answer can come; a resume offers again.
                connected.then_some((LeaveReason::JoinFailure, LeaveAction::Reconnect))
            }
            Negotiation::InFlight { .. } | Negotiation::Due { .. } | Negotiation::Stable { .. } => None,
        }
    }

    fn is_joining(&self, key: ParticipantKey) -> bool {
        let Some(seat) = self.seats.get(&key) else { return false };
        let participant = self.rooms.get(&seat.room).and_then(|room| room.participant(key));
        participant.is_some_and(|p| p.info.state == ParticipantState::Joined)
    }

    pub(super) fn is_alive(&self, key: ParticipantKey) -> bool {
        let Some(seat) = self.seats.get(&key) else { return false };
        let away = if let Place::Away(away) = &seat.place { away.is_alive } else { false };
        let alive = |peer: Option<usize>| peer.and_then(|p| self.peers.get(p)).is_some_and(|p| p.is_alive());
        alive(seat.publisher) || alive(seat.subscriber) || away
    }
}
