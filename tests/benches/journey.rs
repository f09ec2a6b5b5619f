//! What a reading costs from its publication to its committed row, on both footings, and what an idle `kosmo up` takes.
//!
//! `make bench` runs it against a release build. CPU is user and system time of all our processes; the broker and the
//! database of the second footing are not ours and stand in columns of their own.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

use bytes::Bytes;
use kosmo_contract::{Ack, AckBody, parse};
use kosmo_domain::{NodeId, Timestamp};
use kosmo_mqtt::{Event, Login, Message, Options, Subscription};
use kosmo_test_support::{Mosquitto, MosquittoOptions, TestDatabase};
use kosmo_tests::{BridgeProcess, Kosmo, now, until};
use rand::{SeedableRng as _, rngs::StdRng};
use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

/// Bridges that publish side by side.
const BRIDGES: u64 = 4;
/// Records that a bridge has in flight at most, as the contract says.
const WINDOW: usize = 500;
/// Readings a second at the steady rate.
const RATE: u64 = 5_000;
/// Readings at the steady rate, and again as fast as they go.
const READINGS: u64 = 100_000;
/// Clock ticks of `/proc` in a second, on every Linux.
const TICKS: u64 = 100;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        idle().await;
        println!("\n{READINGS} readings of 8 metrics from 400 nodes through {BRIDGES} bridges, from publication to acknowledgement");
        sqlite_with_the_embedded_broker().await;
        postgres_with_mosquitto().await;
    });
}

