//! The gateway as a whole: its routes, and what runs beside them.

use crate::{
    consumer::Consumer,
    identity::DevIdentity,
    offers::Offers,
    pace::{Limiter, Pace},
    radios::Radios,
    shared::{Inner, Shared},
};
use kosmo_contract::topic;
use kosmo_domain::{Clock, HOUR};
use kosmo_http::{Check, OpenApiRouter, Service};
use kosmo_mqtt::{Client, Incoming, Options, OptionsError, Subscription};
use kosmo_store::Store;
use rand::{RngCore, SeedableRng as _, rngs::StdRng};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use utoipa_axum::routes;

/// The largest packet taken from the broker. It is far over what the contract allows, so that a message that is too large can be
/// kept and answered for; one that were cut off with the connection would come again and again.
const MAX_PACKET: usize = 2 * 1024 * 1024;

/// How the gateway runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The broker and the login. The client id must be this replica's own; a second connection adds `:v01` to it.
    /// Subscriptions are set here.
    pub mqtt: Options,
    /// The permission to believe `X-User-ID`; without it nobody is recognised.
    pub dev_identity: Option<DevIdentity>,
    /// How fast one member may send.
    pub pace: Pace,
    /// Whether a text begins with its sender's handle, because the mesh sees the bridge's name alone.
    pub sign_texts: bool,
    /// How long a text may wait for a radio if its sender does not say.
    pub ttl: Duration,
    /// For how long after a member's last text to a node that node's texts are taken for answers, if they do not say what they answer.
    pub answer_window: Duration,
    /// How many messages of bridges are committed at once, at most.
    pub batch: usize,
}

impl Config {
    /// Returns the usual configuration on this broker, with nobody recognised.
    pub fn new(mqtt: Options) -> Self {
        Self {
            mqtt,
            dev_identity: None,
            pace: Pace::default(),
            sign_texts: true,
            ttl: HOUR,
            answer_window: Duration::from_hours(72),
            batch: 200,
        }
    }
}

/// The gateway, connected to its broker.
pub struct Gateway {
    shared: Shared,
    links: [Link; 2],
    answer_window: Duration,
    batch: usize,
    /// Ends the connections, after the last acknowledgement.
    disconnect: CancellationToken,
}

/// One connection to the broker.
struct Link {
    client: Client,
    incoming: Incoming,
    is_subscribed: Arc<AtomicBool>,
}

impl Gateway {
    /// Starts to connect to the broker. `rng` draws the ids of messages, and spreads the attempts to connect again.
    ///
    /// # Errors
    /// Refuses options that no connection could be made of; a broker that is away is none.
    pub fn connect(config: Config, store: Store, clock: Arc<dyn Clock>, mut rng: impl RngCore) -> Result<Self, OptionsError> {
        let Config { mqtt, dev_identity, pace, sign_texts, ttl, answer_window, batch } = config;
        let disconnect = CancellationToken::new();
        let limiter = Limiter::new(pace);
        let links = [spooled(&mqtt), bare(&mqtt)].map(|options| Link::open(options, &mut rng, &disconnect));
        let [spooled, bare] = links;
        let rng = Mutex::new(StdRng::from_rng(&mut rng));
        let shared = Shared::new(Inner { store, clock, dev_identity, limiter, sign_texts, ttl, rng });
        Ok(Self { shared, links: [spooled?, bare?], answer_window, batch, disconnect })
    }

    /// Returns the service: the endpoints of members, and whether the gateway is ready.
    pub fn service(&self) -> Service {
        let links = self.links.each_ref().map(|link| (link.client.clone(), Arc::clone(&link.is_subscribed)));
        let routes = OpenApiRouter::new()
            .routes(routes!(crate::send::handler))
            .routes(routes!(crate::conversations::handler))
            .routes(routes!(crate::conversation::handler))
            .routes(routes!(crate::quota::handler))
            .routes(routes!(crate::message::handler))
            .with_state(self.shared.clone());
        Service::new("gateway", routes).depends_on(Check::database(self.shared.store.clone())).depends_on(Check::new("broker", move || {
            let ready =
                links.iter().try_for_each(|(client, is_subscribed)| match (client.is_connected(), is_subscribed.load(Ordering::Relaxed)) {
                    (false, _) => Err("not connected"),
                    (true, false) => Err("refuses a subscription"),
                    (true, true) => Ok(()),
                });
            async move { ready }
        }))
    }

    /// Offers texts to bridges, and takes in what they say, until `shutdown`; then commits and acknowledges what was taken, and
    /// disconnects.
    ///
    /// # Panics
    /// If one of its tasks does.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { shared, links, answer_window, batch, disconnect } = self;
        let clients = links.each_ref().map(|link| link.client.clone());
        let (radios, bridge_came) = (Arc::new(Radios::default()), Arc::new(Notify::new()));
        let offers = Offers {
            store: shared.store.clone(),
            clock: Arc::clone(&shared.clock),
            client: clients[0].clone(),
            bridge_came: Arc::clone(&bridge_came),
        };
        let until = shutdown.clone();
        let mut tasks = vec![tokio::spawn(async move { offers.run(&until).await })];
        for Link { client, incoming, is_subscribed } in links {
            let mut consumer = Consumer {
                shared: shared.clone(),
                client,
                incoming,
                is_subscribed,
                radios: Arc::clone(&radios),
                bridge_came: Arc::clone(&bridge_came),
                answer_window,
                batch,
            };
            let until = shutdown.clone();
            tasks.push(tokio::spawn(async move { consumer.run(&until).await }));
        }
        for task in tasks {
            join(task).await;
        }
        disconnect.cancel();
        for client in clients {
            client.closed().await;
        }
    }
}

impl Link {
    fn open(options: Options, rng: &mut impl RngCore, disconnect: &CancellationToken) -> Result<Self, OptionsError> {
        let (client, incoming) = kosmo_mqtt::connect(options, StdRng::from_rng(rng), disconnect.clone())?;
        Ok(Self { client, incoming, is_subscribed: Arc::new(AtomicBool::new(true)) })
    }
}

/// What bridges keep in their spools until it is answered for, shared out among the replicas, and their statuses, of which each
/// replica reads all. Nothing is lost with a session.
fn spooled(mqtt: &Options) -> Options {
    let mut options = with_packet_limit(mqtt);
    options.clean_session = true;
    options.subscriptions = vec![
        Subscription::at_least_once(format!("$share/gateway/{}", topic::RECEIPTS)),
        Subscription::at_least_once(format!("$share/gateway/{}", topic::INBOUND)),
        Subscription::at_least_once(topic::STATUSES),
    ];
    options
}

/// What bridges of version 0.1 say once and forget, so that the broker keeps it while the gateway is away. It is not shared out:
/// what were given to a replica that never comes back would be lost, and what several read is stored once.
fn bare(mqtt: &Options) -> Options {
    let mut options = with_packet_limit(mqtt);
    options.client_id = format!("{}:v01", mqtt.client_id);
    options.clean_session = false;
    options.subscriptions = vec![Subscription::at_least_once(topic::INBOUND_BARE)];
    options
}

fn with_packet_limit(mqtt: &Options) -> Options {
    let mut options = mqtt.clone();
    options.limits.packet = options.limits.packet.max(MAX_PACKET);
    options
}

/// Waits for a task. Nobody aborts it, so that one that failed has panicked, and so does this.
async fn join(task: JoinHandle<()>) {
    if let Err(error) = task.await
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
