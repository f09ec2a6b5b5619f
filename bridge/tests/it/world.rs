//! What tests are made of: records, epochs, times, and a bridge that runs.

use kosmo_bridge::{
    Body, Config, Deps, LinkPatience, NewRecord, Pace, RadioUrl, run,
    spool::{Resend, SpoolLimits},
};
use kosmo_contract::{InboundBody, Measured, Packet, ReadingBody, ReadingKind, Text, Transport};
use kosmo_domain::{Epoch, ManualClock, NodeId, PacketId, Timestamp};
use kosmo_mqtt::Backoff;
use rand::{SeedableRng as _, rngs::StdRng};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long anything may take before a test gives up on it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn noon() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

pub(crate) fn epoch(draw: u128) -> Epoch {
    Epoch::from_random(draw)
}

/// A temperature of that many hundredths of a degree.
pub(crate) fn reading(node: u32, hundredths: u32) -> NewRecord {
    let mut metrics = Measured::default();
    metrics.put("temperature_c", f64::from(hundredths % 4000) / 100.0);
    let node_id = NodeId::from_number(node);
    let body = ReadingBody { node_id, kind: ReadingKind::Environment, device_time: None, metrics, raw: None };
    NewRecord { heard_at: noon(), packet: Some(packet(node, 1 + hundredths, 67)), privacy: None, body: Body::Reading(body) }
}

pub(crate) fn text(node: u32, words: &str) -> NewRecord {
    let body = InboundBody { text: Text::cut(words), reply_to: None, reaction: false, channel: None, stored: false };
    NewRecord { heard_at: noon(), packet: Some(packet(node, 9, 1)), privacy: None, body: Body::Inbound(body) }
}

fn packet(from: u32, id: u32, port: u32) -> Packet {
    Packet {
        from: NodeId::from_number(from),
        to: NodeId::BROADCAST,
        id: PacketId(id),
        port,
        channel: 0,
        rx_time: Some(noon()),
        snr_db: Some(7.5),
        rssi_dbm: Some(-60),
        hops_away: Some(1),
        relay_node: None,
        transport: Some(Transport::Lora),
        via_mqtt: false,
        replayed: false,
    }
}

/// A bridge named `roof`, with a spool in `folder`, quick enough for a test.
pub(crate) fn config(radio: &RadioUrl, broker: &str, folder: &Path) -> Config {
    let quick = Duration::from_millis(20);
    let pace = Pace {
        spool_retry: quick,
        status: Duration::from_millis(250),
        status_change: quick,
        radio: LinkPatience { min_wait: quick, max_wait: Duration::from_millis(200), taken_wait: quick, ..LinkPatience::default() },
        broker: Backoff { min: quick, max: Duration::from_millis(200), ..Backoff::default() },
        ..Pace::default()
    };
    let limits =
        SpoolLimits { resend: Resend { first: Duration::from_secs(1), longest: Duration::from_secs(2) }, ..SpoolLimits::default() };
    let broker = broker.parse().unwrap();
    Config { pace, limits, ..Config::new("roof".parse().unwrap(), radio.clone(), broker, folder.join("spool.db")) }
}

pub(crate) fn deps(seed: u64) -> Deps {
    Deps { clock: Arc::new(ManualClock::at(noon())), rng: Box::new(StdRng::seed_from_u64(seed)) }
}

/// A bridge that runs.
pub(crate) struct Running {
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), kosmo_bridge::Error>>,
}

impl Running {
    pub(crate) fn start(config: Config) -> Self {
        Self::start_at(config, noon())
    }

    /// Starts it while the clock says this.
    pub(crate) fn start_at(config: Config, now: Timestamp) -> Self {
        let shutdown = CancellationToken::new();
        let deps = Deps { clock: Arc::new(ManualClock::at(now)), ..deps(7) };
        let task = tokio::spawn(run(config, deps, shutdown.clone()));
        Self { shutdown, task }
    }

    /// Ends it as a power cut does, between two things that it does.
    pub(crate) async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.is_err_and(|error| error.is_cancelled()));
    }

    /// Ends it in good order.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("a bridge ends when told to").unwrap().unwrap();
    }
}
