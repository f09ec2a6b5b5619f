//! Takes in what bridges say: gathers it into batches, has them committed, answers, and only then acknowledges.
//!
//! Whatever has come while a batch was being committed makes the next one, so that nothing waits for company.

use crate::{
    ack,
    decode::{Decoded, decode},
    radios::Radios,
    reason::Reason,
    shared::Shared,
    telemetry::{ACK_FAILURES, BATCH_SIZE, CLAIMS, COMMIT_FAILURES, COMMIT_SECONDS, INBOUND, MESSAGES, PENDING, RECORDS, REJECTS},
    upkeep::Heard,
};
use bytes::Bytes;
use kosmo_contract::{AckBody, Status, topic::Topic};
use kosmo_domain::BridgeId;
use kosmo_failpoints::fail_point;
use kosmo_mqtt::{AckToken, Client, Delivery, Event, Incoming};
use kosmo_store::{
    ANSWERS_WITHIN, Error, in_time,
    ingest::{Note, Raw},
    messages::{Effect, GatewayBody, GatewayOutcome, GatewayRecord, Grant, Routed},
    rejects::NewReject,
};
use std::{error::Error as _, slice, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// The wait after a database's first failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// The longest wait for a database.
const LONGEST_RETRY: Duration = Duration::from_secs(5);

/// What consumers share.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) shared: Shared,
    pub(crate) radios: Arc<Radios>,
    pub(crate) bridge_came: Arc<Notify>,
    pub(crate) answer_window: Duration,
    pub(crate) batch: usize,
    /// Takes in what bridges say of their listening.
    pub(crate) listening: mpsc::Sender<Heard>,
}

/// Takes in what comes over one connection.
pub(crate) struct Consumer {
    desk: Desk,
    client: Client,
    incoming: Incoming,
}

/// Decoded messages, and what acknowledges them.
#[derive(Default)]
struct Batch {
    records: Vec<GatewayRecord>,
    garbage: Vec<(Raw, Note)>,
    tokens: Vec<AckToken>,
}

impl Consumer {
    pub(crate) fn new(desk: Desk, (client, incoming): (Client, Incoming)) -> Self {
        Self { desk, client, incoming }
    }

    /// Takes in what comes until `shutdown`. A batch that the database is away for stays where it came from.
    pub(crate) async fn run(&mut self, shutdown: &CancellationToken) {
        loop {
            let first = tokio::select! {
                event = self.incoming.next() => event,
                () = shutdown.cancelled() => return,
            };
            let Some(first) = first else { return };
            let mut batch = Batch::default();
            self.note(first, &mut batch);
            while batch.tokens.len() < self.desk.batch
                && let Some(event) = self.incoming.try_next()
            {
                self.note(event, &mut batch);
            }
            if batch.tokens.is_empty() {
                continue;
            }
            metrics::gauge!(PENDING).increment(batch.tokens.len() as f64);
            let answered = self.answer(batch, shutdown).await;
            if !answered {
                return;
            }
        }
    }

    fn note(&self, event: Event, batch: &mut Batch) {
        match event {
            Event::Message(delivery) => self.add(delivery, batch),
            Event::Connected { .. } | Event::SubscriptionRefused { .. } | Event::Disconnected { .. } => {}
        }
    }

    fn add(&self, delivery: Delivery, batch: &mut Batch) {
        let Delivery { topic, payload, token, retain, arrived, .. } = delivery;
        batch.tokens.push(token);
        let parsed = topic.parse();
        metrics::counter!(MESSAGES, "kind" => kind(parsed.as_ref().ok())).increment(1);
        if let Ok(Topic::Status(bridge)) = parsed {
            self.note_listening(&bridge, &payload, retain, arrived.elapsed());
            // Ingestion keeps statuses, and the bad ones among its rejects.
            if self.desk.radios.heard(bridge, &payload) {
                self.desk.bridge_came.notify_one();
            }
            return;
        }
        match decode(&topic, &payload, self.desk.shared.clock.now(), self.desk.shared.draw_id()) {
            Decoded::Record(record) => batch.records.push(*record),
            Decoded::Garbage { raw, reason } => batch.garbage.push((raw, reason)),
        }
    }

    /// Has it noted whether a bridge listens. What does not get through is said again within a minute.
    fn note_listening(&self, bridge: &BridgeId, payload: &Bytes, is_kept: bool, waited: Duration) {
        let Ok(status) = kosmo_contract::parse::<Status>(payload) else { return };
        if status.bridge == *bridge {
            let _ = self.desk.listening.try_send(Heard { status, is_kept, waited, received_at: self.desk.shared.clock.now() });
        }
    }

    /// Commits a batch, answers for it and acknowledges it; false if the program is to end before the database could.
    async fn answer(&self, mut batch: Batch, shutdown: &CancellationToken) -> bool {
        fail_point!("gateway::gathered");
        let Some(outcomes) = self.commit_patiently(&mut batch, shutdown).await else { return false };
        fail_point!("gateway::committed");
        count(&batch, &outcomes);
        let claims = batch.records.iter().zip(&outcomes).filter_map(|(record, outcome)| match outcome {
            GatewayOutcome::Committed(Effect::Claim { message, grant }) => {
                let message_id = *message;
                let body = if grant.is_yes() { AckBody::Granted { message_id } } else { AckBody::Revoked { message_id } };
                Some(ack::message(&record.origin.bridge, body))
            }
            GatewayOutcome::Committed(_) | GatewayOutcome::Rejected { .. } => None,
        });
        for answer in claims.chain(ack::of_records(&batch.records, &outcomes)) {
            // A bridge that hears nothing says it again, and is told then.
            if self.client.publish(answer).await.is_err() {
                metrics::counter!(ACK_FAILURES).increment(1);
            }
        }
        fail_point!("gateway::answered");
        for token in batch.tokens {
            self.client.acknowledge(token);
        }
        fail_point!("gateway::acknowledged");
        true
    }

