//! Telemetry (port 67): the firmware's fields and units, brought to the table of metrics.
//!
//! Field meanings follow `telemetry.proto`; where firmware and its comments disagree, what the firmware sends counts.

use crate::proto;
use kosmo_domain::{HealthMetrics, HostStats, Metric, Metrics, RadioStats, Timestamp, TrafficStats};
use proto::telemetry::Variant;

/// What a node told of its sensors or of itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// Which part of the node it tells of.
    pub kind: TelemetryKind,
    /// When it was measured, by the node's own clock; nothing where that stood at 1970.
    pub time: Option<Timestamp>,
    /// The plausible values.
    pub metrics: Metrics,
    /// Values that were sent but cannot be: NaN, infinite, or outside the range of their metric.
    pub refused: Vec<RefusedValue>,
    /// How many values were sent that no metric exists for, like the inner temperature of a CO₂ sensor.
    pub unmapped: u16,
}

/// A value that cannot be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RefusedValue {
    /// What it was sent as.
    pub metric: Metric,
    /// What was sent, in the metric's unit.
    pub value: f64,
}

/// The parts of a node that telemetry tells of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum TelemetryKind {
    /// Battery, airtime and uptime.
    Device,
    /// Weather.
    Environment,
    /// Particles and gases.
    AirQuality,
    /// Voltages and currents.
    Power,
    /// Counters of the radio itself.
    LocalStats(RadioStats),
    /// A person's pulse, oxygen and temperature.
    Health(HealthMetrics),
    /// The computer that a native node runs on.
    Host(HostStats),
    /// Counters of the firmware's traffic management.
    TrafficManagement(TrafficStats),
    /// A part that this version has no name for, or none at all.
    Unknown,
}

impl TelemetryKind {
    /// Returns the name used in counters and reasons.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Environment => "environment",
            Self::AirQuality => "air_quality",
            Self::Power => "power",
            Self::LocalStats(_) => "local_stats",
            Self::Health(_) => "health",
            Self::Host(_) => "host",
            Self::TrafficManagement(_) => "traffic_management",
            Self::Unknown => "unknown",
        }
    }
}

impl Telemetry {
    /// Returns what a telemetry message says.
    ///
    /// # Errors
    /// A reason in plain words, if counters hold what is no number.
    pub fn read(message: &proto::Telemetry) -> Result<Self, &'static str> {
        let mut values = Values::default();
        let kind = match &message.variant {
            Some(Variant::DeviceMetrics(device)) => read_device(device, &mut values),
            Some(Variant::EnvironmentMetrics(environment)) => read_environment(environment, &mut values),
            Some(Variant::AirQualityMetrics(air)) => read_air_quality(air, &mut values),
            Some(Variant::PowerMetrics(power)) => read_power(power, &mut values),
            Some(Variant::LocalStats(stats)) => TelemetryKind::LocalStats(read_local_stats(stats)?),
            Some(Variant::HostMetrics(host)) => TelemetryKind::Host(read_host(host)),
            Some(Variant::HealthMetrics(health)) => TelemetryKind::Health(read_health(health)),
            Some(Variant::TrafficManagementStats(traffic)) => TelemetryKind::TrafficManagement(read_traffic(traffic)),
            None => TelemetryKind::Unknown,
        };
        Ok(Self::of(kind, message.time, values))
    }

    /// Returns what the radio remembers of a node's battery and airtime.
    pub fn read_remembered(device: &proto::DeviceMetrics) -> Self {
        let mut values = Values::default();
        let kind = read_device(device, &mut values);
        Self::of(kind, 0, values)
    }

    fn of(kind: TelemetryKind, time: u32, values: Values) -> Self {
        let Values { metrics, refused, unmapped } = values;
        Self { kind, time: crate::payload::clock_time(time), metrics, refused, unmapped }
    }
}

#[derive(Default)]
struct Values {
    metrics: Metrics,
    refused: Vec<RefusedValue>,
    unmapped: u16,
}

impl Values {
    fn put(&mut self, metric: Metric, value: Option<f32>) {
        self.put_wide(metric, value.map(widen));
    }

