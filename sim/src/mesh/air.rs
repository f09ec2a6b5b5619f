//! The air between the nodes: who hears whom, how well, and how a packet is flooded from relay to relay.
//!
//! Simplified where it does not show at a radio's client: no collisions, no duty cycle. What a client sees is kept
//! consistent: strength falls with distance, weak links lose packets, each relay takes one off the hop limit.

use crate::{
    lora::airtime,
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

/// How long a relay waits that a packet has no other way than over.
const RELAY_WAIT: Duration = Duration::from_millis(300);

/// Who hears whom.
#[derive(Debug)]
pub(crate) struct Air {
    seed: u64,
    /// The mean strength in dBm from each node to each.
    strength: Vec<Vec<f64>>,
    /// Whether a node stands where its owner made it a router, which always relays.
    router: Vec<bool>,
    /// Whether a node is switched off, and neither hears nor relays.
    off: Vec<bool>,
}

/// Where a packet goes that reaches one node for certain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) origin: usize,
    pub(crate) relay: Option<usize>,
    pub(crate) to: usize,
    /// Something is in its way at the last moment.
    pub(crate) lost: bool,
}

/// What became of a packet on air.
#[derive(Debug, Default)]
pub(crate) struct Journey {
    pub(crate) transmissions: Vec<Transmission>,
    /// How it arrived first at each node that heard it.
    pub(crate) copies: Vec<Copy>,
    /// How its sender heard it relayed first.
    pub(crate) echo: Option<Copy>,
}

