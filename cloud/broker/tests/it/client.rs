//! Our own client, with waits that end.

use crate::house::{House, secret};
use kosmo_mqtt::{Backoff, Client, Delivery, Event, Incoming, Login, Message, Options, Reason, Subscription, connect};
use rand::{SeedableRng, rngs::StdRng};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) incoming: Incoming,
    pub(crate) shutdown: CancellationToken,
}

/// How this login connects: its name is its client id.
pub(crate) fn options(house: &House, name: &str) -> Options {
    Options {
        login: Some(Login { name: name.to_owned(), password: secret(name).reveal().to_owned() }),
        backoff: Backoff { min: Duration::from_millis(20), max: Duration::from_millis(200), settled: Duration::from_mins(1) },
        ..Options::new(house.url().parse().unwrap(), name)
    }
}

/// How this login listens.
pub(crate) fn listening(house: &House, name: &str, filters: &[&str]) -> Options {
    Options { subscriptions: filters.iter().copied().map(Subscription::at_least_once).collect(), ..options(house, name) }
}

impl Peer {
    pub(crate) fn start(options: Options) -> Self {
        let shutdown = CancellationToken::new();
        let (client, incoming) = connect(options, StdRng::seed_from_u64(7), shutdown.clone()).unwrap();
        Self { client, incoming, shutdown }
    }

    /// Starts a client and waits until it is connected, with all its subscriptions granted.
    pub(crate) async fn connected(options: Options) -> Self {
        let mut peer = Self::start(options);
        assert_eq!(peer.refused_filters().await, Vec::<String>::new());
        peer
    }

    pub(crate) async fn event(&mut self) -> Event {
        timeout(PATIENCE, self.incoming.next()).await.expect("an event comes in time").expect("the client runs")
    }

    /// Waits for the connection and returns the subscriptions that were refused.
    pub(crate) async fn refused_filters(&mut self) -> Vec<String> {
        let mut refused = Vec::new();
        loop {
            match self.event().await {
                Event::SubscriptionRefused { filter } => refused.push(filter),
                Event::Connected { .. } => return refused,
                Event::Disconnected { reason } => panic!("not let in: {reason}"),
                Event::Message(_) => {}
            }
        }
    }

    pub(crate) async fn session_present(&mut self) -> bool {
        loop {
            if let Event::Connected { session_present } = self.event().await {
                return session_present;
            }
        }
    }

    pub(crate) async fn disconnected(&mut self) -> Reason {
        loop {
            if let Event::Disconnected { reason } = self.event().await {
                return reason;
            }
        }
    }

    pub(crate) async fn message(&mut self) -> Delivery {
        loop {
            if let Event::Message(delivery) = self.event().await {
                return delivery;
            }
        }
    }

    /// Takes the next message, acknowledges it and returns what it says.
    pub(crate) async fn text(&mut self) -> String {
        let delivery = self.message().await;
        self.client.acknowledge(delivery.token);
        String::from_utf8(delivery.payload.to_vec()).unwrap()
    }

    /// Publishes at QoS 1 and waits for the acknowledgement.
    pub(crate) async fn say(&self, topic: &str, text: &str) {
        self.publish(Message::new(topic, text.to_owned())).await;
    }

    pub(crate) async fn publish(&self, message: Message) {
        let receipt = self.client.publish(message).await.unwrap();
        timeout(PATIENCE, receipt).await.expect("an acknowledgement comes in time").unwrap();
    }

    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        while timeout(PATIENCE, self.incoming.next()).await.expect("a shutdown ends in time").is_some() {}
    }
}
