//! Rules of one room: who is in it, who publishes and receives what, and who is told.
//!
//! It decides membership, rights, subscriptions and messages; it holds no transport, packet or socket. The
//! shard applies each [`Effect`].
//!
//! A participant's life:
//! ```text
//! join ──▶ Joined ──first transport connected──▶ Active ──leave, removal, time-out──▶ gone
//! ```

mod headcount;
pub mod limits;
pub mod message;
pub mod notice;
pub mod packet;
pub mod participant;
pub mod permission;
pub mod sid;
pub mod speakers;

pub mod admin;
mod backup;
pub mod calls;
mod presence;
pub mod publishing;
pub mod routing;
mod subscribing;
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time may begin anywhere")]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use self::calls::{CallFailure, CallId, Calls};
use self::headcount::Headcount;
use self::limits::RoomLimits;
use self::message::{
    Joined, LeaveAction, LeaveReason, ParticipantInfo, ParticipantState, Response, RoomInfo,
};
use self::notice::{Happening, Notice};
use self::participant::{Join, Participant, SignalState, Transports};
use self::presence::Presence;
use self::routing::MessageCache;
use self::sid::{Entropy, ParticipantSid, RoomSid, TrackSid};
use self::speakers::SpeakerMeter;

pub use self::admin::AdminError;
pub use self::participant::{AudioFormat, BoundTrack, Publication, PublicationState, Subscription};
pub use self::publishing::PublishError;
pub use self::routing::Routed;

/// One participant of a shard; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantKey(pub u64);

/// One publication of a shard; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicationKey(pub u64);

/// One signal connection, named by the edge; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

/// What the shard does for the room.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Say this to a participant, if it has a signal connection.
    Tell {
        /// Who.
        to: ParticipantKey,
        /// What.
        what: Response,
    },
    /// A track went live, or its publisher became visible.
    Published {
        /// Which.
        publication: PublicationKey,
    },
    /// Begin to forward.
    Attach {
        /// To whom.
        subscriber: ParticipantKey,
        /// What.
        publication: PublicationKey,
    },
    /// Stop forwarding.
    Detach {
        /// To whom.
        subscriber: ParticipantKey,
        /// What.
        publication: PublicationKey,
    },
    /// The wishes of a subscription or the mute of its publication changed.
    Tune {
        /// Whose.
        subscriber: ParticipantKey,
        /// Of what.
        publication: PublicationKey,
    },
    /// A publication is gone; every subscription of it was detached before.
    Unpublished {
        /// Whose.
        publisher: ParticipantKey,
        /// Which.
        publication: PublicationKey,
    },
    /// A participant is gone: close its transports, then its signal connection.
    Gone {
        /// Who.
        participant: ParticipantKey,
        /// Its signal connection, if it has one.
        connection: Option<ConnectionId>,
    },
    /// Another session took over this signal connection's participant: close it.
    Replaced {
        /// The connection.
        connection: ConnectionId,
    },
    /// A message to send on data channels.
    Deliver(Routed),
    /// A call of the server APIs is over.
    CallEnded {
        /// Which.
        id: CallId,
        /// The participant's answer.
        result: Result<String, CallFailure>,
    },
    /// The world outside is told.
    Notice(Box<Notice>),
    /// Nobody is left and nobody came: forget the room.
    Closed,
}

/// Why somebody may not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// As many as the room takes are in it.
    #[error("the room is full")]
    Full,
}

/// Why a resume fails; the client joins again from the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResumeError {
    /// No such session, or it is another one's.
    #[error("the session is gone")]
    StateMismatch,
}

