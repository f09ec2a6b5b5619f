//! The JSON that firmware up to 2.7 publishes beside its envelopes, or in their place.
//!
//! It is poorer than an envelope: absent values are 0, and nothing tells whether its sender agrees to be passed on. A text that
//! reads as JSON stands there as that JSON, so that its writer decides on the shape of the payload. What is read here becomes
//! the same packet that an envelope would have had, as far as it tells.

use crate::{
    packet::{Received, port},
    proto,
};
use kosmo_domain::NodeId;
use prost::Message;
use serde::Deserialize;
use serde_json::Value;

/// The longest document that is read, in bytes.
pub const MAX_JSON: usize = 4096;
/// What stands in device metrics in the place of what the node did not tell is 0, so 0 says nothing there.
const ABSENT: f32 = 0.0;

/// A packet as the firmware's JSON tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct Legacy {
    /// What it says; `bitfield` is absent, and so is the sender's consent.
    pub received: Received,
    /// The gateway that the document names, if it names one.
    pub gateway: Option<NodeId>,
}

/// Why a document is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LegacyError {
    /// It is longer than [`MAX_JSON`].
    #[error("more than {MAX_JSON} bytes")]
    TooLong,
    /// It is no JSON, or not of the firmware's form.
    #[error("no JSON of the firmware's")]
    NotJson,
    /// It is from nobody.
    #[error("a packet from a number that no node has")]
    NoSender,
    /// It is of a type that tells nothing that is kept.
    #[error("a packet of a type that is not read")]
    Unread,
}

impl LegacyError {
    /// Returns the name used in counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotJson => "undecodable",
            Self::NoSender => "no_sender",
            Self::Unread => "unread",
        }
    }
}

/// The document. Numbers of nodes had a sign before firmware 2.2.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    id: i64,
    from: i64,
    #[serde(default = "broadcast")]
    to: i64,
    #[serde(default)]
    timestamp: i64,
    #[serde(default)]
    channel: i64,
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    sender: Option<String>,
    #[serde(default)]
    payload: Value,
    #[serde(default)]
    rssi: Option<f64>,
    #[serde(default)]
    snr: Option<f64>,
    #[serde(default)]
    hops_away: Option<i64>,
    #[serde(default)]
    hop_start: Option<i64>,
}

const fn broadcast() -> i64 {
    u32::MAX as i64
}

impl Legacy {
    /// Reads a document.
    ///
    /// # Errors
    /// [`LegacyError`]
    pub fn read(bytes: &[u8]) -> Result<Self, LegacyError> {
        if bytes.len() > MAX_JSON {
            return Err(LegacyError::TooLong);
        }
        let document: Document = serde_json::from_slice(bytes).map_err(|_| LegacyError::NotJson)?;
        let from = number(document.from).ok_or(LegacyError::NoSender)?;
        NodeId::from_number(from).sender().map_err(|_| LegacyError::NoSender)?;
        let data = data(&document)?;
        let (hop_start, hop_limit) = hops(&document);
        let packet = proto::MeshPacket {
            from,
            to: number(document.to).unwrap_or(u32::MAX),
            id: number(document.id).unwrap_or(0),
            channel: number(document.channel).unwrap_or(0),
            rx_time: number(document.timestamp).unwrap_or(0),
            rx_snr: document.snr.map_or(0.0, narrow),
            rx_rssi: document.rssi.filter(|rssi| (-250.0..=50.0).contains(rssi)).map_or(0, whole),
            hop_start,
            hop_limit,
            payload_variant: Some(proto::mesh_packet::PayloadVariant::Decoded(data)),
            ..proto::MeshPacket::default()
        };
        let gateway = document.sender.as_deref().and_then(super::read_gateway);
        Ok(Self { received: Received::read(packet, Vec::new()), gateway })
    }
}

