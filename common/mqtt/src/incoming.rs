//! What a client hears: its connections and its messages, in order.

use crate::link::Waiting;
use bytes::Bytes;
use std::{fmt, sync::Arc};
use tokio::{sync::mpsc, time::Instant};

/// The receiving half of a client. Drop it if the client only publishes.
#[derive(Debug)]
pub struct Incoming {
    events: mpsc::UnboundedReceiver<Event>,
    waiting: Arc<Waiting>,
}

impl Incoming {
    pub(crate) const fn new(events: mpsc::UnboundedReceiver<Event>, waiting: Arc<Waiting>) -> Self {
        Self { events, waiting }
    }

    /// Returns the next event, or `None` once the client has shut down and everything received was taken.
    /// Safe to cancel: an event is taken or not.
    pub async fn next(&mut self) -> Option<Event> {
        let event = self.events.recv().await?;
        self.note_taken(&event);
        Some(event)
    }

    /// Returns the next event if one is already there, so that a consumer can fill a batch without waiting.
    pub fn try_next(&mut self) -> Option<Event> {
        let event = self.events.try_recv().ok()?;
        self.note_taken(&event);
        Some(event)
    }

    fn note_taken(&self, event: &Event) {
        if let Event::Message(delivery) = event {
            self.waiting.take(delivery.payload.len());
        }
    }
}

/// One thing that happened.
#[derive(Debug)]
pub enum Event {
    /// A connection stands and its subscriptions are answered. Messages of a kept session may come before it.
    Connected {
        /// Whether the broker kept this client's session. If not, whatever was published meanwhile is lost.
        session_present: bool,
    },
    /// A connection ended, or an attempt failed. The next attempt follows by itself, unless this client was shut down.
    Disconnected {
        /// Why.
        reason: Reason,
    },
    /// The broker refused a subscription: this filter brings nothing until the rules on the broker change.
    SubscriptionRefused {
        /// The filter as it was asked for.
        filter: String,
    },
    /// A message.
    Message(Delivery),
}

/// A message from the broker.
pub struct Delivery {
    /// The topic it was published to.
    pub topic: String,
    /// What it says.
    pub payload: Bytes,
    /// Whether the broker had kept it, so that it may be old.
    pub retain: bool,
    /// Whether the broker may have delivered it before.
    pub duplicate: bool,
    /// When it came. Whoever takes it may have been busy since.
    pub arrived: Instant,
    /// What acknowledges it.
    pub token: AckToken,
}

impl fmt::Debug for Delivery {
    /// Leaves the payload out: texts of members travel in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("topic", &self.topic)
            .field("bytes", &self.payload.len())
            .field("retain", &self.retain)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// Acknowledges one message on the connection it came over. It is used once, hence neither `Copy` nor `Clone`.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a message without acknowledgement is delivered again, and the broker sends only so many before one"]
pub struct AckToken {
    pub(crate) generation: u64,
    /// `None` at QoS 0, where there is nothing to acknowledge.
    pub(crate) packet_id: Option<u16>,
}

/// Why a connection ended or did not come about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The broker answered and refused.
    #[error("the broker refused the connection: {0}")]
    Refused(#[from] Refusal),
    /// The network failed, or nobody listens there.
    #[error("the network failed: {0}")]
    Network(String),
    /// The server's certificate or the TLS handshake is not right.
    #[error("TLS failed: {0}")]
    Tls(String),
    /// The broker closed the connection: it was stopped, another client took the same id, or it objects to a packet.
    #[error("the broker closed the connection")]
    Closed,
    /// Nothing came back in time: connecting, a ping, or writing.
    #[error("the broker does not answer")]
    TimedOut,
    /// The broker left a message unacknowledged for too long.
    #[error("the broker does not acknowledge")]
    Unacknowledged,
    /// The broker sent a packet over the limit.
    #[error("the broker sent a packet of {0} bytes, which is over the limit")]
    TooLarge(usize),
    /// The broker sent something that is not MQTT 3.1.1, or not in its place.
    #[error("the broker broke the protocol: {0}")]
    Protocol(String),
    /// More messages came than were taken; the broker delivers the rest later.
    #[error("more messages came than were taken")]
    Overrun,
    /// This client was shut down.
    #[error("the client was shut down")]
    Shutdown,
}

/// What a broker says when it refuses a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The name, the password or the will is not accepted (codes 4 and 5, which brokers use alike).
    #[error("name or password is wrong, or this login may not connect")]
    BadCredentials,
    /// The client id is not accepted.
    #[error("the client id is not accepted")]
    ClientId,
    /// The broker is up but serves nobody at the moment.
    #[error("the service is unavailable")]
    Unavailable,
    /// The broker speaks another version of MQTT.
    #[error("MQTT 3.1.1 is not spoken there")]
    ProtocolVersion,
}
