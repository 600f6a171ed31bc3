//! What the files of a recording are served as, from the spool and from the bucket alike.

use bucket::Kind;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// CMAF picture.
    Video,
    /// CMAF sound.
    Audio,
    /// A chunk of the recording index.
    Index,
}

impl Content {
    /// `Content-Type` and `Cache-Control`: a segment never changes, the last index chunk does.
    #[must_use]
    pub(crate) fn kind(self) -> Kind {
        let (media_type, cache_control) = match self {
            Self::Video => ("video/mp4", SEGMENT_CACHE),
            Self::Audio => ("audio/mp4", SEGMENT_CACHE),
            Self::Index => ("application/json", "no-cache"),
        };
        Kind { media_type, cache_control: Some(cache_control) }
    }
}

/// For the life of a recording.
pub(crate) const SEGMENT_CACHE: &str = "public, max-age=31536000, immutable";
