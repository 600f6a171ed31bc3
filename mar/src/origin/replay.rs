//! Playlists and files from what the bucket holds.

use axum::response::Response;
use bucket::BucketError;
use hls::multivariant::SubtitleRendition;
use hls::playlist::Lifecycle;
use hls::recording::{View, media_playlist, multivariant, text_playlist, text_segment};
use ids::TextTrackId;
use wire::media::{RenditionKind, SegmentSet};

use super::answer::{self, Lifetime, PLAYLIST};
use super::path::File;
use super::{Origin, Viewing};
use crate::asset::{Playable, TextTrack};
use crate::error::MediaError;
use crate::index::Index;

/// Whether what is shown is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// More may come.
    Open,
    /// This is all.
    Whole,
}

impl Stand {
    fn lifetime(self) -> Lifetime {
        match self {
            Self::Open => Lifetime::Live,
            Self::Whole => Lifetime::Replay,
        }
    }
}

impl Origin {
    /// A file of a ready asset.
    pub(super) async fn replay(
        &self,
        viewing: &Viewing,
        playable: Playable,
        file: &File,
    ) -> Result<Response, MediaError> {
        let asset = viewing.asset();
        let indexes = self.registry.indexes();
        let index = indexes.finished(&asset.prefix, playable.index_chunks, asset.changed_at_us).await?;
        self.index_file(viewing, &index, Stand::Whole, file).await
    }

    /// A file of whatever an index names.
    pub(super) async fn index_file(
        &self,
        viewing: &Viewing,
        index: &Index,
        stand: Stand,
        file: &File,
    ) -> Result<Response, MediaError> {
        let unknown = || MediaError::NotFound("file");
        match file {
            File::Multivariant(view) => multivariant_playlist(viewing, index, stand, *view),
            File::Media(view, rendition) => {
                let text = playlist(index, *view, rendition, stand).ok_or_else(unknown)?;
                Ok(answer::text(viewing, PLAYLIST, stand.lifetime(), viewing.signed(text)))
            }
            File::Segment { rendition, path } => {
                let known = index.renditions.iter().find(|each| each.name == *rendition);
                let content_type = match known.ok_or_else(unknown)?.kind {
                    RenditionKind::Video { .. } => "video/mp4",
                    RenditionKind::Audio { .. } => "audio/mp4",
                };
                self.segment(viewing, path, content_type).await
            }
            File::TextPlaylist(id) => {
                text_track(viewing, id)?;
                let text = text_playlist(&index.sets, id.as_str(), lifecycle(View::Rewind, stand));
                Ok(answer::text(viewing, PLAYLIST, stand.lifetime(), viewing.signed(text)))
            }
            File::TextSegment(id, number) => self.captions(viewing, &index.sets, (id, *number)).await,
            File::Static(_) => Err(unknown()),
        }
    }

    /// A segment or init segment straight from the bucket.
    pub(super) async fn segment(
        &self,
        viewing: &Viewing,
        path: &str,
        content_type: &str,
    ) -> Result<Response, MediaError> {
        let key = format!("{}/{path}", viewing.asset().prefix);
        self.object(viewing, &key, (content_type, Lifetime::Forever)).await
    }

    /// A file beside the ladder.
    pub(super) async fn static_file(&self, viewing: &Viewing, name: &str) -> Result<Response, MediaError> {
        let found = crate::db::static_rendition(self.registry.db(), &viewing.asset().id, name).await?;
        let found = found.ok_or(MediaError::NotFound("file"))?;
        if name == "storyboard.vtt" {
            // Its cues name the pictures, which need the token as well.
            let bytes = self.registry.bucket().get(&found.key, MAX_STORYBOARD_BYTES).await?;
            let text = viewing.signed_storyboard(String::from_utf8_lossy(&bytes).into_owned());
            return Ok(answer::text(viewing, "text/vtt; charset=utf-8", Lifetime::Replaceable, text));
        }
        self.object(viewing, &found.key, (&found.content_type, Lifetime::Replaceable)).await
    }

    async fn object(
        &self,
        viewing: &Viewing,
        key: &str,
        (content_type, lifetime): (&str, Lifetime),
    ) -> Result<Response, MediaError> {
        // Several ranges at once are answered with the whole (RFC 9110 §14.2 allows that).
        let range = viewing.range.as_deref().filter(|range| !range.contains(','));
        match self.registry.bucket().open(key, range).await {
            Ok(object) => Ok(answer::object(viewing, content_type, lifetime, object)),
            Err(BucketError::NotFound { .. }) => Err(MediaError::NotFound("file")),
            Err(error) => Err(error.into()),
        }
    }

    async fn captions(
        &self,
        viewing: &Viewing,
        sets: &[SegmentSet],
        (id, number): (&TextTrackId, u64),
    ) -> Result<Response, MediaError> {
        let captions = self.cues(viewing, id).await?;
        let text = text_segment(sets, &captions, number).ok_or(MediaError::NotFound("file"))?;
        Ok(answer::text(viewing, "text/vtt; charset=utf-8", Lifetime::Replay, text))
    }
}

impl Viewing {
    /// A storyboard whose pictures carry the token, if the playback id needs one.
    fn signed_storyboard(&self, storyboard: String) -> String {
        let one_picture = |line: &str| {
            let Some((name, fragment)) = line.split_once('#') else { return line.to_owned() };
            if !name.ends_with(".jpg") {
                return line.to_owned();
            }
            let uri = self.signed(name.to_owned());
            format!("{}#{fragment}", uri.trim_end())
        };
        let mut text: String = storyboard.lines().map(|line| one_picture(line) + "\n").collect();
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

fn multivariant_playlist(
    viewing: &Viewing,
    index: &Index,
    stand: Stand,
    view: View,
) -> Result<Response, MediaError> {
    if index.sets.is_empty() {
        return Err(MediaError::Starting);
    }
    let subtitles = viewing.found.tracks.iter().map(subtitle).collect();
    let text = multivariant(&index.renditions, &index.sets, subtitles, view);
    Ok(answer::text(viewing, PLAYLIST, stand.lifetime(), viewing.signed(text)))
}

fn text_track<'a>(viewing: &'a Viewing, id: &TextTrackId) -> Result<&'a TextTrack, MediaError> {
    let tracks = &viewing.found.tracks;
    tracks.iter().find(|track| track.id == *id).ok_or(MediaError::NotFound("text track"))
}

/// The media playlist of one rendition.
fn playlist(index: &Index, view: View, rendition: &str, stand: Stand) -> Option<String> {
    let mut text = media_playlist(&index.renditions, &index.sets, rendition, lifecycle(view, stand))?;
    if (view, stand) == (View::Live, Stand::Whole) {
        // A viewer who follows the live edge is told that it was the end.
        text.push_str("#EXT-X-ENDLIST\n");
    }
    Some(text)
}

fn lifecycle(view: View, stand: Stand) -> Lifecycle {
    match (view, stand) {
        (View::Live, Stand::Open | Stand::Whole) => Lifecycle::Sliding,
        (View::Rewind, Stand::Open) => Lifecycle::Event,
        (View::Rewind, Stand::Whole) => Lifecycle::Vod,
    }
}

fn subtitle(track: &TextTrack) -> SubtitleRendition {
    SubtitleRendition {
        uri: format!("text/{}.m3u8", track.id),
        name: track.name.clone(),
        language: track.language.clone(),
        default: track.is_default,
    }
}

/// A cue per five seconds of a day is 1.5 MB.
const MAX_STORYBOARD_BYTES: u64 = 4 << 20;