/// Returns the number of a node, a packet or a time; those with a sign were written by firmware that took them for signed.
fn number(number: i64) -> Option<u32> {
    u32::try_from(number).ok().or_else(|| i32::try_from(number).ok().map(i32::cast_unsigned))
}

#[expect(clippy::cast_possible_truncation, reason = "an infinity is what is out of range, and is refused as a value")]
fn narrow(value: f64) -> f32 {
    value as f32
}

#[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate, and the caller has seen to the range")]
fn whole(value: f64) -> i32 {
    value as i32
}

/// Returns start and rest of the hops: `hops_away` says how many there were, whatever the start.
fn hops(document: &Document) -> (u32, u32) {
    let hop = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok()).filter(|number| *number <= 7);
    match (hop(document.hop_start), hop(document.hops_away)) {
        (Some(start), Some(away)) => (start, start.saturating_sub(away)),
        // Without a start nobody knows; with the flags of a later sender a start of 0 would say "heard directly".
        (_, Some(away)) if away > 0 => (away, 0),
        (start, _) => (start.unwrap_or(0), start.unwrap_or(0)),
    }
}

fn data(document: &Document) -> Result<proto::Data, LegacyError> {
    let payload = &document.payload;
    let (port, bytes) = match document.kind.as_str() {
        "text" => (port::TEXT_MESSAGE, text(payload).into_bytes()),
        "position" => (port::POSITION, position(payload).encode_to_vec()),
        "nodeinfo" => (port::NODEINFO, user(payload).encode_to_vec()),
        "telemetry" => (port::TELEMETRY, telemetry(payload).ok_or(LegacyError::Unread)?.encode_to_vec()),
        "neighborinfo" => (port::NEIGHBORINFO, neighbors(payload).encode_to_vec()),
        _ => return Err(LegacyError::Unread),
    };
    let portnum = i32::try_from(port).map_err(|_| LegacyError::Unread)?;
    Ok(proto::Data { portnum, payload: bytes, ..proto::Data::default() })
}

/// Returns the text: `{"text": …}`, or whatever JSON its writer wrote.
fn text(payload: &Value) -> String {
    match payload.get("text") {
        Some(Value::String(text)) => text.clone(),
        _ => payload.to_string(),
    }
}

fn uint(payload: &Value, key: &str) -> Option<u32> {
    payload.get(key).and_then(Value::as_i64).and_then(number)
}

fn int(payload: &Value, key: &str) -> Option<i32> {
    payload.get(key).and_then(Value::as_i64).and_then(|number| i32::try_from(number).ok())
}

fn float(payload: &Value, key: &str) -> Option<f32> {
    payload.get(key).and_then(Value::as_f64).map(narrow)
}

