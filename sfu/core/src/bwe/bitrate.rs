//! Rates, and how they are measured.

use std::time::{Duration, Instant};

/// Bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Bitrate(pub u64);

impl Bitrate {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From kilobits per second.
    #[must_use]
    pub const fn from_kbps(kbps: u64) -> Self {
        Self(kbps * 1000)
    }

    /// For arithmetic; exact below 2⁵³.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no link carries 2^53 bits per second")]
    pub const fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// Rounded down; negative and not-a-number become zero.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates and maps NaN to 0"
    )]
    pub const fn from_f64(bits_per_second: f64) -> Self {
        Self(bits_per_second as u64)
    }

    /// This rate times `factor`.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self::from_f64(self.as_f64() * factor)
    }

    /// Bytes that this rate carries in `time`.
    #[must_use]
    pub fn bytes_in(self, time: Duration) -> usize {
        let bytes = u128::from(self.0) * time.as_micros() / 8_000_000;
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

/// Rate over a sliding window, in ten steps.
#[derive(Debug, Clone)]
pub struct RateMeter {
    step: Duration,
    bytes: [u64; Self::STEPS],
    current: usize,
    /// When the current step began; `None` before the first byte.
    began: Option<Instant>,
    /// Steps that have been filled since the start, at most all.
    filled: u32,
}

impl RateMeter {
    const STEPS: usize = 10;

    /// A meter that averages over `window`.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self { step: window / 10, bytes: [0; Self::STEPS], current: 0, began: None, filled: 0 }
    }

    /// Counts `bytes` now.
    pub fn add(&mut self, now: Instant, bytes: usize) {
        self.turn_to(now);
        self.bytes[self.current] += bytes as u64;
    }

    /// The rate of the last full window, or of the time since the first byte if that is shorter.
    #[must_use]
    pub fn rate(&self, now: Instant) -> Bitrate {
        Bitrate(self.per(now, Duration::from_secs(8)))
    }

    /// The same, of what was counted instead of bytes, in each `time`.
    #[must_use]
    pub fn per(&self, now: Instant, time: Duration) -> u64 {
        let Some(began) = self.began else { return 0 };
        let silent = now.saturating_duration_since(began);
        if silent > self.step * 10 {
            return 0;
        }
        let total: u64 = self.bytes.iter().sum();
        // While the window fills, a lone first packet must not look like a high rate.
        let steps = self.filled.max(3);
        let span = self.step * steps + silent.min(self.step);
        let micros = |span: Duration| u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1);
        total * micros(time) / micros(span)
    }

    fn turn_to(&mut self, now: Instant) {
        let Some(mut began) = self.began else {
            self.began = Some(now);
            return;
        };
        let mut turns = 0;
        while now.saturating_duration_since(began) >= self.step {
            turns += 1;
            if turns > Self::STEPS {
                began = now;
                self.filled = 0;
                break;
            }
            began += self.step;
            self.current = (self.current + 1) % Self::STEPS;
            self.bytes[self.current] = 0;
            self.filled = (self.filled + 1).min(9);
        }
        self.began = Some(began);
    }
}
