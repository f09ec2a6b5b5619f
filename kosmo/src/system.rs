//! What comes from the machine and is an argument everywhere else: the time of day, randomness, the crypto provider.

use kosmo_domain::{Clock, Judgement, SteadyTime, Timestamp, Uptime};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::time::Instant;

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system for the time of day")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970, which everything downstream knows for a clock that is not set.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::EPOCH.plus(since_1970)
    }
}

/// The system's clock as a program that runs for months may follow it: a leap of years is doubted, and logged, for an hour.
#[derive(Debug)]
pub struct SteadyClock {
    started: Instant,
    time: Mutex<Told>,
}

#[derive(Debug)]
struct Told {
    time: SteadyTime,
    /// What the system's clock says and is not believed, while that is so.
    doubted: Option<Timestamp>,
}

impl SteadyClock {
    /// Returns a clock that begins with what the system's says.
    pub fn start() -> Self {
        let time = SteadyTime::starting(SystemClock.now(), Uptime::default());
        Self { started: Instant::now(), time: Mutex::new(Told { time, doubted: None }) }
    }

    /// Returns the time and what this machine's clock says, while that is not believed.
    pub fn doubt(&self) -> Option<(Timestamp, Timestamp)> {
        let now = self.now();
        self.lock().doubted.map(|said| (now, said))
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for SteadyClock {
    fn now(&self) -> Timestamp {
        // Within the lock, so that what one thread was told before another is not taken for a step back.
        let mut told = self.lock();
        let (now, judged) = told.time.tell(SystemClock.now(), Uptime(self.started.elapsed()));
        told.doubted = match judged {
            Judgement::Doubted { said, .. } => Some(said),
            Judgement::Steady | Judgement::Followed { .. } => None,
        };
        drop(told);
        match judged {
            Judgement::Steady | Judgement::Doubted { is_news: false, .. } => {}
            Judgement::Followed { expected } => {
                tracing::warn!(%now, %expected, "this machine's clock was set, and is followed");
            }
            Judgement::Doubted { said, is_news: true } => {
                tracing::error!(
                    %now, %said,
                    "this machine's clock leapt, and is not believed unless it keeps to that for an hour: is it right? (restart to believe it at once)"
                );
            }
        }
        now
    }
}

/// Returns a random source of its own, seeded by the system: what is drawn from it is fit for secrets.
///
/// # Panics
/// If the system has no randomness to give, and nothing safe can be done without.
pub fn random() -> rand::rngs::StdRng {
    rand::SeedableRng::from_os_rng()
}

/// Makes ring the provider of every TLS connection of the process.
///
/// Several of our libraries speak TLS and each would take the process's default; with two candidates compiled in, rustls
/// refuses to guess. ring is the one that all of them can use, and it needs neither CMake nor a C++ compiler on a Raspberry Pi.
pub fn install_crypto() {
    // A second call finds the provider in place, which is what it wants.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
