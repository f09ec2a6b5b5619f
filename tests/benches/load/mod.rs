//! What the benches load a system with: bridges that publish numbered records, and what processes take for it.

#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

use bytes::Bytes;
use kosmo_contract::{Ack, AckBody, parse};
use kosmo_domain::{NodeId, Timestamp};
use kosmo_mqtt::{Event, Login, Message, Options, Subscription};
use kosmo_tests::{BridgeProcess, Kosmo, until};
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
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Bridges that publish side by side.
pub(crate) const BRIDGES: u64 = 4;
/// Records that a bridge has in flight at most, as the contract says.
const WINDOW: usize = 500;

/// Returns the name of a bridge.
pub(crate) fn bridge_name(number: u64) -> String {
    format!("bridge-{number}")
}

/// Gives the bridges logins, and returns their secrets.
pub(crate) fn enrol(cloud: &Kosmo, folder: &Path) -> Vec<String> {
    (0..BRIDGES).map(|number| BridgeProcess::enrol(cloud, folder, &bridge_name(number)).secret()).collect()
}

/// When what the bridges publish was measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    /// The first of it.
    pub(crate) began: Timestamp,
    /// How much later a bridge's next reading is than its last.
    pub(crate) step: Duration,
}

/// Connects the bridges, with their secrets where the broker asks for them.
pub(crate) async fn connect(broker: &str, secrets: Option<&[String]>, measured: Measured, shutdown: &CancellationToken) -> Vec<Bridge> {
    let mut bridges = Vec::new();
    for number in 0..BRIDGES {
        let secret = secrets.map(|secrets| secrets[usize::try_from(number).unwrap()].clone());
        bridges.push(Bridge::connect(broker, number, secret, measured, shutdown).await);
    }
    bridges
}

/// Lets the bridges publish so many readings between them, and waits until each is acknowledged.
pub(crate) async fn publish(bridges: &[Bridge], readings: u64, rate: Option<u64>) {
    let each = readings / BRIDGES;
    let mut running = tokio::task::JoinSet::new();
    for bridge in bridges {
        let bridge = bridge.clone();
        running.spawn(async move { bridge.publish(each, rate.map(|rate| rate / BRIDGES)).await });
    }
    running.join_all().await;
}

/// Writes the settings of a process that shares a database and a broker.
pub(crate) fn write_settings(data: &Path, database: &str, broker: &str) {
    fs::create_dir_all(data).unwrap();
    fs::write(data.join("kosmo.toml"), format!("[database]\nurl = \"{database}\"\n\n[mqtt]\nurl = \"{broker}\"\n")).unwrap();
}

/// A bridge reduced to what costs the cloud something: numbered records, at most so many in flight, freed by their acks.
#[derive(Clone)]
pub(crate) struct Bridge {
    name: String,
    number: u64,
    client: kosmo_mqtt::Client,
    next_seq: Arc<AtomicU64>,
    acknowledged: Arc<AtomicU64>,
    room: Arc<Semaphore>,
    measured: Measured,
}

impl Bridge {
    async fn connect(broker: &str, number: u64, secret: Option<String>, measured: Measured, shutdown: &CancellationToken) -> Self {
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
        Self { name, number, client, next_seq, acknowledged, room, measured }
    }

    async fn publish(&self, readings: u64, rate: Option<u64>) {
        let goal = self.acknowledged.load(Ordering::SeqCst) + readings;
        let mut ticks = tokio::time::interval(Duration::from_millis(4));
        for count in 0..readings {
            if rate.is_some_and(|rate| count.is_multiple_of((rate / 250).max(1))) {
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

    /// Returns a record as a bridge writes it, of one of 100 nodes of its own.
    fn payload(&self, seq: u64) -> Vec<u8> {
        let node = NodeId::from_number(u32::try_from(0x1000_0000 + self.number * 0x100 + seq % 100).unwrap());
        let at = self.measured.began.plus(self.measured.step * u32::try_from(seq).unwrap());
        let (id, epoch) = (seq + (self.number << 28), 0x1000 + self.number);
        format!(
            r#"{{"v":1,"bridge":"{}","epoch":"0e9c2b1a-54a1-4a2e-9d5c-0f6d0a1b{epoch:04x}","stream":"ingest","seq":{seq},"heard_at":"{at}","packet":{{"from":"{node}","to":"!ffffffff","id":{id},"port":67,"rx_time":"{at}","snr_db":7.5,"rssi_dbm":-60,"hops_away":1,"relay_node":2,"transport":"lora"}},"body":{{"node_id":"{node}","kind":"environment","device_time":"{at}","metrics":{{"temperature_c":21.{},"humidity_pct":48.5,"pressure_hpa":1013.25,"gas_resistance_ohm":84200,"wind_speed_ms":3.5,"wind_gust_ms":6.5,"wind_direction_deg":270,"rain_1h_mm":0.5}}}}}}"#,
            self.name,
            seq % 10
        )
        .into_bytes()
    }
}

/// Returns the memory that is resident of a process, in KiB.
pub(crate) fn memory_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
}
