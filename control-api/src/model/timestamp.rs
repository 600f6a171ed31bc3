//! Moments: microseconds inside, RFC 3339 in UTC outside.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment: UTC microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Timestamp(pub(crate) i64);

impl Timestamp {
    /// The local clock. Rows that are compared across processes use the database's clock instead.
    pub(crate) fn now() -> Self {
        let micros = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000;
        Self(i64::try_from(micros).expect("the clock stands within 290,000 years of 1970"))
    }

    pub(crate) fn plus(self, duration: std::time::Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Time from now to this moment; zero if it lies in the past.
    pub(crate) fn remaining(self) -> std::time::Duration {
        std::time::Duration::from_micros(u64::try_from(self.0.saturating_sub(Self::now().0)).unwrap_or(0))
    }
}

/// Not an RFC 3339 date and time with an offset, or outside the years 1970 to 9999.
#[derive(Debug, thiserror::Error)]
#[error("not a date and time in RFC 3339 form, such as 2026-05-01T09:00:00Z")]
pub(crate) struct InvalidTimestamp;

impl TryFrom<String> for Timestamp {
    type Error = InvalidTimestamp;
    fn try_from(text: String) -> Result<Self, InvalidTimestamp> {
        let moment = OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        let micros = i64::try_from(moment.unix_timestamp_nanos() / 1000).map_err(|_| InvalidTimestamp)?;
        if (0..=LATEST).contains(&micros) { Ok(Self(micros)) } else { Err(InvalidTimestamp) }
    }
}

impl From<Timestamp> for String {
    fn from(moment: Timestamp) -> Self {
        // Milliseconds are enough for people and keep the text short.
        let nanos = i128::from(moment.0.clamp(0, LATEST)) / 1000 * 1_000_000;
        let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos).expect("clamped to years that exist");
        moment.format(&Rfc3339).expect("RFC 3339 holds the years 0 to 9999")
    }
}

/// 9999-12-31T23:59:59.999999Z.
const LATEST: i64 = 253_402_300_799_999_999;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_utc() {
        let moment = Timestamp::try_from("2026-05-01T09:00:00.25+02:00".to_owned()).unwrap();
        assert_eq!(String::from(moment), "2026-05-01T07:00:00.25Z");
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in
            ["", "now", "2026-05-01", "2026-13-01T00:00:00Z", "1969-12-31T23:59:59Z", "2026-05-01T09:00:00"]
        {
            assert!(Timestamp::try_from(text.to_owned()).is_err(), "{text:?}");
        }
    }
}
