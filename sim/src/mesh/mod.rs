//! The mesh in motion: a clock that drives what is due, and a TCP port for each radio.

mod air;
mod carry;
mod control;
mod core;
mod ether;
mod history;
mod log;
mod people;
mod radios;
mod rehearsal;
mod speaking;
mod station;
mod trouble;

pub use self::{
    control::RadioControl,
    core::Reach,
    history::history,
    log::{OnAir, Shown},
    rehearsal::{Rehearsal, Tally},
    trouble::Trouble,
};
pub use crate::radio::server::{HandOver, Parting, PartingWay};

#[cfg(test)]
pub(crate) use self::radios::first_radio;
pub(crate) use self::station::first_key;

use self::core::{Core, Happening};
use crate::{
    Config,
    radio::{
        Moment, Radio,
        server::{Port, Surroundings, held},
    },
    region::Node,
    scenario::{Act, RadioAct, Scenario},
};
use kosmo_domain::{Clock, NodeId, PacketId, Timestamp, Uptime};
use kosmo_meshtastic::proto::{self, mesh_packet::PayloadVariant};
use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpListener,
    sync::{Notify, broadcast, watch},
    time::{Instant, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The transmissions that are remembered, if they are.
const AIR_LOG: usize = 100_000;

/// How many transmissions whoever follows them may be behind.
const BEHIND: usize = 4_096;

/// A running mesh. It runs until its shutdown token is cancelled.
#[derive(Clone)]
pub struct Mesh {
    shared: Arc<Shared>,
    addresses: Arc<[SocketAddr]>,
    tasks: TaskTracker,
}

struct Shared {
    core: Mutex<Core>,
    ports: Vec<Arc<Port>>,
    clock: Arc<dyn Clock>,
    origin: Instant,
    rescheduled: Notify,
    /// What was on the air, if that is recorded.
    air_log: Option<Mutex<VecDeque<OnAir>>>,
    on_air: broadcast::Sender<OnAir>,
    /// How many texts people were shown.
    shown: watch::Sender<u64>,
}

impl Mesh {
    /// Starts a mesh: binds one port for each address and lets the nodes speak.
    ///
    /// The time of day comes from `clock`; what is due when is counted from the start by monotonic time.
    ///
    /// # Errors
    /// If an address cannot be listened on, or there are none or more than [`crate::region::MAX_RADIOS`].
    pub async fn start(config: Config, clock: Arc<dyn Clock>, shutdown: CancellationToken) -> io::Result<Self> {
        let sites = config.scenario.as_ref().map_or(crate::region::MAX_RADIOS, Scenario::radios);
        let fits = if config.scenario.is_some() { config.listen.len() == sites } else { (1..=sites).contains(&config.listen.len()) };
        if !fits {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the simulated region has sites for one to four radios"));
        }
        let mut listeners = Vec::new();
        for address in &config.listen {
            listeners.push(TcpListener::bind(address).await?);
        }
        let addresses = listeners.iter().map(TcpListener::local_addr).collect::<io::Result<_>>()?;

        let shared = Arc::new(Shared::new(&config, clock));
        let tasks = TaskTracker::new();
        for (index, listener) in listeners.into_iter().enumerate() {
            let port = shared.ports[index].clone();
            tasks.spawn(port.serve(listener, shared.clone(), shutdown.clone()));
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
        core.transmit(node, &packet, reach, self.shared.uptime());
        drop(core);
        self.shared.rescheduled.notify_one();
        Some(PacketId(packet.id))
    }

    /// Returns what a person was shown, in order; nothing of somebody who does not live here.
    pub fn shown(&self, person: NodeId) -> Vec<Shown> {
        let core = held(&self.shared.core);
        let inbox = core.index_of(person.number()).map(|node| &core.inboxes[node]);
        inbox.map(|inbox| inbox.shown.iter().cloned().collect()).unwrap_or_default()
    }

    /// Waits until what a person was shown is as wanted, and returns it.
    pub async fn until_shown(&self, person: NodeId, wanted: impl Fn(&[Shown]) -> bool) -> Vec<Shown> {
        let mut changes = self.shared.shown.subscribe();
        loop {
            changes.borrow_and_update();
            let shown = self.shown(person);
            if wanted(&shown) {
                return shown;
            }
            // The sender lives in `self`, so waiting cannot fail.
            let _ = changes.changed().await;
        }
    }

    /// Returns what was on the air, if the configuration says that it is recorded; the oldest of it if that was very much
    /// is not remembered.
    pub fn air_log(&self) -> Vec<OnAir> {
        self.shared.air_log.as_ref().map(|log| held(log).iter().cloned().collect()).unwrap_or_default()
    }

    /// Writes each transmission from now on to a file, as a line of JSON each, until `shutdown`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub async fn log_air(&self, mut file: tokio::fs::File, shutdown: CancellationToken) -> io::Result<()> {
        let mut on_air = self.follow_air();
        loop {
            let first = tokio::select! {
                () = shutdown.cancelled() => None,
                next = on_air.recv() => Some(next),
            };
            let mut lines = String::new();
            match first {
                None | Some(Err(broadcast::error::RecvError::Closed)) => return file.flush().await,
                Some(Err(broadcast::error::RecvError::Lagged(missed))) => lines = format!("{{\"missed\":{missed}}}\n"),
                Some(Ok(transmission)) => lines.push_str(&transmission.json_line()),
            }
            if !lines.ends_with('\n') {
                lines.push('\n');
            }
            file.write_all(lines.as_bytes()).await?;
        }
    }

    /// Tells of each transmission when it is over; a receiver that falls far behind is told that it missed some.
    pub fn follow_air(&self) -> broadcast::Receiver<OnAir> {
        self.shared.on_air.subscribe()
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

    /// Has something happen to or by a node that scenarios can plan; nothing if there is no such node.
    pub fn act(&self, node: NodeId, act: Act) {
        held(&self.shared.core).do_now(node, act, self.shared.uptime());
        self.shared.rescheduled.notify_one();
    }

    /// Waits until everything has ended after a shutdown.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }
}

impl Shared {
    fn new(config: &Config, clock: Arc<dyn Clock>) -> Self {
        let now = clock.now();
        let core = Core::new(config, now);
        let ports = radios::all(config, &core, now).map(|radio| Arc::new(Port::new(radio, config.record))).collect();
        Self {
            core: Mutex::new(core),
            ports,
            clock,
            origin: Instant::now(),
            rescheduled: Notify::new(),
            air_log: config.record.then(Mutex::default),
            on_air: broadcast::Sender::new(BEHIND),
            shown: watch::Sender::new(0),
        }
    }

    fn uptime(&self) -> Uptime {
        Uptime(self.origin.elapsed())
    }

    /// Lets everything happen that is due by `now`, at which the time of day is `wall`, and returns when there is more to do.
    fn advance(&self, now: Uptime, wall: Timestamp) -> Option<Uptime> {
        loop {
            match self.next_due() {
                Some(due) if due <= now => self.happen(due, wall.minus(now.since(due))),
                later => return later,
            }
        }
    }

    /// Returns when something happens next.
    fn next_due(&self) -> Option<Uptime> {
        let ports = self.ports.iter().filter_map(|port| port.with(|radio| radio.next_due())).min();
        let next = held(&self.core).next_due();
        [ports, next].into_iter().flatten().min()
    }

    /// Lets happen what is due at a moment: packets arrive, then radios send.
    fn happen(&self, now: Uptime, wall: Timestamp) {
        let mut core = held(&self.core);
        let passed = core.advance(now, wall);
        let (shown, moment) = (core.shown, Moment { at: now, stamp: core.radio_time(wall) });
        drop(core);
        passed.on_air.into_iter().for_each(|on_air| self.log(on_air));
        self.shown.send_if_modified(|known| std::mem::replace(known, shown) != shown);
        for arrival in passed.arrivals {
            self.ports[arrival.radio].with(|radio| match arrival.what {
                Happening::Heard(packet) => radio.overhear(packet, moment),
                Happening::Own(packet) => radio.tell_own(packet),
                Happening::NewKeys(public, private) => radio.renew_keys(public, private),
                Happening::NewNumber(number) => radio.update(number),
                Happening::Done(act) => self.do_to(arrival.radio, radio, act, now),
            });
        }
        for (index, port) in self.ports.iter().enumerate() {
            for (at, packet) in port.with(|radio| radio.advance(moment)) {
                held(&self.core).transmit(index, &packet, Reach::Air, at);
            }
        }
    }

    /// Does to a radio what is planned; what concerns its connection is told its port.
    fn do_to(&self, index: usize, radio: &mut Radio, act: RadioAct, now: Uptime) {
        match act {
            RadioAct::Cut => self.ports[index].cut(),
            RadioAct::Reboot => radio.reboot(),
            RadioAct::Stall(stalled) => self.ports[index].stall(stalled),
            RadioAct::Jam(jammed) => radio.sending().jam(jammed, now),
            RadioAct::Disable(disabled) => radio.sending().disable(disabled),
            RadioAct::LoseStatuses(lost) => radio.lose_statuses(lost),
            RadioAct::Lock(locked) => radio.lock(locked),
        }
    }

    fn log(&self, on_air: OnAir) {
        // Nobody may be following.
        let _ = self.on_air.send(on_air.clone());
        if let Some(log) = &self.air_log {
            let mut log = held(log);
            if log.len() == AIR_LOG {
                log.pop_front();
            }
            log.push_back(on_air);
        }
    }
}

impl Surroundings for Arc<Shared> {
    fn now(&self) -> Moment {
        let stamp = held(&self.core).radio_time(self.clock.now());
        Moment { at: self.uptime(), stamp }
    }

    fn time(&self) -> Timestamp {
        self.clock.now()
    }

    fn client_spoke(&self) {
        self.rescheduled.notify_one();
    }
}

async fn drive(shared: Arc<Shared>, shutdown: CancellationToken) {
    loop {
        let next = shared.advance(shared.uptime(), shared.clock.now()).map(|due| shared.origin + due.0);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = shared.rescheduled.notified() => {}
            () = async { sleep_until(next.unwrap_or_else(Instant::now)).await }, if next.is_some() => {}
        }
    }
}

#[cfg(test)]
mod tests;
