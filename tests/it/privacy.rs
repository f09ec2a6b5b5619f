//! Who does not agree, who opts out, and what is said where not everybody listens: in no public answer.
//!
//! Nodes are planted, each with secrets of its own, and then everything is asked that anybody may ask: the paths are those of the
//! description of the APIs, so that a new one is asked, too.

use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{
    Message as _,
    crypto::{ChannelKey, channel_hash},
    proto::{self, mesh_packet::PayloadVariant},
};
use kosmo_mqtt::{Client, Login, Message, Options};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use kosmo_tests::{BridgeProcess, Kosmo, kosmo, now, until};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const GATEWAY: &str = "!0a0b0c0d";
const FAMILY: [u8; 32] = [9; 32];

/// A channel as firmware knows it.
#[derive(Clone, Copy)]
struct Channel {
    name: &'static str,
    key: &'static [u8],
}

const LONG_FAST: Channel = Channel { name: "LongFast", key: &[1] };
const PRIVATE: Channel = Channel { name: "Family", key: &FAMILY };
const UNKNOWN: Channel = Channel { name: "Strangers", key: &[3; 16] };

/// How a node sends.
#[derive(Clone, Copy)]
struct Way {
    channel: Channel,
    /// What its packets say of being passed on.
    agrees: Option<bool>,
    /// What stands in the topic after the root.
    topic: &'static str,
    /// Whether its packets are encrypted.
    encrypted: bool,
    to: u32,
}

const OPEN: Way = Way { channel: LONG_FAST, agrees: Some(true), topic: "2/e/LongFast/!0a0b0c0d", encrypted: true, to: u32::MAX };

/// A node, and why what it says is not for everybody.
struct Case {
    number: u32,
    why: &'static str,
    way: Way,
    /// What is added to its name.
    mark: &'static str,
}

const SHOWN: u32 = 0x100;

fn cases() -> Vec<Case> {
    let family = Way { channel: PRIVATE, topic: "2/e/Family/!0a0b0c0d", ..OPEN };
    let cases = [
        ("it does not agree", Way { agrees: Some(false), ..OPEN }, ""),
        ("it does not say whether it agrees", Way { agrees: None, ..OPEN }, ""),
        ("it does not say so in the open either", Way { agrees: None, encrypted: false, ..OPEN }, ""),
        ("its channel is private", family, ""),
        ("its channel is private, whatever topic it is published under", Way { topic: "2/map/", ..family }, ""),
        ("its channel is private, whatever channel the topic names", Way { topic: "2/e/LongFast/!0a0b0c0d", ..family }, ""),
        ("its channel is private, and it is published in the open", Way { encrypted: false, ..family }, ""),
        ("nobody knows its channel", Way { channel: UNKNOWN, topic: "2/e/Strangers/!0a0b0c0d", ..OPEN }, ""),
        ("it opts out by a sign", OPEN, " \u{1f6d1}"),
        ("it opts out by a word", OPEN, " NoMap"),
        ("it writes to one node", Way { to: 0x7777, topic: "2/e/PKI/!0a0b0c0d", channel: UNKNOWN, ..OPEN }, ""),
    ];
    let case = |(number, (why, way, mark)): (u32, (&'static str, Way, &'static str))| Case { number, why, way, mark };
    (SHOWN + 1..).zip(cases).map(case).collect()
}

/// What a node must not be told by: its name, its words, what it measures, and where it is.
struct Secrets {
    name: String,
    words: String,
    celsius: f32,
    latitude_i: i32,
}

impl Secrets {
    fn of(number: u32) -> Self {
        let place = u16::try_from(number - SHOWN).unwrap();
        Self {
            name: format!("Secretname{number}"),
            words: format!("secretwords{number}"),
            // A quarter, so that it looks like nothing else that is told.
            celsius: -f32::from(place) - 20.25,
            latitude_i: 470_000_000 + i32::from(place) * 100_000 + 49_876,
        }
    }

