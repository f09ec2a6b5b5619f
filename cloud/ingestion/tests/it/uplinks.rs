//! What nodes publish themselves, from real brokers to public answers.

use crate::harness::sqlite;
use axum::http::StatusCode;
use kosmo_domain::{Clock, ManualClock, NodeId, PacketId, Timestamp, Trust};
use kosmo_http::{App, Info, recorder};
use kosmo_ingestion::uplink::{Source, Uplink, UplinkConfig, UplinkLimits};
use kosmo_meshtastic::{
    Message as _,
    crypto::{ChannelKey, channel_hash},
    proto,
};
use kosmo_mqtt::{Client, Message, Options};
use kosmo_store::{ChannelSource, NewChannel, Store, Vault, Visibility, uplinks::Role};
use kosmo_test_support::{Mosquitto, MosquittoOptions};
use proto::mesh_packet::PayloadVariant;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;
use uuid::Uuid;

const NOW: u32 = 1_780_315_200;
const PATIENCE: Duration = Duration::from_secs(30);
const GATEWAY: &str = "!a1b2c3d4";
const FAMILY: [u8; 32] = [9; 32];

fn vault() -> Vault {
    Vault::new([7; 32])
}

fn node(number: u32) -> NodeId {
    NodeId::from_number(number)
}

/// A broker of ours, another one, and uplinks that listen to both.
struct Town {
    _own: Mosquitto,
    other: Option<Mosquitto>,
    store: Store,
    publisher: Client,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
    _folder: TempDir,
}

async fn publisher(broker: &Mosquitto, name: &str) -> Client {
    let shutdown = CancellationToken::new();
    let options = Options::new(broker.url().parse().unwrap(), name);
    let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(3), shutdown).unwrap();
    tokio::time::timeout(PATIENCE, incoming.next()).await.unwrap().unwrap();
    tokio::spawn(async move { while incoming.next().await.is_some() {} });
    client
}

async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let looked = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looked).await.unwrap_or_else(|_| panic!("{what} did not come about"))
}

impl Town {
    async fn new(prepare: impl AsyncFnOnce(&Store), change: impl FnOnce(&mut UplinkConfig)) -> Self {
        let (store, folder) = sqlite().await;
        prepare(&store).await;
        let own = Mosquitto::start(&MosquittoOptions::default()).await;
        let other = Mosquitto::start(&MosquittoOptions::default()).await;
        let source = |name: &str, broker: &Mosquitto, trust| Source {
            name: name.parse().unwrap(),
            mqtt: Options::new(broker.url().parse().unwrap(), format!("uplink-{name}")),
            filters: vec!["msh/#".to_owned()],
            trust,
            public: true,
        };
        let sources = vec![source("msh", &own, Trust::Claimed), source("msh-home", &other, Trust::Relayed)];
        let mut config = UplinkConfig::new(sources, vault());
        (config.linger, config.flush) = (Duration::from_millis(5), Duration::from_millis(50));
        change(&mut config);
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(NOW)));
        let uplink = Uplink::connect(config, store.clone(), clock, StdRng::seed_from_u64(1)).unwrap();
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(uplink.run(shutdown.clone()));
        let publisher = publisher(&own, "node").await;
        until("listening to both", || async { (store.uplink_sessions(Timestamp::EPOCH).await.unwrap().len() == 2).then_some(()) }).await;
        Self { _own: own, other: Some(other), store, publisher, shutdown, running, _folder: folder }
    }

    async fn hear(&self, topic: &str, payload: Vec<u8>) {
        let receipt = self.publisher.publish(Message::new(topic, payload)).await.unwrap();
        tokio::time::timeout(PATIENCE, receipt).await.unwrap().unwrap();
    }

    /// Waits until a packet that is published now was stored, and with it everything before it.
    async fn catches_up(&self, id: u32) {
        self.hear(&topic("LongFast", GATEWAY), packet(3_000_000, id, &LONG_FAST, true, 4, &user("Last")).envelope(GATEWAY)).await;
        until("the last packet", || async { self.store.node(node(3_000_000)).await.unwrap() }).await;
        until("its reception", || async {
            let heard = self.store.uplink_receptions(node(3_000_000), PacketId(id), Timestamp::from_unix_seconds(NOW)).await.unwrap();
            (!heard.is_empty()).then_some(())
        })
        .await;
    }

    async fn get(&self, path: &str) -> Value {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(Timestamp::from_unix_seconds(NOW)));
        let app = App::new("test", Info::new("test", "0"), 1).with(kosmo_ingestion::network::service(self.store.clone(), clock));
        let recorder: &'static _ = Box::leak(Box::new(recorder()));
        let router = app.into_router(recorder.handle());
        let request = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let answer = router.oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        serde_json::from_slice(&axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap()).unwrap()
    }

    async fn end(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.running).await.unwrap().unwrap();
    }
}

