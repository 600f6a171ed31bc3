//! One transport of a participant with what it carries.

use std::collections::BTreeMap;
use std::time::Instant;

use super::RoomKey;
use super::downlink::{ByPublication, DownlinkKey};
use super::media::MediaKey;
use crate::bwe::BweConfig;
use crate::forward::{Congestion, Outbound};
use crate::names::{Mid, Ssrc};
use crate::receive::Inbound;
use crate::room::sid::TrackSid;
use crate::room::{ParticipantKey, PublicationKey};
use crate::rtp::SeqNo;
use crate::sctp::ChannelId;
use crate::sdp::{OfferedTrack, Offerer, Placement, SendTrack};
use crate::transport::Transport;

/// Place of a transport in its shard; used again after it is gone.
pub(super) type TransportKey = usize;

/// A transport, whose it is, and its role.
pub(super) struct Peer {
    pub(super) transport: Transport,
    pub(super) owner: ParticipantKey,
    pub(super) room: RoomKey,
    pub(super) role: Role,
    /// `o=` of our descriptions.
    pub(super) session_id: u64,
    /// Descriptions that we wrote.
    pub(super) version: u64,
    /// Local user fragments that name it.
    pub(super) ufrags: Vec<String>,
    /// DTLS is done.
    pub(super) connected: bool,
    /// No check has come for a while.
    pub(super) stalled: bool,
    /// Open data channels.
    pub(super) channels: Channels,
}

/// What a transport is for.
pub(super) enum Role {
    /// The participant sends: the first of LiveKit's two peer connections.
    Publisher(Box<Publishing>),
    /// The participant receives: the second.
    Subscriber(Box<Subscribing>),
    /// Both: LiveKit's single peer connection.
    Single(Box<Publishing>, Box<Subscribing>),
}

impl Role {
    pub(super) fn publishing(&mut self) -> Option<&mut Publishing> {
        match self {
            Self::Publisher(publishing) | Self::Single(publishing, _) => Some(publishing),
            Self::Subscriber(_) => None,
        }
    }

    pub(super) fn subscribing(&mut self) -> Option<&mut Subscribing> {
        match self {
            Self::Subscriber(subscribing) | Self::Single(_, subscribing) => Some(subscribing),
            Self::Publisher(_) => None,
        }
    }

    pub(super) fn receives(&self) -> Option<&Subscribing> {
        match self {
            Self::Subscriber(subscribing) | Self::Single(_, subscribing) => Some(subscribing),
            Self::Publisher(_) => None,
        }
    }
}

/// The publisher's side.
pub(super) struct Publishing {
    pub(super) inbound: Inbound<MediaKey>,
}

impl Publishing {
    /// Nothing comes yet; `sender` is the SSRC of our own reports.
    pub(super) fn new(sender: Ssrc, max_ssrcs: usize) -> Self {
        Self { inbound: Inbound::new(sender).with_max_ssrcs(max_ssrcs) }
    }
}

/// The subscriber's side.
pub(super) struct Subscribing {
    pub(super) sections: Sections,
    pub(super) negotiation: Negotiation,
    pub(super) outbound: Outbound<DownlinkKey>,
    /// What is forwarded.
    pub(super) by_publication: BTreeMap<PublicationKey, ByPublication>,
    /// When the layers are chosen anew.
    pub(super) allocate_at: Option<Instant>,
    /// A made-up bound of the path for a client's own test.
    pub(super) pretended_bps: Option<u64>,
}

impl Subscribing {
    pub(super) fn new(sections: Sections, negotiation: Negotiation) -> Self {
        Self {
            sections,
            negotiation,
            outbound: Outbound::new(Congestion::new(BweConfig::default(), SeqNo(1))),
            by_publication: BTreeMap::new(),
            allocate_at: None,
            pretended_bps: None,
        }
    }
}

/// Who offers the sections that carry our tracks.
pub(super) enum Sections {
    /// We do.
    Ours {
        /// The sections.
        offerer: Offerer,
        /// The last offer's number.
        offer_id: u32,
    },
    /// The participant does (single peer connection); we can ask it to.
    Theirs(Placement),
}

impl Sections {
    pub(super) fn add(&mut self, track: OfferedTrack) {
        match self {
            Self::Ours { offerer, .. } => drop(offerer.add(track)),
            Self::Theirs(placement) => placement.add(track),
        }
    }

    pub(super) fn remove(&mut self, ssrc: Ssrc) {
        match self {
            Self::Ours { offerer, .. } => {
                let mid = offerer.sent().find(|(_, send)| send.ssrc == ssrc).map(|(mid, _)| mid);
                if let Some(mid) = mid {
                    offerer.remove(mid);
                }
            }
            Self::Theirs(placement) => placement.remove(ssrc),
        }
    }

    pub(super) fn needs_offer(&self) -> bool {
        match self {
            Self::Ours { offerer, .. } => offerer.needs_offer(),
            Self::Theirs(placement) => placement.needs_offer(),
        }
    }

    /// Sections and the tracks in them.
    pub(super) fn mid_to_track(&self) -> Vec<(String, TrackSid)> {
        let named = |(mid, send): (Mid, &SendTrack)| (mid.to_string(), TrackSid::from_wire(&send.msid.track));
        match self {
            Self::Ours { offerer, .. } => offerer.sent().map(named).collect(),
            Self::Theirs(placement) => placement.sent().map(named).collect(),
        }
    }
}

/// Where the negotiation of what a participant receives stands. Where the participant offers, a request to
/// do so takes the place of our offer, and its offer that of the answer.
///
/// ```text
/// Stable ──change──▶ Due ──offer──▶ InFlight ──answer──▶ Stable
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Negotiation {
    /// What is negotiated is what is wanted.
    Stable {
        /// When the last answer came.
        since: Option<Instant>,
    },
    /// Changes are gathered.
    Due {
        /// When to offer.
        at: Instant,
    },
    /// An offer waits for its answer.
    InFlight {
        /// Since when.
        since: Instant,
    },
}

/// LiveKit's two data channels, by what they promise.
#[derive(Debug, Default)]
pub(super) struct Channels {
    pub(super) reliable: Option<ChannelId>,
    pub(super) lossy: Option<ChannelId>,
}

impl Channels {
    /// The channel for a message.
    pub(super) fn pick(&self, lossy: bool) -> Option<ChannelId> {
        if lossy { self.lossy.or(self.reliable) } else { self.reliable }
    }
}

impl Peer {
    pub(super) fn publishing(&mut self) -> Option<&mut Publishing> {
        self.role.publishing()
    }

    pub(super) fn subscribing(&mut self) -> Option<&mut Subscribing> {
        self.role.subscribing()
    }

    /// Media can flow.
    pub(super) fn is_alive(&self) -> bool {
        self.connected && !self.stalled
    }
}
