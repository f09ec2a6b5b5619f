//! From a message to what can be stored of it: pure, bounded, and without a panic whatever came.
//!
//! What is wrong with a part (a value, a clock, a name) is set aside with a reason, and the rest is stored. What is wrong with
//! the whole is kept as it came; where it can be told which record it was, its bridge is told to keep it no longer.

mod clocks;
mod names;
mod node;
mod reading;

pub(crate) use self::names::printable;

use crate::reason::{Reason, note_of};
use bytes::Bytes;
use kosmo_contract::{Packet, Refusal, RefusalCode, Status, Transport, topic::Topic};
use kosmo_domain::{BridgeId, EARLIEST_PLAUSIBLE, Epoch, Stream, Timestamp, observed_at};
use kosmo_store::{
    MAX_STATUS,
    ingest::{Body, Heard, Note, Privacy, Raw, Reception, Record, RecordName},
    weather::Keep,
};
use serde::{Deserialize, de::DeserializeOwned};
use std::time::Duration;

/// What is taken in, beyond what the contract says.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How old a reading may be. Older ones would not be kept, nor be in any summary.
    pub oldest: Duration,
    /// The time by which retention gives up what is old, where that is known. It does not leap, as the server's clock may.
    pub retention: Option<Timestamp>,
}

impl From<&Keep> for Rules {
    /// What would not be kept is not taken in.
    fn from(keep: &Keep) -> Self {
        Self { oldest: keep.readings, retention: None }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self::from(&Keep::default())
    }
}

/// What a message was found to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// A record, or what is left of one; with [`Body::Rejected`] nothing is.
    Record(Box<Record>),
    /// What a bridge says of itself.
    Status {
        /// The bridge.
        bridge: BridgeId,
        /// The status as it came.
        json: String,
        /// When it was said; a last will, which is written before the fact, does not tell.
        told_at: Option<Timestamp>,
    },
    /// Nothing of which it could be told whose record it is.
    Garbage {
        /// The message.
        raw: Raw,
        /// What is wrong with it.
        reason: Note,
    },
}

/// Decodes a message that arrived at `received_at`.
pub fn decode(topic: &str, payload: &Bytes, received_at: Timestamp, rules: &Rules) -> Decoded {
    let message = Message { topic, payload, received_at, rules };
    match topic.parse() {
        Ok(Topic::Reading(bridge)) => message.record(bridge, reading::judge),
        Ok(Topic::Node(bridge)) => message.record(bridge, node::judge),
        Ok(Topic::Status(bridge)) => message.status(bridge),
        Ok(Topic::Inbound(_) | Topic::BareInbound | Topic::Receipt(_) | Topic::Ack(_) | Topic::Request(_) | Topic::Outbound(_)) => {
            message.garbage(Reason::UnknownTopic.note("", "ingestion reads readings, node reports and statuses"))
        }
        Err(error) => message.garbage(Reason::UnknownTopic.note("", error.to_string())),
    }
}

/// A record that has been read, and what it is judged by.
struct Case<'a, B> {
    record: kosmo_contract::Record<B>,
    received_at: Timestamp,
    rules: &'a Rules,
    /// What is refused of it.
    notes: Vec<Note>,
}

impl<B> Case<'_, B> {
    fn refuse(&mut self, reason: Reason, field: impl Into<String>, detail: impl Into<String>) {
        self.notes.push(reason.note(field, detail));
    }

    /// Returns the time before which no reading is taken in. A server that believes a clock which is years ahead would find everything
    /// too old, and nobody would send it again: retention's own time counts, and where it has none, whoever heard it first.
    fn oldest(&self) -> Timestamp {
        let heard = [Some(self.record.heard_at), self.rx_time()].into_iter().flatten().filter(|at| *at >= EARLIEST_PLAUSIBLE);
        let now = self.rules.retention.or_else(|| heard.min()).map_or(self.received_at, |now| now.min(self.received_at));
        now.minus(self.rules.oldest)
    }

    fn rx_time(&self) -> Option<Timestamp> {
        self.record.packet.as_ref().and_then(|packet| packet.rx_time)
    }
}

#[derive(Clone, Copy)]
struct Message<'a> {
    topic: &'a str,
    payload: &'a Bytes,
    received_at: Timestamp,
    rules: &'a Rules,
}