struct Chan {
    name: &'static str,
    key: &'static [u8],
}

const LONG_FAST: Chan = Chan { name: "LongFast", key: &[1] };
const PRIVATE: Chan = Chan { name: "Family", key: &FAMILY };

struct Sent {
    packet: proto::MeshPacket,
    channel: &'static str,
}

/// A packet as firmware encrypts it.
fn packet(from: u32, id: u32, channel: &Chan, agrees: bool, port: i32, payload: &impl prost_message::Encode) -> Sent {
    let data = proto::Data { portnum: port, payload: payload.bytes(), bitfield: Some(u32::from(agrees)), ..Default::default() };
    let key = ChannelKey::expand(channel.key).unwrap();
    let mut bytes = data.encode_to_vec();
    key.apply(node(from), PacketId(id), &mut bytes);
    let packet = proto::MeshPacket {
        from,
        to: u32::MAX,
        id,
        channel: u32::from(channel_hash(channel.name, &key)),
        rx_time: NOW,
        rx_snr: 6.25,
        rx_rssi: -99,
        hop_start: 3,
        hop_limit: 2,
        payload_variant: Some(PayloadVariant::Encrypted(bytes)),
        ..Default::default()
    };
    Sent { packet, channel: channel.name }
}

mod prost_message {
    use kosmo_meshtastic::Message;

    /// What a packet carries.
    pub(super) trait Encode {
        fn bytes(&self) -> Vec<u8>;
    }

    impl<M: Message> Encode for M {
        fn bytes(&self) -> Vec<u8> {
            self.encode_to_vec()
        }
    }
}

impl Sent {
    fn envelope(&self, gateway: &str) -> Vec<u8> {
        let packet = Some(self.packet.clone());
        proto::ServiceEnvelope { packet, channel_id: self.channel.to_owned(), gateway_id: gateway.to_owned() }.encode_to_vec()
    }
}

fn topic(channel: &str, gateway: &str) -> String {
    format!("msh/EU_868/2/e/{channel}/{gateway}")
}

fn user(name: &str) -> proto::User {
    proto::User { long_name: name.to_owned(), short_name: "X".to_owned(), public_key: vec![5; 32], ..Default::default() }
}

fn weather(celsius: f32) -> proto::Telemetry {
    let metrics = proto::EnvironmentMetrics { temperature: Some(celsius), ..Default::default() };
    proto::Telemetry { time: NOW - 5, variant: Some(proto::telemetry::Variant::EnvironmentMetrics(metrics)) }
}

fn place() -> proto::Position {
    proto::Position { latitude_i: Some(470_000_000), longitude_i: Some(80_000_000), precision_bits: 14, ..Default::default() }
}

async fn nobody(_: &Store) {}

async fn with_family(store: &Store) {
    let key = ChannelKey::expand(&FAMILY).unwrap();
    let channel = NewChannel {
        id: Uuid::from_u128(1),
        name: PRIVATE.name,
        hash: channel_hash(PRIVATE.name, &key),
        key: key.bytes(),
        visibility: Visibility::Private,
        source: &ChannelSource::Operator,
        nonce: [1; 24],
    };
    store.add_channel(&vault(), &channel, Timestamp::from_unix_seconds(NOW)).await.unwrap();
}

