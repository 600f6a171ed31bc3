//! Who is told of whose change, and when.
//!
//! A change of somebody who publishes goes out at once. Changes of mere listeners are gathered: with n
//! participants each joining once, telling all at once costs n² messages (a hall of 1,000: a million).

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::message::{ParticipantInfo, Response, Speaker};
use super::speakers::Loudness;
use super::{Now, ParticipantKey, Room};

/// Changes that wait to be told.
#[derive(Debug, Default)]
pub(super) struct Presence {
    waiting: BTreeSet<ParticipantKey>,
    due: Option<Instant>,
    /// Participants, publishers, and whether somebody records, as everybody was told.
    told_counts: (u32, u32, bool),
    /// When everybody is told the counts, if they are others then.
    counts_due: Option<Instant>,
    /// Who only pretends to speak, and until when.
    pretending: Vec<(Instant, ParticipantKey)>,
}

impl Presence {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let pretending = self.pretending.iter().map(|&(until, _)| until).min();
        [self.due, self.counts_due, pretending].into_iter().flatten().min()
    }

    pub(super) fn remove(&mut self, key: ParticipantKey) {
        self.waiting.remove(&key);
        self.pretending.retain(|&(_, known)| known != key);
    }
}

impl Room {
    /// Something that others see of this participant changed.
    pub(super) fn changed(&mut self, key: ParticipantKey, now: Now) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        participant.info.version += 1;
        self.presence.counts_due.get_or_insert(now.instant + COUNTS_INTERVAL);
        if !participant.is_visible() {
            // Others do not know of it, but it must know its own state.
            let own = participant.full_info();
            self.tell(key, Response::Update(vec![own]));
            return;
        }
        let first = !std::mem::replace(&mut participant.was_visible, true);
        let publishes = participant.publishes();
        let own = participant.full_info();
        if publishes || (first && self.participants.len() <= SMALL_ROOM) {
            self.presence.waiting.remove(&key);
            self.tell_everybody(&Response::Update(vec![own]));
            return;
        }
        self.tell(key, Response::Update(vec![own]));
        self.presence.waiting.insert(key);
        let delay = gathering_delay(self.participants.len());
        self.presence.due.get_or_insert(now.instant + delay);
    }

    /// The counts of the room may have changed: everybody is told in a while.
    pub(super) fn counts_changed(&mut self, now: Now) {
        if self.participants.is_empty() {
            self.presence.counts_due = None;
        } else {
            self.presence.counts_due.get_or_insert(now.instant + COUNTS_INTERVAL);
        }
    }

    /// Says that somebody speaks who does not, for a client's own test.
    pub fn pretend_to_speak(&mut self, key: ParticipantKey, time: Duration, now: Now) {
        self.tell_pretended(key, 0.9);
        self.presence.pretending.push((now.instant + time.min(MAX_PRETENCE), key));
    }

    pub(super) fn flush_presence(&mut self, now: Now) {
        self.flush_counts(now);
        self.end_pretences(now);
        if self.presence.due.is_none_or(|due| now.instant < due) {
            return;
        }
        self.presence.due = None;
        let waiting = std::mem::take(&mut self.presence.waiting);
        let infos: Vec<_> = waiting.into_iter().filter_map(|key| self.participant_info(key)).collect();
        if !infos.is_empty() {
            self.tell_everybody(&Response::Update(infos));
        }
    }

    fn flush_counts(&mut self, now: Now) {
        if self.presence.counts_due.is_none_or(|due| now.instant < due) {
            return;
        }
        self.presence.counts_due = None;
        let info = self.info();
        let counts = (info.participants, info.publishers, info.recorded);
        if std::mem::replace(&mut self.presence.told_counts, counts) != counts {
            self.tell_everybody(&Response::RoomUpdate(info));
        }
    }

    fn end_pretences(&mut self, now: Now) {
        let over = |&(until, _): &(Instant, ParticipantKey)| now.instant >= until;
        let ended: Vec<_> = self.presence.pretending.extract_if(.., |entry| over(entry)).collect();
        for (_, key) in ended {
            self.tell_pretended(key, 0.0);
        }
    }

    fn tell_pretended(&mut self, participant: ParticipantKey, level: f32) {
        self.tell_loudness(&[Loudness { participant, level }]);
    }

    /// Everybody that this participant may know of, itself excluded.
    pub(super) fn others_of(&self, key: ParticipantKey) -> Vec<ParticipantInfo> {
        self.participants
            .values()
            .filter(|p| p.key != key && p.is_visible())
            .map(super::Participant::full_info)
            .collect()
    }

    pub(super) fn tell_everybody(&mut self, what: &Response) {
        let keys: Vec<_> = self.participants.keys().copied().collect();
        for key in keys {
            self.tell(key, what.clone());
        }
    }

    pub(super) fn tell_loudness(&mut self, changed: &[Loudness]) {
        let speakers = self.speakers_of(changed);
        if !speakers.is_empty() {
            self.tell_everybody(&Response::Speakers(speakers));
        }
    }

    pub(super) fn tell_speaking(&mut self, key: ParticipantKey) {
        let speakers = self.speakers_of(&self.speakers.speaking());
        if !speakers.is_empty() {
            self.tell(key, Response::Speakers(speakers));
        }
    }

    /// True for somebody who speaks, or did so just now.
    #[must_use]
    pub fn spoke_lately(&self, key: ParticipantKey, now: std::time::Instant) -> bool {
        self.speakers.spoke_lately(key, now)
    }

    /// One packet's level of a publisher, in −dBov.
    pub fn handle_audio_level(&mut self, key: ParticipantKey, level: u8, now: Now) {
        self.speakers.handle_level(key, level, now.instant);
    }

    fn speakers_of(&self, loudness: &[Loudness]) -> Vec<Speaker> {
        loudness
            .iter()
            .filter_map(|l| {
                let participant = self.participants.get(&l.participant)?;
                let visible = participant.is_visible();
                visible.then(|| Speaker {
                    sid: participant.info.sid.clone(),
                    level: l.level,
                    active: l.level > 0.0,
                })
            })
            .collect()
    }
}

/// LiveKit's interval for the counts of a room.
const COUNTS_INTERVAL: Duration = Duration::from_secs(5);

/// Longest pretence.
const MAX_PRETENCE: Duration = Duration::from_secs(60);

/// Up to here a newcomer is announced at once.
const SMALL_ROOM: usize = 50;

/// 5 ms for each participant, at most LiveKit's 3 s: 1,000 listeners cost one message each per 3 s.
fn gathering_delay(participants: usize) -> Duration {
    let participants = u32::try_from(participants).unwrap_or(u32::MAX);
    Duration::from_millis(5).saturating_mul(participants).min(Duration::from_secs(3))
}
