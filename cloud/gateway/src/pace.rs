//! How fast one member may send. The air is shared by all, and an hour of it is soon used up.

use kosmo_domain::Timestamp;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use uuid::Uuid;

/// Of how many members the pace is remembered. Beyond that, whoever has waited longest is forgotten, and may begin anew.
const REMEMBERED: usize = 10_000;

/// How fast a member may send: so many at once, and so many a minute from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How many texts may come at once after a time of silence; at least 1.
    pub burst: u32,
    /// How many a minute follow; at least 1.
    pub per_minute: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self { burst: 30, per_minute: 12 }
    }
}

/// Keeps every member to a pace, each apart.
///
/// A member's bucket is one point in time: when it will be full again. A bucket that is full needs no memory, so that those
/// remembered are those who sent within the last minutes.
#[derive(Debug)]
pub(crate) struct Limiter {
    pace: Pace,
    interval: Duration,
    depth: Duration,
    full_at: Mutex<HashMap<Uuid, Timestamp>>,
}

impl Limiter {
    pub(crate) fn new(pace: Pace) -> Self {
        let interval = Duration::from_mins(1) / pace.per_minute.max(1);
        Self { pace, interval, depth: interval.saturating_mul(pace.burst.max(1)), full_at: Mutex::default() }
    }

    /// Returns how many texts a minute are counted.
    pub(crate) const fn per_minute(&self) -> u32 {
        self.pace.per_minute
    }

    /// Counts a text of this member's, or returns how long until one would be counted.
    pub(crate) fn take(&self, member: Uuid, now: Timestamp) -> Result<(), Duration> {
        let mut members = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back must not lock anybody out for longer than it takes to fill a bucket.
        let known = members.get(&member).copied().unwrap_or(now).clamp(now, now.plus(self.depth));
        let full_at = known.plus(self.interval);
        let over = full_at.since(now).saturating_sub(self.depth);
        if !over.is_zero() {
            return Err(over);
        }
        if members.len() >= REMEMBERED && !members.contains_key(&member) {
            forget_some(&mut members, now);
        }
        members.insert(member, full_at);
        Ok(())
    }
}

/// Makes room for one more: those whose bucket is full are as good as new; if there is none, the fullest one goes.
fn forget_some(members: &mut HashMap<Uuid, Timestamp>, now: Timestamp) {
    members.retain(|_, full_at| *full_at > now);
    if members.len() < REMEMBERED {
        return;
    }
    if let Some(fullest) = members.iter().min_by_key(|(_, full_at)| **full_at).map(|(member, _)| *member) {
        members.remove(&fullest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANA: Uuid = Uuid::from_u128(1);
    const BEN: Uuid = Uuid::from_u128(2);

    fn second(second: u32) -> Timestamp {
        Timestamp::from_unix_seconds(second)
    }

    #[test]
    fn a_burst_is_followed_by_a_steady_pace() {
        let limiter = Limiter::new(Pace::default());
        for _ in 0..30 {
            assert_eq!(limiter.take(ANA, second(1000)), Ok(()));
        }
        assert_eq!(limiter.take(ANA, second(1000)), Err(Duration::from_secs(5)));
        assert_eq!(limiter.take(BEN, second(1000)), Ok(()), "one member does not slow down another");
        assert_eq!(limiter.take(ANA, second(1004)), Err(Duration::from_secs(1)));
        assert_eq!(limiter.take(ANA, second(1005)), Ok(()));
        assert_eq!(limiter.take(ANA, second(1005)), Err(Duration::from_secs(5)));
    }

    #[test]
    fn a_clock_that_went_back_locks_nobody_out_for_long() {
        let limiter = Limiter::new(Pace { burst: 2, per_minute: 6 });
        assert_eq!(limiter.take(ANA, second(2_000_000_000)), Ok(()));
        assert_eq!(limiter.take(ANA, second(0)), Err(Duration::from_secs(10)));
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = Limiter::new(Pace { burst: 1, per_minute: 1 });
        for member in 0..u128::try_from(REMEMBERED).unwrap() + 50 {
            limiter.take(Uuid::from_u128(member), second(0)).unwrap();
        }
        assert_eq!(limiter.full_at.lock().unwrap().len(), REMEMBERED);
        limiter.take(Uuid::from_u128(u128::MAX), second(60)).unwrap();
        assert_eq!(limiter.full_at.lock().unwrap().len(), 1, "full buckets are forgotten");
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_sees_more_than_the_burst_and_its_share(gaps in proptest::collection::vec(0_u32..20, 1..200)) {
            let pace = Pace { burst: 5, per_minute: 12 };
            let limiter = Limiter::new(pace);
            let (mut now, mut taken) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                if limiter.take(ANA, second(now)).is_ok() {
                    taken.push(now);
                }
            }
            for (first, from) in taken.iter().enumerate() {
                for (last, until) in taken.iter().enumerate().skip(first) {
                    let count = u32::try_from(last - first + 1).unwrap();
                    prop_assert!(count <= pace.burst + (until - from) / 5, "{count} from {from} to {until}");
                }
            }
        }
    }
}
