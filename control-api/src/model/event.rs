//! Events, sessions, and the reception.

use ids::{EventId, SessionId, StageId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::replay::ReplaySummary;
use super::stage::StageState;
use super::timestamp::Timestamp;

/// Who may enter an event as an attendee.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Access {
    /// Anybody who knows the address and gives a name.
    Open,
    /// Whoever brings an invitation. Media is served to them only, with signed addresses.
    Invited,
}

/// An event.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Event {
    #[schema(value_type = String)]
    pub id: EventId,
    pub title: String,
    /// In the attendees' address: `/e/<slug>`. Unique in the installation.
    pub slug: String,
    pub description: String,
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// IANA name, such as `Europe/Paris`.
    pub time_zone: String,
    pub access: Access,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// An event to make.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEvent {
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    /// Absent: made from the title.
    pub slug: Option<String>,
    #[serde(default)]
    #[schema(max_length = 10_000)]
    pub description: String,
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// IANA name; absent means `UTC`.
    pub time_zone: Option<String>,
    pub access: Access,
}

/// What to change about an event; absent members stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventChange {
    #[schema(min_length = 1, max_length = 200)]
    pub title: Option<String>,
    pub slug: Option<String>,
    #[schema(max_length = 10_000)]
    pub description: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
    pub time_zone: Option<String>,
    pub access: Option<Access>,
}

/// One page of events, the latest start first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventPage {
    pub items: Vec<Event>,
    /// Pass it as `cursor` to get the next page; `null` on the last.
    pub next_cursor: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// 1 to 100; 50 if absent.
    pub limit: Option<u32>,
}

/// What a visitor sees of an event before entering it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct EventPreview {
    #[schema(value_type = String)]
    pub id: EventId,
    pub title: String,
    pub slug: String,
    pub description: String,
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    pub time_zone: String,
    pub access: Access,
}

/// A session: one room that attendees enter.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Session {
    #[schema(value_type = String)]
    pub id: SessionId,
    #[schema(value_type = String)]
    pub event_id: EventId,
    pub title: String,
    pub description: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// A session to make.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSession {
    #[schema(min_length = 1, max_length = 200)]
    pub title: String,
    #[serde(default)]
    #[schema(max_length = 10_000)]
    pub description: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
}

/// What to change about a session; absent members stay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionChange {
    #[schema(min_length = 1, max_length = 200)]
    pub title: Option<String>,
    #[schema(max_length = 10_000)]
    pub description: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
}

/// All sessions of an event, in order of start.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionList {
    pub items: Vec<Session>,
}

/// Everything the reception shows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Reception {
    pub event: EventPreview,
    pub stages: Vec<ReceptionStage>,
    pub sessions: Vec<ReceptionSession>,
    /// Newest first.
    pub replays: Vec<ReplaySummary>,
    /// People seen in this event within the last minute.
    pub people_online: u32,
    /// For countdowns on machines whose clock is wrong.
    #[schema(value_type = String, format = DateTime)]
    pub server_time: Timestamp,
}

/// A stage as the reception shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReceptionStage {
    #[schema(value_type = String)]
    pub id: StageId,
    pub title: String,
    pub state: StageState,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub live_since: Option<Timestamp>,
    pub viewers: u32,
    /// Names of the people on stage, in tile order.
    pub on_stage: Vec<String>,
}

/// A session as the reception shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReceptionSession {
    #[schema(value_type = String)]
    pub id: SessionId,
    pub title: String,
    pub description: String,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub starts_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
    /// People in the room now.
    pub participants: u32,
}
