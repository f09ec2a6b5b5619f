//! The part of a session that is about handshakes: asking a radio what it is and is set to, gathering what it tells, asking again.

use crate::{
    node::NodeInfo,
    proto::{self, to_radio},
    radio::RadioState,
    session::{
        HANDSHAKE_ATTEMPTS, Phase, Session, WAKE_UP,
        event::{CloseReason, Event},
    },
};
use kosmo_domain::{NodeId, Uptime};
use std::collections::HashMap;

impl Session {
    /// Begins to gather what the handshake tells. What was gathered before is of an earlier, unfinished one.
    pub(super) fn on_my_info(&mut self, info: &proto::MyNodeInfo) {
        match (self.phase, NodeId::from_number(info.my_node_num).sender()) {
            (Phase::Configuring { .. }, Ok(node)) => self.told = Some(RadioState::new(node)),
            (_, Err(_)) => self.dropped.reserved_senders += 1,
            (Phase::Closed | Phase::Waking { .. } | Phase::Ready { .. } | Phase::Leaving, Ok(_)) => self.dropped.ignored += 1,
        }
    }

    pub(super) fn on_node(&mut self, node: NodeInfo) {
        if node.node.sender().is_err() {
            self.dropped.reserved_senders += 1;
            return;
        }
        match &mut self.told {
            Some(radio) => self.dropped.excess_nodes += u64::from(!radio.take_node(node)),
            None => self.event(Event::Node(Box::new(node))),
        }
    }

    pub(super) fn on_told(&mut self, take: impl FnOnce(&mut RadioState)) {
        match &mut self.told {
            Some(radio) => take(radio),
            None => self.dropped.ignored += 1,
        }
    }

    pub(super) fn on_config_complete(&mut self, nonce: u32, now: Uptime) {
        let attempt = match self.phase {
            Phase::Configuring { nonce: ours, attempt, .. } if ours == nonce => attempt,
            _ => {
                self.dropped.foreign_handshakes += 1;
                return;
            }
        };
        let Some(radio) = self.told.take() else {
            self.retry_handshake(attempt, CloseReason::HandshakeIncomplete, now);
            return;
        };
        self.remembered = if radio.has_firmware(2, 8) { radio.last_heard() } else { HashMap::new() };
        // The first heartbeat goes out at once: only a radio known to answer can be missed.
        self.phase = Phase::Ready { radio: radio.node, heartbeat: now, answers: false };
        self.event(Event::Configured(Box::new(radio)));
    }

    pub(super) fn on_rebooted(&mut self, now: Uptime) {
        self.event(Event::Rebooted);
        if matches!(self.phase, Phase::Leaving) {
            return;
        }
        self.told = None;
        self.leave_ready(Phase::Waking { until: now.plus(WAKE_UP), attempt: 1 });
    }

    pub(super) fn retry_handshake(&mut self, attempt: u8, reason: CloseReason, now: Uptime) {
        if attempt < HANDSHAKE_ATTEMPTS {
            self.ask_for_config(attempt + 1, now);
        } else {
            self.close(reason);
        }
    }

    pub(super) fn ask_for_config(&mut self, attempt: u8, now: Uptime) {
        let nonce = self.next_nonce;
        self.next_nonce = nonce.wrapping_add(1);
        self.write(to_radio::PayloadVariant::WantConfigId(nonce));
        self.told = None;
        self.phase = Phase::Configuring { nonce, deadline: now.plus(self.pace.handshake), attempt };
    }

    pub(super) fn on_reconfigure(&mut self, now: Uptime) {
        if matches!(self.phase, Phase::Ready { .. }) {
            self.leave_ready(Phase::Waking { until: now, attempt: 1 });
        }
    }
}
