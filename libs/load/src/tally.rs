//! What receivers saw: delays, losses, first packets. Pure.

use std::time::Duration;

use sfu_core::rtp::{SeqIndex, Ssrc};

/// Times in buckets that are 3 % wide, from a microsecond up.
#[derive(Debug, Clone)]
pub(crate) struct Histogram {
    buckets: Vec<u64>,
    count: u64,
}

/// Buckets of one doubling.
const STEPS: u32 = 32;
/// Doublings: the last bucket begins at more than an hour.
const DOUBLINGS: u32 = 32;

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; (STEPS * DOUBLINGS) as usize], count: 0 }
    }
}

impl Histogram {
    pub(crate) fn add(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
        let doubling = micros.ilog2();
        // The five bits below the highest one.
        let step = if doubling >= 5 { micros >> (doubling - 5) } else { micros << (5 - doubling) };
        let place = u64::from(doubling * STEPS) + (step & u64::from(STEPS - 1));
        let last = self.buckets.len() - 1;
        self.buckets[usize::try_from(place).unwrap_or(last).min(last)] += 1;
        self.count += 1;
    }

    /// The time below which this share of all lies; `None` when there is none.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are far below 2^53, and the share lies between 0 and 1"
    )]
    pub(crate) fn quantile(&self, share: f64) -> Option<Duration> {
        let wanted = ((self.count as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (place, &count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                let place = u32::try_from(place).unwrap_or(0);
                let (doubling, step) = (place / STEPS, u64::from(place % STEPS));
                // The upper border of the bucket.
                let micros = (u64::from(STEPS) + step + 1) << doubling;
                return Some(Duration::from_micros(micros >> 5));
            }
        }
        None
    }
}

/// One stream at one receiver, since counting began.
#[derive(Debug, Clone, Copy)]
struct Span {
    ssrc: Ssrc,
    first: SeqIndex,
    last: SeqIndex,
    packets: u64,
}

/// The streams of one receiver.
#[derive(Debug, Default)]
pub(crate) struct Streams(Vec<Span>);

impl Streams {
    /// Forgets what was counted.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn add(&mut self, ssrc: Ssrc, index: SeqIndex) {
        match self.0.iter_mut().find(|span| span.ssrc == ssrc) {
            Some(span) => {
                span.first = span.first.min(index);
                span.last = span.last.max(index);
                span.packets += 1;
            }
            None => self.0.push(Span { ssrc, first: index, last: index, packets: 1 }),
        }
    }

    /// Packets that came, and those missing between the first and the last.
    pub(crate) fn received_and_lost(&self) -> (u64, u64) {
        self.0.iter().fold((0, 0), |(received, lost), span| {
            let expected = span.last.0 - span.first.0 + 1;
            (received + span.packets, lost + expected.saturating_sub(span.packets))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_at_most_a_bucket_too_high() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        for micros in 1..=10_000 {
            histogram.add(Duration::from_micros(micros));
        }
        for (share, exact) in [(0.5, 5_000.0), (0.99, 9_900.0), (1.0, 10_000.0)] {
            let found = histogram.quantile(share).unwrap().as_secs_f64() * 1e6;
            assert!(found >= exact * 0.999 && found <= exact * 1.04, "{share}: {found}");
        }
    }

    #[test]
    fn gaps_are_lost_and_late_packets_are_not() {
        let mut streams = Streams::default();
        for index in [10, 11, 14, 13] {
            streams.add(Ssrc(1), SeqIndex(index));
        }
        streams.add(Ssrc(2), SeqIndex(70_000));
        assert_eq!(streams.received_and_lost(), (5, 1));
        streams.clear();
        assert_eq!(streams.received_and_lost(), (0, 0));
    }
}
