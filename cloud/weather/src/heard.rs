//! How a node is received and what powers it: the columns of a table of nodes beside who they are.

use kosmo_domain::{BridgeId, Metric, Timestamp};
use kosmo_store::{
    ingest::Reception,
    weather::{BridgeReception, LatestValue},
};
use serde::Serialize;
use utoipa::ToSchema;

/// How a node was last received over the air.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeardByRadio)]
pub(crate) struct RadioView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The bridge whose radio did.
    #[schema(value_type = String)]
    bridge_id: BridgeId,
    /// Signal to noise in decibels, of the last step if it was relayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    snr_db: Option<f32>,
    /// Signal strength in dBm, of the last step if it was relayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    rssi_dbm: Option<i32>,
    /// Through how many relays; 0 is direct.
    #[serde(skip_serializing_if = "Option::is_none")]
    hops_away: Option<u8>,
}

/// How a node was last received across an MQTT broker, which says nothing of the air.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeardOverMqtt)]
pub(crate) struct MqttView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The bridge that was told.
    #[schema(value_type = String)]
    bridge_id: BridgeId,
}

/// What powers a node, as far as it said.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodePower)]
pub(crate) struct PowerView {
    /// Charge of its battery in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    battery_pct: Option<f64>,
    /// Voltage of its battery.
    #[serde(skip_serializing_if = "Option::is_none")]
    battery_voltage_v: Option<f64>,
    /// Whether it runs on external power.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_power: Option<bool>,
    /// When it said the newest of this.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// Returns how the node was last received over the air, and over MQTT; the receptions have the latest first.
pub(crate) fn last_heard(receptions: &[BridgeReception]) -> (Option<RadioView>, Option<MqttView>) {
    let last = |via_mqtt| receptions.iter().find(|heard| heard.reception.via_mqtt == via_mqtt);
    let radio = last(false).map(|BridgeReception { bridge, reception }| {
        let &Reception { at, snr_db, rssi_dbm, hops_away, .. } = reception;
        RadioView { at, bridge_id: bridge.clone(), snr_db, rssi_dbm, hops_away }
    });
    (radio, last(true).map(|heard| MqttView { at: heard.reception.at, bridge_id: heard.bridge.clone() }))
}

/// Returns the bridges that received a node, the latest first, each once.
pub(crate) fn bridges(receptions: &[BridgeReception]) -> Vec<BridgeId> {
    let mut bridges: Vec<BridgeId> = Vec::new();
    for heard in receptions {
        if !bridges.contains(&heard.bridge) {
            bridges.push(heard.bridge.clone());
        }
    }
    bridges
}

/// Returns what powers a node; nothing if it never said.
pub(crate) fn power(latest: &[LatestValue]) -> Option<PowerView> {
    let find = |metric| latest.iter().find(|value| value.metric == metric);
    let [charge, voltage, external] = [Metric::Battery, Metric::BatteryVoltage, Metric::ExternalPower].map(find);
    let at = [charge, voltage, external].into_iter().flatten().map(|value| value.at).max()?;
    Some(PowerView {
        battery_pct: charge.map(|value| crate::views::rounded(value.metric, value.value)),
        battery_voltage_v: voltage.map(|value| crate::views::rounded(value.metric, value.value)),
        external_power: external.map(|value| value.value > 0.5),
        at,
    })
}

/// Tells whether a node has measured its surroundings.
pub(crate) fn is_station(latest: &[LatestValue]) -> bool {
    latest.iter().any(|value| value.metric.is_environmental())
}
