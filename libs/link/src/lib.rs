//! RTP and typed messages between an SFU and a mixer child, over QUIC with certificates on both sides.
//!
//! It decides framing, limits and batching; what the messages mean is `wire::link`, who may listen to
//! which room is decided by whose certificate the configured CA has signed (`auth::link`).
//!
//! ```text
//! mixer                                   SFU
//! Client::connect ─────QUIC handshake───▶ Server::accept
//! Sender ── bidirectional stream: ToSfu / ToMixer, 4 bytes of length + JSON ── Receiver
//! Receiver ◀── datagrams: 2 bytes of track handle + RTP ────────────────────── Sender::send_rtp
//! Receiver ◀── one unidirectional stream per packet too large for a datagram ─ Sender::send_rtp
//! ```

mod batch;
mod connection;
mod counters;
mod endpoint;
mod error;
mod framing;
mod tls;

pub use connection::{Connection, Received, Receiver, RtpPacket, Sender};
pub use counters::{Counters, CountersSnapshot};
pub use endpoint::{Client, Server};
pub use error::{CloseCode, LinkError, SendError};

use wire::link::{ToMixer, ToSfu};

/// The SFU's end of a connection: sends [`ToMixer`] and RTP, receives [`ToSfu`].
pub type SfuConnection = Connection<ToMixer, ToSfu>;
/// What an SFU sends with.
pub type SfuSender = Sender<ToMixer>;
/// What an SFU receives with.
pub type SfuReceiver = Receiver<ToSfu>;
/// The mixer's end of a connection: sends [`ToSfu`], receives [`ToMixer`] and RTP.
pub type MixerConnection = Connection<ToSfu, ToMixer>;
/// What a mixer sends with.
pub type MixerSender = Sender<ToSfu>;
/// What a mixer receives with.
pub type MixerReceiver = Receiver<ToMixer>;

#[cfg(test)]
mod tests;
