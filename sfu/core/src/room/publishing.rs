//! A participant publishes: wishes, negotiated media sections, mutes, removals.

use super::limits::RoomLimits;
use super::message::{
    AddTrack, BackupCodec, Carried, Kind, Layer, Quality, RefusalReason, Response, TrackInfo,
};
use super::notice::Happening;
use super::participant::{BoundTrack, Publication, PublicationState};
use super::sid::{Entropy, TrackSid};
use super::{Effect, Now, ParticipantKey, PublicationKey, Room};

/// Why a wish to publish is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// Its token does not allow this source.
    #[error("publishing this source is not allowed")]
    NotAllowed,
    /// It publishes as many tracks as a participant may, or the room has as many publishers as it takes.
    #[error("too many tracks")]
    TooMany,
    /// A name is too long or a field makes no sense.
    #[error("a field is out of bounds")]
    Invalid,
    /// The participant is gone.
    #[error("no such participant")]
    Gone,
}

impl From<PublishError> for RefusalReason {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::NotAllowed => Self::NotAllowed,
            PublishError::TooMany => Self::LimitExceeded,
            PublishError::Invalid => Self::Invalid,
            PublishError::Gone => Self::NotFound,
        }
    }
}

impl Room {
    /// Takes a wish to publish and announces the track to its publisher.
    ///
    /// # Errors
    /// See [`PublishError`]; nothing changed then.
    pub fn add_track(
        &mut self,
        key: ParticipantKey,
        publication: PublicationKey,
        wish: AddTrack,
        entropy: &mut Entropy,
        now: Now,
    ) -> Result<(), PublishError> {
        let publishers = self.participants.values().filter(|p| !p.publications.is_empty()).count();
        let participant = self.participants.get_mut(&key).ok_or(PublishError::Gone)?;
        check(&wish, &self.limits)?;
        if !participant.info.permission.may_publish(wish.source) {
            return Err(PublishError::NotAllowed);
        }
        if let Some(track) = wish.existing.clone() {
            return self.add_backup(key, (publication, &track), wish, entropy, now);
        }
        if let Some(known) = participant.publications.iter().find(|p| p.info.cid == wish.cid && !p.is_live())
        {
            // The client asks again after a resume: the same answer.
            let (cid, track) = (wish.cid, Box::new(known.info.clone()));
            self.tell(key, Response::TrackPublished { cid, track });
            return Ok(());
        }
        let first = participant.publications.is_empty();
        if participant.publications.len() >= self.limits.tracks_per_participant
            || (first && publishers >= self.limits.publishers)
        {
            return Err(PublishError::TooMany);
        }
        let cid = wish.cid.clone();
        let made = new_publication(publication, wish, entropy, now);
        let track = Box::new(made.info.clone());
        self.tracks.insert(made.info.sid.clone(), publication);
        self.owners.insert(publication, key);
        participant.publications.push(made);
        self.tell(key, Response::TrackPublished { cid, track });
        Ok(())
    }

    /// A media section of the publisher now carries a track: by its own name, else the first that waits.
    ///
    /// Returns the publication, or `None` if nothing waits (the section carries nothing then).
    pub fn bind_track(
        &mut self,
        key: ParticipantKey,
        kind: Kind,
        cid: &str,
        bound: BoundTrack,
        now: Now,
    ) -> Option<PublicationKey> {
        let participant = self.participants.get_mut(&key)?;
        let waits = |p: &&mut Publication| p.kind() == kind && !p.is_live();
        let named = participant
            .publications
            .iter()
            .position(|p| p.kind() == kind && !p.is_live() && p.cids.iter().any(|known| known == cid));
        let publication = match named {
            Some(index) => participant.publications.get_mut(index)?,
            None => participant.publications.iter_mut().find(waits)?,
        };
        publication.info.mid.clone_from(&bound.mid);
        publication.info.mime_type.clone_from(&bound.mime_type);
        publication.info.simulcast = bound.rids.len() > 1;
        publication.info.version_unix_us = now.unix_us;
        for (layer, rid) in publication.info.layers.iter_mut().zip(&bound.rids) {
            layer.rid.clone_from(rid);
        }
        publication.state = PublicationState::Live(bound);
        let publication = publication.key;
        participant.is_publisher = true;
        participant.describe_backup(publication, now);
        self.changed(key, now);
        self.note_track(Happening::TrackPublished, publication);
        if self.participants.get(&key).is_some_and(super::Participant::is_visible) {
            self.attach_to_everybody(publication);
        }
        Some(publication)
    }

