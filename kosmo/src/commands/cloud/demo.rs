//! `kosmo demo`: everything, with a simulated mesh.

use super::{
    members::{self, ANA, LENA, MEMBERS},
    up::Everything,
};
use crate::{
    banner::{Banner, DemoBanner},
    bridging, cli,
    config::Config,
    patience::patiently,
    secrets,
    serving::Serving,
    system::random,
};
use anyhow::{Context as _, Result, bail};
use kosmo_bridge::RadioUrl;
use kosmo_domain::{BridgeId, Clock as _, Epoch, HOUR, Reading, Source, Stream, TimeSource, Timestamp, Trust};
use kosmo_store::{
    Store,
    ingest::{Body, Raw, Record, RecordName},
};
use rand::Rng as _;
use std::{fs, path::Path, time::Duration};

/// How far back the history goes.
const PAST: Duration = Duration::from_hours(7 * 24);
/// How far apart its readings are.
const STEP: Duration = Duration::from_mins(10);
/// Readings written in one transaction.
const BATCH: usize = 500;
/// Hours summarised in one transaction; others write as well.
const HOURS_AT_ONCE: u32 = 50;
/// The file that says that a data folder is a demo's.
const MARK: &str = "this-is-a-demo";

pub(crate) async fn run(args: cli::Demo, mut config: Config) -> Result<()> {
    mark(&config.data.dir)?;
    // Whoever starts a demo is to try everything. It listens on this machine alone, like `kosmo up`.
    config.auth.dev_header = true;
    let mut up = Everything::start(config).await?;
    let mesh = super::sim::start(&args.mesh, &mut up.serving.lifecycle).await?;
    let sim = super::sim::configure(&args.mesh);
    write_history(&up.serving, &sim).await?;

    patiently("adding the members", async || members::seed(&up.serving.store, up.serving.clock.now()).await).await?;

    let first: BridgeId = "demo".parse().context("`demo` is a name")?;
    let mut radios = Vec::new();
    for (place, address) in mesh.addresses().iter().enumerate() {
        let radio = RadioUrl::Tcp { host: address.ip().to_string(), port: address.port() };
        let id = bridging::numbered(&first, place)?;
        patiently("a bridge", async || up.attach(id.clone(), radio.clone()).await).await?;
        radios.push(format!("tcp://{address}"));
        up.serving.addresses.insert(format!("radio-{}", place + 1), format!("tcp://{address}"));
    }
    let banner = DemoBanner {
        radios,
        members: MEMBERS.iter().map(|member| format!("{} ({})", member.handle, member.plan)).collect(),
        example: (ANA.id.to_string(), LENA.to_string()),
        viewer: patiently("a login", async || viewer(&up.serving).await).await?,
    };
    up.run(args.ports.ready_file.as_deref(), Banner::of_demo(banner)).await
}

/// Marks the data folder as a demo's, and keeps off those that hold something else: simulated weather among real
/// readings could never be told apart again.
fn mark(folder: &Path) -> Result<()> {
    crate::output::private_folder(folder)?;
    let mark = folder.join(MARK);
    let is_empty = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?.next().is_none();
    if !is_empty && !mark.exists() {
        bail!("{} holds data that is not a demo's; choose an empty folder with --data, or leave --data out", folder.display());
    }
    fs::write(&mark, "Everything here was made by `kosmo demo` and may be deleted.\n")
        .with_context(|| format!("{} cannot be written", mark.display()))
}

/// Writes the readings of the last week that are not there yet: all of it at the first start, later the time in between.
async fn write_history(serving: &Serving, sim: &kosmo_sim::Config) -> Result<()> {
    let Serving { store, clock, .. } = serving;
    let now = clock.now();
    let newest = store.latest(None).await?.iter().map(|latest| latest.at).max();
    let from = newest.map_or(now.minus(PAST), |newest| newest.plus(STEP).max(now.minus(PAST))).floor_to(STEP);
    let mut origin =
        Origin { bridge: "history".parse().context("`history` is a name")?, epoch: Epoch::from_random(random().random()), seq: 0 };
    let mut batch = Vec::with_capacity(BATCH);
    let mut written = 0;
    let mut hour = from.floor_to(HOUR);
    for reading in kosmo_sim::history(sim, from, now, STEP) {
        if batch.len() == BATCH || reading.at.floor_to(HOUR) != hour {
            written += flush(store, &mut batch, hour).await?;
            hour = reading.at.floor_to(HOUR);
        }
        batch.push(origin.record(&reading));
    }
    written += flush(store, &mut batch, now).await?;
    while patiently("summarising the past", async || Ok(store.run_rollups(HOURS_AT_ONCE).await?)).await?.more {}
    tracing::info!(readings = written, "wrote the past of the simulated mesh, from {from}");
    Ok(())
}

/// Stores what was measured as if it had come in within the hour in which it was measured, so that what came in when has a
/// past, too.
async fn flush(store: &Store, batch: &mut Vec<Record>, now: Timestamp) -> Result<usize> {
    patiently("writing the past", async || store.ingest(batch, now).await.context("the history cannot be written")).await?;
    let written = batch.len();
    batch.clear();
    Ok(written)
}

/// The spool that the history would have come from.
struct Origin {
    bridge: BridgeId,
    epoch: Epoch,
    seq: u64,
}

impl Origin {
    fn record(&mut self, reading: &Reading) -> Record {
        self.seq += 1;
        let origin = RecordName { bridge: self.bridge.clone(), epoch: self.epoch, stream: Stream::Ingest, seq: self.seq };
        let body = Body::Reading {
            reading: *reading,
            time_source: TimeSource::Device,
            device_time: Some(reading.at),
            trust: Trust::Claimed,
            source: Source::Bridge,
        };
        Record { origin, heard: None, privacy: None, body, notes: Vec::new(), raw: Raw::default() }
    }
}

async fn viewer(serving: &Serving) -> Result<(String, String)> {
    let name: BridgeId = "viewer".parse().context("`viewer` is a name")?;
    let kept = secrets::of_viewer(&serving.config.data.dir, &serving.store, &name, serving.clock.now()).await?;
    Ok((name.to_string(), kept.secret))
}
