//! ⑧ Seals our packets towards one peer.

use std::fmt;

use super::cm::Cm;
use super::gcm::Gcm;
use super::{MasterKey, Profile, RTCP_CLEAR_BYTES, RTP_FIXED_BYTES, read_u32, rtp_header_len};
use crate::rtp::SeqIndex;

/// Why a packet was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The output is shorter than header, payload and tag.
    #[error("the output buffer is too short")]
    NoSpace,
    /// The header is shorter than 12 bytes, or does not end where its CSRCs and extensions do.
    #[error("the header is malformed")]
    BadHeader,
    /// 2^31 RTCP packets were sealed, or the index has more than 48 bits (RFC 3711 §9.2).
    #[error("the keys are used up")]
    KeysExhausted,
}

/// Seals our packets towards one peer. Sealing RTP takes `&self`, no lock and no allocation.
pub struct SrtpSender {
    cipher: Cipher,
    /// Counts all our SRTCP packets together: gaps per SSRC are harmless, a repeat would not be.
    next_rtcp_index: u32,
}

enum Cipher {
    Gcm(Gcm),
    /// Rare, and three times as large.
    Cm(Box<Cm>),
}

impl SrtpSender {
    /// Derives the session keys.
    #[must_use]
    pub fn new(profile: Profile, master: &MasterKey) -> Self {
        let cipher = match profile {
            Profile::Aes128Gcm => Cipher::Gcm(Gcm::new(master)),
            Profile::Aes128CmSha1 => Cipher::Cm(Box::new(Cm::new(master))),
        };
        Self { cipher, next_rtcp_index: 0 }
    }

    /// The negotiated profile.
    #[must_use]
    pub const fn profile(&self) -> Profile {
        match &self.cipher {
            Cipher::Gcm(_) => Profile::Aes128Gcm,
            Cipher::Cm(_) => Profile::Aes128CmSha1,
        }
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
        let plain = header.len() + prefix.len() + payload.len();
        let out = out.get_mut(..plain + self.profile().rtp_overhead()).ok_or(SealError::NoSpace)?;
        let (head, rest) = out.split_at_mut(header.len());
        head.copy_from_slice(header);
        let (front, rest) = rest.split_at_mut(prefix.len());
        front.copy_from_slice(prefix);
        rest[..payload.len()].copy_from_slice(payload);
        self.seal_rtp_in_place(out, header.len(), index)
    }

    /// Seals a packet that already stands in `packet`, with room for the tag at its end; returns its length.
    ///
    /// The same rules hold as for [`Self::seal_rtp`].
    ///
    /// # Errors
    ///
    /// See [`SealError`].
    pub fn seal_rtp_in_place(
        &self,
        packet: &mut [u8],
        header_len: usize,
        index: SeqIndex,
    ) -> Result<usize, SealError> {
        if header_len < RTP_FIXED_BYTES || rtp_header_len(packet) != Some(header_len) {
            return Err(SealError::BadHeader);
        }
        if packet.len() < header_len + self.profile().rtp_overhead() {
            return Err(SealError::NoSpace);
        }
        if index.0 >> 48 != 0 {
            return Err(SealError::KeysExhausted);
        }
        debug_assert_eq!(packet[2..4], index.0.to_be_bytes()[6..], "the header's number is the index's");
        let ssrc = read_u32(packet, 8);
        match &self.cipher {
            Cipher::Gcm(gcm) => gcm.seal_rtp(packet, header_len, ssrc, index),
            Cipher::Cm(cm) => cm.seal_rtp(packet, header_len, ssrc, index),
        }
        Ok(packet.len())
    }

    /// Seals a compound RTCP packet to the front of `out`; returns its length. Counts the SRTCP index itself.
    ///
    /// # Errors
    ///
    /// See [`SealError`].
    pub fn seal_rtcp(&mut self, packet: &[u8], out: &mut [u8]) -> Result<usize, SealError> {
        if packet.len() < RTCP_CLEAR_BYTES {
            return Err(SealError::BadHeader);
        }
        let sealed = packet.len() + self.profile().rtcp_overhead();
        let out = out.get_mut(..sealed).ok_or(SealError::NoSpace)?;
        if self.next_rtcp_index >> 31 != 0 {
            return Err(SealError::KeysExhausted);
        }
        out[..packet.len()].copy_from_slice(packet);
        let (ssrc, index) = (read_u32(packet, 4), self.next_rtcp_index);
        match &self.cipher {
            Cipher::Gcm(gcm) => gcm.seal_rtcp(out, packet.len(), ssrc, index),
            Cipher::Cm(cm) => cm.seal_rtcp(out, packet.len(), ssrc, index),
        }
        self.next_rtcp_index += 1;
        Ok(sealed)
    }
}

impl fmt::Debug for SrtpSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SrtpSender").field("profile", &self.profile()).finish_non_exhaustive()
    }
}
