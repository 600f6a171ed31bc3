//! Jobs: what is to be made of which asset, and how far it is.
//!
//! ```text
//!            claim                    publish
//! Queued ───────────▶ Running ─────────────────────▶ Done
//!   ▲  ▲                │ │ │  refused, or tried too often
//!   │  └──worker failed─┘ │ └──────────────────────▶ Failed
//!   │                     │ cancel                     │
//!   └───────retry──── Cancelled ◀                      │
//!   └───────retry──────────────────────────────────────┘
//! ```
//! A running job whose lease ran out is claimed again, with a higher fencing number.

use ids::{AssetId, JobId};

/// What a job makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Making {
    /// What an upload is, and whether it can be read at all; the ladder comes after it.
    Probe,
    /// A CMAF ladder from an upload.
    Ladder,
    /// One MP4 from a ladder.
    Mp4,
    /// Poster and storyboard from a ladder.
    Pictures,
}

impl Making {
    /// As stored and as the API says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Ladder => "ladder",
            Self::Mp4 => "mp4",
            Self::Pictures => "pictures",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        let all = [Self::Probe, Self::Ladder, Self::Mp4, Self::Pictures];
        all.into_iter().find(|making| making.name() == name)
    }

    /// Whether an asset without it never plays.
    pub(crate) fn is_needed(self) -> bool {
        match self {
            Self::Probe | Self::Ladder => true,
            Self::Mp4 | Self::Pictures => false,
        }
    }
}

/// Which jobs a worker takes. Probes take seconds and ladders hours: who uploads the wrong file must not wait
/// for a ladder to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Probes first, then whatever is oldest.
    Any,
    /// Probes only.
    Probes,
}

/// A job that this worker holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Which job.
    pub(crate) id: JobId,
    /// Of which asset.
    pub(crate) asset_id: AssetId,
    /// What to make.
    pub(crate) making: Making,
    /// Only its newest holder may publish.
    pub(crate) fence: i64,
    /// Times that a worker began it, this time included.
    pub(crate) attempts: i64,
}

impl Claim {
    /// Where this attempt's files go: a worker that lost its job can then never overwrite another's.
    pub(crate) fn prefix(&self) -> String {
        format!("{}/{}-{}", mar::asset::asset_prefix(&self.asset_id), self.making.name(), self.fence)
    }

    /// Too many workers failed over it: the file is probably poison.
    pub(crate) fn is_last_attempt(&self) -> bool {
        self.attempts >= MAX_ATTEMPTS
    }
}

/// A file that kills its worker gets this many.
pub(crate) const MAX_ATTEMPTS: i64 = 3;
