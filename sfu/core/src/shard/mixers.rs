//! Mixers on links: hidden participants that receive plaintext RTP.

use std::collections::BTreeMap;
use std::time::Instant;

use super::downlink::{DownlinkKey, Towards};
use super::media::MediaKey;
use super::mixer::{LinkId, MixerCommand, MixerMessage, TrackHandle, Watched};
use super::seat::{MixerSeat, Seat};
use super::{Event, RoomKey, Shard};
use crate::room::message::{Carried, Kind, LeaveReason, Source, TrackSettings};
use crate::room::participant::{Join, Lifeline, Transports};
use crate::room::permission::Permission;
use crate::room::{ParticipantKey, RoomOptions};

impl Shard {
    pub(super) fn on_mixer(&mut self, link: LinkId, command: MixerCommand, now: Instant) {
        match command {
            MixerCommand::Enter { room, identity } => self.enter(link, &room, identity, now),
            MixerCommand::Watch(watched) => {
                let Some(&key) = self.links.get(&link) else { return };
                let Some(seat) = self.seats.get_mut(&key) else { return };
                let room = seat.room;
                if let Some(mixer) = &mut seat.mixer {
                    mixer.watched = watched;
                }
                self.watch_again(room, now);
            }
            MixerCommand::RequestKeyframe(track) => self.on_mixer_keyframe(link, track, now),
            MixerCommand::Leave => {
                let Some(&key) = self.links.get(&link) else { return };
                let at = self.now(now);
                if let Some((room_key, room)) = self.room_of(key) {
                    room.leave(key, LeaveReason::ClientInitiated, at);
                    self.apply_effects(room_key, now);
                }
            }
        }
    }

    /// Brings the subscriptions of a room's mixers in line with whom they watch.
    pub(super) fn watch_again(&mut self, room_key: RoomKey, now: Instant) {
        let mixers: Vec<_> = self
            .links
            .values()
            .copied()
            .filter(|key| self.seats.get(key).is_some_and(|seat| seat.room == room_key))
            .collect();
        if mixers.is_empty() {
            return;
        }
        for key in mixers {
            let watched = self
                .seats
                .get(&key)
                .and_then(|s| s.mixer.as_ref())
                .map(|m| m.watched.clone())
                .unwrap_or_default();
            self.watch(key, room_key, &watched);
        }
        self.apply_effects(room_key, now);
    }

    /// Tells mixers the publisher's sender reports, moved to what each receives.
    pub(super) fn tell_mixer_clocks(&mut self, media_key: MediaKey) {
        let Some(media) = self.media.get(media_key) else { return };
        for &key in &media.downlinks {
            let Some(downlink) = self.downlinks.get_mut(key) else { continue };
            let Towards::Mixer { link, track } = downlink.to else { continue };
            let Some(forwarding) = &downlink.forwarding else { continue };
            let Some(clock) = forwarding.sender_clock(&media.reception) else { continue };
            if !downlink.sender_report_due && downlink.told_clock == Some(clock) {
                continue;
            }
            downlink.sender_report_due = false;
            downlink.told_clock = Some(clock);
            let message = MixerMessage::SenderReport { track, ntp: clock.ntp, rtp_time: clock.rtp_time };
            self.events.push_back(Event::Mixer { link, message });
        }
    }

    fn enter(&mut self, link: LinkId, room: &str, identity: String, now: Instant) {
        let at = self.now(now);
        let Some(room_key) = self.open_room(room, RoomOptions::default(), now) else {
            self.events.push_back(Event::Mixer { link, message: MixerMessage::RoomClosed });
            return;
        };
        let key = ParticipantKey(self.next_key());
        // Its packets are not sealed, and there are few of them: it sits at home.
        self.seating.seat(room_key, false);
        let mut seat = Seat::new(room_key, None, Lifeline::Signal, now);
        seat.mixer = Some(MixerSeat { link, watched: Vec::new(), last_handle: 0 });
        self.seats.insert(key, seat);
        self.links.insert(link, key);
        let join = Join {
            identity,
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            permission: Permission { recorder: true, ..Permission::listener() },
            auto_subscribe: false,
            adaptive_stream: true,
            may_pause: false,
            kind: Carried(0),
            kind_details: Vec::new(),
            client_protocol: Carried(0),
            capabilities: Vec::new(),
            receives_red: false,
            transports: Transports::Two,
            connection: None,
            lifeline: Lifeline::Signal,
            moderates: false,
        };
        if let Some(room) = self.rooms.get_mut(&room_key)
            && room.join(key, join, &mut self.entropy, at).is_ok()
        {
            room.activate(key, at);
        }
        self.apply_effects(room_key, now);
    }

    fn watch(&mut self, key: ParticipantKey, room_key: RoomKey, watched: &[Watched]) {
        let Some(room) = self.rooms.get_mut(&room_key) else { return };
        let mut wishes = Vec::new();
        for (publisher, participant) in room.participants() {
            if publisher == key {
                continue;
            }
            let tile = watched.iter().find(|w| w.identity == participant.info.identity).map(|w| w.tile);
            for publication in participant.publications.iter().filter(|p| p.is_live()) {
                let is_video = publication.kind() == Kind::Video;
                let wanted = match (tile, publication.info.source) {
                    (None, _) => false,
                    (Some(None), _) => !is_video,
                    (Some(Some(_)), Source::Unknown) => !is_video,
                    (Some(Some(_)), _) => true,
                };
                wishes.push((publication.info.sid.clone(), wanted, tile.flatten()));
            }
        }
        for (track, wanted, tile) in wishes {
            let settings = TrackSettings { size: tile, ..TrackSettings::DEFAULT };
            room.set_track_settings(key, std::slice::from_ref(&track), settings);
            room.subscribe(key, std::slice::from_ref(&track), wanted);
        }
    }

    fn on_mixer_keyframe(&mut self, link: LinkId, track: TrackHandle, now: Instant) {
        let Some((_, downlink)) = self.downlinks.iter().find(|(_, downlink)| match downlink.to {
            Towards::Mixer { link: l, track: t } => l == link && t == track,
            Towards::Peer(_) => false,
        }) else {
            return;
        };
        let media = downlink.media;
        let counters = &mut self.stats.media.forward;
        let encoding = downlink.forwarding.as_ref().and_then(|f| f.handle_keyframe_request(counters));
        if let Some(encoding) = encoding {
            self.request_keyframe(media, encoding, now);
        }
    }

    /// Every mixer downlink of a publication looks again for the layer that it wants.
    pub(super) fn aim_mixers(&mut self, media_key: MediaKey, now: Instant) {
        let Some(media) = self.media.get(media_key) else { return };
        let is_mixer = |key: &DownlinkKey| matches!(self.downlinks[*key].to, Towards::Mixer { .. });
        let mixers: Vec<_> = media.downlinks.iter().copied().filter(is_mixer).collect();
        for key in mixers {
            self.aim(key, now);
        }
    }
}
