//! Waiting for something to become true.

use std::{future::Future, time::Duration};
use tokio::time;

/// How often to look.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long to wait for what happens at once on an idle machine, and later on a busy one.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits until `look` finds something, and returns it.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let found = time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            time::sleep(LOOK_EVERY).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}