    /// The publication that a section with this track name carries or would carry: see [`Self::bind_track`].
    #[must_use]
    pub fn waiting(&self, key: ParticipantKey, kind: Kind, cid: &str) -> Option<&Publication> {
        let all = &self.participants.get(&key)?.publications;
        let mut waiting = all.iter().filter(|p| p.kind() == kind && !p.is_live());
        waiting.clone().find(|p| p.cids.iter().any(|known| known == cid)).or_else(|| waiting.next())
    }

    /// The publisher removed the sender or the section of a track.
    pub fn unpublish(&mut self, publication: PublicationKey, now: Now) {
        let Some(&key) = self.owners.get(&publication) else { return };
        let told = self.publication(publication).filter(|p| p.backs_up.is_none());
        let sid = told.map(|p| p.info.sid.clone());
        self.forget_backup(publication, now);
        self.remove_publication(publication);
        if let Some(sid) = sid {
            self.tell(key, Response::TrackUnpublished(sid));
        }
        self.changed(key, now);
    }

    /// A publisher mutes its track, or an administrator does (`by_server`), of which the publisher is told.
    ///
    /// Returns whether there is such a track.
    pub fn mute(
        &mut self,
        key: ParticipantKey,
        track: &TrackSid,
        muted: bool,
        by_server: bool,
        now: Now,
    ) -> bool {
        let Some(participant) = self.participants.get_mut(&key) else { return false };
        let Some(publication) = participant.publications.iter_mut().find(|p| p.info.sid == *track) else {
            return false;
        };
        if publication.info.muted == muted {
            return true;
        }
        publication.info.muted = muted;
        publication.info.version_unix_us = now.unix_us;
        let (publication, live) = (publication.key, publication.is_live());
        let backup = participant.publications.iter_mut().find(|p| p.backs_up == Some(publication));
        let backup = backup.map(|backup| {
            backup.info.muted = muted;
            backup.key
        });
        if by_server {
            self.tell(key, Response::Mute { track: track.clone(), muted });
        }
        if live {
            self.changed(key, now);
            self.tune_everybody(publication);
            backup.into_iter().for_each(|backup| self.tune_everybody(backup));
        }
        true
    }

    /// The publisher's sound has other features, which say whether it has two channels and no DTX; false if
    /// there is no such track.
    pub fn set_audio_features(
        &mut self,
        key: ParticipantKey,
        track: &TrackSid,
        mut features: Vec<Carried>,
        (stereo, disable_dtx): (bool, bool),
        now: Now,
    ) -> bool {
        features.truncate(MAX_FEATURES);
        self.edit_track(key, track, now, |info| {
            (info.audio_features, info.stereo, info.disable_dtx) = (features, stereo, disable_dtx);
        })
    }

    /// The publisher's picture has another size; false if it has no such track.
    pub fn set_video_size(
        &mut self,
        key: ParticipantKey,
        track: &TrackSid,
        size: (u32, u32),
        now: Now,
    ) -> bool {
        self.edit_track(key, track, now, |info| (info.width, info.height) = size)
    }

    /// A publication of this room.
    #[must_use]
    pub fn publication(&self, publication: PublicationKey) -> Option<&Publication> {
        let owner = self.owners.get(&publication)?;
        self.participants.get(owner)?.publications.iter().find(|p| p.key == publication)
    }

    /// Who publishes it.
    #[must_use]
    pub fn publisher_of(&self, publication: PublicationKey) -> Option<ParticipantKey> {
        self.owners.get(&publication).copied()
    }

    /// The publication of this track id.
    #[must_use]
    pub fn publication_of(&self, track: &TrackSid) -> Option<PublicationKey> {
        self.tracks.get(track).copied()
    }

    /// A publisher may no longer publish some of its tracks: they end.
    pub(super) fn revoke_publications(&mut self, key: ParticipantKey, now: Now) {
        let Some(participant) = self.participants.get(&key) else { return };
        let permission = participant.info.permission.clone();
        let revoked: Vec<_> = participant
            .publications
            .iter()
            .filter(|p| !permission.may_publish(p.info.source))
            .map(|p| p.key)
            .collect();
        for publication in revoked {
            self.unpublish(publication, now);
        }
        if let Some(participant) = self.participants.get_mut(&key) {
            participant.is_publisher &= permission.can_publish;
        }
    }

