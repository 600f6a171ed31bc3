//! AEAD_AES_128_GCM for SRTP and SRTCP (RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

use super::kdf::{self, Label};
use super::{MasterKey, RTCP_CLEAR_BYTES, SRTCP_ENCRYPTED, SRTCP_INDEX_BYTES};
use crate::rtp::SeqIndex;

/// Length of the authentication tag.
pub(super) const TAG_BYTES: usize = 16;

/// Session keys of one direction.
pub(super) struct Gcm {
    rtp: Keyed,
    rtcp: Keyed,
}

struct Keyed {
    key: LessSafeKey,
    salt: [u8; 12],
}

impl Keyed {
    fn new(master: &MasterKey, encryption: Label, salt: Label) -> Self {
        let key = UnboundKey::new(&AES_128_GCM, &kdf::derive::<16>(master, encryption))
            .expect("16 bytes are an AES-128 key");
        Self { key: LessSafeKey::new(key), salt: kdf::derive(master, salt) }
    }

    /// RFC 7714 §8.1 and §9.1: two zero bytes, SSRC, 48 bits of index; then the salt on top.
    ///
    /// A nonce repeats only if the caller repeats (SSRC, index) under one key.
    fn nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.salt;
        let (ssrc, index) = (ssrc.to_be_bytes(), index.to_be_bytes());
        for (byte, mask) in nonce[2..].iter_mut().zip(ssrc.iter().chain(&index[2..])) {
            *byte ^= mask;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

impl Gcm {
    pub(super) fn new(master: &MasterKey) -> Self {
        Self {
            rtp: Keyed::new(master, Label::RtpEncryption, Label::RtpSalt),
            rtcp: Keyed::new(master, Label::RtcpEncryption, Label::RtcpSalt),
        }
    }

    /// The examples of RFC 7714 start from session keys, not from a master key.
    #[cfg(test)]
    pub(super) fn with_session_keys(key: &[u8], salt: &[u8]) -> Self {
        let keyed = || Keyed {
            key: LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap()),
            salt: salt.try_into().unwrap(),
        };
        Self { rtp: keyed(), rtcp: keyed() }
    }

    /// Seals `packet[header_len..packet.len() - TAG_BYTES]` in place and writes the tag after it.
    pub(super) fn seal_rtp(&self, packet: &mut [u8], header_len: usize, ssrc: u32, index: SeqIndex) {
        let (header, rest) = packet.split_at_mut(header_len);
        let (payload, tag) = rest.split_at_mut(rest.len() - TAG_BYTES);
        let nonce = self.rtp.nonce(ssrc, index.0);
        let sealed = self.rtp.key.seal_in_place_separate_tag(nonce, Aad::from(&*header), payload);
        tag.copy_from_slice(sealed.expect("a packet is shorter than GCM's limit").as_ref());
    }

    /// Opens `packet[header_len..]` in place; the plaintext's length if it is authentic.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: SeqIndex,
    ) -> Option<usize> {
        let (header, rest) = packet.split_at_mut(header_len);
        let nonce = self.rtp.nonce(ssrc, index.0);
        Some(self.rtp.key.open_in_place(nonce, Aad::from(&*header), rest).ok()?.len())
    }

    /// Seals `packet[8..plain_len]` in place; writes tag and index after it (RFC 7714 §9).
    pub(super) fn seal_rtcp(&self, packet: &mut [u8], plain_len: usize, ssrc: u32, index: u32) {
        let trailer = (index | SRTCP_ENCRYPTED).to_be_bytes();
        let aad = rtcp_aad(packet, trailer);
        let nonce = self.rtcp.nonce(ssrc, u64::from(index));
        let (_, rest) = packet.split_at_mut(RTCP_CLEAR_BYTES);
        let (plain, rest) = rest.split_at_mut(plain_len - RTCP_CLEAR_BYTES);
        let sealed = self.rtcp.key.seal_in_place_separate_tag(nonce, Aad::from(aad), plain);
        let (tag, rest) = rest.split_at_mut(TAG_BYTES);
        tag.copy_from_slice(sealed.expect("a packet is shorter than GCM's limit").as_ref());
        rest[..SRTCP_INDEX_BYTES].copy_from_slice(&trailer);
    }

    /// Opens an encrypted SRTCP packet in place; the length of the plain packet if it is authentic.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Option<usize> {
        let trailer = (index | SRTCP_ENCRYPTED).to_be_bytes();
        let aad = rtcp_aad(packet, trailer);
        let nonce = self.rtcp.nonce(ssrc, u64::from(index));
        let end = packet.len() - SRTCP_INDEX_BYTES;
        let sealed = packet.get_mut(RTCP_CLEAR_BYTES..end)?;
        let plain = self.rtcp.key.open_in_place(nonce, Aad::from(aad), sealed).ok()?.len();
        Some(RTCP_CLEAR_BYTES + plain)
    }
}

/// Header, then E flag and index (RFC 7714 §9.2).
fn rtcp_aad(packet: &[u8], trailer: [u8; SRTCP_INDEX_BYTES]) -> [u8; RTCP_CLEAR_BYTES + SRTCP_INDEX_BYTES] {
    let mut aad = [0; RTCP_CLEAR_BYTES + SRTCP_INDEX_BYTES];
    aad[..RTCP_CLEAR_BYTES].copy_from_slice(&packet[..RTCP_CLEAR_BYTES]);
    aad[RTCP_CLEAR_BYTES..].copy_from_slice(&trailer);
    aad
}
