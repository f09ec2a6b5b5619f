//! What it costs to hear 4,000 packets that five gateways publish each, encrypted, on both footings; and what a node that floods
//! costs the others.
//!
//! `make bench` runs it against a release build. The gateways keep to what is taken of each, so it takes minutes, and what the
//! process does besides is in its figure.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]
#![expect(dead_code, reason = "of what benches load a system with, bridges are not needed here")]

mod load;

use kosmo_domain::{NodeId, PacketId};
use kosmo_meshtastic::{Message as _, crypto::ChannelKey, proto};
use kosmo_mqtt::{Client, Login, Message, Options};
use kosmo_test_support::{Mosquitto, MosquittoOptions, TestDatabase};
use kosmo_tests::{Kosmo, now, until};
use load::write_settings;
use proto::mesh_packet::PayloadVariant;
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use std::{fs, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const PACKETS: u32 = 4_000;
const GATEWAYS: u32 = 5;
const NODES: u32 = 400;
/// Messages a second of each gateway: below what is taken of one in the long run.
const RATE: u32 = 48;
/// Clock ticks of `/proc` in a second, on every Linux.
const TICKS: u64 = 100;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        println!("\n{PACKETS} encrypted packets of {NODES} nodes, each published by {GATEWAYS} gateways at {RATE}/s");
        sqlite().await;
        postgres().await;
    });
}

async fn sqlite() {
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
    println!("SQLite, embedded broker:");
    measure(&cloud, &gateways).await;
}

async fn postgres() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let database = TestDatabase::empty();
    let data = folder.path().join("cloud");
    write_settings(&data, database.url(), &broker.url());
    assert!(kosmo_tests::kosmo(&data, &["migrate"]).status.success());
    let cloud = Kosmo::start(&data, &["serve", "ingestion", "weather", "--port-base", "0"]).await;
    let mut gateways = Vec::new();
    for number in 0..GATEWAYS {
        gateways.push(connect(&broker.url(), &format!("gateway-{number}"), None).await);
    }
    println!("PostgreSQL, Mosquitto:");
    measure(&cloud, &gateways).await;
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

/// Has each gateway publish the same packets from `first` on; with `flood`, one of them also what one node sends 50 times a second.
async fn publish(gateways: &[Client], first: u32, packets: u32, flood: bool) {
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(1.0 / f64::from(RATE)));
    for count in 0..packets {
        ticks.tick().await;
        let (from, id) = (0x2000_0000 + count % NODES, first + count);
        for (client, number) in gateways.iter().zip(0..) {
            let topic = format!("msh/EU_868/2/e/LongFast/{}", gateway(number));
            let _ = client.publish(Message::new(topic, envelope(from, id, number)).at_most_once()).await;
        }
        if flood {
            let number = u32::try_from(gateways.len()).unwrap() - 1;
            let topic = format!("msh/EU_868/2/e/LongFast/{}", gateway(number));
            let _ = gateways[gateways.len() - 1]
                .publish(Message::new(topic, envelope(0x3000_0000, 0x4000_0000 + first + count, number)).at_most_once())
                .await;
        }
    }
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

async fn measure(cloud: &Kosmo, gateways: &[Client]) {
    let before = cpu_ticks(cloud.pid());
    let started = Instant::now();
    publish(gateways, 1, PACKETS, false).await;
    let total = u64::from(PACKETS * GATEWAYS);
    let (packets, copies, limited) = until("all is counted", || async {
        let counted = counted(cloud).await;
        (counted.0 + counted.1 + counted.2 >= total).then_some(counted)
    })
    .await;
    let micros = (cpu_ticks(cloud.pid()) - before) as f64 * 1.0e6 / TICKS as f64;
    println!(
        "  {packets} packets, {copies} further receptions, {limited} not taken in {:.0} s: {:.1} us CPU an uplink",
        started.elapsed().as_secs_f64(),
        micros / total as f64
    );
    println!("  idle for 20 s: {:.0} ms CPU", cpu_of_seconds(cloud, 20).await * 1.0e3);
    let before = cpu_ticks(cloud.pid());
    publish(gateways, 100_000, PACKETS / 4, true).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let after = counted(cloud).await;
    let micros = (cpu_ticks(cloud.pid()) - before) as f64 * 1.0e6 / TICKS as f64;
    println!(
        "  beside a node at {RATE}/s: {} packets, {} further, {} not taken: {:.1} us CPU a message",
        after.0 - packets,
        after.1 - copies,
        after.2 - limited,
        micros / f64::from(PACKETS / 4 * (GATEWAYS + 1))
    );
}

async fn cpu_of_seconds(cloud: &Kosmo, seconds: u64) -> f64 {
    let before = cpu_ticks(cloud.pid());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    (cpu_ticks(cloud.pid()) - before) as f64 / TICKS as f64
}

fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after_name = stat.rsplit(") ").next().unwrap_or_default().to_owned();
    after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>()
}
