//! Parameters that more than one endpoint takes.

use crate::step::Step;
use kosmo_domain::{Metric, Timestamp};
use serde::{Deserialize, Deserializer, de};
use std::{borrow::Cow, fmt::Display, str::FromStr};

/// Reads a parameter that may be left out or be empty, as `node_id=` is in a form that nobody filled in.
pub(crate) fn may_be_empty<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(de::Error::custom) }
}

/// Reads a time. A `+` in a query string that was not escaped has become a space, and is taken for what was meant.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    let meant = match text.rsplit_once(' ') {
        Some((before, offset)) if text.parse::<Timestamp>().is_err() => Cow::Owned(format!("{before}+{offset}")),
        _ => text,
    };
    meant.parse().map_err(de::Error::custom)
}

/// Reads a time that may be left out.
pub(crate) fn maybe_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    time(deserializer).map(Some)
}

/// Reads the step of a history: `auto`, which is none of them, or the name of one.
pub(crate) fn step_or_auto<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Step>, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    if text == "auto" { Ok(None) } else { text.parse().map(Some).map_err(de::Error::custom) }
}

/// Reads metrics by name with commas between, each once.
pub(crate) fn metrics<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Metric>>, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    let mut metrics: Vec<Metric> = Vec::new();
    for name in text.split(',').filter(|name| !name.is_empty()) {
        let metric = name.parse().map_err(|_| de::Error::custom("metrics are names from `/api/v1/weather/metrics` with commas between"))?;
        if metrics.contains(&metric) {
            return Err(de::Error::custom("each metric is named once"));
        }
        metrics.push(metric);
    }
    Ok(if metrics.is_empty() { None } else { Some(metrics) })
}
