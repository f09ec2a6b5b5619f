//! The part of the loop that is about the cloud: answers and offers come in, what the spool holds goes out.

use crate::{
    counters::Counter,
    health::{Finding, Trouble},
    run::Bridge,
    uplink::UplinkEvent,
};
use kosmo_contract::{Ack, AckBody, RequestBody};
use kosmo_domain::{Epoch, SeqSet, Stream};
use kosmo_failpoints::fail_point;
use kosmo_mqtt::Reason;
use tokio::time::Instant;
use uuid::Uuid;

/// How much from the broker is taken in at once at most.
const EVENTS_AT_ONCE: usize = 100;

/// Answers to records of one life and stream.
struct Answers {
    epoch: Epoch,
    stream: Stream,
    /// How many they were.
    count: u64,
    committed: SeqSet,
    rejected: SeqSet,
}

/// What the cloud decided on a text.
#[derive(Clone, Copy)]
enum Decision {
    Granted(Uuid),
    Revoked(Uuid),
    Cancelled(Uuid),
}

impl Answers {
    /// Returns the answer to records, or what was decided instead.
    fn of(ack: Ack) -> Result<Self, Decision> {
        match ack.body {
            AckBody::Records { epoch, stream, committed, rejected } => {
                let rejected = rejected.iter().map(|rejection| rejection.seq).collect();
                Ok(Self { epoch, stream, count: 1, committed: committed.0, rejected })
            }
            AckBody::Granted { message_id } => Err(Decision::Granted(message_id)),
            AckBody::Revoked { message_id } => Err(Decision::Revoked(message_id)),
            AckBody::Cancelled { message_id } => Err(Decision::Cancelled(message_id)),
        }
    }
}

/// Adds an answer to those it can be taken together with.
fn gather(answers: &mut Vec<Answers>, next: Answers) {
    let join =
        |one: &SeqSet, other: &SeqSet| SeqSet::from_ranges(one.ranges().chain(other.ranges()).map(|range| (*range.start(), *range.end())));
    match answers.iter_mut().find(|answer| answer.epoch == next.epoch && answer.stream == next.stream) {
        Some(answer) => {
            answer.count += next.count;
            answer.committed = join(&answer.committed, &next.committed);
            answer.rejected = join(&answer.rejected, &next.rejected);
        }
        None => answers.push(next),
    }
}

impl Bridge {
    pub(super) async fn on_uplink_events(&mut self, first: UplinkEvent) {
        let mut answers = Vec::new();
        let mut next = Some(first);
        for _ in 0..EVENTS_AT_ONCE {
            let Some(event) = next.take().or_else(|| self.uplink.try_next()) else { break };
            match event {
                UplinkEvent::Answer(ack) => match Answers::of(*ack) {
                    Ok(answer) => gather(&mut answers, answer),
                    Err(decision) => self.on_decision(decision),
                },
                event => {
                    self.on_answers(std::mem::take(&mut answers)).await;
                    self.on_uplink(event).await;
                }
            }
        }
        self.on_answers(answers).await;
    }

    pub(super) async fn on_uplink(&mut self, event: UplinkEvent) {
        match event {
            // The client has logged it, as it does when a connection ends.
            UplinkEvent::Connected => {
                self.counters.one(Counter::BrokerConnections);
                self.is_online = true;
                self.broker = None;
                self.texts.set_online(true);
                self.spool.restart_publishing();
                self.publish_status().await;
                self.publish().await;
            }
            UplinkEvent::Disconnected(reason) => {
                self.is_online = false;
                let trouble = if matches!(reason, Reason::Refused(_)) { Trouble::BrokerRefused } else { Trouble::BrokerAway };
                self.broker = Some(Finding::new(trouble, format!("no connection to the broker: {reason}")));
                self.wants_room = false;
                self.deaf.clear();
                self.texts.set_online(false);
            }
            UplinkEvent::Answer(ack) => match Answers::of(*ack) {
                Ok(answer) => self.on_answers(vec![answer]).await,
                Err(decision) => self.on_decision(decision),
            },
            UplinkEvent::Offered(offer) => self.on_offer(*offer),
            UplinkEvent::Requested(RequestBody::Traceroute { to }) => self.on_route_wanted(to).await,
            UplinkEvent::Nonsense(counter) => self.counters.one(counter),
            UplinkEvent::Deaf(deaf) => {
                tracing::error!(bridge.id = %self.config.bridge, "{}", deaf.words());
                self.deaf.insert(deaf);
                self.note_change();
            }
        }
    }

    fn on_decision(&mut self, decision: Decision) {
        match decision {
            Decision::Granted(message_id) => self.on_granted(message_id),
            Decision::Revoked(message_id) => self.on_revoked(message_id),
            Decision::Cancelled(message_id) => self.on_cancelled(message_id),
        }
    }

    /// Lets go what was answered for. Answers that came together cost one wait for the disk.
    async fn on_answers(&mut self, answers: Vec<Answers>) {
        if answers.is_empty() {
            return;
        }
        let mut left = 0;
        for Answers { epoch, stream, count, committed, rejected } in answers {
            match self.spool.apply(epoch, stream, &committed, &rejected).await {
                Ok(applied) => {
                    self.counters.add(Counter::AcksOtherEpoch, if applied.other_epoch { count } else { 0 });
                    self.counters.add(Counter::Committed, applied.committed);
                    self.counters.add(Counter::Rejected, applied.rejected);
                    left += applied.committed + applied.rejected;
                }
                // The records stay, are published again, and answered again.
                Err(error) => return self.note_spool_error(&error),
            }
        }
        // What has left made room.
        if self.intake.is_blocked() && left > 0 {
            self.commit().await;
        }
        self.publish().await;
    }

    /// Publishes what is due, as far as there is room.
    pub(super) async fn publish(&mut self) {
        if !self.is_online || self.publish_pause.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.publish_pause = None;
        self.spool.set_calm(self.uplink.is_calm());
        for stream in [Stream::Gateway, Stream::Ingest] {
            let (now, room) = (self.uptime(), self.uplink.room());
            match self.spool.take_due(stream, now, room, &mut *self.rng).await {
                Ok(records) => {
                    self.counters.add(Counter::Published, records.len() as u64);
                    fail_point!("uplink::publish::before");
                    self.uplink.publish(records);
                    fail_point!("uplink::publish::after");
                }
                Err(error) => {
                    self.note_spool_error(&error);
                    self.publish_pause = Some(Instant::now() + self.config.pace.spool_retry);
                    return;
                }
            }
        }
        self.wants_room = self.uplink.room() == 0;
    }
}
