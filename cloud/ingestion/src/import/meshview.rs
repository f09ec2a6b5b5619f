//! Meshview: whole packets, decrypted, which say more than its tables do.

use super::{ImportError, Listener, Taker, pages::Pages};
use kosmo_domain::{PacketId, Timestamp};
use kosmo_meshtastic::{
    Message as _,
    packet::{Body, Received},
    proto,
    telemetry::TelemetryKind,
};
use kosmo_store::{
    foreign::{Foreign, ViewNode, ViewPacket},
    ingest::User,
    messages::ImportedText,
};
use std::path::Path;

/// What it calls a node whose name it could not take.
const UNKNOWN: &str = "unknown name";

pub(super) async fn read(file: &Path, taker: &mut Taker<'_>, tell: Listener<'_>) -> Result<(), ImportError> {
    let mut foreign = Foreign::meshview(file).await?;
    let all = foreign.view_rows().await?;
    let mut pages = Pages { foreign, taker, tell, done: 0, all };
    pages.table(Foreign::view_nodes, |row| row.row, |taker, rows| rows.into_iter().for_each(|row| node(taker, row))).await?;
    pages.table(Foreign::view_packets, |row| row.row, |taker, rows| rows.into_iter().for_each(|row| packet(taker, row))).await
}

fn time(micros: Option<i64>) -> Option<Timestamp> {
    micros.and_then(|micros| Timestamp::from_micros(micros).ok())
}

fn node(taker: &mut Taker<'_>, row: ViewNode) {
    let Some(node) = taker.node(row.node) else { return };
    let Some(at) = taker.time(time(row.last_seen)) else { return };
    let known = |name: Option<String>| name.filter(|name| name != UNKNOWN);
    let user = User {
        long_name: known(row.long_name),
        short_name: known(row.short_name),
        hardware: row.hardware,
        role: row.role,
        ..User::default()
    };
    taker.user(node, at, user);
    if let (Some(latitude), Some(longitude)) = (row.latitude, row.longitude) {
        taker.position(node, at, (latitude as f64 / 1e7, longitude as f64 / 1e7), None, None);
    }
}

fn packet(taker: &mut Taker<'_>, row: ViewPacket) {
    let Some(packet) = row.payload.and_then(|payload| proto::MeshPacket::decode(&*payload).ok()) else {
        return taker.leave_out("no packet");
    };
    let received = Received::read(packet, Vec::new());
    let Some(node) = taker.node(Some(i64::from(received.from.number()))) else { return };
    if received.ok_to_mqtt() == Some(false) {
        return taker.leave_out("not to be passed on, as its sender says");
    }
    let told = time(row.at);
    match received.body {
        Body::Telemetry(telemetry) => match telemetry.kind {
            TelemetryKind::Device | TelemetryKind::Environment | TelemetryKind::AirQuality | TelemetryKind::Power => {
                let Some(at) = taker.time(telemetry.time.or(received.rx_time).or(told)) else { return };
                taker.reading(node, at, &telemetry.metrics);
            }
            TelemetryKind::LocalStats(_)
            | TelemetryKind::Health(_)
            | TelemetryKind::Host(_)
            | TelemetryKind::TrafficManagement(_)
            | TelemetryKind::Unknown => taker.leave_out("of a kind that is not kept"),
        },
        Body::Position(report) => {
            let Some(place) = report.position else { return taker.leave_out("at no place that there is") };
            let Some(at) = taker.time(report.time.or(received.rx_time).or(told)) else { return };
            taker.position(node, at, (place.latitude(), place.longitude()), place.altitude_m(), report.precision_bits);
        }
        Body::User(user) => {
            let Some(at) = taker.time(received.rx_time.or(told)) else { return };
            let user = User {
                long_name: user.long_name,
                short_name: user.short_name,
                hardware: Some(user.hardware),
                role: Some(user.role),
                public_key: user.public_key,
                licensed: user.licensed,
                unmessagable: user.unmessagable.unwrap_or(false),
            };
            taker.user(node, at, user);
        }
        Body::Text { text } if received.to.is_broadcast() && !received.emoji => {
            let Some(at) = taker.time(received.rx_time.or(told)) else { return };
            let channel = row.channel.filter(|channel| !channel.is_empty()).unwrap_or_else(|| "channel 0".to_owned());
            let reply_to = received.reply_id.filter(|id| id.is_given());
            taker.text(ImportedText { from: node, packet_id: PacketId(received.id.0), channel, hash: 0, text, reply_to, at });
        }
        Body::Text { .. } | Body::StoredText { .. } | Body::TextNotUtf8 => taker.leave_out("written to one person"),
        Body::Waypoint(_) | Body::Routing(_) | Body::Traceroute(_) | Body::Neighbors(_) | Body::Unknown | Body::Malformed { .. } => {
            taker.leave_out("of a kind that is not kept");
        }
        Body::Encrypted => taker.leave_out("encrypted"),
    }
}
