//! Who is told of whose change, and when.
//!
//! A change of somebody who publishes goes out at once. Changes of mere listeners are gathered: with n
//! participants each joining once, telling all at once costs n² messages (a hall of 1,000: a million). Where
//! audience is hidden, those who may not publish are told of those on stage and of themselves alone.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::message::{ParticipantInfo, ParticipantState, Response, Speaker};
use super::participant::Participant;
use super::speakers::Loudness;
use super::{Now, ParticipantKey, Room};

/// Changes that wait to be told.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// In order of coming, so that a session that left is told before the next one of the same identity.
    waiting: BTreeMap<ParticipantKey, Waiting>,
    due: Option<Instant>,
    /// Who left lately: clients that were away meanwhile are told when they resume.
    departed: VecDeque<(Instant, Word)>,
    /// Participants, publishers, and whether somebody records, as everybody was told.
    told_counts: (u32, u32, bool),
    /// When everybody is told the counts, if they are others then.
    counts_due: Option<Instant>,
    /// Who only pretends to speak, and until when.
    pretending: BTreeMap<ParticipantKey, Instant>,
}

/// Whose change waits.
#[derive(Debug)]
enum Waiting {
    /// Somebody who is here; told as it is then.
    Here,
    /// Somebody who left.
    Gone(Box<Word>),
}

/// What is told of one participant.
#[derive(Debug, Clone)]
struct Word {
    info: ParticipantInfo,
    /// It is audience: see [`Participant::is_audience`].
    of_audience: bool,
}

impl Word {
    fn of(participant: &Participant) -> Self {
        Self { info: participant.full_info(), of_audience: participant.is_audience() }
    }

    /// The same participant, out of sight.
    fn departed(self) -> Self {
        let state = ParticipantState::Disconnected;
        Self { info: ParticipantInfo { state, tracks: Vec::new(), ..self.info }, ..self }
    }
}

impl Presence {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let pretending = self.pretending.values().copied().min();
        [self.due, self.counts_due, pretending].into_iter().flatten().min()
    }

    /// The last words of sessions whose identity speaks again: they must not come after the new one's first.
    fn take_gone(&mut self, identity: &str) -> Vec<Word> {
        let is_it = |_: &ParticipantKey, waiting: &mut Waiting| match waiting {
            Waiting::Gone(word) => word.info.identity == identity,
            Waiting::Here => false,
        };
        let word = |(_, waiting)| match waiting {
            Waiting::Gone(word) => Some(*word),
            Waiting::Here => None,
        };
        self.waiting.extract_if(.., is_it).filter_map(word).collect()
    }
}

impl Room {
    /// Something that others see of this participant changed.
    pub(super) fn changed(&mut self, key: ParticipantKey, now: Now) {
        self.recount(key);
        self.presence.counts_due.get_or_insert(now.instant + COUNTS_INTERVAL);
        let small = self.participants.len() <= SMALL_ROOM;
        let Some(participant) = self.participants.get_mut(&key) else { return };
        participant.info.version += 1;
        let word = Word::of(participant);
        if !participant.is_visible() {
            // Others do not know of it, but it must know its own state.
            self.tell(key, Response::Update([word.info].into()));
            return;
        }
        let first = !std::mem::replace(&mut participant.was_visible, true);
        if participant.is_publisher || (first && small) {
            self.presence.waiting.remove(&key);
            self.tell_at_once(word, Some(key));
            return;
        }
        self.tell(key, Response::Update([word.info].into()));
        self.gather(key, Waiting::Here, now);
    }

    /// Somebody left whom others saw.
    pub(super) fn departed(&mut self, participant: &Participant, now: Now) {
        let key = participant.key;
        self.presence.pretending.remove(&key);
        let word = Word::of(participant);
        self.remember_departed(&word, now);
        if participant.is_publisher || self.participants.len() <= SMALL_ROOM {
            self.presence.waiting.remove(&key);
            self.tell_at_once(word, None);
        } else {
            self.gather(key, Waiting::Gone(Box::new(word)), now);
        }
    }

