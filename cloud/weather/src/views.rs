//! What answers are made of.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use kosmo_domain::{METRICS, Metric, Metrics, Timestamp};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// How many decimals more than a person is shown are kept: enough for whoever reckons on, and too few for the noise that
/// comes of storing 21.5 in 32 bits.
const SPARE_DECIMALS: u8 = 2;

/// A list that is answered whole.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The rows.
    pub(crate) data: Vec<T>,
}

/// Values by metric, in the units of the metric table. What was not measured is left out.
#[derive(Debug, Clone)]
pub(crate) struct Values(Vec<(Metric, f64)>);

impl Values {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Metric, f64)> for Values {
    fn from_iter<I: IntoIterator<Item = (Metric, f64)>>(values: I) -> Self {
        Self(values.into_iter().map(|(metric, value)| (metric, rounded(metric, value))).collect())
    }
}

impl From<&Metrics> for Values {
    fn from(metrics: &Metrics) -> Self {
        metrics.iter().collect()
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (metric, value) in &self.0 {
            map.serialize_entry(metric.name(), value)?;
        }
        map.end()
    }
}

impl ToSchema for Values {
    fn name() -> Cow<'static, str> {
        "MetricValues".into()
    }
}

impl PartialSchema for Values {
    fn schema() -> RefOr<Schema> {
        let mut values = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("Values by metric; `/api/v1/weather/metrics` tells what they are. What was not measured is left out."));
        for spec in &METRICS {
            let unit = if spec.unit.is_empty() { "no unit" } else { spec.unit };
            let value =
                ObjectBuilder::new().schema_type(Type::Number).description(Some(unit)).minimum(Some(spec.min)).maximum(Some(spec.max));
            values = values.property(spec.name, value);
        }
        values.into()
    }
}

/// Something for each metric that it concerns.
#[derive(Debug, Clone)]
pub(crate) struct ByMetric<T>(pub(crate) Vec<(Metric, T)>);

impl<T> ByMetric<T> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for ByMetric<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (metric, value) in &self.0 {
            map.serialize_entry(metric.name(), value)?;
        }
        map.end()
    }
}

/// A value as precise as it makes sense to say.
pub(crate) fn rounded(metric: Metric, value: f64) -> f64 {
    let scale = 10_f64.powi(i32::from(metric.spec().decimals + SPARE_DECIMALS));
    // Adding zero turns a negative zero, which would be shown with its sign, into a plain one.
    (value * scale).round() / scale + 0.0
}

/// What a node measured last.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(example = json!({
    "node_id": "!a1b2c3d4",
    "at": "2026-06-01T11:59:57Z",
    "temperature_c": 21.5,
    "humidity_pct": 48.0,
    "pressure_hpa": 1013.25,
    "battery_pct": 93.0,
    "observed_at": { "battery_pct": "2026-06-01T11:45:00Z" }
}))]
pub(crate) struct LatestReading {
    /// The node that measured.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    pub(crate) node_id: kosmo_domain::NodeId,
    /// When its newest value was measured.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: Timestamp,
    #[serde(flatten)]
    pub(crate) values: Values,
    /// When those values were measured that are older than `at`; left out if none is.
    #[serde(skip_serializing_if = "ByMetric::is_empty")]
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub(crate) observed_at: ByMetric<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_as_precise_as_makes_sense() {
        for (metric, value, expect) in [
            (Metric::Temperature, f64::from(21.5_f32), 21.5),
            (Metric::Temperature, f64::from(21.1_f32), 21.1),
            (Metric::Temperature, -0.000_01, 0.0),
            (Metric::Pressure, f64::from(1013.2_f32), 1013.2),
            (Metric::BatteryVoltage, f64::from(4.123_4_f32), 4.123_4),
        ] {
            let shown = rounded(metric, value);
            assert_eq!(shown.to_string(), expect.to_string(), "{metric}");
        }
    }
}
