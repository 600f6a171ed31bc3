//! RTCP as slices: compound packets are read and written here (RFC 3550 §6, RFC 4585, RFC 5104 §4.3.1).
//!
//! When a report or a feedback message is due is decided by `receive` and `forward`.

mod read;
mod twcc;
mod write;

pub use read::{Bye, Nack, Packets, ReportBlock, ReportBlocks, RtcpError, RtcpPacket, SenderReport, packets};
pub use twcc::{Arrival, Arrivals, TwccFeedback, write_twcc};
pub use write::{
    write_bye, write_fir, write_nack, write_pli, write_receiver_report, write_sdes_cname, write_sender_report,
};

/// 64-bit NTP time: seconds since 1900 and fractions (RFC 3550 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NtpTime(pub u64);

impl NtpTime {
    /// The middle 32 bits: 16.16 seconds, as in LSR (RFC 3550 §6.4.1).
    #[must_use]
    pub const fn middle(self) -> u32 {
        let bytes = self.0.to_be_bytes();
        u32::from_be_bytes([bytes[2], bytes[3], bytes[4], bytes[5]])
    }

    /// Ticks of a clock of `rate` Hz from `earlier` to `self`; negative when `self` is the older one.
    #[must_use]
    pub fn ticks_since(self, earlier: Self, rate: u32) -> i64 {
        let delta = i128::from(self.0.wrapping_sub(earlier.0).cast_signed());
        let ticks = (delta * i128::from(rate) + (1 << 31)) >> 32;
        i64::try_from(ticks).unwrap_or(0)
    }
}

/// Packet types (RFC 3550 §12.1, RFC 4585 §6.1).
mod packet_type {
    pub(super) const SENDER_REPORT: u8 = 200;
    pub(super) const RECEIVER_REPORT: u8 = 201;
    pub(super) const SDES: u8 = 202;
    pub(super) const BYE: u8 = 203;
    pub(super) const TRANSPORT_FEEDBACK: u8 = 205;
    pub(super) const PAYLOAD_FEEDBACK: u8 = 206;
}

/// Feedback message types (RFC 4585 §6.2, §6.3; RFC 5104 §4.3; draft-holmer-rmcat-…-01 §3.1).
mod format {
    pub(super) const NACK: u8 = 1;
    pub(super) const TWCC: u8 = 15;
    pub(super) const PLI: u8 = 1;
    pub(super) const FIR: u8 = 4;
}

#[cfg(test)]
mod tests;
