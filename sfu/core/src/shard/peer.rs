//! One transport of a participant with what it carries.

use std::collections::BTreeMap;
use std::time::Instant;

use super::downlink::{ByPublication, DownlinkKey};
use super::media::MediaKey;
use crate::forward::Outbound;
use crate::names::Mid;
use crate::receive::Inbound;
use crate::room::{ParticipantKey, PublicationKey};
use crate::sctp::ChannelId;
use crate::sdp::{Negotiated, Offerer};
use crate::transport::Transport;

/// Place of a transport in its shard; used again after it is gone.
pub(super) type TransportKey = usize;

/// A transport, whose it is, and its role.
pub(super) struct Peer {
    pub(super) transport: Transport,
    pub(super) owner: ParticipantKey,
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

/// What a transport is for (LiveKit's two peer connections).
pub(super) enum Role {
    /// The participant sends.
    Publisher(Box<Publishing>),
    /// The participant receives.
    Subscriber(Box<Subscribing>),
}

/// The publisher's side.
pub(super) struct Publishing {
    pub(super) inbound: Inbound<MediaKey>,
    /// The last negotiation.
    pub(super) negotiated: Negotiated,
    /// Publications by their sections.
    pub(super) bound: BTreeMap<Mid, PublicationKey>,
}

/// The subscriber's side.
pub(super) struct Subscribing {
    pub(super) offerer: Offerer,
    pub(super) negotiation: Negotiation,
    /// The last offer's number.
    pub(super) offer_id: u32,
    pub(super) outbound: Outbound<DownlinkKey>,
    /// What is forwarded.
    pub(super) by_publication: BTreeMap<PublicationKey, ByPublication>,
    /// When the layers are chosen anew.
    pub(super) allocate_at: Option<Instant>,
    /// A made-up bound of the path for a client's own test.
    pub(super) pretended_bps: Option<u64>,
}

/// Where the offers of a subscriber transport stand.
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
        match &mut self.role {
            Role::Publisher(publishing) => Some(publishing),
            Role::Subscriber(_) => None,
        }
    }

    pub(super) fn subscribing(&mut self) -> Option<&mut Subscribing> {
        match &mut self.role {
            Role::Subscriber(subscribing) => Some(subscribing),
            Role::Publisher(_) => None,
        }
    }

    /// Media can flow.
    pub(super) fn is_alive(&self) -> bool {
        self.connected && !self.stalled
    }
}
