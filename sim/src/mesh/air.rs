//! The air between the nodes: who hears whom and how well, by distance, ground and modulation.

use crate::{
    noise,
    region::{Kind, Node},
    weather::Site,
};
use kosmo_meshtastic::airtime::Modem;
use std::time::Duration;

const STREAM_SHADOW: u64 = 50;
const STREAM_FADE: u64 = 51;

/// What a 22 dBm radio with ordinary antennas is heard at over one kilometre, in dBm.
const RSSI_AT_1_KM: f64 = -76.0;
/// By how much ten times the distance weakens a signal over wooded hills, in dB.
const DB_PER_DECADE: f64 = 36.0;
/// Thermal noise in one hertz with the noise of a receiver, in dBm.
const NOISE_PER_HZ_DBM: f64 = -168.0;
/// By how much one packet differs from the next on the same way, in dB.
const FADE_DB: f64 = 3.5;
/// How often something that is no packet of this mesh is in the way, however strong the signal; and how often anything is, where
/// packets of the mesh do not get in each other's way.
const DISTURBED: f64 = 0.02;
const DISTURBED_BY_ANY: f64 = 0.12;
/// Receivers report no more than this, however near the sender.
const SNR_CEILING_DB: f64 = 11.5;

/// How long a relay waits that a packet has no other way than over.
const RELAY_WAIT: Duration = Duration::from_millis(300);

/// Who hears whom.
#[derive(Debug)]
pub(crate) struct Air {
    seed: u64,
    modem: Modem,
    disturbed: f64,
    noise_dbm: f64,
    /// The weakest signal that can be decoded, in dB over the noise.
    limit_db: f64,
    /// The mean strength in dBm from each node to each.
    strength: Vec<Vec<f64>>,
    /// Whom each node may reach.
    neighbours: Vec<Vec<usize>>,
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
#[derive(Debug, Clone, PartialEq)]
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
    /// The nodes that received it on its way, this one last, and their distances from the noise in dB.
    pub(crate) path: Vec<(usize, f64)>,
}

impl Air {
    pub(crate) fn over(seed: u64, nodes: &[Node], modem: Modem, crowded: bool) -> Self {
        let off = nodes.iter().map(|node| matches!(node.kind, Kind::Person(person) if person.is_off()));
        let strength: Vec<Vec<_>> = nodes.iter().map(|a| nodes.iter().map(|b| strength(seed, a, b)).collect()).collect();
        let noise_dbm = NOISE_PER_HZ_DBM + 10.0 * (modem.bandwidth_hz() as f64).log10();
        let limit_db = 10.0 - 2.5 * f64::from(modem.spreading_factor());
        let weakest = noise_dbm + limit_db - FADE_DB;
        let within = |(from, strengths): (usize, &Vec<f64>)| {
            let reached = strengths.iter().enumerate().filter(|&(to, &dbm)| to != from && dbm > weakest);
            reached.map(|(to, _)| to).collect()
        };
        let neighbours = strength.iter().enumerate().map(within).collect();
        let disturbed = if crowded { DISTURBED } else { DISTURBED_BY_ANY };
        Self { seed, modem, disturbed, noise_dbm, limit_db, neighbours, strength, off: off.collect() }
    }

    /// Returns how everybody modulates.
    pub(crate) fn modem(&self) -> Modem {
        self.modem
    }

    /// Returns whom a node may reach.
    pub(crate) fn neighbours(&self, node: usize) -> &[usize] {
        &self.neighbours[node]
    }

    /// Returns the mean strength between two nodes in dBm.
    pub(crate) fn mean(&self, sender: usize, node: usize) -> f64 {
        self.strength[sender][node]
    }

    /// Tells whether a node that listens notices that another sends.
    pub(crate) fn notices(&self, node: usize, sender: usize) -> bool {
        self.strength[sender][node] > self.noise_dbm + self.limit_db
    }

    /// Switches a node off or on.
    pub(crate) fn switch(&mut self, node: usize, off: bool) {
        self.off[node] = off;
    }

    /// Tells whether a node is switched off.
    pub(crate) fn is_off(&self, node: usize) -> bool {
        self.off[node]
    }

    /// Returns whom a node hears best, and how well on average, in dB over the noise.
    pub(crate) fn best(&self, node: usize, most: usize) -> Vec<(usize, f64)> {
        let heard = self.neighbours[node].iter().filter(|&&other| !self.off[other] && self.notices(node, other));
        let mut heard: Vec<_> = heard.map(|&other| (other, self.steady(other, node).1)).collect();
        heard.sort_by(|a, b| b.1.total_cmp(&a.1));
        heard.truncate(most);
        heard
    }

    /// Brings a packet from one node to another without fail, straight or over one relay. Whoever else hears it hears it
    /// by chance, and leaves it alone.
    pub(crate) fn along(&self, ends: Ends, packet: u64, hop_limit: u32, airtime: Duration) -> Journey {
        let Ends { origin, relay, to, lost } = ends;
        let mut journey = Journey::default();
        let (mut sender, mut start) = (origin, Duration::ZERO);
        let mut path = Vec::new();
        for (hops, next) in (0..=hop_limit).zip(relay.into_iter().chain([to])) {
            let after = start + airtime;
            let mut hearers: Vec<_> = self.neighbours[sender]
                .iter()
                .copied()
                .filter(|&node| node != to && self.receive(sender, node, packet).is_some())
                .collect();
            if !lost && !self.off[next] {
                hearers.push(next);
                let (rssi, snr) = self.steady(sender, next);
                path.push((next, snr));
                journey.copies.push(Copy { node: next, relay: sender, hops, rssi, snr, after, path: path.clone() });
            }
            if sender != origin {
                let (rssi, snr) = self.steady(sender, origin);
                journey.echo = Some(Copy { node: origin, relay: sender, hops, rssi, snr, after, path: path.clone() });
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
        let rssi = self.strength[sender][node].max(self.noise_dbm - 10.0);
        (rssi.min(-20.0), ((rssi - self.noise_dbm).min(SNR_CEILING_DB) * 4.0).round() / 4.0)
    }

    /// Returns strength in dBm and distance from the noise in dB at which a packet is received, unless it is lost in the noise.
    pub(crate) fn receive(&self, sender: usize, node: usize, packet: u64) -> Option<(f64, f64)> {
        if sender == node || self.off[sender] || self.off[node] {
            return None;
        }
        let drawn = [STREAM_FADE, packet, sender as u64, node as u64];
        let rssi = self.strength[sender][node] + noise::between(self.seed, &drawn, -FADE_DB, FADE_DB);
        let snr = rssi - self.noise_dbm;
        let [stream, packet, sender, node] = drawn;
        let disturbed = noise::unit(self.seed, &[stream, packet, sender, node, 1]) < self.disturbed;
        (snr > self.limit_db && !disturbed).then(|| (rssi.min(-20.0), (snr.min(SNR_CEILING_DB) * 4.0).round() / 4.0))
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
