//! What a transport tells its owner, and why it drops datagrams.

use bytes::Bytes;

use super::Path;
use crate::sctp::{ChannelId, DataKind, Reliability};

/// Something happened. Events are queued in the order in which they happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// DTLS is done: [`super::Transport::srtp`] is there, media can flow both ways.
    Connected,
    /// Media and replies now leave on this path.
    PathChanged(Path),
    /// The path is no longer this transport's: take it out of the address map.
    PathForgotten(Path),
    /// These local credentials are no longer valid: take the ufrag out of the map.
    UfragRetired(String),
    /// No check for 6 s: stop sending media, keep the state.
    Stalled,
    /// Checks came back after [`Event::Stalled`].
    Recovered,
    /// A data channel is open, whoever opened it.
    ChannelOpened(ChannelOpened),
    /// A message arrived on a data channel.
    ChannelData {
        /// The channel.
        id: ChannelId,
        /// Text or binary.
        kind: DataKind,
        /// The whole message; may be empty.
        bytes: Bytes,
    },
    /// The peer closed a data channel, or the association under it ended.
    ChannelClosed(ChannelId),
    /// The end: nothing more comes out of this transport but what `poll_transmit` still holds.
    Closed(CloseReason),
}

/// A data channel that opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelOpened {
    /// Names it from here on.
    pub id: ChannelId,
    /// The label in its DATA_CHANNEL_OPEN.
    pub label: String,
    /// False: messages may overtake each other.
    pub ordered: bool,
    /// How long a message is repeated.
    pub reliability: Reliability,
    /// True if the peer opened it, false for our own [`super::Transport::open_channel`].
    pub by_peer: bool,
}

/// Why a transport ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer said so (DTLS close_notify).
    ClosedByPeer,
    /// [`super::Transport::close`] was called.
    ClosedByUs,
    /// No check for 30 s.
    Unreachable,
    /// DTLS did not finish within 30 s of the first checked path.
    HandshakeTimeout,
    /// The peer's certificate is not the one that its SDP names.
    FingerprintMismatch,
    /// A library panicked on this peer's input; only this transport ends.
    Panicked,
}

/// Why a datagram was dropped. The shard counts them by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// No known protocol, too short for its header, or longer than 1,500 bytes.
    Unknown,
    /// The path has no succeeded check on this transport.
    UncheckedPath,
    /// Malformed STUN, or not a Binding request.
    BadStun,
    /// USERNAME names no credentials of this transport, or MESSAGE-INTEGRITY is wrong.
    UnauthenticStun,
    /// The peer's description is not known yet.
    TooEarly,
    /// The DTLS guard or library refused it.
    BadDtls,
    /// The RTP or RTCP header is malformed.
    BadRtp,
    /// Wrong authentication tag.
    UnauthenticSrtp,
    /// Seen before, or too old to tell.
    Replayed,
    /// The peer already uses 64 SSRCs.
    TooManySsrcs,
    /// The transport is closed.
    Closed,
}