#[tokio::test]
async fn an_encrypted_reading_that_five_gateways_publish_is_one_with_five_receptions() {
    let town = Town::new(nobody, |_| {}).await;
    let sent = packet(77, 5, &LONG_FAST, true, 67, &weather(21.5));
    for gateway in 1..=5 {
        let gateway = format!("!0000001{gateway}");
        town.hear(&topic("LongFast", &gateway), sent.envelope(&gateway)).await;
    }
    let heard = until("five receptions", || async {
        let heard = town.store.uplink_receptions(node(77), PacketId(5), Timestamp::from_unix_seconds(NOW)).await.unwrap();
        (heard.len() == 5).then_some(heard)
    })
    .await;
    assert_eq!((heard[0].snr_db, heard[0].rssi_dbm, heard[0].hops_away), (Some(6.25), Some(-99), Some(1)));
    let latest = town.store.latest(Some(node(77))).await.unwrap();
    assert_eq!((latest.len(), latest[0].values[0].value), (1, 21.5));
    let detail = town.store.node(node(77)).await.unwrap().unwrap();
    assert!(detail.receptions.iter().all(|way| way.reception.via_mqtt), "MQTT is no evidence of the air");
    let answer = until("the gateways' numbers", || async {
        let answer = town.get("/api/v1/network/uplinks").await;
        (answer["gateways"].as_array().unwrap().len() == 5).then_some(answer)
    })
    .await;
    let sum = |field: &str| answer["gateways"].as_array().unwrap().iter().map(|gateway| gateway[field].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("packets"), sum("copies"), sum("limited")), (1, 4, 0));
    let first = &answer["gateways"][0];
    assert_eq!(
        (&first["per_minute"], first["day"]["packets"].as_u64().unwrap() + first["day"]["copies"].as_u64().unwrap()),
        (&json!(1.0), 1)
    );
    let brokers: Vec<_> = answer["brokers"].as_array().unwrap().iter().map(|broker| (&broker["source"], &broker["state"])).collect();
    assert_eq!(brokers, [(&json!("msh"), &json!("listening")), (&json!("msh-home"), &json!("listening"))]);
    town.end().await;
}

#[tokio::test]
async fn what_is_not_for_everybody_is_for_nobody() {
    let town = Town::new(with_family, |_| {}).await;
    let send = async |sent: Sent| town.hear(&topic(sent.channel, GATEWAY), sent.envelope(GATEWAY)).await;
    // A private channel, whoever agrees; a public one without consent; a packet that does not say; one that nobody can read.
    send(packet(101, 1, &PRIVATE, true, 3, &place())).await;
    send(packet(102, 2, &LONG_FAST, false, 3, &place())).await;
    let mut silent = packet(103, 3, &LONG_FAST, true, 3, &place());
    let data = proto::Data { portnum: 3, payload: place().encode_to_vec(), ..Default::default() };
    silent.packet.payload_variant = Some(PayloadVariant::Decoded(data));
    send(silent).await;
    send(packet(104, 4, &Chan { name: "Strangers", key: &[3; 16] }, true, 3, &place())).await;
    // Who agrees, and later does not; who agrees, and says in its name that it wants not to be shown.
    send(packet(105, 5, &LONG_FAST, true, 3, &place())).await;
    send(packet(105, 6, &LONG_FAST, false, 67, &weather(1.0))).await;
    send(packet(106, 7, &LONG_FAST, true, 4, &user("Roof \u{1f6d1}"))).await;
    // And one that is for everybody.
    send(packet(107, 8, &LONG_FAST, true, 3, &place())).await;
    town.catches_up(9).await;
    let listed = town.store.list_nodes(None, Timestamp::EPOCH, 100).await.unwrap();
    assert_eq!(listed.iter().map(|listing| listing.node.node.number()).collect::<Vec<_>>(), [107, 3_000_000]);
    assert_eq!(town.store.map_nodes(None, Timestamp::EPOCH, 100).await.unwrap().len(), 2);
    let packets = until("what cannot be read is in the log as far as its header goes, and so is what came last", || async {
        let packets = town.get("/api/v1/network/packets").await.to_string();
        ["!00000068", "!0000006b"].iter().all(|node| packets.contains(node)).then_some(packets)
    })
    .await;
    assert!(!packets.contains("Family") && !packets.contains("Strangers"), "a private channel's name is nobody's business");
    assert!(!packets.contains("47.0"), "nor is where its nodes are");
    town.end().await;
}

