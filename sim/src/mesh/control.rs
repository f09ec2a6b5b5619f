//! One radio of a running mesh in the hands of whoever wants to disturb it, or to know what it did.

use crate::{
    mesh::Mesh,
    radio::{
        Radio, by_client,
        server::{HandOver, Parting, Port, Surroundings, held},
    },
};
use kosmo_domain::NodeId;
use kosmo_meshtastic::proto;
use std::net::SocketAddr;
use tokio::sync::watch;

/// One radio of a running mesh, for whoever wants to disturb it or to know what it did.
#[derive(Clone, Copy)]
pub struct RadioControl<'a> {
    pub(super) mesh: &'a Mesh,
    pub(super) index: usize,
}

impl RadioControl<'_> {
    /// Returns the node that the radio is.
    pub fn node(&self) -> NodeId {
        held(&self.mesh.shared.core).nodes[self.index].id
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.mesh.addresses[self.index]
    }

    /// Returns what it handed over to its clients, if the configuration says that this is recorded.
    pub fn handed_over(&self) -> Vec<HandOver> {
        self.port().handed_over()
    }

    /// Returns the ends of its clients' connections, if the configuration says that this is recorded.
    pub fn partings(&self) -> Vec<Parting> {
        self.port().partings()
    }

    /// Returns how many packets found no room in its queue.
    pub fn lost(&self) -> u64 {
        self.port().with(|radio| radio.lost())
    }

    /// Tells whether it has a client, and of changes.
    pub fn attached(&self) -> watch::Receiver<bool> {
        self.port().attached()
    }

    /// Cuts its client off.
    pub fn cut(&self) {
        self.port().cut();
    }

    /// Writes bytes between the frames, or half a frame, or no frame at all.
    pub fn garble(&self, bytes: &[u8]) {
        self.port().with(|radio| radio.garble(bytes.to_vec()));
    }

    /// Restarts it; over the wire its client is told, and has to begin anew.
    pub fn reboot(&self) {
        self.port().with(Radio::reboot);
    }

    /// Stops writing to clients, with their connections left open, or goes on.
    pub fn stall(&self, stalled: bool) {
        self.port().stall(stalled);
    }

    /// Lets it hear a packet, whatever is in it.
    pub fn hear(&self, packet: proto::MeshPacket) {
        self.port().with(|radio| radio.hear(packet));
    }

    /// Lets it forget a node, as a full database does; without the node's key it sends it nothing private.
    pub fn forget(&self, node: NodeId) {
        self.port().with(|radio| radio.forget(node.number()));
    }

    /// Keeps the channel around it busy, so that its queue fills, or lets go of it.
    pub fn jam(&self, jammed: bool) {
        let now = self.mesh.shared.uptime();
        self.port().with(|radio| radio.sending().jam(jammed, now));
        self.mesh.shared.rescheduled.notify_one();
    }

    /// Sets it not to send (`lora.tx_enabled`), or to send again.
    pub fn disable_sending(&self, disabled: bool) {
        self.port().with(|radio| radio.sending().disable(disabled));
    }

    /// Sets it up as its owner would, without a restart; a client learns of it with its next handshake.
    pub fn set_up(&self, change: proto::admin_message::PayloadVariant) {
        let moment = Surroundings::now(&self.mesh.shared);
        self.port().with(|radio| radio.set_up(change, moment));
        self.mesh.shared.rescheduled.notify_one();
    }

    /// Has its client carry its MQTT, by which its first channel goes both ways; a client learns of it with its next handshake.
    pub fn have_client_carry(&self) {
        self.port().with(|radio| radio.have_client_carry(by_client()));
    }

    /// Limits how much of an hour it may send, in percent, as regions do.
    pub fn limit_airtime(&self, percent: Option<f64>) {
        self.port().with(|radio| radio.sending().limit(percent));
    }

    /// Keeps its clients from being told queue statuses, except in answer to a heartbeat.
    pub fn lose_statuses(&self, lost: bool) {
        self.port().with(|radio| radio.lose_statuses(lost));
    }

    fn port(&self) -> &Port {
        &self.mesh.shared.ports[self.index]
    }
}
