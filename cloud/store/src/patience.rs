//! Giving up a database that says nothing.

use crate::{Error, Result};
use std::{future::Future, time::Duration};

/// How long whoever runs for good waits for one call: longer than any call takes on the slowest machine, and short enough to be
/// at work again a minute after the database is.
pub const ANSWERS_WITHIN: Duration = Duration::from_secs(45);

/// Gives a call up that takes longer than this.
///
/// A server that lost its power, or a network that forgot a connection, says nothing to whoever waits for an answer, and nobody
/// asks again: such a call would never end, though the database has long been back. What is given up may have been committed.
///
/// # Errors
/// As the call does, and [`Error::Unavailable`] if it does not end in time.
pub async fn in_time<T>(patience: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(patience, call).await.unwrap_or(Err(Error::Unavailable(sqlx::Error::PoolTimedOut)))
}
