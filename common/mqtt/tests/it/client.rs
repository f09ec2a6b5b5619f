//! A client under test, with waits that end.

use kosmo_mqtt::{Backoff, Client, Delivery, Event, Incoming, Message, Options, Reason, Server, connect};
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

/// Options with which a lost connection comes back quickly.
pub(crate) fn options(url: &str, client_id: &str) -> Options {
    let server: Server = url.parse().unwrap();
    Options {
        backoff: Backoff { min: Duration::from_millis(20), max: Duration::from_millis(200), settled: Duration::from_mins(1) },
        ..Options::new(server, client_id)
    }
}

impl Peer {
    pub(crate) fn start(options: Options) -> Self {
        let shutdown = CancellationToken::new();
        let (client, incoming) = connect(options, StdRng::seed_from_u64(7), shutdown.clone()).unwrap();
        Self { client, incoming, shutdown }
    }

    /// Starts a client and waits until it is connected.
    pub(crate) async fn connected(options: Options) -> Self {
        let mut peer = Self::start(options);
        peer.session_present().await;
        peer
    }

    pub(crate) async fn event(&mut self) -> Option<Event> {
        timeout(PATIENCE, self.incoming.next()).await.expect("an event comes in time")
    }

    /// Waits for the next connection, and tells whether the broker kept the session.
    pub(crate) async fn session_present(&mut self) -> bool {
        loop {
            if let Event::Connected { session_present } = self.event().await.expect("the client runs") {
                return session_present;
            }
        }
    }

    pub(crate) async fn disconnected(&mut self) -> Reason {
        loop {
            if let Event::Disconnected { reason } = self.event().await.expect("the client runs") {
                return reason;
            }
        }
    }

    pub(crate) async fn message(&mut self) -> Delivery {
        loop {
            if let Event::Message(delivery) = self.event().await.expect("the client runs") {
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
        let receipt = self.client.publish(Message::new(topic, text.to_owned())).await.unwrap();
        timeout(PATIENCE, receipt).await.expect("an acknowledgement comes in time").unwrap();
    }

    /// Shuts the client down and returns what it still heard.
    pub(crate) async fn stop(mut self) -> Vec<Event> {
        self.shutdown.cancel();
        let mut rest = Vec::new();
        while let Some(event) = self.event().await {
            rest.push(event);
        }
        rest
    }
}
