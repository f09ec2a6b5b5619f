//! How fast something may go on.

use crate::config::Rate;
use std::{sync::Mutex, time::Duration};
use tokio::time::{Instant, sleep};

/// Two token buckets, of messages and of bytes, that may be overdrawn: what is taken at once is paid for by waiting.
#[derive(Debug)]
pub(crate) struct Pace {
    messages: Mutex<Bucket>,
    bytes: Mutex<Bucket>,
}

impl Pace {
    pub(crate) fn new(rate: Rate) -> Self {
        let bucket = |per_second: u32| {
            let per_second = f64::from(per_second.max(1));
            Mutex::new(Bucket::full(per_second, per_second * f64::from(rate.burst_seconds.max(1))))
        };
        Self { messages: bucket(rate.messages), bytes: bucket(rate.bytes) }
    }

    /// Takes one message of this size, and waits for as long as the rate asks for.
    pub(crate) async fn take(&self, bytes: usize) {
        let now = Instant::now();
        let messages = lock(&self.messages).take(1.0, now);
        let bytes = lock(&self.bytes).take(bytes as f64, now);
        let wait = messages.max(bytes);
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }
}

/// A limit on lines in the log, so that who is refused a thousand times a second does not fill the disk.
#[derive(Debug)]
pub(crate) struct LogQuota(Mutex<Bucket>);

impl LogQuota {
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        Self(Mutex::new(Bucket::full(per_second, burst)))
    }

    pub(crate) fn allows(&self) -> bool {
        let mut bucket = lock(&self.0);
        bucket.refill(Instant::now());
        let allowed = bucket.tokens >= 1.0;
        if allowed {
            bucket.tokens -= 1.0;
        }
        allowed
    }
}

#[derive(Debug)]
struct Bucket {
    per_second: f64,
    most: f64,
    tokens: f64,
    at: Option<Instant>,
}

impl Bucket {
    const fn full(per_second: f64, most: f64) -> Self {
        Self { per_second, most, tokens: most, at: None }
    }

    fn refill(&mut self, now: Instant) {
        if let Some(before) = self.at.replace(now) {
            self.tokens = (self.tokens + now.duration_since(before).as_secs_f64() * self.per_second).min(self.most);
        }
    }

    /// Takes tokens, and says how long it is until the bucket is no longer overdrawn.
    fn take(&mut self, tokens: f64, now: Instant) -> Duration {
        self.refill(now);
        self.tokens -= tokens;
        if self.tokens >= 0.0 { Duration::ZERO } else { Duration::from_secs_f64(-self.tokens / self.per_second) }
    }
}

fn lock(bucket: &Mutex<Bucket>) -> std::sync::MutexGuard<'_, Bucket> {
    bucket.lock().expect("no code that can panic runs under this lock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_and_the_rest_goes_at_the_rate() {
        let pace = Pace::new(Rate { messages: 100, bytes: 1_000_000, burst_seconds: 1 });
        let began = Instant::now();
        for _ in 0..100 {
            pace.take(10).await;
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            pace.take(10).await;
        }
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(990) && took <= Duration::from_millis(1200), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn large_messages_are_paid_for_by_size() {
        let pace = Pace::new(Rate { messages: 1000, bytes: 1000, burst_seconds: 1 });
        let began = Instant::now();
        pace.take(3000).await;
        assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_refusals_leaves_few_lines() {
        let quota = LogQuota::new(1.0, 5.0);
        assert_eq!((0..1000).filter(|_| quota.allows()).count(), 5);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!((0..1000).filter(|_| quota.allows()).count(), 3);
    }
}
