//! Bounds of one room; every one is finite by default and can be set.

use std::time::Duration;

use super::message::Request;

/// What a room and its participants may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomLimits {
    /// Tracks that one participant publishes or has asked to publish.
    pub tracks_per_participant: usize,
    /// Participants with at least one track.
    pub publishers: usize,
    /// Tracks that one participant receives.
    pub subscriptions_per_participant: usize,
    /// Bytes of metadata of a room or a participant, and of all attributes together.
    pub metadata_bytes: usize,
    /// Characters of a display name, a track's name, an identity.
    pub name_chars: usize,
    /// Tracks, participants and rules that one request names.
    pub names_per_request: usize,
    /// Bytes of one message on a data channel.
    pub message_bytes: usize,
    /// Bytes of messages that one participant sends per second.
    pub message_bytes_per_second: usize,
    /// Until a room that nobody entered closes.
    pub empty_timeout: Duration,
    /// Until a room that everybody left closes.
    pub departure_timeout: Duration,
    /// Until a session that never had a media path is collected.
    pub join_timeout: Duration,
    /// Until a session without signal connection and without media path is collected.
    pub resume_window: Duration,
}

impl Default for RoomLimits {
    fn default() -> Self {
        Self {
            tracks_per_participant: 8,
            publishers: 100,
            subscriptions_per_participant: 1000,
            metadata_bytes: 16 * 1024,
            name_chars: 128,
            names_per_request: 10_000,
            message_bytes: 64 * 1024,
            message_bytes_per_second: 1024 * 1024,
            empty_timeout: Duration::from_secs(300),
            departure_timeout: Duration::from_secs(20),
            join_timeout: Duration::from_secs(30),
            resume_window: Duration::from_secs(30),
        }
    }
}

impl RoomLimits {
    /// Whether a request names no more than it may: each name costs work and perhaps a word of reply.
    #[must_use]
    pub fn allow(&self, request: &Request) -> bool {
        let names = match request {
            Request::Subscribe { tracks, .. } | Request::TrackSettings { tracks, .. } => tracks.len(),
            Request::SubscriptionPermission { allowed, .. } => {
                allowed.iter().map(|rule| 1 + rule.tracks.len()).sum()
            }
            Request::SyncState(state) => {
                [state.tracks.len(), state.published.len(), state.disabled.len(), state.received.len()]
                    .iter()
                    .sum()
            }
            Request::AudioFeatures { features, .. } => features.len(),
            Request::Trickle(trickle) => trickle.addresses.len(),
            Request::Offer(_)
            | Request::Answer(_)
            | Request::AddTrack(_)
            | Request::Mute { .. }
            | Request::Simulate(_)
            | Request::UpdateMetadata { .. }
            | Request::VideoSize { .. }
            | Request::Leave(_) => 0,
        };
        names <= self.names_per_request
    }
}
