//! What a room tells the world outside: its beginning and end, who came and went, what was published.
//!
//! It decides which changes are told, and in which order: those of one room in the order in which they
//! happened. How they travel is the edge's business (LiveKit's webhooks).

use super::message::{LeaveReason, ParticipantInfo, ParticipantState, RoomInfo, TrackInfo};
use super::participant::SignalState;
use super::{Effect, ParticipantKey, PublicationKey, Room};

/// One thing that happened, with everything as it was just then.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// What happened.
    pub what: Happening,
    /// In this room.
    pub room: RoomInfo,
    /// To this participant; `None` when it concerns the room alone.
    pub participant: Option<ParticipantInfo>,
    /// To this track, when it concerns one.
    pub track: Option<TrackInfo>,
}

/// Kinds of happenings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Happening {
    /// The room is open.
    RoomStarted,
    /// The room is closed.
    RoomFinished,
    /// A participant's media path stands.
    ParticipantJoined,
    /// A participant that had joined is gone.
    ParticipantLeft,
    /// A participant is gone before its media path stood.
    ParticipantConnectionAborted,
    /// A track of a joined participant is live.
    TrackPublished,
    /// It is not any more.
    TrackUnpublished,
}

impl Room {
    pub(super) fn note_room(&mut self, what: Happening) {
        let notice = Notice { what, room: self.info(), participant: None, track: None };
        self.effects.push_back(Effect::Notice(Box::new(notice)));
    }

    /// It has joined: tells that, and what it published before.
    pub(super) fn note_joined(&mut self, key: ParticipantKey) {
        self.note_participant(Happening::ParticipantJoined, key, None);
        for publication in self.live_publications_of(key) {
            self.note_track(Happening::TrackPublished, publication);
        }
    }

    /// It is about to go.
    pub(super) fn note_leaving(&mut self, key: ParticipantKey, reason: LeaveReason) {
        let joined = self.has_joined(key);
        let what = if joined { Happening::ParticipantLeft } else { Happening::ParticipantConnectionAborted };
        self.note_participant(what, key, Some(reason));
    }

    /// A live track of a joined participant came or is about to go.
    pub(super) fn note_track(&mut self, what: Happening, publication: PublicationKey) {
        let source = self.publication(publication).filter(|p| p.is_live() && p.backs_up.is_none());
        let Some(source) = source else { return };
        let track = Some(source.info.clone());
        let Some(&owner) = self.owners.get(&publication) else { return };
        if self.has_joined(owner) {
            let participant = self.participant_info(owner);
            let notice = Notice { what, room: self.info(), participant, track };
            self.effects.push_back(Effect::Notice(Box::new(notice)));
        }
    }

    fn note_participant(&mut self, what: Happening, key: ParticipantKey, left: Option<LeaveReason>) {
        let Some(participant) = self.participants.get(&key) else { return };
        if participant.signal == SignalState::None {
            // A mixer is the server's own hand.
            return;
        }
        let mut info = participant.full_info();
        if left.is_some() {
            (info.state, info.left) = (ParticipantState::Disconnected, left);
        }
        let notice = Notice { what, room: self.info(), participant: Some(info), track: None };
        self.effects.push_back(Effect::Notice(Box::new(notice)));
    }

    fn has_joined(&self, key: ParticipantKey) -> bool {
        self.participants.get(&key).is_some_and(|p| p.info.state == ParticipantState::Active)
    }
}