#[tokio::test]
async fn a_flood_is_limited_and_told_of_and_the_others_are_heard() {
    let limits = UplinkLimits { node_burst: 10.0, repeats: 3, ..UplinkLimits::default() };
    let town = Town::new(nobody, |config| config.limits = limits).await;
    for id in 1..=200 {
        let sent = packet(66, id, &LONG_FAST, true, 67, &weather(f32::from(u16::try_from(id).unwrap()) / 10.0));
        town.hear(&topic("LongFast", GATEWAY), sent.envelope(GATEWAY)).await;
        // The very same without an id, again and again.
        let mut nameless = packet(67, 0, &LONG_FAST, true, 4, &user("Nameless"));
        nameless.packet.id = 0;
        town.hear(&topic("LongFast", GATEWAY), nameless.envelope(GATEWAY)).await;
    }
    let mut old = packet(68, 9, &LONG_FAST, true, 4, &user("Of yesterday"));
    old.packet.rx_time = NOW - 86_400;
    town.hear(&topic("LongFast", "!00000009"), old.envelope("!00000009")).await;
    town.catches_up(10).await;
    let latest = town.store.latest(Some(node(66))).await.unwrap().remove(0);
    assert!(latest.values[0].value < 5.0, "the last of the flood was not taken");
    assert!(town.store.node(node(68)).await.unwrap().is_none(), "yesterday is over");
    let limited = until("what was too much", || async {
        let answer = town.get("/api/v1/network/uplinks").await;
        let limited = answer["limited"].as_array().unwrap().clone();
        limited.iter().any(|row| row["reason"] == "replay").then_some(limited)
    })
    .await;
    let reasons: Vec<_> = limited.iter().map(|row| (row["node_id"].as_str().unwrap(), row["reason"].as_str().unwrap())).collect();
    assert!(reasons.contains(&("!00000042", "too_fast")), "{reasons:?}");
    assert!(reasons.contains(&("!00000009", "replay")), "{reasons:?}");
    let flood = limited.iter().find(|row| row["node_id"] == "!00000042" && row["reason"] == "too_fast").unwrap();
    let now = Timestamp::from_unix_seconds(NOW).to_string();
    assert_eq!((&flood["source"], &flood["role"], &flood["since"]), (&json!("msh"), &json!("node"), &json!(now)));
    assert!(flood["number"].as_u64().unwrap() > 100, "{flood}");
    town.end().await;
}

#[tokio::test]
async fn who_is_denied_is_heard_no_more_until_allowed_while_all_runs_on() {
    let town = Town::new(nobody, |_| {}).await;
    let (town, mut id) = (&town, 0);
    let mut says = |name: &'static str| {
        id += 1;
        // Without a key: two that show the same one are one.
        let sent = packet(71, id, &LONG_FAST, true, 4, &proto::User { public_key: Vec::new(), ..user(name) }).envelope(GATEWAY);
        async move { town.hear(&topic("LongFast", GATEWAY), sent).await }
    };
    let name = async || town.store.node(node(71)).await.unwrap().and_then(|detail| detail.node.long_name);
    says("Heard").await;
    until("it is heard", || async { name().await }).await;
    town.store.deny_uplink(Role::Node, node(71), Timestamp::from_unix_seconds(NOW)).await.unwrap();
    let told = until("it is told that it is denied", || {
        let said = says("Denied");
        async move {
            said.await;
            let told = town.get("/api/v1/network/uplinks").await;
            told["limited"].as_array().unwrap().iter().any(|row| row["reason"] == "denied").then_some(told)
        }
    })
    .await;
    assert_eq!((&told["denied"][0]["node_id"], &told["denied"][0]["role"]), (&json!("!00000047"), &json!("node")));
    assert_eq!(told["names"][0]["node_id"], "!00000047");
    let before = name().await;
    says("Denied still").await;
    town.catches_up(9_000).await;
    assert_eq!(name().await, before);
    town.store.allow_uplink(Role::Node, node(71)).await.unwrap();
    until("it is heard again", || {
        let said = says("Back");
        async move {
            said.await;
            (name().await.as_deref() == Some("Back")).then_some(())
        }
    })
    .await;
}

#[tokio::test]
async fn a_broker_that_lies_sends_junk_and_dies_disturbs_nothing() {
    let mut town = Town::new(nobody, |_| {}).await;
    let other = town.other.take().unwrap();
    let liar = publisher(&other, "liar").await;
    let lie = async |message: Message| {
        let receipt = liar.publish(message).await.unwrap();
        tokio::time::timeout(PATIENCE, receipt).await.unwrap().unwrap();
    };
    for topic in ["msh", "msh/2/e/LongFast/nobody", "msh/a/a/a/a/a/a/a/2/stat/!a1b2c3d4", "msh/2/e/LongFast/!a1b2c3d4", "msh/2/map/"] {
        lie(Message::new(topic, vec![0xff; 300]).retained()).await;
        lie(Message::new(topic, vec![0x94, 0xc3, 0x0a])).await;
    }
    lie(Message::new("msh/2/json/LongFast/!a1b2c3d4", "{".repeat(3000))).await;
    lie(Message::new("msh/2/e/LongFast/!a1b2c3d4", vec![0; 60_000])).await;
    // It tells of a node with another key, and of where it is not.
    lie(Message::new(topic("LongFast", GATEWAY), packet(80, 1, &LONG_FAST, true, 4, &user("Relayed")).envelope(GATEWAY))).await;
    until("a node of the other broker", || async { town.store.node(node(80)).await.unwrap() }).await;
    let told = town.store.node(node(80)).await.unwrap().unwrap();
    assert_eq!((told.node.long_name.as_deref(), told.node.public_key), (Some("Relayed"), None), "a key from there is not taken over");
    // What it sends instead of MQTT is dropped with the connection; and it dies.
    drop(other);
    town.catches_up(2).await;
    assert!(!town.running.is_finished());
    town.end().await;
}

