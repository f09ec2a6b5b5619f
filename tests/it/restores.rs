//! Backups as operators make and restore them: what the API answered when a backup was made, it answers again once that is restored.

use crate::steps::{CLEO, accepted, attach, cloud_of_members, expect_stored, send_series, wait_for};
use kosmo_sim::{Person, region};
use kosmo_tests::{Air, Footing, Kosmo, Setup, System, kosmo, now, on_both_footings, until};
use serde_json::Value;
use std::{collections::BTreeMap, fs, process::Output, time::Duration};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Returns what the API says of everything that is to be restored, by path; what tells of the present moment is left out.
async fn answers(cloud: &System) -> BTreeMap<String, Value> {
    let mut answers = BTreeMap::new();
    let nodes = cloud.json("weather", "/api/v1/nodes?limit=500").await;
    let mut paths = vec!["/api/v1/weather/latest".to_owned(), "/api/v1/links".to_owned(), "/api/v1/network/packets?limit=500".to_owned()];
    for node in nodes["data"].as_array().unwrap() {
        let id = node["node_id"].as_str().unwrap();
        paths.push(format!("/api/v1/nodes/{id}"));
        let (start, end) = (now().minus(kosmo_domain::DAY * 9), now().plus(kosmo_domain::DAY));
        for interval in ["raw", "1h", "1d"] {
            let (start, end) = (start.floor_to(kosmo_domain::DAY), end.floor_to(kosmo_domain::DAY));
            paths.push(format!("/api/v1/weather/history?node_id={id}&start={start}&end={end}&interval={interval}"));
        }
    }
    for path in paths {
        let answer = cloud.json("web", &path).await;
        answers.insert(path, answer["data"].as_array().map_or_else(|| answer.clone(), |rows| rows.clone().into()));
    }
    for path in [
        "/api/v1/messages/quota".to_owned(),
        "/api/v1/messages/conversations".to_owned(),
        format!("/api/v1/messages/conversations/{}", region::LENA),
        format!("/api/v1/messages/conversations/{}", region::person(Person::Silent)),
    ] {
        let (status, answer) = cloud.read(CLEO, &path).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answers.insert(path, answer);
    }
    answers
}

/// Returns what the API says once nothing changes any more.
async fn settled(cloud: &System) -> BTreeMap<String, Value> {
    let mut before = answers(cloud).await;
    let mut same = 0;
    while same < 3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let after = answers(cloud).await;
        same = if after == before { same + 1 } else { 0 };
        before = after;
    }
    before
}

on_both_footings! {
    async fn what_is_restored_answers_as_it_did_when_the_backup_was_made(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        // On servers: behind a password and TLS, by a role that may do no more than an application needs.
        let setup = Setup { guarded_cluster: footing == Footing::Servers, ..Setup::default() };
        let mut cloud = cloud_of_members(folder.path(), footing, setup).await;
        let air = Air::peopled(1, &[Person::Silent], 20).await;
        let mut roof = attach(&mut cloud, &air, 0, "roof").await;
        let (stations, now) = (air.stations(), now());
        let hours_ago = |hours| now.minus(Duration::from_hours(hours));
        let mut expected = BTreeMap::new();
        for (station, hours) in stations.iter().zip([2, 30]) {
            expected = send_series(&air, *station, hours_ago(hours), &[1.5, 2.5, 3.5]);
            expect_stored(&cloud, *station, now, &expected).await;
        }
        for (reader, text) in [(region::LENA, "is the hut open?"), (region::person(Person::Silent), "are you there?")] {
            let text = accepted(&cloud, CLEO, reader, text).await;
            wait_for(&cloud, CLEO, &text, |text| text["status"] == "delivered").await;
        }
        until("hours are summarised", || async {
            let path = format!("/api/v1/weather/history?node_id={}&start={}&end={now}&interval=1h", stations[1], hours_ago(40));
            (!cloud.json("weather", &path).await["data"].as_array().unwrap().is_empty()).then_some(())
        })
        .await;
        roof.stop().await;
        let before = settled(&cloud).await;

        let shelf = folder.path().join("monday");
        let made = cloud.command(&["backup", shelf.to_str().unwrap()]);
        assert!(made.status.success(), "{}", said(&made));
        roof.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
        air.attached(0).await;
        let later = send_series(&air, stations[1], now, &[9.0, 9.5]);
        expect_stored(&cloud, stations[1], now, &expected.iter().chain(&later).map(|(at, value)| (at.clone(), *value)).collect()).await;
        let in_use = cloud.command(&["restore", shelf.to_str().unwrap(), "--force"]);
        assert!(in_use.status.code() == Some(4) && said(&in_use).contains("is in use"), "{}", said(&in_use));
        roof.stop().await;
        assert!(cloud.stop().await, "{}", cloud.log());

        let refused = cloud.command(&["restore", shelf.to_str().unwrap()]);
        assert_eq!(refused.status.code(), Some(4), "{}", said(&refused));
        let restored = cloud.command(&["restore", shelf.to_str().unwrap(), "--force"]);
        assert!(restored.status.success(), "{}", said(&restored));
        cloud.restart_all().await;
        cloud.ready().await;

        let after = settled(&cloud).await;
        for (path, answer) in &before {
            assert_eq!(after.get(path), Some(answer), "{path}");
        }
        assert_eq!(after.len(), before.len());
        // It goes on: with logins, quota and numbers as they were.
        roof.start(air.mesh.radio(0).address(), cloud.address("mqtt"));
        air.attached(0).await;
        let newer = send_series(&air, stations[0], now, &[4.5]);
        until("what comes after the restore is stored", || async {
            let readings = cloud.readings(stations[0], now).await;
            readings.iter().any(|reading| newer.contains_key(reading["at"].as_str().unwrap())).then_some(())
        })
        .await;
        let text = accepted(&cloud, CLEO, region::LENA, "and now?").await;
        wait_for(&cloud, CLEO, &text, |text| text["status"] == "delivered").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_lost_is_another_machine_after_a_restore_and_one_command() {
    let folder = tempfile::tempdir().unwrap();
    let (lost, new) = (folder.path().join("lost"), folder.path().join("new"));
    let air = Air::silent(1).await;
    let radio = format!("tcp://{}", air.mesh.radio(0).address());
    let up = ["up", "--port-base", "0", "--mqtt-port", "0", "--radio", &radio];
    let mut server = Kosmo::start(&lost, &up).await;
    air.attached(0).await;
    let (station, now) = (air.stations()[0], now());
    let stored = async |server: &Kosmo, number: usize| {
        until(&format!("{number} readings are stored"), || async { (server.readings(station, now).await.len() == number).then_some(()) })
            .await;
    };
    send_series(&air, station, now.minus(Duration::from_hours(1)), &[1.0, 2.0]);
    stored(&server, 2).await;
    let shelf = folder.path().join("monday");
    let made = server.command(&["backup", shelf.to_str().unwrap()]);
    assert!(made.status.success(), "{}", said(&made));
    server.kill();
    fs::remove_dir_all(&lost).unwrap();

    // As docs/operating.md says it, step by step.
    fs::create_dir_all(&new).unwrap();
    let restored = kosmo(&new, &["restore", shelf.to_str().unwrap()]);
    assert!(restored.status.success(), "{}", said(&restored));
    let revoked = kosmo(&new, &["bridge", "revoke", "local"]);
    assert!(revoked.status.success(), "{}", said(&revoked));
    let server = Kosmo::start(&new, &up).await;
    air.attached(0).await;
    stored(&server, 2).await;
    send_series(&air, station, now, &[3.0]);
    stored(&server, 3).await;
}
