//! A sign of life: whoever watches the program sees by it that the bridge's loop goes on.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// How often a bridge's loop went round. It does so once a minute at least.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// Notes that the loop went round.
    pub(crate) fn beat(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often it did so far.
    pub fn beats(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
