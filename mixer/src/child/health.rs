//! Once a second: how the child fares. It measures; it judges nothing.

use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use wire::mixer::Health;

/// Interval of reports.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);
/// Shown when nothing is heard: below the noise of 16-bit samples.
const SILENCE_DBFS: f64 = -120.0;

/// The second that is being measured.
#[derive(Debug)]
pub(crate) struct HealthMeter {
    since: Duration,
    frames: u64,
    cpu: Duration,
    level_dbfs: f64,
}

impl HealthMeter {
    /// Begins the first second.
    pub(crate) fn new(now: Duration) -> Self {
        Self { since: now, frames: 0, cpu: cpu_time(), level_dbfs: SILENCE_DBFS }
    }

    /// Takes the loudest channel's RMS over the last second.
    pub(crate) fn handle_level(&mut self, dbfs: f64) {
        self.level_dbfs = dbfs.max(SILENCE_DBFS);
    }

    /// When the next report is due.
    pub(crate) fn due(&self) -> Duration {
        self.since + INTERVAL
    }

    /// Ends the second; `frames` and `late_frames` count since the start.
    pub(crate) fn report(&mut self, now: Duration, frames: u64, late_frames: u64, sources: u32) -> Health {
        let seconds = now.saturating_sub(self.since).as_secs_f64().max(0.001);
        let cpu = cpu_time();
        let shown = u32::try_from(frames.saturating_sub(self.frames)).unwrap_or(u32::MAX);
        let health = Health {
            fps: f64::from(shown) / seconds,
            late_frames,
            cpu_cores: cpu.saturating_sub(self.cpu).as_secs_f64() / seconds,
            level_dbfs: self.level_dbfs,
            sources,
        };
        (self.since, self.frames, self.cpu) = (now, frames, cpu);
        health
    }
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) else { return Duration::ZERO };
    let us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(us).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_counts_only_its_own_second() {
        let mut meter = HealthMeter::new(Duration::ZERO);
        meter.report(Duration::from_secs(1), 30, 0, 0);
        let health = meter.report(Duration::from_secs(3), 90, 2, 4);
        assert!((health.fps - 30.0).abs() < f64::EPSILON);
        assert_eq!((health.late_frames, health.sources), (2, 4));
    }

    #[test]
    fn silence_has_a_finite_level() {
        let mut meter = HealthMeter::new(Duration::ZERO);
        meter.handle_level(f64::NEG_INFINITY);
        assert!(meter.report(Duration::from_secs(1), 0, 0, 0).level_dbfs.is_finite());
    }
}
