//! Stores what was taken, and reads again what it is taken by: channels, and whom an operator will not have.

#![expect(clippy::vec_box, reason = "they come boxed through a channel, where they wait")]

use crate::{
    packet_log::PacketLog,
    uplink::{
        LOST, Shared, Source, UNPOISONED, UplinkConfig,
        desk::Due,
        listener::Standing,
        read::{Taken, has_name},
    },
};
use kosmo_domain::{Clock, Epoch, Stream, Trust};
use kosmo_store::{
    OpenChannels, Store, Visibility, in_time,
    ingest::{Raw, Record, RecordName},
    messages::OverheardText,
    packets::NewPacket,
    uplinks::{BrokerNote, PacketReceptions, SessionRow, UplinkBatch},
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::sync::CancellationToken;

/// How many packets are stored at once, at most.
const BATCH: usize = 500;
/// The wait after the database's first failure, and the longest; what comes meanwhile waits, and past its bound is lost.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(5);
/// How often what is old is given up.
const PURGE_EVERY: Duration = Duration::from_hours(1);

pub(crate) struct Keeper {
    config: UplinkConfig,
    store: Store,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
    log: PacketLog,
    epoch: Epoch,
    seq: AtomicU64,
    closed: AtomicUsize,
}

impl Keeper {
    pub(crate) fn new(
        config: UplinkConfig,
        store: Store,
        clock: Arc<dyn Clock>,
        shared: Arc<Shared>,
        log: PacketLog,
        epoch: Epoch,
    ) -> Self {
        Self { config, store, clock, shared, log, epoch, seq: AtomicU64::new(0), closed: AtomicUsize::new(0) }
    }

    /// Stores what comes until there is no more.
    pub(crate) async fn run(&self, mut waiting: mpsc::Receiver<Box<Taken>>, shutdown: &CancellationToken) {
        let mut ticks = tokio::time::interval_at(Instant::now() + self.config.flush, self.config.flush);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut purged: Option<Instant> = None;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                first = waiting.recv() => match first {
                    Some(first) => batch.push(first),
                    None => break,
                },
                _ = ticks.tick() => {
                    self.flush().await;
                    self.refresh().await;
                    if purged.is_none_or(|at| at.elapsed() > PURGE_EVERY) {
                        self.purge().await;
                        purged = Some(Instant::now());
                    }
                    continue;
                }
            }
            let latest = Instant::now() + self.config.linger;
            while batch.len() < BATCH {
                match tokio::time::timeout_at(latest, waiting.recv()).await {
                    Ok(Some(taken)) => batch.push(taken),
                    Ok(None) | Err(_) => break,
                }
            }
            self.commit(std::mem::take(&mut batch), shutdown).await;
        }
        self.flush().await;
    }

    /// Stores packets, however often it takes, until the program is to end.
    async fn commit(&self, taken: Vec<Box<Taken>>, shutdown: &CancellationToken) {
        let (batch, packets) = self.gather(taken);
        let mut wait = FIRST_RETRY;
        while let Err(error) = in_time(self.config.patience, self.store.ingest_uplinks(&batch, self.clock.now())).await {
            tracing::warn!(%error, packets = packets.len(), "what nodes published cannot be stored, and is tried again");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => {
                    metrics::counter!(LOST).increment(packets.len() as u64);
                    return;
                }
            }
            wait = (wait * 2).min(LONGEST_RETRY);
        }
        // Every packet that was taken, read or not.
        self.log.add(packets.into_iter().map(|packet| || Some(packet)));
    }

    fn gather(&self, taken: Vec<Box<Taken>>) -> (UplinkBatch, Vec<NewPacket>) {
        let mut batch = UplinkBatch::default();
        let mut packets = Vec::with_capacity(taken.len());
        for packet in taken {
            let Taken { source, bodies, text, heard, reception, consent, packet } = *packet;
            let Source { name, public, .. } = &self.config.sources[source];
            // What comes from a broker that is not for everybody is in nothing that is.
            if *public && has_name(heard.id) {
                batch.receptions.push(PacketReceptions { from: heard.from, id: heard.id, first_at: reception.at, by: vec![reception] });
            }
            batch.consents.extend(consent.map(|agrees| (heard.from, agrees)));
            for body in bodies {
                let seq = self.seq.fetch_add(1, Ordering::Relaxed);
                let origin = RecordName { bridge: name.clone(), epoch: self.epoch, stream: Stream::Ingest, seq };
                let (heard, notes, raw) = (Some(heard.clone()), Vec::new(), Raw::default());
                // Only what is for everybody comes here.
                batch.records.push(Record { origin, heard, privacy: None, body, notes, raw });
            }
            batch.texts.extend(text.map(|text| OverheardText { source: name.clone(), text, heard_at: heard.reception.at }));
            packets.extend(public.then_some(packet));
        }
        (batch, packets)
    }

    /// Stores who else received packets, what gateways brought, what was not taken, and that brokers are listened to.
    async fn flush(&self) {
        let now = self.clock.now();
        let standing = self.shared.standing.lock().expect(UNPOISONED).clone();
        let note = |(source, standing): (&Source, &Standing)| BrokerNote {
            source: source.name.to_string(),
            replica: self.epoch.to_string(),
            state: standing.state,
            since: standing.since,
            error: standing.error.map(|(code, at)| (code.to_owned(), at)),
            trusted: source.trust >= Trust::Claimed,
            public: source.public,
            at: now,
        };
        let notes: Vec<_> = self.config.sources.iter().zip(&standing).map(note).collect();
        if let Err(error) = in_time(self.config.patience, self.store.note_uplink_brokers(&notes)).await {
            tracing::debug!(%error, "cannot note how brokers fare, and tries again");
            return;
        }
        let goes_on = standing.iter().enumerate().filter_map(|(source, standing)| Some((source, standing.listening()?, now)));
        let ended = std::mem::take(&mut *self.shared.ended.lock().expect(UNPOISONED));
        for (source, from, until) in ended.into_iter().chain(goes_on) {
            let session = SessionRow { source: self.config.sources[source].name.to_string(), from, until };
            if let Err(error) = in_time(self.config.patience, self.store.note_uplink_session(&session)).await {
                tracing::debug!(%error, "cannot note that a broker is listened to, and tries again");
                return;
            }
        }
        let Due { receptions, gateways, limits } = self.shared.desk.lock().expect(UNPOISONED).due();
        let batch = UplinkBatch { receptions, gateways, limits, ..UplinkBatch::default() };
        if batch.is_empty() {
            return;
        }
        if let Err(error) = in_time(self.config.patience, self.store.ingest_uplinks(&batch, now)).await {
            tracing::debug!(%error, "cannot store who received packets, and tries again");
            let UplinkBatch { receptions, gateways, limits, .. } = batch;
            self.shared.desk.lock().expect(UNPOISONED).undo(Due { receptions, gateways, limits });
        }
    }

    /// Reads channels and denials again.
    pub(crate) async fn refresh(&self) {
        match in_time(self.config.patience, self.channels()).await {
            Ok((channels, published)) => {
                if self.closed.swap(channels.closed, Ordering::Relaxed) < channels.closed {
                    tracing::error!(
                        channels = channels.closed,
                        key = self.config.vault.name(),
                        "the keys of channels were sealed with another secrets key than this process has: their packets cannot be read"
                    );
                }
                let reader = Arc::clone(&self.shared.reader.read().expect(UNPOISONED));
                let reader = reader.with_keys(&channels, self.config.preset_channels, &published);
                *self.shared.reader.write().expect(UNPOISONED) = Arc::new(reader);
            }
            Err(error) => tracing::debug!(%error, "cannot read the channels, and goes on with those that are known"),
        }
        match in_time(self.config.patience, self.store.uplink_denials()).await {
            Ok(denials) => {
                let denied = denials.into_iter().map(|denial| (denial.role, denial.node)).collect();
                self.shared.desk.lock().expect(UNPOISONED).deny(denied);
            }
            Err(error) => tracing::debug!(%error, "cannot read who is denied, and goes on with those that are known"),
        }
    }

    /// Returns the channels with their keys, and which channels are published, by name and hash, whoever told of them.
    async fn channels(&self) -> kosmo_store::Result<(OpenChannels, BTreeSet<(String, u8)>)> {
        let open = self.store.open_channels(&self.config.vault).await?;
        let rows = self.store.channels().await?.into_iter();
        let published = rows.filter(|row| row.visibility == Visibility::Public).map(|row| (row.name, row.hash)).collect();
        Ok((open, published))
    }

    async fn purge(&self) {
        let now = self.clock.now();
        if let Err(error) = in_time(self.config.patience, self.store.purge_uplinks(now.minus(self.config.keep_receptions), now)).await {
            tracing::warn!(%error, "what is old of uplinks could not be given up, which is tried again later");
        }
    }
}
