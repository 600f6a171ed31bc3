//! Instants of the mix as `Duration` since the pipeline's running time zero, and signed differences between
//! clocks in nanoseconds. Conversions only.

use std::time::Duration;

/// Nanoseconds of an instant, for signed arithmetic. 292 years fit.
pub(crate) fn to_ns(at: Duration) -> i64 {
    i64::try_from(at.as_nanos()).unwrap_or(i64::MAX)
}

/// An instant from signed nanoseconds; `None` before running time zero.
pub(crate) fn from_ns(ns: i64) -> Option<Duration> {
    u64::try_from(ns).ok().map(Duration::from_nanos)
}

/// Ticks of a media clock in nanoseconds.
pub(crate) fn ticks_to_ns(ticks: i64, clock_rate: u32) -> i64 {
    let ns = i128::from(ticks) * 1_000_000_000 / i128::from(clock_rate.max(1));
    i64::try_from(ns).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}

/// A 64-bit NTP timestamp (RFC 3550 §4) in nanoseconds since 1900. Fits until 2192.
pub(crate) fn ntp_to_ns(ntp: u64) -> i64 {
    let seconds = i64::try_from(ntp >> 32).unwrap_or(i64::MAX);
    let fraction = i64::try_from(((ntp & 0xffff_ffff) * 1_000_000_000) >> 32).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ntp_half_second_is_500_ms() {
        assert_eq!(ntp_to_ns((3_900_000_000 << 32) | 0x8000_0000), 3_900_000_000_500_000_000);
    }

    #[test]
    fn ticks_before_zero_stay_negative() {
        assert_eq!(ticks_to_ns(-90_000, 90_000), -1_000_000_000);
        assert_eq!(from_ns(-1), None);
    }
}
