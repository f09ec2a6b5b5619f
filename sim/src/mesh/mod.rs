//! The mesh in motion: a clock that drives what is due, and a TCP port for each radio.

mod air;
mod core;
mod history;
mod station;
mod trouble;

pub use self::{core::Reach, history::history, trouble::Trouble};
pub use crate::radio::server::HandOver;

use self::{core::Core, station::Voice};
use crate::{
    Config, noise,
    radio::{
        Identity, NodeDb, Radio,
        server::{Port, held},
    },
    region::{Kind, Node},
};
use kosmo_domain::{Clock, NodeId, PacketId, Timestamp, Uptime};
use kosmo_meshtastic::proto::{self, mesh_packet::PayloadVariant, position::LocSource};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    net::TcpListener,
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A running mesh. It runs until its shutdown token is cancelled.
#[derive(Clone)]
pub struct Mesh {
    shared: Arc<Shared>,
    addresses: Arc<[SocketAddr]>,
    tasks: TaskTracker,
}

/// One radio of a running mesh, for whoever wants to disturb it or to know what it did.
#[derive(Clone, Copy)]
pub struct RadioControl<'a> {
    mesh: &'a Mesh,
    index: usize,
}

struct Shared {
    core: Mutex<Core>,
    ports: Vec<Arc<Port>>,
    clock: Arc<dyn Clock>,
    origin: Instant,
    rescheduled: Notify,
}

impl Mesh {
    /// Starts a mesh: binds one port for each address and lets the nodes speak.
    ///
    /// The time of day comes from `clock`; what is due when is counted from the start by monotonic time.
    ///
    /// # Errors
    /// If an address cannot be listened on, or there are none or more than [`crate::region::MAX_RADIOS`].
    pub async fn start(config: Config, clock: Arc<dyn Clock>, shutdown: CancellationToken) -> io::Result<Self> {
        if !(1..=crate::region::MAX_RADIOS).contains(&config.listen.len()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the simulated region has sites for one to four radios"));
        }
        let mut listeners = Vec::new();
        for address in &config.listen {
            listeners.push(TcpListener::bind(address).await?);
        }
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;

        let now = clock.now();
        let core = Core::new(&config, now);
        let ports = radios(&config, &core, now).map(|radio| Arc::new(Port::new(radio, config.record))).collect();
        let shared = Arc::new(Shared { core: Mutex::new(core), ports, clock, origin: Instant::now(), rescheduled: Notify::new() });

        let tasks = TaskTracker::new();
        for (index, listener) in listeners.into_iter().enumerate() {
            let (port, sender) = (shared.ports[index].clone(), shared.clone());
            let to_air = move |packet| sender.transmit(index, packet, Reach::Air);
            tasks.spawn(port.serve(listener, to_air, shutdown.clone()));
        }
        tasks.spawn(drive(shared.clone(), shutdown));
        tasks.close();
        Ok(Self { shared, addresses, tasks })
    }

    /// Returns where the radios listen, in their order.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns the nodes of the mesh, those of the radios first.
    pub fn nodes(&self) -> Vec<Node> {
        held(&self.shared.core).nodes.clone()
    }

    /// Returns one radio.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn radio(&self, index: usize) -> RadioControl<'_> {
        assert!(index < self.addresses.len(), "there are {} radios", self.addresses.len());
        RadioControl { mesh: self, index }
    }

    /// Lets a node send something, and returns the id of its packet; nothing if there is no such node.
    pub fn send(&self, from: NodeId, to: NodeId, data: proto::Data, reach: Reach) -> Option<PacketId> {
        let mut core = held(&self.shared.core);
        let node = core.nodes.iter().position(|node| node.id == from)?;
        let packet = core.packet(node, to, PayloadVariant::Decoded(data));
        let id = PacketId(packet.id);
        drop(core);
        self.shared.transmit(node, packet, reach);
        Some(id)
    }

    /// Lets a node misbehave so that every radio hears it, and returns the id of its packet; nothing if there is no such node.
    pub fn trouble(&self, from: NodeId, trouble: Trouble) -> Option<PacketId> {
        let mut core = held(&self.shared.core);
        let node = core.nodes.iter().position(|node| node.id == from)?;
        let id = core.misbehave(node, trouble, self.shared.uptime(), self.shared.clock.now());
        drop(core);
        self.shared.rescheduled.notify_one();
        Some(id)
    }

    /// Waits until everything has ended after a shutdown.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }
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

    fn port(&self) -> &Port {
        &self.mesh.shared.ports[self.index]
    }
}

