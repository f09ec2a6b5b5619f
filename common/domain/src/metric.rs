//! The one table of metrics: what a station can measure, in which unit, how precisely, within what range,
//! and what becomes of it over an hour. API fields, plausibility checks, columns and roll-ups all follow it.

use std::{fmt, str::FromStr};

/// How values of a metric combine over a bucket of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The arithmetic mean, beside minimum and maximum.
    Mean,
    /// The largest value, like a gust.
    Max,
    /// The smallest value, like a lull.
    Min,
    /// The mean of unit vectors, for directions: the mean of 350° and 10° is 0°, not 180°.
    Vector,
    /// The sum of what each reading adds to the one before it.
    Increment,
    /// The growth of a total that starts again at zero when the device does.
    Counter,
    /// The latest value of a window that the device keeps itself; such values overlap and are never summed.
    Rolling,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct MetricSpec {
    /// The metric this line is about.
    pub metric: Metric,
    /// The API field and database column; it ends in the unit.
    pub name: &'static str,
    /// The unit as people write it.
    pub unit: &'static str,
    /// How many decimals a person is shown.
    pub decimals: u8,
    /// The least plausible value.
    pub min: f64,
    /// The greatest plausible value.
    pub max: f64,
    /// How values combine over time.
    pub aggregate: Aggregate,
}

