//! A reading: what one station measured at one moment.

use crate::{Implausible, Metric, NodeId, Timestamp};
use std::fmt;

/// Values by metric. Absent is not zero: a metric nobody measured has no value at all.
#[derive(Clone, Copy)]
pub struct Metrics([f64; Metric::COUNT]); // NaN marks absence; `set` lets no other NaN in

impl Metrics {
    /// Holds no value.
    pub const NONE: Self = Self([f64::NAN; Metric::COUNT]);

    /// Returns the value of a metric, if there is one.
    pub fn get(&self, metric: Metric) -> Option<f64> {
        let value = self.0[metric as usize];
        (!value.is_nan()).then_some(value)
    }

    /// Sets the value of a metric.
    ///
    /// # Errors
    /// [`Implausible`], and nothing is changed, if the value is no number or lies outside the metric's range.
    pub fn set(&mut self, metric: Metric, value: f64) -> Result<(), Implausible> {
        self.0[metric as usize] = metric.check(value)?;
        Ok(())
    }

    /// Takes the value of a metric away and returns it.
    pub fn take(&mut self, metric: Metric) -> Option<f64> {
        let value = self.get(metric);
        self.0[metric as usize] = f64::NAN;
        value
    }

    /// Returns the values there are, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Metric, f64)> + '_ {
        Metric::all().filter_map(|metric| Some((metric, self.get(metric)?)))
    }

    /// Tells whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|value| value.is_nan())
    }

    /// Returns how many values there are.
    pub fn len(&self) -> usize {
        self.0.iter().filter(|value| !value.is_nan()).count()
    }

    /// Takes over every value of `newer`, and keeps those that only `self` has.
    pub fn merge(&mut self, newer: &Self) {
        for (metric, value) in newer.iter() {
            self.0[metric as usize] = value;
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::NONE
    }
}

impl PartialEq for Metrics {
    fn eq(&self, other: &Self) -> bool {
        Metric::all().all(|metric| self.get(metric) == other.get(metric))
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(metric, value)| (metric.name(), value))).finish()
    }
}

/// What one node measured at one moment. A node and a moment identify a reading: telemetry that comes in parts
/// (environment, air quality, power) merges into one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// The node that measured.
    pub node: NodeId,
    /// When it did.
    pub at: Timestamp,
    /// What it measured.
    pub metrics: Metrics,
}

/// How a reading came to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// Heard by the radio of a bridge.
    Bridge,
    /// Published by a node itself, by MQTT.
    Uplink,
}

impl Source {
    /// Returns the name used in databases and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bridge => "bridge",
            Self::Uplink => "uplink",
        }
    }
}

/// How far a reading can be trusted to come from the node it names; the greater outweighs the lesser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i8)]
pub enum Trust {
    /// Somebody on a broker that is not ours says that a packet says so.
    Relayed = -1,
    /// The packet says so, and whoever has the channel key can write such a packet.
    Claimed = 0,
    /// It came with the key of its station.
    ApiKey = 1,
    /// It bears a code that only the station can compute.
    Hmac = 2,
}

impl Trust {
    /// Returns the name used in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Relayed => "relayed",
            Self::Claimed => "claimed",
            Self::ApiKey => "api_key",
            Self::Hmac => "hmac",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_a_value_and_absent_is_none() {
        let mut metrics = Metrics::NONE;
        metrics.set(Metric::Temperature, 0.0).unwrap();
        assert_eq!(metrics.get(Metric::Temperature), Some(0.0));
        assert_eq!(metrics.get(Metric::Humidity), None);
        assert_eq!(metrics.len(), 1);
    }

    #[test]
    fn an_implausible_value_changes_nothing() {
        let mut metrics = Metrics::NONE;
        metrics.set(Metric::Temperature, 20.0).unwrap();
        assert!(metrics.set(Metric::Temperature, f64::NAN).is_err());
        assert!(metrics.set(Metric::Temperature, 400.0).is_err());
        assert_eq!(metrics.get(Metric::Temperature), Some(20.0));
    }

    #[test]
    fn merging_takes_the_newer_value_and_keeps_the_rest() {
        let (mut first, mut second) = (Metrics::NONE, Metrics::NONE);
        first.set(Metric::Temperature, 20.0).unwrap();
        first.set(Metric::Humidity, 50.0).unwrap();
        second.set(Metric::Temperature, 21.0).unwrap();
        first.merge(&second);
        assert_eq!(first.get(Metric::Temperature), Some(21.0));
        assert_eq!(first.get(Metric::Humidity), Some(50.0));
    }
}