impl Shared {
    fn uptime(&self) -> Uptime {
        Uptime(self.origin.elapsed())
    }

    fn transmit(&self, node: usize, mut packet: proto::MeshPacket, reach: Reach) {
        let mut core = held(&self.core);
        if packet.id == 0 {
            packet.id = core.next_id().0;
        }
        core.transmit(node, &packet, reach, self.uptime());
        drop(core);
        self.rescheduled.notify_one();
    }

    /// Lets happen what is due, and returns when to come back.
    fn advance(&self) -> Option<Instant> {
        let mut core = held(&self.core);
        let arrivals = core.advance(self.uptime(), self.clock.now());
        let next = core.next_due().map(|due| self.origin + due.0);
        drop(core);
        for arrival in arrivals {
            self.ports[arrival.radio].with(|radio| if arrival.own { radio.tell_own(arrival.packet) } else { radio.hear(arrival.packet) });
        }
        next
    }
}

async fn drive(shared: Arc<Shared>, shutdown: CancellationToken) {
    loop {
        let next = shared.advance();
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = shared.rescheduled.notified() => {}
            () = async { sleep_until(next.unwrap_or_else(Instant::now)).await }, if next.is_some() => {}
        }
    }
}

/// Returns the radios as they stand when the mesh starts.
fn radios(config: &Config, core: &Core, now: Timestamp) -> impl Iterator<Item = Radio> {
    (0..config.listen.len()).map(move |index| radio(config, core, index, now))
}

/// Returns the first radio of a mesh, to be looked at without sockets.
#[cfg(test)]
pub(crate) fn first_radio(config: &Config, now: Timestamp) -> Radio {
    radio(config, &Core::new(config, now), 0, now)
}

/// Returns a radio that has been running for a while, or one that knows nobody yet.
fn radio(config: &Config, core: &Core, index: usize, now: Timestamp) -> Radio {
    let (node, voice) = (&core.nodes[index], &core.voice);
    let identity = Identity {
        number: node.id.number(),
        user: proto::User { is_unmessagable: Some(false), ..voice.user(node) },
        private_key: voice.private_key(node),
        position: proto::Position {
            latitude_i: Some(noise::whole(node.site.latitude * 1e7)),
            longitude_i: Some(noise::whole(node.site.longitude * 1e7)),
            altitude: Some(noise::whole(node.site.altitude_m)),
            location_source: LocSource::LocManual.into(),
            ..Default::default()
        },
    };
    let mut known = NodeDb::default();
    if config.knows_nodes {
        for (number, other) in core.nodes.iter().enumerate().filter(|&(number, _)| number != index) {
            known.know(acquaintance(voice, other, number, core.radio_time(now), now));
        }
    }
    Radio::new(identity, voice.device(node, now), known, config.queue, config.firmware)
}

fn acquaintance(voice: &Voice, node: &Node, number: usize, last_heard: u32, now: Timestamp) -> proto::NodeInfo {
    let position = station::position(node, now);
    proto::NodeInfo {
        num: node.id.number(),
        user: Some(voice.user(node)),
        // The database keeps no more of a position than this.
        position: Some(proto::Position {
            latitude_i: position.latitude_i,
            longitude_i: position.longitude_i,
            altitude: position.altitude,
            location_source: position.location_source,
            time: last_heard,
            ..Default::default()
        }),
        snr: noise::single(noise::between(voice.seed, &[number as u64], -12.0, 9.0)),
        last_heard,
        device_metrics: Some(voice.device(node, now)),
        hops_away: Some(u32::from(node.kind != Kind::Bridge && number.is_multiple_of(3))),
        ..Default::default()
    }
}