/// One node's sending of a packet.
#[derive(Debug)]
pub(crate) struct Transmission {
    pub(crate) node: usize,
    pub(crate) hops: u32,
    /// How long after it was handed to the first sender's radio.
    pub(crate) start: Duration,
    pub(crate) hearers: Vec<usize>,
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
        let off = nodes.iter().map(|node| matches!(node.kind, Kind::Person(person) if person.is_off()));
        let strength = nodes.iter().map(|a| nodes.iter().map(|b| strength(seed, a, b)).collect());
        let router = nodes.iter().map(|node| matches!(node.kind, Kind::Station(_)) && node.site.altitude_m > 600.0);
        Self { seed, strength: strength.collect(), router: router.collect(), off: off.collect() }
    }

    /// Floods a packet of this many bytes on air: each node that hears it for the first time and has hops left relays it
    /// once, the farthest first, unless it overhears another relay doing so before its turn (routers do it anyway). Whom it
    /// is for, if that is one node, relays it not.
    pub(crate) fn flood(&self, origin: usize, to: Option<usize>, packet: u64, hop_limit: u32, bytes: usize) -> Journey {
        let mut heard = vec![false; self.strength.len()];
        heard[origin] = true;
        let mut journey = Journey::default();
        let mut senders = vec![(origin, Duration::ZERO)];
        for hops in 0..=hop_limit {
            let mut silenced = vec![false; self.strength.len()];
            let mut listeners: Vec<Copy> = Vec::new();
            for &(sender, since) in &senders {
                if silenced[sender] && !self.router[sender] {
                    continue;
                }
                let wait = 0.05 + 0.4 * noise::unit(self.seed, &[STREAM_WAIT, packet, sender as u64]);
                let start = since + Duration::from_secs_f64(wait);
                let after = start + airtime(bytes);
                let mut hearers = Vec::new();
                for node in 0..heard.len() {
                    let Some((rssi, snr)) = self.receive(sender, node, packet) else { continue };
                    silenced[node] = true;
                    hearers.push(node);
                    let copy = Copy { node, relay: sender, hops, rssi, snr, after };
                    if !heard[node] {
                        heard[node] = true;
                        listeners.push(copy);
                    } else if node == origin && journey.echo.is_none() {
                        journey.echo = Some(copy);
                    }
                }
                journey.transmissions.push(Transmission { node: sender, hops, start, hearers });
            }
            listeners.sort_by(|a, b| a.snr.total_cmp(&b.snr));
            senders = listeners.iter().filter(|copy| Some(copy.node) != to).map(|copy| (copy.node, copy.after)).collect();
            journey.copies.extend(listeners);
        }
        journey
    }

    /// Brings a packet from one node to another without fail, straight or over one relay. Whoever else hears it hears it
    /// by chance, and leaves it alone.
    pub(crate) fn along(&self, ends: Ends, packet: u64, hop_limit: u32, bytes: usize) -> Journey {
        let Ends { origin, relay, to, lost } = ends;
        let mut journey = Journey::default();
        let (mut sender, mut start) = (origin, Duration::ZERO);
        for (hops, next) in (0..=hop_limit).zip(relay.into_iter().chain([to])) {
            let after = start + airtime(bytes);
            let mut hearers: Vec<_> =
                (0..self.strength.len()).filter(|&node| node != to && self.receive(sender, node, packet).is_some()).collect();
            if !lost && !self.off[next] {
                hearers.push(next);
                let (rssi, snr) = self.steady(sender, next);
                journey.copies.push(Copy { node: next, relay: sender, hops, rssi, snr, after });
            }
            if sender != origin {
                let (rssi, snr) = self.steady(sender, origin);
                journey.echo = Some(Copy { node: origin, relay: sender, hops, rssi, snr, after });
                hearers.push(origin);
            }
            hearers.sort_unstable();
            hearers.dedup();
            journey.transmissions.push(Transmission { node: sender, hops, start, hearers });
            (sender, start) = (next, after + RELAY_WAIT);
        }
        journey
    }

    /// Returns strength in dBm and distance from the noise in dB on a link that never fails.
    fn steady(&self, sender: usize, node: usize) -> (f64, f64) {
        let rssi = self.strength[sender][node].max(NOISE_FLOOR_DBM - 10.0);
        (rssi.min(-20.0), ((rssi - NOISE_FLOOR_DBM).min(SNR_CEILING_DB) * 4.0).round() / 4.0)
    }

    /// Returns strength in dBm and distance from the noise in dB at which a packet is received, unless it is lost.
    fn receive(&self, sender: usize, node: usize, packet: u64) -> Option<(f64, f64)> {
        if sender == node || self.off[sender] || self.off[node] {
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

/// Returns the distance in kilometres.
pub(crate) fn distance_km(a: &Site, b: &Site) -> f64 {
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let chord =
        half(a.latitude - b.latitude) + a.latitude.to_radians().cos() * b.latitude.to_radians().cos() * half(a.longitude - b.longitude);
    2.0 * 6_371.0 * chord.sqrt().asin()
}

/// Returns the mean strength between two nodes; somebody behind a relay never hears a bridge's radio.
fn strength(seed: u64, a: &Node, b: &Node) -> f64 {
    let hidden = |one: &Node, other: &Node| matches!(one.kind, Kind::Person(p) if p.is_behind_relay()) && other.kind == Kind::Bridge;
    if hidden(a, b) || hidden(b, a) { f64::NEG_INFINITY } else { mean_strength(seed, &a.site, &b.site) }
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
    fn near_nodes_are_loud_and_far_ones_come_through_relays() {
        let nodes = region::nodes(1, 2);
        let air = Air::over(1, &nodes);
        let (mut by_hops, mut reached, mut direct) = ([0; 5], 0, 0);
        for packet in 0..400 {
            let origin = 2 + usize::try_from(packet).unwrap() % (nodes.len() - 2);
            for copy in air.flood(origin, None, packet, 3, 90).copies {
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
                let heard =
                    (0..40).filter(|&packet| air.flood(origin, None, packet, 3, 90).copies.iter().any(|copy| copy.node < 2)).count();
                assert!(heard >= 24, "{heard} of 40 packets of {} with seed {seed}", node.long_name);
            }
        }
    }

    #[test]
    fn without_hops_only_neighbours_hear() {
        let nodes = region::nodes(1, 2);
        let air = Air::over(1, &nodes);
        assert!(air.flood(5, None, 9, 0, 90).copies.iter().all(|copy| copy.relay == 5 && copy.hops == 0));
    }
}
