//! Points in time, and the monotonic time that state machines are driven by.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, time::Duration};

/// One hour.
pub const HOUR: Duration = Duration::from_hours(1);
/// One day of UTC, which has no leap seconds and no summer time.
pub const DAY: Duration = Duration::from_hours(24);

/// Says why something is not a point in time that we accept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// The text is not RFC 3339 with an offset.
    #[error("a time is RFC 3339 with an offset, like `2026-04-12T15:30:15Z`")]
    Format,
    /// The time lies outside the years 1970 to 9998.
    #[error("a time lies between the years 1970 and 9998")]
    Range,
}

/// A point in time in UTC: whole microseconds since 1970, for that is what both databases keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

impl Timestamp {
    /// 1970-01-01T00:00:00Z, what a clock without a battery starts at.
    pub const EPOCH: Self = Self(0);
    /// 9998-12-31T23:59:59.999999Z: the last whole year that the calendar can name in every offset.
    pub const MAX: Self = Self(253_370_764_799_999_999);

    /// Returns the point in time this many microseconds after 1970.
    ///
    /// # Errors
    /// [`TimestampError::Range`] outside the years 1970 to 9998.
    pub const fn from_micros(micros: i64) -> Result<Self, TimestampError> {
        if micros < 0 || micros > Self::MAX.0 { Err(TimestampError::Range) } else { Ok(Self(micros)) }
    }

    /// Returns the point in time this many seconds after 1970, which is how radios tell time.
    pub const fn from_unix_seconds(seconds: u32) -> Self {
        Self(seconds as i64 * 1_000_000)
    }

    /// Returns the microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since 1970.
    pub const fn as_seconds(self) -> i64 {
        self.0 / 1_000_000
    }

    /// Returns the time this much later, at most the year 9998.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros).min(Self::MAX.0))
    }

    /// Returns the time this much earlier, at least 1970.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(micros).max(0))
    }

    /// Returns how much later this is than `earlier`; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// Returns the start of the bucket of this width (counted from 1970 UTC) that the time lies in.
    ///
    /// # Panics
    /// If `width` is shorter than a microsecond.
    #[must_use]
    pub fn floor_to(self, width: Duration) -> Self {
        let micros = i64::try_from(width.as_micros()).unwrap_or(i64::MAX);
        Self(self.0 - self.0 % micros)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(time) => time.fmt(f),
            Err(_) => unreachable!("the years 1970 to 9998 lie within what the calendar covers"),
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let time: jiff::Timestamp = text.parse().map_err(|_| TimestampError::Format)?;
        Self::from_micros(time.as_microsecond())
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

/// Monotonic time since a process began: what timers are set by, because no clock adjustment moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Uptime(pub Duration);

impl Uptime {
    /// Returns the time this much later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }

    /// Returns how much later this is than `earlier`; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("the test writes well-formed times")
    }

    #[test]
    fn any_offset_is_read_and_utc_is_written() {
        assert_eq!(at("2026-04-12T17:30:15+02:00").to_string(), "2026-04-12T15:30:15Z");
        assert_eq!(at("2026-04-12T15:30:15.5Z").to_string(), "2026-04-12T15:30:15.5Z");
    }

    #[test]
    fn a_time_without_offset_or_out_of_range_is_refused() {
        assert_eq!("2026-04-12T15:30:15".parse::<Timestamp>(), Err(TimestampError::Format));
        assert_eq!("yesterday".parse::<Timestamp>(), Err(TimestampError::Format));
        assert_eq!("1969-12-31T23:59:59Z".parse::<Timestamp>(), Err(TimestampError::Range));
    }

    #[test]
    fn the_last_time_there_is_can_be_written() {
        assert_eq!(Timestamp::MAX.to_string().parse(), Ok(Timestamp::MAX));
        assert_eq!("9999-01-01T00:00:00Z".parse::<Timestamp>(), Err(TimestampError::Range));
    }

    #[test]
    fn buckets_start_on_the_hour_and_at_midnight_utc() {
        assert_eq!(at("2026-04-12T15:30:15Z").floor_to(HOUR), at("2026-04-12T15:00:00Z"));
        assert_eq!(at("2026-04-12T15:30:15Z").floor_to(DAY), at("2026-04-12T00:00:00Z"));
    }

    proptest! {
        #[test]
        fn every_timestamp_survives_its_text(micros in 0..=Timestamp::MAX.as_micros()) {
            let time = Timestamp(micros);
            prop_assert_eq!(time.to_string().parse(), Ok(time));
        }

        #[test]
        fn arithmetic_stays_in_range(micros in 0..=Timestamp::MAX.as_micros(), seconds: u64) {
            let time = Timestamp(micros);
            let span = Duration::from_secs(seconds);
            prop_assert!(time.plus(span) <= Timestamp::MAX);
            prop_assert!(time.minus(span) >= Timestamp::EPOCH);
        }
    }
}
