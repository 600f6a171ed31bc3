//! People inside an event, and their invitations.

use auth::experience::Role;
use ids::{EventId, InvitationId, PersonId, StageId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::event::EventPreview;
use super::timestamp::Timestamp;

/// What a person is in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PersonRole {
    /// May go backstage.
    Speaker,
    /// Watches stages and takes part in sessions.
    Attendee,
}

impl From<PersonRole> for Role {
    fn from(role: PersonRole) -> Self {
        match role {
            PersonRole::Speaker => Self::Speaker,
            PersonRole::Attendee => Self::Attendee,
        }
    }
}

/// A person inside one event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Person {
    #[schema(value_type = String)]
    pub id: PersonId,
    #[schema(value_type = String)]
    pub event_id: EventId,
    pub name: String,
    pub role: PersonRole,
    /// The stage that a speaker is invited to; `null` means every stage of the event.
    #[schema(value_type = Option<String>)]
    pub stage_id: Option<StageId>,
}

/// An invitation to one event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Invitation {
    #[schema(value_type = String)]
    pub id: InvitationId,
    #[schema(value_type = String)]
    pub event_id: EventId,
    pub role: PersonRole,
    pub name: String,
    pub email: Option<String>,
    #[schema(value_type = Option<String>)]
    pub stage_id: Option<StageId>,
    /// `<public url>/join#invitation=…`: give it to this person only.
    pub link: String,
    /// When the person first used it.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub accepted_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub revoked_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// An invitation to make.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitation {
    pub role: PersonRole,
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
    pub email: Option<String>,
    /// For a speaker: the one stage they may go to; absent means every stage of the event.
    #[schema(value_type = Option<String>)]
    pub stage_id: Option<StageId>,
}

/// All invitations of an event, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InvitationList {
    pub items: Vec<Invitation>,
}

/// How a person enters an event.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Entry {
    /// With an invitation.
    Invited(InvitedEntry),
    /// Into an open event, with a name.
    Open(OpenEntry),
}

/// Entry with an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InvitedEntry {
    /// What follows `#invitation=` in the link.
    pub invitation: String,
}

/// Entry into an open event.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenEntry {
    #[schema(value_type = String)]
    pub event_id: EventId,
    #[schema(min_length = 1, max_length = 128)]
    pub name: String,
}

/// A person's way into an event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Experience {
    /// Send it as `Authorization: Bearer …`. Good for this event only.
    pub token: String,
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    pub person: Person,
    pub event: EventPreview,
}

/// Who the bearer of an experience token is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    pub person: Person,
    pub event: EventPreview,
}