    pub(super) fn remove_publication(&mut self, publication: PublicationKey) {
        if let Some(backup) = self.backup_of(publication) {
            self.remove_publication(backup);
        }
        self.note_track(Happening::TrackUnpublished, publication);
        self.detach_everybody(publication);
        let Some(publisher) = self.owners.remove(&publication) else { return };
        if let Some(participant) = self.participants.get_mut(&publisher) {
            participant.publications.retain(|p| {
                if p.key == publication && p.backs_up.is_none() {
                    self.tracks.remove(&p.info.sid);
                }
                p.key != publication
            });
        }
        self.effects.push_back(Effect::Unpublished { publisher, publication });
    }

    pub(super) fn publications_of(&self, key: ParticipantKey) -> Vec<PublicationKey> {
        self.participants
            .get(&key)
            .map(|p| p.publications.iter().map(|p| p.key).collect())
            .unwrap_or_default()
    }

    pub(super) fn live_publications_of(&self, key: ParticipantKey) -> Vec<PublicationKey> {
        let live =
            |p: &super::Participant| p.publications.iter().filter(|p| p.is_live()).map(|p| p.key).collect();
        self.participants.get(&key).map(live).unwrap_or_default()
    }

    fn edit_track(
        &mut self,
        key: ParticipantKey,
        track: &TrackSid,
        now: Now,
        edit: impl FnOnce(&mut TrackInfo),
    ) -> bool {
        let Some(participant) = self.participants.get_mut(&key) else { return false };
        let Some(publication) = participant.publications.iter_mut().find(|p| p.info.sid == *track) else {
            return false;
        };
        edit(&mut publication.info);
        publication.info.version_unix_us = now.unix_us;
        self.changed(key, now);
        true
    }
}

fn check(wish: &AddTrack, limits: &RoomLimits) -> Result<(), PublishError> {
    let long = |text: &str| text.chars().count() > limits.name_chars;
    // A cid is the browser's track id (a UUID, in braces in Firefox); the protocol has no bound of its own.
    if wish.cid.is_empty() || wish.cid.len() > 256 || long(&wish.name) || long(&wish.stream) {
        return Err(PublishError::Invalid);
    }
    if wish.layers.len() > 3
        || wish.codecs.len() > 8
        || wish.codecs.iter().any(|codec| codec.layers.len() > 3)
        || wish.audio_features.len() > MAX_FEATURES
        || wish.packet_trailer_features.len() > MAX_FEATURES
    {
        return Err(PublishError::Invalid);
    }
    let mut layers = wish.layers.iter().chain(wish.codecs.iter().flat_map(|codec| &codec.layers));
    let codecs = wish.codecs.iter().any(|codec| long(&codec.name) || codec.cid.len() > 256);
    if codecs || layers.any(|layer| long(&layer.rid)) {
        return Err(PublishError::Invalid);
    }
    Ok(())
}

/// Features are numbers of an enum with fewer values.
const MAX_FEATURES: usize = 16;

pub(super) fn new_publication(
    key: PublicationKey,
    wish: AddTrack,
    entropy: &mut Entropy,
    now: Now,
) -> Publication {
    let mut cids = vec![wish.cid.clone()];
    let others = wish.codecs.iter().map(|codec| &codec.cid);
    cids.extend(others.filter(|cid| !cid.is_empty() && **cid != wish.cid).cloned());
    let backup = BackupCodec::declared(&wish);
    let codec = wish.codecs.first().map(|codec| codec.name.to_ascii_lowercase()).unwrap_or_default();
    let mut layers = wish.layers;
    layers.sort_by_key(|layer| layer.quality);
    if layers.is_empty() && wish.kind == Kind::Video {
        // A client that declares no layers sends one encoding.
        let (width, height) = (wish.width, wish.height);
        layers.push(Layer { quality: Quality::High, width, height, bitrate_bps: 0, rid: String::new() });
    }
    let info = TrackInfo {
        sid: TrackSid::fresh(wish.kind, wish.source, entropy),
        kind: wish.kind,
        name: wish.name,
        muted: wish.muted,
        width: wish.width,
        height: wish.height,
        simulcast: layers.len() > 1,
        disable_dtx: wish.disable_dtx,
        source: wish.source,
        layers,
        backup,
        mime_type: String::new(),
        mid: String::new(),
        cid: wish.cid,
        stereo: wish.stereo,
        disable_red: wish.disable_red,
        encryption: wish.encryption,
        stream: wish.stream,
        audio_features: wish.audio_features,
        backup_codec_policy: wish.backup_codec_policy,
        packet_trailer_features: wish.packet_trailer_features,
        version_unix_us: now.unix_us,
    };
    Publication {
        key,
        info,
        cids,
        codec,
        backs_up: None,
        state: PublicationState::Asked,
        was_received: false,
    }
}
