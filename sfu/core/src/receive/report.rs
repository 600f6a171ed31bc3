//! Reception statistics of one SSRC for receiver reports (RFC 3550 §6.4.1, appendices A.3 and A.8).

use std::time::Instant;

use super::SenderClock;
use crate::rtcp::ReportBlock;
use crate::rtp::{RtpTime, SeqIndex, Ssrc};

/// Counts what one source's next report block says.
#[derive(Debug, Default)]
pub(crate) struct ReceptionReport {
    first: Option<SeqIndex>,
    highest: SeqIndex,
    received: u64,
    /// Expected and received at the previous report.
    before: (u64, u64),
    /// Sixteen times the jitter, in ticks.
    jitter_16: u32,
    transit: Option<(Instant, RtpTime)>,
    last_sr: Option<(SenderClock, Instant)>,
}

impl ReceptionReport {
    /// Takes one packet; `clock_rate` is that of its timestamps.
    pub(crate) fn receive(&mut self, now: Instant, index: SeqIndex, time: RtpTime, clock_rate: u32) {
        let first = *self.first.get_or_insert(index);
        self.highest = self.highest.max(index).max(first);
        self.received += 1;
        if let Some((at, before)) = self.transit {
            let elapsed = now.saturating_duration_since(at).as_micros() * u128::from(clock_rate) / 1_000_000;
            let elapsed = i64::try_from(elapsed).unwrap_or(i64::MAX);
            let difference = (elapsed - i64::from(time.since(before))).unsigned_abs();
            // Bounded so that a jump of the publisher's clock does not poison the value for minutes.
            let difference = u32::try_from(difference).unwrap_or(u32::MAX).min(clock_rate);
            self.jitter_16 = self.jitter_16 + difference - ((self.jitter_16 + 8) >> 4);
        }
        self.transit = Some((now, time));
    }

    /// Takes a sender report of this source.
    pub(crate) fn on_sender_report(&mut self, now: Instant, clock: SenderClock) {
        self.last_sr = Some((clock, now));
    }

    /// The next block; `None` before the first packet.
    pub(crate) fn block(&mut self, now: Instant, ssrc: Ssrc) -> Option<ReportBlock> {
        let first = self.first?;
        let expected = self.highest.0 - first.0 + 1;
        let (expected_before, received_before) = self.before;
        self.before = (expected, self.received);
        let expected_now = expected - expected_before;
        let received_now = self.received - received_before;
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0);
        let lost =
            i64::try_from(expected).unwrap_or(i64::MAX) - i64::try_from(self.received).unwrap_or(i64::MAX);
        let (last_sr, delay) = match self.last_sr {
            Some((clock, at)) => {
                let delay = now.saturating_duration_since(at).as_micros() * 65_536 / 1_000_000;
                (clock.ntp.middle(), u32::try_from(delay).unwrap_or(u32::MAX))
            }
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative_lost: i32::try_from(lost).unwrap_or(i32::MAX),
            // The unwrapper starts one roll-over up; the wire counts from zero.
            highest_seq: u32::try_from((self.highest.0 - 0x1_0000) & 0xffff_ffff).unwrap_or(0),
            jitter: self.jitter_16 >> 4,
            last_sr,
            delay_since_last_sr: delay,
        })
    }
}
