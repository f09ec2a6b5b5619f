//! Scenarios: those that come with the simulator do what they say, and what is wrong with one is named.

use kosmo_domain::{NodeId, Timestamp};
use kosmo_sim::{Config, OnAir, Rehearsal, Scenario, Tally};
use std::{collections::BTreeSet, fs, net::Ipv4Addr, time::Duration};

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
