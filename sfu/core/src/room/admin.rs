//! What the server APIs and participants themselves change: names, metadata, rights, the room's text.

use std::collections::BTreeMap;

use super::calls::CallFailure;
use super::limits::RoomLimits;
use super::message::{RefusalReason, Request, Response};
use super::permission::Permission;
use super::{Now, ParticipantKey, Room};

/// A text that has a limit; written as in LiveKit's refusals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// Of a room or participant, in characters.
    Name,
    /// Of a room or participant, in bytes.
    Metadata,
    /// Of a participant, all together, in bytes.
    Attributes,
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Name => "name length",
            Self::Metadata => "metadata size",
            Self::Attributes => "attributes size",
        })
    }
}

/// Why an administrator's wish is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// There is no such room, participant or track.
    #[error("not found")]
    NotFound,
    /// A text is longer than its limit.
    #[error("exceeds {0} limit")]
    TooLong(Text),
    /// As many rooms are open, or calls wait, as may be.
    #[error("too many rooms or calls")]
    TooMany,
    /// A call brought no answer.
    #[error(transparent)]
    Call(#[from] CallFailure),
}

/// A change of one participant; `None` leaves a part as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParticipantChange {
    /// Display name.
    pub name: Option<String>,
    /// Application's text.
    pub metadata: Option<String>,
    /// Pairs to set; an empty value removes its key.
    pub attributes: BTreeMap<String, String>,
    /// Rights.
    pub permission: Option<Permission>,
}

impl Room {
    /// Changes a participant from outside.
    ///
    /// # Errors
    /// [`AdminError`]; nothing changed then.
    pub fn update_participant(
        &mut self,
        key: ParticipantKey,
        change: ParticipantChange,
        now: Now,
    ) -> Result<(), AdminError> {
        let limits = self.limits.clone();
        let participant = self.participants.get_mut(&key).ok_or(AdminError::NotFound)?;
        let was_audience = participant.is_audience();
        let attributes = merged(&participant.info.attributes, &change.attributes);
        check(&change, &attributes, &limits)?;
        let info = &mut participant.info;
        info.attributes = attributes;
        if let Some(name) = change.name {
            info.name = name;
        }
        if let Some(metadata) = change.metadata {
            info.metadata = metadata;
        }
        let rights_changed = match change.permission {
            Some(permission) if permission != info.permission => {
                info.permission = permission;
                true
            }
            Some(_) | None => false,
        };
        self.changed(key, now);
        if rights_changed {
            self.sight_changed(key, was_audience, now);
            self.revoke_publications(key, now);
            self.reconsider_all(key, now);
            self.refresh_token(key, now);
        }
        Ok(())
    }

    /// A participant changes its own name, metadata or attributes, and is told how it ended.
    ///
    /// `asked` is its request, repeated to it.
    pub fn update_own_metadata(
        &mut self,
        key: ParticipantKey,
        change: ParticipantChange,
        asked: Request,
        now: Now,
    ) {
        let may = self.participants.get(&key).is_some_and(|p| p.info.permission.can_update_metadata);
        let (reason, message) = if may {
            match self.update_participant(key, ParticipantChange { permission: None, ..change }, now) {
                Ok(()) => (RefusalReason::Ok, String::new()),
                Err(AdminError::NotFound) => (RefusalReason::NotFound, AdminError::NotFound.to_string()),
                Err(error @ (AdminError::TooLong(_) | AdminError::TooMany | AdminError::Call(_))) => {
                    (RefusalReason::LimitExceeded, error.to_string())
                }
            }
        } else {
            (RefusalReason::NotAllowed, "does not have permission to update own metadata".to_owned())
        };
        self.conclude(key, reason, message, asked);
    }

    /// Tells a participant how its request ended.
    pub fn conclude(&mut self, key: ParticipantKey, reason: RefusalReason, message: String, asked: Request) {
        let request_id = if let Request::UpdateMetadata { request_id, .. } = asked { request_id } else { 0 };
        self.tell(key, Response::Outcome { request_id, reason, message, about: Box::new(asked) });
    }

    /// Changes the room's text and tells everybody.
    ///
    /// # Errors
    /// [`AdminError::TooLong`].
    pub fn set_metadata(&mut self, metadata: String) -> Result<(), AdminError> {
        if metadata.len() > self.limits.metadata_bytes {
            return Err(AdminError::TooLong(Text::Metadata));
        }
        self.metadata = metadata;
        let info = self.info();
        self.tell_everybody(&Response::RoomUpdate(info));
        Ok(())
    }
}

fn merged(before: &BTreeMap<String, String>, change: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut after = before.clone();
    for (key, value) in change {
        if value.is_empty() {
            after.remove(key);
        } else {
            after.insert(key.clone(), value.clone());
        }
    }
    after
}

fn check(
    change: &ParticipantChange,
    attributes: &BTreeMap<String, String>,
    limits: &RoomLimits,
) -> Result<(), AdminError> {
    let long_name = change.name.as_ref().is_some_and(|name| name.chars().count() > limits.name_chars);
    let long_metadata = change.metadata.as_ref().is_some_and(|text| text.len() > limits.metadata_bytes);
    let attributes: usize = attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
    let text = match () {
        () if long_name => Text::Name,
        () if long_metadata => Text::Metadata,
        () if attributes > limits.metadata_bytes => Text::Attributes,
        () => return Ok(()),
    };
    Err(AdminError::TooLong(text))
}
