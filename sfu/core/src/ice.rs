//! ICE-lite (RFC 8445 §2.5): answers the peer's checks and picks the path among those that succeeded. Towards
//! a peer that is lite itself it is full and controlling: somebody has to check (`checks`).
//!
//! It decides which path is current. It ignores the candidates of peers that check.

mod agent;
mod checks;

use std::fmt;

pub(crate) use agent::{Agent, AgentEvent, CheckError};
pub(crate) use checks::ufrag_of;

use crate::seed::Seed;

/// A user fragment and its password (RFC 8839 §5.4).
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `a=ice-ufrag`; public.
    pub ufrag: String,
    /// `a=ice-pwd`; signs checks, never logged.
    pub pwd: String,
}

impl Credentials {
    /// Derives the `generation`-th credentials of a transport.
    ///
    /// 48 bits of ufrag keep a shard's transports apart, 192 bits of password authenticate checks; RFC 8445
    /// §5.3 asks for at least 24 and 128.
    #[must_use]
    pub fn derive(seed: &Seed, generation: u64) -> Self {
        let bytes = seed.derive("ice", generation);
        Self { ufrag: ice_chars(&bytes[..6]), pwd: ice_chars(&bytes[6..30]) }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("ufrag", &self.ufrag).finish_non_exhaustive()
    }
}

/// Base 64 in the alphabet of `ice-char`: letters, digits, `+` and `/`. The length is a multiple of three.
fn ice_chars(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bytes
        .chunks_exact(3)
        .flat_map(|chunk| {
            let bits = chunk.iter().fold(0_usize, |bits, &byte| bits << 8 | usize::from(byte));
            [18, 12, 6, 0].map(|shift| char::from(ALPHABET[bits >> shift & 63]))
        })
        .collect()
}

#[cfg(test)]
mod tests;