#[tokio::test]
async fn a_broker_that_floods_is_told_of_and_costs_the_others_nothing() {
    let mut town = Town::new(nobody, |_| {}).await;
    let other = town.other.take().unwrap();
    let liar = publisher(&other, "liar").await;
    // Nodes that nobody has heard of, by gateways that nobody has heard of; and what no node can send.
    let mut receipts = Vec::new();
    for number in 0..3_000_u32 {
        let gateway = NodeId::from_number(0x9000_0000 + number % 600).to_string();
        let sent = packet(0x5000_0000 + number, 1 + number, &LONG_FAST, true, 4, &user("Invented"));
        receipts.push(liar.publish(Message::new(topic("LongFast", &gateway), sent.envelope(&gateway))).await.unwrap());
        if number % 100 == 0 {
            let sent = packet(77, 1 + number, &LONG_FAST, true, 67, &weather(number as f32 / 100.0));
            town.hear(&topic("LongFast", GATEWAY), sent.envelope(GATEWAY)).await;
        }
    }
    for receipt in receipts {
        tokio::time::timeout(PATIENCE, receipt).await.unwrap().unwrap();
    }
    town.catches_up(9_999).await;
    for id in (1..3_000).step_by(100) {
        let heard = town.store.uplink_receptions(node(77), PacketId(id), Timestamp::from_unix_seconds(NOW)).await.unwrap();
        assert_eq!(heard.len(), 1, "ours is heard to the last, also {id}");
    }
    let limited = until("what was too much", || async {
        let limited = town.get("/api/v1/network/uplinks").await["limited"].clone();
        limited.as_array().unwrap().iter().find(|row| row["node_id"] == "!ffffffff").cloned()
    })
    .await;
    assert_eq!((&limited["source"], &limited["reason"]), (&json!("msh-home"), &json!("too_many_strangers")));
    let nodes = town.store.list_nodes(None, Timestamp::EPOCH, 10_000).await.unwrap().len();
    assert!((500..=2_002).contains(&nodes), "{nodes} nodes are known");

    // It sends what is larger than anything that a node sends, and is left; then it dies.
    let receipt = liar.publish(Message::new("msh/2/e/LongFast/!a1b2c3d4", vec![0; 200_000])).await.unwrap();
    tokio::time::timeout(PATIENCE, receipt).await.unwrap().unwrap();
    let home = async || town.get("/api/v1/network/uplinks").await["brokers"][1].clone();
    until("what was wrong is told", || async { (home().await["error"] == "too_large").then_some(()) }).await;
    drop(other);
    until("that it is away is told", || async { (home().await["state"] == "away" && home().await["error"] == "network").then_some(()) })
        .await;
    assert_eq!(town.get("/api/v1/network/uplinks").await["brokers"][0]["state"], "listening");
    town.end().await;
}

#[tokio::test]
async fn the_json_of_old_firmware_is_read_where_an_operator_wants_it_and_shown_to_nobody() {
    let town = Town::new(nobody, |config| config.legacy_json = true).await;
    let json = format!(
        r#"{{"from":90,"to":4294967295,"id":7,"type":"nodeinfo","sender":"{GATEWAY}","timestamp":{NOW},"payload":{{"longname":"Old","shortname":"O","hardware":9}}}}"#
    );
    town.hear(&format!("msh/EU_868/2/json/LongFast/{GATEWAY}"), json.into_bytes()).await;
    town.catches_up(8).await;
    assert!(town.store.node(node(90)).await.unwrap().is_none(), "nothing says that it agrees");
    assert_eq!(town.store.uplink_receptions(node(90), PacketId(7), Timestamp::from_unix_seconds(NOW)).await.unwrap().len(), 1);
    town.end().await;
}
