//! What the broker counts.

use metrics::{Counter, Gauge};

/// Handles that are looked up once; the recorder must be installed before the broker starts.
pub(crate) struct Meters {
    pub(crate) connections: Gauge,
    pub(crate) publishes: Counter,
    pub(crate) publishes_refused: Counter,
    pub(crate) subscriptions_refused: Counter,
    pub(crate) delivered: Counter,
    /// A reader had no room for the message.
    pub(crate) dropped_queue: Counter,
    /// Its session ended, or its message expired.
    pub(crate) dropped_other: Counter,
    pub(crate) retained_refused: Counter,
    pub(crate) kicked: Counter,
}

impl Meters {
    pub(crate) fn new() -> Self {
        metrics::describe_gauge!("kosmo_broker_connections", "MQTT clients that are connected");
        metrics::describe_counter!("kosmo_broker_logins_refused_total", "MQTT logins refused, by reason");
        metrics::describe_counter!("kosmo_broker_publishes_total", "messages accepted from MQTT clients");
        metrics::describe_counter!("kosmo_broker_publishes_refused_total", "messages to topics their publisher may not write");
        metrics::describe_counter!("kosmo_broker_subscriptions_refused_total", "subscriptions to filters their client may not read");
        metrics::describe_counter!("kosmo_broker_delivered_total", "messages given to MQTT clients");
        metrics::describe_counter!("kosmo_broker_dropped_total", "messages a client did not get, by reason");
        metrics::describe_counter!("kosmo_broker_retained_refused_total", "messages not retained because the cap was reached");
        metrics::describe_counter!("kosmo_broker_kicked_total", "clients cut off because their login was revoked");
        Self {
            connections: metrics::gauge!("kosmo_broker_connections"),
            publishes: metrics::counter!("kosmo_broker_publishes_total"),
            publishes_refused: metrics::counter!("kosmo_broker_publishes_refused_total"),
            subscriptions_refused: metrics::counter!("kosmo_broker_subscriptions_refused_total"),
            delivered: metrics::counter!("kosmo_broker_delivered_total"),
            dropped_queue: metrics::counter!("kosmo_broker_dropped_total", "reason" => "slow_reader"),
            dropped_other: metrics::counter!("kosmo_broker_dropped_total", "reason" => "session_ended"),
            retained_refused: metrics::counter!("kosmo_broker_retained_refused_total"),
            kicked: metrics::counter!("kosmo_broker_kicked_total"),
        }
    }
}
