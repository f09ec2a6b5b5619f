//! The air between the nodes: who hears whom, how well, and how a packet is flooded from relay to relay.
//!
//! Simplified where it does not show at a radio's client: no collisions, no duty cycle. What a client sees is kept
//! consistent: strength falls with distance, weak links lose packets, each relay takes one off the hop limit.

use crate::{
    noise,
    region::{Kind, Node},
    weather::Site,
};
use std::time::Duration;

const STREAM_SHADOW: u64 = 50;
const STREAM_FADE: u64 = 51;
const STREAM_WAIT: u64 = 52;

/// What a 22 dBm radio with ordinary antennas is heard at over one kilometre, in dBm.
const RSSI_AT_1_KM: f64 = -76.0;
/// By how much ten times the distance weakens a signal over wooded hills, in dB.
const DB_PER_DECADE: f64 = 36.0;
/// Thermal noise in 250 kHz and the noise of a receiver, in dBm.
const NOISE_FLOOR_DBM: f64 = -114.0;
/// The weakest signal that spreading factor 11 can be decoded at, in dB over the noise.
const SNR_LIMIT_DB: f64 = -17.5;
/// Receivers report no more than this, however near the sender.
const SNR_CEILING_DB: f64 = 11.5;

/// Who hears whom.
#[derive(Debug)]
pub(crate) struct Air {
    seed: u64,
    /// The mean strength in dBm from each node to each.
    strength: Vec<Vec<f64>>,
    /// Whether a node stands where its owner made it a router, which always relays.
    router: Vec<bool>,
}

/// How the first copy of a packet arrived at a node.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Copy {
    /// The node that heard it.
    pub(crate) node: usize,
    /// The node it heard: the sender or a relay.
    pub(crate) relay: usize,
    /// How many relays it came through.
    pub(crate) hops: u32,
    pub(crate) rssi: f64,
    pub(crate) snr: f64,
    /// How long after it was handed to the sender's radio.
    pub(crate) after: Duration,
}

impl Air {
    pub(crate) fn over(seed: u64, nodes: &[Node]) -> Self {
        let strength = nodes.iter().map(|a| nodes.iter().map(|b| mean_strength(seed, &a.site, &b.site)).collect());
        let router = nodes.iter().map(|node| matches!(node.kind, Kind::Station(_)) && node.site.altitude_m > 600.0);
        Self { seed, strength: strength.collect(), router: router.collect() }
    }

    /// Floods a packet of this many bytes on air: each node that hears it for the first time and has hops left relays it
    /// once, the farthest first, unless it overhears another relay doing so before its turn (routers do it anyway).
    pub(crate) fn flood(&self, origin: usize, packet: u64, hop_limit: u32, bytes: usize) -> Vec<Copy> {
        let mut heard = vec![false; self.strength.len()];
        heard[origin] = true;
        let mut copies: Vec<Copy> = Vec::new();
        let mut senders = vec![(origin, Duration::ZERO)];
        for hops in 0..=hop_limit {
            let mut silenced = vec![false; self.strength.len()];
            let mut listeners: Vec<Copy> = Vec::new();
            for &(sender, since) in &senders {
                if silenced[sender] && !self.router[sender] {
                    continue;
                }
                let wait = 0.05 + 0.4 * noise::unit(self.seed, &[STREAM_WAIT, packet, sender as u64]);
                let after = since + Duration::from_secs_f64(wait) + airtime(bytes);
                for node in 0..heard.len() {
                    let Some((rssi, snr)) = self.receive(sender, node, packet) else { continue };
                    silenced[node] = true;
                    if !heard[node] {
                        heard[node] = true;
                        listeners.push(Copy { node, relay: sender, hops, rssi, snr, after });
                    }
                }
            }
            listeners.sort_by(|a, b| a.snr.total_cmp(&b.snr));
            senders = listeners.iter().map(|copy| (copy.node, copy.after)).collect();
            copies.extend(listeners);
        }
        copies
    }

    /// Returns strength in dBm and distance from the noise in dB at which a packet is received, unless it is lost.
    fn receive(&self, sender: usize, node: usize, packet: u64) -> Option<(f64, f64)> {
        if sender == node {
            return None;
        }
        let fade = noise::between(self.seed, &[STREAM_FADE, packet, sender as u64, node as u64], -3.5, 3.5);
        let rssi = self.strength[sender][node] + fade;
        let snr = rssi - NOISE_FLOOR_DBM;
        // Now and then somebody else's packet is in the way, however strong the signal.
        let jammed = noise::unit(self.seed, &[STREAM_FADE, packet, sender as u64, node as u64, 1]) < 0.12;
        (snr > SNR_LIMIT_DB && !jammed).then(|| (rssi.min(-20.0), (snr.min(SNR_CEILING_DB) * 4.0).round() / 4.0))
    }
}

