//! What the origin remembers between two requests, and for how long.

use std::sync::Arc;
use std::time::Duration;

use hls::vtt::WebVtt;
use ids::{PlaybackId, TextTrackId};

use super::fresh::Fresh;
use super::live::LivePlaylist;
use super::{Origin, Viewing};
use crate::asset::{Asset, LiveRecording, PlaybackName, TextTrack};
use crate::error::MediaError;
use crate::index::Index;

/// What a playback id stands for.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: PlaybackName,
    pub(super) asset: Asset,
    pub(super) tracks: Vec<TextTrack>,
    /// While it is not finished.
    pub(super) live: Option<LiveRecording>,
}

/// What the origin remembers.
#[derive(Debug)]
pub(super) struct Memory {
    names: Fresh<Arc<Found>>,
    /// Playlists of mixers.
    pub(super) live_playlists: Fresh<LivePlaylist>,
    /// Indexes that may still grow.
    growing: Fresh<Arc<Index>>,
    captions: Fresh<Arc<WebVtt>>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            // Changes by this process are seen at once, those by others after this second.
            names: Fresh::new(Duration::from_secs(1), 10_000),
            // A quarter of a segment: it adds that much to the latency at worst.
            live_playlists: Fresh::new(Duration::from_millis(500), 1_000),
            growing: Fresh::new(Duration::from_secs(1), 100),
            // A track's text never changes.
            captions: Fresh::new(Duration::from_secs(600), 200),
        }
    }
}

impl Origin {
    /// What a playback id stands for.
    pub(super) async fn find(&self, id: &PlaybackId) -> Result<Arc<Found>, MediaError> {
        let registry = &self.registry;
        let make = async {
            let name = registry.playback_name(id).await?;
            let asset = registry.asset(&name.asset_id).await?;
            let tracks = registry.text_tracks(&asset.id).await?;
            let live = registry.live_recording(&asset.id).await?;
            Ok(Arc::new(Found { name, asset, tracks, live }))
        };
        self.memory.names.get(&format!("{}:{id}", registry.changes()), make).await
    }

    /// What the bucket holds of a recording in progress.
    pub(super) async fn growing_index(&self, viewing: &Viewing) -> Result<Arc<Index>, MediaError> {
        let prefix = &viewing.asset().prefix;
        let make = async { self.registry.indexes().present(prefix).await.map(Arc::new) };
        self.memory.growing.get(prefix, make).await
    }

    /// The cues of a text track.
    pub(super) async fn cues(&self, viewing: &Viewing, id: &TextTrackId) -> Result<Arc<WebVtt>, MediaError> {
        // Also when the cues are remembered: the track may have been removed.
        if !viewing.found.tracks.iter().any(|track| track.id == *id) {
            return Err(MediaError::NotFound("text track"));
        }
        let make = async { self.registry.captions(&viewing.asset().id, id).await.map(Arc::new) };
        self.memory.captions.get(id.as_str(), make).await
    }
}
