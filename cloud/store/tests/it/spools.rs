//! Bridges that deliver what they heard: records with little to write out.

use kosmo_domain::{Epoch, Metric, Metrics, NodeId, PacketId, Reading, Source, Stream, TimeSource, Timestamp, Trust};
use kosmo_store::ingest::{Body, Heard, NodeReport, Note, Outcome, Raw, Reception, Record, RecordName, User};

/// What is stored now, and what was stored before.
pub(crate) const NEW: Outcome = Outcome::Committed { duplicate: false };
pub(crate) const KNOWN: Outcome = Outcome::Committed { duplicate: true };

/// The spool of a bridge.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    bridge: &'static str,
    epoch: u128,
    seq: u64,
}

impl Spool {
    /// Returns the first spool of a bridge.
    pub(crate) fn of(bridge: &'static str) -> Self {
        Self { bridge, epoch: 1, seq: 0 }
    }

    /// Returns the spool that the bridge begins anew after this one is lost.
    pub(crate) fn begun_anew(&self) -> Self {
        Self { epoch: self.epoch + 1, seq: 0, ..*self }
    }

    /// Leaves out sequence numbers.
    pub(crate) fn skip_to(&mut self, seq: u64) {
        self.seq = seq - 1;
    }

    fn record(&mut self, body: Body) -> Record {
        self.seq += 1;
        let origin = RecordName {
            bridge: self.bridge.parse().unwrap(),
            epoch: Epoch::from_random(self.epoch),
            stream: Stream::Ingest,
            seq: self.seq,
        };
        let raw = Raw { topic: format!("kosmo/mesh/reading/{}", self.bridge), payload: format!("record {}", self.seq).into_bytes().into() };
        Record { origin, heard: None, privacy: None, body, notes: Vec::new(), raw }
    }

    /// Spools a reading with a time of its device's own.
    pub(crate) fn reading(&mut self, node: NodeId, at: Timestamp, values: &[(Metric, f64)]) -> Record {
        let reading = Reading { node, at, metrics: metrics(values) };
        self.record(Body::Reading {
            reading,
            time_source: TimeSource::Device,
            device_time: Some(at),
            trust: Trust::Claimed,
            source: Source::Bridge,
        })
    }

    /// Spools a report on a node.
    pub(crate) fn report(&mut self, node: NodeId, at: Timestamp, report: NodeReport) -> Record {
        self.record(Body::Node { node, report, at })
    }

    /// Spools who a node says it is: a name and a key made of one byte.
    pub(crate) fn user(&mut self, node: NodeId, at: Timestamp, name: &str, key: Option<u8>) -> Record {
        let user = User { long_name: Some(name.to_owned()), public_key: key.map(|byte| [byte; 32]), ..User::default() };
        self.report(node, at, NodeReport::User(user))
    }

    /// Spools what ingestion could make nothing of.
    pub(crate) fn rejected(&mut self, code: &str) -> Record {
        let record = self.record(Body::Rejected);
        Record { notes: vec![note(code, "")], ..record }
    }
}

/// Returns the record as it came in a packet.
pub(crate) fn in_packet(record: Record, from: NodeId, id: u32, at: Timestamp, snr_db: f32) -> Record {
    let reception =
        Reception { at, snr_db: Some(snr_db), rssi_dbm: Some(-90), hops_away: Some(1), relay_node: Some(0x2a), via_mqtt: false };
    Record { heard: Some(Heard { from, id: PacketId(id), reception }), ..record }
}

/// Returns the reading as if its device had no clock, so that its time is when it was heard.
pub(crate) fn without_device_time(mut record: Record) -> Record {
    if let Body::Reading { time_source, device_time, .. } = &mut record.body {
        (*time_source, *device_time) = (TimeSource::Bridge, None);
    }
    record
}

/// Returns the reading with another trust.
pub(crate) fn trusted(mut record: Record, with: Trust) -> Record {
    if let Body::Reading { trust, .. } = &mut record.body {
        *trust = with;
    }
    record
}

/// Returns values by metric.
pub(crate) fn metrics(values: &[(Metric, f64)]) -> Metrics {
    let mut metrics = Metrics::NONE;
    for (metric, value) in values {
        metrics.set(*metric, *value).unwrap();
    }
    metrics
}

/// Returns something that was refused.
pub(crate) fn note(code: &str, field: &str) -> Note {
    Note { code: code.to_owned(), field: field.to_owned(), detail: "it is so".to_owned() }
}

/// Returns a node id.
pub(crate) fn node(number: u32) -> NodeId {
    NodeId::from_number(number)
}