impl Message<'_> {
    fn record<B: DeserializeOwned>(self, bridge: BridgeId, judge: fn(&mut Case<'_, B>) -> Result<Body, Note>) -> Decoded {
        let record = match kosmo_contract::parse::<kosmo_contract::Record<B>>(self.payload) {
            Ok(record) => record,
            Err(refusal) => return self.refused(bridge, note_of(refusal)),
        };
        if record.bridge != bridge {
            return self.refused(bridge, Reason::WrongBridge.note("bridge", "the record names another bridge than its topic"));
        }
        if record.stream != Stream::Ingest {
            return self.refused(bridge, Reason::WrongStream.note("stream", "readings and node reports belong to the stream `ingest`"));
        }
        if let Some(Err(error)) = record.packet.as_ref().map(|packet| packet.from.sender()) {
            return self.refused(bridge, Reason::ReservedNode.note("packet.from", error.to_string()));
        }
        let name = RecordName { bridge, epoch: record.epoch, stream: record.stream, seq: record.seq };
        let heard = record.packet.as_ref().map(|packet| heard(packet, record.heard_at, self.received_at));
        let privacy = record.privacy.as_ref().map(privacy);
        let mut case = Case { record, received_at: self.received_at, rules: self.rules, notes: Vec::new() };
        match judge(&mut case) {
            Ok(body) => Decoded::Record(Box::new(Record { origin: name, heard, privacy, body, notes: case.notes, raw: self.raw() })),
            Err(reason) => self.rejected(name, privacy, [vec![reason], case.notes].concat()),
        }
    }

    fn status(self, bridge: BridgeId) -> Decoded {
        let status: Status = match kosmo_contract::parse(self.payload) {
            Ok(status) => status,
            Err(refusal) => return self.garbage(note_of(refusal)),
        };
        if status.bridge != bridge {
            return self.garbage(Reason::WrongBridge.note("bridge", "the status names another bridge than its topic"));
        }
        match std::str::from_utf8(self.payload) {
            Ok(json) if json.len() <= MAX_STATUS => Decoded::Status { bridge, json: json.to_owned(), told_at: status.at },
            _ => {
                let detail = format!("{} bytes, where a status has at most {MAX_STATUS}", self.payload.len());
                self.garbage(note_of(Refusal { code: RefusalCode::PayloadTooLarge, field: None, detail }))
            }
        }
    }

    /// Refuses the whole, under the record's name if at least that can be read. Whoever may publish to the topic of a bridge
    /// is that bridge, whatever the payload says.
    fn refused(self, bridge: BridgeId, reason: Note) -> Decoded {
        match serde_json::from_slice::<Head>(self.payload) {
            Ok(Head { epoch, stream: Stream::Ingest, seq }) => {
                self.rejected(RecordName { bridge, epoch, stream: Stream::Ingest, seq }, None, vec![reason])
            }
            Ok(Head { stream: Stream::Gateway, .. }) | Err(_) => self.garbage(reason),
        }
    }

    /// A refused record does not count as heard: another bridge may bring the same packet in better shape.
    fn rejected(self, name: RecordName, privacy: Option<Privacy>, notes: Vec<Note>) -> Decoded {
        Decoded::Record(Box::new(Record { origin: name, heard: None, privacy, body: Body::Rejected, notes, raw: self.raw() }))
    }

    fn garbage(self, reason: Note) -> Decoded {
        Decoded::Garbage { raw: self.raw(), reason }
    }

    fn raw(self) -> Raw {
        Raw { topic: self.topic.to_owned(), payload: self.payload.clone() }
    }
}

/// The name of a record, read past everything else that is wrong with it.
#[derive(Deserialize)]
struct Head {
    epoch: Epoch,
    stream: Stream,
    seq: u64,
}

fn privacy(told: &kosmo_contract::Privacy) -> Privacy {
    let private_channel = told.private_channel.as_ref().map(|channel| (channel.name.to_string(), channel.hash));
    Privacy { agrees: told.ok_to_mqtt, private_channel }
}

fn heard(packet: &Packet, heard_at: Timestamp, received_at: Timestamp) -> Heard {
    let reception = Reception {
        at: observed_at(None, packet.rx_time, heard_at, received_at).at,
        snr_db: packet.snr_db.filter(|snr| snr.is_finite()),
        rssi_dbm: packet.rssi_dbm,
        hops_away: packet.hops_away,
        relay_node: packet.relay_node.filter(|&last_byte| last_byte != 0),
        via_mqtt: packet.via_mqtt || packet.transport == Some(Transport::Mqtt),
    };
    Heard { from: packet.from, id: packet.id, reception }
}
