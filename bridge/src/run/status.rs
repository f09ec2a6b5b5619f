//! The part of the loop that is about what the bridge says of itself.

use crate::run::Bridge;
use kosmo_contract::{BridgeState, Queues, Status, Text, V1};
use tokio::time::Instant;

impl Bridge {
    pub(super) fn publish_status(&mut self) {
        self.status_at = Instant::now() + self.config.pace.status;
        self.counters.note_dropped(self.session.dropped());
        self.counters.note_depths(&self.spool.depths());
        if self.is_online {
            self.uplink.publish_status(&self.status());
        }
    }

    /// Has a change told soon, together with those that follow at once.
    pub(super) fn note_change(&mut self) {
        self.status_at = self.status_at.min(Instant::now() + self.config.pace.status_change);
    }

    pub(super) fn status(&self) -> Status {
        let mut counters = self.counters.by_name();
        if self.intake.is_blocked() {
            counters.insert(Text::cut("records_waiting_for_disk"), self.intake.len() as u64);
        }
        Status {
            v: V1,
            bridge: self.config.bridge.clone(),
            state: BridgeState::Online,
            at: Some(self.clock.now()),
            version: Some(Text::cut(env!("CARGO_PKG_VERSION"))),
            uptime_s: Some(self.uptime().0.as_secs()),
            epoch: Some(self.spool.epoch()),
            radio: Some(self.radio.status()),
            queues: Some(Queues { outbound: self.texts.depth(), ..self.spool.depths() }),
            problems: self.problems(),
            counters,
        }
    }

    /// Says in plain words what is wrong besides the radio.
    pub(super) fn problems(&self) -> Vec<Text<200>> {
        let disk = "the spool cannot be written (is the disk full?): what is heard waits in memory, and no text is sent";
        let mute = "the radio is set not to send, or has no region: no text is sent";
        let is_blocked = self.intake.is_blocked() || self.texts_pause.is_some();
        let own = [is_blocked.then_some(disk), self.texts.is_mute().then_some(mute)];
        own.into_iter().flatten().chain(self.deaf.iter().map(|deaf| deaf.words())).map(Text::cut).collect()
    }
}
