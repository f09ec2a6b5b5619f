//! The time of day by a clock that may jump: followed where it goes steadily, and not believed at once where it leaps.

use crate::{DAY, EARLIEST_PLAUSIBLE, Timestamp, Uptime};
use std::time::Duration;

/// How far a clock may leap and be followed at once: a machine that slept, or was set right after it started.
const BELIEVED_AT_ONCE: Duration = DAY;
/// How far two times may lie apart and be the same.
const SLACK: Duration = Duration::from_mins(2);
/// For how long a clock has to keep to a longer leap before it is believed.
const PROBATION: Duration = Duration::from_hours(1);
/// How soon after the start a leap forward is believed, however long: that is when a machine without a battery is told the time.
const SETTLING: Duration = Duration::from_mins(10);

/// What became of what the clock said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    /// It went on as time does.
    Steady,
    /// It leapt, and is followed.
    Followed {
        /// What would have been the time.
        expected: Timestamp,
    },
    /// It leapt, and is not believed yet: the time goes on from where it was.
    Doubted {
        /// What it says.
        said: Timestamp,
        /// Whether this is said for the first time.
        is_news: bool,
    },
}

/// What is known of the time, by a clock and by the time that passed.
#[derive(Debug, Clone)]
pub struct SteadyTime {
    line: Line,
    /// The line that was left for this one, if that was left in a leap: whoever comes back to it corrects a mistake.
    left: Option<Line>,
    /// What the clock keeps to and is not believed yet, and since when.
    doubted: Option<(Line, Uptime)>,
}

/// A time of day that goes on as time does.
#[derive(Debug, Clone, Copy)]
struct Line {
    at: Timestamp,
    since: Uptime,
}

impl Line {
    fn now(self, uptime: Uptime) -> Timestamp {
        self.at.plus(uptime.since(self.since))
    }

    fn has(self, told: Timestamp, uptime: Uptime) -> bool {
        apart(self.now(uptime), told) <= SLACK
    }
}

