//! Sequences of everything that can happen to a room, beside a naive model of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use sfu_core::room::admin::ParticipantChange;
use sfu_core::room::limits::RoomLimits;
use sfu_core::room::message::{
    Kind, LeaveReason, ParticipantState, Quality, Response, TrackPermission, TrackSettings,
};
use sfu_core::room::permission::Permission;
use sfu_core::room::sid::{Entropy, ParticipantSid, TrackSid};
use sfu_core::room::{
    BoundTrack, ConnectionId, Effect, Now, ParticipantKey, PublicationKey, Room, RoomOptions,
};
use sfu_core::seed::Seed;

use crate::input::{Input, epoch};
use crate::scene::{add_track, join};

/// Whatever happens: a track is forwarded only to those who may have it, everything that began ends, nobody
/// hears anything after leaving, hidden participants stay unknown, and limits hold.
pub fn room(data: &[u8]) {
    let mut input = Input::new(data);
    let mut play = Play::new();
    for _ in 0..MAX_STEPS {
        if input.is_empty() || play.closed {
            break;
        }
        play.step(&mut input);
        play.look();
    }
    play.room.close(LeaveReason::RoomDeleted, play.now);
    play.look();
    assert!(play.closed && play.attached.is_empty() && play.present.is_empty());
}

/// More says nothing new.
const MAX_STEPS: usize = 300;

struct Play {
    room: Room,
    entropy: Entropy,
    now: Now,
    last_key: u64,
    limits: RoomLimits,
    present: BTreeSet<ParticipantKey>,
    /// Everybody that others may have seen.
    seen: BTreeSet<ParticipantSid>,
    attached: BTreeSet<(ParticipantKey, PublicationKey)>,
    sids: BTreeMap<ParticipantKey, ParticipantSid>,
    closed: bool,
}

impl Play {
    fn new() -> Self {
        let limits = RoomLimits {
            tracks_per_participant: 3,
            publishers: 2,
            subscriptions_per_participant: 3,
            ..RoomLimits::default()
        };
        let now = Now { instant: epoch(), unix_us: 1_700_000_000_000_000 };
        let mut entropy = Entropy::new(Seed::new([3; 32]));
        let room = Room::open("hall", RoomOptions::default(), limits.clone(), &mut entropy, now);
        Self {
            room,
            entropy,
            now,
            last_key: 0,
            limits,
            present: BTreeSet::new(),
            seen: BTreeSet::new(),
            attached: BTreeSet::new(),
            sids: BTreeMap::new(),
            closed: false,
        }
    }

    fn key(&mut self) -> u64 {
        self.last_key += 1;
        self.last_key
    }

    fn step(&mut self, input: &mut Input<'_>) {
        let choice = input.byte();
        let who = self.somebody(input);
        match choice % 16 {
            0 => self.join(input),
            1 => self.room.activate(who, self.now),
            2 => {
                let publication = PublicationKey(self.key());
                let kind = if input.byte() & 1 == 0 { Kind::Audio } else { Kind::Video };
                let wish = add_track(kind, CIDS[input.below(CIDS.len())]);
                let _ = self.room.add_track(who, publication, wish, &mut self.entropy, self.now);
            }
            3 => {
                let kind = if input.byte() & 1 == 0 { Kind::Audio } else { Kind::Video };
                let rids = ["q", "h", "f"][..input.below(4)].iter().map(|&rid| rid.to_owned()).collect();
                let bound = BoundTrack { mid: "1".to_owned(), mime_type: "video/VP8".to_owned(), rids };
                self.room.bind_track(who, kind, CIDS[input.below(CIDS.len())], bound, self.now);
            }
            4 => {
                if let Some(publication) = self.publication(input) {
                    self.room.unpublish(publication, self.now);
                }
            }
            5 => {
                let tracks = self.tracks(input);
                self.room.subscribe(who, &tracks, input.byte() & 1 == 0);
            }
            6 => {
                let (tracks, bits) = (self.tracks(input), input.byte());
                let quality = [Quality::Low, Quality::Medium, Quality::High][usize::from(bits % 3)];
                let size = (bits & 8 != 0).then(|| (u32::from(input.number()), u32::from(input.number())));
                let settings =
                    TrackSettings { disabled: bits & 16 != 0, quality, size, ..TrackSettings::DEFAULT };
                self.room.set_track_settings(who, &tracks, settings);
            }
            7 => {
                let rules = self.rules(input);
                self.room.set_audience(who, rules);
            }
            8 => {
                let (tracks, bits) = (self.tracks(input), input.byte());
                if let Some(track) = tracks.first() {
                    self.room.mute(who, track, bits & 1 == 0, bits & 2 == 0, self.now);
                }
            }
            9 => self.room.leave(who, LeaveReason::ClientInitiated, self.now),
            10 => self.room.signal_lost(who, ConnectionId(who.0), self.now),
            11 => self.resume(who),
            12 => self.change(who, input.byte()),
            13 => {
                let _ = self.room.handle_message(who, input.byte() & 1 == 0, input.piece(), self.now);
            }
            14 => self.room.handle_audio_level(who, input.byte(), self.now),
            _ => {
                self.now.instant += Duration::from_millis(20 * u64::from(input.byte()));
                self.room.handle_timeout(self.now);
            }
        }
    }

    fn join(&mut self, input: &mut Input<'_>) {
        let (key, bits) = (ParticipantKey(self.key()), input.byte());
        let mut join = join(["ada", "bob", "eve", "zoe"][usize::from(bits >> 6)]);
        join.permission = permission(bits);
        join.auto_subscribe = bits & 32 == 0;
        join.connection = Some(ConnectionId(key.0));
        self.present.insert(key);
        self.room.join(key, join, &mut self.entropy, self.now).expect("the room takes everybody");
        self.sids.insert(key, self.room.participant(key).expect("it joined").info.sid.clone());
    }

