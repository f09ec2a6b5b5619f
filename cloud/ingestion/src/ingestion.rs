//! The consumer: takes messages from the broker, gathers them into batches, and has them committed.

use crate::{batch::Batch, channels, commit::Committer, decode::Rules, packet_log::PacketLog, telemetry::PENDING, upkeep::Upkeep};
use kosmo_contract::topic;
use kosmo_domain::{Clock, Timestamp};
use kosmo_http::{Check, OpenApiRouter, Service};
use kosmo_mqtt::{Client, Delivery, Event, Incoming, Options, OptionsError, Subscription};
use kosmo_store::{ANSWERS_WITHIN, Store, packets::KeepPackets, weather::Keep};
use rand::RngCore;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// The largest packet taken from the broker. It is far over what the contract allows, so that a message that is too large can be
/// kept and answered for; one that were cut off with the connection would come again and again.
const MAX_PACKET: usize = 2 * 1024 * 1024;

/// How ingestion runs.
#[derive(Debug, Clone)]
pub struct Config {
    /// The broker and the login. The client id must be this replica's own; subscriptions are set here.
    pub mqtt: Options,
    /// How long what is kept; readings older than that are not taken in either.
    pub keep: Keep,
    /// How much of the log of packets is kept.
    pub keep_packets: KeepPackets,
    /// How many messages are committed at once, at most.
    pub batch: usize,
    /// How long to gather before a batch that is not full is committed.
    pub linger: Duration,
    /// How long to wait for the next message within that time. A broker sends only so many messages before they are
    /// acknowledged, so waiting on after the last of them gains nothing.
    pub gap: Duration,
    /// How long the database may take to answer before it is asked again on another connection.
    pub patience: Duration,
}

impl Config {
    /// Returns the usual configuration on this broker.
    pub fn new(mqtt: Options) -> Self {
        Self {
            mqtt,
            keep: Keep::default(),
            keep_packets: KeepPackets::default(),
            batch: 500,
            linger: Duration::from_millis(50),
            gap: Duration::from_millis(10),
            patience: ANSWERS_WITHIN,
        }
    }
}

/// Ingestion, connected to its broker.
pub struct Ingestion {
    store: Store,
    clock: Arc<dyn Clock>,
    client: Client,
    incoming: Incoming,
    /// Ends the connection, after the last acknowledgement.
    disconnect: CancellationToken,
    rules: Rules,
    /// The time of retention, once it is known.
    retention: watch::Sender<Option<Timestamp>>,
    keep: Keep,
    keep_packets: KeepPackets,
    batch: usize,
    linger: Duration,
    gap: Duration,
    patience: Duration,
}

impl Ingestion {
    /// Starts to connect to the broker. `rng` spreads the attempts of several clients to connect again.
    ///
    /// # Errors
    /// Refuses options that no connection could be made of; a broker that is away is none.
    pub fn connect(config: Config, store: Store, clock: Arc<dyn Clock>, rng: impl RngCore + Send + 'static) -> Result<Self, OptionsError> {
        let Config { mut mqtt, keep, keep_packets, batch, linger, gap, patience } = config;
        // The bridges' spools are the queue, and nothing is lost with a session. Statuses are retained and few, so that each
        // replica reads all of them.
        mqtt.clean_session = true;
        mqtt.limits.packet = mqtt.limits.packet.max(MAX_PACKET);
        mqtt.subscriptions = vec![
            Subscription::at_least_once(format!("$share/ingestion/{}", topic::READINGS)),
            Subscription::at_least_once(format!("$share/ingestion/{}", topic::NODES)),
            Subscription::at_least_once(topic::STATUSES),
        ];
        let disconnect = CancellationToken::new();
        let (client, incoming) = kosmo_mqtt::connect(mqtt, rng, disconnect.clone())?;
        Ok(Self {
            store,
            clock,
            client,
            incoming,
            disconnect,
            rules: Rules::from(&keep),
            retention: watch::Sender::default(),
            keep,
            keep_packets,
            batch,
            linger,
            gap,
            patience,
        })
    }

    /// Returns what ingestion offers over HTTP: whether it is ready.
    pub fn service(&self) -> Service {
        let (store, client) = (self.store.clone(), self.client.clone());
        Service::new("ingestion", OpenApiRouter::new()).depends_on(Check::database(store)).depends_on(Check::new("broker", move || {
            let ready = client.check();
            async move { ready }
        }))
    }

    /// Takes in what comes and has it summarised until `shutdown`, then commits and acknowledges what was taken, and disconnects.
    ///
    /// # Panics
    /// If one of its tasks does.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let (log, writer) = PacketLog::new(self.store.clone(), self.keep_packets, self.patience);
        let committer = Committer {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            client: self.client.clone(),
            patience: self.patience,
            log,
            channels: channels::Told::default(),
        };
        let upkeep = Upkeep {
            store: self.store.clone(),
            clock: Arc::clone(&self.clock),
            keep: self.keep,
            keep_packets: self.keep_packets,
            patience: self.patience,
            retention: self.retention.clone(),
        };
        // One batch waits while another is committed; with a third being gathered, that is all that is held here.
        let (batches, gathered) = mpsc::channel(1);
        let (until, also_until) = (shutdown.clone(), shutdown.clone());
        let committing = tokio::spawn(async move { committer.run(gathered, &until).await });
        let keeping = tokio::spawn(async move { Box::pin(upkeep.run(&also_until)).await });
        let logging = tokio::spawn(writer.run());
        self.gather(batches, &shutdown).await;
        for task in [committing, keeping, logging] {
            // Nobody aborts these tasks, so that one that failed has panicked, and so does this.
            if let Err(error) = task.await
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
        self.disconnect.cancel();
        self.client.closed().await;
    }

    async fn gather(&mut self, batches: mpsc::Sender<Batch>, shutdown: &CancellationToken) {
        loop {
            let mut batch = Batch::default();
            tokio::select! {
                first = self.next_message() => match first {
                    Some(first) => self.add(&mut batch, first),
                    None => return,
                },
                () = shutdown.cancelled() => return,
            }
            let latest = Instant::now() + self.linger;
            while batch.len() < self.batch {
                let idle = Instant::now() + self.gap;
                match tokio::time::timeout_at(latest.min(idle), self.next_message()).await {
                    Ok(Some(delivery)) => self.add(&mut batch, delivery),
                    Ok(None) | Err(_) => break,
                }
            }
            metrics::gauge!(PENDING).increment(batch.len() as f64);
            tokio::select! {
                biased;
                sent = batches.send(batch) => if sent.is_err() { return },
                // The database is away, and the batch stays where it came from.
                () = shutdown.cancelled() => return,
            }
        }
    }

    fn add(&self, batch: &mut Batch, delivery: Delivery) {
        let rules = Rules { retention: *self.retention.borrow(), ..self.rules };
        batch.add(delivery, self.clock.now(), &rules);
    }

    /// Returns the next message; none once the client was shut down. Safe to cancel.
    async fn next_message(&mut self) -> Option<Delivery> {
        loop {
            match self.incoming.next().await? {
                Event::Message(delivery) => return Some(delivery),
                Event::Connected { .. } | Event::SubscriptionRefused { .. } | Event::Disconnected { .. } => {}
            }
        }
    }
}