/// One room.
#[derive(Debug)]
pub struct Room {
    sid: RoomSid,
    name: String,
    metadata: String,
    empty_timeout: Duration,
    departure_timeout: Duration,
    max_participants: u32,
    created_at_ms: i64,
    limits: RoomLimits,
    hide_audience: bool,
    participants: BTreeMap<ParticipantKey, Participant>,
    headcount: Headcount,
    /// When each token is renewed.
    renewals: BTreeSet<(Instant, ParticipantKey)>,
    identities: HashMap<String, ParticipantKey>,
    tracks: HashMap<TrackSid, PublicationKey>,
    owners: BTreeMap<PublicationKey, ParticipantKey>,
    speakers: SpeakerMeter,
    presence: Presence,
    /// Identities that reach us over TCP alone, because they asked for it.
    tcp_only: BTreeSet<String>,
    cache: MessageCache,
    calls: Calls,
    /// When it closes, while nobody is in it.
    closes_at: Option<Instant>,
    effects: VecDeque<Effect>,
}

/// What a room is opened with.
#[derive(Debug, Clone, Default)]
pub struct RoomOptions {
    /// Application's text.
    pub metadata: String,
    /// Until a room that nobody entered closes; `None`: the limits' default.
    pub empty_timeout: Option<Duration>,
    /// Until a room that everybody left closes; `None`: the limits' default.
    pub departure_timeout: Option<Duration>,
    /// 0: no limit.
    pub max_participants: u32,
    /// Those who may not publish see nobody who may not either.
    pub hide_audience: bool,
}

/// The moment of a call, on both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// Monotonic: for every deadline.
    pub instant: Instant,
    /// UTC in microseconds: for what people and clients read.
    pub unix_us: i64,
}

impl Now {
    /// UTC in milliseconds.
    #[must_use]
    pub const fn unix_ms(self) -> i64 {
        self.unix_us / 1000
    }
}

impl Room {
    /// Opens a room that nobody is in yet.
    #[must_use]
    pub fn open(
        name: &str,
        options: RoomOptions,
        limits: RoomLimits,
        entropy: &mut Entropy,
        now: Now,
    ) -> Self {
        let empty_timeout = options.empty_timeout.unwrap_or(limits.empty_timeout);
        let mut room = Self {
            sid: RoomSid::fresh(entropy),
            name: name.to_owned(),
            metadata: options.metadata,
            empty_timeout,
            departure_timeout: options.departure_timeout.unwrap_or(limits.departure_timeout),
            max_participants: options.max_participants,
            created_at_ms: now.unix_ms(),
            limits,
            hide_audience: options.hide_audience,
            participants: BTreeMap::new(),
            headcount: Headcount::default(),
            renewals: BTreeSet::new(),
            identities: HashMap::new(),
            tracks: HashMap::new(),
            owners: BTreeMap::new(),
            speakers: SpeakerMeter::default(),
            presence: Presence::default(),
            tcp_only: BTreeSet::new(),
            cache: MessageCache::default(),
            calls: Calls::default(),
            closes_at: Some(now.instant + empty_timeout),
            effects: VecDeque::new(),
        };
        room.note_room(Happening::RoomStarted);
        room
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its limits.
    #[must_use]
    pub const fn limits(&self) -> &RoomLimits {
        &self.limits
    }

    /// The next thing to do for the room. Call until `None` after every other call.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// Lets somebody in; whoever has the same identity leaves first.
    ///
    /// `key` is fresh. The first word to the newcomer is [`Response::Joined`].
    ///
    /// # Errors
    /// [`JoinError::Full`].
    pub fn join(
        &mut self,
        key: ParticipantKey,
        join: Join,
        entropy: &mut Entropy,
        now: Now,
    ) -> Result<(), JoinError> {
        let before = self.identities.get(&join.identity).copied();
        let limit = self.max_participants;
        if limit > 0 && before.is_none() && !join.permission.hidden && self.headcount.visible >= limit {
            return Err(JoinError::Full);
        }
        if let Some(before) = before {
            self.leave(before, LeaveReason::DuplicateIdentity, now);
        }
        let transports = join.transports;
        let participant = Participant::new(key, ParticipantSid::fresh(entropy), join, now);
        self.identities.insert(participant.info.identity.clone(), key);
        self.closes_at = None;
        let own = participant.info.clone();
        // It counts from the next update of the room on.
        let room = self.info();
        self.participants.insert(key, participant);
        let joined = Joined {
            room,
            others: self.others_of(key),
            subscriber_primary: own.permission.can_subscribe && transports == Transports::Two,
            fast_publish: own.permission.can_publish,
            participant: own,
        };
        self.recount(key);
        self.tell(key, Response::Joined(Box::new(joined)));
        self.refresh_token(key, now);
        self.tell_speaking(key);
        self.attach_wanted(key);
        Ok(())
    }

    /// Gives a session another signal connection.
    ///
    /// # Errors
    /// [`ResumeError::StateMismatch`] if there is no such session under this identity.
    pub fn resume(
        &mut self,
        identity: &str,
        sid: &ParticipantSid,
        connection: ConnectionId,
        now: Now,
    ) -> Result<ParticipantKey, ResumeError> {
        let key = self.identities.get(identity).copied().ok_or(ResumeError::StateMismatch)?;
        let participant = self.participants.get_mut(&key).ok_or(ResumeError::StateMismatch)?;
        if participant.info.sid != *sid {
            return Err(ResumeError::StateMismatch);
        }
        let before = std::mem::replace(&mut participant.signal, SignalState::Connected(connection));
        let last_message = participant.last_message;
        if let SignalState::Connected(before) = before {
            self.effects.push_back(Effect::Replaced { connection: before });
        }
        self.tell(key, Response::Resumed { last_message });
        self.tell_presence(key, now);
        self.tell(key, Response::RoomUpdate(self.info()));
        self.refresh_token(key, now);
        Ok(key)
    }

    /// Its first transport is connected: from now on others see it.
    pub fn activate(&mut self, key: ParticipantKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        if participant.info.state != ParticipantState::Joined {
            return;
        }
        participant.info.state = ParticipantState::Active;
        self.changed(key, now);
        self.note_joined(key);
        for publication in self.live_publications_of(key) {
            self.attach_to_everybody(publication);
        }
    }

    /// Its signal connection is gone; the session lives on until its transports are gone too.
    pub fn signal_lost(&mut self, key: ParticipantKey, connection: ConnectionId, now: Now) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        if participant.signal == SignalState::Connected(connection) {
            participant.signal = SignalState::Lost { since: now.instant };
        }
    }

