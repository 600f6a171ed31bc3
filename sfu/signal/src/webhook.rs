//! What a room tells the world outside, as LiveKit's webhook events (proto3 JSON).

use livekit_protocol as lk;
use sfu_core::room::notice::{Happening, Notice};

use crate::info;

/// The body of a webhook. `id` is unique; `unix_us` is when it happened, in UTC.
///
/// # Panics
/// Never: texts and numbers are always JSON.
#[must_use]
pub fn body(notice: &Notice, id: &str, unix_us: i64) -> String {
    let event = lk::WebhookEvent {
        event: name(notice.what).to_owned(),
        room: Some(info::room(&notice.room)),
        participant: notice.participant.as_ref().map(info::participant),
        track: notice.track.as_ref().map(info::track),
        id: id.to_owned(),
        created_at: unix_us / 1_000_000,
        ..lk::WebhookEvent::default()
    };
    serde_json::to_string(&event).expect("texts and numbers are JSON")
}

fn name(what: Happening) -> &'static str {
    match what {
        Happening::RoomStarted => "room_started",
        Happening::RoomFinished => "room_finished",
        Happening::ParticipantJoined => "participant_joined",
        Happening::ParticipantLeft => "participant_left",
        Happening::ParticipantConnectionAborted => "participant_connection_aborted",
        Happening::TrackPublished => "track_published",
        Happening::TrackUnpublished => "track_unpublished",
    }
}
