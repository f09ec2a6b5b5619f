//! What one connection shares between its driver and the client's handles.

use crate::{Qos, client::PublishError, options::Message};
use rumqttc::AsyncClient;
use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::Instant,
};

/// The end of a published message's way that this client can see.
///
/// At QoS 1 it resolves when the broker has acknowledged the message, at QoS 0 when it was given to the network.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<()>);

impl Future for Receipt {
    type Output = Result<(), ConnectionLost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|outcome| outcome.map_err(|_| ConnectionLost))
    }
}

/// The connection ended before the broker acknowledged. The message may have arrived or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was lost before the message was acknowledged")]
pub struct ConnectionLost;

/// One standing connection.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    pub(crate) generation: u64,
    pub(crate) requests: AsyncClient,
    /// One permit for every published message that is not yet acknowledged. Closed when the connection ends.
    window: Arc<Semaphore>,
    flights: Arc<Mutex<Flights>>,
}

/// Published messages on their way, each with the receipt it owes.
///
/// rumqttc draws packet ids itself and tells them in the order in which it was given the messages. Hence the queue:
/// the message at its front is the one the next "published" report is about.
#[derive(Debug, Default)]
struct Flights {
    given: VecDeque<Flight>,
    unacknowledged: HashMap<u16, Flight>,
}

#[derive(Debug)]
struct Flight {
    since: Instant,
    receipt: oneshot::Sender<()>,
    _room: OwnedSemaphorePermit,
}

impl Link {
    pub(crate) fn new(generation: u64, requests: AsyncClient, window: u16) -> Self {
        let window = Arc::new(Semaphore::new(usize::from(window)));
        Self { generation, requests, window, flights: Arc::default() }
    }

    /// Waits for room in the window and gives the message to the connection.
    pub(crate) async fn publish(&self, message: Message) -> Result<Receipt, PublishError> {
        let room = Arc::clone(&self.window).acquire_owned().await.map_err(|_| PublishError::NotConnected)?;
        let (receipt, outcome) = oneshot::channel();
        let qos = match message.qos {
            Qos::AtMostOnce => rumqttc::QoS::AtMostOnce,
            Qos::AtLeastOnce => rumqttc::QoS::AtLeastOnce,
        };
        let mut flights = self.flights();
        self.requests.try_publish(message.topic, qos, message.retain, message.payload).map_err(|_| PublishError::NotConnected)?;
        // Under the lock the report of this message waits until the message stands in the queue.
        flights.given.push_back(Flight { since: Instant::now(), receipt, _room: room });
        Ok(Receipt(outcome))
    }

    /// Notes that the message given longest ago went out with this packet id, 0 at QoS 0.
    pub(crate) fn note_published(&self, packet_id: u16) {
        let mut flights = self.flights();
        let Some(flight) = flights.given.pop_front() else { return };
        if packet_id == 0 {
            let _ = flight.receipt.send(());
        } else {
            flights.unacknowledged.insert(packet_id, flight);
        }
    }

    /// Notes the broker's acknowledgement.
    pub(crate) fn note_acknowledged(&self, packet_id: u16) {
        if let Some(flight) = self.flights().unacknowledged.remove(&packet_id) {
            let _ = flight.receipt.send(());
        }
    }

    /// Tells whether every message given to this connection is settled.
    pub(crate) fn is_idle(&self) -> bool {
        let flights = self.flights();
        flights.given.is_empty() && flights.unacknowledged.is_empty()
    }

    /// Returns how long the oldest message has waited for its acknowledgement.
    pub(crate) fn longest_wait(&self) -> Duration {
        let flights = self.flights();
        let oldest = flights.given.front().into_iter().chain(flights.unacknowledged.values()).map(|flight| flight.since).min();
        oldest.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Takes no more messages.
    pub(crate) fn close(&self) {
        self.window.close();
    }

    /// Ends every receipt that is still owed.
    pub(crate) fn abandon(&self) {
        self.close();
        *self.flights() = Flights::default();
    }

    fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().expect("no code that can panic runs under this lock")
    }
}

/// How many received messages wait to be taken, and how large they are together.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    messages: AtomicUsize,
    bytes: AtomicUsize,
}

impl Waiting {
    /// Makes room for one more message, unless the limits are reached.
    pub(crate) fn put(&self, bytes: usize, max_messages: usize, max_bytes: usize) -> bool {
        let messages = self.messages.load(Ordering::Relaxed);
        let held = self.bytes.load(Ordering::Relaxed);
        if messages >= max_messages || held.saturating_add(bytes) > max_bytes {
            return false;
        }
        // Only the driver adds, so what was checked still holds.
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        true
    }

    pub(crate) fn take(&self, bytes: usize) {
        self.messages.fetch_sub(1, Ordering::Relaxed);
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
