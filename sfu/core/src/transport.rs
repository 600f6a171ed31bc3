//! ②③ One transport: ICE (lite, unless the peer is), DTLS, SRTP and SCTP towards one peer connection of one participant.
//!
//! It decides whose datagrams are believed, on which path to answer, and when the peer is gone. It does not
//! decide what media means: it hands out plaintext packets and seals the ones it is given.
//!
//! ```text
//! New ──checked datagram──▶ Handshaking ──Finished──▶ Connected ◀──▶ Stalled
//!                                │                        │             │
//!                                └────────────────────────┴──▶ Closed ◀─┘
//! ```
//!
//! Inputs are `handle_*`; after each of them call [`Transport::poll_transmit`] and
//! [`Transport::poll_event`] until `None`, then [`Transport::poll_timeout`].

mod core;
mod events;
mod path;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use bytes::Bytes;

pub use crate::dtls::{Certificate, Fingerprint, Setup};
pub use crate::ice::Credentials;
pub use crate::sctp::{ChannelConfig, ChannelId, DataKind, Reliability, SendError};
pub use crate::srtp::{DEFAULT_MAX_SSRCS, SealError, SrtpSender};
pub use events::{ChannelOpened, CloseReason, DropReason, Event};
pub use path::{Path, Protocol, TcpId};

use self::core::Core;
use crate::rtp::{SeqIndex, Ssrc};
use crate::seed::Seed;

/// What all transports of a shard share.
#[derive(Debug, Clone)]
pub struct Config {
    /// One per process: making it costs a key pair, and the fingerprint in every SDP comes from it.
    pub certificate: Certificate,
    /// SSRCs that a peer sends under at a time.
    pub max_ssrcs: usize,
}

impl Config {
    /// With the default limits.
    #[must_use]
    pub fn new(certificate: Certificate) -> Self {
        Self { certificate, max_ssrcs: DEFAULT_MAX_SSRCS }
    }
}

/// What the peer said about itself in its SDP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteDescription {
    /// Its `a=ice-ufrag` and `a=ice-pwd`.
    pub credentials: Credentials,
    /// Its `a=fingerprint`; the only thing that authenticates the peer.
    pub fingerprint: Fingerprint,
    /// Its `a=setup`. `Passive` makes us the DTLS client; everything else the server.
    pub setup: Setup,
    /// Who checks paths.
    pub ice: RemoteIce,
}

/// How the peer does ICE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteIce {
    /// It checks us; where it is, its checks tell.
    Full,
    /// `a=ice-lite`: it answers our checks at these UDP addresses.
    Lite(Vec<SocketAddr>),
}

/// What [`Transport::set_remote`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteChange {
    /// The first description: checks are believed from here on.
    First,
    /// Nothing that concerns the transport changed.
    Unchanged,
    /// The peer restarted ICE: [`Transport::local`] is new and belongs into the answer. The old
    /// credentials stay valid until a path is nominated under the new ones.
    RestartedByPeer,
    /// The peer answered our own [`Transport::restart_ice`].
    RestartedByUs,
}

/// Why a description was refused. The transport goes on as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// A new certificate means a new DTLS association, which needs a new transport.
    #[error("the fingerprint changed during the session")]
    FingerprintChanged,
    /// The transport is closed.
    #[error("the transport is closed")]
    Closed,
}

/// What became of one datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Consumed; look at `poll_transmit` and `poll_event`.
    Consumed,
    /// A connectivity check succeeded: from now on datagrams of this path belong to this transport, until
    /// [`Event::PathForgotten`] names it.
    PathChecked,
    /// A media packet, decrypted in place.
    Rtp(ReceivedRtp),
    /// An authenticated RTCP compound packet, decrypted in place: the range of the buffer that holds it.
    Rtcp(Range<usize>),
    /// Dropped. Never a reason to drop the transport: anyone can send anything.
    Dropped(DropReason),
}

/// Where the parts of a decrypted media packet lie in the buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedRtp {
    /// The packet's SSRC.
    pub ssrc: Ssrc,
    /// Header with CSRCs and extensions: `buffer[..header_len]`. Authenticated, never encrypted.
    pub header_len: usize,
    /// Plaintext payload, RTP padding still at its end (the header's P bit says so). May be empty.
    pub payload: Range<usize>,
    /// Rollover counter and sequence number.
    pub index: SeqIndex,
}

/// A datagram to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// Where it leaves and where it goes. With TCP the shard adds the frame (RFC 4571).
    pub path: Path,
    /// STUN, DTLS, or SCTP inside DTLS.
    pub bytes: Bytes,
}

/// One ICE, DTLS, SRTP and SCTP association.
///
/// Every input runs inside one `catch_unwind`: a panic in a library closes this transport and no other.
pub struct Transport {
    fingerprint: Fingerprint,
    core: Option<Box<Core>>,
    /// What [`Self::local`] answers when the core is gone.
    last_local: Credentials,
    /// What the core had queued when it ended.
    rest: Output,
}

/// What waits to be polled.
#[derive(Default)]
struct Output {
    events: VecDeque<Event>,
    transmits: VecDeque<Transmit>,
}

impl Transport {
    /// A transport that waits for the peer's description. `seed` must be fresh: all its secrets come from it.
    #[must_use]
    pub fn new(config: Config, seed: &Seed, now: Instant) -> Self {
        let fingerprint = config.certificate.fingerprint();
        let core = Core::new(config, seed, now);
        Self {
            fingerprint,
            last_local: core.local().clone(),
            core: Some(Box::new(core)),
            rest: Output::default(),
        }
    }

