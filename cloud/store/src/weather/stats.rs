//! Summaries as a column: a JSON object of metric to its summary, like `{"temperature_c":{"mean":[12,20.1,19.0,21.5]}}`.
//! The kind is named, so that a summary is not misread should its metric once be summarised in another way.

use crate::{Error, Result};
use kosmo_domain::{Metric, Rollup, Stats, Timestamp};
use serde::{
    Deserialize, Deserializer as _, Serialize,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use std::{borrow::Cow, collections::BTreeMap, fmt};

/// A summary as it is written; counts come first, times are microseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    /// Count, mean, least, greatest.
    Mean(u64, f64, f64, f64),
    /// Count, greatest.
    Max(u64, f64),
    /// Count, least.
    Min(u64, f64),
    /// Count, sum of sines, sum of cosines.
    Vector(u64, f64, f64),
    /// Count, sum.
    Increment(u64, f64),
    /// Count, steps, growth.
    Counter(u64, u64, f64),
    /// Count, latest value, its time.
    Rolling(u64, f64, i64),
}

impl From<&Stats> for Stored {
    fn from(stats: &Stats) -> Self {
        match *stats {
            Stats::Mean { count, mean, min, max } => Self::Mean(count, mean, min, max),
            Stats::Max { count, max } => Self::Max(count, max),
            Stats::Min { count, min } => Self::Min(count, min),
            Stats::Vector { count, sin, cos } => Self::Vector(count, sin, cos),
            Stats::Increment { count, sum } => Self::Increment(count, sum),
            Stats::Counter { count, steps, growth } => Self::Counter(count, steps, growth),
            Stats::Rolling { count, last, at } => Self::Rolling(count, last, at.as_micros()),
        }
    }
}

impl TryFrom<Stored> for Stats {
    type Error = kosmo_domain::TimestampError;

    fn try_from(stored: Stored) -> std::result::Result<Self, Self::Error> {
        Ok(match stored {
            Stored::Mean(count, mean, min, max) => Self::Mean { count, mean, min, max },
            Stored::Max(count, max) => Self::Max { count, max },
            Stored::Min(count, min) => Self::Min { count, min },
            Stored::Vector(count, sin, cos) => Self::Vector { count, sin, cos },
            Stored::Increment(count, sum) => Self::Increment { count, sum },
            Stored::Counter(count, steps, growth) => Self::Counter { count, steps, growth },
            Stored::Rolling(count, last, at) => Self::Rolling { count, last, at: Timestamp::from_micros(at)? },
        })
    }
}

/// Writes the summaries of a bucket.
pub(super) fn to_column(rollup: &Rollup) -> String {
    let stats: BTreeMap<_, _> = rollup.iter().map(|(metric, stats)| (metric.name(), Stored::from(stats))).collect();
    serde_json::to_string(&stats).expect("numbers by name are always JSON")
}

/// Reads the summaries of a bucket; a metric that the table no longer has is passed over.
pub(super) fn from_column(readings: i64, json: &str) -> Result<Rollup> {
    let corrupt = || Error::Corrupt("a summary of readings cannot be read".to_owned());
    let stored: BTreeMap<String, Stored> = serde_json::from_str(json).map_err(|_| corrupt())?;
    let mut stats = Vec::with_capacity(stored.len());
    for (name, stored) in stored {
        if let Ok(metric) = name.parse::<Metric>() {
            stats.push((metric, Stats::try_from(stored).map_err(|_| corrupt())?));
        }
    }
    Ok(Rollup::from_parts(u64::try_from(readings).map_err(|_| corrupt())?, stats))
}

/// Reads of the summaries of a bucket the one number that stands for each of these metrics, and nothing else.
pub(super) fn primaries(json: &str, metrics: &[Metric]) -> Result<Vec<Option<f64>>> {
    struct Wanted<'a>(&'a [Metric]);

    impl<'de> Visitor<'de> for Wanted<'_> {
        type Value = Vec<Option<f64>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("summaries by the name of their metric")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
            let mut values = vec![None; self.0.len()];
            while let Some(name) = map.next_key::<Cow<'de, str>>()? {
                match self.0.iter().position(|metric| metric.name() == name) {
                    None => drop(map.next_value::<IgnoredAny>()?),
                    Some(index) => {
                        let stats = Stats::try_from(map.next_value::<Stored>()?).map_err(de::Error::custom)?;
                        values[index] = stats.primary();
                    }
                }
            }
            Ok(values)
        }
    }

    let read = serde_json::Deserializer::from_str(json).deserialize_map(Wanted(metrics));
    read.map_err(|_| Error::Corrupt("a summary of readings cannot be read".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kosmo_domain::{HOUR, Metrics};

    #[test]
    fn a_summary_survives_its_column() {
        let start = Timestamp::from_unix_seconds(1_780_272_000);
        let mut metrics = Metrics::NONE;
        for spec in &kosmo_domain::METRICS {
            metrics.set(spec.metric, spec.min + (spec.max - spec.min) / 3.0).unwrap();
        }
        let rollup = Rollup::of_bucket(start, HOUR, &[(start, metrics), (start.plus(HOUR / 2), metrics)]);
        assert_eq!(from_column(2, &to_column(&rollup)).unwrap(), rollup);
        let all: Vec<_> = Metric::all().collect();
        let expect: Vec<_> = all.iter().map(|metric| rollup.primary(*metric)).collect();
        assert_eq!(primaries(&to_column(&rollup), &all).unwrap(), expect);
        assert!(primaries("{", &all).is_err());
    }

    #[test]
    fn what_cannot_be_read_is_corrupt_and_what_is_unknown_is_passed_over() {
        assert!(from_column(1, "{").is_err());
        assert!(from_column(-1, "{}").is_err());
        assert!(from_column(1, r#"{"rain_24h_mm":{"rolling":[1,2.0,-5]}}"#).is_err());
        assert_eq!(from_column(1, r#"{"of_yore":{"max":[1,2.0]}}"#).unwrap().iter().count(), 0);
    }
}
