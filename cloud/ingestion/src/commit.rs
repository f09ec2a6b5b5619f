//! Commits batches, and answers for them. A database that is away is waited for, for the records are safe where they are.

use crate::{
    ack::acks,
    batch::Batch,
    channels,
    packet_log::PacketLog,
    packets,
    reason::Reason,
    telemetry::{ACK_FAILURES, BATCH_SIZE, COMMIT_FAILURES, COMMIT_SECONDS, PENDING, RECORDS, REJECTS},
    will,
};
use kosmo_domain::{BridgeId, Clock};
use kosmo_failpoints::fail_point;
use kosmo_mqtt::Client;
use kosmo_store::{
    Error, Store, in_time,
    ingest::{Outcome, Record},
    rejects::NewReject,
};
use std::{error::Error as _, mem, ops::Range, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

/// The wait after a database's first failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// The longest wait for a database.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// Commits what is gathered.
pub(crate) struct Committer {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) client: Client,
    /// How long the database may take to answer.
    pub(crate) patience: Duration,
    pub(crate) log: PacketLog,
    /// Which channels are kept that bridges tell of.
    pub(crate) channels: channels::Told,
}

impl Committer {
    /// Commits batch after batch until there are no more, or the database is away while the program is to end.
    pub(crate) async fn run(&self, mut batches: mpsc::Receiver<Batch>, shutdown: &CancellationToken) {
        while let Some(mut batch) = batches.recv().await {
            fail_point!("ingestion::gathered");
            let Some(outcomes) = self.commit_patiently(&batch, shutdown).await else { return };
            fail_point!("ingestion::committed");
            count(&batch, &outcomes);
            for ack in acks(&batch.records, &outcomes) {
                // A bridge that hears nothing sends its records again, and is told then.
                if self.client.publish(ack).await.is_err() {
                    metrics::counter!(ACK_FAILURES).increment(1);
                }
            }
            fail_point!("ingestion::answered");
            for token in mem::take(&mut batch.tokens) {
                self.client.acknowledge(token);
            }
            fail_point!("ingestion::acknowledged");
            self.log(&batch, &outcomes);
        }
    }

    /// Has the packets logged of what is stored, and the headers of what is withheld.
    fn log(&self, batch: &Batch, outcomes: &[Outcome]) {
        let taken = batch.records.iter().zip(outcomes).filter(|(_, outcome)| !matches!(outcome, Outcome::Rejected { .. }));
        self.log.add(taken.map(|(record, outcome)| move || packets::of_record(record, *outcome == Outcome::Withheld)));
    }

    /// Commits a batch, however often it takes; nothing if the program is to end before that.
    async fn commit_patiently(&self, batch: &Batch, shutdown: &CancellationToken) -> Option<Vec<Outcome>> {
        let mut wait = FIRST_RETRY;
        loop {
            let began = Instant::now();
            match in_time(self.patience, self.commit(batch)).await {
                Ok(outcomes) => {
                    metrics::histogram!(COMMIT_SECONDS).record(began.elapsed());
                    return Some(outcomes);
                }
                Err(error) => {
                    metrics::counter!(COMMIT_FAILURES).increment(1);
                    let cause = error.source().map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(%error, cause, messages = batch.len(), "a batch cannot be committed, and is tried again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => return None,
            }
            wait = (wait * 2).min(LONGEST_RETRY);
        }
    }

    async fn commit(&self, batch: &Batch) -> Result<Vec<Outcome>, Error> {
        let now = self.clock.now();
        let outcomes = self.ingest(&batch.records).await?;
        let rejects: Vec<_> = batch
            .garbage
            .iter()
            .map(|(raw, reason)| NewReject {
                record: None,
                topic: &raw.topic,
                payload: &raw.payload,
                whole: true,
                code: &reason.code,
                field: &reason.field,
                detail: &reason.detail,
            })
            .collect();
        if !rejects.is_empty() {
            self.store.add_rejects(&rejects, now).await?;
        }
        for (bridge, (status, told_at)) in &batch.statuses {
            let kept = if will::is_bare(status) { self.last_words(bridge, status).await? } else { None };
            self.store.note_bridge_status(bridge, kept.as_deref().unwrap_or(status), *told_at).await?;
            self.channels.note(&self.store, bridge, status, now).await?;
        }
        Ok(outcomes)
    }

    /// Returns what a bridge that is gone said last, with its will.
    async fn last_words(&self, bridge: &BridgeId, will: &str) -> Result<Option<String>, Error> {
        let known = self.store.bridges().await?.into_iter().find(|known| known.id == *bridge);
        Ok(known.and_then(|known| known.status).and_then(|before| will::with_last_words(will, &before)))
    }

    /// Stores the records. Where the store fails for another reason than that it is away, the batch is halved until the
    /// record is found that it fails for, and that one is set aside, so that it holds up nobody else.
    async fn ingest(&self, records: &[Record]) -> Result<Vec<Outcome>, Error> {
        let mut outcomes = Vec::with_capacity(records.len());
        let mut parts: Vec<Range<usize>> = Vec::new();
        parts.push(0..records.len());
        while let Some(part) = parts.pop() {
            match self.store.ingest(&records[part.clone()], self.clock.now()).await {
                Ok(stored) => outcomes.extend(stored),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) if part.len() == 1 => {
                    let record = &records[part.start];
                    self.set_aside(record).await?;
                    tracing::error!(bridge.id = %record.origin.bridge, record.seq = record.origin.seq, %error, "a record could not be stored, and is kept as a reject");
                    outcomes.push(Outcome::Rejected { code: Reason::NotStorable.as_str().to_owned() });
                }
                Err(_) => {
                    let middle = part.start + part.len() / 2;
                    parts.extend([middle..part.end, part.start..middle]);
                }
            }
        }
        Ok(outcomes)
    }

    async fn set_aside(&self, record: &Record) -> Result<(), Error> {
        let reject = NewReject {
            record: None,
            topic: &record.raw.topic,
            payload: &record.raw.payload,
            whole: true,
            code: Reason::NotStorable.as_str(),
            field: "",
            detail: "the store failed for this record alone",
        };
        self.store.add_rejects(&[reject], self.clock.now()).await.map(drop)
    }
}

fn count(batch: &Batch, outcomes: &[Outcome]) {
    metrics::histogram!(BATCH_SIZE).record(batch.len() as f64);
    metrics::gauge!(PENDING).decrement(batch.len() as f64);
    let (mut committed, mut duplicates, mut rejected, mut withheld) = (0, 0, 0, 0);
    for (record, outcome) in batch.records.iter().zip(outcomes) {
        match outcome {
            Outcome::Committed { duplicate: true } => {
                duplicates += 1;
                continue;
            }
            Outcome::Committed { duplicate: false } => committed += 1,
            Outcome::Withheld => {
                withheld += 1;
                continue;
            }
            Outcome::Rejected { code } => {
                rejected += 1;
                if record.notes.is_empty() {
                    metrics::counter!(REJECTS, "code" => code.clone()).increment(1);
                }
            }
        }
        for note in &record.notes {
            metrics::counter!(REJECTS, "code" => note.code.clone()).increment(1);
        }
    }
    for (_, reason) in &batch.garbage {
        metrics::counter!(REJECTS, "code" => reason.code.clone()).increment(1);
    }
    for (outcome, number) in [("committed", committed), ("duplicate", duplicates), ("rejected", rejected), ("withheld", withheld)] {
        metrics::counter!(RECORDS, "outcome" => outcome).increment(number);
    }
}
