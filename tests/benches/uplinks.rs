//! What it costs to hear 4,000 packets that five gateways publish each, encrypted, on both databases beside Mosquitto, and with
//! everything in one process: at once by many gateways, and at the pace that is taken of each; and what a node that floods for ten
//! minutes costs the others.
//!
//! `make bench` runs it against a release build. It takes a quarter of an hour, and what the process does besides is in its
//! figures.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]
#![expect(dead_code, reason = "of what benches load a system with, bridges are not needed here")]

mod cpu;
mod load;

use cpu::{cpu_micros, processes_called};
use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{Message as _, crypto::ChannelKey, proto};
use kosmo_mqtt::{Client, Login, Message, Options};
use kosmo_test_support::{Mosquitto, MosquittoOptions, TestDatabase};
use kosmo_tests::{Kosmo, now, until};
use load::write_settings;
use proto::mesh_packet::PayloadVariant;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const PACKETS: u32 = 4_000;
/// How many gateways tell of each packet.
const EACH: u32 = 5;
/// Gateways in all: so many that what is taken of each at once holds its share of the packets.
const GATEWAYS: u32 = 20;
const NODES: u32 = 400;
/// Packets a second of a mesh whose gateways publish all at once, as after the broker was away.
const BURST: u32 = 1_000;
/// Messages a second of each gateway: below what is taken of one in the long run.
const STEADY: u32 = 48;
/// Seconds for which a node floods, and for which the same is measured without it.
const FLOOD_S: u32 = 600;
const CALM_S: u32 = 120;
/// What one process on SQLite serves, for it is the only one.
const ALL: [&str; 4] = ["ingestion", "weather", "gateway", "web"];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        println!("\n{PACKETS} encrypted packets of {NODES} nodes, each published by {EACH} gateways");
        // The same services and broker on both databases: what is ours of a message's price.
        let database = TestDatabase::empty();
        let postgres = services("PostgreSQL, Mosquitto", database.url(), &["ingestion", "weather"], &["mosquitto", "postgres"]).await;
        let footings = [all_in_one().await, services("SQLite, Mosquitto", "sqlite:kosmo.db", &ALL, &["mosquitto"]).await, postgres];
        for footing in &footings {
            footing.pace("at once", 0, GATEWAYS, BURST).await;
            footing.pace("steadily", 100_000, EACH, STEADY).await;
        }
        // What Mosquitto does for two systems at once cannot be told apart.
        let [first, _, last] = &footings;
        tokio::join!(first.flood(), last.flood());
    });
}

/// A running system and the gateways that publish to it.
struct Footing {
    name: &'static str,
    /// The programs that are not ours.
    others: &'static [&'static str],
    cloud: Kosmo,
    gateways: Vec<Client>,
    _kept: (TempDir, Option<Mosquitto>),
}

async fn all_in_one() -> Footing {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("cloud");
    let cloud = Kosmo::start(&data, &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    let mut gateways = Vec::new();
    for number in 0..GATEWAYS {
        let (name, node) = (format!("gateway-{number}"), gateway(number).to_string());
        let added = kosmo_tests::kosmo(&data, &["uplink", "add", &name, "--node", &node]);
        let said = String::from_utf8_lossy(&added.stdout).into_owned();
        let password = said.lines().find_map(|line| line.trim().strip_prefix("password  ")).unwrap().to_owned();
        gateways.push(connect(cloud.address("mqtt"), &name, Some(password)).await);
    }
    Footing { name: "SQLite, embedded broker", others: &[], cloud, gateways, _kept: (folder, None) }
}

async fn services(name: &'static str, database: &str, run: &[&str], others: &'static [&'static str]) -> Footing {
    let folder = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let data = folder.path().join("cloud");
    write_settings(&data, database, &broker.url());
    assert!(kosmo_tests::kosmo(&data, &["migrate"]).status.success());
    let cloud = Kosmo::start(&data, &[&["serve"], run, &["--port-base", "0"]].concat()).await;
    let mut gateways = Vec::new();
    for number in 0..GATEWAYS {
        gateways.push(connect(&broker.url(), &format!("gateway-{number}"), None).await);
    }
    Footing { name, others, cloud, gateways, _kept: (folder, Some(broker)) }
}

fn gateway(number: u32) -> NodeId {
    NodeId::from_number(0x0a00_0000 + number)
}

async fn connect(broker: &str, name: &str, password: Option<String>) -> Client {
    let mut options = Options::new(broker.parse().unwrap(), name);
    options.login = password.map(|password| Login { name: name.to_owned(), password });
    let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(1), CancellationToken::new()).unwrap();
    client.connected().await;
    tokio::spawn(async move { while incoming.next().await.is_some() {} });
    client
}

/// An envelope with weather, encrypted on the channel that everybody has.
fn envelope(from: u32, id: u32, number: u32) -> Vec<u8> {
    let metrics = proto::EnvironmentMetrics {
        temperature: Some(f32::from(u16::try_from(id % 4000).unwrap()) / 100.0),
        relative_humidity: Some(50.0),
        barometric_pressure: Some(1013.25),
        wind_speed: Some(3.5),
        ..Default::default()
    };
    let seconds = u32::try_from(now().as_micros() / 1_000_000).unwrap();
    let telemetry = proto::Telemetry { time: seconds, variant: Some(proto::telemetry::Variant::EnvironmentMetrics(metrics)) };
    let data = proto::Data { portnum: 67, payload: telemetry.encode_to_vec(), bitfield: Some(1), ..Default::default() };
    let mut bytes = data.encode_to_vec();
    ChannelKey::expand(&[1]).unwrap().apply(NodeId::from_number(from), PacketId(id), &mut bytes);
    let packet = proto::MeshPacket {
        from,
        to: u32::MAX,
        id,
        channel: 8,
        rx_time: seconds,
        rx_snr: 6.0,
        rx_rssi: -90,
        hop_start: 3,
        hop_limit: 2,
        payload_variant: Some(PayloadVariant::Encrypted(bytes)),
        ..Default::default()
    };
    let gateway_id = gateway(number).to_string();
    proto::ServiceEnvelope { packet: Some(packet), channel_id: "LongFast".to_owned(), gateway_id }.encode_to_vec()
}

/// Has `EACH` of the first `gateways` publish each packet from `first` on, `rate` packets a second; with `flood`, the last of
/// them also what one node sends 50 times a second.
async fn publish(gateways: &[Client], first: u32, packets: u32, rate: u32, flood: bool) {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / f64::from(rate)));
    let all = u32::try_from(gateways.len()).unwrap();
    for count in 0..packets {
        ticks.tick().await;
        let (from, id) = (0x2000_0000 + count % NODES, first + count);
        for place in 0..EACH {
            tell(gateways, (count * EACH + place) % all, from, id).await;
        }
        if flood {
            tell(gateways, all - 1, 0x3000_0000, 0x4000_0000 + first + count).await;
        }
    }
}

