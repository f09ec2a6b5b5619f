//! Who follows at this moment, and what each is still to be told.
//!
//! Own events are rows: a client is only told that there are some. Public events are no rows: of each node and bridge the
//! newest state waits in a client's mailbox, which is bounded, and is replaced by the word that the client is behind.

use crate::{
    live::{bridge_event, chat_event, latest_event, node_event, packets_event},
    telemetry::{BEHIND, STREAMS},
};
use bytes::Bytes;
use kosmo_domain::{BridgeId, Clock, NodeId};
use kosmo_store::{ANSWERS_WITHIN, Change, NodeChange, Store, Visibility, in_time};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often a node or a bridge is told of at most.
const PACE: Duration = Duration::from_secs(1);
/// How many public events may wait for a client.
const MAILBOX: usize = 1024;
/// How many nodes may have changed between two looks; of more, everybody looks at everything.
const MAX_DIRTY: usize = 5_000;
/// How many nodes are looked up at once.
const LOOK_UP: usize = 500;
/// How many streams one member may have.
pub(crate) const PER_MEMBER: usize = 16;

/// Everybody who follows.
pub(crate) struct Hub {
    clients: Mutex<Clients>,
    max: usize,
    /// Ends every stream.
    pub(crate) closing: CancellationToken,
}

#[derive(Default)]
struct Clients {
    next: u64,
    all: HashMap<u64, Arc<Client>>,
}

/// One who follows.
pub(crate) struct Client {
    member: Option<Uuid>,
    mailbox: Mutex<Mailbox>,
    /// Says that there is something in the mailbox.
    pub(crate) mail: Notify,
}

/// What a client is still to be told.
#[derive(Default)]
pub(crate) struct Mailbox {
    /// Whether there may be new own events.
    pub(crate) own: bool,
    /// Whether public events were left out.
    pub(crate) behind: bool,
    /// The newest public event of each subject.
    pub(crate) public: BTreeMap<Subject, Bytes>,
}

/// What a public event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Latest(NodeId),
    Node(NodeId),
    Bridge(BridgeId),
    Packets,
    Chat(Uuid),
}

/// A place among those who follow, given back when it is dropped.
pub(crate) struct Seat {
    hub: Arc<Hub>,
    id: u64,
    pub(crate) client: Arc<Client>,
}

impl Hub {
    pub(crate) fn new(max: usize) -> Self {
        Self { clients: Mutex::default(), max, closing: CancellationToken::new() }
    }

    /// Gives a caller a place, if there is one.
    pub(crate) fn join(self: &Arc<Self>, member: Option<Uuid>) -> Option<Seat> {
        let mut clients = self.lock();
        let same = clients.all.values().filter(|client| client.member == member).count();
        // Whoever is a member comes in even where the whole world looks on.
        let is_full = if member.is_some() { same >= PER_MEMBER } else { same >= self.max * 3 / 4 };
        if is_full || clients.all.len() >= self.max || self.closing.is_cancelled() {
            return None;
        }
        let id = clients.next;
        clients.next += 1;
        let client = Arc::new(Client { member, mailbox: Mutex::default(), mail: Notify::new() });
        clients.all.insert(id, Arc::clone(&client));
        metrics::gauge!(STREAMS).set(clients.all.len() as f64);
        Some(Seat { hub: Arc::clone(self), id, client })
    }

    fn lock(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Client>> {
        self.lock().all.values().cloned().collect()
    }

    /// Tells those who follow what changes, until `shutdown`; then ends their streams.
    pub(crate) async fn run(&self, store: &Store, clock: &dyn Clock, shutdown: &CancellationToken) {
        let mut changes = store.changes();
        let mut dirty = Dirty::default();
        let mut look_at: Option<Instant> = None;
        let mut looked = Instant::now().checked_sub(PACE).unwrap_or_else(Instant::now);
        loop {
            let due = look_at;
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = async { if let Some(due) = due { sleep_until(due).await } else { std::future::pending().await } } => {
                    (look_at, looked) = (None, Instant::now());
                    self.look(store, clock, mem::take(&mut dirty)).await;
                }
                change = changes.next() => {
                    let Some(change) = change else { break };
                    self.take(change, &mut dirty);
                    if look_at.is_none() && !dirty.is_empty() {
                        look_at = Some(looked + PACE);
                    }
                }
            }
        }
        self.closing.cancel();
    }

