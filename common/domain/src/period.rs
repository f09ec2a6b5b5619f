//! Quota periods: months that begin on the day and at the time of day when the plan began.

use crate::Timestamp;
use jiff::{civil, tz::Offset};

/// One month of a plan: from its start up to, but not including, its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// When it begins.
    pub start: Timestamp,
    /// When the next one begins, and the quota with it.
    pub end: Timestamp,
}

impl Period {
    /// Returns the period that `now` lies in, for a plan that began at `anchor`. Before the anchor it is the first period.
    ///
    /// Each period is counted from the anchor and not from the one before, so that a plan of the 31st ends on the 28th of
    /// February and on the 31st of March. All in UTC.
    pub fn at(anchor: Timestamp, now: Timestamp) -> Self {
        let (began, present) = (civil_time(anchor), civil_time(now));
        let months = (i32::from(present.year()) - i32::from(began.year())) * 12 + i32::from(present.month()) - i32::from(began.month());
        let months = if now < anniversary(anchor, months) { months - 1 } else { months }.max(0);
        Self { start: anniversary(anchor, months), end: anniversary(anchor, months + 1) }
    }

    /// Tells whether the time lies in the period.
    pub fn contains(&self, at: Timestamp) -> bool {
        (self.start..self.end).contains(&at)
    }
}

/// Returns the anchor moved by whole months, to the last day of a month that is too short for it.
fn anniversary(anchor: Timestamp, months: i32) -> Timestamp {
    let began = civil_time(anchor);
    let month = i32::from(began.month()) - 1 + months;
    let year = i32::from(began.year()) + month.div_euclid(12);
    let first = i16::try_from(year)
        .ok()
        .zip(i8::try_from(month.rem_euclid(12) + 1).ok())
        .and_then(|(year, month)| civil::Date::new(year, month, 1).ok());
    let Some(first) = first else { return Timestamp::MAX };
    let day = began.day().min(first.days_in_month());
    let moved = civil::Date::new(first.year(), first.month(), day).map(|date| date.to_datetime(began.time()));
    moved
        .ok()
        .and_then(|at| Offset::UTC.to_timestamp(at).ok())
        .and_then(|at| Timestamp::from_micros(at.as_microsecond()).ok())
        .unwrap_or(Timestamp::MAX)
}

fn civil_time(at: Timestamp) -> civil::DateTime {
    let instant = jiff::Timestamp::from_microsecond(at.as_micros()).expect("the years 1970 to 9998 lie within what the calendar covers");
    Offset::UTC.to_datetime(instant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("the test writes well-formed times")
    }

    fn check(anchor: &str, now: &str, start: &str, end: &str) {
        assert_eq!(Period::at(at(anchor), at(now)), Period { start: at(start), end: at(end) }, "{anchor} at {now}");
    }

    #[test]
    fn a_plan_of_the_31st_comes_back_to_the_31st() {
        let anchor = "2026-01-31T10:00:00Z";
        check(anchor, "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z");
        check(anchor, "2026-02-28T09:59:59Z", "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z");
        check(anchor, "2026-02-28T10:00:00Z", "2026-02-28T10:00:00Z", "2026-03-31T10:00:00Z");
        check(anchor, "2026-04-01T00:00:00Z", "2026-03-31T10:00:00Z", "2026-04-30T10:00:00Z");
        check(anchor, "2028-02-29T10:00:00Z", "2028-02-29T10:00:00Z", "2028-03-31T10:00:00Z");
    }

    #[test]
    fn a_period_crosses_the_year() {
        check("2025-11-15T00:00:00Z", "2026-01-02T00:00:00Z", "2025-12-15T00:00:00Z", "2026-01-15T00:00:00Z");
    }

    #[test]
    fn a_clock_that_went_back_stays_in_the_first_period() {
        check("2026-01-31T10:00:00Z", "1970-01-01T00:00:05Z", "2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z");
    }

    proptest! {
        #[test]
        fn periods_follow_each_other_without_a_gap(anchor in 0_u32..4_000_000_000, later in 0_u32..200_000_000) {
            let anchor = Timestamp::from_unix_seconds(anchor);
            let now = anchor.plus(std::time::Duration::from_secs(u64::from(later)));
            let period = Period::at(anchor, now);
            prop_assert!(period.contains(now));
            let next = Period::at(anchor, period.end);
            prop_assert_eq!(next.start, period.end);
            prop_assert!(next.end > next.start);
        }

        #[test]
        fn no_time_makes_it_panic(anchor in 0..=Timestamp::MAX.as_micros(), now in 0..=Timestamp::MAX.as_micros()) {
            let time = |micros| Timestamp::from_micros(micros).expect("in range");
            let period = Period::at(time(anchor), time(now));
            prop_assert!(period.start <= period.end);
        }
    }
}
