//! Readings: what a station measured, in the units of the metric table.

use crate::{schema, text::Base64Bytes};
use kosmo_domain::{Metric, Metrics, NodeId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap as _};
use std::fmt;

/// The most values in one reading.
pub const MAX_VALUES: usize = 64;

/// Which part of a station a reading tells of: telemetry comes in parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadingKind {
    /// Weather.
    Environment,
    /// Particles and gases.
    AirQuality,
    /// Voltages and currents.
    Power,
    /// The node itself: battery, airtime, uptime.
    Device,
    /// Several at once, as in an enviro frame.
    Station,
}

/// A reading, as far as it could be understood, beside the bytes it came in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReadingBody {
    /// The node that measured.
    #[schemars(with = "schema::NodeIdText")]
    pub node_id: NodeId,
    /// Which part of it.
    pub kind: ReadingKind,
    /// When it measured, by its own clock, which may be wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Time>")]
    pub device_time: Option<Timestamp>,
    /// What it measured.
    pub metrics: Measured,
    /// The payload as it was on the air, so that what this version cannot read is not lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Base64Bytes<256>>,
}

/// A value that was sent but cannot be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedValue {
    /// The name it was sent under, at most 64 bytes of it.
    pub name: String,
    /// What was sent.
    pub value: f64,
    /// The metric of that name, if there is one; then the value lies outside its range.
    pub metric: Option<Metric>,
}

/// Values by metric: the plausible ones, and apart from them those that were refused with a reason.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measured {
    /// What can be stored.
    pub metrics: Metrics,
    /// What cannot: no number, outside the plausible range, or of no metric that this version knows.
    pub refused: Vec<RefusedValue>,
}

impl Measured {
    /// Files a value under what can be stored or what cannot.
    pub fn put(&mut self, name: &str, value: f64) {
        let metric = name.parse::<Metric>().ok();
        let stored = metric.is_some_and(|metric| self.metrics.set(metric, value).is_ok());
        if !stored {
            self.refused.push(RefusedValue { name: name.chars().take(64).collect(), value, metric });
        }
    }
}

impl Serialize for Measured {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (metric, value) in self.metrics.iter() {
            map.serialize_entry(metric.name(), &value)?;
        }
        for refused in &self.refused {
            map.serialize_entry(&refused.name, &WireValue(refused.value))?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Measured {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Measured;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX_VALUES} numbers by the name of their metric")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Measured, A::Error> {
                let mut measured = Measured::default();
                let mut count = 0;
                while let Some(name) = map.next_key::<std::borrow::Cow<'de, str>>()? {
                    count += 1;
                    if count > MAX_VALUES {
                        return Err(de::Error::invalid_length(count, &self));
                    }
                    let WireValue(value) = map.next_value()?;
                    measured.put(&name, value);
                }
                Ok(measured)
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl JsonSchema for Measured {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Measured".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schema::ValueMap::json_schema(generator)
    }
}

/// A number as JSON can carry it: NaN and the infinities travel as their names, for a sensor does send them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WireValue(pub f64);

impl Serialize for WireValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_str("NaN"),
            value if value > 0.0 => serializer.serialize_str("Infinity"),
            _ => serializer.serialize_str("-Infinity"),
        }
    }
}

impl<'de> Deserialize<'de> for WireValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = WireValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, `NaN`, `Infinity` or `-Infinity`")
            }

            fn visit_f64<E>(self, value: f64) -> Result<WireValue, E> {
                Ok(WireValue(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<WireValue, E> {
                Ok(WireValue(value as f64))
            }

            fn visit_u64<E>(self, value: u64) -> Result<WireValue, E> {
                Ok(WireValue(value as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<WireValue, E> {
                match text {
                    "NaN" => Ok(WireValue(f64::NAN)),
                    "Infinity" => Ok(WireValue(f64::INFINITY)),
                    "-Infinity" => Ok(WireValue(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
