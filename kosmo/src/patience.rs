//! Trying again what a busy database had no time for: a start is not given up because others write as well.

use anyhow::{Error, Result};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// For how long a start is tried.
const PATIENCE: Duration = Duration::from_mins(3);
/// How long to wait before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs what may be run again until it does not fail for want of a database that answers in time.
///
/// # Errors
/// As `work` does: at once where trying again is no help, else after three minutes.
pub async fn patiently<T>(what: &str, mut work: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        match work().await {
            Err(error) if began.elapsed() < PATIENCE && is_transient(&error) => {
                tracing::warn!(error = format!("{error:#}"), "{what} has to wait for the database, and is tried again");
                sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

fn is_transient(error: &Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<kosmo_store::Error>()).any(kosmo_store::Error::is_transient)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    /// A server that does not answer.
    fn busy() -> Error {
        kosmo_store::Error::Unavailable(std::io::Error::from(std::io::ErrorKind::TimedOut).into()).into()
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_database_has_no_time_for_is_tried_again_and_a_defect_is_not() {
        let mut tries = 0;
        let done = patiently("a test", async || {
            tries += 1;
            if tries < 4 { Err(busy()).context("the history cannot be written") } else { Ok(tries) }
        });
        assert_eq!(done.await.unwrap(), 4);

        let mut tries = 0;
        let defect = patiently("a test", async || {
            tries += 1;
            Err::<(), _>(anyhow::anyhow!("this cannot be"))
        });
        assert!(defect.await.is_err());
        assert_eq!(tries, 1);

        let mut tries = 0;
        let given_up = patiently("a test", async || {
            tries += 1;
            Err::<(), _>(busy())
        });
        assert!(given_up.await.is_err());
        assert!((100..300).contains(&tries), "{tries}");
    }
}
