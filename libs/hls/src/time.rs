//! Wall-clock times as playlists write them.
//!
//! Formats and parses; reads no clock.

/// `2026-03-01T09:30:00.125Z`: UTC with milliseconds (bis §4.4.4.6 wants ISO 8601).
///
/// `at_us` is UTC microseconds since 1970; it is rounded down to the millisecond.
#[must_use]
pub fn iso8601(at_us: i64) -> String {
    let ms = at_us.div_euclid(1_000);
    let (days, ms_of_day) = (ms.div_euclid(86_400_000), ms.rem_euclid(86_400_000));
    let (year, month, day) = civil_from_days(days);
    let (s, ms) = (ms_of_day / 1_000, ms_of_day % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{ms:03}Z", s / 3_600, s / 60 % 60, s % 60)
}

/// Reads what [`iso8601`] writes for the years 0 to 9999, in UTC microseconds. `None`: another form.
#[must_use]
pub fn parse_iso8601(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
    let mut time = time.splitn(3, ':');
    let (hours, minutes) = (digits(time.next()?, 2)?, digits(time.next()?, 2)?);
    let (seconds, fraction) = time.next()?.split_once('.')?;
    let (seconds, ms) = (digits(seconds, 2)?, digits(fraction, 3)?);
    let hours = days_from_civil(year, month, day) * 24 + hours;
    Some((((hours * 60 + minutes) * 60 + seconds) * 1_000 + ms) * 1_000)
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let all = text.len() == count && text.bytes().all(|digit| digit.is_ascii_digit());
    if all { text.parse().ok() } else { None }
}

/// Days since 1970-01-01 to (year, month, day) of the proleptic Gregorian calendar; shifted so that a year
/// begins in March and the leap day is its last (the 400-year era has 146,097 days).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil_from_days`].
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_in_utc() {
        assert_eq!(iso8601(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso8601(951_782_399_999_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(iso8601(951_782_400_000_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso8601(1_774_861_445_123_000), "2026-03-30T09:04:05.123Z");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for day in 0..40_000 {
            let at_us = day * 86_400_000_000 + day * 1_234_000;
            assert_eq!(parse_iso8601(&iso8601(at_us)), Some(at_us));
        }
        assert_eq!(parse_iso8601("yesterday"), None);
        assert_eq!(parse_iso8601("2026-03-01"), None);
        assert_eq!(parse_iso8601("2026-03-01T09:30:15Z"), None);
        assert_eq!(parse_iso8601("9223372036854775807-03-01T09:30:15.000Z"), None);
    }
}