    /// Returns what stands in an answer that tells of the node, each with what it is.
    fn as_told(&self) -> [(&'static str, String); 4] {
        let rough = format!("\"latitude\":{}", (f64::from(self.latitude_i) / 1e5).round() / 1e2);
        [
            ("its name", self.name.clone()),
            ("its words", self.words.clone()),
            ("its reading", self.celsius.to_string()),
            ("its place", rough),
        ]
    }
}

struct Publisher {
    client: Client,
    ids: u32,
}

impl Publisher {
    async fn connect(broker: &str, id: &str) -> Self {
        let options = Options::new(broker.parse().unwrap(), id);
        let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(1), CancellationToken::new()).unwrap();
        client.connected().await;
        tokio::spawn(async move { while incoming.next().await.is_some() {} });
        Self { client, ids: 1000 }
    }

    /// Publishes a packet as a gateway would.
    async fn send(&mut self, from: u32, way: Way, port: i32, payload: Vec<u8>) {
        self.ids += 1;
        let id = self.ids;
        let data = proto::Data { portnum: port, payload, bitfield: way.agrees.map(u32::from), ..Default::default() };
        let key = ChannelKey::expand(way.channel.key).unwrap();
        let variant = if way.encrypted {
            let mut bytes = data.encode_to_vec();
            key.apply(NodeId::from_number(from), PacketId(id), &mut bytes);
            PayloadVariant::Encrypted(bytes)
        } else {
            PayloadVariant::Decoded(data)
        };
        let packet = proto::MeshPacket {
            from,
            to: way.to,
            id,
            channel: u32::from(channel_hash(way.channel.name, &key)),
            rx_time: seconds(),
            payload_variant: Some(variant),
            ..Default::default()
        };
        let (channel_id, gateway_id) = (way.channel.name.to_owned(), GATEWAY.to_owned());
        let envelope = proto::ServiceEnvelope { packet: Some(packet), channel_id, gateway_id };
        let message = Message::new(format!("msh/EU_868/{}", way.topic), envelope.encode_to_vec());
        self.client.publish(message).await.unwrap().await.unwrap();
    }

    /// Has a node say everything that a node says.
    async fn plant(&mut self, number: u32, way: Way, mark: &str) {
        let Secrets { name, words, celsius, latitude_i } = Secrets::of(number);
        let user = proto::User { long_name: format!("{name}{mark}"), short_name: "S".to_owned(), ..Default::default() };
        self.send(number, way, 4, user.encode_to_vec()).await;
        let place =
            proto::Position { latitude_i: Some(latitude_i), longitude_i: Some(80_000_000), precision_bits: 32, ..Default::default() };
        self.send(number, way, 3, place.encode_to_vec()).await;
        let metrics = proto::EnvironmentMetrics { temperature: Some(celsius), ..Default::default() };
        let telemetry = proto::Telemetry { time: seconds(), variant: Some(proto::telemetry::Variant::EnvironmentMetrics(metrics)) };
        self.send(number, way, 67, telemetry.encode_to_vec()).await;
        self.send(number, way, 1, words.clone().into_bytes()).await;
        let waypoint = proto::Waypoint {
            id: number,
            latitude_i: Some(100_000_000),
            longitude_i: Some(80_000_000),
            name: words.clone(),
            description: words.clone(),
            ..Default::default()
        };
        self.send(number, way, 8, waypoint.encode_to_vec()).await;
        self.send(number, way, 11, words.into_bytes()).await;
        let neighbors = vec![proto::Neighbor { node_id: SHOWN, snr: 3.5, ..Default::default() }];
        self.send(number, way, 71, proto::NeighborInfo { node_id: number, neighbors, ..Default::default() }.encode_to_vec()).await;
    }
}

fn seconds() -> u32 {
    u32::try_from(now().as_micros() / 1_000_000).unwrap()
}

