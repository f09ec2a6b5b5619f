//! How long to wait before the next attempt.

use rand::{Rng, RngCore};
use std::time::Duration;

/// Exponential backoff with jitter, begun anew after a connection that lived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest first delay.
    pub min: Duration,
    /// The longest delay at all.
    pub max: Duration,
    /// How long a connection must have lived for the delays to begin anew. A broker that accepts and throws out again
    /// is a failing broker.
    pub settled: Duration,
}

impl Default for Backoff {
    /// The delays of a system that is to be whole again a minute after its broker is.
    fn default() -> Self {
        Self { min: Duration::from_millis(500), max: Duration::from_secs(30), settled: Duration::from_secs(10) }
    }
}

/// Where a client stands in its backoff.
#[derive(Debug)]
pub(crate) struct Delays {
    backoff: Backoff,
    failures: u32,
}

impl Delays {
    pub(crate) const fn new(backoff: Backoff) -> Self {
        Self { backoff, failures: 0 }
    }

    /// Returns the next delay: between half and the whole of `min` doubled for every failure in a row, at most `max`.
    /// `lived` is how long the connection that has just ended was up; zero if it never was.
    pub(crate) fn next(&mut self, lived: Duration, rng: &mut impl RngCore) -> Duration {
        if lived >= self.backoff.settled && !lived.is_zero() {
            self.failures = 0;
        }
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.failures = self.failures.saturating_add(1).min(31);
        let longest = self.backoff.min.saturating_mul(factor).min(self.backoff.max);
        longest.mul_f64(rng.random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{SeedableRng, rngs::StdRng};

    const BACKOFF: Backoff = Backoff { min: Duration::from_millis(100), max: Duration::from_secs(10), settled: Duration::from_secs(5) };

    #[test]
    fn delays_double_up_to_the_longest() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut delays = Delays::new(BACKOFF);
        for attempt in 0..40 {
            let longest = Duration::from_millis(100).saturating_mul(1 << attempt.min(20)).min(Duration::from_secs(10));
            let delay = delays.next(Duration::ZERO, &mut rng);
            assert!(delay >= longest / 2 && delay <= longest, "attempt {attempt}: {delay:?} is not within half of {longest:?}");
        }
    }

    #[test]
    fn only_a_connection_that_lived_begins_anew() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut delays = Delays::new(BACKOFF);
        for _ in 0..10 {
            delays.next(Duration::ZERO, &mut rng);
        }
        assert!(delays.next(Duration::from_secs(1), &mut rng) >= Duration::from_secs(5));
        assert!(delays.next(Duration::from_secs(6), &mut rng) <= Duration::from_millis(100));
    }

    #[test]
    fn two_clients_do_not_knock_at_the_same_moment() {
        let mut one = StdRng::seed_from_u64(3);
        let mut other = StdRng::seed_from_u64(4);
        let delay = |rng: &mut StdRng| Delays::new(BACKOFF).next(Duration::ZERO, rng);
        assert_ne!(delay(&mut one), delay(&mut other));
    }
}