    /// Its rights changed: where audience is hidden it may see others now, and others may see it, or not.
    pub(super) fn sight_changed(&mut self, key: ParticipantKey, was_audience: bool, now: Now) {
        let Some(participant) = self.participants.get(&key) else { return };
        if !self.hide_audience || participant.is_audience() == was_audience || !participant.was_visible {
            return;
        }
        let (own, is_audience) = (Word::of(participant).departed(), participant.is_audience());
        let of_others = |p: &&Participant| p.key != key && p.is_visible() && p.is_audience();
        let others = self.participants.values().filter(of_others).map(Word::of);
        if !is_audience {
            let others: Vec<_> = others.map(|word| word.info).collect();
            self.tell_some(key, others);
            return;
        }
        // Those who have left are told to the stage later, where it no longer is.
        let is_here = |word: &Word| self.identities.contains_key(&word.info.identity);
        let left = self.presence.waiting.values().filter_map(|waiting| match waiting {
            Waiting::Gone(word) if !is_here(word) => Some(Word::clone(word)),
            Waiting::Gone(_) | Waiting::Here => None,
        });
        let others: Vec<_> = left.chain(others).map(|word| word.departed().info).collect();
        self.tell_some(key, others);
        self.remember_departed(&Word { of_audience: false, ..own.clone() }, now);
        let viewers = self.participants.values().filter(|p| p.key != key && p.is_audience());
        let viewers: Vec<_> = viewers.map(|p| p.key).collect();
        let list: Arc<[_]> = [own.info].into();
        for viewer in viewers {
            self.tell(viewer, Response::Update(Arc::clone(&list)));
        }
    }

    /// Tells a client that was away who left meanwhile, then who is here, itself included.
    pub(super) fn tell_presence(&mut self, key: ParticipantKey, now: Now) {
        let Some(participant) = self.participants.get(&key) else { return };
        let blind = self.hide_audience && participant.is_audience();
        let window = DEPARTED_TIME + self.limits.resume_window;
        let recent = |at: Instant| now.instant.saturating_duration_since(at) <= window;
        let concerns = |word: &Word| !(blind && word.of_audience || precedes(&word.info, participant));
        let departed = self.presence.departed.iter().filter(|(at, word)| recent(*at) && concerns(word));
        let departed: Vec<_> = departed.map(|(_, word)| word.info.clone()).collect();
        self.tell_some(key, departed);
        let mut everybody = self.others_of(key);
        everybody.extend(self.participant_info(key));
        self.tell_some(key, everybody);
    }

    fn remember_departed(&mut self, word: &Word, now: Now) {
        // Enough to forget it by; its texts would only fill memory.
        let info = ParticipantInfo {
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            tracks: Vec::new(),
            ..word.info.clone()
        };
        let departed = &mut self.presence.departed;
        departed.push_back((now.instant, Word { info, ..*word }));
        let window = DEPARTED_TIME + self.limits.resume_window;
        let old = |at: Instant| now.instant.saturating_duration_since(at) > window;
        while departed.len() > MAX_DEPARTED || departed.front().is_some_and(|&(at, _)| old(at)) {
            departed.pop_front();
        }
    }

    fn gather(&mut self, key: ParticipantKey, waiting: Waiting, now: Now) {
        self.presence.waiting.insert(key, waiting);
        let delay = gathering_delay(self.participants.len());
        self.presence.due.get_or_insert(now.instant + delay);
    }

    /// `about`: whom it concerns, while it is here; it is told whoever else is not.
    fn tell_at_once(&mut self, word: Word, about: Option<ParticipantKey>) {
        if let Some(key) = about.filter(|_| self.hide_audience && word.of_audience) {
            self.tell(key, Response::Update([word.info.clone()].into()));
        }
        let mut words = self.presence.take_gone(&word.info.identity);
        words.push(word);
        self.tell_words(words);
    }

