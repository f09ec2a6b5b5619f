//! What a bridge hears of who does not agree, and on private channels: in no public answer, until that changes.

use crate::secrets::{HEALTH, SHOWN, Secrets, answers, listen, said, told};
use kosmo_domain::NodeId;
use kosmo_mqtt::{Client, Login, Message, Options};
use kosmo_tests::{BridgeProcess, Kosmo, kosmo, now, until};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::Path};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What a bridge says with a record of who may see it.
struct Heard {
    number: u32,
    why: &'static str,
    privacy: Value,
}

/// Publishes what a bridge hears.
struct Roof {
    client: Client,
    epoch: Uuid,
    seq: u64,
}

impl Roof {
    async fn connect(cloud: &Kosmo, folder: &Path) -> Self {
        let secret = BridgeProcess::enrol(cloud, folder, "roof").secret();
        let mut options = Options::new(cloud.address("mqtt").parse().unwrap(), "kosmo-bridge-roof");
        options.login = Some(Login { name: "roof".to_owned(), password: secret.trim().to_owned() });
        let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(1), CancellationToken::new()).unwrap();
        client.connected().await;
        tokio::spawn(async move { while incoming.next().await.is_some() {} });
        Self { client, epoch: Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001), seq: 0 }
    }

    async fn say(&mut self, kind: &str, from: u32, port: u32, privacy: &Value, body: Value) {
        self.seq += 1;
        let (node, stream) = (NodeId::from_number(from), if kind == "inbound" { "gateway" } else { "ingest" });
        let record = json!({
            "v": 1, "bridge": "roof", "epoch": self.epoch, "stream": stream, "seq": self.seq, "heard_at": now(),
            "packet": { "from": node, "to": "!ffffffff", "id": 5000 + self.seq, "port": port, "hops_away": 0, "transport": "lora" },
            "privacy": privacy,
            "body": body,
        });
        let message = Message::new(format!("kosmo/mesh/{kind}/roof"), serde_json::to_vec(&record).unwrap());
        self.client.publish(message).await.unwrap().await.unwrap();
    }

    /// Has a node say everything that a bridge passes on.
    async fn plant(&mut self, number: u32, privacy: &Value) {
        let Secrets { name, words, celsius, latitude_i, body_celsius } = Secrets::of(number);
        let node = NodeId::from_number(number);
        let about = |report: Value| json!({ "node_id": node, "report": report });
        let user = json!({ "kind": "user", "long_name": name, "short_name": "S", "licensed": false, "unmessagable": false });
        self.say("node", number, 4, privacy, about(user)).await;
        let place = json!({ "kind": "position", "latitude": f64::from(latitude_i) / 1e7, "longitude": 8.0, "precision_bits": 32 });
        self.say("node", number, 3, privacy, about(place)).await;
        let reading = json!({ "node_id": node, "kind": "environment", "device_time": now(), "metrics": { "temperature_c": celsius } });
        self.say("reading", number, 67, privacy, reading).await;
        let health =
            json!({ "kind": "health_metrics", "heart_rate_bpm": 61, "oxygen_saturation_pct": 0, "body_temperature_c": body_celsius });
        self.say("node", number, 67, privacy, about(health)).await;
        let waypoint = json!({
            "kind": "waypoint", "waypoint_id": number, "latitude": 10.0, "longitude": 8.0, "name": words, "description": words,
            "channel": { "name": "Family", "hash": 9 }, "public": false,
        });
        self.say("node", number, 8, privacy, about(waypoint)).await;
        let neighbors = json!({ "kind": "neighbors", "neighbors": [{ "node_id": NodeId::from_number(SHOWN), "snr_db": 3.5 }] });
        self.say("node", number, 71, privacy, about(neighbors)).await;
        let text = json!({ "text": words, "channel": { "name": "Family", "hash": 9 } });
        self.say("inbound", number, 1, privacy, text).await;
    }
}

