//! The part of the loop that is about the cloud: answers and offers come in, what the spool holds goes out.

use crate::{counters::Counter, run::Bridge, uplink::UplinkEvent};
use kosmo_contract::{Ack, AckBody};
use kosmo_domain::{SeqSet, Stream};
use kosmo_failpoints::fail_point;
use tokio::time::Instant;

/// How much from the broker is taken in at once at most.
const EVENTS_AT_ONCE: usize = 100;

impl Bridge {
    pub(super) async fn on_uplink_events(&mut self, first: UplinkEvent) {
        self.on_uplink(first).await;
        for _ in 1..EVENTS_AT_ONCE {
            let Some(event) = self.uplink.try_next() else { break };
            self.on_uplink(event).await;
        }
    }

    pub(super) async fn on_uplink(&mut self, event: UplinkEvent) {
        match event {
            // The client has logged it, as it does when a connection ends.
            UplinkEvent::Connected => {
                self.counters.one(Counter::BrokerConnections);
                self.is_online = true;
                self.texts.set_online(true);
                self.spool.restart_publishing();
                self.publish_status();
                self.publish().await;
            }
            UplinkEvent::Disconnected => {
                self.is_online = false;
                self.wants_room = false;
                self.deaf.clear();
                self.texts.set_online(false);
            }
            UplinkEvent::Answer(ack) => self.on_answer(*ack).await,
            UplinkEvent::Offered(offer) => self.on_offer(*offer),
            UplinkEvent::Nonsense(counter) => self.counters.one(counter),
            UplinkEvent::Deaf(deaf) => {
                tracing::error!(bridge.id = %self.config.bridge, "{}", deaf.words());
                self.deaf.insert(deaf);
                self.note_change();
            }
        }
    }

    pub(super) async fn on_answer(&mut self, ack: Ack) {
        let (epoch, stream, committed, rejected) = match ack.body {
            AckBody::Records { epoch, stream, committed, rejected } => (epoch, stream, committed, rejected),
            AckBody::Granted { message_id } => return self.on_granted(message_id),
            AckBody::Revoked { message_id } => return self.on_revoked(message_id),
        };
        let rejected: SeqSet = rejected.iter().map(|rejection| rejection.seq).collect();
        match self.spool.apply(epoch, stream, &committed.0, &rejected).await {
            Ok(applied) => {
                self.counters.add(Counter::AcksOtherEpoch, u64::from(applied.other_epoch));
                self.counters.add(Counter::Committed, applied.committed);
                self.counters.add(Counter::Rejected, applied.rejected);
                // What has left made room.
                if self.intake.is_blocked() && applied.committed + applied.rejected > 0 {
                    self.commit().await;
                }
                self.publish().await;
            }
            // The records stay, are published again, and answered again.
            Err(error) => self.note_spool_error(&error),
        }
    }

    /// Publishes what is due, as far as there is room.
    pub(super) async fn publish(&mut self) {
        if !self.is_online || self.publish_pause.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.publish_pause = None;
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
