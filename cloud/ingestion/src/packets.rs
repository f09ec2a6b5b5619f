//! What the log of packets is told of what bridges deliver: public, and without what people write.

use kosmo_domain::{Metrics, NodeId};
use kosmo_store::{
    ingest::{Body, Neighbor, NodeReport, Record, User},
    packets::{NewPacket, Teller},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What a record says of its packet besides what is stored of it.
#[derive(Deserialize)]
struct Head {
    packet: Option<Header>,
}

#[derive(Deserialize)]
struct Header {
    #[serde(default)]
    to: Option<NodeId>,
    #[serde(default)]
    port: Option<u32>,
    #[serde(default)]
    replayed: bool,
}

/// Returns the packet that a record came in, for the log: of one that is withheld its header alone. Nothing of a record that is none's,
/// or of one that its radio told of again.
pub(crate) fn of_record(record: &Record, withheld: bool) -> Option<NewPacket> {
    let heard = record.heard.as_ref()?;
    let header = serde_json::from_slice::<Head>(&record.raw.payload).ok()?.packet?;
    if header.replayed {
        return None;
    }
    Some(NewPacket {
        from: heard.from,
        id: heard.id,
        to: header.to,
        port: header.port,
        gateway: record.origin.bridge.to_string(),
        teller: Teller::Bridge,
        channel: None,
        private: withheld,
        reception: heard.reception,
        bytes: None,
        fields: fields_of(&record.body).filter(|_| !withheld),
    })
}

/// Returns what a record's body says, by names with units. Places are left to the map, which knows how exactly each may be shown.
pub fn fields_of(body: &Body) -> Option<Map<String, Value>> {
    let fields = match body {
        Body::Reading { reading, .. } => {
            let mut fields = metrics(&reading.metrics);
            fields.insert("measured_at".to_owned(), json!(reading.at));
            fields
        }
        Body::Node { report, .. } => of_report(report)?,
        Body::Text | Body::Rejected => return None,
    };
    (!fields.is_empty()).then_some(fields)
}

fn of_report(report: &NodeReport) -> Option<Map<String, Value>> {
    match report {
        NodeReport::User(User { long_name, short_name, hardware, role, public_key, licensed, unmessagable }) => Some(object(&json!({
            "long_name": long_name,
            "short_name": short_name,
            "hardware": hardware,
            "role": role,
            "has_key": public_key.is_some(),
            "licensed": licensed,
            "unmessagable": unmessagable,
        }))),
        NodeReport::Position { position: _, precision_bits } => {
            Some(object(&json!({ "precision_bits": precision_bits, "position": true })))
        }
        NodeReport::Device(device) => Some(metrics(device)),
        NodeReport::RadioStats(stats) => Some(object(&serde_json::to_value(stats).ok()?)),
        NodeReport::Neighbors(neighbors) => {
            let neighbor = |Neighbor { node, snr_db }: &Neighbor| json!({ "node_id": node, "snr_db": snr_db });
            Some(object(&json!({ "neighbors": neighbors.iter().map(neighbor).collect::<Vec<_>>() })))
        }
        NodeReport::Traceroute(route) => Some(object(&serde_json::to_value(route).ok()?)),
        NodeReport::HostStats(stats) => Some(object(&serde_json::to_value(stats).ok()?)),
        NodeReport::TrafficStats(stats) => Some(object(&serde_json::to_value(stats).ok()?)),
        // Where it is and what is said of it is shown where places are, if it may be.
        NodeReport::Waypoint(place) => Some(object(&json!({ "waypoint_id": place.id, "expires_at": place.expires_at }))),
        // Nothing of what a body measures is for everybody.
        NodeReport::HealthMetrics(_) | NodeReport::Link { .. } => None,
    }
}

fn metrics(metrics: &Metrics) -> Map<String, Value> {
    metrics.iter().map(|(metric, value)| (metric.name().to_owned(), json!(value))).collect()
}

/// Returns an object's fields that say something.
fn object(value: &Value) -> Map<String, Value> {
    value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}
