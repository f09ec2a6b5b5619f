//! What nodes say: the payloads of a station, a person and a bridge radio, as firmware 2.7 fills them.

use crate::{
    noise,
    person::Person,
    region::{self, Kind, Node, Sensors},
    weather::{Conditions, Weather},
};
use kosmo_domain::{self as domain, Metric, Metrics, Timestamp};
use kosmo_meshtastic::{
    Message as _,
    proto::{self, PortNum, config::device_config::Role, position::LocSource, telemetry::Variant},
};

/// Bit 0 of `Data.bitfield`: the sender agrees that gateways pass the packet on to MQTT.
const OK_TO_MQTT: u32 = 1;
/// Stations stand still and may be known to a few hundred metres; people move, and to a few kilometres.
const STATION_PRECISION_BITS: u32 = 16;
const PERSON_PRECISION_BITS: u32 = 13;

const STREAM_KEY: u64 = 60;
const STREAM_NODE: u64 = 61;
const STREAM_TEXT: u64 = 62;
const STREAM_PLACE: u64 = 63;

/// The kinds of messages that nodes send by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    Environment,
    AirQuality,
    Power,
    Device,
    Position,
    User,
    Text,
    /// Whom it hears, and how well.
    Neighbors,
    /// The way to somebody, which the owner of a bridge's radio asks for; the mesh writes it into the packet and its answer.
    Trace,
    /// A place that somebody marks for others.
    Waypoint,
}

/// What every message is made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voice {
    pub(crate) seed: u64,
    pub(crate) weather: Weather,
    /// The longest name of a node, in bytes.
    pub(crate) longest_name: usize,
}

impl Voice {
    /// Returns what a node says on a topic at a moment, or nothing if it has no such sensor.
    pub(crate) fn say(&self, node: &Node, topic: Topic, at: Timestamp) -> Option<proto::Data> {
        let telemetry = |variant| Some(telemetry(variant, at));
        match topic {
            Topic::Environment => {
                let (now, sensors) = self.measure(node, at)?;
                telemetry(Variant::EnvironmentMetrics(environment(&now, sensors)))
            }
            Topic::AirQuality => {
                let (now, sensors) = self.measure(node, at)?;
                telemetry(Variant::AirQualityMetrics(air_quality(&now, sensors)?))
            }
            Topic::Power => {
                let (now, _) = self.measure(node, at)?;
                telemetry(Variant::PowerMetrics(power(&now)))
            }
            Topic::Device => telemetry(Variant::DeviceMetrics(self.device(node, at))),
            Topic::Position => Some(data(PortNum::PositionApp, position(node, at).encode_to_vec())),
            Topic::User => Some(data(PortNum::NodeinfoApp, self.user(node).encode_to_vec())),
            Topic::Text => Some(data(PortNum::TextMessageApp, self.chatter(node, at).into_bytes())),
            Topic::Neighbors => Some(data(PortNum::NeighborinfoApp, proto::NeighborInfo::default().encode_to_vec())),
            Topic::Waypoint => {
                let marks = node.kind == Kind::Person(Person::Answers);
                marks.then(|| data(PortNum::WaypointApp, self.waypoint(node).encode_to_vec()))
            }
            Topic::Trace => {
                (node.kind == Kind::Bridge).then(|| proto::Data { want_response: true, ..data(PortNum::TracerouteApp, Vec::new()) })
            }
        }
    }

