//! What every endpoint has at hand.

use crate::{hub::Hub, identity::DevIdentity, pace::Limiter};
use kosmo_domain::{Clock, Timestamp};
use kosmo_store::Store;
use rand::{RngCore, rngs::StdRng};
use std::{
    ops::Deref,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use uuid::Uuid;

/// The state of the routes; clones share it.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dev_identity: Option<DevIdentity>,
    pub(crate) limiter: Limiter,
    /// Whether a text begins with its sender's handle.
    pub(crate) sign_texts: bool,
    /// How long a text may wait for a radio if its sender does not say.
    pub(crate) ttl: Duration,
    pub(crate) rng: Mutex<StdRng>,
    /// Who follows.
    pub(crate) hub: Arc<Hub>,
}

impl Shared {
    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Draws an id that sorts by time.
    pub(crate) fn draw_id(&self) -> Uuid {
        draw_id(self.clock.now(), &mut *self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Draws an id that sorts by time.
pub(crate) fn draw_id(now: Timestamp, rng: &mut impl RngCore) -> Uuid {
    let millis = u64::try_from(now.as_micros() / 1000).unwrap_or(0);
    let mut random = [0; 10];
    rng.fill_bytes(&mut random);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

impl Deref for Shared {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}
