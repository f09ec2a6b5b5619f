//! What is committed at once.

use crate::{
    decode::{Decoded, Rules, decode},
    telemetry::MESSAGES,
};
use kosmo_contract::topic::{self, Topic};
use kosmo_domain::{BridgeId, Timestamp};
use kosmo_mqtt::{AckToken, Delivery};
use kosmo_store::ingest::{Note, Raw, Record};
use std::collections::BTreeMap;

/// Decoded messages, and what acknowledges them.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    pub(crate) garbage: Vec<(Raw, Note)>,
    /// The last status of each bridge, and when it was said.
    pub(crate) statuses: BTreeMap<BridgeId, (String, Timestamp)>,
    pub(crate) tokens: Vec<AckToken>,
}

impl Batch {
    /// Decodes a message and puts it in.
    pub(crate) fn add(&mut self, delivery: Delivery, received_at: Timestamp, rules: &Rules) {
        let Delivery { topic, payload, retain, token, .. } = delivery;
        metrics::counter!(MESSAGES, "kind" => kind(&topic)).increment(1);
        self.tokens.push(token);
        match decode(&topic, &payload, received_at, rules) {
            Decoded::Record(record) => self.records.push(*record),
            Decoded::Garbage { raw, reason } => self.garbage.push((raw, reason)),
            Decoded::Status { bridge, json, told_at } => {
                // What the broker has kept may be old news; what comes fresh is from this moment, whatever the bridge's clock says.
                let at = told_at.filter(|_| retain).map_or(received_at, |at| at.min(received_at));
                self.statuses.insert(bridge, (json, at));
            }
        }
    }

    /// Returns how many messages are in.
    pub(crate) fn len(&self) -> usize {
        self.tokens.len()
    }
}

fn kind(topic: &str) -> &'static str {
    match topic.parse::<Topic>() {
        Ok(Topic::Reading(_)) => "reading",
        Ok(Topic::Node(_)) => "node",
        Ok(Topic::Status(_)) => "status",
        Ok(_) | Err(topic::TopicError::Unknown | topic::TopicError::Id(_)) => "other",
    }
}
