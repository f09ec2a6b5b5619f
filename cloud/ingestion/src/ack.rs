//! What bridges are told of their records.

use bytes::Bytes;
use kosmo_contract::{Ack, AckBody, Ranges, Rejection, Text, V1, topic::Topic};
use kosmo_domain::{BridgeId, Epoch, SeqSet, Stream};
use kosmo_mqtt::Message;
use kosmo_store::ingest::{Outcome, Record, RecordName};
use std::collections::BTreeMap;

/// Returns the answers to the bridges of a batch: one for each life of a spool and stream.
pub(crate) fn acks(records: &[Record], outcomes: &[Outcome]) -> Vec<Message> {
    let mut answers: BTreeMap<(&BridgeId, Epoch, Stream), (SeqSet, Vec<Rejection>)> = BTreeMap::new();
    for (record, outcome) in records.iter().zip(outcomes) {
        let RecordName { bridge, epoch, stream, seq } = &record.origin;
        let (committed, rejected) = answers.entry((bridge, *epoch, *stream)).or_default();
        match outcome {
            Outcome::Committed { .. } | Outcome::Withheld => {
                committed.insert(*seq);
            }
            Outcome::Rejected { code } => rejected.push(Rejection { seq: *seq, code: Text::cut(code) }),
        }
    }
    answers
        .into_iter()
        .map(|((bridge, epoch, stream), (committed, rejected))| {
            let body = AckBody::Records { epoch, stream, committed: Ranges(committed), rejected };
            let ack = Ack { v: V1, bridge: bridge.clone(), body };
            let json = serde_json::to_vec(&ack).expect("an acknowledgement is made of numbers and texts");
            Message::new(Topic::Ack(bridge.clone()).to_string(), Bytes::from(json))
        })
        .collect()
}