async fn tell(gateways: &[Client], number: u32, from: u32, id: u32) {
    let topic = format!("msh/EU_868/2/e/LongFast/{}", gateway(number));
    let message = Message::new(topic, envelope(from, id, number)).at_most_once();
    gateways[number as usize].publish(message).await.unwrap();
}

async fn counted(cloud: &Kosmo) -> (u64, u64, u64) {
    let base = cloud.address("ingestion");
    let answer: Value = reqwest_json(&format!("{base}/api/v1/network/uplinks")).await;
    let sum = |field: &str| answer["gateways"].as_array().unwrap().iter().map(|gateway| gateway[field].as_u64().unwrap()).sum();
    (sum("packets"), sum("copies"), sum("limited"))
}

async fn reqwest_json(url: &str) -> Value {
    let answer = reqwest::get(url).await.unwrap().text().await.unwrap();
    serde_json::from_str(&answer).unwrap()
}

impl Footing {
    /// Returns the processor time taken so far: ours, and that of those whose work it is on this footing.
    fn cpu(&self) -> Vec<(&'static str, f64)> {
        let others = self.others.iter().map(|name| (*name, cpu_micros(&processes_called(name))));
        [("kosmo", cpu_micros(&[self.cloud.pid()]))].into_iter().chain(others).collect()
    }

    fn say_costs(&self, before: &[(&'static str, f64)], messages: u64) {
        let cost = |((name, now), (_, before)): ((&str, f64), &(&str, f64))| format!("{name} {:.1} us", (now - before) / messages as f64);
        println!("    CPU a message: {}", self.cpu().into_iter().zip(before).map(cost).collect::<Vec<_>>().join(", "));
    }

    /// Publishes all packets at this pace and prints what one message cost.
    async fn pace(&self, how: &str, first: u32, gateways: u32, rate: u32) {
        let start = counted(&self.cloud).await;
        let before = self.cpu();
        let started = Instant::now();
        publish(&self.gateways[..gateways as usize], first + 1, PACKETS, rate, false).await;
        let total = u64::from(PACKETS * EACH);
        let (packets, copies, limited) = until("all is counted", || async {
            let told = since(start, counted(&self.cloud).await);
            (told.0 + told.1 + told.2 >= total).then_some(told)
        })
        .await;
        let elapsed = started.elapsed().as_secs_f64();
        println!("{}, {how}: {packets} packets, {copies} further receptions, {limited} not taken in {elapsed:.0} s", self.name);
        self.say_costs(&before, total);
    }

    /// Publishes steadily, then beside a node that floods, and prints what a message cost in either time.
    async fn flood(&self) {
        for (how, first, seconds, flood) in [("calm", 200_000, CALM_S, false), ("beside a flood", 300_000, FLOOD_S, true)] {
            let start = counted(&self.cloud).await;
            let before = self.cpu();
            publish(&self.gateways[..EACH as usize], first, seconds * STEADY, STEADY, flood).await;
            let messages = u64::from(seconds * STEADY * (EACH + u32::from(flood)));
            let (packets, copies, limited) = until("all is counted", || async {
                let told = since(start, counted(&self.cloud).await);
                (told.0 + told.1 + told.2 >= messages).then_some(told)
            })
            .await;
            println!("{}, {how} for {seconds} s: {packets} packets, {copies} further receptions, {limited} not taken", self.name);
            self.say_costs(&before, messages);
        }
    }
}

fn since(start: (u64, u64, u64), now: (u64, u64, u64)) -> (u64, u64, u64) {
    (now.0 - start.0, now.1 - start.1, now.2 - start.2)
}