fn apart(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

impl SteadyTime {
    /// Begins with what the clock says first.
    pub const fn starting(told: Timestamp, uptime: Uptime) -> Self {
        Self { line: Line { at: told, since: uptime }, left: None, doubted: None }
    }

    /// Returns the time, given what the clock says after so much time since the process began, and what is thought of that.
    pub fn tell(&mut self, told: Timestamp, uptime: Uptime) -> (Timestamp, Judgement) {
        let here = Line { at: told, since: uptime };
        let expected = self.line.now(uptime);
        let leap = apart(expected, told);
        if leap <= SLACK {
            (self.line, self.doubted) = (here, None);
            return (told, Judgement::Steady);
        }
        if leap <= BELIEVED_AT_ONCE || self.is_credible(here, expected) {
            if leap > BELIEVED_AT_ONCE {
                self.left = Some(self.line).filter(|_| expected >= EARLIEST_PLAUSIBLE);
            }
            (self.line, self.doubted) = (here, None);
            return (told, Judgement::Followed { expected });
        }
        let known = self.doubted.filter(|(line, _)| line.has(told, uptime));
        let since = known.map_or(uptime, |(_, since)| since);
        self.doubted = Some((here, since));
        (expected, Judgement::Doubted { said: told, is_news: known.is_none() })
    }

    /// Tells whether a long leap is believed.
    fn is_credible(&self, here: Line, expected: Timestamp) -> bool {
        let Line { at: told, since: uptime } = here;
        if told < EARLIEST_PLAUSIBLE {
            return false;
        }
        let was_never_set = expected < EARLIEST_PLAUSIBLE;
        let comes_back = self.left.is_some_and(|line| line.has(told, uptime));
        let is_set_at_start = told > expected && uptime.0 <= SETTLING;
        let has_kept_to_it = self.doubted.is_some_and(|(line, since)| line.has(told, uptime) && uptime.since(since) >= PROBATION);
        was_never_set || comes_back || is_set_at_start || has_kept_to_it
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const YEARS: Duration = Duration::from_hours(24 * 3652);

    fn at(text: &str) -> Timestamp {
        text.parse().expect("the test writes well-formed times")
    }

    fn up(seconds: u64) -> Uptime {
        Uptime(Duration::from_secs(seconds))
    }

    /// A process that has run for a day.
    fn settled() -> (SteadyTime, Timestamp, u64) {
        let (start, day) = (at("2026-11-21T12:00:00Z"), 86_400);
        let mut time = SteadyTime::starting(start, up(0));
        let now = start.plus(DAY);
        assert_eq!(time.tell(now, up(day)), (now, Judgement::Steady));
        (time, now, day)
    }

    #[test]
    fn ten_years_ahead_and_back_leave_no_trace() {
        let (mut time, now, day) = settled();
        let wrong = now.plus(YEARS);
        for minute in 0..30 {
            let (told, judged) = time.tell(wrong.plus(Duration::from_mins(minute)), up(day + minute * 60));
            assert_eq!(told, now.plus(Duration::from_mins(minute)), "time goes on from where it was");
            assert!(matches!(judged, Judgement::Doubted { is_news, .. } if is_news == (minute == 0)));
        }
        let later = now.plus(Duration::from_mins(30));
        assert_eq!(time.tell(later, up(day + 1800)), (later, Judgement::Steady));
    }

    #[test]
    fn a_clock_that_keeps_to_it_is_believed_and_may_come_back() {
        let (mut time, now, day) = settled();
        let wrong = now.plus(YEARS);
        time.tell(wrong, up(day));
        let later = |hours: u64| (wrong.plus(Duration::from_hours(hours)), up(day + hours * 3600));
        let (told, uptime) = later(1);
        assert_eq!(time.tell(told, uptime).0, told);
        let back = now.plus(Duration::from_hours(2));
        assert!(
            matches!(time.tell(back, up(day + 7200)), (time, Judgement::Followed { .. }) if time == back),
            "a mistake is corrected at once"
        );
    }

    #[test]
    fn ten_years_back_are_doubted_and_1970_is_never_believed() {
        let (mut time, now, day) = settled();
        assert_eq!(time.tell(now.minus(YEARS), up(day)).0, now);
        for hours in 0..5 {
            let told = Timestamp::EPOCH.plus(Duration::from_hours(hours));
            assert_eq!(time.tell(told, up(day + hours * 3600)).0, now.plus(Duration::from_hours(hours)));
        }
    }

    #[test]
    fn a_clock_that_was_never_set_follows_whatever_tells_the_time() {
        let mut time = SteadyTime::starting(Timestamp::EPOCH, up(0));
        assert_eq!(time.tell(Timestamp::EPOCH.plus(DAY), up(86_400)).0, Timestamp::EPOCH.plus(DAY));
        let now = at("2026-11-21T12:00:00Z");
        assert_eq!(time.tell(now, up(86_401)).0, now);
    }

    #[test]
    fn a_machine_is_told_the_time_after_its_start_and_after_its_sleep() {
        let start = at("2026-06-01T00:00:00Z");
        let mut time = SteadyTime::starting(start, up(0));
        let now = at("2026-11-21T12:00:00Z");
        assert_eq!(time.tell(now, up(60)).0, now, "its clock stood since it was switched off");
        let woken = now.plus(Duration::from_hours(9));
        assert_eq!(time.tell(woken, up(3600)).0, woken);
    }

    proptest! {
        #[test]
        fn whatever_a_clock_says_time_never_leaps_by_more_than_a_day_at_once_unless_it_was_kept_to(
            steps in proptest::collection::vec((1_u64..600, 0_i64..Timestamp::MAX.as_micros()), 1..40)
        ) {
            let (mut time, mut last, mut seconds) = settled();
            for (passed, told) in steps {
                seconds += passed;
                let expected = last.plus(Duration::from_secs(passed));
                let (now, judged) = time.tell(Timestamp::from_micros(told).expect("in range"), up(seconds));
                let is_followed = matches!(judged, Judgement::Followed { .. });
                prop_assert!(apart(now, expected) <= BELIEVED_AT_ONCE || is_followed);
                last = now;
            }
        }
    }
}
