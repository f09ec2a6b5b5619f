//! The part of the loop that is about texts for the mesh: what is done with one is committed first, and done then.

use crate::{counters::Counter, run::Bridge};
use kosmo_contract::Offer;
use kosmo_domain::{NodeId, PacketId};
use kosmo_failpoints::fail_point;
use kosmo_meshtastic::{outgoing::Traffic, session::Input};
use rand::RngCore as _;
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// The longest wait between attempts to write down what is done with texts.
const LONGEST_RETRY: Duration = Duration::from_mins(1);

impl Bridge {
    pub(super) fn on_offer(&mut self, offer: Offer) {
        fail_point!("text::offered");
        if let Err(counter) = self.texts.on_offer(offer, self.now()) {
            self.counters.one(counter);
        }
    }

    pub(super) fn on_granted(&mut self, message_id: Uuid) {
        fail_point!("text::granted");
        if !self.texts.on_granted(message_id, self.now()) {
            tracing::warn!(bridge.id = %self.config.bridge, message.id = %message_id, "granted a text that this bridge does not know");
            self.counters.one(Counter::AcksUnasked);
        }
    }

    pub(super) fn on_revoked(&mut self, message_id: Uuid) {
        fail_point!("text::revoked");
        if !self.texts.on_revoked(message_id, self.now()) {
            self.counters.one(Counter::AcksUnasked);
        }
    }

    pub(super) fn on_cancelled(&mut self, message_id: Uuid) {
        if !self.texts.on_cancelled(message_id, self.now()) {
            self.counters.one(Counter::AcksUnasked);
        }
    }

    /// Asks for the way to a node, if the radio takes the question now and the channel is quiet enough. It is not kept for later: who
    /// asked is told by the answer, or by there being none.
    pub(super) async fn on_route_wanted(&mut self, to: NodeId) {
        let now = self.now();
        let is_open = self.session.may_send(Traffic::Traceroute).is_some_and(|at| at <= now.uptime);
        let id = PacketId(self.rng.next_u32().max(1));
        let Some(question) = is_open.then(|| self.texts.question(to, id, now)).flatten() else {
            tracing::info!(bridge.id = %self.config.bridge, "a route is not asked for: there is no radio, or no room on the air");
            self.counters.one(Counter::RequestsRefused);
            return;
        };
        self.counters.one(Counter::RoutesAsked);
        self.tell_session(Input::Send(Box::new(question))).await;
    }

    /// Returns when something is to be done for texts.
    pub(super) fn texts_due(&self) -> Option<Instant> {
        if let Some((until, _)) = self.texts_pause {
            return Some(until);
        }
        let packet = self.texts.send_due(self.session.may_send_from());
        self.texts.due().into_iter().chain(packet).min().map(|due| self.instant(due))
    }

    /// Does what is due for texts. A packet goes to the radio only after the commit that says so.
    pub(super) async fn drive_texts(&mut self) {
        if self.texts_pause.is_some_and(|(until, _)| Instant::now() < until) {
            return;
        }
        loop {
            let now = self.now();
            self.texts.on_time(now);
            let (setup_from, text_from) = (self.session.may_send(Traffic::Setup), self.session.may_send_from());
            if let Some(contact) = self.texts.contact(setup_from, text_from, now) {
                tracing::debug!(bridge.id = %self.config.bridge, "the radio is told of a node that it may have forgotten");
                self.counters.one(Counter::ContactsAdded);
                self.tell_session(Input::Send(Box::new(contact))).await;
                continue;
            }
            let has_begun = self.texts.begin(self.session.may_send_from(), now);
            if has_begun {
                fail_point!("text::begun");
            }
            if !self.commit_texts().await {
                self.texts.undo();
                return;
            }
            if !has_begun {
                return;
            }
            let Some((packet, is_repetition)) = self.texts.release(self.now()) else { continue };
            fail_point!("text::released");
            tracing::debug!(bridge.id = %self.config.bridge, packet.id = packet.id().0, is_repetition, "a text is given to the radio");
            self.counters.one(if is_repetition { Counter::TextsRepeated } else { Counter::TextsGiven });
            self.tell_session(Input::Send(Box::new(packet))).await;
        }
    }

    /// Commits what was done with texts together with what is told of it, and tells whether that is on disk.
    pub(super) async fn commit_texts(&mut self) -> bool {
        let changes = self.texts.changes(self.now());
        if changes.is_empty() {
            self.texts_pause = None;
            return true;
        }
        match self.spool.commit(&changes).await {
            Ok(appended) => {
                self.texts.note_committed();
                if self.texts_pause.take().is_some() {
                    tracing::info!(bridge.id = %self.config.bridge, "the spool takes texts again");
                    self.note_change();
                }
                self.counters.add(Counter::Spooled, changes.receipts.len() as u64);
                self.counters.add(Counter::DroppedAtCap, appended.dropped);
                if appended.dropped > 0 {
                    self.note_dropped();
                }
                self.publish().await;
                true
            }
            Err(error) => {
                let first = self.config.pace.spool_retry;
                let wait = self.texts_pause.map_or(first, |(_, wait)| wait.saturating_mul(2).min(LONGEST_RETRY));
                if self.texts_pause.replace((Instant::now() + wait, wait)).is_some() {
                    self.counters.one(Counter::SpoolErrors);
                } else {
                    self.note_spool_error(&error);
                    self.note_change();
                }
                false
            }
        }
    }
}
