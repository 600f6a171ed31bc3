//! Fuzz targets: everything that reads a stranger's bytes, each as a function of bytes that panics when an
//! invariant breaks.
//!
//! The invariants go beyond "no panic": what is read is within bounds and survives being written again, an
//! outsider gets no more bytes than it sent, nobody speaks for another, nothing is left over. The functions
//! read no clock but once and open no socket; libFuzzer drives them (`libfuzzer/`), and `tests/replay.rs` runs
//! the corpora in every `make test`.
#![expect(clippy::missing_panics_doc, reason = "a panic of a target is its finding")]

mod captions;
mod channels;
mod input;
mod media;
mod packets;
mod room;
mod scene;
mod sdp;
mod seeds;
mod shard;
mod signalling;
mod tokens;
mod transport;
mod turn;

pub use captions::{fmp4, playlist, vtt};
pub use channels::{dcep, sctp};
pub use media::media;
pub use packets::{dependency_descriptor, payload, rtcp, rtp, srtp, stun};
pub use room::room;
pub use sdp::{sdp_answer, sdp_offer};
pub use seeds::seeds;
pub use shard::{datagram, shard};
pub use signalling::{api, envelope, signal};
pub use tokens::{join_query, token};
pub use transport::{dtls, transport};
pub use turn::turn;

/// One entry point.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name, and its corpus' folder.
    pub name: &'static str,
    /// Takes one input.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// All targets.
        pub const TARGETS: &[Target] = &[$(Target { name: stringify!($name), run: $name }),*];
    };
}

targets!(
    api,
    datagram,
    dcep,
    dependency_descriptor,
    dtls,
    envelope,
    fmp4,
    join_query,
    media,
    payload,
    playlist,
    room,
    rtcp,
    rtp,
    sctp,
    sdp_answer,
    sdp_offer,
    shard,
    signal,
    srtp,
    stun,
    token,
    transport,
    turn,
    vtt,
);

/// The target of this name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|target| target.name == name).copied()
}