    /// Commits a batch, however often it takes; nothing if the program is to end before that.
    async fn commit_patiently(&self, batch: &mut Batch, shutdown: &CancellationToken) -> Option<Vec<GatewayOutcome>> {
        let mut wait = FIRST_RETRY;
        loop {
            let began = Instant::now();
            match in_time(ANSWERS_WITHIN, self.commit(batch)).await {
                Ok(outcomes) => {
                    metrics::histogram!(COMMIT_SECONDS).record(began.elapsed());
                    return Some(outcomes);
                }
                Err(error) => {
                    metrics::counter!(COMMIT_FAILURES).increment(1);
                    let cause = error.source().map(ToString::to_string).unwrap_or_default();
                    tracing::warn!(%error, cause, messages = batch.tokens.len(), "a batch cannot be committed, and is tried again");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = shutdown.cancelled() => return None,
            }
            wait = (wait * 2).min(LONGEST_RETRY);
        }
    }

    async fn commit(&self, batch: &mut Batch) -> Result<Vec<GatewayOutcome>, Error> {
        for record in &mut batch.records {
            if let GatewayBody::Text(text) = &mut record.body {
                text.to_bridge = self.desk.radios.is_addressed(&record.origin.bridge, text.to, &self.desk.shared.store).await?;
            }
        }
        let outcomes = match self.take(&batch.records).await {
            Err(error) if !error.is_transient() => self.take_each(&batch.records).await?,
            taken => taken?,
        };
        let garbage: Vec<_> = batch.garbage.iter().map(|(raw, note)| reject(raw, &note.code, &note.field, &note.detail)).collect();
        if !garbage.is_empty() {
            self.desk.shared.store.add_rejects(&garbage, self.desk.shared.clock.now()).await?;
        }
        Ok(outcomes)
    }

    async fn take(&self, records: &[GatewayRecord]) -> Result<Vec<GatewayOutcome>, Error> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        self.desk.shared.store.commit_gateway_batch(records, self.desk.answer_window, self.desk.shared.clock.now()).await
    }

    /// Commits records one by one, because the store fails for one of them, and sets that one aside, so that it holds up nobody else.
    async fn take_each(&self, records: &[GatewayRecord]) -> Result<Vec<GatewayOutcome>, Error> {
        let mut outcomes = Vec::with_capacity(records.len());
        for record in records {
            match self.take(slice::from_ref(record)).await {
                Ok(taken) => outcomes.extend(taken),
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    tracing::error!(bridge.id = %record.origin.bridge, record.seq = record.origin.seq, %error, "a record could not be stored, and is kept as a reject");
                    let code = Reason::NotStorable.as_str();
                    let reject = reject(&record.raw, code, "", "the store failed for this record alone");
                    self.desk.shared.store.add_rejects(&[reject], self.desk.shared.clock.now()).await?;
                    outcomes.push(GatewayOutcome::Rejected { code: code.to_owned() });
                }
            }
        }
        Ok(outcomes)
    }
}

fn reject<'a>(raw: &'a Raw, code: &'a str, field: &'a str, detail: &'a str) -> NewReject<'a> {
    NewReject { record: None, topic: &raw.topic, payload: &raw.payload, whole: true, code, field, detail }
}

const fn kind(topic: Option<&Topic>) -> &'static str {
    match topic {
        Some(Topic::Receipt(_)) => "receipt",
        Some(Topic::Inbound(_) | Topic::BareInbound) => "text",
        Some(Topic::Status(_)) => "status",
        Some(Topic::Reading(_) | Topic::Node(_) | Topic::Ack(_) | Topic::Request(_) | Topic::Outbound(_)) | None => "other",
    }
}

fn count(batch: &Batch, outcomes: &[GatewayOutcome]) {
    metrics::histogram!(BATCH_SIZE).record(batch.tokens.len() as f64);
    metrics::gauge!(PENDING).decrement(batch.tokens.len() as f64);
    for outcome in outcomes {
        let record = match outcome {
            GatewayOutcome::Rejected { code } => {
                metrics::counter!(REJECTS, "code" => code.clone()).increment(1);
                "rejected"
            }
            GatewayOutcome::Committed(Effect::Known) => "duplicate",
            GatewayOutcome::Committed(effect) => {
                count_effect(effect);
                "committed"
            }
        };
        metrics::counter!(RECORDS, "outcome" => record).increment(1);
    }
    for (_, note) in &batch.garbage {
        metrics::counter!(REJECTS, "code" => note.code.clone()).increment(1);
    }
}

fn count_effect(effect: &Effect) {
    match effect {
        Effect::Claim { grant, .. } => {
            let outcome = match grant {
                Grant::Granted(_) => "granted",
                Grant::AlreadyYours => "granted_again",
                Grant::Taken | Grant::Expired | Grant::Held | Grant::Unknown => "revoked",
            };
            metrics::counter!(CLAIMS, "outcome" => outcome).increment(1);
        }
        Effect::Text(routed, _) => {
            let to = match routed {
                Routed::Answer { .. } => "answer",
                Routed::Correspondent { .. } => "correspondent",
                Routed::Operators => "operators",
                Routed::Channel => "channel",
                Routed::Dropped => "chatter",
                Routed::Known => "duplicate",
            };
            metrics::counter!(INBOUND, "to" => to).increment(1);
        }
        Effect::Changed(_) | Effect::Waits { .. } | Effect::Known => {}
    }
}
