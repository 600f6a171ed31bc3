//! What a run does: who publishes to whom, how much, for how long.

use std::time::Duration;

use auth::room::ApiKeyPair;
use sfu_core::bwe::Bitrate;

/// Who publishes what to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One publishes a picture, the others watch.
    Livestream {
        /// Who watch.
        subscribers: usize,
    },
    /// Everybody publishes a picture and sound, and receives everybody else.
    Meeting {
        /// Everybody.
        participants: usize,
        /// The picture comes in three encodings.
        simulcast: bool,
    },
    /// Some speak, the others listen. Without speakers: people join an empty room.
    Audio {
        /// Who speak.
        speakers: usize,
        /// Who listen.
        listeners: usize,
    },
}

impl Shape {
    /// Participants that publish; they join first.
    #[must_use]
    pub const fn publishers(self) -> usize {
        match self {
            Self::Livestream { .. } => 1,
            Self::Meeting { participants, .. } => participants,
            Self::Audio { speakers, .. } => speakers,
        }
    }

    /// All participants.
    #[must_use]
    pub const fn people(self) -> usize {
        match self {
            Self::Livestream { subscribers } => 1 + subscribers,
            Self::Meeting { participants, .. } => participants,
            Self::Audio { speakers, listeners } => speakers + listeners,
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::Livestream { subscribers } => write!(f, "livestream 1→{subscribers}"),
            Self::Meeting { participants: n, simulcast } => {
                write!(f, "meeting {n}×{n}{}", if simulcast { ", simulcast" } else { "" })
            }
            Self::Audio { speakers, listeners } => write!(f, "audio {speakers}→{listeners}"),
        }
    }
}

/// One run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// `ws://`, `wss://`, `http://` or `https://`, without a path.
    pub url: String,
    /// Signs the participants' tokens.
    pub api_key: ApiKeyPair,
    /// Name of the room.
    pub room: String,
    /// Who publishes what to whom.
    pub shape: Shape,
    /// Of each published picture; with simulcast, of its largest encoding.
    pub video: Bitrate,
    /// Of each published picture.
    pub frames_per_second: u32,
    /// How many people join in a second.
    pub joins_per_second: f64,
    /// Between the last join and the first measured packet.
    pub settle: Duration,
    /// How long packets are measured.
    pub length: Duration,
    /// The server's process on this machine, if its processor time and memory are to be read.
    pub server_pid: Option<u32>,
}