fn said(data: &Path, arguments: &[&str]) {
    let output = kosmo(data, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Returns the whole URLs' paths of all that anybody may ask, about these nodes.
async fn paths(cloud: &Kosmo, nodes: &[NodeId]) -> Vec<String> {
    let described: Value = serde_json::from_str(include_str!("../../docs/api/openapi.json")).unwrap();
    let (start, end) = (now().minus(kosmo_domain::DAY), now().plus(kosmo_domain::DAY));
    let packets: Vec<_> = cloud.json("web", "/api/v1/network/packets?limit=500").await["data"].as_array().unwrap().clone();
    let channels = cloud.json("web", "/api/v1/channels").await["data"].as_array().unwrap().clone();
    let mut paths = Vec::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        // Of members' own texts there is nothing without a member, and the stream is listened to all the while.
        let is_members = path.starts_with("/api/v1/messages") || path == "/api/v1/identity";
        if methods.get("get").is_none() || is_members || path == "/api/v1/stream" {
            continue;
        }
        let about = |ids: Vec<String>, name: &str| ids.into_iter().map(|id| path.replace(name, &id)).collect::<Vec<_>>();
        let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].to_string().trim_matches('"').to_owned()).collect::<Vec<_>>();
        let of_time = format!("start={start}&end={end}");
        match path.as_str() {
            "/api/v1/nodes/{id}" => paths.extend(about(nodes.iter().map(ToString::to_string).collect(), "{id}")),
            "/api/v1/network/packets/{id}" => paths.extend(about(ids(&packets), "{id}")),
            "/api/v1/channels/{channel_id}/messages" => paths.extend(about(ids(&channels), "{channel_id}")),
            "/api/v1/network/packets" => {
                let each = nodes.iter().map(|node| format!("{path}?limit=500&node_id={node}"));
                paths.extend(each.chain([format!("{path}?limit=500"), format!("{path}?q=secret"), format!("{path}?channel=Family")]));
            }
            "/api/v1/weather/frames" => paths.push(format!("{path}?{of_time}&metrics=temperature_c")),
            "/api/v1/weather/history" | "/api/v1/weather/history.csv" | "/api/v1/weather/series" => {
                for node in nodes {
                    paths.extend(["raw", "1h"].map(|interval| format!("{path}?{of_time}&node_id={node}&interval={interval}")));
                }
            }
            "/api/v1/traceroutes" => {
                paths.extend(nodes.iter().map(|node| format!("{path}?node_id={node}")).chain([path.clone()]));
            }
            _ => {
                assert!(!path.contains('{'), "this test does not know how to ask {path}");
                paths.push(path.clone());
            }
        }
    }
    paths.extend(["/metrics", "/readyz"].map(str::to_owned));
    paths
}

/// Asks everything, and returns all that was answered, path by path.
async fn answers(cloud: &Kosmo, nodes: &[NodeId]) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for path in paths(cloud, nodes).await {
        let (status, body) = cloud.ask("web", &path).await;
        assert!(status == 200 || (status == 404 && path.contains('!')), "{path}: {status} {body}");
        answers.push((path, body));
    }
    answers
}

/// Listens to what is told live, from now on.
async fn listen(cloud: &Kosmo) -> Arc<Mutex<String>> {
    let heard = Arc::new(Mutex::new(String::new()));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut answer = client.get(format!("{}/api/v1/stream", cloud.address("web"))).send().await.unwrap();
    let into = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok(Some(chunk)) = answer.chunk().await {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk));
        }
    });
    heard
}

/// Returns which of a node's secrets are told, and where.
fn told(number: u32, answers: &[(String, String)]) -> BTreeSet<(&'static str, String)> {
    let secrets = Secrets::of(number).as_told();
    let found = answers.iter().flat_map(|(path, body)| {
        let found = secrets.iter().filter(|(_, secret)| body.contains(secret.as_str()));
        found.map(|(what, _)| (*what, path.split(['?', '!']).next().unwrap().to_owned()))
    });
    found.collect()
}

