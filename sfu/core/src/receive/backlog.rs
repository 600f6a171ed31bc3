//! How far a stream lags behind its own clock, so that what was queued on the way is not taken for a high rate.

use std::time::{Duration, Instant};

use crate::rtp::RtpTime;

/// The lag of one encoding, and how much of it was made up in the last second.
///
/// A narrow path fills its queue; when it widens, seconds of media arrive at once. That burst says nothing of
/// what the encoder sends, and whoever believed it would pause pictures that fit.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    /// Arrival and media time of the newest packet.
    last: Option<(Instant, RtpTime)>,
    /// How much later than the least delayed packet the newest one came.
    behind: Duration,
    /// The largest lag in each tenth of the last second, and when the current tenth began.
    steps: [Duration; STEPS],
    current: usize,
    began: Option<Instant>,
}

const STEPS: usize = 10;
const STEP: Duration = Duration::from_millis(100);

/// No queue is longer; more is a sender that paused.
const LONGEST: Duration = Duration::from_secs(10);

impl Backlog {
    /// A packet that is newer than all before it.
    pub(crate) fn receive(&mut self, now: Instant, time: RtpTime, clock_rate: u32) {
        if let Some((arrived, before)) = self.last.replace((now, time)) {
            let ticks = time.0.wrapping_sub(before.0).cast_signed().max(0).cast_unsigned();
            let media = Duration::from_secs_f64(f64::from(ticks) / f64::from(clock_rate));
            let lag = self.behind + now.saturating_duration_since(arrived);
            self.behind = lag.saturating_sub(media).min(LONGEST);
        }
        self.turn_to(now);
        self.steps[self.current] = self.steps[self.current].max(self.behind);
    }

    /// Media time that came in the last second beyond that second.
    pub(crate) fn made_up(&self) -> Duration {
        self.steps.iter().max().map_or(Duration::ZERO, |most| most.saturating_sub(self.behind))
    }

    fn turn_to(&mut self, now: Instant) {
        let began = self.began.get_or_insert(now);
        let mut turns = 0;
        while now.saturating_duration_since(*began) >= STEP {
            *began += STEP;
            self.current = (self.current + 1) % STEPS;
            self.steps[self.current] = Duration::ZERO;
            turns += 1;
            if turns == STEPS {
                *began = now;
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "virtual time may begin anywhere")]
mod tests {
    use super::*;

    /// Frames of 30 ms that arrive at these milliseconds.
    fn after(arrivals: impl IntoIterator<Item = u64>) -> (Backlog, Instant) {
        let start = Instant::now();
        let mut backlog = Backlog::default();
        for (frame, at) in (0u32..).zip(arrivals) {
            let time = RtpTime(0xffff_0000_u32.wrapping_add(frame * 2_700));
            backlog.receive(start + Duration::from_millis(at), time, 90_000);
        }
        (backlog, start)
    }

    #[test]
    fn a_stream_on_time_makes_nothing_up() {
        let (backlog, _) = after((0..200).map(|frame| frame * 30));
        assert_eq!(backlog.made_up(), Duration::ZERO);
    }

    #[test]
    fn what_waited_and_came_at_once_is_made_up_and_forgotten_after_a_second() {
        // Nothing arrives for 3 s, then a hundred frames at once, then all is as before.
        let late = (0..100).map(|_| 3_000);
        let (backlog, _) = after((0..10).map(|frame| frame * 30).chain(late.clone()));
        let made_up = backlog.made_up().as_millis();
        assert!((2_650..=2_700).contains(&made_up), "{made_up} ms");
        let usual = (0..40).map(|frame| 3_300 + frame * 30);
        let (backlog, _) = after((0..10).map(|frame| frame * 30).chain(late).chain(usual));
        assert_eq!(backlog.made_up(), Duration::ZERO);
    }

    #[test]
    fn a_screen_that_changes_after_seconds_was_not_late() {
        let start = Instant::now();
        let mut backlog = Backlog::default();
        for frame in 0..5 {
            let time = RtpTime(frame * 450_000);
            backlog.receive(start + Duration::from_secs(5) * frame, time, 90_000);
        }
        assert_eq!(backlog.made_up(), Duration::ZERO);
    }
}
