//! The gateway as a whole: its routes, and what runs beside them.

use crate::{
    bare::{Bare, Whereabouts},
    consumer::{Consumer, Desk},
    hub::Hub,
    identity::DevIdentity,
    offers::Offers,
    pace::{Limiter, Pace},
    radios::Radios,
    shared::{Inner, Shared},
    upkeep::{self, Upkeep},
};
use kosmo_contract::topic;
use kosmo_domain::{Clock, HOUR};
use kosmo_http::{Check, OpenApiRouter, Service};
use kosmo_mqtt::{Client, Incoming, Options, OptionsError, Subscription};
use kosmo_store::{Store, messages::KeepMessages};
use rand::{RngCore, SeedableRng as _, rngs::StdRng};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use utoipa_axum::routes;

/// The largest packet taken from the broker. It is far over what the contract allows, so that a message that is too large can be
/// kept and answered for; one that were cut off with the connection would come again and again.
const MAX_PACKET: usize = 2 * 1024 * 1024;

/// How the gateway runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The broker and the login. The client id must be this process's own; one process at a time has a second connection, whose
    /// client id is the login's name with `:v01`. Subscriptions are set here.
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
    /// How many streams of live events there may be.
    pub streams: usize,
    /// How long events, packets and texts are kept.
    pub keep: KeepMessages,
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
            streams: 512,
            keep: KeepMessages::default(),
        }
    }
}

/// The gateway, connected to its broker.
pub struct Gateway {
    shared: Shared,
    client: Client,
    incoming: Incoming,
    /// How to connect to the one session for bridges of version 0.1.
    bare: Options,
    whereabouts: Whereabouts,
    rng: StdRng,
    answer_window: Duration,
    batch: usize,
    keep: KeepMessages,
    /// Ends the connections, after the last acknowledgement.
    disconnect: CancellationToken,
}

impl Gateway {
    /// Starts to connect to the broker. `rng` draws the ids of messages, and spreads the attempts to connect again.
    ///
    /// # Errors
    /// Refuses options that no connection could be made of; a broker that is away is none.
    pub fn connect(config: Config, store: Store, clock: Arc<dyn Clock>, mut rng: impl RngCore) -> Result<Self, OptionsError> {
        let Config { mqtt, dev_identity, pace, sign_texts, ttl, answer_window, batch, streams, keep } = config;
        let disconnect = CancellationToken::new();
        let limiter = Limiter::new(pace);
        let mqtt = with_packet_limit(mqtt);
        let (client, incoming) = kosmo_mqtt::connect(spooled(&mqtt), StdRng::from_rng(&mut rng), disconnect.clone())?;
        let (bare, own_rng) = (Bare::options(&mqtt), StdRng::from_rng(&mut rng));
        let rng = Mutex::new(StdRng::from_rng(&mut rng));
        let shared = Shared::new(Inner { store, clock, dev_identity, limiter, sign_texts, ttl, rng, hub: Arc::new(Hub::new(streams)) });
        Ok(Self {
            shared,
            client,
            incoming,
            bare,
            whereabouts: Whereabouts::default(),
            rng: own_rng,
            answer_window,
            batch,
            keep,
            disconnect,
        })
    }

    /// Returns the service: the endpoints of members, and whether the gateway is ready.
    pub fn service(&self) -> Service {
        let (client, bare) = (self.client.clone(), self.whereabouts.clone());
        let routes = OpenApiRouter::new()
            .routes(routes!(crate::send::handler))
            .routes(routes!(crate::conversations::handler))
            .routes(routes!(crate::conversation::handler))
            .routes(routes!(crate::quota::handler))
            .routes(routes!(crate::recipients::handler))
            .routes(routes!(crate::read::handler))
            .routes(routes!(crate::message::handler, crate::cancel::handler))
            .routes(routes!(crate::channels::list))
            .routes(routes!(crate::channels::texts))
            .routes(routes!(crate::keys::show, crate::keys::confirm))
            .routes(routes!(crate::stream::handler))
            .routes(routes!(crate::gaps::handler))
            .routes(routes!(crate::who::handler))
            .with_state(self.shared.clone());
        Service::new("gateway", routes).depends_on(Check::database(self.shared.store.clone())).depends_on(Check::new("broker", move || {
            let ready = client.check().and_then(|()| bare.check());
            async move { ready }
        }))
    }

    /// Offers texts to bridges, and takes in what they say, until `shutdown`; then commits and acknowledges what was taken, and
    /// disconnects.
    ///
    /// # Panics
    /// If one of its tasks does.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { shared, client, incoming, bare, whereabouts, rng, answer_window, batch, keep, disconnect } = self;
        let (radios, bridge_came) = (Arc::new(Radios::default()), Arc::new(Notify::new()));
        let offers = Offers {
            store: shared.store.clone(),
            clock: Arc::clone(&shared.clock),
            client: client.clone(),
            bridge_came: Arc::clone(&bridge_came),
        };
        let (listening, heard) = mpsc::channel(upkeep::WAITING);
        let mut upkeep = Upkeep { store: shared.store.clone(), clock: Arc::clone(&shared.clock), keep, heard };
        let desk = Desk { shared: shared.clone(), radios, bridge_came, answer_window, batch, listening };
        let follow = shared.clone();
        let mut consumer = Consumer::new(desk.clone(), (client.clone(), incoming));
        let (store, clock, holder) = (shared.store.clone(), Arc::clone(&shared.clock), shared.draw_id());
        let bare = Bare { store, clock, options: bare, rng, holder, desk, whereabouts };
        let [until_offers, until_spooled, until_bare, until_upkeep, until_hub] = [(); 5].map(|()| shutdown.clone());
        let tasks = [
            tokio::spawn(async move { Box::pin(offers.run(&until_offers)).await }),
            tokio::spawn(async move { consumer.run(&until_spooled).await }),
            tokio::spawn(async move { bare.run(&until_bare).await }),
            tokio::spawn(async move { upkeep.run(&until_upkeep).await }),
            tokio::spawn(async move { follow.hub.run(&follow.store, follow.clock.as_ref(), &until_hub).await }),
        ];
        for task in tasks {
            join(task).await;
        }
        disconnect.cancel();
        client.closed().await;
    }
}

/// What bridges keep in their spools until it is answered for, shared out among the replicas, and their statuses, of which each
/// replica reads all. Nothing is lost with a session.
fn spooled(mqtt: &Options) -> Options {
    let mut options = mqtt.clone();
    options.clean_session = true;
    options.subscriptions = vec![
        Subscription::at_least_once(format!("$share/gateway/{}", topic::RECEIPTS)),
        Subscription::at_least_once(format!("$share/gateway/{}", topic::INBOUND)),
        Subscription::at_least_once(topic::STATUSES),
    ];
    options
}

fn with_packet_limit(mut options: Options) -> Options {
    options.limits.packet = options.limits.packet.max(MAX_PACKET);
    options
}

/// Waits for a task. Nobody aborts it, so that one that failed has panicked, and so does this.
pub(crate) async fn join(task: JoinHandle<()>) {
    if let Err(error) = task.await
        && let Ok(panic) = error.try_into_panic()
    {
        std::panic::resume_unwind(panic);
    }
}