    fn put_whole(&mut self, metric: Metric, value: Option<u32>) {
        self.put_wide(metric, value.map(f64::from));
    }

    fn put_wide(&mut self, metric: Metric, value: Option<f64>) {
        let Some(value) = value else { return };
        if self.metrics.set(metric, value).is_err() {
            self.refused.push(RefusedValue { metric, value });
        }
    }

    fn skip(&mut self, sent: impl IntoIterator<Item = bool>) {
        self.unmapped += sent.into_iter().map(u16::from).sum::<u16>();
    }
}

/// Returns the number that a person would read: a sensor's 21.4 is 21.4, and not 21.399999618530273.
fn widen(value: f32) -> f64 {
    format!("{value:e}").parse().unwrap_or_else(|_| f64::from(value))
}

fn read_device(device: &proto::DeviceMetrics, values: &mut Values) -> TelemetryKind {
    /// What the firmware sends for "on external power", which says nothing of any charge.
    const EXTERNAL_POWER: u32 = 101;
    if let Some(level) = device.battery_level {
        match level {
            EXTERNAL_POWER => values.put_whole(Metric::ExternalPower, Some(1)),
            0..EXTERNAL_POWER => {
                values.put_whole(Metric::Battery, Some(level));
                values.put_whole(Metric::ExternalPower, Some(0));
            }
            _ => values.put_whole(Metric::Battery, Some(level)),
        }
    }
    values.put(Metric::BatteryVoltage, device.voltage);
    values.put(Metric::ChannelUtilization, device.channel_utilization);
    values.put(Metric::AirUtilTx, device.air_util_tx);
    values.put_whole(Metric::Uptime, device.uptime_seconds);
    TelemetryKind::Device
}

fn read_environment(environment: &proto::EnvironmentMetrics, values: &mut Values) -> TelemetryKind {
    values.put(Metric::Temperature, environment.temperature);
    values.put(Metric::Humidity, environment.relative_humidity);
    values.put(Metric::Pressure, environment.barometric_pressure);
    // The proto file says megaohm; the firmware's BME680 driver divides ohm by a thousand.
    values.put_wide(Metric::GasResistance, environment.gas_resistance.map(|kiloohm| (widen(kiloohm) * 1e6).round() / 1e3));
    values.put_whole(Metric::Iaq, environment.iaq);
    values.put(Metric::BusVoltage, environment.voltage);
    values.put(Metric::BusCurrent, environment.current);
    values.put(Metric::Distance, environment.distance);
    values.put(Metric::Illuminance, environment.lux);
    values.put(Metric::WhiteLight, environment.white_lux);
    values.put(Metric::InfraredLight, environment.ir_lux);
    values.put(Metric::UltravioletLight, environment.uv_lux);
    values.put_whole(Metric::WindDirection, environment.wind_direction);
    values.put(Metric::WindSpeed, environment.wind_speed);
    values.put(Metric::WindGust, environment.wind_gust);
    values.put(Metric::WindLull, environment.wind_lull);
    values.put(Metric::Weight, environment.weight);
    values.put(Metric::Radiation, environment.radiation);
    // Both are rolling windows of the device, not what fell since the last packet.
    values.put(Metric::Rain1h, environment.rainfall_1h);
    values.put(Metric::Rain24h, environment.rainfall_24h);
    values.put_whole(Metric::SoilMoisture, environment.soil_moisture);
    values.put(Metric::SoilTemperature, environment.soil_temperature);
    TelemetryKind::Environment
}

