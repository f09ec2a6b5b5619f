//! What the recordings' decoded files say that a bridge must tell, as lines that compare and read well.

use crate::{cloud::Heard, radio::fixture};
use kosmo_contract::{Measured, NodeReport};
use kosmo_domain::{Metric, NodeId};
use serde_json::Value;
use std::collections::BTreeMap;

/// What one recording amounts to.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// One line for everything told, sorted.
    pub(crate) lines: Vec<String>,
    /// How many packets the radio hands over.
    pub(crate) packets: u64,
}

/// Reads the decoded file of a recording.
pub(crate) fn expected(name: &str) -> Expected {
    let frames: Vec<Value> = serde_json::from_slice(&std::fs::read(fixture(&format!("{name}.frames.json"))).unwrap()).unwrap();
    let mut expected = Expected::default();
    for frame in frames.iter().filter(|frame| frame["dir"] == "device->client") {
        match frame["variant"].as_str() {
            Some("node_info") => expect_node(&frame["decoded"]["node_info"], &mut expected.lines),
            Some("packet") => {
                expected.packets += 1;
                expected.lines.extend(expect_packet(frame));
            }
            _ => {}
        }
    }
    expected.lines.sort();
    expected
}

fn expect_node(node: &Value, lines: &mut Vec<String>) {
    let id = NodeId::from_number(u32::try_from(node["num"].as_u64().unwrap()).unwrap());
    let user = &node["user"];
    let word = |field: &str| user[field].as_str().unwrap().to_owned();
    let role = user["role"].as_str().unwrap_or("CLIENT");
    lines.push(format!("user {id} {} {} {} {role} {}", word("long_name"), word("short_name"), word("hw_model"), word("public_key")));
    if let Some(latitude) = node["position"]["latitude_i"].as_f64() {
        let longitude = node["position"]["longitude_i"].as_f64().unwrap();
        lines.push(format!("position {id} {} {} {}", latitude / 1e7, longitude / 1e7, node["position"]["altitude"]));
    }
    lines.push(format!("device {id} {}", device_metrics(&node["device_metrics"])));
    if let Some(snr) = node["snr"].as_f64() {
        lines.push(format!("link {id} {snr} {}", node["hops_away"]));
    }
}

fn expect_packet(frame: &Value) -> Option<String> {
    let packet = &frame["decoded"]["packet"];
    let (from, id, inner) = (frame["from"].as_str().unwrap(), &packet["id"], &frame["inner"]);
    match frame["portnum"].as_str().unwrap() {
        // The recording shows what is no UTF-8 with replacement characters.
        "TEXT_MESSAGE_APP" if inner.as_str().unwrap().contains('\u{fffd}') => None,
        "TEXT_MESSAGE_APP" => {
            let (to, snr) = (frame["to"].as_str().unwrap(), packet["rx_snr"].as_f64().unwrap());
            Some(format!("text {from} {to} {id} {} {snr} {}", packet["rx_time"], inner.as_str().unwrap()))
        }
        "TELEMETRY_APP" => Some(format!("reading {from} {id} {} {}", inner["time"], device_metrics(&inner["device_metrics"]))),
        "ROUTING_APP" | "SIMULATOR_APP" => None,
        other => panic!("the recordings hold nothing of {other}"),
    }
}

/// The metrics that the firmware's device metrics are in the table of metrics.
fn device_metrics(device: &Value) -> String {
    let mut values = BTreeMap::new();
    match device["battery_level"].as_f64().unwrap() {
        101.0 => drop(values.insert(Metric::ExternalPower, 1.0)),
        level => values.extend([(Metric::Battery, level), (Metric::ExternalPower, 0.0)]),
    }
    for (metric, field) in [
        (Metric::BatteryVoltage, "voltage"),
        (Metric::ChannelUtilization, "channel_utilization"),
        (Metric::AirUtilTx, "air_util_tx"),
        (Metric::Uptime, "uptime_seconds"),
    ] {
        values.insert(metric, device[field].as_f64().unwrap());
    }
    values.iter().map(|(metric, value)| format!("{metric}={value}")).collect::<Vec<_>>().join(",")
}

/// Returns what was heard, in the same words.
pub(crate) fn told(heard: &Heard) -> Vec<String> {
    let readings = heard.readings.iter().map(|record| {
        let packet = record.packet.as_ref().unwrap();
        let time = record.body.device_time.unwrap().as_seconds();
        assert!(record.body.raw.is_some(), "a reading bears the bytes it came in");
        format!("reading {} {} {time} {}", record.body.node_id, packet.id.0, measured(&record.body.metrics))
    });
    let nodes = heard.nodes.iter().map(|record| {
        let id = record.body.node_id;
        match &record.body.report {
            NodeReport::User(user) => {
                let key = serde_json::to_value(&user.public_key).unwrap();
                let words = [&user.long_name.as_deref(), &user.short_name.as_deref(), &user.hardware.as_deref(), &user.role.as_deref()];
                format!("user {id} {} {}", words.map(|word| word.unwrap()).join(" "), key.as_str().unwrap())
            }
            NodeReport::Position { latitude, longitude, altitude_m, .. } => {
                format!("position {id} {latitude} {longitude} {}", altitude_m.unwrap())
            }
            NodeReport::Device { metrics } => format!("device {id} {}", measured(metrics)),
            NodeReport::Link { snr_db, hops_away, .. } => format!("link {id} {} {}", snr_db.unwrap(), hops_away.unwrap()),
            other => panic!("the recordings hold no {other:?}"),
        }
    });
    let texts = heard.texts.iter().map(|record| {
        let packet = record.packet.as_ref().unwrap();
        let (time, snr) = (packet.rx_time.unwrap().as_seconds(), packet.snr_db.unwrap());
        format!("text {} {} {} {time} {snr} {}", packet.from, packet.to, packet.id.0, &*record.body.text)
    });
    let mut lines: Vec<_> = readings.chain(nodes).chain(texts).collect();
    lines.sort();
    lines
}

fn measured(measured: &Measured) -> String {
    assert!(measured.refused.is_empty());
    measured.metrics.iter().map(|(metric, value)| format!("{metric}={value}")).collect::<Vec<_>>().join(",")
}
