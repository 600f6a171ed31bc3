//! Sender reports towards a subscriber, and what its receiver reports say (RFC 3550 §6.4).

use std::time::{Duration, Instant};

use super::Forwarding;
use crate::receive::{Reception, SenderClock};
use crate::rtcp::{self, ReportBlock};
use crate::rtp::{Mid, Ssrc};

/// When reports leave, and when they left.
#[derive(Debug, Default)]
pub(super) struct Reports {
    next: Option<Instant>,
    /// Middle NTP bits of the last reports, and when each left.
    sent: [Option<(u32, Instant)>; 4],
    place: usize,
    round_trip: Option<Duration>,
    fraction_lost: u8,
    /// Which streams are known without MID.
    acknowledged: Acknowledged,
}

/// A receiver report for the SSRC came. Each stream of a section is bound to it on its own: Firefox, once it knows
/// one SSRC by its MID, drops every packet of another that never named it (`MediaPipelineFilter::Filter`).
#[derive(Debug, Default)]
struct Acknowledged {
    media: bool,
    rtx: bool,
}

/// Between two sender reports.
const INTERVAL: Duration = Duration::from_secs(1);

impl Reports {
    /// A report is due at once: the first packet, or a switch.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.next = Some(now);
    }

    fn on_sent(&mut self, now: Instant, clock: SenderClock) {
        self.next = Some(now + INTERVAL);
        self.sent[self.place] = Some((clock.ntp.middle(), now));
        self.place = (self.place + 1) % self.sent.len();
    }
}

impl Forwarding {
    /// The publisher's sender report on this subscriber's clock, for a link that carries reports itself.
    #[must_use]
    pub fn sender_clock(&self, reception: &Reception) -> Option<SenderClock> {
        let encoding = self.current_stream()?;
        reception.sender_clock(encoding).map(|clock| self.timeline.report(clock))
    }

    /// Appends a sender report with CNAME when it is due; `out` is one compound packet to seal towards the
    /// subscriber.
    ///
    /// The report is the publisher's, moved as the packets are, so sound and picture stay together.
    pub fn poll_rtcp(&mut self, now: Instant, reception: &Reception, out: &mut Vec<u8>) {
        if self.reports.next.is_none_or(|at| at > now) {
            return;
        }
        let Some(clock) = self.sender_clock(reception) else {
            self.reports.next = Some(now + INTERVAL / 4);
            return;
        };
        self.reports.on_sent(now, clock);
        let sent = (self.packets, self.octets);
        rtcp::write_sender_report(out, self.config.ssrc, (clock.ntp, clock.rtp_time), sent);
        rtcp::write_sdes_cname(out, self.config.ssrc, &self.config.cname);
    }

    /// When [`Self::poll_rtcp`] is due; `None` before the first packet.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.reports.next
    }

    /// Takes a receiver report about this subscription's media or about its retransmission stream.
    pub fn handle_report(&mut self, now: Instant, block: &ReportBlock) {
        let reports = &mut self.reports;
        if block.ssrc != self.config.ssrc {
            reports.acknowledged.rtx = true;
            return;
        }
        reports.acknowledged.media = true;
        reports.fraction_lost = block.fraction_lost;
        let sent = reports.sent.iter().flatten().find(|(middle, _)| *middle == block.last_sr);
        let Some(&(_, at)) = sent.filter(|_| block.last_sr != 0) else { return };
        let delay = Duration::from_micros(u64::from(block.delay_since_last_sr) * 1_000_000 / 65_536);
        reports.round_trip = Some(now.saturating_duration_since(at).saturating_sub(delay));
    }

    /// The section of the session description, for as long as the receiver may not know whose `ssrc` is.
    pub(super) fn mid_for(&self, ssrc: Ssrc) -> Option<&Mid> {
        let Acknowledged { media, rtx } = self.reports.acknowledged;
        let is_known = if ssrc == self.config.ssrc { media } else { rtx };
        self.config.mid.as_ref().filter(|_| !is_known)
    }

    /// Round trip of the subscriber's path; `None` before the first report that tells.
    #[must_use]
    pub const fn round_trip(&self) -> Option<Duration> {
        self.reports.round_trip
    }

    /// Share of packets that the subscriber missed in its last report interval, in 1/256.
    #[must_use]
    pub const fn fraction_lost(&self) -> u8 {
        self.reports.fraction_lost
    }
}