    /// Returns what a station measures at a moment as the metrics that its telemetry adds up to.
    pub(crate) fn metrics(&self, node: &Node, at: Timestamp) -> Option<Metrics> {
        let (now, sensors) = self.measure(node, at)?;
        let mut metrics = Metrics::NONE;
        let mut set = |metric: Metric, value: f64| {
            metrics.set(metric, value).expect("the weather stays within what is plausible");
        };
        set(Metric::Temperature, now.temperature_c);
        set(Metric::Humidity, now.humidity_pct);
        set(Metric::Pressure, now.pressure_hpa);
        set(Metric::GasResistance, now.gas_resistance_ohm);
        set(Metric::Iaq, now.iaq);
        set(Metric::Illuminance, now.illuminance_lux);
        if sensors.mast {
            set(Metric::WindSpeed, now.wind_speed_ms);
            set(Metric::WindGust, now.wind_gust_ms);
            set(Metric::WindLull, now.wind_lull_ms);
            set(Metric::WindDirection, now.wind_direction_deg);
            set(Metric::Rain1h, now.rain_1h_mm);
            set(Metric::Rain24h, now.rain_24h_mm);
        }
        if sensors.dust {
            set(Metric::Pm1, now.pm1_ugm3);
            set(Metric::Pm25, now.pm25_ugm3);
            set(Metric::Pm4, now.pm4_ugm3);
            set(Metric::Pm10, now.pm10_ugm3);
        }
        set(Metric::Ch1Voltage, now.battery_voltage_v);
        set(Metric::Ch1Current, now.battery_current_ma);
        set(Metric::Ch2Voltage, now.solar_voltage_v);
        set(Metric::Ch2Current, now.solar_current_ma);
        set(Metric::Battery, now.battery_pct);
        set(Metric::BatteryVoltage, now.battery_voltage_v);
        Some(metrics)
    }

    /// Returns how a node names itself.
    pub(crate) fn user(&self, node: &Node) -> proto::User {
        let number = node.id.number();
        let [_, b, c, d] = number.to_be_bytes();
        let hardware = match node.kind {
            Kind::Station(_) | Kind::Relay => proto::HardwareModel::Rak4631,
            Kind::Bridge => proto::HardwareModel::Portduino,
            Kind::Person(_) => proto::HardwareModel::TDeck,
        };
        let role = match (node.role, node.kind) {
            (region::Role::Router, _) => Role::Router,
            (region::Role::Mute, _) => Role::ClientMute,
            (region::Role::Client, Kind::Station(_)) => Role::Sensor,
            (region::Role::Client, Kind::Bridge | Kind::Person(_) | Kind::Relay) => Role::Client,
        };
        proto::User {
            id: node.id.to_string(),
            long_name: node.long_name[..node.long_name.floor_char_boundary(self.longest_name)].to_owned(),
            short_name: node.short_name.clone(),
            #[expect(deprecated, reason = "firmware 2.7 still fills it")]
            macaddr: vec![2, 0x42, number.to_be_bytes()[0], b, c, d],
            hw_model: hardware.into(),
            is_licensed: false,
            role: role.into(),
            public_key: self.public_key(node).to_vec(),
            is_unmessagable: Some(matches!(node.kind, Kind::Station(_) | Kind::Relay)),
        }
    }

    /// Returns a node's public key, which follows from how often it was reset.
    pub(crate) fn public_key(&self, node: &Node) -> [u8; 32] {
        match node.resets {
            0 => first_key(self.seed, node.site.sensor),
            resets => noise::bytes32(self.seed, &[STREAM_KEY, node.site.sensor, 2, resets.into()]),
        }
    }

    /// Returns the key of a node that guards nothing: keys here only have the right length.
    pub(crate) fn private_key(&self, node: &Node) -> [u8; 32] {
        noise::bytes32(self.seed, &[STREAM_KEY, node.site.sensor, 1, node.resets.into()])
    }

    /// Returns the state of a node's own device.
    pub(crate) fn device(&self, node: &Node, at: Timestamp) -> proto::DeviceMetrics {
        let hours = at.as_micros() as f64 / 3.6e9;
        let draw = |what| noise::unit(self.seed, &[STREAM_NODE, node.site.sensor, what]);
        let busy = 6.0 + 4.0 * noise::wave(self.seed ^ node.site.sensor, STREAM_NODE, hours * 3.0);
        let (battery_level, voltage) = match self.measure(node, at) {
            Some((now, _)) => (noise::count(now.battery_pct), now.battery_voltage_v),
            None if is_person(node) => {
                let level = 60.0 + 35.0 * noise::wave(self.seed ^ node.site.sensor, STREAM_NODE + 1, hours / 7.0);
                (noise::count(level), 3.42 + 0.0068 * level)
            }
            None => (101, 0.0), // 101 says external power
        };
        proto::DeviceMetrics {
            battery_level: Some(battery_level),
            voltage: Some(noise::single(voltage)),
            channel_utilization: Some(noise::single(busy)),
            air_util_tx: Some(noise::single(0.2 + busy * 0.06)),
            uptime_seconds: Some(noise::count((hours * 3_600.0 + draw(0) * 2.0e6).rem_euclid(2.0e6))),
        }
    }

