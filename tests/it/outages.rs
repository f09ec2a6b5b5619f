//! The parts that are not ours die or freeze, and ours freeze: everything is back within a minute, and nothing is lost.

use crate::{
    database::abandoned,
    steps::{CLEO, accepted, attach, cloud_of_members, expect_stored, send_long_series, send_series, wait_for},
};
use kosmo_sim::{Person, region};
use kosmo_tests::{Air, Footing, Setup, System, Way, now, on_both_footings, until};
use std::{collections::BTreeMap, time::Duration};

/// How soon everything is back once what was wrong is over.
const BACK_WITHIN: Duration = Duration::from_mins(1);
/// Under these settings nobody waits for a silent broker for longer than 5 s, a broker for a silent client 7.5 s, anybody for a
/// connection to the database 10 s…
const IMPATIENT: &str = "[mqtt]\nkeep_alive_s = 5\n";
/// …so that whatever is frozen for this long was given up by all.
const FROZEN: Duration = Duration::from_secs(12);

async fn expect_back(cloud: &System) {
    tokio::time::timeout(BACK_WITHIN, cloud.ready()).await.expect("everything is back within a minute");
}

/// Waits until what a bridge says of itself is known, which a broker that forgot everything has to be told again.
async fn expect_online(cloud: &System, id: &str) {
    until(&format!("{id} is online"), || async {
        let said = cloud.command(&["bridge", "list"]);
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        said.lines().any(|line| line.starts_with(id) && line.contains("online")).then_some(())
    })
    .await;
}

/// Waits until these texts of cleo's are delivered, and checks that each was shown once.
async fn expect_delivered(cloud: &System, air: &Air, texts: &BTreeMap<String, String>) {
    for location in texts.values() {
        wait_for(cloud, CLEO, location, |message| message["status"] == "delivered").await;
    }
    let mut shown: Vec<_> = air.mesh.shown(region::person(Person::Silent)).iter().map(|shown| shown.text.clone()).collect();
    shown.sort_unstable();
    assert_eq!(shown, texts.keys().map(|text| format!("cleo: {text}")).collect::<Vec<_>>());
}

