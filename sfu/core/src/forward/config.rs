//! What one subscription negotiated, and what it wants.

use std::sync::Arc;

use crate::codec::Codec;
use crate::receive::EncodingIndex;
use crate::rtp::{ExtKind, ExtMap, Mid, Pt, RtpTime, SeqNo, Ssrc};

/// The negotiated values of one subscription; none of them is a constant of ours.
#[derive(Debug, Clone)]
pub struct ForwardingConfig {
    /// Codec of the publication.
    pub codec: Codec,
    /// Its encodings are spatial layers of one stream ([`crate::receive::Reception::is_scalable`]).
    pub scalable: bool,
    /// SSRC of the media towards the subscriber.
    pub ssrc: Ssrc,
    /// Payload type of the codec on this leg.
    pub pt: Pt,
    /// Payload type of RED, when the subscriber takes it. `None`: sound goes out as plain Opus.
    pub red: Option<Pt>,
    /// Retransmission stream (RFC 4588); `None`: NACKs are not answered, and probes are padding of
    /// the media stream.
    pub rtx: Option<RtxConfig>,
    /// Section of the subscriber's session description; sent in each stream until its first receiver report.
    pub mid: Option<Mid>,
    /// Extension ids of the leg's transport.
    pub extensions: ExtMap,
    /// First sequence number. Low, so that the receiver's roll-over counter is sure to be 0.
    pub first_seq: SeqNo,
    /// First timestamp.
    pub first_time: RtpTime,
    /// CNAME: the same for the sound and the picture of one publisher, so that they are synchronised.
    pub cname: Arc<str>,
}

/// Where retransmissions go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RtxConfig {
    /// Their SSRC.
    pub ssrc: Ssrc,
    /// Their payload type on this leg.
    pub pt: Pt,
    /// Their first sequence number; low.
    pub first_seq: SeqNo,
}

/// What a subscription is to get. The larger encoding is the greater one, however few its frames are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The encoding.
    pub encoding: EncodingIndex,
    /// The highest temporal layer of it; [`Target::ALL_TEMPORAL`] for all.
    pub temporal: u8,
}

impl ForwardingConfig {
    /// The stream that carries an encoding.
    pub(crate) const fn stream(&self, encoding: EncodingIndex) -> EncodingIndex {
        if self.scalable { EncodingIndex(0) } else { encoding }
    }

    /// The subscriber can be told which layers it gets: a receiver of AV1 needs that for anything but all.
    pub(super) fn takes_layers(&self) -> bool {
        self.codec != Codec::Av1 || self.extensions.id(ExtKind::DependencyDescriptor).is_some()
    }
}

impl Target {
    /// No temporal layer is left out.
    pub const ALL_TEMPORAL: u8 = u8::MAX;

    /// All of one encoding.
    #[must_use]
    pub const fn encoding(encoding: EncodingIndex) -> Self {
        Self { encoding, temporal: Self::ALL_TEMPORAL }
    }
}