    fn measure(&self, node: &Node, at: Timestamp) -> Option<(Conditions, Sensors)> {
        let Kind::Station(sensors) = node.kind else { return None };
        Some((self.weather.at(&node.site, at), sensors))
    }

    /// Returns the place near a person that is worth telling others of.
    fn waypoint(&self, node: &Node) -> proto::Waypoint {
        proto::Waypoint {
            id: noise::hash32(self.seed, &[STREAM_PLACE, u64::from(node.id.number())]),
            latitude_i: Some(noise::whole((node.site.latitude + 0.021) * 1e7)),
            longitude_i: Some(noise::whole((node.site.longitude - 0.013) * 1e7)),
            name: "Treffpunkt am Ufer".to_owned(),
            description: "Hier sammeln wir uns, wenn nichts anderes mehr geht.".to_owned(),
            icon: '⛺'.into(),
            ..Default::default()
        }
    }

    fn chatter(&self, node: &Node, at: Timestamp) -> String {
        const LINES: [&str; 10] = [
            "Moin zusammen!",
            "Wer hört mich?",
            "Test von unterwegs 🚲",
            "Hier zieht es sich zu, Schauer von Westen",
            "Anyone near the Mosel bridge tonight?",
            "Bonjour du Luxembourg 👋",
            "Akku bei 60 %, Sonne reicht noch",
            "Sturm über der Eifel, bleibt drin",
            "Relais Erbeskopf läuft wieder",
            "73 aus Traben-Trarbach",
        ];
        let drawn = noise::hash32(self.seed, &[STREAM_TEXT, u64::from(node.id.number()), at.as_micros().unsigned_abs()]);
        LINES[drawn as usize % LINES.len()].to_owned()
    }
}

impl Node {
    /// Returns where the node says it is, as precisely as it gives that away.
    ///
    /// # Panics
    /// If the node was put where no place on earth is.
    pub fn position(&self) -> domain::Position {
        let bits = precision_bits(self);
        let degrees = |exact| f64::from(blur(exact, bits)) / 1e7;
        domain::Position::new(degrees(self.site.latitude), degrees(self.site.longitude), Some(self.site.altitude_m.round()))
            .expect("nodes stand on earth")
    }
}

/// Returns the public key of a node that was never reset, by the number of its sensor.
pub(crate) fn first_key(seed: u64, sensor: u64) -> [u8; 32] {
    noise::bytes32(seed, &[STREAM_KEY, sensor])
}

/// Returns how a node says where it is: no more bits of each coordinate than it gives away, and the middle of what is left.
pub(crate) fn position(node: &Node, at: Timestamp) -> proto::Position {
    let bits = precision_bits(node);
    proto::Position {
        latitude_i: Some(blur(node.site.latitude, bits)),
        longitude_i: Some(blur(node.site.longitude, bits)),
        altitude: Some(noise::whole(node.site.altitude_m)),
        time: seconds(at),
        location_source: LocSource::LocManual.into(),
        precision_bits: bits,
        ..Default::default()
    }
}

/// Returns the seconds since 1970 as radios send them.
pub(crate) fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_seconds()).unwrap_or(u32::MAX)
}

/// Returns a payload as the content of a packet.
pub(crate) fn data(port: PortNum, payload: Vec<u8>) -> proto::Data {
    proto::Data { portnum: port.into(), payload, bitfield: Some(OK_TO_MQTT), ..Default::default() }
}

/// Returns telemetry as the content of a packet.
pub(crate) fn telemetry(variant: Variant, at: Timestamp) -> proto::Data {
    data(PortNum::TelemetryApp, proto::Telemetry { time: seconds(at), variant: Some(variant) }.encode_to_vec())
}

