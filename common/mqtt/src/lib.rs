//! The MQTT client both sides use.
//!
//! It wraps rumqttc 0.25 (MQTT 3.1.1) and owns what that library leaves open: when to reconnect, what to subscribe again,
//! which acknowledgement belongs to which connection, and how much may wait in memory.
//!
//! - Every connection gets a fresh rumqttc event loop. Nothing of a dead connection is carried over: a publish that was not
//!   acknowledged ends its [`Receipt`] with [`ConnectionLost`], and its sender decides whether to say it again.
//! - Without a connection [`Client::publish`] refuses at once. Nothing queues up that would go out stale.
//! - Messages are acknowledged by hand, with the [`AckToken`] they came with. A token of an earlier connection does nothing:
//!   the broker has forgotten that packet id, or gave it to another message.
//! - Reading never pauses, because the answer to a ping lies behind the data in the same stream. What is received and not yet
//!   taken with [`Incoming::next`] waits in memory, within [`Limits`]. With QoS 1 the broker's window bounds it, because nothing
//!   more comes before an acknowledgement. Past the limits a QoS 0 message is dropped and counted, and a QoS 1 message ends the
//!   connection, so that the broker delivers it again later.
//! - Shutdown stops publishing, waits for outstanding receipts, says DISCONNECT (so no last will is published) and ends
//!   [`Incoming`]. Cancel the token after the consumer's last acknowledgement.
//!
//! TLS uses rustls with ring, given explicitly: no process-wide crypto provider is read or installed.

mod backoff;
mod client;
mod driver;
mod incoming;
mod link;
mod options;
mod tls;

pub use crate::{
    backoff::Backoff,
    client::{Client, ConnectionState, PublishError},
    driver::connect,
    incoming::{AckToken, Delivery, Event, Incoming, Reason, Refusal},
    link::{ConnectionLost, Receipt},
    options::{Limits, Login, Message, Options, OptionsError, Qos, Server, ServerError, Subscription},
};
