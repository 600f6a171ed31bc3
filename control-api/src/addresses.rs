//! Addresses that browsers use, made from the public URL.

use ids::PlaybackId;
use url::Url;

use crate::config::Config;

/// Where browsers find things.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    /// Without a slash at the end.
    pub(crate) public_url: String,
    /// `ws:` or `wss:` address of the SFU, without a slash at the end.
    pub(crate) room_url: String,
    /// Of the media service, without a slash at the end.
    media_url: String,
}

impl Addresses {
    pub(crate) fn new(config: &Config) -> Self {
        let public_url = trimmed(&config.public_url);
        let room_url = config.room_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
        Self {
            // http → ws, https → wss.
            room_url: room_url.unwrap_or_else(|| public_url.replacen("http", "ws", 1)),
            media_url: config.media_public_url.as_ref().map_or_else(|| public_url.clone(), trimmed),
            public_url,
        }
    }

    /// A file under a playback id. `query` is empty or starts with `?`.
    pub(crate) fn hls(&self, playback_id: &PlaybackId, file: &str, query: &str) -> String {
        format!("{}/hls/{playback_id}/{file}{query}", self.media_url)
    }
}

fn trimmed(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}
