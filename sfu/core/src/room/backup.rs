//! A second codec of a track (LiveKit's backup codec), for those who cannot receive the first.
//!
//! It is a publication of its own under the same track id: it has its own section, encodings and subscribers, and
//! nobody is told of it. Its publisher sends it when somebody needs it.
//!
//! ```text
//! declared ──somebody receives no codec of the track──▶ wanted ──AddTrack, section──▶ live: they get it
//! ```

use super::message::{AddTrack, Kind, Response};
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
        let (of, info) = main.map(|p| (p.key, p.info.clone())).ok_or(PublishError::Invalid)?;
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
        }
        self.tell(key, Response::TrackPublished { cid, track: Box::new(info) });
        Ok(())
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
        let Some(codec) = source.backup_codec.clone() else { return false };
        let (track, enabled) = (source.info.sid.clone(), [true; 3]);
        if let Some(publisher) = self.publisher_of(publication) {
            self.tell(publisher, Response::SubscribedQuality { track, codec, enabled });
        }
        true
    }
}