fn string(payload: &Value, key: &str) -> String {
    payload.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn position(payload: &Value) -> proto::Position {
    proto::Position {
        latitude_i: int(payload, "latitude_i"),
        longitude_i: int(payload, "longitude_i"),
        altitude: int(payload, "altitude"),
        time: uint(payload, "time").unwrap_or(0),
        timestamp: uint(payload, "timestamp").unwrap_or(0),
        sats_in_view: uint(payload, "sats_in_view").unwrap_or(0),
        precision_bits: uint(payload, "precision_bits").unwrap_or(0),
        ..proto::Position::default()
    }
}

fn user(payload: &Value) -> proto::User {
    proto::User {
        id: string(payload, "id"),
        long_name: string(payload, "longname"),
        short_name: string(payload, "shortname"),
        hw_model: int(payload, "hardware").unwrap_or(0),
        role: int(payload, "role").unwrap_or(0),
        ..proto::User::default()
    }
}

fn neighbors(payload: &Value) -> proto::NeighborInfo {
    let listed = payload.get("neighbors").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let neighbors = listed.iter().take(16).filter_map(|neighbor| {
        let node_id = uint(neighbor, "node_id")?;
        Some(proto::Neighbor { node_id, snr: float(neighbor, "snr")?, ..proto::Neighbor::default() })
    });
    proto::NeighborInfo {
        node_id: uint(payload, "node_id").unwrap_or(0),
        node_broadcast_interval_secs: uint(payload, "node_broadcast_interval_secs").unwrap_or(0),
        neighbors: neighbors.collect(),
        ..proto::NeighborInfo::default()
    }
}

/// Returns the measurements: by which names stand there it is told which part of the node they are of.
fn telemetry(payload: &Value) -> Option<proto::Telemetry> {
    use proto::telemetry::Variant;
    let has = |key: &str| payload.get(key).is_some();
    let variant = if has("battery_level") || has("air_util_tx") {
        // Every value stands there, measured or not.
        let told = |key| float(payload, key).filter(|value| *value != ABSENT);
        Variant::DeviceMetrics(proto::DeviceMetrics {
            battery_level: uint(payload, "battery_level").filter(|level| *level != 0),
            voltage: told("voltage"),
            channel_utilization: told("channel_utilization"),
            air_util_tx: told("air_util_tx"),
            uptime_seconds: uint(payload, "uptime_seconds").filter(|seconds| *seconds != 0),
        })
    } else if has("pm10") || has("pm25") || has("pm100") {
        Variant::AirQualityMetrics(proto::AirQualityMetrics {
            pm10_standard: uint(payload, "pm10"),
            pm25_standard: uint(payload, "pm25"),
            pm100_standard: uint(payload, "pm100"),
            co2: uint(payload, "co2"),
            ..proto::AirQualityMetrics::default()
        })
    } else if has("voltage_ch1") || has("voltage_ch2") || has("voltage_ch3") {
        Variant::PowerMetrics(proto::PowerMetrics {
            ch1_voltage: float(payload, "voltage_ch1"),
            ch1_current: float(payload, "current_ch1"),
            ch2_voltage: float(payload, "voltage_ch2"),
            ch2_current: float(payload, "current_ch2"),
            ch3_voltage: float(payload, "voltage_ch3"),
            ch3_current: float(payload, "current_ch3"),
            ..proto::PowerMetrics::default()
        })
    } else {
        Variant::EnvironmentMetrics(environment(payload)?)
    };
    Some(proto::Telemetry { time: uint(payload, "time").unwrap_or(0), variant: Some(variant) })
}

fn environment(payload: &Value) -> Option<proto::EnvironmentMetrics> {
    let metrics = proto::EnvironmentMetrics {
        temperature: float(payload, "temperature"),
        relative_humidity: float(payload, "relative_humidity"),
        barometric_pressure: float(payload, "barometric_pressure"),
        gas_resistance: float(payload, "gas_resistance"),
        voltage: float(payload, "voltage"),
        current: float(payload, "current"),
        iaq: uint(payload, "iaq"),
        distance: float(payload, "distance"),
        lux: float(payload, "lux"),
        white_lux: float(payload, "white_lux"),
        wind_direction: uint(payload, "wind_direction"),
        wind_speed: float(payload, "wind_speed"),
        wind_gust: float(payload, "wind_gust"),
        wind_lull: float(payload, "wind_lull"),
        radiation: float(payload, "radiation"),
        rainfall_1h: float(payload, "rainfall_1h"),
        rainfall_24h: float(payload, "rainfall_24h"),
        soil_moisture: uint(payload, "soil_moisture"),
        soil_temperature: float(payload, "soil_temperature"),
        ..proto::EnvironmentMetrics::default()
    };
    (metrics != proto::EnvironmentMetrics::default()).then_some(metrics)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Body;
    use kosmo_domain::Metric;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(document: &Value) -> Result<Legacy, LegacyError> {
        Legacy::read(document.to_string().as_bytes())
    }

    fn of(kind: &str, payload: &Value) -> Value {
        json!({"id": 9, "timestamp": 1_780_315_200, "to": 4_294_967_295_u32, "from": 0x4dbb_2002, "channel": 0, "type": kind,
               "sender": "!a1b2c3d4", "payload": payload, "rssi": -90, "snr": 5.5, "hops_away": 1, "hop_start": 3})
    }

    #[test]
    fn weather_is_read_with_its_reception() {
        let payload = json!({"temperature": 21.4, "relative_humidity": 55.0, "wind_direction": 0, "wind_speed": 0.0});
        let Legacy { received, gateway } = read(&of("telemetry", &payload)).unwrap();
        let Body::Telemetry(telemetry) = &received.body else { panic!("telemetry is read as such") };
        let values: Vec<_> = [Metric::Temperature, Metric::WindSpeed, Metric::Pressure].map(|metric| telemetry.metrics.get(metric)).into();
        assert_eq!(values, [Some(21.4), Some(0.0), None]);
        assert_eq!((received.hops_away(), received.rssi, received.snr), (Some(1), Some(-90), Some(5.5)));
        assert_eq!((gateway.map(NodeId::number), received.ok_to_mqtt()), (Some(0xa1b2_c3d4), None));
    }

    #[test]
    fn a_zero_of_a_device_says_nothing() {
        let payload = json!({"battery_level": 0, "voltage": 0.0, "air_util_tx": 1.5, "channel_utilization": 0.0, "uptime_seconds": 0});
        let received = read(&of("telemetry", &payload)).unwrap().received;
        let Body::Telemetry(telemetry) = &received.body else { panic!("telemetry is read as such") };
        assert_eq!(telemetry.metrics.iter().map(|(metric, _)| metric).collect::<Vec<_>>(), [Metric::AirUtilTx]);
    }

    #[test]
    fn numbers_with_a_sign_are_those_of_old_firmware() {
        let document = json!({"from": -1_000_000_i32, "to": -1, "id": 1, "type": "text", "payload": {"text": "hi"}});
        let received = read(&document).unwrap().received;
        assert_eq!((received.from.number(), received.to), (4_293_967_296, NodeId::BROADCAST));
    }

    #[test]
    fn a_text_of_any_shape_is_a_text() {
        for (payload, expect) in [
            (json!({"text": "hello"}), "hello"),
            (json!({"text": {"x": 1}}), r#"{"text":{"x":1}}"#),
            (json!([1, 2]), "[1,2]"),
            (json!(7), "7"),
        ] {
            let received = read(&of("text", &payload)).unwrap().received;
            assert_eq!(received.body, Body::Text { text: expect.to_owned() });
        }
    }

    #[test]
    fn what_is_none_of_it_says_why() {
        assert_eq!(Legacy::read(b"{"), Err(LegacyError::NotJson));
        assert_eq!(Legacy::read(&[b' '; MAX_JSON + 1]), Err(LegacyError::TooLong));
        assert_eq!(Legacy::read(&[b'['; 4000]), Err(LegacyError::NotJson));
        assert_eq!(read(&json!({"from": 0, "type": "text", "payload": {"text": "x"}})), Err(LegacyError::NoSender));
        assert_eq!(read(&of("telemetry", &json!({}))), Err(LegacyError::Unread));
        assert_eq!(read(&of("gpios_changed", &json!({}))), Err(LegacyError::Unread));
        assert_eq!(read(&json!({"from": 1e300, "type": "text"})), Err(LegacyError::NotJson));
    }

    proptest! {
        #[test]
        fn numbers_of_any_size_are_read_or_refused(from in any::<i64>(), snr in any::<f64>(), value in any::<f64>(), level in any::<i64>()) {
            let payload = json!({"temperature": value, "battery_level": level, "latitude_i": level, "longitude_i": from});
            for kind in ["telemetry", "position", "nodeinfo", "neighborinfo"] {
                let _ = read(&json!({"from": from, "snr": snr, "rssi": value, "hops_away": level, "type": kind, "payload": payload}));
            }
        }
    }
}
