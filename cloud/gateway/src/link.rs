//! A connection to the broker, and how it is.

use kosmo_mqtt::{Client, Incoming, Options, OptionsError};
use rand::{RngCore, SeedableRng as _, rngs::StdRng};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio_util::sync::CancellationToken;

/// One connection to the broker.
pub(crate) struct Link {
    pub(crate) client: Client,
    pub(crate) incoming: Incoming,
    /// Whether the broker has refused no subscription.
    pub(crate) is_subscribed: Arc<AtomicBool>,
}

/// What can be told of a link by who does not have it.
#[derive(Clone)]
pub(crate) struct LinkState {
    client: Client,
    is_subscribed: Arc<AtomicBool>,
}

impl Link {
    pub(crate) fn open(options: Options, rng: &mut impl RngCore, disconnect: &CancellationToken) -> Result<Self, OptionsError> {
        let (client, incoming) = kosmo_mqtt::connect(options, StdRng::from_rng(rng), disconnect.clone())?;
        Ok(Self { client, incoming, is_subscribed: Arc::new(AtomicBool::new(true)) })
    }

    pub(crate) fn state(&self) -> LinkState {
        LinkState { client: self.client.clone(), is_subscribed: Arc::clone(&self.is_subscribed) }
    }
}

impl LinkState {
    /// Tells whether everything that was subscribed to comes.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match (self.client.is_connected(), self.is_subscribed.load(Ordering::Relaxed)) {
            (false, _) => Err("not connected"),
            (true, false) => Err("refuses a subscription"),
            (true, true) => Ok(()),
        }
    }
}