/// Returns how long a packet of this many bytes, its header included, is on air with preset LONG_FAST (Semtech's
/// formula: spreading factor 11, 250 kHz, 4/5, 16 symbols of preamble, explicit header, CRC).
pub(crate) fn airtime(bytes: usize) -> Duration {
    const SYMBOL_S: f64 = 2048.0 / 250_000.0;
    let codewords = ((8.0 * bytes as f64) / 44.0).ceil().max(0.0);
    Duration::from_secs_f64((20.25 + 8.0 + codewords * 5.0) * SYMBOL_S)
}

/// Returns the distance in kilometres.
pub(crate) fn distance_km(a: &Site, b: &Site) -> f64 {
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let chord =
        half(a.latitude - b.latitude) + a.latitude.to_radians().cos() * b.latitude.to_radians().cos() * half(a.longitude - b.longitude);
    2.0 * 6_371.0 * chord.sqrt().asin()
}

fn mean_strength(seed: u64, a: &Site, b: &Site) -> f64 {
    let ground = |site: &Site| match site.altitude_m {
        height if height < 200.0 => -7.0, // behind the shoulders of the valley
        height if height > 600.0 => 7.0,  // over the heads of everybody
        _ => 0.0,
    };
    let pair = [a.sensor.min(b.sensor), a.sensor.max(b.sensor)];
    let shadow = noise::between(seed, &[STREAM_SHADOW, pair[0], pair[1]], -6.0, 6.0);
    RSSI_AT_1_KM - DB_PER_DECADE * distance_km(a, b).max(0.05).log10() + ground(a) + ground(b) + shadow
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region;

    #[test]
    fn airtime_is_what_the_formula_gives() {
        for (bytes, millis) in [(32, 477), (64, 723), (128, 1_214), (255, 2_157)] {
            let difference = airtime(bytes).as_secs_f64() * 1e3 - f64::from(millis);
            assert!(difference.abs() < 1.0, "{bytes} bytes: {difference} ms off");
        }
    }

    #[test]
    fn near_nodes_are_loud_and_far_ones_come_through_relays() {
        let nodes = region::nodes(1, 2);
        let air = Air::over(1, &nodes);
        let (mut by_hops, mut reached, mut direct) = ([0; 5], 0, 0);
        for packet in 0..400 {
            let origin = 2 + usize::try_from(packet).unwrap() % (nodes.len() - 2);
            for copy in air.flood(origin, packet, 3, 90) {
                let distance = distance_km(&nodes[copy.relay].site, &nodes[copy.node].site);
                assert!((-140.0..=-20.0).contains(&copy.rssi) && (-17.5..=11.5).contains(&copy.snr));
                assert!(distance > 25.0 || copy.rssi > -135.0, "{distance} km at {} dBm", copy.rssi);
                assert!(distance < 90.0 || copy.snr < -5.0, "{distance} km at {} dB", copy.snr);
                assert_eq!(copy.hops == 0, copy.relay == origin);
                assert!(copy.node != origin);
                by_hops[usize::try_from(copy.hops).unwrap()] += 1;
                if copy.node < 2 {
                    reached += 1;
                    direct += u32::from(copy.hops == 0);
                }
            }
        }
        assert!((560..=796).contains(&reached), "{reached} of 800 packets reached a bridge");
        assert!(direct * 10 > reached * 2 && direct * 10 < reached * 9, "{direct} of {reached} came straight");
        assert!(by_hops[1] > 100 && by_hops[2] > 5, "{by_hops:?}");
    }

    #[test]
    fn no_seed_leaves_a_node_alone() {
        for seed in 1..=30 {
            let nodes = region::nodes(seed, 2);
            let air = Air::over(seed, &nodes);
            for (origin, node) in nodes.iter().enumerate() {
                let heard = (0..40).filter(|&packet| air.flood(origin, packet, 3, 90).iter().any(|copy| copy.node < 2)).count();
                assert!(heard >= 24, "{heard} of 40 packets of {} with seed {seed}", node.long_name);
            }
        }
    }

    #[test]
    fn without_hops_only_neighbours_hear() {
        let nodes = region::nodes(1, 2);
        let air = Air::over(1, &nodes);
        assert!(air.flood(5, 9, 0, 90).iter().all(|copy| copy.relay == 5 && copy.hops == 0));
    }
}
