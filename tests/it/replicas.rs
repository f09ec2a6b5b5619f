//! Several processes of every service on one database and one broker.

use crate::steps::{CLEO, accepted_by, attach, cloud_of_members, expect_stored, send_long_series, send_series, wait_for};
use kosmo_mqtt::{Client, Event, Login, Message, Options};
use kosmo_sim::{Person, region};
use kosmo_tests::{Air, Footing, Setup, System, now, until};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::json;
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Counts the records that a replica took in: its share, while statuses come to all.
const TAKEN: [(&str, &str); 2] = [("ingestion", "kosmo_ingestion_records_total"), ("gateway", "gateway_records_total")];

async fn cloud_of_two(folder: &Path) -> System {
    cloud_of_members(folder, Footing::Servers, Setup { replicas: 2, ..Setup::default() }).await
}

/// Waits until this replica of each service has taken something in.
async fn until_worked(cloud: &System, replica: usize) {
    for (service, metric) in TAKEN {
        until(&format!("{service}-{replica} works"), || async {
            (cloud.metric(&format!("{service}-{replica}"), metric).await > 0.0).then_some(())
        })
        .await;
    }
}

/// Waits until each of these texts is delivered, and checks that each was shown to its reader once.
async fn expect_delivered(cloud: &System, air: &Air, locations: &[String], words: &[String]) {
    for location in locations {
        wait_for(cloud, CLEO, location, |message| message["status"] == "delivered").await;
    }
    let mut shown: Vec<_> = air.mesh.shown(region::person(Person::Silent)).iter().map(|shown| shown.text.clone()).collect();
    shown.sort_unstable();
    assert_eq!(shown, words.iter().map(|text| format!("cleo: {text}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_of_every_service_share_the_work_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut cloud = cloud_of_two(folder.path()).await;
    let air = Air::peopled(2, &[Person::Silent], 20).await;
    let _north = attach(&mut cloud, &air, 0, "north").await;
    let _south = attach(&mut cloud, &air, 1, "south").await;
    let (station, now) = (air.stations()[0], now());
    let temperatures: Vec<f32> = (0..60_i16).map(|number| f32::from(number) / 2.0).collect();

    let sent = send_long_series(&air, &[0, 1], station, now, &temperatures).await;
    let (mut texts, mut words) = (Vec::new(), Vec::new());
    for number in 0..6 {
        let gateway = if number % 2 == 0 { "gateway-1" } else { "gateway-2" };
        words.push(format!("number {number}"));
        texts.push(accepted_by(&cloud, gateway, CLEO, region::person(Person::Silent), &words[number]).await);
    }

    expect_stored(&cloud, station, now, &sent).await;
    expect_delivered(&cloud, &air, &texts, &words).await;
    for replica in [1, 2] {
        until_worked(&cloud, replica).await;
    }
    let latest = format!("/api/v1/weather/latest?node_id={station}");
    assert_eq!(cloud.json("weather-1", &latest).await["data"], cloud.json("weather-2", &latest).await["data"]);
    let (_, quota) = cloud.read(CLEO, "/api/v1/messages/quota").await;
    assert_eq!(quota["used"], 6, "{quota:#}");
    assert!(cloud.stop().await, "{}", cloud.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_replicas_one_dies_with_work_in_its_hands_and_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    let mut cloud = cloud_of_two(folder.path()).await;
    let air = Air::peopled(2, &[Person::Silent], 20).await;
    let _north = attach(&mut cloud, &air, 0, "north").await;
    let _south = attach(&mut cloud, &air, 1, "south").await;
    let (station, other, now) = (air.stations()[0], air.stations()[1], now());
    let temperatures: Vec<f32> = (0..300_i16).map(|number| f32::from(number % 100) / 4.0).collect();
    let (mut texts, mut words) = (Vec::new(), Vec::new());
    for number in 0..5 {
        // Both bridges claim each text, and either gateway may be told of either claim.
        let gateway = if number % 2 == 0 { "gateway-1" } else { "gateway-2" };
        words.push(format!("number {number}"));
        texts.push(accepted_by(&cloud, gateway, CLEO, region::person(Person::Silent), &words[number]).await);
    }
    let first = send_long_series(&air, &[0, 1], station, now, &temperatures).await;
    until_worked(&cloud, 1).await;
    until_worked(&cloud, 2).await;

    // Nothing was waited for: both still have messages that they have not acknowledged, and texts are under way.
    cloud.kill("ingestion-2");
    cloud.kill("gateway-2");
    words.push("number 5".to_owned());
    texts.push(accepted_by(&cloud, "gateway-1", CLEO, region::person(Person::Silent), &words[5]).await);
    // What the broker held for the dead and for the living is gone, and so are the bridges' statuses.
    cloud.kill("broker");
    let second = send_long_series(&air, &[0, 1], other, now, &temperatures).await;
    cloud.restart("broker").await;

    expect_stored(&cloud, station, now, &first).await;
    expect_stored(&cloud, other, now, &second).await;
    expect_delivered(&cloud, &air, &texts, &words).await;
    cloud.restart("ingestion-2").await;
    cloud.restart("gateway-2").await;
    cloud.ready().await;
    let third = send_series(&air, station, now.plus(std::time::Duration::from_secs(30)), &[1.0, 2.0, 3.0, 4.0]);
    let all = first.into_iter().chain(third).collect();
    expect_stored(&cloud, station, now, &all).await;
    let (_, quota) = cloud.read(CLEO, "/api/v1/messages/quota").await;
    assert_eq!(quota["used"], 6, "{quota:#}");
}

/// The radio of a bridge of version 0.1.
const OLD_RADIO: &str = "!4daa1001";

/// A bridge of version 0.1: it says each text once, to a topic that it shares with all of its kind, and forgets it.
async fn old_bridge(cloud: &mut System, shutdown: &CancellationToken) -> Client {
    let secret = cloud.bridge("old").await.secret();
    // Bridges of today have no business on that topic; an operator who still has old ones lets them.
    let broker = cloud.broker().unwrap();
    let rules = std::fs::read_to_string(broker.file("acl")).unwrap();
    std::fs::write(broker.file("acl"), format!("{rules}\nuser old\ntopic write kosmo/mesh/inbound\n")).unwrap();
    broker.reload().await;
    let mut options = Options::new(cloud.address("mqtt").parse().unwrap(), "kosmo-bridge-old");
    options.login = Some(Login { name: "old".to_owned(), password: secret.trim().to_owned() });
    let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(1), shutdown.clone()).unwrap();
    while !matches!(incoming.next().await, Some(Event::Connected { .. })) {}
    tokio::spawn(async move { while incoming.next().await.is_some() {} });
    let status = json!({ "v": 1, "bridge": "old", "state": "online", "at": now(), "radio": { "link": "ready", "node_id": OLD_RADIO } });
    client.publish(Message::new("kosmo/bridge/old/status", status.to_string()).retained()).await.unwrap().await.unwrap();
    client
}

/// Has it tell of a text of Lena's to its radio.
async fn hear(client: &Client, number: u32) {
    let record = json!({
        "v": 1,
        "bridge": "old",
        "epoch": "0b1d1b6e-5c8a-4a5e-9d0a-0e6c6f6b7a01",
        "stream": "gateway",
        "seq": number,
        "heard_at": now(),
        "packet": { "from": region::LENA, "to": OLD_RADIO, "id": 7_000 + number, "port": 1 },
        "body": { "text": format!("number {number}") },
    });
    client.publish(Message::new("kosmo/mesh/inbound", record.to_string())).await.unwrap().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_old_bridges_say_is_taken_by_one_replica_and_by_the_other_when_that_dies() {
    let folder = tempfile::tempdir().unwrap();
    let mut cloud = cloud_of_two(folder.path()).await;
    let shutdown = CancellationToken::new();
    let old = old_bridge(&mut cloud, &shutdown).await;
    accepted_by(&cloud, "gateway-1", CLEO, region::LENA, "how are you?").await;
    let listens = |cloud: &System, name: &str| cloud.process(name).log().contains("this process listens for bridges of version 0.1");
    let holder =
        until("one listens", || std::future::ready(["gateway-1", "gateway-2"].into_iter().find(|name| listens(&cloud, name)))).await;
    let other = if holder == "gateway-1" { "gateway-2" } else { "gateway-1" };
    let expect = async |cloud: &System, numbers: u32| {
        let path = format!("/api/v1/messages/conversations/{}", region::LENA);
        let heard = until(&format!("{numbers} texts came"), || async {
            let (_, conversation) = cloud.read_from(other, CLEO, &path).await?;
            let texts = conversation["data"].as_array()?.iter().filter(|text| text["direction"] == "in");
            let texts: Vec<_> = texts.map(|text| text["text"].as_str().unwrap_or_default().to_owned()).collect();
            (texts.len() >= numbers as usize).then_some(texts)
        })
        .await;
        assert_eq!(heard, (1..=numbers).map(|number| format!("number {number}")).collect::<Vec<_>>(), "each once, and in order");
    };
    hear(&old, 1).await;
    expect(&cloud, 1).await;
    assert!(!listens(&cloud, other), "one alone listens");

    cloud.kill(holder);
    for number in 2..=4 {
        hear(&old, number).await;
    }
    // It said so once, and nobody listened: the broker has kept it until the lease of the dead one was over.
    expect(&cloud, 4).await;
    assert!(listens(&cloud, other));
    cloud.restart(holder).await;
    hear(&old, 5).await;
    expect(&cloud, 5).await;
    shutdown.cancel();
}
