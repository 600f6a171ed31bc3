//! How a link ends and why a message is not sent.

use std::io;
use std::net::SocketAddr;

/// Why a connection was closed on purpose; travels as the QUIC application error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// Nothing more to say.
    Done,
    /// The other end broke the protocol.
    ProtocolViolation,
    /// A message was longer than `wire::link::MAX_MESSAGE_BYTES`.
    MessageTooLarge,
    /// The request is well formed but not granted.
    Refused,
    /// The process goes down.
    Shutdown,
    /// A code that this version does not know.
    Unknown(u32),
}

impl CloseCode {
    pub(crate) fn to_wire(self) -> u32 {
        match self {
            Self::Done => 0,
            Self::ProtocolViolation => 1,
            Self::MessageTooLarge => 2,
            Self::Refused => 3,
            Self::Shutdown => 4,
            Self::Unknown(code) => code,
        }
    }

    pub(crate) fn from_wire(code: u64) -> Self {
        match code {
            0 => Self::Done,
            1 => Self::ProtocolViolation,
            2 => Self::MessageTooLarge,
            3 => Self::Refused,
            4 => Self::Shutdown,
            other => Self::Unknown(u32::try_from(other).unwrap_or(u32::MAX)),
        }
    }
}

/// Why a link could not be opened, or how it ended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LinkError {
    /// A certificate or key is unusable.
    #[error("the link's key material is not usable: {0}")]
    Identity(String),
    /// The local socket could not be opened.
    #[error("cannot open a UDP socket on {addr}: {kind}")]
    Bind {
        /// Wanted address.
        addr: SocketAddr,
        /// What the system said.
        kind: io::ErrorKind,
    },
    /// The handshake did not end in time.
    #[error("no answer from {0} in time")]
    HandshakeTimeout(SocketAddr),
    /// TLS or QUIC refused the other end; a wrong CA shows here.
    #[error("the QUIC connection failed: {0}")]
    Transport(String),
    /// The other end closed on purpose.
    #[error("closed by the other end ({code:?}): {reason}")]
    Closed {
        /// Why.
        code: CloseCode,
        /// In words, for a log.
        reason: String,
    },
    /// Nothing was heard for the idle timeout.
    #[error("the other end vanished")]
    Vanished,
    /// This end closed, or dropped all its senders.
    #[error("closed by this end")]
    ClosedHere,
    /// The other end announced a message longer than the limit.
    #[error("a message of {0} bytes is over the limit")]
    MessageTooLarge(usize),
    /// A message is not what `wire::link` says.
    #[error("a message cannot be read: {0}")]
    Malformed(String),
}

impl From<quinn::ConnectionError> for LinkError {
    fn from(error: quinn::ConnectionError) -> Self {
        use quinn::ConnectionError as Quic;
        match error {
            Quic::ApplicationClosed(close) => Self::Closed {
                code: CloseCode::from_wire(close.error_code.into_inner()),
                reason: String::from_utf8_lossy(&close.reason).into_owned(),
            },
            Quic::TimedOut | Quic::Reset => Self::Vanished,
            Quic::LocallyClosed => Self::ClosedHere,
            other @ (Quic::VersionMismatch
            | Quic::TransportError(_)
            | Quic::ConnectionClosed(_)
            | Quic::CidsExhausted) => Self::Transport(other.to_string()),
        }
    }
}

/// Why a message was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The message is over `wire::link::MAX_MESSAGE_BYTES`.
    #[error("the message is over the limit")]
    TooLarge,
    /// The other end reads too slowly; the queue is full.
    #[error("the queue of messages is full")]
    QueueFull,
    /// The connection has ended.
    #[error("the connection has ended")]
    Closed,
}
