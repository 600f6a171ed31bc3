//! ③⑧ SRTP and SRTCP (RFC 3711, RFC 7714): opens packets in place, seals them into an arena.
//!
//! It decides whether a packet is authentic and new. State moves only after authentication. It chooses no
//! sequence numbers: the caller gives the 48-bit index.

mod cm;
mod gcm;
mod kdf;
mod receiver;
mod replay;
mod sender;

use std::fmt;

pub use receiver::{DEFAULT_MAX_SSRCS, OpenError, Opened, SrtpReceiver};
pub use sender::{SealError, SrtpSender};

/// Protection profiles that we negotiate, best first (RFC 7714 §14.2, RFC 5764 §4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// `SRTP_AEAD_AES_128_GCM`: a fifth of the cost of the other.
    Aes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`: for peers that offer nothing else.
    Aes128CmSha1,
}

impl Profile {
    /// Bytes that sealing adds to an RTP packet: the tag.
    #[must_use]
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::Aes128Gcm => gcm::TAG_BYTES,
            Self::Aes128CmSha1 => cm::TAG_BYTES,
        }
    }

    /// Bytes that sealing adds to an RTCP packet: tag, E flag and index.
    #[must_use]
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + SRTCP_INDEX_BYTES
    }

    /// Length of the keying material that DTLS exports (RFC 5764 §4.2): both keys and both salts.
    #[must_use]
    pub const fn keying_material_bytes(self) -> usize {
        2 * (MASTER_KEY_BYTES + self.salt_bytes())
    }

    const fn salt_bytes(self) -> usize {
        match self {
            Self::Aes128Gcm => 12,
            Self::Aes128CmSha1 => 14,
        }
    }
}

/// One direction's master key and salt.
#[derive(Clone)]
pub struct MasterKey {
    key: [u8; MASTER_KEY_BYTES],
    /// Filled with zeros to 14 bytes when the profile's salt is shorter (RFC 7714 §11).
    salt: [u8; 14],
}

impl MasterKey {
    /// Takes key and salt; `None` if a length does not fit the profile.
    #[must_use]
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Option<Self> {
        if salt.len() != profile.salt_bytes() {
            return None;
        }
        let mut padded = [0; 14];
        padded[..salt.len()].copy_from_slice(salt);
        Some(Self { key: key.try_into().ok()?, salt: padded })
    }

    /// Splits DTLS's exported keying material into the client's and the server's keys (RFC 5764 §4.2).
    #[must_use]
    pub fn split(profile: Profile, material: &[u8]) -> Option<(Self, Self)> {
        if material.len() != profile.keying_material_bytes() {
            return None;
        }
        let (keys, salts) = material.split_at(2 * MASTER_KEY_BYTES);
        let (client_key, server_key) = keys.split_at(MASTER_KEY_BYTES);
        let (client_salt, server_salt) = salts.split_at(profile.salt_bytes());
        Some((Self::new(profile, client_key, client_salt)?, Self::new(profile, server_key, server_salt)?))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

/// Length of the RTP header with CSRCs and extensions; `None` if it does not fit into the packet.
fn rtp_header_len(packet: &[u8]) -> Option<usize> {
    let &first = packet.first()?;
    if packet.len() < RTP_FIXED_BYTES || first >> 6 != 2 {
        return None;
    }
    let mut len = RTP_FIXED_BYTES + 4 * usize::from(first & 0x0f);
    if first & 0x10 != 0 {
        let words = packet.get(len + 2..len + 4)?;
        len += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
    }
    (len <= packet.len()).then_some(len)
}

/// Four bytes that the caller knows to be there.
fn read_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// All profiles that we know use AES-128.
const MASTER_KEY_BYTES: usize = 16;
/// E flag and 31-bit index (RFC 3711 §3.4).
const SRTCP_INDEX_BYTES: usize = 4;
/// The E flag: the packet is encrypted.
const SRTCP_ENCRYPTED: u32 = 1 << 31;
/// RFC 3550 §5.1.
const RTP_FIXED_BYTES: usize = 12;
/// First header and sender SSRC stay in the clear (RFC 3711 §3.4).
const RTCP_CLEAR_BYTES: usize = 8;

#[cfg(test)]
mod tests;
