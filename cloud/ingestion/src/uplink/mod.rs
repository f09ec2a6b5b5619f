//! What the firmware of nodes publishes by MQTT itself (`msh/#`), from our own broker and from any number of others, which are only
//! read.
//!
//! Everything here is somebody's claim: topic, gateway, sender, time. What is taken in is limited for each node and each
//! gateway, so that one that floods costs the others nothing; a packet counts once, however many gateways tell of it; and
//! what says nothing about its sender's consent, or comes on a private channel, is for nobody's eyes.
//!
//! It is QoS 0: what is published while nobody listens is lost, and the store notes when somebody did ([`SessionRow`]).
//!
//! [`SessionRow`]: kosmo_store::uplinks::SessionRow

mod convert;
mod desk;
mod generations;
mod guard;
mod keeper;
mod listener;
mod read;

pub use crate::uplink::guard::UplinkLimits;

use crate::{
    packet_log::PacketLog,
    uplink::{
        desk::Desk,
        keeper::Keeper,
        listener::{Listener, Standing},
        read::Reader,
    },
};
use kosmo_domain::{BridgeId, Clock, DAY, Timestamp, Trust};
use kosmo_mqtt::{Client, Incoming, Options, OptionsError, Subscription};
use kosmo_store::{ANSWERS_WITHIN, Store, Vault, packets::KeepPackets};
use rand::{Rng as _, RngCore, SeedableRng as _, rngs::StdRng};
use std::{
    sync::{Arc, Mutex, RwLock},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The name of our own broker as a source.
pub const OWN: &str = "msh";
/// How many packets wait to be stored, at most; of more, what comes is dropped and counted.
const WAITING: usize = 4_096;
/// How much of a broker may wait to be read, in messages and bytes.
const WAITING_MESSAGES: usize = 10_000;
const WAITING_BYTES: usize = 8 * 1024 * 1024;
/// How long messages gather before they are read together; they wait for far longer until they are stored together.
const GATHER: Duration = Duration::from_millis(20);
/// The largest packet taken from a broker; one that sends larger ones is left, and tried again.
const MAX_PACKET: usize = 64 * 1024;

/// A broker that is listened to.
#[derive(Debug, Clone)]
pub struct Source {
    /// What it is called among bridges: [`OWN`], or `msh-` and a name.
    pub name: BridgeId,
    /// The broker and the login. The client id must be this replica's own; subscriptions are set here.
    pub mqtt: Options,
    /// What is subscribed to.
    pub filters: Vec<String>,
    /// How far what comes from there is believed.
    pub trust: Trust,
    /// Whether what comes from there may be shown to everybody, of nodes that agree.
    pub public: bool,
}

/// How uplinks are taken in.
#[derive(Debug, Clone)]
pub struct UplinkConfig {
    /// The brokers.
    pub sources: Vec<Source>,
    /// What opens the keys of channels.
    pub vault: Vault,
    /// Whether the channels are read that every radio has, under the key that everybody has; what is learnt there is public.
    pub preset_channels: bool,
    /// Whether the JSON of firmware up to 2.7 is read as well.
    pub legacy_json: bool,
    /// How much is taken of one node and one gateway.
    pub limits: UplinkLimits,
    /// How long it is kept who received which packet.
    pub keep_receptions: Duration,
    /// How much of the log of packets is kept.
    pub keep_packets: KeepPackets,
    /// How old a reading may be.
    pub oldest: Duration,
    /// How long the database may take to answer before it is asked again.
    pub patience: Duration,
    /// How long to gather before a batch is stored: who hears a packet through several gateways hears it within a second or so, and
    /// nobody waits for an answer.
    pub linger: Duration,
    /// How often it is stored who else received packets, and channels and denials are read again.
    pub flush: Duration,
}

impl UplinkConfig {
    /// Returns the usual configuration with these brokers.
    pub fn new(sources: Vec<Source>, vault: Vault) -> Self {
        Self {
            sources,
            vault,
            preset_channels: true,
            legacy_json: false,
            limits: UplinkLimits::default(),
            keep_receptions: DAY * 14,
            keep_packets: KeepPackets::default(),
            oldest: DAY * 400,
            patience: ANSWERS_WITHIN,
            linger: Duration::from_secs(1),
            flush: Duration::from_secs(5),
        }
    }
}

/// The uplinks, connected to their brokers.
pub struct Uplink {
    config: UplinkConfig,
    store: Store,
    clock: Arc<dyn Clock>,
    links: Vec<Link>,
    epoch: kosmo_domain::Epoch,
    disconnect: CancellationToken,
}

/// A connection to a broker.
struct Link {
    client: Client,
    incoming: Incoming,
}

/// What all parts of the uplinks share.
pub(crate) struct Shared {
    pub(crate) reader: RwLock<Arc<Reader>>,
    pub(crate) desk: Mutex<Desk>,
    /// How each broker fares.
    pub(crate) standing: Mutex<Vec<Standing>>,
    /// Which broker was listened to from when to when, until that is stored.
    pub(crate) ended: Mutex<Vec<(usize, Timestamp, Timestamp)>>,
}

impl Uplink {
    /// Starts to connect to the brokers. One that is away disturbs no other, and is tried again.
    ///
    /// # Errors
    /// Refuses options that no connection could be made of.
    pub fn connect(config: UplinkConfig, store: Store, clock: Arc<dyn Clock>, mut rng: impl RngCore) -> Result<Self, OptionsError> {
        let disconnect = CancellationToken::new();
        let mut links = Vec::new();
        for source in &config.sources {
            let mut mqtt = source.mqtt.clone();
            mqtt.clean_session = true;
            mqtt.limits.packet = MAX_PACKET;
            mqtt.gather = GATHER;
            mqtt.limits.waiting_messages = WAITING_MESSAGES;
            mqtt.limits.waiting_bytes = WAITING_BYTES;
            mqtt.subscriptions = source.filters.iter().map(Subscription::at_most_once).collect();
            let (client, incoming) = kosmo_mqtt::connect(mqtt, StdRng::from_rng(&mut rng), disconnect.clone())?;
            links.push(Link { client, incoming });
        }
        let epoch = kosmo_domain::Epoch::from_random(rng.random());
        Ok(Self { config, store, clock, links, epoch, disconnect })
    }

    /// Takes in what comes until `shutdown`, then stores what was taken, and disconnects.
    ///
    /// # Panics
    /// If one of its tasks does.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { config, store, clock, links, epoch, disconnect } = self;
        let sources: Arc<[Source]> = config.sources.clone().into();
        let shared = Arc::new(Shared {
            reader: RwLock::new(Arc::new(Reader::without_keys(&config))),
            desk: Mutex::new(Desk::new(Arc::clone(&sources), config.limits)),
            standing: Mutex::new(vec![Standing::new(clock.now()); sources.len()]),
            ended: Mutex::default(),
        });
        let (taken, waiting) = mpsc::channel(WAITING);
        let (log, writer) = PacketLog::new(store.clone(), config.keep_packets, config.patience);
        let keeper = Keeper::new(config, store, Arc::clone(&clock), Arc::clone(&shared), log, epoch);
        // Keys are there before the first packet, or what comes first would be taken for unreadable.
        keeper.refresh().await;
        let listeners = TaskTracker::new();
        let mut clients = Vec::new();
        for (index, link) in links.into_iter().enumerate() {
            clients.push(link.client);
            let listener = Listener { index, shared: Arc::clone(&shared), clock: Arc::clone(&clock), taken: taken.clone() };
            listeners.spawn(listener.run(link.incoming, sources[index].name.clone(), shutdown.clone()));
        }
        drop(taken);
        listeners.close();
        let logging = tokio::spawn(writer.run());
        keeper.run(waiting, &shutdown).await;
        drop(keeper);
        logging.await.expect("writing to the log does not panic");
        listeners.wait().await;
        disconnect.cancel();
        for client in clients {
            client.closed().await;
        }
    }
}

/// Messages of nodes, by what became of them: `packet`, `copy`, `retained`, `limited`, or why they cannot be read.
pub(crate) const UPLINKS: &str = "kosmo_uplink_messages_total";
/// Messages of nodes that were too much, by why.
pub(crate) const LIMITED: &str = "kosmo_uplink_limited_total";
/// Packets of nodes that were lost because the database did not keep up.
pub(crate) const LOST: &str = "kosmo_uplink_lost_packets_total";
/// Packets of nodes that could not be read, by why.
pub(crate) const SEALED: &str = "kosmo_uplink_sealed_packets_total";

pub(crate) const UNPOISONED: &str = "no code that can panic runs under this lock";
