//! Rescales timestamps between time bases.

use ffmpeg_next::Rational;

/// `value` in units of `from`, expressed in units of `to`, rounded to the nearest.
pub(super) fn rescale(value: i64, from: Rational, to: Rational) -> i64 {
    let numerator = i128::from(value) * i128::from(from.numerator()) * i128::from(to.denominator());
    let denominator = i128::from(from.denominator()) * i128::from(to.numerator());
    if denominator == 0 {
        return 0;
    }
    let half = denominator / 2;
    let rounded = if numerator >= 0 { numerator + half } else { numerator - half } / denominator;
    i64::try_from(rounded).unwrap_or(i64::MAX)
}

/// Microseconds.
pub(super) const MICROS: Rational = Rational(1, 1_000_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rescaling_rounds_to_the_nearest() {
        assert_eq!(rescale(1, Rational(1, 3), MICROS), 333_333);
        assert_eq!(rescale(2, Rational(1, 3), MICROS), 666_667);
        assert_eq!(rescale(-2, Rational(1, 3), MICROS), -666_667);
        assert_eq!(rescale(i64::MAX, Rational(1, 1), MICROS), i64::MAX);
        assert_eq!(rescale(5, Rational(1, 0), MICROS), 0);
    }
}