fn read_air_quality(air: &proto::AirQualityMetrics, values: &mut Values) -> TelemetryKind {
    // The proto names sizes in tenths of a micrometre: pm10 is PM1.0, and pm100 is PM10.
    values.put_whole(Metric::Pm1, air.pm10_standard);
    values.put_whole(Metric::Pm25, air.pm25_standard);
    values.put_whole(Metric::Pm4, air.pm40_standard);
    values.put_whole(Metric::Pm10, air.pm100_standard);
    values.put_whole(Metric::Particles03, air.particles_03um);
    values.put_whole(Metric::Particles05, air.particles_05um);
    values.put_whole(Metric::Particles10, air.particles_10um);
    values.put_whole(Metric::Particles25, air.particles_25um);
    values.put_whole(Metric::Particles40, air.particles_40um);
    values.put_whole(Metric::Particles50, air.particles_50um);
    values.put_whole(Metric::Particles100, air.particles_100um);
    values.put(Metric::ParticleSize, air.particles_tps);
    values.put_whole(Metric::Co2, air.co2);
    values.put(Metric::Formaldehyde, air.form_formaldehyde);
    values.put(Metric::VocIndex, air.pm_voc_idx);
    values.put(Metric::NoxIndex, air.pm_nox_idx);
    // "Environmental" concentrations are the standard ones times a factor of the sensor maker; temperatures and
    // humidities in here are those inside a sensor's housing, not the air's.
    values.skip([air.pm10_environmental, air.pm25_environmental, air.pm100_environmental].map(|value| value.is_some()));
    let inside = [air.co2_temperature, air.co2_humidity, air.form_temperature, air.form_humidity, air.pm_temperature, air.pm_humidity];
    values.skip(inside.map(|value| value.is_some()));
    TelemetryKind::AirQuality
}

fn read_power(power: &proto::PowerMetrics, values: &mut Values) -> TelemetryKind {
    values.put(Metric::Ch1Voltage, power.ch1_voltage);
    values.put(Metric::Ch1Current, power.ch1_current);
    values.put(Metric::Ch2Voltage, power.ch2_voltage);
    values.put(Metric::Ch2Current, power.ch2_current);
    values.put(Metric::Ch3Voltage, power.ch3_voltage);
    values.put(Metric::Ch3Current, power.ch3_current);
    let voltages = [power.ch4_voltage, power.ch5_voltage, power.ch6_voltage, power.ch7_voltage, power.ch8_voltage];
    let currents = [power.ch4_current, power.ch5_current, power.ch6_current, power.ch7_current, power.ch8_current];
    values.skip(voltages.into_iter().chain(currents).map(|value| value.is_some()));
    TelemetryKind::Power
}

fn read_local_stats(stats: &proto::LocalStats) -> Result<RadioStats, &'static str> {
    if !stats.channel_utilization.is_finite() || !stats.air_util_tx.is_finite() {
        return Err("a share of airtime that is no number");
    }
    Ok(RadioStats {
        uptime_s: stats.uptime_seconds,
        channel_utilization_pct: stats.channel_utilization,
        air_util_tx_pct: stats.air_util_tx,
        packets_tx: stats.num_packets_tx,
        packets_rx: stats.num_packets_rx,
        packets_rx_bad: stats.num_packets_rx_bad,
        packets_rx_duplicate: stats.num_rx_dupe,
        packets_relayed: stats.num_tx_relay,
        relays_cancelled: stats.num_tx_relay_canceled,
        packets_tx_dropped: stats.num_tx_dropped,
        nodes_online: stats.num_online_nodes,
        nodes_known: stats.num_total_nodes,
        heap_free_bytes: (stats.heap_free_bytes != 0).then_some(stats.heap_free_bytes),
        noise_floor_dbm: (stats.noise_floor != 0).then_some(stats.noise_floor),
    })
}

fn read_host(host: &proto::HostMetrics) -> HostStats {
    HostStats {
        uptime_s: host.uptime_seconds,
        memory_free_bytes: host.freemem_bytes,
        disk_free_bytes: host.diskfree1_bytes,
        load_1m_hundredths: host.load1,
        load_5m_hundredths: host.load5,
        load_15m_hundredths: host.load15,
    }
}

/// Whether a body can have it is not judged here: that is for whoever keeps it.
fn read_health(health: &proto::HealthMetrics) -> HealthMetrics {
    HealthMetrics { heart_rate_bpm: health.heart_bpm, oxygen_saturation_pct: health.sp_o2, body_temperature_c: health.temperature }
}