#[expect(clippy::too_many_lines, reason = "one system for all cases, which would each take it seconds to start")]
#[tokio::test]
async fn what_is_not_for_everybody_is_in_no_public_answer() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("cloud");
    fs::create_dir_all(&data).unwrap();
    let (open, closed) = (Mosquitto::start(&MosquittoOptions::default()).await, Mosquitto::start(&MosquittoOptions::default()).await);
    let mut settings = "[ingestion]\nlegacy_json = true\n".to_owned();
    for (name, broker, public) in [("town", &open, true), ("club", &closed, false)] {
        write!(settings, "[[ingestion.uplink]]\nname = \"{name}\"\nurl = \"{}\"\npublic = {public}\n", broker.url()).unwrap();
    }
    fs::write(data.join("kosmo.toml"), settings).unwrap();
    let cloud = Kosmo::start(&data, &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    said(&data, &["channel", "add", "LongFast", "--key", "AQ==", "--public"]);
    said(&data, &["channel", "add", "Family", "--key", "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="]);
    let live = listen(&cloud).await;
    let mut town = Publisher::connect(&open.url(), "town").await;
    let mut club = Publisher::connect(&closed.url(), "club").await;

    until("both brokers are listened to", || async {
        let brokers = cloud.json("web", "/api/v1/network/uplinks").await["brokers"].clone();
        let listened = brokers.as_array()?.iter().filter(|broker| broker["state"] == "listening").count();
        (listened == 3).then_some(())
    })
    .await;
    // The channels' keys are read again within seconds: what is public is told once that is so.
    until("texts of the public channel are read", || {
        let (number, way) = (0x99, OPEN);
        town.ids += 1;
        let id = town.ids;
        let text = format!("ready {id}").into_bytes();
        let sent = send_later(&town.client, number, id, way, text);
        let cloud = &cloud;
        async move {
            sent.await;
            let channels = cloud.json("web", "/api/v1/channels").await["data"].clone();
            let path = format!("/api/v1/channels/{}/messages", channels[0]["id"].as_str()?);
            cloud.json("web", &path).await.to_string().contains("ready").then_some(())
        }
    })
    .await;

    let cases = cases();
    for case in &cases {
        town.plant(case.number, case.way, case.mark).await;
    }
    let (of_club, changed_mind, renamed, by_json) = (0x121, 0x122, 0x123, 0x124);
    club.plant(of_club, OPEN, "").await;
    // Who agreed and does not any more, and who takes another name, are gone with all that they said before.
    town.plant(changed_mind, OPEN, "").await;
    town.plant(renamed, OPEN, "").await;
    town.plant(SHOWN, OPEN, "").await;
    let user = |name: String| proto::User { long_name: name, ..Default::default() }.encode_to_vec();
    let json = format!(
        r#"{{"from":{by_json},"to":4294967295,"id":7,"type":"nodeinfo","sender":"{GATEWAY}","timestamp":{},"payload":{{"longname":"{}","shortname":"S","hardware":9}}}}"#,
        seconds(),
        Secrets::of(by_json).name
    );
    town.client.publish(Message::new("msh/EU_868/2/json/LongFast/!0a0b0c0d", json.into_bytes())).await.unwrap().await.unwrap();
    // A way that leads through one who opted out.
    let route = proto::RouteDiscovery { route: vec![renamed, SHOWN + 9], snr_towards: vec![20, 8, 4], ..Default::default() };
    let shown = NodeId::from_number(SHOWN);
    until("everything of the one who agrees is told", || async {
        let node = cloud.try_ask("web", &format!("/api/v1/nodes/{shown}")).await?.1;
        let renamed = cloud.try_ask("web", &format!("/api/v1/nodes/{}", NodeId::from_number(renamed))).await?.0;
        (node.contains("Secretname256") && renamed == 200 && live.lock().unwrap().contains("event: latest")).then_some(())
    })
    .await;
    town.send(changed_mind, Way { agrees: Some(false), ..OPEN }, 4, user("Somebody".to_owned())).await;
    town.send(renamed, OPEN, 4, user(format!("{} optout", Secrets::of(renamed).name))).await;
    town.send(SHOWN, OPEN, 70, route.encode_to_vec()).await;
    town.send(0x300, OPEN, 4, user("Last".to_owned())).await;
    until("the last is in the log", || async {
        cloud.json("web", "/api/v1/network/packets?node_id=!00000300").await["data"]
            .as_array()
            .is_some_and(|rows| !rows.is_empty())
            .then_some(())
    })
    .await;

    until("the club's gateway is counted", || async {
        let listed = String::from_utf8(kosmo(&data, &["uplink", "list"]).stdout).unwrap();
        listed.lines().any(|line| line.starts_with(GATEWAY) && line.contains("msh-club")).then_some(())
    })
    .await;

    let mut all: Vec<(u32, &str)> = cases.iter().map(|case| (case.number, case.why)).collect();
    all.extend([
        (of_club, "its broker is not for everybody"),
        (changed_mind, "it agreed once, and does not any more"),
        (renamed, "it agreed, and opted out later"),
        (by_json, "JSON does not say whether it agrees"),
    ]);
    let nodes: Vec<_> = all.iter().map(|(number, _)| NodeId::from_number(*number)).chain([shown]).collect();
    let answers = answers(&cloud, &nodes).await;
    for (number, why) in &all {
        assert_eq!(told(*number, &answers), BTreeSet::new(), "{why}");
        let node = format!("\"{}\"", NodeId::from_number(*number));
        let public = ["/api/v1/nodes", "/api/v1/map/nodes", "/api/v1/links", "/api/v1/weather/latest", "/api/v1/traceroutes"];
        for (path, body) in answers.iter().filter(|(path, _)| public.contains(&path.as_str())) {
            assert!(!body.contains(&node), "{path} tells of one though {why}");
        }
    }
    // What is told live is told when it is so: of those who never agreed nothing ever was.
    let live = [("live".to_owned(), live.lock().unwrap().clone())];
    for (number, why) in all.iter().filter(|(number, _)| ![changed_mind, renamed].contains(number)) {
        assert_eq!(told(*number, &live), BTreeSet::new(), "{why}");
    }
    assert!(!answers.iter().any(|(_, body)| body.contains("Strangers")), "channels' names that nobody published are nobody's business");
    assert!(!answers.iter().any(|(_, body)| body.contains("Family")), "nor is a private channel's");

    // And the one who agrees is told of, in many places, and nowhere where exactly it is.
    let told = told(SHOWN, &answers);
    for expect in [
        ("its name", "/api/v1/nodes"),
        ("its name", "/api/v1/map/nodes"),
        ("its name", "/api/v1/network/packets"),
        ("its reading", "/api/v1/weather/latest"),
        ("its reading", "/api/v1/weather/history"),
        ("its reading", "/api/v1/weather/history.csv"),
        ("its place", "/api/v1/map/nodes"),
    ] {
        assert!(told.contains(&(expect.0, expect.1.to_owned())), "{expect:?} is not among {told:?}");
    }
    assert!(told.iter().any(|(what, path)| *what == "its words" && path.starts_with("/api/v1/channels/")), "{told:?}");
    for (path, body) in answers.iter().filter(|(path, _)| !path.starts_with("/api/v1/waypoints")) {
        for rest in body.split("\"latitude\":").skip(1) {
            let number = rest.split([',', '}']).next().unwrap();
            let decimals = number.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            assert!(decimals <= 2, "{path} tells a place more exactly than to a hundredth: {number}");
        }
    }
}

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
        let Secrets { name, words, celsius, latitude_i } = Secrets::of(number);
        let node = NodeId::from_number(number);
        let about = |report: Value| json!({ "node_id": node, "report": report });
        let user = json!({ "kind": "user", "long_name": name, "short_name": "S", "licensed": false, "unmessagable": false });
        self.say("node", number, 4, privacy, about(user)).await;
        let place = json!({ "kind": "position", "latitude": f64::from(latitude_i) / 1e7, "longitude": 8.0, "precision_bits": 32 });
        self.say("node", number, 3, privacy, about(place)).await;
        let reading = json!({ "node_id": node, "kind": "environment", "device_time": now(), "metrics": { "temperature_c": celsius } });
        self.say("reading", number, 67, privacy, reading).await;
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
    roof.say("node", 0x300, 4, &agrees, json!({ "node_id": "!00000300", "report": { "kind": "user", "long_name": "Last", "licensed": false, "unmessagable": false } })).await;
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
    assert!(!answers.iter().any(|(path, body)| path != "live" && body.contains("\"Family\"")), "a private channel's name is nobody's business");

    // An operator is told why the map stays empty, and publishes the channel.
    let hidden = cloud.json("web", "/api/v1/network/hidden").await;
    assert_eq!((&hidden["nodes"], &hidden["private_channels"], &hidden["withheld"]), (&json!(2), &json!(1), &json!(10)));
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

/// Publishes a text, once it is waited for.
fn send_later(client: &Client, from: u32, id: u32, way: Way, text: Vec<u8>) -> impl Future<Output = ()> + use<> {
    let mut publisher = Publisher { client: client.clone(), ids: id };
    async move { publisher.send(from, way, 1, text).await }
}