    fn take(&self, change: Change, dirty: &mut Dirty) {
        match change {
            Change::Member(member) => {
                for client in self.all().iter().filter(|client| client.member == Some(member)) {
                    client.post(|mailbox| mailbox.own = true);
                }
            }
            Change::Nodes(nodes) => dirty.add(&nodes),
            Change::Bridge(bridge) => drop(dirty.bridges.insert(bridge)),
            Change::Chat(name, hash) => drop(dirty.chats.insert((name, hash))),
            Change::Packets(newest) => dirty.packets = dirty.packets.max(Some(newest)),
            Change::Missed => self.all().iter().for_each(|client| client.fall_behind()),
        }
    }

    /// Looks at what has changed, and puts it into every mailbox.
    async fn look(&self, store: &Store, clock: &dyn Clock, dirty: Dirty) {
        let clients = self.all();
        if clients.is_empty() {
            return;
        }
        let events = match in_time(ANSWERS_WITHIN, dirty.read(store, clock)).await {
            Ok(Some(events)) => events,
            Ok(None) => return clients.iter().for_each(|client| client.fall_behind()),
            Err(error) => {
                tracing::debug!(%error, "what has changed cannot be looked at");
                return clients.iter().for_each(|client| client.fall_behind());
            }
        };
        for client in &clients {
            client.post(|mailbox| {
                mailbox.public.extend(events.iter().cloned());
                if mailbox.public.len() > MAILBOX {
                    mailbox.be_behind();
                }
            });
        }
    }
}

impl Client {
    fn post(&self, put: impl FnOnce(&mut Mailbox)) {
        put(&mut self.mailbox.lock().unwrap_or_else(PoisonError::into_inner));
        self.mail.notify_one();
    }

    fn fall_behind(&self) {
        self.post(|mailbox| {
            mailbox.own = true;
            mailbox.be_behind();
        });
    }

    /// Takes everything out of the mailbox.
    pub(crate) fn collect(&self) -> Mailbox {
        mem::take(&mut self.mailbox.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Mailbox {
    fn be_behind(&mut self) {
        if !self.behind {
            metrics::counter!(BEHIND).increment(1);
        }
        self.behind = true;
        self.public.clear();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut clients = self.hub.lock();
        clients.all.remove(&self.id);
        metrics::gauge!(STREAMS).set(clients.all.len() as f64);
    }
}

/// What has changed since the last look.
#[derive(Default)]
struct Dirty {
    nodes: BTreeMap<NodeId, NodeChange>,
    bridges: BTreeSet<BridgeId>,
    /// The newest packet of the log.
    packets: Option<i64>,
    /// The channels on which something was said, by name and hash.
    chats: BTreeSet<(String, u8)>,
}

impl Dirty {
    fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.bridges.is_empty() && self.packets.is_none() && self.chats.is_empty()
    }

    fn add(&mut self, nodes: &[NodeChange]) {
        for change in nodes {
            // One more than is looked at says that there were too many.
            if self.nodes.len() <= MAX_DIRTY {
                let known = self.nodes.entry(change.node).or_insert(*change);
                known.measured |= change.measured;
                known.changed |= change.changed;
            }
        }
    }

    /// Returns how things are that have changed; nothing if those are too many.
    async fn read(&self, store: &Store, clock: &dyn Clock) -> kosmo_store::Result<Option<Vec<(Subject, Bytes)>>> {
        if self.nodes.len() > MAX_DIRTY {
            return Ok(None);
        }
        let mut events = Vec::new();
        let nodes: Vec<NodeId> = self.nodes.keys().copied().collect();
        for some in nodes.chunks(LOOK_UP) {
            for live in store.live_nodes(some).await? {
                let change = self.nodes.get(&live.node);
                events.push((Subject::Node(live.node), node_event(&live, change.is_none_or(|change| change.changed))));
                if let Some(latest) = live.latest.as_ref().filter(|_| change.is_none_or(|change| change.measured)) {
                    events.push((Subject::Latest(live.node), latest_event(latest)));
                }
            }
        }
        if !self.bridges.is_empty() {
            let now = clock.now();
            for row in store.bridges().await?.iter().filter(|row| self.bridges.contains(&row.id)) {
                events.push((Subject::Bridge(row.id.clone()), bridge_event(row, now)));
            }
        }
        if !self.chats.is_empty() {
            // Of private channels nobody is told anything.
            let public = store.channels().await?.into_iter().filter(|channel| channel.visibility == Visibility::Public);
            let said = public.filter(|channel| self.chats.contains(&(channel.name.clone(), channel.hash)));
            events.extend(said.map(|channel| (Subject::Chat(channel.id), chat_event(channel.id))));
        }
        events.extend(self.packets.map(|newest| (Subject::Packets, packets_event(newest))));
        Ok(Some(events))
    }
}
