//! The texts of bridges of version 0.1, which one of the gateway's processes at a time listens for.
//!
//! Such a bridge says a text once and forgets it, so the broker keeps it in a session that outlives its connection. Had each
//! process a session, every text would come as often as there are processes, and those of a process that never comes back would
//! pile up for nobody. So there is one session, and it goes with a lease: whoever has the lease connects to it, the others wait.

use crate::consumer::{Consumer, Desk};
use kosmo_contract::topic;
use kosmo_domain::Clock;
use kosmo_mqtt::{Client, Options, Subscription};
use kosmo_store::Store;
use rand::{SeedableRng as _, rngs::StdRng};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The lease's name.
const LEASE: &str = "gateway:v01";
/// How long a process that vanished keeps the others waiting.
const LENGTH: Duration = Duration::from_secs(30);
/// How often the lease is prolonged, or asked for.
const ASK_EVERY: Duration = Duration::from_secs(10);
/// Within which time of having got the lease it is surely still there, whatever the database says meanwhile.
const SURE: Duration = Duration::from_secs(25);

/// How long the end waits for the database to take the lease back.
const LAST_WORD: Duration = Duration::from_secs(2);

/// Where the texts of version 0.1 are listened for.
#[derive(Clone, Default)]
pub(crate) struct Whereabouts(Arc<Mutex<Where>>);

#[derive(Clone, Default)]
enum Where {
    /// It was not asked yet.
    #[default]
    Unknown,
    /// Another process has the lease.
    Elsewhere,
    Here(Client),
}

impl Whereabouts {
    /// Tells whether somebody listens, as far as this process knows.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        match &*self.lock() {
            Where::Unknown => Err("is not connected"),
            Where::Elsewhere => Ok(()),
            Where::Here(client) => client.check(),
        }
    }

    fn set(&self, place: Where) {
        *self.lock() = place;
    }

    fn lock(&self) -> MutexGuard<'_, Where> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens while this process has the lease.
pub(crate) struct Bare {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
    pub(crate) rng: StdRng,
    /// Who this process is among those that ask for the lease.
    pub(crate) holder: Uuid,
    pub(crate) desk: Desk,
    pub(crate) whereabouts: Whereabouts,
}

/// A connection to the session, and who takes in what comes.
struct Listening {
    client: Client,
    consuming: JoinHandle<()>,
    /// Ends the consumer…
    finish: CancellationToken,
    /// …and the connection, after the last acknowledgement.
    disconnect: CancellationToken,
}

impl Bare {
    /// Returns how to connect to the one session.
    pub(crate) fn options(mqtt: &Options) -> Options {
        let login = mqtt.login.as_ref().map_or("kosmo", |login| &login.name);
        Options {
            client_id: format!("{login}:v01"),
            clean_session: false,
            subscriptions: vec![Subscription::at_least_once(topic::INBOUND_BARE)],
            ..mqtt.clone()
        }
    }

    /// Listens whenever it may, until `shutdown`; then commits and acknowledges what was taken, and gives the lease back.
    pub(crate) async fn run(mut self, shutdown: &CancellationToken) {
        let mut listening: Option<Listening> = None;
        let mut sure_until = Instant::now();
        loop {
            let asked_at = Instant::now();
            let Some(answer) = shutdown.run_until_cancelled(self.ask()).await else { break };
            match answer {
                Some(true) => {
                    sure_until = asked_at + SURE;
                    if listening.is_none() {
                        listening = self.listen();
                    }
                }
                Some(false) => {
                    end(&mut listening).await;
                    self.whereabouts.set(Where::Elsewhere);
                }
                None if Instant::now() < sure_until => {}
                None => {
                    end(&mut listening).await;
                    self.whereabouts.set(Where::Unknown);
                }
            }
            if shutdown.run_until_cancelled(tokio::time::sleep(ASK_EVERY)).await.is_none() {
                break;
            }
        }
        end(&mut listening).await;
        // Whoever is next waits for the end of the lease if this does not come through.
        let _ = timeout(LAST_WORD, self.store.release_lease(LEASE, self.holder)).await;
    }

    /// Asks for the lease; nothing if the database does not answer.
    async fn ask(&self) -> Option<bool> {
        match timeout(ASK_EVERY, self.store.hold_lease(LEASE, self.holder, LENGTH, self.clock.now())).await {
            Ok(Ok(is_ours)) => Some(is_ours),
            Ok(Err(error)) => {
                tracing::warn!(%error, "it is not known which process listens for bridges of version 0.1, and asked again");
                None
            }
            Err(_) => None,
        }
    }

    fn listen(&mut self) -> Option<Listening> {
        let disconnect = CancellationToken::new();
        let rng = StdRng::from_rng(&mut self.rng);
        let (client, incoming) = match kosmo_mqtt::connect(self.options.clone(), rng, disconnect.clone()) {
            Ok(connection) => connection,
            Err(error) => {
                tracing::error!(%error, "bridges of version 0.1 cannot be listened for");
                return None;
            }
        };
        tracing::info!("this process listens for bridges of version 0.1");
        self.whereabouts.set(Where::Here(client.clone()));
        let finish = CancellationToken::new();
        let (mut consumer, until) = (Consumer::new(self.desk.clone(), (client.clone(), incoming)), finish.clone());
        let consuming = tokio::spawn(async move { consumer.run(&until).await });
        Some(Listening { client, consuming, finish, disconnect })
    }
}

async fn end(listening: &mut Option<Listening>) {
    let Some(Listening { client, consuming, finish, disconnect }) = listening.take() else { return };
    finish.cancel();
    crate::gateway::join(consuming).await;
    disconnect.cancel();
    client.closed().await;
}
