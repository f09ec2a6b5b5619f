//! Scenarios: those that come with the simulator do what they say, and what is wrong with one is named.

use crate::client::Client;
use kosmo_domain::{ManualClock, NodeId, Timestamp};
use kosmo_meshtastic::node::node_of_key;
use kosmo_sim::{Config, Firmware, Mesh, OnAir, Rehearsal, Scenario, Tally};
use std::{collections::BTreeSet, fs, net::Ipv4Addr, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

fn start() -> Timestamp {
    "2026-04-12T15:30:00Z".parse().unwrap()
}

fn config(name: &str) -> Config {
    let path = format!("{}/scenarios/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let scenario = Scenario::parse(&fs::read_to_string(path).unwrap()).unwrap();
    Config::of_scenario(scenario, Ipv4Addr::LOCALHOST.into(), 0)
}

fn play(config: &Config, hours: u64) -> (Vec<OnAir>, Tally) {
    let mut rehearsal = Rehearsal::new(config, start());
    let mut log = Vec::new();
    rehearsal.run(Duration::from_hours(hours), |on_air| log.push(on_air.clone()));
    (log, rehearsal.tally())
}

fn node(config: &Config, short: &str) -> NodeId {
    config.scenario.as_ref().unwrap().nodes().iter().find(|node| node.short_name == short).unwrap().id
}

#[test]
fn in_the_valley_readings_come_out_over_the_relays_and_the_same_each_time() {
    let config = config("valley");
    let (log, tally) = play(&config, 6);
    assert_eq!((&log, tally), (&play(&config, 6).0, play(&config, 6).1), "a rehearsal is repeatable");
    let (bridge, zell) = (node(&config, "TRIE"), node(&config, "ZELL"));
    let of_zell = |on_air: &&OnAir| on_air.from == zell && on_air.port == 67;
    let sent: BTreeSet<_> = log.iter().filter(of_zell).map(|on_air| on_air.id).collect();
    let arrived: BTreeSet<_> =
        log.iter().filter(of_zell).filter(|on_air| on_air.hearers.contains(&bridge)).map(|on_air| on_air.id).collect();
    assert!(sent.len() > 20 && arrived.len() * 2 > sent.len(), "{} of {} arrived", arrived.len(), sent.len());
    assert!(
        log.iter().filter(of_zell).filter(|on_air| on_air.hearers.contains(&bridge)).all(|on_air| on_air.hop > 0),
        "straight from Zell"
    );
    assert!(log.iter().all(|on_air| on_air.hop <= 3) && tally.relayed > tally.sent / 2 && tally.heard > 40, "{tally:?}");
    let lena = node(&config, "LENA");
    assert!(
        log.iter().any(|on_air| on_air.from == lena && on_air.port == 1)
            && log.iter().any(|on_air| on_air.from == lena && on_air.port == 70)
    );
}

#[test]
fn in_the_storm_a_relay_is_silent_while_it_is_off() {
    let config = config("storm");
    let (log, _) = play(&config, 3);
    let relay = node(&config, "MAUS");
    let silent = |on_air: &&OnAir| {
        let after = on_air.at.since(start());
        on_air.sender == relay && after > Duration::from_mins(20) && after < Duration::from_mins(80)
    };
    assert_eq!(log.iter().filter(silent).count(), 0);
    assert!(log.iter().any(|on_air| on_air.sender == relay && on_air.at.since(start()) > Duration::from_mins(80)), "it came back");
}

#[test]
fn after_an_update_a_station_speaks_under_the_number_of_its_key_and_no_other() {
    let config = config("update");
    let (log, _) = play(&config, 1);
    let (station, radio) = (node(&config, "PANT"), node(&config, "MAND"));
    let speaks = |from: NodeId, until: u64| {
        let of_node = log.iter().filter(|on_air| on_air.from == from);
        of_node.map(|on_air| on_air.at.since(start())).all(|at| at <= Duration::from_mins(until))
    };
    assert!(log.iter().any(|on_air| on_air.from == station) && speaks(station, 21), "it has another number after 20 minutes");
    assert!(speaks(radio, 31), "and the radio after 30");
    let later: BTreeSet<_> =
        log.iter().filter(|on_air| on_air.at.since(start()) > Duration::from_mins(35)).map(|on_air| on_air.from).collect();
    assert!(later.len() == 3 && !later.contains(&station) && !later.contains(&radio), "{later:?}");
}

#[test]
fn in_a_crowd_packets_collide_and_nodes_hold_back() {
    let (log, tally) = play(&config("crowd"), 2);
    assert!(tally.collisions > 100 && tally.sent > 200, "{tally:?}");
    // Nobody sends beyond the law: a tenth of any hour, of which each packet takes half a second at most.
    let mut by_sender = std::collections::BTreeMap::<NodeId, usize>::new();
    for on_air in &log {
        *by_sender.entry(on_air.sender).or_default() += 1;
    }
    assert!(by_sender.values().all(|&packets| packets < 2 * 2 * 720), "{by_sender:?}");
}

const LATER: &str = r#"
about = "A mesh that has firmware 2.8."
firmware = "2.8-alpha"
every = "1h"

[[node]]
name = "Bridge"
is = "radio"
at = [49.75, 6.64]

[[node]]
name = "Wetterstation Bärenkopf-Süd"
is = "station"
at = [49.76, 6.66]
id = "!a1b2c3d4"

[[node]]
name = "Ana"
is = "person"
at = [49.75, 6.65]
"#;

#[tokio::test]
async fn with_firmware_28_nodes_are_numbered_by_their_keys_unless_the_scenario_says_otherwise() {
    let end = CancellationToken::new();
    let scenario = Scenario::parse_with(LATER, 7, Firmware::V27).unwrap();
    assert_eq!((scenario.seed(), Scenario::parse(&LATER.replace("2.8-alpha", "2.8")).unwrap().seed()), (7, 1));
    let config = Config::of_scenario(scenario, Ipv4Addr::LOCALHOST.into(), 0);
    assert_eq!((config.firmware, config.queue), (Firmware::V28Alpha, 16));
    let mesh = Mesh::start(config, Arc::new(ManualClock::at(start())), end.clone()).await.unwrap();
    let (_client, radio) = Client::configured(mesh.addresses()[0]).await;
    assert_eq!((radio.node, radio.nodes.len()), (mesh.nodes()[0].id, 3));
    for node in &radio.nodes {
        let user = node.user.as_ref().unwrap();
        let derived = node_of_key(&user.public_key.unwrap());
        let name = user.long_name.as_deref().unwrap();
        match name {
            "Wetterstation Bärenkopf-" => assert_eq!(node.node.to_string(), "!a1b2c3d4"),
            name => assert!(["Bridge", "Ana"].contains(&name) && node.node == derived, "{name}: {} instead of {derived}", node.node),
        }
    }
    end.cancel();
}

#[test]
fn what_is_wrong_is_named_with_its_limit() {
    let node = "[[node]]\nname = \"A\"\nis = \"radio\"\nat = [49.0, 7.0]\n";
    let check = |text: &str, says: &str| {
        let error = Scenario::parse(text).expect_err(text).to_string();
        assert!(error.contains(says), "{error:?} instead of {says:?}");
    };
    check("", "1 to 500");
    check("[[node]]\nname = \"A\"\nis = \"person\"\nat = [49.0, 7.0]\n", "1 to 16");
    check(&format!("{node}colour = 3\n"), "colour");
    check(&format!("{node}{node}"), "twice");
    check(&format!("firmware = \"3\"\n{node}"), "2.7, 2.8 or 2.8-alpha");
    check(&format!("{node}[[node]]\nname = \"B\"\nis = \"person\"\nlocked = true\nat = [49.0, 7.0]\n"), "is no radio");
    check(&format!("preset = \"FASTEST\"\n{node}"), "FASTEST");
    check(&format!("every = \"5x\"\n{node}"), "s, m, h or d");
    check(&format!("every = \"1s\"\n{node}"), "at least 10s");
    check(&format!("{node}[[crowd]]\ncount = 500\nis = \"station\"\naround = [0.0, 0.0]\nwithin_km = 1\n"), "501 nodes");
    check("[[node]]\nname = \"A\"\nis = \"radio\"\nat = [149.0, 7.0]\n", "outside the earth");
    check(&format!("{node}[[event]]\nat = \"1m\"\nnode = \"B\"\ndoes = \"reboots\"\n"), "no node has that name");
    check(&format!("{node}[[event]]\nat = \"1m\"\nnode = \"A\"\ndoes = \"dances\"\n"), "dances");
    check(&format!("{node}[[event]]\nat = \"1m\"\nnode = \"A\"\ndoes = \"reboots\"\nfor = \"1m\"\n"), "takes no time");
    check(&format!("{node}[[event]]\nat = \"1m\"\nnode = \"A\"\ndoes = \"says\"\n"), "1 to 200");
    check(&"x".repeat(1_000_001), "may have 1000000");
}
