//! What a mixer on a link and a shard say to each other.

use crate::codec::Codec;
use crate::room::message::Source;
use crate::rtcp::NtpTime;
use crate::rtp::RtpTime;

/// One mixer's connection; named by the edge, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkId(pub u64);

/// Names one forwarded track on one link; never used twice on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackHandle(pub u16);

/// One participant whose tracks a mixer wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// Its identity; it need not be there yet.
    pub identity: String,
    /// Size of its tile in pixels; `None`: only its sound.
    pub tile: Option<(u32, u32)>,
}

/// From a mixer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MixerCommand {
    /// It enters a room as a hidden participant; the room is opened if need be.
    Enter {
        /// Room name.
        room: String,
        /// Its identity.
        identity: String,
    },
    /// The whole list of participants that it wants.
    Watch(Vec<Watched>),
    /// A decoder needs a keyframe of this track.
    RequestKeyframe(TrackHandle),
    /// The link is gone.
    Leave,
}

/// To a mixer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MixerMessage {
    /// A track begins.
    TrackStarted {
        /// Names it from here on.
        track: TrackHandle,
        /// Who publishes it.
        identity: String,
        /// What it is.
        source: Source,
        /// How its payload is coded; sound is never RED here.
        codec: Codec,
        /// Sent but muted.
        muted: bool,
    },
    /// Its publisher muted or unmuted.
    TrackMuted {
        /// The track.
        track: TrackHandle,
        /// New state.
        muted: bool,
    },
    /// No more packets of it will come.
    TrackEnded {
        /// The track.
        track: TrackHandle,
    },
    /// The publisher's sender report, moved to the forwarded timestamps.
    SenderReport {
        /// The track.
        track: TrackHandle,
        /// Wall clock.
        ntp: NtpTime,
        /// RTP clock of the same moment.
        rtp_time: RtpTime,
    },
    /// The room was closed or the mixer removed from it; nothing more comes.
    RoomClosed,
}
