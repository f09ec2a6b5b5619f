//! What radios and the computers beneath them count, and the ways that packets take: reports that are no weather. The names are those of
//! the API and of what is stored.

use crate::NodeId;
use serde::{Deserialize, Serialize};

/// Counters of a radio since its start.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct RadioStats {
    /// Seconds since it started.
    pub uptime_s: u32,
    /// Share of the last minute in which it heard the channel in use, in percent.
    pub channel_utilization_pct: f32,
    /// Share of the last hour in which it sent, in percent.
    pub air_util_tx_pct: f32,
    /// Packets sent.
    pub packets_tx: u32,
    /// Packets received.
    pub packets_rx: u32,
    /// Packets received damaged.
    pub packets_rx_bad: u32,
    /// Packets received again.
    pub packets_rx_duplicate: u32,
    /// Packets relayed for others.
    pub packets_relayed: u32,
    /// Relays given up because another node was faster.
    pub relays_cancelled: u32,
    /// Packets that found no room in its queue.
    #[serde(default)]
    pub packets_tx_dropped: u32,
    /// Nodes heard in the last two hours.
    pub nodes_online: u32,
    /// Nodes in the radio's memory.
    pub nodes_known: u32,
    /// Free memory in bytes, where told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_free_bytes: Option<u32>,
    /// Noise on the channel in dBm, where measured.
    #[serde(default)]
    pub noise_floor_dbm: Option<i32>,
}

impl RadioStats {
    /// Returns the share that cannot be, if there is one: its name, and what it is.
    pub fn absurd_share(&self) -> Option<(&'static str, f32)> {
        let shares = [("channel_utilization_pct", self.channel_utilization_pct), ("air_util_tx_pct", self.air_util_tx_pct)];
        shares.into_iter().find(|(_, share)| !(0.0..=1000.0).contains(share))
    }
}

/// The computer that a node runs on, where it is no microcontroller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HostStats {
    /// Seconds since it started.
    pub uptime_s: u32,
    /// Free memory in bytes.
    pub memory_free_bytes: u64,
    /// Free room on its first disk in bytes.
    pub disk_free_bytes: u64,
    /// Load of the last minute, in hundredths.
    pub load_1m_hundredths: u32,
    /// Load of the last five minutes, in hundredths.
    pub load_5m_hundredths: u32,
    /// Load of the last fifteen minutes, in hundredths.
    pub load_15m_hundredths: u32,
}

/// What a node's traffic management did with packets since its start (firmware 2.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TrafficStats {
    /// Packets that it looked at.
    pub packets_inspected: u32,
    /// Positions not passed on because they said nothing new.
    pub positions_dropped: u32,
    /// Questions for node info that it answered from memory.
    pub node_infos_answered: u32,
    /// Packets not passed on because their sender sent too many.
    pub rate_limited: u32,
    /// Packets not passed on because it could not read them.
    pub unknown_dropped: u32,
    /// Packets that had no hops left.
    pub hops_exhausted: u32,
    /// Packets whose hops it did not count, from router to router.
    pub hops_preserved: u32,
}

/// What a sensor measures on a person, as far as it measures it.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct HealthMetrics {
    /// Beats of the heart a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heart_rate_bpm: Option<u32>,
    /// How much of the blood is saturated with oxygen, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oxygen_saturation_pct: Option<u32>,
    /// The temperature of the body, in degrees Celsius.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_temperature_c: Option<f32>,
}

impl HealthMetrics {
    /// Returns what of it a living body can have, and the names of what none can. Nothing at all is what a sensor says that is not worn.
    pub fn plausible(self) -> (Self, Vec<&'static str>) {
        let mut absurd = Vec::new();
        let mut keep = |name, is_plausible: bool| {
            if !is_plausible {
                absurd.push(name);
            }
            is_plausible
        };
        let kept = Self {
            heart_rate_bpm: self.heart_rate_bpm.filter(|rate| keep("heart_rate_bpm", (1..=350).contains(rate))),
            oxygen_saturation_pct: self.oxygen_saturation_pct.filter(|share| keep("oxygen_saturation_pct", (1..=100).contains(share))),
            body_temperature_c: self.body_temperature_c.filter(|degrees| keep("body_temperature_c", (10.0..=50.0).contains(degrees))),
        };
        (kept, absurd)
    }

    /// Tells whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The way a packet took to a node and back: the relays between, and the signal to noise of each step, absent where
/// a relay did not say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Traceroute {
    /// Who asked.
    pub to: NodeId,
    /// The relays on the way there.
    pub route: Vec<NodeId>,
    /// Signal to noise in decibels at each step there.
    pub snr_towards_db: Vec<Option<f32>>,
    /// The relays on the way back.
    pub route_back: Vec<NodeId>,
    /// Signal to noise in decibels at each step back.
    pub snr_back_db: Vec<Option<f32>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_has_what_a_body_can_have() {
        let worn = HealthMetrics { heart_rate_bpm: Some(61), oxygen_saturation_pct: Some(98), body_temperature_c: Some(36.6) };
        assert_eq!(worn.plausible(), (worn, Vec::new()));
        let taken_off = HealthMetrics { heart_rate_bpm: Some(0), oxygen_saturation_pct: Some(400), body_temperature_c: Some(f32::NAN) };
        let (kept, absurd) = taken_off.plausible();
        assert!(kept.is_empty());
        assert_eq!(absurd, ["heart_rate_bpm", "oxygen_saturation_pct", "body_temperature_c"]);
    }

    #[test]
    fn a_share_of_the_time_is_one() {
        let stats = |share| RadioStats { air_util_tx_pct: share, ..RadioStats::default() };
        assert_eq!(stats(99.5).absurd_share(), None);
        assert_eq!(stats(-1.0).absurd_share(), Some(("air_util_tx_pct", -1.0)));
        assert!(stats(f32::NAN).absurd_share().is_some());
    }
}
