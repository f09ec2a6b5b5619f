//! The official client, row by row. docs/simulator.md lists the rows.

use kosmo_domain::ManualClock;
use kosmo_sim::{Config, Mesh, Person, region};
use kosmo_test_support::{Row, official_client};
use std::{net::Ipv4Addr, sync::Arc};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A mesh in which nobody speaks unasked, and everything on the air goes 25 times as fast.
async fn mesh(change: impl FnOnce(&mut Config)) -> (Mesh, DropGuard) {
    let mut config = Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        interval: None,
        chat_every: None,
        people: vec![Person::Silent, Person::Off, Person::NoKey],
        speed: 25,
        record: true,
        ..Config::default()
    };
    change(&mut config);
    let shutdown = CancellationToken::new();
    let clock = Arc::new(ManualClock::at("2026-04-12T15:30:00Z".parse().unwrap()));
    (Mesh::start(config, clock, shutdown.clone()).await.unwrap(), shutdown.drop_guard())
}

/// Says in JSON whom the rows speak of.
fn cast(mesh: &Mesh) -> String {
    let station = mesh.nodes().iter().find(|node| node.short_name == "WITT").unwrap().id;
    let [peer, off, stranger, spare] =
        [region::LENA, region::person(Person::Off), region::person(Person::NoKey), region::person(Person::Silent)];
    let own = mesh.radio(0).node();
    format!(
        r#"{{"own":"{own}","peer":"{peer}","off":"{off}","stranger":"{stranger}","spare":"{spare}","station":"{station}","has_clock":false,"patience_s":60,"timeout_s":4}}"#
    )
}

fn all_passed(rows: &[Row]) {
    let failed: Vec<_> = rows.iter().filter(|row| !row.passed).map(|row| row.report.as_str()).collect();
    assert!(failed.is_empty(), "{} of {} rows passed; not these:\n{}", rows.len() - failed.len(), rows.len(), failed.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_takes_a_simulated_radio_for_a_real_one() {
    let (mesh, _end) = mesh(|config| config.clock_set = false).await;
    let rows = official_client(mesh.addresses()[0], &cast(&mesh), &[]).await;
    all_passed(&rows);
    println!("{} rows: {}", rows.len(), rows.iter().map(|row| row.report.as_str()).collect::<Vec<_>>().join("\n"));

    // What the client said it sent was on the air as it says.
    let own = mesh.radio(0).node();
    let sent: Vec<_> = mesh.air_log().into_iter().filter(|on_air| on_air.from == own && on_air.sender == own && on_air.port == 1).collect();
    assert!(sent.iter().any(|on_air| on_air.to == region::LENA) && sent.iter().any(|on_air| on_air.to.is_broadcast()));
    assert!(mesh.shown(region::LENA).iter().any(|shown| shown.text == "row direct" && shown.direct));
    assert!(mesh.shown(region::LENA).iter().any(|shown| shown.text == "row sendtext"));
}
