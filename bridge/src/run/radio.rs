//! The part of the loop that is about the radio: what its link and its session tell.

use crate::{convert, counters::Counter, link::LinkEvent, run::Bridge};
use kosmo_failpoints::fail_point;
use kosmo_meshtastic::{
    lockdown::Lockdown,
    node::NodeInfo,
    packet::Received,
    radio::RadioState,
    session::{self, Input, Output, RefusedReason},
};
use tokio::time::Instant;

impl Bridge {
    pub(super) async fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Connected(connection, place) => {
                fail_point!("radio::connected");
                self.connection = Some(connection);
                self.radio.note_connected(place, self.session.dropped().garbage_bytes);
                self.tell_session(Input::Connected).await;
            }
            LinkEvent::Received(bytes) => {
                self.tell_session(Input::Received(&bytes)).await;
                self.tell_sharers(&bytes);
            }
            LinkEvent::Lost(loss) => {
                fail_point!("radio::lost");
                self.connection = None;
                self.tell_session(Input::Disconnected).await;
                self.texts.on_radio_lost(self.now());
                if let Some(share) = &mut self.share {
                    share.on_radio_lost();
                }
                let reason = self.radio.note_lost(&loss, &self.config.radio, self.session.dropped().garbage_bytes);
                tracing::warn!(bridge.id = %self.config.bridge, %reason, "no connection to the radio");
                self.counters.one(Counter::RadioLosses);
                self.note_change();
            }
        }
    }

    pub(super) async fn tell_session(&mut self, input: Input<'_>) {
        self.session.handle(input, self.uptime());
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Write(bytes) => {
                    if self.connection.is_some_and(|connection| !self.link.write(connection, bytes)) {
                        tracing::warn!(bridge.id = %self.config.bridge, "the radio takes no bytes, so it is not told everything");
                    }
                }
                Output::Close(reason) => {
                    self.radio.note_closing(reason);
                    if let Some(connection) = self.connection {
                        self.link.close(connection);
                    }
                }
                Output::Event(event) => self.on_radio(event).await,
            }
        }
    }

    pub(super) async fn on_radio(&mut self, event: session::Event) {
        match event {
            session::Event::Configured(radio) => self.on_configured(*radio).await,
            session::Event::Node(info) => self.keep_remembered(&info).await,
            session::Event::Packet(packet) => self.on_packet(&packet).await,
            session::Event::Proxied(message) => self.on_proxied(*message),
            session::Event::Lockdown(lockdown) => self.on_lockdown(lockdown),
            session::Event::Rebooted => {
                self.counters.one(Counter::Reboots);
                self.texts.on_radio_lost(self.now());
                self.radio.note_handshake();
                self.note_change();
            }
            session::Event::Refused(refused) => self.counters.one(match refused.reason {
                RefusedReason::Undecodable => Counter::RadioUndecodable,
                RefusedReason::ReservedSender => Counter::ReservedNode,
                RefusedReason::Torn => Counter::RadioTorn,
            }),
            // It may quote texts, so it is counted and goes nowhere.
            session::Event::Log(_) => self.counters.one(Counter::RadioLogLines),
            session::Event::QueueStatus(status) => {
                self.radio.note_queue(&status);
                self.texts.on_queue_status(&status, self.now());
            }
            session::Event::HandOver(hand_over) => {
                let is_clients = self.share.as_mut().is_some_and(|share| share.on_hand_over(hand_over));
                if !is_clients {
                    self.texts.on_hand_over(hand_over, self.now());
                }
            }
        }
    }

    /// Takes in whether the radio keeps what it hears from us. If so it is as good as none, until it says otherwise or starts anew, as it
    /// does when its lockdown is switched off.
    fn on_lockdown(&mut self, lockdown: Lockdown) {
        match lockdown {
            Lockdown::Locked if self.radio.note_locked() => {
                tracing::warn!(bridge.id = %self.config.bridge, "the radio is locked, and tells nothing of what it hears");
                self.texts.on_radio_locked(self.now());
                self.note_change();
            }
            Lockdown::Open if self.radio.is_locked() => self.reconfigure_at = Some(Instant::now()),
            Lockdown::Locked | Lockdown::Open => {}
        }
    }

    pub(super) async fn on_configured(&mut self, radio: RadioState) {
        tracing::info!(bridge.id = %self.config.bridge, radio.node = %radio.node, nodes = radio.nodes.len(), "the radio is ready");
        self.counters.one(Counter::Handshakes);
        if self.radio.note_configured(&radio) {
            self.told.forget();
            tracing::warn!(bridge.id = %self.config.bridge, radio.node = %radio.node, "the radio is another one than before");
        }
        if let Err(error) = self.spool.set_radio(radio.node).await {
            self.note_spool_error(&error);
        }
        self.texts.on_radio_ready(&radio, self.now());
        self.carrier.set_radio(&radio);
        for node in &radio.nodes {
            self.keep_remembered(node).await;
        }
        self.note_change();
    }

    pub(super) async fn keep_remembered(&mut self, info: &NodeInfo) {
        match convert::remembered(info, self.radio.channel(info.channel), self.radio.node(), self.clock.now()) {
            Err(counter) => self.counters.one(counter),
            Ok(records) => {
                for record in records {
                    if self.told.is_news(&record) {
                        self.keep(record).await;
                    } else {
                        self.counters.one(Counter::Unchanged);
                    }
                }
            }
        }
    }

    pub(super) async fn on_packet(&mut self, packet: &Received) {
        self.counters.one(Counter::Packets);
        self.texts.on_packet(packet, self.now());
        if let Some(heard) = packet.rx_time.filter(|_| !packet.replayed) {
            self.radio.note_clock(heard, self.clock.now());
        }
        match convert::packet(packet, self.radio.channel(packet.channel), self.radio.node(), self.clock.now()) {
            Ok(record) if !self.config.health_metrics && record.is_of_health() => self.counters.one(Counter::TelemetryHealth),
            Ok(record) => self.keep(record).await,
            Err(Counter::OtherPort) => self.counters.other_port(packet.port),
            Err(counter) => self.counters.one(counter),
        }
    }
}