#[tokio::test]
async fn what_a_bridge_hears_is_shown_of_those_who_agree_and_on_public_channels() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("cloud");
    let cloud = Kosmo::start(&data, &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    let live = listen(&cloud).await;
    let mut roof = Roof::connect(&cloud, folder.path()).await;
    let family = json!({ "name": "Family", "hash": 9 });
    let status = json!({
        "v": 1, "bridge": "roof", "state": "online", "at": now(),
        "radio": { "link": "ready", "channels": [
            { "index": 1, "name": "Family", "hash": 9, "primary": false, "public": false, "uplink": false, "downlink": false }
        ] },
    });
    let message = Message::new("kosmo/bridge/roof/status", serde_json::to_vec(&status).unwrap()).retained();
    roof.client.publish(message).await.unwrap().await.unwrap();
    until("the channel is known", || async {
        String::from_utf8(kosmo(&data, &["channel", "list"]).stdout).unwrap().contains("Family").then_some(())
    })
    .await;

    let cases = [
        ("it does not agree", json!({ "ok_to_mqtt": false })),
        ("it does not say whether it agrees", json!({})),
        ("its channel is private", json!({ "ok_to_mqtt": true, "private_channel": family })),
        ("its channel is private, and it does not agree either", json!({ "ok_to_mqtt": false, "private_channel": family })),
    ];
    let case = |(number, (why, privacy))| Heard { number, why, privacy };
    let cases: Vec<_> = (SHOWN + 1..).zip(cases).map(case).collect();
    for Heard { number, privacy, .. } in &cases {
        roof.plant(*number, privacy).await;
    }
    let agrees = json!({ "ok_to_mqtt": true });
    roof.plant(SHOWN, &agrees).await;
    roof.say(
        "node",
        0x300,
        4,
        &agrees,
        json!({ "node_id": "!00000300", "report": { "kind": "user", "long_name": "Last", "licensed": false, "unmessagable": false } }),
    )
    .await;
    until("the last is in the log, and the one who agrees is told of", || async {
        let log = cloud.json("web", "/api/v1/network/packets?node_id=!00000300").await["data"].clone();
        let latest = cloud.try_ask("web", "/api/v1/weather/latest?node_id=!00000100").await?.1;
        (log.as_array().is_some_and(|rows| !rows.is_empty()) && latest.contains("-20.25")).then_some(())
    })
    .await;

    let nodes: Vec<_> = cases.iter().map(|case| NodeId::from_number(case.number)).chain([NodeId::from_number(SHOWN)]).collect();
    let mut answers = answers(&cloud, &nodes).await;
    answers.push(("live".to_owned(), live.lock().unwrap().clone()));
    for Heard { number, why, .. } in &cases {
        assert_eq!(told(*number, &answers), BTreeSet::new(), "{why}");
        let node = format!("\"{}\"", NodeId::from_number(*number));
        for (path, body) in answers.iter().filter(|(path, _)| !path.contains("/packets") && !path.contains('!')) {
            assert!(!body.contains(&node), "{path} tells of one though {why}");
        }
    }
    let told_of_shown = told(SHOWN, &answers);
    assert!(told_of_shown.contains(&("its reading", "/api/v1/weather/latest".to_owned())), "{told_of_shown:?}");
    assert!(!told_of_shown.iter().any(|(what, _)| *what == HEALTH), "{told_of_shown:?}");
    let vitals = String::from_utf8(kosmo(&data, &["vitals"]).stdout).unwrap();
    let of_shown = vitals.lines().find(|line| line.contains("!00000100")).unwrap_or_default();
    assert!(["Secretname256", " 61 ", " – ", " 12.1 "].iter().all(|part| of_shown.contains(part)), "an operator is told: {vitals}");
    assert!(
        !answers.iter().any(|(path, body)| path != "live" && body.contains("\"Family\"")),
        "a private channel's name is nobody's business"
    );

    // An operator is told why the map stays empty, and publishes the channel.
    let hidden = cloud.json("web", "/api/v1/network/hidden").await;
    assert_eq!((&hidden["nodes"], &hidden["private_channels"], &hidden["withheld"]), (&json!(2), &json!(1), &json!(12)));
    let listed = String::from_utf8(kosmo(&data, &["channel", "list"]).stdout).unwrap();
    assert!(listed.contains("WITHHELD") && listed.contains("kosmo channel publish 'Family'"), "{listed}");
    said(&data, &["channel", "publish", "Family"]);
    roof.plant(SHOWN + 3, &cases[2].privacy).await;
    until("what is said on the channel from now on is shown", || async {
        let latest = cloud.try_ask("web", "/api/v1/weather/latest?node_id=!00000103").await?.1;
        latest.contains("-23.25").then_some(())
    })
    .await;
}
