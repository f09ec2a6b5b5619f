//! The part of the loop that is about what the bridge says of itself: to the cloud, and to whoever asks on its machine.

use crate::{
    health::{Finding, Trouble},
    local::Report,
    run::Bridge,
    uplink::Deaf,
};
use kosmo_contract::{BridgeState, Queues, Status, Text, V1};
use kosmo_domain::Timestamp;
use std::{cmp::Reverse, time::Duration};
use tokio::time::Instant;

/// A clock before this second (the beginning of 2024) was never set.
const EARLIEST: Timestamp = Timestamp::from_unix_seconds(1_704_067_200);
/// How long it is said that old telemetry was dropped.
const DROPPED_LATELY: Duration = Duration::from_mins(10);
/// The most problems that a status names.
const MAX_PROBLEMS: usize = 16;

impl Bridge {
    pub(super) async fn publish_status(&mut self) {
        // The cloud takes it for word that nothing is missing until now, also if this is the last thing that the bridge says.
        self.commit().await;
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

    fn status(&self) -> Status {
        let mut counters = self.counters.by_name();
        if self.intake.is_blocked() {
            counters.insert(Text::cut("records_waiting_for_disk"), self.intake.len() as u64);
        }
        Status {
            v: V1,
            bridge: self.config.bridge.clone(),
            state: if self.is_online { BridgeState::Online } else { BridgeState::Offline },
            at: Some(self.clock.now()),
            version: Some(Text::cut(env!("CARGO_PKG_VERSION"))),
            uptime_s: Some(self.uptime().0.as_secs()),
            epoch: Some(self.spool.epoch()),
            radio: Some(self.radio.status()),
            air: self.texts.air(self.uptime()),
            queues: Some(Queues { outbound: self.texts.depth(), ..self.spool.depths() }),
            problems: self.problems().iter().take(MAX_PROBLEMS).map(|finding| Text::cut(&finding.says)).collect(),
            counters,
        }
    }

    /// Returns everything that this machine is told of the bridge.
    pub(super) fn report(&self) -> Report {
        let mut findings = self.radio.link_findings();
        findings.extend(self.broker.clone());
        if self.broker.is_none() && !self.is_online {
            findings.push(Finding::new(Trouble::BrokerAway, "the broker is being connected"));
        }
        findings.extend(self.problems());
        findings.sort_by_key(|finding| Reverse(finding.trouble.severity()));
        Report {
            radio: self.config.radio.to_string(),
            place: self.radio.place().map(str::to_owned),
            broker: self.config.broker.to_string(),
            status: self.status(),
            spool_bytes: self.spool.bytes(),
            spool_max_bytes: self.config.limits.cap_bytes,
            findings: findings.iter().map(Finding::shown).collect(),
        }
    }

    /// Returns what is wrong besides the links to radio and broker.
    fn problems(&self) -> Vec<Finding> {
        let mut problems = Vec::new();
        if self.intake.is_blocked() || self.texts_pause.is_some() {
            let says = "the spool cannot be written (is the disk full?): what is heard waits in memory, and no text is sent";
            problems.push(Finding::new(Trouble::DiskFull, says));
        }
        let radio = self.radio.findings();
        let is_said = |trouble| radio.iter().any(|finding| finding.trouble == trouble);
        if self.texts.is_mute() && !is_said(Trouble::RegionUnset) && !is_said(Trouble::TransmitOff) {
            problems.push(Finding::new(Trouble::TransmitOff, "the radio is set not to send, or has no region: no text is sent"));
        }
        problems.extend(radio);
        problems.extend(self.deaf.iter().map(|deaf| {
            let trouble = match deaf {
                Deaf::Answers => Trouble::NoAnswers,
                Deaf::Offers => Trouble::NoOffers,
            };
            Finding::new(trouble, deaf.words())
        }));
        problems.extend(self.carrier.finding());
        if self.dropped_at.is_some_and(|at| at.elapsed() < DROPPED_LATELY) {
            problems.push(Finding::new(Trouble::SpoolAtCap, "the spool is at its limit: the oldest readings are dropped for new ones"));
        }
        if self.clock.now() < EARLIEST {
            problems.push(Finding::new(Trouble::Clock, "this machine does not know what time it is"));
        }
        problems
    }
}