fn is_person(node: &Node) -> bool {
    matches!(node.kind, Kind::Person(_))
}

fn precision_bits(node: &Node) -> u32 {
    if is_person(node) { PERSON_PRECISION_BITS } else { STATION_PRECISION_BITS }
}

fn blur(degrees: f64, bits: u32) -> i32 {
    let exact = noise::whole(degrees * 1e7);
    let hidden = 32 - bits;
    ((exact >> hidden) << hidden) + (1 << (hidden - 1))
}

fn environment(now: &Conditions, sensors: Sensors) -> proto::EnvironmentMetrics {
    let value = |value: f64| Some(noise::single(value));
    let mast = |value: f64| sensors.mast.then(|| noise::single(value));
    proto::EnvironmentMetrics {
        temperature: value(now.temperature_c),
        relative_humidity: value(now.humidity_pct),
        barometric_pressure: value(now.pressure_hpa),
        // The firmware's driver sends kilo-ohms, whatever the comment in the protocol says.
        gas_resistance: value(now.gas_resistance_ohm / 1_000.0),
        iaq: Some(noise::count(now.iaq)),
        lux: value(now.illuminance_lux),
        wind_direction: sensors.mast.then(|| noise::count(now.wind_direction_deg)),
        wind_speed: mast(now.wind_speed_ms),
        wind_gust: mast(now.wind_gust_ms),
        wind_lull: mast(now.wind_lull_ms),
        rainfall_1h: mast(now.rain_1h_mm),
        rainfall_24h: mast(now.rain_24h_mm),
        ..Default::default()
    }
}

fn air_quality(now: &Conditions, sensors: Sensors) -> Option<proto::AirQualityMetrics> {
    let value = |value: f64| Some(noise::count(value));
    sensors.dust.then(|| proto::AirQualityMetrics {
        pm10_standard: value(now.pm1_ugm3),
        pm25_standard: value(now.pm25_ugm3),
        pm40_standard: value(now.pm4_ugm3),
        pm100_standard: value(now.pm10_ugm3),
        ..Default::default()
    })
}

fn power(now: &Conditions) -> proto::PowerMetrics {
    let value = |value: f64| Some(noise::single(value));
    proto::PowerMetrics {
        ch1_voltage: value(now.battery_voltage_v),
        ch1_current: value(now.battery_current_ma),
        ch2_voltage: value(now.solar_voltage_v),
        ch2_current: value(now.solar_current_ma),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region;
    use kosmo_meshtastic::telemetry::Telemetry;

    #[test]
    fn telemetry_adds_up_to_the_metrics_of_the_history() {
        let voice = Voice { seed: 1, weather: Weather::new(1), longest_name: 39 };
        for node in region::nodes(1, 2).iter().filter(|node| matches!(node.kind, Kind::Station(_))) {
            let at: Timestamp = "2026-07-01T14:00:00Z".parse().unwrap();
            let mut told = Metrics::NONE;
            for topic in [Topic::Environment, Topic::AirQuality, Topic::Power, Topic::Device] {
                let Some(data) = voice.say(node, topic, at) else { continue };
                let telemetry = Telemetry::read(&proto::Telemetry::decode(&data.payload[..]).unwrap()).unwrap();
                assert_eq!((telemetry.time, telemetry.refused.len()), (Some(at), 0));
                told.merge(&telemetry.metrics);
            }
            for (metric, value) in voice.metrics(node, at).unwrap().iter() {
                let told = told.get(metric).unwrap_or_else(|| panic!("{} tells no {metric}", node.long_name));
                assert!((told - value).abs() <= value.abs() * 1e-6, "{metric}: {told} for {value}");
            }
        }
    }

    #[test]
    fn people_give_away_less_of_where_they_are_than_stations() {
        for node in region::nodes(1, 2) {
            let told = position(&node, Timestamp::EPOCH);
            assert_eq!(told.longitude_i.unwrap(), noise::whole(node.position().longitude() * 1e7));
            let off = (node.position().latitude() - node.site.latitude).abs();
            assert!(off < if is_person(&node) { 0.027 } else { 0.004 }, "{off}");
        }
    }
}