fn read_traffic(traffic: &proto::TrafficManagementStats) -> TrafficStats {
    TrafficStats {
        packets_inspected: traffic.packets_inspected,
        positions_dropped: traffic.position_dedup_drops,
        node_infos_answered: traffic.nodeinfo_cache_hits,
        rate_limited: traffic.rate_limit_drops,
        unknown_dropped: traffic.unknown_packet_drops,
        hops_exhausted: traffic.hop_exhausted_packets,
        hops_preserved: traffic.router_hops_preserved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variant: Variant) -> Telemetry {
        Telemetry::read(&proto::Telemetry { time: 1_795_199_597, variant: Some(variant) }).unwrap()
    }

    #[test]
    fn units_become_those_of_the_table() {
        let weather = proto::EnvironmentMetrics {
            temperature: Some(-0.1),
            gas_resistance: Some(123.456),
            rainfall_1h: Some(0.2),
            wind_direction: Some(270),
            ..Default::default()
        };
        let telemetry = read(Variant::EnvironmentMetrics(weather));
        let values: Vec<_> = telemetry.metrics.iter().collect();
        let expected =
            [(Metric::Temperature, -0.1), (Metric::GasResistance, 123_456.0), (Metric::WindDirection, 270.0), (Metric::Rain1h, 0.2)];
        assert_eq!(values, expected);
        assert_eq!(telemetry.time, Some(Timestamp::from_unix_seconds(1_795_199_597)));
    }

    #[test]
    fn sizes_of_particles_are_named_in_tenths_of_a_micrometre() {
        let air = proto::AirQualityMetrics {
            pm10_standard: Some(1),
            pm25_standard: Some(2),
            pm40_standard: Some(4),
            pm100_standard: Some(10),
            particles_03um: Some(300),
            particles_100um: Some(3),
            co2_temperature: Some(31.0),
            ..Default::default()
        };
        let Telemetry { metrics, unmapped, .. } = read(Variant::AirQualityMetrics(air));
        let values =
            [Metric::Pm1, Metric::Pm25, Metric::Pm4, Metric::Pm10, Metric::Particles03, Metric::Particles100].map(|m| metrics.get(m));
        assert_eq!(values, [1.0, 2.0, 4.0, 10.0, 300.0, 3.0].map(Some));
        assert_eq!((metrics.get(Metric::Temperature), unmapped), (None, 1));
    }

    #[test]
    fn external_power_is_no_charge() {
        let of = |level| read(Variant::DeviceMetrics(proto::DeviceMetrics { battery_level: Some(level), ..Default::default() }));
        let battery = |telemetry: &Telemetry| (telemetry.metrics.get(Metric::Battery), telemetry.metrics.get(Metric::ExternalPower));
        assert_eq!(battery(&of(101)), (None, Some(1.0)));
        assert_eq!(battery(&of(100)), (Some(100.0), Some(0.0)));
        assert_eq!(battery(&of(0)), (Some(0.0), Some(0.0)));
        assert_eq!(of(102).refused, [RefusedValue { metric: Metric::Battery, value: 102.0 }]);
    }

    #[test]
    fn what_cannot_be_is_refused_and_spares_the_rest() {
        let weather = proto::EnvironmentMetrics {
            temperature: Some(f32::NAN),
            relative_humidity: Some(f32::INFINITY),
            barometric_pressure: Some(1e30),
            lux: Some(0.0),
            ..Default::default()
        };
        let Telemetry { metrics, refused, .. } = read(Variant::EnvironmentMetrics(weather));
        assert_eq!(metrics.iter().collect::<Vec<_>>(), [(Metric::Illuminance, 0.0)]);
        let names: Vec<_> = refused.iter().map(|refused| refused.metric).collect();
        assert_eq!(names, [Metric::Temperature, Metric::Humidity, Metric::Pressure]);
        assert!(refused[0].value.is_nan());
    }

    #[test]
    fn what_a_body_measures_is_apart_from_weather() {
        let health = proto::HealthMetrics { heart_bpm: Some(60), sp_o2: Some(98), temperature: Some(36.6) };
        let telemetry = read(Variant::HealthMetrics(health));
        assert!(telemetry.metrics.is_empty() && telemetry.refused.is_empty());
        let expected = HealthMetrics { heart_rate_bpm: Some(60), oxygen_saturation_pct: Some(98), body_temperature_c: Some(36.6) };
        assert_eq!(telemetry.kind, TelemetryKind::Health(expected));
    }
}
