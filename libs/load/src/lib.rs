//! A load of real clients: they join over LiveKit's signalling, do ICE, DTLS and SRTP, publish synthetic media,
//! and measure what comes back. Any LiveKit-compatible server can be driven by its URL.
//!
//! A client is `sfu-core`'s own transport with a socket around it: hundreds fit one core, so that one machine
//! shows what a server does rather than what clients cost. It neither encodes, decodes nor asks for
//! retransmissions: a lost packet counts as lost.
//!
//! ```text
//! run ─▶ person (signalling, a task each) ─▶ engine (media of all, one thread) ─▶ peer ─▶ stream, tally
//! ```

mod checks;
mod describe;
mod engine;
mod feedback;
mod peer;
mod person;
mod plan;
mod report;
mod run;
mod server;
mod socket;
mod stream;
mod tally;

pub use engine::EngineGone;
pub use plan::{Plan, Shape};
pub use report::Report;
pub use run::run;
pub use sfu_core::bwe::Bitrate;

/// Why a run did not give figures.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Signalling failed.
    #[error("signalling")]
    Signal(#[from] client::ClientError),
    /// The server said nothing in time.
    #[error("the server did not answer a join in time")]
    NoAnswer,
    /// The server ended a participant's stay.
    #[error("a participant's stay ended: {0}")]
    Ended(String),
    /// A description of the server could not be used.
    #[error("the server's description: {0}")]
    Description(String),
    /// Not everybody was connected in time.
    #[error("{connected} of {all} transports were connected in time")]
    NotConnected {
        /// Transports whose handshake is done.
        connected: usize,
        /// All transports.
        all: usize,
    },
    /// The server's address could not be found.
    #[error("no address of {0}")]
    Address(String),
    /// The media thread ended.
    #[error(transparent)]
    Engine(#[from] EngineGone),
    /// Sockets, threads, or the server's process.
    #[error("the system")]
    Io(#[from] std::io::Error),
}
