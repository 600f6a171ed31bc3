//! Who receives what: automatic and asked subscriptions, permissions, tile sizes.

use super::message::{Kind, Quality, Response, SubscriptionRefusal, TrackPermission, TrackSettings};
use super::participant::{Participant, Subscription};
use super::sid::TrackSid;
use super::{Effect, Now, ParticipantKey, PublicationKey, Room};

impl Room {
    /// A participant wants, or no longer wants, tracks.
    pub fn subscribe(&mut self, key: ParticipantKey, tracks: &[TrackSid], wanted: bool) {
        for track in tracks {
            let Some(&publication) = self.tracks.get(track) else {
                if wanted {
                    let (track, reason) = (track.clone(), SubscriptionRefusal::NotFound);
                    self.tell(key, Response::SubscriptionRefused { track, reason });
                }
                continue;
            };
            let Some(subscription) = self.subscription_entry(key, publication) else { return };
            subscription.wanted = Some(wanted);
            let backup = self.backup_of(publication);
            if backup.is_none()
                && let Some(subscription) = self.subscription_entry(key, publication)
            {
                subscription.unplayable = false;
            }
            self.reconsider(key, publication);
            backup.into_iter().for_each(|backup| self.reconsider(key, backup));
        }
    }

    /// A participant receives no codec of a track: it gets the backup codec, if there is one. Otherwise it is told,
    /// and the track is taken from it.
    pub fn refuse_unplayable(&mut self, key: ParticipantKey, publication: PublicationKey) {
        let Some(track) = self.publication(publication).map(|p| p.info.sid.clone()) else { return };
        let Some(subscription) = self.subscription_entry(key, publication) else { return };
        subscription.unplayable = true;
        if !self.want_backup(publication) {
            let reason = SubscriptionRefusal::CodecUnsupported;
            self.tell(key, Response::SubscriptionRefused { track, reason });
        }
        self.reconsider(key, publication);
        self.backup_of(publication).into_iter().for_each(|backup| self.reconsider(key, backup));
    }

    /// How a participant shows tracks.
    pub fn set_track_settings(&mut self, key: ParticipantKey, tracks: &[TrackSid], settings: TrackSettings) {
        for track in tracks {
            let Some(&publication) = self.tracks.get(track) else { continue };
            let Some(subscription) = self.subscription_entry(key, publication) else { return };
            if subscription.settings != settings {
                subscription.settings = settings;
                let both = [Some(publication), self.backup_of(publication)];
                let tunes = both.into_iter().flatten();
                self.effects.extend(tunes.map(|publication| Effect::Tune { subscriber: key, publication }));
            }
        }
    }

    /// Who may subscribe to a publisher; `None`: everybody.
    pub fn set_audience(&mut self, key: ParticipantKey, audience: Option<Vec<TrackPermission>>) {
        let Some(participant) = self.participants.get_mut(&key) else { return };
        if participant.audience == audience {
            return;
        }
        participant.audience = audience;
        for publication in self.live_publications_of(key) {
            self.attach_to_everybody(publication);
        }
    }

    /// A client's memory of its wishes, after a resume.
    pub fn restore_subscriptions(
        &mut self,
        key: ParticipantKey,
        tracks: &[TrackSid],
        subscribed: bool,
        disabled: &[TrackSid],
    ) {
        self.subscribe(key, tracks, subscribed);
        for track in disabled {
            let Some(&publication) = self.tracks.get(track) else { continue };
            let Some(subscription) = self.subscription_entry(key, publication) else { return };
            let settings = TrackSettings { disabled: true, ..subscription.settings };
            self.set_track_settings(key, std::slice::from_ref(track), settings);
        }
    }

    /// What a participant wants of a publication.
    #[must_use]
    pub fn subscription(&self, key: ParticipantKey, publication: PublicationKey) -> Option<&Subscription> {
        self.participants.get(&key)?.subscriptions.get(&publication)
    }