    fn resume(&mut self, who: ParticipantKey) {
        let Some(participant) = self.room.participant(who) else { return };
        let (identity, sid) = (participant.info.identity.clone(), participant.info.sid.clone());
        let connection = ConnectionId(self.key());
        assert_eq!(self.room.resume(&identity, &sid, connection, self.now), Ok(who));
        self.room.replay_messages(who, &[], self.now);
    }

    fn change(&mut self, who: ParticipantKey, bits: u8) {
        let change = ParticipantChange { permission: Some(permission(bits)), ..ParticipantChange::default() };
        let _ = self.room.update_participant(who, change, self.now);
    }

    fn rules(&self, input: &mut Input<'_>) -> Option<Vec<TrackPermission>> {
        let bits = input.byte();
        let rule = |identity: &str| TrackPermission {
            sid: None,
            identity: Some(identity.to_owned()),
            all_tracks: bits & 4 != 0,
            tracks: self.tracks(&mut Input::new(&[bits, bits, bits])),
        };
        (bits & 1 == 0).then(|| if bits & 2 == 0 { vec![rule("bob")] } else { Vec::new() })
    }

    fn somebody(&self, input: &mut Input<'_>) -> ParticipantKey {
        let place = input.below(self.present.len());
        self.present.iter().nth(place).copied().unwrap_or(ParticipantKey(0))
    }

    fn all_publications(&self) -> Vec<PublicationKey> {
        self.room.participants().flat_map(|(_, p)| &p.publications).map(|p| p.key).collect()
    }

    fn publication(&self, input: &mut Input<'_>) -> Option<PublicationKey> {
        let all = self.all_publications();
        all.get(input.below(all.len())).copied()
    }

    fn tracks(&self, input: &mut Input<'_>) -> Vec<TrackSid> {
        let found = (0..input.below(3)).filter_map(|_| self.publication(input));
        let found: Vec<_> = found.collect();
        found.into_iter().filter_map(|p| Some(self.room.publication(p)?.info.sid.clone())).collect()
    }

    /// Takes what the room decided into the model, and compares.
    fn look(&mut self) {
        let visible = self.room.participants().filter(|(_, p)| p.is_visible());
        self.seen.extend(visible.map(|(_, p)| p.info.sid.clone()));
        while let Some(effect) = self.room.poll_effect() {
            self.take(effect);
        }
        for &(subscriber, publication) in &self.attached {
            let receiver = self.room.participant(subscriber).expect("who receives is here");
            let source = self.room.publication(publication).expect("what is received exists");
            let publisher = self.room.publisher_of(publication).expect("somebody publishes it");
            assert!(publisher != subscriber && source.is_live());
            assert!(receiver.info.permission.can_subscribe, "only who may receive receives");
        }
        for (key, participant) in self.room.participants() {
            assert!(self.present.contains(&key));
            let attached =
                participant.subscriptions.iter().filter(|(_, s)| s.attached).map(|(&p, _)| (key, p));
            let attached: BTreeSet<_> = attached.collect();
            let model: BTreeSet<_> = self.attached.iter().copied().filter(|(who, _)| *who == key).collect();
            assert_eq!(attached, model);
            assert!(attached.len() <= self.limits.subscriptions_per_participant);
            assert!(participant.publications.len() <= self.limits.tracks_per_participant);
            assert_eq!(self.room.key_of(&participant.info.identity), Some(key));
        }
        let publishers = self.room.participants().filter(|(_, p)| !p.publications.is_empty()).count();
        assert!(publishers <= self.limits.publishers);
    }

    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::Tell { to, what } => {
                assert!(self.present.contains(&to), "nobody is told anything after leaving");
                if let Response::Update(infos) = what {
                    let own = self.sids.get(&to);
                    let others = infos.iter().filter(|info| Some(&info.sid) != own);
                    for info in others {
                        assert!(self.seen.contains(&info.sid), "a hidden participant is told of");
                        assert!(info.state != ParticipantState::Disconnected || info.tracks.is_empty());
                    }
                }
            }
            Effect::Published { .. }
            | Effect::Tune { .. }
            | Effect::Replaced { .. }
            | Effect::Notice(_)
            | Effect::CallEnded { .. } => {}
            Effect::Attach { subscriber, publication } => {
                assert!(self.attached.insert((subscriber, publication)), "attached twice");
            }
            Effect::Detach { subscriber, publication } => {
                assert!(self.attached.remove(&(subscriber, publication)), "detached without being attached");
            }
            Effect::Unpublished { publication, .. } => {
                assert!(self.attached.iter().all(|(_, known)| *known != publication));
            }
            Effect::Gone { participant, .. } => {
                assert!(self.present.remove(&participant));
                assert!(self.attached.iter().all(|(who, _)| *who != participant));
            }
            Effect::Deliver(message) => {
                assert!(message.to.iter().all(|to| self.present.contains(to)));
            }
            Effect::Closed => self.closed = true,
        }
    }
}

fn permission(bits: u8) -> Permission {
    Permission {
        can_subscribe: bits & 1 == 0,
        can_publish: bits & 2 == 0,
        can_publish_data: bits & 4 == 0,
        hidden: bits & 8 != 0,
        recorder: bits & 16 != 0,
        ..Permission::speaker()
    }
}

const CIDS: [&str; 4] = ["mic", "cam", "screen", "other"];
