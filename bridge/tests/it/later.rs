//! Radios with firmware 2.8: locked, updated, and telling again what they remember.

use crate::{
    texts::{id, offer},
    trouble::{codes, radio, scene_of},
    world::{PATIENCE, config, noon},
};
use kosmo_bridge::{local, probe::probe};
use kosmo_contract::{Evidence, RadioLink};
use kosmo_domain::ManualClock;
use kosmo_sim::{Act, Firmware, Mesh, RadioAct};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{net::Ipv4Addr, sync::Arc};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_locked_radio_is_named_with_its_remedy_gets_no_texts_and_is_heard_again_once_it_is_unlocked() {
    let scene = scene_of(Firmware::V28).await;
    let node = scene.control().node();
    scene.mesh.act(node, Act::Radio(RadioAct::Lock(true)));
    scene.until_says("the radio is locked with a passphrase").await;
    let report = local::ask(&scene.folder.path().join("status.sock")).await.unwrap().unwrap();
    let [finding] = &report.findings[..] else { panic!("what it left blank is no finding: {:?}", report.findings) };
    assert_eq!(finding.code, "radio_locked");
    assert!(finding.remedy.contains("switch its lockdown off"), "{}", finding.remedy);

    let before = scene.cloud.heard().statuses.len();
    scene.cloud.offer(&offer(1)).await;
    let heard = scene.cloud.until("two statuses after the offer", |heard| heard.statuses.len() > before + 2).await;
    assert_eq!(heard.told(id(1)), [], "another bridge may have it");
    assert!(radio(&heard).is_some_and(|radio| radio.link == RadioLink::Down && radio.channels.is_empty()));

    scene.mesh.act(node, Act::Radio(RadioAct::Lock(false)));
    scene.until_ready(3).await;
    scene.until_works().await;
    scene.cloud.until("a claim", |heard| heard.told(id(1)) == [Evidence::Claimed]).await;
    assert_eq!(codes(scene.folder.path()).await, [""; 0]);
    scene.bridge.stop().await;
}

#[tokio::test]
async fn a_look_without_a_bridge_finds_a_locked_radio_too() {
    let shutdown = CancellationToken::new();
    let one = kosmo_sim::Config { listen: vec![(Ipv4Addr::LOCALHOST, 0).into()], interval: None, chat_every: None, ..Default::default() };
    let mesh = Mesh::start(one, Arc::new(ManualClock::at(noon())), shutdown.clone()).await.unwrap();
    let (folder, url) = (tempfile::tempdir().unwrap(), format!("tcp://{}", mesh.addresses()[0]));
    let config = config(&url.parse().unwrap(), "mqtt://127.0.0.1:9", folder.path());
    let codes = async || {
        let probed = probe(&config, &mut StdRng::seed_from_u64(5), PATIENCE).await;
        probed.findings.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert_eq!(codes().await, ["broker_away"]);
    // The radio starts anew for its lockdown, which a look at that moment may find.
    mesh.act(mesh.radio(0).node(), Act::Radio(RadioAct::Lock(true)));
    let locked = async {
        while codes().await != ["radio_locked", "broker_away"] {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, locked).await.expect("a look finds that it is locked");
    shutdown.cancel();
}

#[tokio::test]
async fn an_update_that_numbers_the_radio_by_its_key_is_told_from_another_radio_and_worked_with() {
    let scene = scene_of(Firmware::V27).await;
    let before = scene.control().node();
    scene.mesh.act(before, Act::Update);
    scene.until_ready(2).await;
    let node = scene.control().node();
    let says = format!("the same key, as after an update to firmware 2.8: it was {before} and is {node}");
    let is_told = |problems: &[kosmo_contract::Text<200>]| problems.iter().any(|problem| problem.contains(&says));
    scene.cloud.until(&says, |heard| heard.status().is_some_and(|status| is_told(&status.problems))).await;
    assert_eq!(codes(scene.folder.path()).await, ["other_radio"]);
    scene.until_works().await;
    scene.bridge.stop().await;
}

#[tokio::test]
async fn what_a_radio_tells_again_after_a_handshake_is_not_taken_for_news() {
    let scene = scene_of(Firmware::V28).await;
    scene.until_works().await;
    scene.control().cut();
    scene.until_ready(2).await;
    let heard = scene.cloud.until("what it remembers", |heard| heard.readings.len() == 2).await;
    let [first, again] = [&heard.readings[0], &heard.readings[1]].map(|record| record.packet.clone().unwrap());
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!((first.from, first.rx_time), (again.from, again.rx_time));
    assert_ne!(first.id, again.id, "by its id it could not be known");
    scene.bridge.stop().await;
}