/// Starts an empty `kosmo up` and says how long that took and what it takes.
async fn idle() {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let cloud = Kosmo::start(&folder.path().join("cloud"), &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    let first = started.elapsed();
    drop(cloud);
    let started = Instant::now();
    let cloud = Kosmo::start(&folder.path().join("cloud"), &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    let again = started.elapsed();
    // What the start itself needed is given back by then.
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("kosmo up, idle: {} MB resident; ready after {first:.2?} at first, {again:.2?} on existing data", memory_mb(cloud.pid()));
}

async fn sqlite_with_the_embedded_broker() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Kosmo::start(&folder.path().join("cloud"), &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    let secrets: Vec<_> = (0..BRIDGES).map(|n| BridgeProcess::enrol(&cloud, folder.path(), &bridge_name(n)).secret()).collect();
    println!("SQLite, embedded broker:");
    measure(&cloud, cloud.address("mqtt"), Some(&secrets), &[]).await;
}

async fn postgres_with_mosquitto() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let database = TestDatabase::empty();
    let data = folder.path().join("cloud");
    write_settings(&data, database.url(), &broker.url());
    let migrated = kosmo_tests::kosmo(&data, &["migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let cloud = Kosmo::start(&data, &["serve", "ingestion", "weather", "--port-base", "0"]).await;
    println!("PostgreSQL, Mosquitto:");
    measure(&cloud, &broker.url(), None, &["postgres", "mosquitto"]).await;
}

fn write_settings(data: &Path, database: &str, broker: &str) {
    fs::create_dir_all(data).unwrap();
    fs::write(data.join("kosmo.toml"), format!("[database]\nurl = \"{database}\"\n\n[mqtt]\nurl = \"{broker}\"\n")).unwrap();
}

fn bridge_name(number: u64) -> String {
    format!("bridge-{number}")
}

/// Publishes at the steady rate, then as fast as it goes, and prints what that cost us and the programs of these names.
async fn measure(cloud: &Kosmo, broker: &str, secrets: Option<&[String]>, others: &[&str]) {
    let shutdown = CancellationToken::new();
    let mut bridges = Vec::new();
    for number in 0..BRIDGES {
        let secret = secrets.map(|secrets| secrets[usize::try_from(number).unwrap()].clone());
        bridges.push(Bridge::connect(broker, number, secret, &shutdown).await);
    }
    publish(&bridges, 5_000, None).await;
    let mut groups = vec![("kosmo", vec![cloud.pid()])];
    groups.extend(others.iter().map(|name| (*name, processes_called(name))));
    for (name, rate) in [("at 5,000/s", Some(RATE)), ("as fast as it goes", None)] {
        let before: Vec<_> = groups.iter().map(|(_, pids)| cpu_ticks(pids)).collect();
        let started = Instant::now();
        publish(&bridges, READINGS, rate).await;
        let elapsed = started.elapsed().as_secs_f64();
        print!("  {name:<20} {:>7.0} readings/s", READINGS as f64 / elapsed);
        for ((group, pids), before) in groups.iter().zip(before) {
            let micros = (cpu_ticks(pids) - before) as f64 * 1.0e6 / TICKS as f64;
            print!("   {group} {:>5.1} us CPU each", micros / READINGS as f64);
        }
        println!();
    }
    println!("  memory afterwards: {} MB", memory_mb(cloud.pid()));
    shutdown.cancel();
}

/// Lets the bridges publish so many readings between them, and waits until each is acknowledged.
async fn publish(bridges: &[Bridge], readings: u64, rate: Option<u64>) {
    let each = readings / BRIDGES;
    let mut running = tokio::task::JoinSet::new();
    for bridge in bridges {
        let bridge = bridge.clone();
        running.spawn(async move { bridge.publish(each, rate.map(|rate| rate / BRIDGES)).await });
    }
    running.join_all().await;
}

/// A bridge reduced to what costs the cloud something: numbered records, at most so many in flight, freed by their acks.
#[derive(Clone)]
struct Bridge {
    name: String,
    number: u64,
    client: kosmo_mqtt::Client,
    next_seq: Arc<AtomicU64>,
    acknowledged: Arc<AtomicU64>,
    room: Arc<Semaphore>,
    began: Timestamp,
}

impl Bridge {
    async fn connect(broker: &str, number: u64, secret: Option<String>, shutdown: &CancellationToken) -> Self {
        let name = bridge_name(number);
        let mut options = Options::new(broker.parse().unwrap(), &name);
        options.login = secret.map(|password| Login { name: name.clone(), password });
        options.subscriptions = vec![Subscription::at_least_once(format!("kosmo/bridge/{name}/ack"))];
        let (client, mut incoming) = kosmo_mqtt::connect(options, StdRng::seed_from_u64(number), shutdown.clone()).unwrap();
        client.connected().await;
        let (acknowledged, room) = (Arc::new(AtomicU64::new(0)), Arc::new(Semaphore::new(WINDOW)));
        let (count, freed, acking) = (Arc::clone(&acknowledged), Arc::clone(&room), client.clone());
        tokio::spawn(async move {
            while let Some(event) = incoming.next().await {
                let Event::Message(delivery) = event else { continue };
                let ack: Ack = parse(&delivery.payload).unwrap();
                let AckBody::Records { committed, rejected, .. } = ack.body else { continue };
                assert!(rejected.is_empty(), "{rejected:?}");
                count.fetch_add(committed.0.len(), Ordering::SeqCst);
                freed.add_permits(usize::try_from(committed.0.len()).unwrap());
                acking.acknowledge(delivery.token);
            }
        });
        let next_seq = Arc::new(AtomicU64::new(1));
        Self { name, number, client, next_seq, acknowledged, room, began: now().minus(Duration::from_hours(24)) }
    }

    async fn publish(&self, readings: u64, rate: Option<u64>) {
        let goal = self.acknowledged.load(Ordering::SeqCst) + readings;
        let mut ticks = tokio::time::interval(Duration::from_millis(4));
        for count in 0..readings {
            if rate.is_some_and(|rate| count.is_multiple_of(rate / 250)) {
                ticks.tick().await;
            }
            self.room.acquire().await.unwrap().forget();
            let seq = self.next_seq.fetch_add(1, Ordering::SeqCst);
            let message = Message::new(format!("kosmo/mesh/reading/{}", self.name), Bytes::from(self.payload(seq)));
            // Receipts are not waited for: the record's own acknowledgement is what counts.
            drop(self.client.publish(message).await.unwrap());
        }
        until("every reading is acknowledged", || std::future::ready((self.acknowledged.load(Ordering::SeqCst) >= goal).then_some(())))
            .await;
    }

    /// Returns a record as a bridge writes it: one of 100 nodes of its own, every second round a minute later.
    fn payload(&self, seq: u64) -> Vec<u8> {
        let node = NodeId::from_number(u32::try_from(0x1000_0000 + self.number * 0x100 + seq % 100).unwrap());
        let at = self.began.plus(Duration::from_secs(seq / 100));
        let (id, epoch) = (seq + (self.number << 28), 0x1000 + self.number);
        format!(
            r#"{{"v":1,"bridge":"{}","epoch":"0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b{epoch:04x}","stream":"ingest","seq":{seq},"heard_at":"{at}","packet":{{"from":"{node}","to":"!ffffffff","id":{id},"port":67,"rx_time":"{at}","snr_db":7.5,"rssi_dbm":-60,"hops_away":1,"relay_node":2,"transport":"lora"}},"body":{{"node_id":"{node}","kind":"environment","device_time":"{at}","metrics":{{"temperature_c":21.{},"humidity_pct":48.5,"pressure_hpa":1013.25,"gas_resistance_ohm":84200,"wind_speed_ms":3.5,"wind_gust_ms":6.5,"wind_direction_deg":270,"rain_1h_mm":0.5}}}}}}"#,
            self.name,
            seq % 10
        )
        .into_bytes()
    }
}

fn cpu_ticks(pids: &[u32]) -> u64 {
    let ticks = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after_name = stat.rsplit(") ").next().unwrap_or_default().to_owned();
        after_name.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>()
    };
    pids.iter().map(ticks).sum()
}

fn memory_mb(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// Returns the numbers of all processes with this name.
fn processes_called(name: &str) -> Vec<u32> {
    let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok());
    numbers.filter(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name)).collect()
}
