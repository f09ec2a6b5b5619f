//! Takes in what comes from one broker, and knows how that broker fares.

use crate::uplink::{LOST, Shared, UNPOISONED, read::Taken};
use kosmo_domain::{BridgeId, Clock, Timestamp};
use kosmo_mqtt::{Event, Incoming, Reason, Refusal};
use kosmo_store::uplinks::BrokerState;
use std::sync::{Arc, MutexGuard};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How many times of listening wait to be stored, at most.
const MOST_ENDED: usize = 200;

/// How a broker fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) state: BrokerState,
    pub(crate) since: Timestamp,
    /// What went wrong last, by its code, and when.
    pub(crate) error: Option<(&'static str, Timestamp)>,
}

impl Standing {
    pub(crate) const fn new(now: Timestamp) -> Self {
        Self { state: BrokerState::Connecting, since: now, error: None }
    }

    /// Returns since when the broker is listened to, while it is.
    pub(crate) fn listening(&self) -> Option<Timestamp> {
        (self.state == BrokerState::Listening).then_some(self.since)
    }

    /// Notes how it fares from now on.
    fn turn(&mut self, state: BrokerState, now: Timestamp) {
        if self.state != state {
            (self.state, self.since) = (state, now);
        }
    }

    fn fail(&mut self, state: BrokerState, code: &'static str, now: Timestamp) {
        self.turn(state, now);
        self.error = Some((code, now));
    }
}

/// Takes in what comes from one broker.
pub(crate) struct Listener {
    pub(crate) index: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) taken: mpsc::Sender<Box<Taken>>,
}

impl Listener {
    pub(crate) async fn run(self, mut incoming: Incoming, name: BridgeId, shutdown: CancellationToken) {
        // A broker answers to the subscription before the connection counts as standing.
        let mut is_refused = false;
        loop {
            let event = tokio::select! {
                event = incoming.next() => event,
                () = shutdown.cancelled() => return,
            };
            let now = self.clock.now();
            match event {
                None => return,
                Some(Event::Connected { .. }) if is_refused => {}
                Some(Event::Connected { .. }) => {
                    tracing::info!(uplink = %name, "listening to what nodes publish");
                    self.standing().turn(BrokerState::Listening, now);
                }
                Some(Event::Disconnected { reason }) => {
                    is_refused = false;
                    let (state, code) = what_went_wrong(&reason);
                    if let Some(since) = self.lose(state, code, now) {
                        self.end(since, now);
                        tracing::warn!(uplink = %name, %reason, "a broker of nodes is lost; what they publish meanwhile is not heard");
                    }
                }
                Some(Event::SubscriptionRefused { filter }) => {
                    is_refused = true;
                    if let Some(since) = self.lose(BrokerState::Refused, "subscription", now) {
                        self.end(since, now);
                    }
                    tracing::error!(uplink = %name, filter, "a broker of nodes refuses a subscription: check the login's rules");
                }
                Some(Event::Message(message)) => {
                    let reader = Arc::clone(&self.shared.reader.read().expect(UNPOISONED));
                    let Some(taken) = reader.take(self.index, &message.topic, &message.payload, message.retain, now, &self.shared.desk)
                    else {
                        continue;
                    };
                    if self.taken.try_send(taken).is_err() {
                        metrics::counter!(LOST).increment(1);
                    }
                }
            }
        }
    }

    /// Notes that the broker is listened to no more, and returns since when it was.
    fn lose(&self, state: BrokerState, code: &'static str, now: Timestamp) -> Option<Timestamp> {
        let mut standing = self.standing();
        let since = standing.listening();
        standing.fail(state, code, now);
        since
    }

    /// Has it stored from when to when the broker was listened to.
    fn end(&self, since: Timestamp, until: Timestamp) {
        let mut ended = self.shared.ended.lock().expect(UNPOISONED);
        if ended.len() < MOST_ENDED {
            ended.push((self.index, since, until));
        }
    }

    fn standing(&self) -> StandingGuard<'_> {
        StandingGuard(self.shared.standing.lock().expect(UNPOISONED), self.index)
    }
}

/// The standing of one broker, while no other is looked at.
struct StandingGuard<'a>(MutexGuard<'a, Vec<Standing>>, usize);

impl std::ops::Deref for StandingGuard<'_> {
    type Target = Standing;

    fn deref(&self) -> &Standing {
        &self.0[self.1]
    }
}

impl std::ops::DerefMut for StandingGuard<'_> {
    fn deref_mut(&mut self) -> &mut Standing {
        &mut self.0[self.1]
    }
}

/// Returns what everybody may know of why a connection ended: addresses and what a stranger's broker says are for the log.
fn what_went_wrong(reason: &Reason) -> (BrokerState, &'static str) {
    let code = match reason {
        Reason::Refused(Refusal::BadCredentials) => return (BrokerState::Refused, "login"),
        Reason::Refused(Refusal::ClientId) => return (BrokerState::Refused, "client_id"),
        Reason::Refused(Refusal::ProtocolVersion) => return (BrokerState::Refused, "version"),
        Reason::Refused(Refusal::Unavailable) => "unavailable",
        Reason::Network(_) => "network",
        Reason::Tls(_) => "tls",
        Reason::Closed | Reason::Shutdown => "closed",
        Reason::TimedOut | Reason::Unacknowledged => "no_answer",
        Reason::TooLarge(_) => "too_large",
        Reason::Protocol(_) => "protocol",
        Reason::Overrun => "overrun",
    };
    (BrokerState::Away, code)
}