    /// Our current credentials: what belongs into the next description. Map their ufrag to this transport.
    #[must_use]
    pub fn local(&self) -> &Credentials {
        self.core.as_ref().map_or(&self.last_local, |core| core.local())
    }

    /// Whether we check the peer, which is lite: our descriptions then do not say that we are.
    #[must_use]
    pub fn is_controlling(&self) -> bool {
        self.core.as_ref().is_some_and(|core| core.is_controlling())
    }

    /// What belongs into our descriptions as `a=fingerprint`.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Makes new local credentials for the next offer (ICE restart by us, RFC 8445 §9). The old ones stay
    /// valid until the peer nominates a path under the new ones; [`Event::UfragRetired`] says when.
    pub fn restart_ice(&mut self) -> &Credentials {
        if let Some(core) = &mut self.core {
            core.restart_ice();
        }
        self.local()
    }

    /// Takes the ICE and DTLS part of the peer's offer or answer; call it with every description.
    ///
    /// # Errors
    ///
    /// See [`RemoteError`].
    pub fn set_remote(
        &mut self,
        remote: RemoteDescription,
        now: Instant,
    ) -> Result<RemoteChange, RemoteError> {
        self.input(|core| core.set_remote(remote, now)).unwrap_or(Err(RemoteError::Closed))
    }

    /// Takes UDP candidates that a lite peer tells after its description (RFC 8838), in the ICE session that
    /// `ufrag` names, or else the current one. Without effect towards a full peer, whose checks show where it is.
    pub fn handle_candidates(&mut self, now: Instant, ufrag: Option<&str>, addresses: &[SocketAddr]) {
        self.input(|core| core.handle_candidates(now, ufrag, addresses));
    }

    /// Takes one datagram (with TCP: one RFC 4571 frame without its length) and decrypts media in place.
    pub fn handle_datagram(&mut self, now: Instant, path: Path, datagram: &mut [u8]) -> Received {
        self.input(|core| core.handle_datagram(now, path, datagram))
            .unwrap_or(Received::Dropped(DropReason::Closed))
    }

    /// The TCP connection is gone: its path is no longer used.
    pub fn handle_path_gone(&mut self, now: Instant, path: Path) {
        self.input(|core| core.handle_path_gone(now, path));
    }

    /// Acts on all timers that are due. Harmless when none is.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.input(|core| core.handle_timeout(now));
    }

    /// When [`Self::handle_timeout`] is due next; `None` for a closed transport.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.core.as_ref()?.poll_timeout()
    }

    /// Whether there is something to poll.
    #[must_use]
    pub fn has_output(&mut self) -> bool {
        let output = self.output();
        !output.events.is_empty() || !output.transmits.is_empty()
    }

    /// Next datagram to send.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.output().transmits.pop_front()
    }

    /// Next event.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.output().events.pop_front()
    }

    /// Where sealed media goes; `None` before [`Event::Connected`], while stalled, and when closed.
    #[must_use]
    pub fn media_path(&self) -> Option<Path> {
        self.core.as_ref()?.media_path()
    }

    /// Seals media and RTCP; `None` until [`Event::Connected`].
    #[must_use]
    pub fn srtp(&self) -> Option<&SrtpSender> {
        self.core.as_ref()?.srtp()
    }

    /// The same, for sealing RTCP, which counts its own index.
    #[must_use]
    pub fn srtp_mut(&mut self) -> Option<&mut SrtpSender> {
        self.core.as_mut()?.srtp_mut()
    }

    /// Asks for a data channel; before the association is up it waits. [`Event::ChannelOpened`] gives its id.
    pub fn open_channel(&mut self, now: Instant, channel: ChannelConfig) {
        self.input(|core| core.open_channel(now, channel));
    }

    /// Queues one message on an open channel.
    ///
    /// # Errors
    ///
    /// See [`SendError`].
    pub fn send_data(
        &mut self,
        now: Instant,
        id: ChannelId,
        kind: DataKind,
        message: &[u8],
    ) -> Result<(), SendError> {
        self.input(|core| core.send_data(now, id, kind, message)).unwrap_or(Err(SendError::NotOpen))
    }

    /// Bytes that wait on this channel for the peer's acknowledgement; 0 for an unknown one.
    #[must_use]
    pub fn buffered_bytes(&mut self, id: ChannelId) -> usize {
        self.input(|core| core.buffered_bytes(id)).unwrap_or(0)
    }

    /// Ends the transport: queues a close_notify and [`Event::Closed`].
    pub fn close(&mut self, now: Instant) {
        self.input(|core| core.close(now));
    }

    /// True after [`Event::Closed`] was queued.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.core.is_none()
    }

    fn output(&mut self) -> &mut Output {
        self.core.as_mut().map_or(&mut self.rest, |core| core.output())
    }

    /// Runs one input, and drops the core if it panicked or ended. `None` if closed.
    fn input<R>(&mut self, act: impl FnOnce(&mut Core) -> R) -> Option<R> {
        let core = self.core.as_mut()?;
        // The core is dropped after a panic, so nobody sees it half changed.
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| act(core)));
        if result.is_err() || core.is_closed() {
            self.last_local = core.local().clone();
            self.rest = std::mem::take(core.output());
            self.core = None;
        }
        if result.is_err() {
            self.rest.events.push_back(Event::Closed(CloseReason::Panicked));
        }
        result.ok()
    }
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").field("local", self.local()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