    /// Everybody to whom a publication is forwarded.
    pub fn subscribers_of(&self, publication: PublicationKey) -> impl Iterator<Item = ParticipantKey> + '_ {
        self.participants
            .values()
            .filter(move |p| p.subscriptions.get(&publication).is_some_and(|s| s.attached))
            .map(|p| p.key)
    }

    /// The layer that a subscriber should get, `None` while it wants nothing of the publication.
    #[must_use]
    pub fn wish(&self, key: ParticipantKey, publication: PublicationKey) -> Option<Quality> {
        let source = self.publication(publication)?;
        let settings = self.settings(key, publication)?;
        let attached = self.subscription(key, publication)?.attached;
        if !attached || (settings.disabled && source.kind() == Kind::Video) {
            return None;
        }
        Some(match settings.size {
            Some(tile) if source.kind() == Kind::Video => source.layer_for(tile),
            _ => settings.quality,
        })
    }

    /// How a subscriber shows a publication. A backup codec's is shown as the track that it stands in for.
    #[must_use]
    pub fn settings(&self, key: ParticipantKey, publication: PublicationKey) -> Option<TrackSettings> {
        let shown = self.publication(publication)?.backs_up.unwrap_or(publication);
        Some(self.subscription(key, shown)?.settings)
    }

    /// Which qualities of a publication anybody wants: low, medium, high.
    #[must_use]
    pub fn wanted_qualities(&self, publication: PublicationKey) -> [bool; 3] {
        let highest = self.subscribers_of(publication).filter_map(|key| self.wish(key, publication)).max();
        match highest {
            None => [false; 3],
            Some(Quality::Low) => [true, false, false],
            Some(Quality::Medium) => [true, true, false],
            Some(Quality::High) => [true; 3],
        }
    }

    /// The first packet path to a subscriber stands: its publisher is told once.
    pub fn received(&mut self, publication: PublicationKey) {
        let Some(&publisher) = self.owners.get(&publication) else { return };
        let Some(participant) = self.participants.get_mut(&publisher) else { return };
        let Some(source) = participant.publications.iter_mut().find(|p| p.key == publication) else { return };
        if !std::mem::replace(&mut source.was_received, true) {
            let track = source.info.sid.clone();
            self.tell(publisher, Response::TrackSubscribed(track));
        }
    }

    pub(super) fn attach_wanted(&mut self, key: ParticipantKey) {
        let publications: Vec<_> = self.owners.keys().copied().collect();
        for publication in publications {
            self.reconsider(key, publication);
        }
    }

    pub(super) fn attach_to_everybody(&mut self, publication: PublicationKey) {
        self.effects.push_back(Effect::Published { publication });
        let keys: Vec<_> = self.participants.keys().copied().collect();
        for key in keys {
            self.reconsider(key, publication);
        }
    }

    pub(super) fn tune_everybody(&mut self, publication: PublicationKey) {
        let keys: Vec<_> = self.subscribers_of(publication).collect();
        for subscriber in keys {
            self.effects.push_back(Effect::Tune { subscriber, publication });
        }
    }

    pub(super) fn detach_everybody(&mut self, publication: PublicationKey) {
        let keys: Vec<_> = self.participants.keys().copied().collect();
        for subscriber in keys {
            let Some(participant) = self.participants.get_mut(&subscriber) else { continue };
            if participant.subscriptions.remove(&publication).is_some_and(|s| s.attached) {
                self.effects.push_back(Effect::Detach { subscriber, publication });
            }
        }
    }

    pub(super) fn detach_all(&mut self, subscriber: ParticipantKey) {
        let Some(participant) = self.participants.get_mut(&subscriber) else { return };
        for (publication, subscription) in std::mem::take(&mut participant.subscriptions) {
            if subscription.attached {
                self.effects.push_back(Effect::Detach { subscriber, publication });
            }
        }
    }

    /// After a change of anybody's rights.
    pub(super) fn reconsider_all(&mut self, key: ParticipantKey, _now: Now) {
        self.attach_wanted(key);
    }

    /// Brings one subscription in line with wishes and rights.
    fn reconsider(&mut self, key: ParticipantKey, publication: PublicationKey) {
        let Some(&publisher) = self.owners.get(&publication) else { return };
        if publisher == key {
            return;
        }
        let (Some(owner), Some(source)) = (self.participants.get(&publisher), self.publication(publication))
        else {
            return;
        };
        let Some(participant) = self.participants.get(&key) else { return };
        let live = owner.is_visible() && source.is_live();
        let allowed = may_see(owner, participant, &source.info.sid);
        let (sid, track) = (owner.info.sid.clone(), source.info.sid.clone());
        let subscription = participant.subscriptions.get(&publication);
        let main = source.backs_up.map_or(subscription, |main| participant.subscriptions.get(&main));
        let wanted = main.and_then(|s| s.wanted).unwrap_or(participant.auto_subscribe);
        let attached = subscription.is_some_and(|s| s.attached);
        let was_refused = subscription.is_some_and(|s| s.refused);
        let known = subscription.is_some();
        let attached_count = participant.subscriptions.values().filter(|s| s.attached).count();
        let room_for_one = attached || attached_count < self.limits.subscriptions_per_participant;
        // The second codec goes to those who cannot receive the first.
        let is_needed = source.backs_up.is_none() || main.is_some_and(|s| s.unplayable);
        let playable = is_needed && !subscription.is_some_and(|s| s.unplayable);
        let is_told = source.backs_up.is_none();
        let attach = live
            && wanted
            && playable
            && allowed
            && participant.info.permission.can_subscribe
            && room_for_one;
        if is_told && live && allowed == was_refused {
            self.tell(key, Response::SubscriptionPermission { participant: sid, track, allowed });
        }
        if !attach && !known && allowed {
            return;
        }
        let Some(entry) = self.subscription_entry(key, publication) else { return };
        entry.attached = attach;
        if live {
            entry.refused = !allowed;
        }
        if attach != attached {
            let effect = if attach {
                Effect::Attach { subscriber: key, publication }
            } else {
                Effect::Detach { subscriber: key, publication }
            };
            self.effects.push_back(effect);
        }
    }

    fn subscription_entry(
        &mut self,
        key: ParticipantKey,
        publication: PublicationKey,
    ) -> Option<&mut Subscription> {
        Some(self.participants.get_mut(&key)?.subscriptions.entry(publication).or_default())
    }
}

/// Whether the publisher lets this participant see the track.
fn may_see(publisher: &Participant, participant: &Participant, track: &TrackSid) -> bool {
    let Some(audience) = &publisher.audience else { return true };
    // A recorder or mixer sees what the room shows: its authority is the server's.
    if participant.info.permission.hidden && participant.info.permission.recorder {
        return true;
    }
    audience.iter().any(|rule| {
        let named = match (&rule.identity, &rule.sid) {
            (Some(identity), _) => *identity == participant.info.identity,
            (None, Some(sid)) => *sid == participant.info.sid,
            (None, None) => false,
        };
        named && (rule.all_tracks || rule.tracks.contains(track))
    })
}