/// Returns thirty temperatures.
fn thirty(from: i16) -> Vec<f32> {
    (from..from + 30).map(|number| f32::from(number) / 4.0).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_killed_has_what_was_answered_for_and_gets_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let mut cloud = cloud_of_members(folder.path(), Footing::Servers, Setup { own_cluster: true, ..Setup::default() }).await;
    let air = Air::peopled(1, &[Person::Silent], 20).await;
    let _bridge = attach(&mut cloud, &air, 0, "roof").await;
    let (station, now) = (air.stations()[0], now());
    let mut texts = BTreeMap::new();
    for text in ["first", "second"] {
        texts.insert(text.to_owned(), accepted(&cloud, CLEO, region::person(Person::Silent), text).await);
    }
    let mut expected = BTreeMap::new();
    for (hour, from) in (0..2).zip([0, 30]) {
        expected.extend(send_long_series(&air, &[0], station, now.minus(Duration::from_hours(hour)), &thirty(from)).await);
        until("some of it is stored", || async { (!cloud.readings(station, now).await.is_empty()).then_some(()) }).await;

        cloud.kill("database");
        let meanwhile = now.minus(Duration::from_mins(60 * hour + 30));
        expected.extend(send_long_series(&air, &[0], station, meanwhile, &thirty(from + 200)).await);
        cloud.restart("database").await;
        expect_back(&cloud).await;
    }

    expect_stored(&cloud, station, now, &expected).await;
    expect_delivered(&cloud, &air, &texts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_falls_silent_amid_transactions_is_worked_with_again_within_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let mut cloud = cloud_of_members(folder.path(), Footing::Servers, Setup { way: Way::Cable, ..Setup::default() }).await;
    let air = Air::peopled(1, &[Person::Silent], 20).await;
    let _bridge = attach(&mut cloud, &air, 0, "roof").await;
    let (station, now) = (air.stations()[0], now());
    let cable = cloud.cable().unwrap();
    // As after a power cut of either side: nothing more is heard over any connection, and whoever comes anew is served. One
    // transaction of ingestion's and one of the gateway's are in their middle, and keep their locks.
    cable.silence_each_before(&["insert into readings", "set granted_bridge = $2, granted_at"]);
    let mut texts = BTreeMap::new();
    texts.insert("amid".to_owned(), accepted(&cloud, CLEO, region::person(Person::Silent), "amid").await);
    let mut expected = send_series(&air, station, now.minus(Duration::from_hours(1)), &thirty(0)[..15]);
    until("both transactions were left in their middle", || std::future::ready(cable.is_silent().then_some(()))).await;
    expected.extend(send_series(&air, station, now, &thirty(100)[..15]));

    let back = async {
        cloud.ready().await;
        expect_stored(&cloud, station, now, &expected).await;
        expect_delivered(&cloud, &air, &texts).await;
    };
    tokio::time::timeout(BACK_WITHIN, back).await.expect("everything is back within a minute");
    until("nobody holds what the silent ones held", || async { (abandoned(&cloud).await == 0).then_some(()) }).await;
    texts.insert("later".to_owned(), accepted(&cloud, CLEO, region::person(Person::Silent), "later").await);
    expect_delivered(&cloud, &air, &texts).await;
    let (_, quota) = cloud.read(CLEO, "/api/v1/messages/quota").await;
    assert_eq!(quota["used"], 2, "{quota:#}");
}

on_both_footings! {
    async fn a_broker_that_is_killed_and_remembers_nothing_costs_nothing(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = cloud_of_members(folder.path(), footing, Setup::default()).await;
        let air = Air::peopled(1, &[Person::Silent], 20).await;
        let _bridge = attach(&mut cloud, &air, 0, "roof").await;
        let (station, now) = (air.stations()[0], now());
        let mut texts = BTreeMap::new();
        texts.insert("before".to_owned(), accepted(&cloud, CLEO, region::person(Person::Silent), "before").await);
        let mut expected = send_long_series(&air, &[0], station, now.minus(Duration::from_hours(1)), &thirty(0)).await;

        cloud.kill("broker");
        if footing == Footing::Servers {
            texts.insert("meanwhile".to_owned(), accepted(&cloud, CLEO, region::person(Person::Silent), "meanwhile").await);
        }
        expected.extend(send_long_series(&air, &[0], station, now, &thirty(100)).await);
        cloud.restart("broker").await;

        expect_back(&cloud).await;
        expect_stored(&cloud, station, now, &expected).await;
        expect_delivered(&cloud, &air, &texts).await;
        expect_online(&cloud, "roof").await;
    }

    async fn whoever_freezes_for_longer_than_anybody_waits_goes_on_and_nothing_is_lost(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let setup = Setup { settings: IMPATIENT.to_owned(), own_cluster: true, ..Setup::default() };
        let mut cloud = cloud_of_members(folder.path(), footing, setup).await;
        let air = Air::peopled(1, &[Person::Silent], 20).await;
        let mut roof = cloud.bridge("roof").await;
        roof.configure(IMPATIENT);
        roof.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
        air.attached(0).await;
        let (station, now) = (air.stations()[0], now());
        let (mut expected, mut texts) = (BTreeMap::new(), BTreeMap::new());
        let victims: &[&str] = match footing {
            Footing::Embedded => &["up", "the bridge"],
            Footing::Servers => &["ingestion", "gateway", "web", "broker", "database", "the bridge"],
        };
        let signal = |cloud: &System, victim: &str, name: &str| match victim {
            "the bridge" => roof.signal(name),
            victim => cloud.signal(victim, name),
        };
        for (hour, victim) in (0..).zip(victims) {
            let text = format!("before {victim} freezes");
            texts.insert(text.clone(), accepted(&cloud, CLEO, region::person(Person::Silent), &text).await);
            signal(&cloud, victim, "STOP");
            expected.extend(send_series(&air, station, now.minus(Duration::from_hours(hour)), &thirty(100)[..15]));
            tokio::time::sleep(FROZEN).await;
            signal(&cloud, victim, "CONT");
            expect_back(&cloud).await;
        }

        expect_stored(&cloud, station, now, &expected).await;
        expect_delivered(&cloud, &air, &texts).await;
        expect_online(&cloud, "roof").await;
    }
}
