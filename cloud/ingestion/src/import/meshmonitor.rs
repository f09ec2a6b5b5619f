//! MeshMonitor: one row for each value, in its own words.

use super::{ImportError, Listener, Taker, pages::Pages};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kosmo_domain::{Metric, Metrics, NodeId, PacketId, Timestamp};
use kosmo_meshtastic::proto;
use kosmo_store::{
    foreign::{Foreign, Measured, MonitorNode, MonitorText},
    ingest::User,
    messages::ImportedText,
};
use std::{collections::BTreeMap, path::Path};

/// What it calls what.
const KINDS: [(&str, Metric); 33] = [
    ("temperature", Metric::Temperature),
    ("humidity", Metric::Humidity),
    ("pressure", Metric::Pressure),
    ("gasResistance", Metric::GasResistance),
    ("iaq", Metric::Iaq),
    ("lux", Metric::Illuminance),
    ("whiteLux", Metric::WhiteLight),
    ("irLux", Metric::InfraredLight),
    ("uvLux", Metric::UltravioletLight),
    ("windDirection", Metric::WindDirection),
    ("windSpeed", Metric::WindSpeed),
    ("windGust", Metric::WindGust),
    ("windLull", Metric::WindLull),
    ("rainfall1h", Metric::Rain1h),
    ("rainfall24h", Metric::Rain24h),
    ("radiation", Metric::Radiation),
    ("soilMoisture", Metric::SoilMoisture),
    ("soilTemperature", Metric::SoilTemperature),
    ("distance", Metric::Distance),
    ("weight", Metric::Weight),
    ("pm10Standard", Metric::Pm1),
    ("pm25Standard", Metric::Pm25),
    ("pm100Standard", Metric::Pm10),
    ("co2", Metric::Co2),
    ("envVoltage", Metric::BusVoltage),
    ("envCurrent", Metric::BusCurrent),
    ("ch1Voltage", Metric::Ch1Voltage),
    ("ch1Current", Metric::Ch1Current),
    ("batteryLevel", Metric::Battery),
    ("voltage", Metric::BatteryVoltage),
    ("channelUtilization", Metric::ChannelUtilization),
    ("airUtilTx", Metric::AirUtilTx),
    ("uptimeSeconds", Metric::Uptime),
];
/// Whom a text is for that is for everybody.
const EVERYBODY: i64 = 0xffff_ffff;

pub(super) async fn read(file: &Path, taker: &mut Taker<'_>, tell: Listener<'_>) -> Result<(), ImportError> {
    let mut foreign = Foreign::meshmonitor(file).await?;
    let all = foreign.monitor_rows().await?;
    let mut pages = Pages { foreign, taker, tell, done: 0, all };
    pages.table(Foreign::monitor_nodes, |row| row.row, |taker, rows| rows.into_iter().for_each(|row| node(taker, row))).await?;
    // The values of one packet are rows one after the other, and a page may end between them: they meet again in the store.
    pages.table(Foreign::monitor_telemetry, |row| row.row, |taker, rows| measured(taker, &rows)).await?;
    pages.table(Foreign::monitor_texts, |row| row.row, |taker, rows| rows.into_iter().for_each(|row| text(taker, row))).await
}

fn from_millis(millis: i64) -> Option<Timestamp> {
    Timestamp::from_micros(millis.checked_mul(1000)?).ok()
}

fn node(taker: &mut Taker<'_>, row: MonitorNode) {
    let Some(node) = taker.node(row.node) else { return };
    let heard = row.last_heard.and_then(|seconds| from_millis(seconds.checked_mul(1000)?));
    let Some(at) = taker.time(heard) else { return };
    let named = |number: Option<i64>| number.and_then(|number| i32::try_from(number).ok());
    let hardware = named(row.hardware)
        .map(|number| proto::HardwareModel::try_from(number).map_or_else(|_| number.to_string(), |model| model.as_str_name().to_owned()));
    let role = named(row.role).map(|number| {
        proto::config::device_config::Role::try_from(number).map_or_else(|_| number.to_string(), |role| role.as_str_name().to_owned())
    });
    let key = row.public_key.and_then(|text| STANDARD.decode(text).ok()).and_then(|key| <[u8; 32]>::try_from(key).ok());
    let user = User {
        long_name: row.long_name,
        short_name: row.short_name,
        hardware,
        role,
        public_key: key.filter(|key| *key != [0; 32]),
        ..User::default()
    };
    taker.user(node, at, user);
    if let Some(place) = row.latitude.zip(row.longitude) {
        taker.position(node, at, place, row.altitude, None);
    }
}

/// Takes over what nodes measured. Their places over time are left out: the store keeps the last one alone.
fn measured(taker: &mut Taker<'_>, rows: &[Measured]) {
    let mut readings: BTreeMap<(i64, i64), Metrics> = BTreeMap::new();
    for row in rows {
        let (Some(node), Some(kind), Some(at), Some(value)) = (row.node, row.kind.as_deref(), row.at, row.value) else {
            taker.leave_out("of another type");
            continue;
        };
        let Some((_, metric)) = KINDS.iter().find(|(name, _)| *name == kind) else {
            taker.leave_out("of a kind that is not kept");
            continue;
        };
        // A battery of 101 % is a plug.
        let (metric, value) = if *metric == Metric::Battery && value > 100.0 { (Metric::ExternalPower, 1.0) } else { (*metric, value) };
        if readings.entry((node, at)).or_insert(Metrics::NONE).set(metric, value).is_err() {
            taker.leave_out("of a value that cannot be");
        }
    }
    for ((node, at), metrics) in readings {
        let Some(node) = taker.node(Some(node)) else { continue };
        let Some(at) = taker.time(from_millis(at)) else { continue };
        taker.reading(node, at, &metrics);
    }
}

fn text(taker: &mut Taker<'_>, row: MonitorText) {
    if row.to_node != Some(EVERYBODY) {
        return taker.leave_out("written to one person");
    }
    let Some(from) = taker.node(row.from_node) else { return };
    let Some(at) = taker.time(row.at.and_then(from_millis)) else { return };
    let Some(text) = row.text.filter(|text| !text.trim().is_empty()) else { return taker.leave_out("of another type") };
    let channel = format!("channel {}", row.channel.unwrap_or(0).clamp(0, 7));
    let reply_to = row.reply_to.and_then(|id| u32::try_from(id).ok()).map(PacketId).filter(|id| id.is_given());
    taker.text(ImportedText { from: NodeId::from_number(from.number()), packet_id: PacketId(0), channel, hash: 0, text, reply_to, at });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_one_name_at_most() {
        let mut metrics: Vec<_> = KINDS.iter().map(|(_, metric)| metric.name()).collect();
        metrics.sort_unstable();
        metrics.dedup();
        assert_eq!(metrics.len(), KINDS.len());
    }
}