    /// Takes somebody out: tells it, its subscribers and everybody who saw it.
    pub fn leave(&mut self, key: ParticipantKey, reason: LeaveReason, now: Now) {
        self.leave_with(key, reason, LeaveAction::Disconnect, now);
    }

    /// As [`Self::leave`], with what the client does next.
    pub fn leave_with(&mut self, key: ParticipantKey, reason: LeaveReason, action: LeaveAction, now: Now) {
        if !self.participants.contains_key(&key) {
            return;
        }
        self.tell(key, Response::Leave { reason, action });
        for publication in self.publications_of(key) {
            self.remove_publication(publication);
        }
        self.detach_all(key);
        self.end_calls_of(key);
        self.recount(key);
        self.note_leaving(key, reason);
        let Some(mut participant) = self.participants.remove(&key) else { return };
        self.identities.remove(&participant.info.identity);
        self.speakers.remove(key);
        participant.info.state = ParticipantState::Disconnected;
        participant.info.left = Some(reason);
        participant.info.version += 1;
        self.discount(&participant);
        if let Some(at) = participant.refresh_at {
            self.renewals.remove(&(at, key));
        }
        if participant.was_visible {
            self.departed(&participant, now);
        }
        self.counts_changed(now);
        let connection = participant.signal.connection();
        self.effects.push_back(Effect::Gone { participant: key, connection });
        if self.participants.is_empty() {
            self.closes_at = Some(now.instant + self.departure_timeout);
        }
    }