macro_rules! metrics {
    ($($(#[$doc:meta])* $variant:ident $name:literal $unit:literal $decimals:literal $min:literal..$max:literal $aggregate:ident;)*) => {
        /// Something a station can measure.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Metric { $($(#[$doc])* $variant,)* }

        /// Every metric, in the order of its database columns.
        pub const METRICS: [MetricSpec; Metric::COUNT] = [
            $(MetricSpec { metric: Metric::$variant, name: $name, unit: $unit, decimals: $decimals, min: $min, max: $max, aggregate: Aggregate::$aggregate },)*
        ];

        impl Metric {
            /// How many metrics there are.
            pub const COUNT: usize = [$(Self::$variant),*].len();
        }
    };
}

metrics! {
    /// Air temperature.
    Temperature "temperature_c" "°C" 1 -80.0..85.0 Mean;
    /// Relative humidity.
    Humidity "humidity_pct" "%" 0 0.0..100.0 Mean;
    /// Air pressure at the station.
    Pressure "pressure_hpa" "hPa" 1 300.0..1100.0 Mean;
    /// Resistance of a metal-oxide gas sensor; falls as the air gets worse.
    GasResistance "gas_resistance_ohm" "Ω" 0 0.0..1.0e9 Mean;
    /// Index of air quality of Bosch's library: 0 is clean, 500 hazardous.
    Iaq "iaq" "" 0 0.0..500.0 Mean;
    /// Mean wind speed.
    WindSpeed "wind_speed_ms" "m/s" 1 0.0..100.0 Mean;
    /// Strongest wind since the reading before.
    WindGust "wind_gust_ms" "m/s" 1 0.0..120.0 Max;
    /// Weakest wind since the reading before.
    WindLull "wind_lull_ms" "m/s" 1 0.0..100.0 Min;
    /// Where the wind comes from: 0 is north, 90 east.
    WindDirection "wind_direction_deg" "°" 0 0.0..360.0 Vector;
    /// Rain since the reading before.
    Rain "rain_mm" "mm" 1 0.0..300.0 Increment;
    /// Rain of the last hour, a rolling window of the device.
    Rain1h "rain_1h_mm" "mm" 1 0.0..500.0 Rolling;
    /// Rain of the last 24 hours, a rolling window of the device.
    Rain24h "rain_24h_mm" "mm" 1 0.0..2000.0 Rolling;
    /// Brightness.
    Illuminance "illuminance_lux" "lx" 0 0.0..200_000.0 Mean;
    /// Brightness of the sensor's white channel.
    WhiteLight "white_light_lux" "lx" 0 0.0..500_000.0 Mean;
    /// Infrared light.
    InfraredLight "infrared_light_lux" "lx" 0 0.0..500_000.0 Mean;
    /// Ultraviolet light.
    UltravioletLight "ultraviolet_light_lux" "lx" 0 0.0..500_000.0 Mean;
    /// Soil temperature.
    SoilTemperature "soil_temperature_c" "°C" 1 -60.0..85.0 Mean;
    /// Soil moisture.
    SoilMoisture "soil_moisture_pct" "%" 0 0.0..100.0 Mean;
    /// Ionising radiation.
    Radiation "radiation_urh" "µR/h" 1 0.0..1.0e7 Mean;
    /// Distance to a surface, as of water under a bridge.
    Distance "distance_mm" "mm" 0 0.0..100_000.0 Mean;
    /// Weight on a scale, as of a beehive.
    Weight "weight_kg" "kg" 2 -1000.0..100_000.0 Mean;
    /// Particulate matter up to 1 µm.
    Pm1 "pm1_ugm3" "µg/m³" 0 0.0..5000.0 Mean;
    /// Particulate matter up to 2.5 µm.
    Pm25 "pm25_ugm3" "µg/m³" 0 0.0..5000.0 Mean;
    /// Particulate matter up to 4 µm.
    Pm4 "pm4_ugm3" "µg/m³" 0 0.0..5000.0 Mean;
    /// Particulate matter up to 10 µm.
    Pm10 "pm10_ugm3" "µg/m³" 0 0.0..5000.0 Mean;
    /// Particles over 0.3 µm in a decilitre of air.
    Particles03 "particles_03um_per_dl" "/dl" 0 0.0..1.0e7 Mean;
    /// Particles over 0.5 µm in a decilitre of air.
    Particles05 "particles_05um_per_dl" "/dl" 0 0.0..1.0e7 Mean;
    /// Particles over 1 µm in a decilitre of air.
    Particles10 "particles_10um_per_dl" "/dl" 0 0.0..1.0e7 Mean;
    /// Particles over 2.5 µm in a decilitre of air.
    Particles25 "particles_25um_per_dl" "/dl" 0 0.0..1.0e7 Mean;
    /// Particles over 4 µm in a decilitre of air.
    Particles40 "particles_40um_per_dl" "/dl" 0 0.0..1.0e7 Mean;
    /// Particles over 5 µm in a decilitre of air.
    Particles50 "particles_50um_per_dl" "/dl" 0 0.0..1.0e7 Mean;
    /// Particles over 10 µm in a decilitre of air.
    Particles100 "particles_100um_per_dl" "/dl" 0 0.0..1.0e7 Mean;
    /// Typical size of the particles.
    ParticleSize "particle_size_um" "µm" 2 0.0..100.0 Mean;
    /// Carbon dioxide.
    Co2 "co2_ppm" "ppm" 0 0.0..40_000.0 Mean;
    /// Formaldehyde.
    Formaldehyde "formaldehyde_ppb" "ppb" 0 0.0..10_000.0 Mean;
    /// Index of volatile organic compounds: 100 is the sensor's usual air.
    VocIndex "voc_index" "" 0 0.0..500.0 Mean;
    /// Index of nitrogen oxides: 1 is the sensor's usual air.
    NoxIndex "nox_index" "" 0 0.0..500.0 Mean;
    /// Charge of the node's battery.
    Battery "battery_pct" "%" 0 0.0..100.0 Mean;
    /// Voltage of the node's battery.
    BatteryVoltage "battery_voltage_v" "V" 2 0.0..60.0 Mean;
    /// Whether the node runs on external power: 1 if so.
    ExternalPower "external_power" "" 0 0.0..1.0 Mean;
    /// Voltage at the environment sensor's bus.
    BusVoltage "bus_voltage_v" "V" 2 -60.0..60.0 Mean;
    /// Current at the environment sensor's bus.
    BusCurrent "bus_current_ma" "mA" 1 -50_000.0..50_000.0 Mean;
    /// Voltage of power channel 1.
    Ch1Voltage "ch1_voltage_v" "V" 2 -60.0..60.0 Mean;
    /// Current of power channel 1.
    Ch1Current "ch1_current_ma" "mA" 1 -50_000.0..50_000.0 Mean;
    /// Voltage of power channel 2.
    Ch2Voltage "ch2_voltage_v" "V" 2 -60.0..60.0 Mean;
    /// Current of power channel 2.
    Ch2Current "ch2_current_ma" "mA" 1 -50_000.0..50_000.0 Mean;
    /// Voltage of power channel 3.
    Ch3Voltage "ch3_voltage_v" "V" 2 -60.0..60.0 Mean;
    /// Current of power channel 3.
    Ch3Current "ch3_current_ma" "mA" 1 -50_000.0..50_000.0 Mean;
    /// Share of the time in which the node hears the channel in use.
    ChannelUtilization "channel_utilization_pct" "%" 1 0.0..100.0 Mean;
    /// Share of the last hour in which the node itself sent.
    AirUtilTx "air_util_tx_pct" "%" 2 0.0..100.0 Mean;
    /// Seconds since the node started.
    Uptime "uptime_s" "s" 0 0.0..4_294_967_295.0 Counter;
}

/// Says that a value lies outside what its metric can plausibly be.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("{name} lies between {min} and {max}, not at {value}")]
pub struct Implausible {
    /// The metric's field name.
    pub name: &'static str,
    /// The least plausible value.
    pub min: f64,
    /// The greatest plausible value.
    pub max: f64,
    /// What was given.
    pub value: f64,
}

/// Says that no metric bears this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no metric has this name")]
pub struct UnknownMetric;

impl Metric {
    /// Returns the metric's line of the table.
    pub const fn spec(self) -> &'static MetricSpec {
        &METRICS[self as usize]
    }

    /// Returns the API field and database column.
    pub const fn name(self) -> &'static str {
        self.spec().name
    }

    /// Tells whether the metric is about the surroundings, and not about the node's own power, airtime and uptime: what has
    /// measured such a metric is a station.
    pub const fn is_environmental(self) -> bool {
        // The table has the surroundings first.
        (self as usize) < (Self::Battery as usize)
    }

    /// Returns every metric, in the order of the table.
    pub fn all() -> impl ExactSizeIterator<Item = Self> {
        METRICS.iter().map(|spec| spec.metric)
    }

    /// Returns the value if it is a number within the metric's plausible range.
    ///
    /// # Errors
    /// [`Implausible`] for a value outside the range, for NaN and for infinities.
    pub fn check(self, value: f64) -> Result<f64, Implausible> {
        let &MetricSpec { name, min, max, .. } = self.spec();
        if (min..=max).contains(&value) { Ok(value) } else { Err(Implausible { name, min, max, value }) }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(name: &str) -> Result<Self, UnknownMetric> {
        METRICS.iter().find(|spec| spec.name == name).map(|spec| spec.metric).ok_or(UnknownMetric)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_stands_in_the_order_of_the_enum() {
        for (index, spec) in METRICS.iter().enumerate() {
            assert_eq!(spec.metric as usize, index);
            assert_eq!(spec.name.parse(), Ok(spec.metric));
            assert!(spec.min < spec.max, "{}", spec.name);
        }
    }

    #[test]
    fn what_a_node_says_of_itself_makes_it_no_station() {
        let own: Vec<_> = Metric::all().filter(|metric| !metric.is_environmental()).map(Metric::name).collect();
        assert_eq!((own.len(), own[0], own[own.len() - 1]), (14, "battery_pct", "uptime_s"));
        assert!(
            Metric::all()
                .filter(|metric| metric.name().starts_with("ch") || metric.name().starts_with("bus_"))
                .all(|m| !m.is_environmental())
        );
    }

    #[test]
    fn names_are_distinct_and_fit_json_and_sql() {
        let names: BTreeSet<_> = METRICS.iter().map(|spec| spec.name).collect();
        assert_eq!(names.len(), Metric::COUNT);
        for name in names {
            assert!(name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')), "{name}");
        }
    }

    #[test]
    fn a_value_is_plausible_up_to_its_limits_and_no_further() {
        assert_eq!(Metric::Humidity.check(100.0), Ok(100.0));
        assert!(Metric::Humidity.check(100.1).is_err());
        assert!(Metric::Temperature.check(f64::NAN).is_err());
        assert!(Metric::GasResistance.check(f64::INFINITY).is_err());
    }
}
