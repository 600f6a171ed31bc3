//! ⑥ Timestamps across layer switches: the encodings of one publication on one clock.
//!
//! The publisher's sender reports tie each encoding's RTP clock to its wall clock, so the same moment of
//! capture gets the same outgoing time whichever encoding shows it. Until both encodings have had a report,
//! the time that passed between the packets stands in.

use std::time::{Duration, Instant};

use crate::receive::SenderClock;
use crate::rtcp::NtpTime;
use crate::rtp::RtpTime;

/// The subscriber's clock for one subscription.
#[derive(Debug)]
pub(super) struct Timeline {
    rate: u32,
    /// A wall-clock moment of the publisher and its outgoing time.
    anchor: Option<(NtpTime, RtpTime)>,
    /// The newest time sent, and when.
    newest: Option<(RtpTime, Instant)>,
    /// Outgoing minus incoming time of the current source.
    offset: u32,
    /// Frames of the current source that lie at or before what was already shown.
    behind: Behind,
}

/// After a switch the new source may be some frames behind the old one. These frames follow each other by one
/// tick until the source has caught up; the offset itself stays exact.
#[derive(Debug, Default)]
struct Behind {
    frames: [Option<(RtpTime, RtpTime)>; Self::FRAMES],
    next: usize,
    /// Some frame at or before the newest time was or will be moved.
    active: bool,
    /// A frame lay after everything shown: only the moved frames' late packets are left.
    caught_up: bool,
}

impl Behind {
    /// A third of a second at 24 frames a second; a source further behind is moved.
    const FRAMES: usize = 8;
}

/// A report that contradicts the passing of time by more than this is wrong.
const MAX_DISAGREEMENT: Duration = Duration::from_secs(2);

/// Between frames of which nothing else is known.
const FRAMES_PER_SECOND: u32 = 30;

impl Timeline {
    pub(super) fn new(rate: u32) -> Self {
        Self { rate, anchor: None, newest: None, offset: 0, behind: Behind::default() }
    }

    /// Outgoing minus incoming time of the current source.
    pub(super) const fn offset(&self) -> u32 {
        self.offset
    }

    /// Remembers the wall clock of the current source, for the next switch.
    pub(super) fn note_clock(&mut self, clock: Option<SenderClock>) {
        if let Some(clock) = clock {
            self.anchor = Some((clock.ntp, clock.rtp_time.moved(self.offset)));
        }
    }

    /// Changes to a source whose first packet has time `first`; `clock` is its sender report, if any.
    /// `start` is the outgoing time of the very first packet.
    pub(super) fn switch(
        &mut self,
        now: Instant,
        first: RtpTime,
        clock: Option<SenderClock>,
        start: RtpTime,
    ) {
        self.behind = Behind::default();
        let Some((newest, at)) = self.newest else {
            self.offset = start.0.wrapping_sub(first.0);
            return;
        };
        let elapsed = self.ticks(now.saturating_duration_since(at));
        let by_elapsed = newest.moved(elapsed.max(self.rate / FRAMES_PER_SECOND));
        let by_clock = clock.zip(self.anchor).and_then(|(clock, (ntp, out))| {
            let ticks = clock.ntp.ticks_since(ntp, self.rate);
            // Wraps as the time itself does.
            let ticks = u32::try_from(ticks.rem_euclid(1 << 32)).ok()?;
            let offset = out.0.wrapping_add(ticks).wrapping_sub(clock.rtp_time.0);
            let limit = self.ticks(MAX_DISAGREEMENT);
            let disagreement = first.moved(offset).since(by_elapsed).unsigned_abs();
            (disagreement <= limit).then_some(offset)
        });
        self.offset = by_clock.unwrap_or_else(|| by_elapsed.0.wrapping_sub(first.0));
        self.behind.active = first.moved(self.offset).since(newest) <= 0;
    }

    /// Outgoing time of a packet of the current source.
    pub(super) fn time(&mut self, now: Instant, incoming: RtpTime) -> RtpTime {
        let exact = incoming.moved(self.offset);
        let Some((newest, _)) = self.newest else {
            self.newest = Some((exact, now));
            return exact;
        };
        let out = if self.behind.active { self.catch_up(incoming, exact, newest) } else { exact };
        if out.since(newest) > 0 {
            self.newest = Some((out, now));
        }
        out
    }

    fn catch_up(&mut self, incoming: RtpTime, exact: RtpTime, newest: RtpTime) -> RtpTime {
        let known = self.behind.frames.iter().flatten().find(|(frame, _)| *frame == incoming);
        if let Some(&(_, out)) = known {
            return out;
        }
        self.behind.caught_up |= exact.since(newest) > 0;
        if self.behind.caught_up {
            return exact;
        }
        let out = newest.moved(1);
        if self.behind.next == Behind::FRAMES {
            self.offset = out.0.wrapping_sub(incoming.0);
            self.behind = Behind::default();
            return out;
        }
        self.behind.frames[self.behind.next] = Some((incoming, out));
        self.behind.next += 1;
        out
    }

    /// A sender report of the current source on the subscriber's clock.
    pub(super) fn report(&self, clock: SenderClock) -> SenderClock {
        SenderClock { ntp: clock.ntp, rtp_time: clock.rtp_time.moved(self.offset) }
    }

    fn ticks(&self, time: Duration) -> u32 {
        let ticks = time.as_micros() * u128::from(self.rate) / 1_000_000;
        u32::try_from(ticks & 0xffff_ffff).unwrap_or(0)
    }
}