    /// Ends the room for everybody.
    pub fn close(&mut self, reason: LeaveReason, now: Now) {
        // A client that lost its server looks for the next one.
        let moves = reason == LeaveReason::ServerShutdown;
        let action = if moves { LeaveAction::Reconnect } else { LeaveAction::Disconnect };
        let keys: Vec<_> = self.participants.keys().copied().collect();
        for key in keys {
            self.leave_with(key, reason, action, now);
        }
        self.closes_at = None;
        self.note_room(Happening::RoomFinished);
        self.effects.push_back(Effect::Closed);
    }

    /// The room as clients see it.
    #[must_use]
    pub fn info(&self) -> RoomInfo {
        RoomInfo {
            sid: self.sid.clone(),
            name: self.name.clone(),
            metadata: self.metadata.clone(),
            empty_timeout_s: u32::try_from(self.empty_timeout.as_secs()).unwrap_or(u32::MAX),
            departure_timeout_s: u32::try_from(self.departure_timeout.as_secs()).unwrap_or(u32::MAX),
            max_participants: self.max_participants,
            created_at_ms: self.created_at_ms,
            participants: self.headcount.visible,
            publishers: self.headcount.publishers,
            recorded: self.headcount.recorders > 0,
        }
    }

    /// One participant as others see it.
    #[must_use]
    pub fn participant_info(&self, key: ParticipantKey) -> Option<ParticipantInfo> {
        self.participants.get(&key).map(Participant::full_info)
    }

    /// The participant of this key.
    #[must_use]
    pub fn participant(&self, key: ParticipantKey) -> Option<&Participant> {
        self.participants.get(&key)
    }

    /// The participant of this identity.
    #[must_use]
    pub fn key_of(&self, identity: &str) -> Option<ParticipantKey> {
        self.identities.get(identity).copied()
    }

    /// From its next session on, an identity is offered TCP alone, or everything again.
    pub fn prefer_tcp(&mut self, key: ParticipantKey, tcp_only: bool) {
        let Some(participant) = self.participants.get(&key) else { return };
        let identity = participant.info.identity.clone();
        if tcp_only {
            self.tcp_only.insert(identity);
        } else {
            self.tcp_only.remove(&identity);
        }
    }

    /// Whether an identity is offered TCP alone.
    #[must_use]
    pub fn is_tcp_only(&self, identity: &str) -> bool {
        self.tcp_only.contains(identity)
    }

    /// Everybody in it, hidden ones too.
    pub fn participants(&self) -> impl Iterator<Item = (ParticipantKey, &Participant)> {
        self.participants.iter().map(|(&key, participant)| (key, participant))
    }

    /// When [`Self::handle_timeout`] wants to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let tokens = self.renewals.first().map(|&(at, _)| at);
        let calls = self.calls.poll_timeout();
        [self.closes_at, self.speakers.poll_timeout(), self.presence.poll_timeout(), calls, tokens]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.closes_at.is_some_and(|at| now.instant >= at) {
            self.close(LeaveReason::RoomDeleted, now);
            return;
        }
        let changed = self.speakers.handle_timeout(now.instant);
        self.tell_loudness(&changed);
        self.flush_presence(now);
        self.end_late_calls(now);
        while let Some(&(at, key)) = self.renewals.first().filter(|(at, _)| now.instant >= *at) {
            self.renewals.remove(&(at, key));
            self.refresh_token(key, now);
        }
    }

    fn tell(&mut self, to: ParticipantKey, what: Response) {
        self.effects.push_back(Effect::Tell { to, what });
    }

    fn refresh_token(&mut self, key: ParticipantKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        let connected = participant.signal.connection().is_some();
        let next = connected.then_some(now.instant + TOKEN_REFRESH);
        if let Some(before) = std::mem::replace(&mut participant.refresh_at, next) {
            self.renewals.remove(&(before, key));
        }
        let Some(next) = next else { return };
        self.renewals.insert((next, key));
        let info = participant.info.clone();
        self.tell(key, Response::RefreshToken(Box::new(info)));
    }
}

/// LiveKit's interval; its tokens live twice as long, so a client always holds one for a reconnect.
const TOKEN_REFRESH: Duration = Duration::from_secs(300);