    /// Tells everybody what they may know of these changes: at most one message each.
    fn tell_words(&mut self, words: Vec<Word>) {
        let hide = self.hide_audience;
        let on_stage = words.iter().filter(|word| hide && !word.of_audience).map(|word| word.info.clone());
        let on_stage: Arc<[_]> = on_stage.collect();
        let all: Arc<[_]> = words.into_iter().map(|word| word.info).collect();
        let successors = self.successors(&all);
        for participant in self.participants.values() {
            let list = if hide && participant.is_audience() { &on_stage } else { &all };
            let list = match successors.contains(&participant.key) {
                false => Arc::clone(list),
                true => list.iter().filter(|info| !precedes(info, participant)).cloned().collect(),
            };
            if !list.is_empty() {
                let what = Response::Update(list);
                self.effects.push_back(super::Effect::Tell { to: participant.key, what });
            }
        }
    }

    /// Who has the identity of one that left: a client takes each word of its own identity for one of itself.
    fn successors(&self, infos: &[ParticipantInfo]) -> BTreeSet<ParticipantKey> {
        let left = infos.iter().filter(|info| info.state == ParticipantState::Disconnected);
        left.filter_map(|info| self.identities.get(&info.identity).copied()).collect()
    }

    fn tell_some(&mut self, key: ParticipantKey, infos: Vec<ParticipantInfo>) {
        if !infos.is_empty() {
            self.tell(key, Response::Update(infos.into()));
        }
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
        self.presence.pretending.insert(key, now.instant + time.min(MAX_PRETENCE));
    }

    pub(super) fn flush_presence(&mut self, now: Now) {
        self.flush_counts(now);
        self.end_pretences(now);
        if self.presence.due.is_none_or(|due| now.instant < due) {
            return;
        }
        self.presence.due = None;
        let waiting = std::mem::take(&mut self.presence.waiting).into_iter();
        let word = |(key, waiting)| match waiting {
            Waiting::Here => self.participants.get(&key).filter(|p| p.is_visible()).map(Word::of),
            Waiting::Gone(word) => Some(*word),
        };
        let words: Vec<_> = waiting.filter_map(word).collect();
        self.tell_words(words);
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
        let over = |_: &ParticipantKey, until: &mut Instant| now.instant >= *until;
        let ended: Vec<_> = self.presence.pretending.extract_if(.., over).collect();
        for (key, _) in ended {
            self.tell_pretended(key, 0.0);
        }
    }

    fn tell_pretended(&mut self, participant: ParticipantKey, level: f32) {
        self.tell_loudness(&[Loudness { participant, level }]);
    }

    /// Everybody that this participant may know of, itself excluded.
    pub(super) fn others_of(&self, key: ParticipantKey) -> Vec<ParticipantInfo> {
        let viewer = self.participants.get(&key);
        let blind = self.hide_audience && viewer.is_some_and(Participant::is_audience);
        self.participants
            .values()
            .filter(|p| p.key != key && p.is_visible() && !(blind && p.is_audience()))
            .map(Participant::full_info)
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
                let visible = participant.is_visible() && !(self.hide_audience && participant.is_audience());
                visible.then(|| Speaker {
                    sid: participant.info.sid.clone(),
                    level: l.level,
                    active: l.level > 0.0,
                })
            })
            .collect()
    }
}

/// Whether this is the end of an earlier session of the same identity.
fn precedes(info: &ParticipantInfo, participant: &Participant) -> bool {
    info.identity == participant.info.identity && info.sid != participant.info.sid
}

/// LiveKit's interval for the counts of a room.
const COUNTS_INTERVAL: Duration = Duration::from_secs(5);

/// A dead connection is noticed after so long: what was told in between was told to nobody.
const DEPARTED_TIME: Duration = Duration::from_secs(30);

/// Departures of a room that are remembered: 1,000 small records, while a full hall empties in a minute.
const MAX_DEPARTED: usize = 1000;

/// Longest pretence.
const MAX_PRETENCE: Duration = Duration::from_secs(60);

/// Up to here a newcomer is announced at once.
const SMALL_ROOM: usize = 50;

/// 5 ms for each participant, at most LiveKit's 3 s: 1,000 listeners cost one message each per 3 s.
fn gathering_delay(participants: usize) -> Duration {
    let participants = u32::try_from(participants).unwrap_or(u32::MAX);
    Duration::from_millis(5).saturating_mul(participants).min(Duration::from_secs(3))
}
