//! How finely history is told, and which fineness suits a chart of so many points.

use kosmo_domain::{DAY, HOUR};
use std::{str::FromStr, time::Duration};

/// How finely history is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Each reading.
    Raw,
    /// Five minutes.
    FiveMinutes,
    /// A quarter of an hour.
    Quarter,
    /// Half an hour.
    HalfHour,
    /// An hour of UTC.
    Hour,
    /// Three hours of UTC.
    ThreeHours,
    /// Six hours of UTC.
    SixHours,
    /// Half a day of UTC.
    HalfDay,
    /// A day of UTC.
    Day,
}

impl FromStr for Step {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, &'static str> {
        let all = [Self::Raw].into_iter().chain(Self::SUMMARIES);
        all.into_iter().find(|step| step.as_str() == name).ok_or("an interval is one of raw, 5m, 15m, 30m, 1h, 3h, 6h, 12h and 1d")
    }
}

impl Step {
    /// The steps that summarise, from short to long.
    const SUMMARIES: [Self; 8] =
        [Self::FiveMinutes, Self::Quarter, Self::HalfHour, Self::Hour, Self::ThreeHours, Self::SixHours, Self::HalfDay, Self::Day];

    /// Returns how long a bucket is; nothing for single readings.
    pub(crate) const fn width(self) -> Option<Duration> {
        Some(match self {
            Self::Raw => return None,
            Self::FiveMinutes => Duration::from_mins(5),
            Self::Quarter => Duration::from_mins(15),
            Self::HalfHour => Duration::from_mins(30),
            Self::Hour => HOUR,
            Self::ThreeHours => Duration::from_hours(3),
            Self::SixHours => Duration::from_hours(6),
            Self::HalfDay => Duration::from_hours(12),
            Self::Day => DAY,
        })
    }

    /// Returns the name that requests and answers have for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::FiveMinutes => "5m",
            Self::Quarter => "15m",
            Self::HalfHour => "30m",
            Self::Hour => "1h",
            Self::ThreeHours => "3h",
            Self::SixHours => "6h",
            Self::HalfDay => "12h",
            Self::Day => "1d",
        }
    }

    /// Tells whether the step is told from single readings, which are given up after a while; hours and days are kept.
    pub(crate) fn is_from_readings(self) -> bool {
        self < Self::Hour
    }

    /// Returns the step for a chart of about `points` points over `span`. `readings` is how many single readings there are,
    /// if they are all still there and few enough to be read: then each of them is shown if at most two fall on a point.
    pub(crate) fn for_chart(span: Duration, points: u32, readings: Option<u64>) -> Self {
        if readings.is_some_and(|readings| readings <= u64::from(points) * 2) {
            return Self::Raw;
        }
        let finest = if readings.is_some() { Self::FiveMinutes } else { Self::Hour };
        let fits = |step: &Self| *step >= finest && step.width().is_some_and(|width| span <= width * points);
        Self::SUMMARIES.into_iter().find(fits).unwrap_or(Self::Day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_gets_the_finest_step_that_its_points_can_show() {
        const YEAR: Duration = Duration::from_hours(365 * 24);
        for (span, points, readings, expect) in [
            (DAY, 800, Some(1_440), "raw"),
            (DAY, 400, Some(1_440), "5m"),
            (DAY * 7, 800, Some(10_080), "15m"),
            (DAY * 7, 800, None, "1h"),
            (DAY * 7, 800, Some(672), "raw"),
            (DAY * 31, 800, Some(2_976), "1h"),
            (DAY * 31, 400, None, "3h"),
            (YEAR, 800, None, "12h"),
            (YEAR, 400, None, "1d"),
            (YEAR * 20, 10, None, "1d"),
            (Duration::from_micros(1), 10, Some(0), "raw"),
        ] {
            assert_eq!(Step::for_chart(span, points, readings).as_str(), expect, "{span:?} in {points}");
        }
    }

    #[test]
    fn a_step_is_found_by_its_name_alone() {
        for step in [Step::Raw].into_iter().chain(Step::SUMMARIES) {
            assert_eq!(step.as_str().parse(), Ok(step));
        }
        assert!(["", "auto", "1H", "2h", "60m"].iter().all(|name| name.parse::<Step>().is_err()));
    }

    #[test]
    fn buckets_divide_a_day_so_that_none_lies_across_midnight() {
        for width in Step::SUMMARIES.into_iter().filter_map(Step::width) {
            assert_eq!(DAY.as_secs() % width.as_secs(), 0);
        }
    }
}
