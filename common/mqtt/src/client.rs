//! The sending half of a client.

use crate::{AckToken, Message, Reason, Receipt, link::Link, options::is_topic};
use kosmo_failpoints::fail_point;
use rumqttc::Publish;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::watch;

/// A handle to publish and acknowledge with. Clones speak over the same connection.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What the driver tells the handles.
#[derive(Debug)]
pub(crate) struct Shared {
    link: Mutex<Option<Link>>,
    state: watch::Sender<ConnectionState>,
    /// Whether this connection's broker has refused a subscription.
    is_refused: AtomicBool,
    max_packet: usize,
}

/// How the connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConnectionState {
    /// The first attempt has not ended yet.
    Connecting,
    /// A connection stands and its subscriptions are answered.
    Connected,
    /// There is none. Attempts go on.
    Disconnected {
        /// Why the last one ended.
        reason: Reason,
        /// How many attempts in a row have failed.
        failures: u32,
    },
    /// The client was shut down and will not connect again.
    Closed,
}

/// Says why a message was not given to the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no connection, or it ended while the message waited for room.
    #[error("there is no connection to the broker")]
    NotConnected,
    /// The topic is empty, has wildcards, or does not fit.
    #[error("a message is published to a topic without wildcards")]
    Topic,
    /// The message is over the packet limit.
    #[error("the message is over the limit of {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

impl Client {
    pub(crate) fn new(max_packet: usize) -> (Self, Arc<Shared>) {
        let shared = Arc::new(Shared {
            link: Mutex::new(None),
            state: watch::Sender::new(ConnectionState::Connecting),
            is_refused: AtomicBool::new(false),
            max_packet,
        });
        (Self { shared: Arc::clone(&shared) }, shared)
    }

    /// Gives a message to the broker, after waiting for room in the window of unacknowledged ones.
    /// The receipt may be dropped by who does not care; the message is sent all the same.
    ///
    /// # Errors
    /// Refuses a message that does not fit, and any message while there is no connection.
    pub async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        if !is_topic(&message.topic) {
            return Err(PublishError::Topic);
        }
        if message.topic.len() + message.payload.len() + PACKET_OVERHEAD > self.shared.max_packet {
            return Err(PublishError::TooLarge { limit: self.shared.max_packet });
        }
        let link = self.shared.link().ok_or(PublishError::NotConnected)?;
        fail_point!("mqtt::publish::before");
        let receipt = link.publish(message).await?;
        fail_point!("mqtt::publish::after");
        Ok(receipt)
    }

    /// Acknowledges a message, if the connection it came over still stands. Without it a later connection brings the message again.
    #[expect(clippy::needless_pass_by_value, reason = "an acknowledgement is given once, so the token is consumed")]
    pub fn acknowledge(&self, token: AckToken) {
        let Some(packet_id) = token.packet_id else { return };
        let Some(link) = self.shared.link().filter(|link| link.generation == token.generation) else { return };
        let mut acknowledged = Publish::new(String::new(), rumqttc::QoS::AtLeastOnce, Vec::new());
        acknowledged.pkid = packet_id;
        fail_point!("mqtt::acknowledge::before");
        // Fails only if the connection ended in between, which makes this token a stale one.
        let _ = link.requests.try_ack(&acknowledged);
        fail_point!("mqtt::acknowledge::after");
    }

    /// Tells whether a connection stands.
    pub fn is_connected(&self) -> bool {
        *self.shared.state.borrow() == ConnectionState::Connected
    }

    /// Tells whether a connection stands over which everything comes that was subscribed to.
    ///
    /// # Errors
    /// What is missing, in a few words.
    pub fn check(&self) -> Result<(), &'static str> {
        match (self.is_connected(), self.shared.is_refused.load(Ordering::Relaxed)) {
            (false, _) => Err("is not connected"),
            (true, true) => Err("refuses a subscription"),
            (true, false) => Ok(()),
        }
    }

    /// Returns the state of the connection, to read and to wait on.
    pub fn state(&self) -> watch::Receiver<ConnectionState> {
        self.shared.state.subscribe()
    }

    /// Waits until a connection stands; returns `false` if the client was shut down before.
    pub async fn connected(&self) -> bool {
        let mut state = self.state();
        let settled = state.wait_for(|state| matches!(state, ConnectionState::Connected | ConnectionState::Closed)).await;
        settled.is_ok_and(|state| *state == ConnectionState::Connected)
    }

    /// Waits until the client has shut down: flushed, said DISCONNECT and closed.
    pub async fn closed(&self) {
        let _ = self.state().wait_for(|state| *state == ConnectionState::Closed).await;
    }
}

impl Shared {
    pub(crate) fn set_link(&self, link: Option<Link>) {
        *self.link.lock().expect("no code that can panic runs under this lock") = link;
    }

    pub(crate) fn set_refused(&self) {
        self.is_refused.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_state(&self, state: ConnectionState) {
        // The rules may be others when a subscription is asked for again.
        if state != ConnectionState::Connected {
            self.is_refused.store(false, Ordering::Relaxed);
        }
        self.state.send_replace(state);
    }

    fn link(&self) -> Option<Link> {
        self.link.lock().expect("no code that can panic runs under this lock").clone()
    }
}

/// Fixed header, topic length and packet id of a PUBLISH.
const PACKET_OVERHEAD: usize = 5 + 2 + 2;
