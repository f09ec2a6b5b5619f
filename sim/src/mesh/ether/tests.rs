//! The air by itself: what reaches whom, and what gets in its way.

use super::*;
use crate::{
    mesh::air::distance_km,
    region::{self, Node},
};
use kosmo_meshtastic::{airtime::Modem, proto::mesh_packet::PayloadVariant};

fn ether(seed: u64, nodes: &[Node], preset: &str, crowded: bool) -> Ether {
    let air = Air::over(seed, nodes, Modem::from_preset(preset).unwrap(), crowded);
    Ether::new(air, Pace::new(1), seed, crowded, false, nodes.iter().map(|node| node.role).collect())
}

fn packet(id: u32, hop_limit: u32, bytes: usize) -> proto::MeshPacket {
    let payload_variant = Some(PayloadVariant::Encrypted(vec![0; bytes - 16]));
    proto::MeshPacket { id, hop_limit, hop_start: hop_limit, payload_variant, ..Default::default() }
}

/// Lets packets be sent at these times, and returns every transmission.
fn run(ether: &mut Ether, sends: &[(Duration, usize)], hop_limit: u32) -> Vec<Landed> {
    let mut due = BTreeMap::new();
    let mut landed = Vec::new();
    for (number, &(at, node)) in sends.iter().enumerate() {
        let id = u32::try_from(number).unwrap() + 1;
        let (at, turn) = ether.send(node, None, packet(id, hop_limit, 90), Uptime(at)).unwrap();
        due.insert((at, due.len()), turn);
    }
    let mut given = sends.len();
    while let Some(((now, _), turn)) = due.pop_first() {
        let mut next = Vec::new();
        if let Some(done) = ether.act(turn, now, &mut next) {
            ether.settle(done.flood);
            landed.push(done);
        }
        for (at, turn) in next {
            given += 1;
            due.insert((at, given), turn);
        }
    }
    assert!(ether.floods.is_empty() && ether.waves.is_empty(), "nothing is remembered of what is over");
    landed
}

fn one(ether: &mut Ether, node: usize, hop_limit: u32) -> Vec<Copy> {
    run(ether, &[(Duration::ZERO, node)], hop_limit).into_iter().flat_map(|landed| landed.copies).filter(|copy| copy.node != node).collect()
}

#[test]
fn near_nodes_are_loud_and_far_ones_come_through_relays() {
    let nodes = region::nodes(1, 2);
    let mut ether = ether(1, &nodes, "LONG_FAST", false);
    let (mut by_hops, mut reached, mut direct) = ([0; 5], 0, 0);
    for number in 0..400 {
        let origin = 2 + number % (nodes.len() - 2);
        for copy in one(&mut ether, origin, 3) {
            let distance = distance_km(&nodes[copy.relay].site, &nodes[copy.node].site);
            assert!((-140.0..=-20.0).contains(&copy.rssi) && (-17.5..=11.5).contains(&copy.snr));
            assert!(distance > 25.0 || copy.rssi > -135.0, "{distance} km at {} dBm", copy.rssi);
            assert!(distance < 90.0 || copy.snr < -5.0, "{distance} km at {} dB", copy.snr);
            assert_eq!(copy.hops == 0, copy.relay == origin);
            assert_eq!(copy.path.len(), copy.hops as usize + 1);
            by_hops[copy.hops as usize] += 1;
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
    for seed in 1..=10 {
        let nodes = region::nodes(seed, 2);
        let mut ether = ether(seed, &nodes, "LONG_FAST", false);
        for (origin, node) in nodes.iter().enumerate() {
            let heard = (0..40).filter(|_| one(&mut ether, origin, 3).iter().any(|copy| copy.node < 2)).count();
            assert!(heard >= 24, "{heard} of 40 packets of {} with seed {seed}", node.long_name);
        }
    }
}

#[test]
fn without_hops_only_neighbours_hear() {
    let nodes = region::nodes(1, 2);
    let mut ether = ether(1, &nodes, "LONG_FAST", true);
    let copies = one(&mut ether, 5, 0);
    assert!(!copies.is_empty() && copies.iter().all(|copy| copy.relay == 5 && copy.hops == 0));
}

#[test]
fn a_faster_preset_reaches_less_far() {
    let nodes = region::nodes(1, 2);
    let reach = |preset| {
        let mut ether = ether(1, &nodes, preset, true);
        (0..nodes.len()).map(|node| one(&mut ether, node, 0).len()).sum::<usize>()
    };
    let [turbo, fast, slow] = ["SHORT_TURBO", "LONG_FAST", "LONG_SLOW"].map(reach);
    assert!(turbo < fast && fast < slow, "{turbo}, {fast}, {slow} neighbours");
}

#[test]
fn packets_at_once_collide_and_a_busy_channel_is_waited_for() {
    let nodes = region::nodes(1, 2);
    let mut crowd = ether(1, &nodes, "LONG_FAST", true);
    let at_once: Vec<_> = (0..nodes.len()).map(|node| (Duration::ZERO, node)).collect();
    let landed = run(&mut crowd, &at_once, 3);
    assert!(landed.iter().map(|landed| landed.collided).sum::<usize>() > 10);
    for (index, one) in landed.iter().enumerate() {
        let end = one.start.plus(crowd.air.modem().airtime(90));
        for other in &landed[index + 1..] {
            assert!(other.node != one.node || other.start >= end, "a node sends two packets at once");
        }
    }
    // The last of them begins long after all wanted to.
    assert!(landed.last().unwrap().start > Uptime(Duration::from_secs(5)));
    let (channel, sent) = crowd.utilisation(0, landed.last().unwrap().start);
    assert!(channel > 10.0 && sent > 0.0 && sent < channel, "{channel} % and {sent} %");
}
