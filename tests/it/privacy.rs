//! Who does not agree, who opts out, and what is said where not everybody listens: in no public answer.
//!
//! Nodes are planted, each with secrets of its own, and then everything is asked that anybody may ask.

use crate::secrets::{HEALTH, SHOWN, Secrets, answers, listen, said, told};
use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{
    Message as _,
    crypto::{ChannelKey, channel_hash},
    proto::{self, mesh_packet::PayloadVariant},
};
use kosmo_mqtt::{Client, Message, Options};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use kosmo_tests::{Kosmo, kosmo, now, until};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{collections::BTreeSet, fmt::Write as _, fs};
use tokio_util::sync::CancellationToken;

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
        let Secrets { name, words, celsius, latitude_i, body_celsius } = Secrets::of(number);
        let user = proto::User { long_name: format!("{name}{mark}"), short_name: "S".to_owned(), ..Default::default() };
        self.send(number, way, 4, user.encode_to_vec()).await;
        let place =
            proto::Position { latitude_i: Some(latitude_i), longitude_i: Some(80_000_000), precision_bits: 32, ..Default::default() };
        self.send(number, way, 3, place.encode_to_vec()).await;
        let metrics = proto::EnvironmentMetrics { temperature: Some(celsius), ..Default::default() };
        let telemetry = proto::Telemetry { time: seconds(), variant: Some(proto::telemetry::Variant::EnvironmentMetrics(metrics)) };
        self.send(number, way, 67, telemetry.encode_to_vec()).await;
        let health = proto::HealthMetrics { temperature: Some(body_celsius), ..Default::default() };
        let telemetry = proto::Telemetry { time: seconds(), variant: Some(proto::telemetry::Variant::HealthMetrics(health)) };
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
    assert!(!told.iter().any(|(what, _)| *what == HEALTH), "{told:?}");
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

/// Publishes a text, once it is waited for.
fn send_later(client: &Client, from: u32, id: u32, way: Way, text: Vec<u8>) -> impl Future<Output = ()> + use<> {
    let mut publisher = Publisher { client: client.clone(), ids: id };
    async move { publisher.send(from, way, 1, text).await }
}
