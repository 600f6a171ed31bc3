//! SCTP over DTLS with data channels (RFC 8831), on `sctp-proto`.
//!
//! It decides stream ids, bounds buffers and turns stream events into messages. What a message says, and
//! which labels mean what, is the room's business.

mod association;
mod budget;
pub mod dcep;

pub use association::{Association, Event};

/// SCTP stream id of a data channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId(pub u16);

/// How long a message is repeated until it is given up (RFC 8832 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reliability {
    /// Until it arrives.
    Reliable,
    /// At most so many repetitions.
    MaxRetransmits(u32),
    /// For so many milliseconds.
    MaxLifetimeMs(u32),
}

/// A data channel to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelConfig {
    /// At most 65,535 bytes; LiveKit uses `_reliable`, `_lossy` and `_data_track`.
    pub label: String,
    /// False: messages may overtake each other.
    pub ordered: bool,
    /// How long a message is repeated.
    pub reliability: Reliability,
}

/// Text or binary (RFC 8831 §8, payload protocol identifiers 51 and 53).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// UTF-8 text. Not checked here.
    Text,
    /// Bytes.
    Binary,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No such channel, or it is not open.
    #[error("the channel is not open")]
    NotOpen,
    /// More than [`MAX_MESSAGE_BYTES`], or than the peer accepts.
    #[error("the message is too large")]
    TooLarge,
    /// [`MAX_BUFFERED_BYTES`] are waiting: try again later, or drop it.
    #[error("the send buffer is full")]
    BufferFull,
}

/// Largest message that we send, accept and advertise (`a=max-message-size`).
///
/// The LiveKit JS client caps itself at 64,000 bytes.
pub const MAX_MESSAGE_BYTES: usize = 65_536;

/// Most bytes that wait for the peer's acknowledgement in one association.
///
/// With as much for the peer's unfinished messages, 2 MiB is what one hostile or dead peer may cost us.
pub const MAX_BUFFERED_BYTES: usize = 1 << 20;

#[cfg(test)]
mod tests;
