//! AES_CM_128_HMAC_SHA1_80 for SRTP and SRTCP (RFC 3711 §4): for peers that offer no GCM.

use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use super::kdf::{self, Label};
use super::{MasterKey, RTCP_CLEAR_BYTES, SRTCP_ENCRYPTED, SRTCP_INDEX_BYTES};
use crate::rtp::SeqIndex;

/// Length of the authentication tag: 80 bits.
pub(super) const TAG_BYTES: usize = 10;

/// Session keys of one direction.
pub(super) struct Cm {
    rtp: Keyed,
    rtcp: Keyed,
}

struct Keyed {
    encryption: EncryptingKey,
    authentication: hmac::Key,
    salt: [u8; 14],
}

impl Keyed {
    fn new(master: &MasterKey, encryption: Label, authentication: Label, salt: Label) -> Self {
        let authentication = kdf::derive::<20>(master, authentication);
        Self {
            encryption: kdf::ctr_key(&kdf::derive(master, encryption)),
            authentication: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &authentication),
            salt: kdf::derive(master, salt),
        }
    }

    /// RFC 3711 §4.1.1: salt, SSRC and index XORed at their places; the counter's 16 bits are zero.
    fn iv(&self, ssrc: u32, index: u64) -> [u8; 16] {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        let (ssrc, index) = (ssrc.to_be_bytes(), index.to_be_bytes());
        for (byte, mask) in iv[4..14].iter_mut().zip(ssrc.iter().chain(&index[2..])) {
            *byte ^= mask;
        }
        iv
    }

    fn tag(&self, packet: &[u8], trailer: [u8; 4]) -> [u8; TAG_BYTES] {
        let mut context = hmac::Context::with_key(&self.authentication);
        context.update(packet);
        context.update(&trailer);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG_BYTES]);
        tag
    }
}

impl Cm {
    pub(super) fn new(master: &MasterKey) -> Self {
        Self {
            rtp: Keyed::new(master, Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt),
            rtcp: Keyed::new(master, Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt),
        }
    }

    /// Seals `packet[header_len..packet.len() - TAG_BYTES]` in place and writes the tag after it.
    pub(super) fn seal_rtp(&self, packet: &mut [u8], header_len: usize, ssrc: u32, index: SeqIndex) {
        let (body, tag) = packet.split_at_mut(packet.len() - TAG_BYTES);
        kdf::aes_ctr(&self.rtp.encryption, self.rtp.iv(ssrc, index.0), &mut body[header_len..]);
        tag.copy_from_slice(&self.rtp.tag(body, rollover_counter(index)));
    }

    /// Opens `packet[header_len..]` in place; the plaintext's length if it is authentic.
    pub(super) fn open_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        ssrc: u32,
        index: SeqIndex,
    ) -> Option<usize> {
        let end = packet.len().checked_sub(TAG_BYTES).filter(|&end| end >= header_len)?;
        let (body, tag) = packet.split_at_mut(end);
        verify_slices_are_equal(&self.rtp.tag(body, rollover_counter(index)), tag).ok()?;
        kdf::aes_ctr(&self.rtp.encryption, self.rtp.iv(ssrc, index.0), &mut body[header_len..]);
        Some(end - header_len)
    }

    /// Seals `packet[8..plain_len]` in place; writes index and tag after it (RFC 3711 §3.4).
    pub(super) fn seal_rtcp(&self, packet: &mut [u8], plain_len: usize, ssrc: u32, index: u32) {
        let trailer = (index | SRTCP_ENCRYPTED).to_be_bytes();
        let (body, rest) = packet.split_at_mut(plain_len);
        kdf::aes_ctr(
            &self.rtcp.encryption,
            self.rtcp.iv(ssrc, u64::from(index)),
            &mut body[RTCP_CLEAR_BYTES..],
        );
        rest[..SRTCP_INDEX_BYTES].copy_from_slice(&trailer);
        rest[SRTCP_INDEX_BYTES..SRTCP_INDEX_BYTES + TAG_BYTES].copy_from_slice(&self.rtcp.tag(body, trailer));
    }

    /// Opens an encrypted SRTCP packet in place; the length of the plain packet if it is authentic.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, index: u32) -> Option<usize> {
        let trailer = (index | SRTCP_ENCRYPTED).to_be_bytes();
        let end = packet.len().checked_sub(TAG_BYTES + SRTCP_INDEX_BYTES)?;
        let (body, rest) = packet.split_at_mut(end);
        let tag = rest.get(SRTCP_INDEX_BYTES..)?;
        verify_slices_are_equal(&self.rtcp.tag(body, trailer), tag).ok()?;
        let encrypted = body.get_mut(RTCP_CLEAR_BYTES..)?;
        kdf::aes_ctr(&self.rtcp.encryption, self.rtcp.iv(ssrc, u64::from(index)), encrypted);
        Some(end)
    }
}

/// The 32 bits above the sequence number, which the tag covers (RFC 3711 §4.2).
fn rollover_counter(index: SeqIndex) -> [u8; 4] {
    let bytes = index.0.to_be_bytes();
    [bytes[2], bytes[3], bytes[4], bytes[5]]
}
