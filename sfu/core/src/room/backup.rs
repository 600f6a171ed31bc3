//! A second codec of a track (LiveKit's backup codec), for those who cannot receive the first.
//!
//! It is a publication of its own under the same track id: it has its own section, encodings and subscribers.
//! Others read of it in their track's description alone. Its publisher sends it when somebody needs it.
//!
//! ```text
//! declared ──somebody receives no codec of the track──▶ wanted ──AddTrack, section──▶ live: they get it
//! ```

use super::message::{AddTrack, BackupCodec, Kind, Response};
use super::participant::{Participant, Publication};
use super::publishing::{PublishError, new_publication};
use super::sid::{Entropy, TrackSid};
use super::{Now, ParticipantKey, PublicationKey, Room};

impl Room {
    /// Takes the publisher's second codec for a track of its own.
    ///
    /// # Errors
    /// [`PublishError`]; nothing changed then.
    pub(super) fn add_backup(
        &mut self,
        key: ParticipantKey,
        (backup, track): (PublicationKey, &TrackSid),
        wish: AddTrack,
        entropy: &mut Entropy,
        now: Now,
    ) -> Result<(), PublishError> {
        let participant = self.participants.get_mut(&key).ok_or(PublishError::Gone)?;
        let main = participant.publications.iter().find(|p| p.info.sid == *track && p.backs_up.is_none());
        let main = main.filter(|p| p.kind() == Kind::Video && wish.kind == Kind::Video);
        let (of, info) = main.map(|p| (p.key, &p.info)).ok_or(PublishError::Invalid)?;
        let cid = wish.cid.clone();
        if participant.publications.iter().any(|p| p.backs_up == Some(of) && p.info.cid != cid) {
            return Err(PublishError::TooMany);
        }
        let known = participant.publications.iter().any(|p| p.backs_up == Some(of));
        if !known {
            let mut made = new_publication(backup, wish, entropy, now);
            made.backs_up = Some(of);
            (made.info.sid, made.info.source) = (info.sid.clone(), info.source);
            made.info.muted = info.muted;
            self.owners.insert(backup, key);
            participant.publications.push(made);
            participant.describe_backup(backup, now);
        }
        let main = participant.publications.iter().find(|p| p.key == of).ok_or(PublishError::Gone)?;
        let track = Box::new(main.info.clone());
        self.tell(key, Response::TrackPublished { cid, track });
        Ok(())
    }

    /// If this is a second codec, it is about to go: its publisher still says that it has it.
    pub(super) fn forget_backup(&mut self, backup: PublicationKey, now: Now) {
        let owner = self.owners.get(&backup).and_then(|owner| self.participants.get_mut(owner));
        let Some((_, main)) = owner.and_then(|owner| owner.backup_and_main(backup)) else { return };
        if let Some(known) = &mut main.info.backup {
            known.mid.clear();
            known.cid.clear();
            main.info.version_unix_us = now.unix_us;
        }
    }

    /// The second codec of a publication, once its publisher has announced it.
    pub(super) fn backup_of(&self, publication: PublicationKey) -> Option<PublicationKey> {
        let owner = self.participants.get(self.owners.get(&publication)?)?;
        owner.publications.iter().find(|p| p.backs_up == Some(publication)).map(|p| p.key)
    }

    /// Somebody cannot receive this publication: false when there is no other codec to be had.
    pub(super) fn want_backup(&mut self, publication: PublicationKey) -> bool {
        if self.backup_of(publication).is_some() {
            return true;
        }
        let Some(source) = self.publication(publication) else { return false };
        let Some(codec) = source.info.backup.as_ref().and_then(BackupCodec::short_name) else { return false };
        let (track, enabled) = (source.info.sid.clone(), [true; 3]);
        if let Some(publisher) = self.publisher_of(publication) {
            self.tell(publisher, Response::SubscribedQuality { track, codec, enabled });
        }
        true
    }
}

impl Participant {
    /// If this is a second codec, what is known of it by now is written into its track's description.
    pub(super) fn describe_backup(&mut self, backup: PublicationKey, now: Now) {
        let Some((backup, main)) = self.backup_and_main(backup) else { return };
        let known = main.info.backup.get_or_insert_default();
        if !backup.info.mime_type.is_empty() {
            known.mime_type.clone_from(&backup.info.mime_type);
        } else if !backup.codec.is_empty() {
            known.mime_type = mime_type(&backup.codec);
        }
        known.mid.clone_from(&backup.info.mid);
        known.cid.clone_from(&backup.info.cid);
        known.layers.clone_from(&backup.info.layers);
        main.info.version_unix_us = now.unix_us;
    }

    /// A second codec and the publication that it backs up; `None` if it backs up none.
    fn backup_and_main(&mut self, backup: PublicationKey) -> Option<(&Publication, &mut Publication)> {
        let place = |key| self.publications.iter().position(|p| p.key == key);
        let at = place(backup)?;
        let main = place(self.publications.get(at)?.backs_up?)?;
        let [backup, main] = self.publications.get_disjoint_mut([at, main]).ok()?;
        Some((backup, main))
    }
}

impl BackupCodec {
    /// The second codec of a wish to publish, with its own layers or else those of the track.
    pub(super) fn declared(wish: &AddTrack) -> Option<Self> {
        let codec = wish.codecs.get(1).filter(|codec| !codec.name.is_empty())?;
        let own = if codec.layers.is_empty() { &wish.layers } else { &codec.layers };
        let mut layers = own.clone();
        layers.sort_by_key(|layer| layer.quality);
        Some(Self { mime_type: mime_type(&codec.name), mid: String::new(), cid: codec.cid.clone(), layers })
    }

    /// `vp8` of `video/VP8`; `None` if nobody said.
    fn short_name(&self) -> Option<String> {
        let (_, name) = self.mime_type.split_once('/')?;
        Some(name.to_ascii_lowercase())
    }
}

/// As LiveKit's server writes a codec that is declared and not yet negotiated.
fn mime_type(name: &str) -> String {
    format!("video/{}", name.to_ascii_lowercase())
}
