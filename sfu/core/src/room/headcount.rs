//! How many are in a room, kept up to date one participant at a time.
//!
//! A room tells these counts with each notice and join; counting everybody anew each time would make the
//! joins of a crowd cost its square.

use super::participant::Participant;
use super::{ParticipantKey, Room};

/// What one participant adds to the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Share {
    visible: bool,
    publishes: bool,
    records: bool,
}

impl Share {
    fn of(participant: &Participant) -> Self {
        let visible = !participant.info.permission.hidden;
        let publishes = visible && participant.publishes();
        Self { visible, publishes, records: participant.info.permission.recorder }
    }
}

/// The sum of all shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Headcount {
    /// Participants that are not hidden.
    pub(super) visible: u32,
    /// Of them, those with a live track.
    pub(super) publishers: u32,
    /// Recorders, hidden or not.
    pub(super) recorders: u32,
}

impl Headcount {
    fn replace(&mut self, before: Share, after: Share) {
        for (count, before, after) in [
            (&mut self.visible, before.visible, after.visible),
            (&mut self.publishers, before.publishes, after.publishes),
            (&mut self.recorders, before.records, after.records),
        ] {
            *count = *count + u32::from(after) - u32::from(before);
        }
    }
}

impl Room {
    /// Counts a participant again, after it came, or its rights or its tracks changed.
    pub(super) fn recount(&mut self, key: ParticipantKey) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        let after = Share::of(participant);
        self.headcount.replace(std::mem::replace(&mut participant.share, after), after);
    }

    /// Counts a participant no more.
    pub(super) fn discount(&mut self, participant: &Participant) {
        self.headcount.replace(participant.share, Share::default());
    }
}
