//! Writing RTCP packets to the end of a buffer; several calls make a compound (RFC 3550 §6.1, RFC 5506).

use super::{NtpTime, ReportBlock, format, packet_type};
use crate::rtp::{RtpTime, SeqNo, Ssrc};

/// Appends a sender report without report blocks.
pub fn write_sender_report(out: &mut Vec<u8>, ssrc: Ssrc, clock: (NtpTime, RtpTime), sent: (u32, u32)) {
    let at = begin(out, 0, packet_type::SENDER_REPORT);
    push_ssrc(out, ssrc);
    out.extend_from_slice(&clock.0.0.to_be_bytes());
    push_u32(out, clock.1.0);
    push_u32(out, sent.0);
    push_u32(out, sent.1);
    end(out, at);
}

/// Appends a receiver report with at most 31 blocks; more are left for the next report.
pub fn write_receiver_report(out: &mut Vec<u8>, sender: Ssrc, blocks: &[ReportBlock]) {
    let blocks = &blocks[..blocks.len().min(31)];
    let count = u8::try_from(blocks.len()).unwrap_or(31);
    let at = begin(out, count, packet_type::RECEIVER_REPORT);
    push_ssrc(out, sender);
    for block in blocks {
        push_ssrc(out, block.ssrc);
        // Clamped to 24 bits, RFC 3550 appendix A.3.
        let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
        out.extend_from_slice(&[block.fraction_lost, lost[1], lost[2], lost[3]]);
        push_u32(out, block.highest_seq);
        push_u32(out, block.jitter);
        push_u32(out, block.last_sr);
        push_u32(out, block.delay_since_last_sr);
    }
    end(out, at);
}

/// Appends an SDES with the CNAME of `ssrc`; a name beyond 255 bytes is cut.
pub fn write_sdes_cname(out: &mut Vec<u8>, ssrc: Ssrc, cname: &str) {
    let name = &cname.as_bytes()[..cname.len().min(255)];
    let at = begin(out, 1, packet_type::SDES);
    push_ssrc(out, ssrc);
    out.extend_from_slice(&[1, u8::try_from(name.len()).unwrap_or(255)]);
    out.extend_from_slice(name);
    // RFC 3550 §6.5: the item list ends with at least one zero byte, up to the next word.
    out.push(0);
    while !(out.len() - at).is_multiple_of(4) {
        out.push(0);
    }
    end(out, at);
}

/// Appends a BYE for `ssrc`.
pub fn write_bye(out: &mut Vec<u8>, ssrc: Ssrc) {
    let at = begin(out, 1, packet_type::BYE);
    push_ssrc(out, ssrc);
    end(out, at);
}

/// Appends a generic NACK. `missing` is ascending in RFC 1982 order; nothing is written when it is empty.
pub fn write_nack(out: &mut Vec<u8>, sender: Ssrc, media: Ssrc, missing: &[SeqNo]) {
    let Some((&first, rest)) = missing.split_first() else { return };
    let at = begin(out, format::NACK, packet_type::TRANSPORT_FEEDBACK);
    push_ssrc(out, sender);
    push_ssrc(out, media);
    let (mut pid, mut mask) = (first, 0u16);
    for &seq in rest {
        match seq.since(pid) {
            0 => {}
            step @ 1..=16 => mask |= 1 << (step - 1),
            _ => {
                push_nack_item(out, pid, mask);
                (pid, mask) = (seq, 0);
            }
        }
    }
    push_nack_item(out, pid, mask);
    end(out, at);
}

/// Appends a picture loss indication.
pub fn write_pli(out: &mut Vec<u8>, sender: Ssrc, media: Ssrc) {
    let at = begin(out, format::PLI, packet_type::PAYLOAD_FEEDBACK);
    push_ssrc(out, sender);
    push_ssrc(out, media);
    end(out, at);
}

/// Appends a full intra request; `number` changes with every new request (RFC 5104 §4.3.1.1).
pub fn write_fir(out: &mut Vec<u8>, sender: Ssrc, media: Ssrc, number: u8) {
    let at = begin(out, format::FIR, packet_type::PAYLOAD_FEEDBACK);
    push_ssrc(out, sender);
    push_u32(out, 0);
    push_ssrc(out, media);
    out.extend_from_slice(&[number, 0, 0, 0]);
    end(out, at);
}

/// Appends the first word of a packet; returns where it stands.
pub(super) fn begin(out: &mut Vec<u8>, count: u8, kind: u8) -> usize {
    let at = out.len();
    out.extend_from_slice(&[0x80 | count, kind, 0, 0]);
    at
}

/// Fills in the length of the packet that began at `at`, whose bytes are whole words.
pub(super) fn end(out: &mut [u8], at: usize) {
    let words = u16::try_from((out.len() - at) / 4 - 1).unwrap_or(u16::MAX);
    out[at + 2..at + 4].copy_from_slice(&words.to_be_bytes());
}

pub(super) fn push_ssrc(out: &mut Vec<u8>, ssrc: Ssrc) {
    push_u32(out, ssrc.0);
}

fn push_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn push_nack_item(out: &mut Vec<u8>, pid: SeqNo, mask: u16) {
    out.extend_from_slice(&pid.0.to_be_bytes());
    out.extend_from_slice(&mask.to_be_bytes());
}
