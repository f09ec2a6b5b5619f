//! The bridge itself: one loop over everything that can happen.
//!
//! Radio and broker come and go independently: the spool between them fills while the broker is away, and drains while
//! the radio is. Nothing here waits for either; only the disk is waited for.

mod texts;

use crate::{
    config::{Config, Deps},
    convert,
    counters::{Counter, Counters},
    intake::{Displaced, Intake},
    link::{Connection, Link, LinkEvent},
    outbound::{self, Now},
    radio::Radio,
    record::NewRecord,
    spool::{Spool, SpoolError},
    told::Told,
    uplink::{Deaf, Uplink, UplinkEvent},
};
use kosmo_contract::{Ack, AckBody, BridgeState, Queues, Status, Text, V1};
use kosmo_domain::{Clock, Epoch, SeqSet, Stream, Uptime};
use kosmo_failpoints::fail_point;
use kosmo_meshtastic::{
    packet::Received,
    radio::RadioState,
    session::{self, Input, Output, RefusedReason, Session, SessionConfig},
};
use kosmo_mqtt::OptionsError;
use rand::{RngCore, SeedableRng as _, rngs::StdRng};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// Why a bridge could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is something wrong with its spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// No connection to the broker could be made of its configuration.
    #[error(transparent)]
    Broker(#[from] OptionsError),
}

/// Runs a bridge until `shutdown` is cancelled. Neither a missing radio nor a missing broker ends it.
///
/// # Errors
/// [`Error`] if it cannot start.
pub async fn run(config: Config, deps: Deps, shutdown: CancellationToken) -> Result<(), Error> {
    let mut bridge = Bridge::start(config, deps).await?;
    loop {
        match bridge.next_event(&shutdown).await {
            Event::Shutdown => break,
            Event::Link(event) => bridge.on_link(event).await,
            Event::Uplink(event) => bridge.on_uplink_events(event).await,
            Event::SessionTimer => bridge.tell_session(Input::Tick).await,
            Event::CommitDue => bridge.commit().await,
            Event::PublishDue => bridge.publish().await,
            Event::StatusDue => bridge.publish_status(),
            Event::TextsDue => {}
        }
        bridge.drive_texts().await;
    }
    bridge.finish().await;
    Ok(())
}

/// Everything that can happen.
enum Event {
    /// The program ends.
    Shutdown,
    /// Something happened on the link to the radio.
    Link(LinkEvent),
    /// Something came from the broker, or a connection to it.
    Uplink(UplinkEvent),
    /// The radio session wants to be told that time passed.
    SessionTimer,
    /// What was heard is to be committed.
    CommitDue,
    /// There may be something to publish.
    PublishDue,
    /// The status is to be told.
    StatusDue,
    /// Something is to be done for texts on their way to the radio.
    TextsDue,
}

/// How much from the broker is taken in at once at most.
const EVENTS_AT_ONCE: usize = 100;

struct Bridge {
    config: Config,
    clock: Arc<dyn Clock>,
    rng: Box<dyn RngCore + Send>,
    started: Instant,
    spool: Spool,
    intake: Intake,
    told: Told,
    /// Texts on their way to the radio.
    texts: outbound::Queue,
    /// Until when nothing is done for them because what is done could not be written down, and how long that was.
    texts_pause: Option<(Instant, Duration)>,
    link: Link,
    connection: Option<Connection>,
    session: Session,
    radio: Radio,
    uplink: Uplink,
    is_online: bool,
    /// What the broker does not let this bridge hear.
    deaf: BTreeSet<Deaf>,
    /// Whether more could be published if there were room for it.
    wants_room: bool,
    /// Until when the spool is left alone because it could not be read.
    publish_pause: Option<Instant>,
    status_at: Instant,
    counters: Counters,
}

impl Bridge {
    async fn start(config: Config, deps: Deps) -> Result<Self, Error> {
        let Deps { clock, mut rng } = deps;
        let fresh = Epoch::from_random(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()));
        let mut spool = Spool::open(&config.spool, &config.bridge, fresh, config.limits).await?;
        let rows = spool.texts().await?;
        let now = Now { uptime: Uptime::default(), time: clock.now() };
        let texts = outbound::Queue::resume(config.bridge.clone(), rows, now);
        let uplink = Uplink::start(&config, StdRng::from_rng(&mut rng))?;
        let link = Link::start(config.radio.clone(), config.pace.radio, StdRng::from_rng(&mut rng));
        let session = Session::new(SessionConfig { nonce: rng.next_u32() });
        tracing::info!(bridge.id = %config.bridge, spool.epoch = %spool.epoch(), radio = %config.radio, broker = %config.broker, "the bridge runs");
        Ok(Self {
            counters: Counters::new(&config.bridge),
            config,
            clock,
            rng,
            started: Instant::now(),
            spool,
            intake: Intake::default(),
            told: Told::default(),
            texts,
            texts_pause: None,
            link,
            connection: None,
            session,
            radio: Radio::new(),
            uplink,
            is_online: false,
            deaf: BTreeSet::new(),
            wants_room: false,
            publish_pause: None,
            status_at: Instant::now(),
        })
    }

    async fn next_event(&mut self, shutdown: &CancellationToken) -> Event {
        let session_at = self.session.poll_timeout().map(|(at, _)| self.instant(at));
        let commit_at = self.intake.due(self.config.pace.gather);
        let overdue_at = self.spool.next_due().filter(|_| !self.wants_room).map(|at| self.instant(at));
        let publish_at = self.publish_pause.or(overdue_at).filter(|_| self.is_online);
        let texts_at = self.texts_due();
        let has_room = self.uplink.has_room();
        tokio::select! {
            () = shutdown.cancelled() => Event::Shutdown,
            event = self.link.next() => Event::Link(event),
            event = self.uplink.next() => Event::Uplink(event),
            () = at(session_at) => Event::SessionTimer,
            () = at(commit_at) => Event::CommitDue,
            () = at(publish_at) => Event::PublishDue,
            () = has_room, if self.wants_room && self.is_online => Event::PublishDue,
            () = at(texts_at) => Event::TextsDue,
            () = sleep_until(self.status_at) => Event::StatusDue,
        }
    }

    async fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Connected(connection) => {
                fail_point!("radio::connected");
                self.connection = Some(connection);
                self.radio.note_connected();
                self.tell_session(Input::Connected).await;
            }
            LinkEvent::Received(bytes) => self.tell_session(Input::Received(&bytes)).await,
            LinkEvent::Lost(loss) => {
                fail_point!("radio::lost");
                self.connection = None;
                self.tell_session(Input::Disconnected).await;
                self.texts.on_radio_lost(self.now());
                let reason = self.radio.note_lost(&loss);
                tracing::warn!(bridge.id = %self.config.bridge, %reason, "no connection to the radio");
                self.counters.one(Counter::RadioLosses);
                self.note_change();
            }
        }
    }

    async fn tell_session(&mut self, input: Input<'_>) {
        self.session.handle(input, self.uptime());
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Write(bytes) => {
                    if self.connection.is_some_and(|connection| !self.link.write(connection, bytes)) {
                        tracing::warn!(bridge.id = %self.config.bridge, "the radio takes no bytes, so it is not told everything");
                    }
                }
                Output::Close(reason) => {
                    self.radio.note_closing(reason);
                    if let Some(connection) = self.connection {
                        self.link.close(connection);
                    }
                }
                Output::Event(event) => self.on_radio(event).await,
            }
        }
    }

    async fn on_radio(&mut self, event: session::Event) {
        match event {
            session::Event::Configured(radio) => self.on_configured(*radio).await,
            session::Event::Node(info) => self.keep_remembered(&info).await,
            session::Event::Packet(packet) => self.on_packet(&packet).await,
            session::Event::Rebooted => {
                self.counters.one(Counter::Reboots);
                self.texts.on_radio_lost(self.now());
                self.radio.note_connected();
                self.note_change();
            }
            session::Event::Refused(refused) => self.counters.one(match refused.reason {
                RefusedReason::Undecodable => Counter::RadioUndecodable,
                RefusedReason::ReservedSender => Counter::ReservedNode,
                RefusedReason::Torn => Counter::RadioTorn,
            }),
            // It may quote texts, so it is counted and goes nowhere.
            session::Event::Log(_) => self.counters.one(Counter::RadioLogLines),
            session::Event::QueueStatus(status) => self.texts.on_queue_status(&status, self.now()),
            session::Event::HandOver(hand_over) => self.texts.on_hand_over(hand_over, self.now()),
        }
    }

    async fn on_configured(&mut self, radio: RadioState) {
        tracing::info!(bridge.id = %self.config.bridge, radio.node = %radio.node, nodes = radio.nodes.len(), "the radio is ready");
        self.counters.one(Counter::Handshakes);
        if self.radio.note_configured(&radio) {
            self.told.forget();
        }
        self.texts.on_radio_ready(&radio, self.now());
        for node in &radio.nodes {
            self.keep_remembered(node).await;
        }
        self.note_change();
    }

    async fn keep_remembered(&mut self, info: &kosmo_meshtastic::node::NodeInfo) {
        match convert::remembered(info, self.clock.now()) {
            Err(counter) => self.counters.one(counter),
            Ok(records) => {
                for record in records {
                    if self.told.is_news(&record) {
                        self.keep(record).await;
                    } else {
                        self.counters.one(Counter::Unchanged);
                    }
                }
            }
        }
    }

    async fn on_packet(&mut self, packet: &Received) {
        self.counters.one(Counter::Packets);
        self.texts.on_packet(packet, self.now());
        match convert::packet(packet, self.clock.now()) {
            Ok(record) => self.keep(record).await,
            Err(Counter::OtherPort) => self.counters.other_port(packet.port),
            Err(counter) => self.counters.one(counter),
        }
    }

    async fn keep(&mut self, record: NewRecord) {
        match self.intake.push(record, Instant::now()) {
            Displaced::Nothing => {}
            Displaced::Telemetry => {
                self.counters.one(Counter::TelemetryLost);
                self.told.forget();
            }
            Displaced::Text => self.counters.one(Counter::TextsLost),
        }
        fail_point!("intake::push::after");
        if self.intake.is_ripe() {
            self.commit().await;
        }
    }

    /// Commits what was heard, in batches, until there is nothing left or the spool fails, and publishes what it can.
    async fn commit(&mut self) {
        while self.intake.len() > 0 {
            let exposure = self.intake.exposure(Instant::now());
            let batch = self.intake.take_batch();
            match self.spool.append(&batch).await {
                Ok(appended) => {
                    if self.intake.is_blocked() {
                        tracing::info!(bridge.id = %self.config.bridge, "the spool can be written again");
                        self.note_change();
                    }
                    self.intake.note_committed(Instant::now());
                    self.counters.add(Counter::Spooled, batch.len() as u64);
                    self.counters.add(Counter::DroppedAtCap, appended.dropped);
                    self.counters.note_exposure(exposure);
                    if appended.dropped > 0 {
                        self.told.forget();
                    }
                }
                Err(error) => {
                    self.note_unwritten(&error);
                    let again_in = self.intake.put_back(batch, Instant::now(), self.config.pace.spool_retry);
                    tracing::debug!(?again_in, waiting = self.intake.len(), "records wait in memory");
                    self.note_change();
                    break;
                }
            }
        }
        self.publish().await;
    }

    async fn on_uplink_events(&mut self, first: UplinkEvent) {
        self.on_uplink(first).await;
        for _ in 1..EVENTS_AT_ONCE {
            let Some(event) = self.uplink.try_next() else { break };
            self.on_uplink(event).await;
        }
    }

    async fn on_uplink(&mut self, event: UplinkEvent) {
        match event {
            // The client has logged it, as it does when a connection ends.
            UplinkEvent::Connected => {
                self.counters.one(Counter::BrokerConnections);
                self.is_online = true;
                self.texts.set_online(true);
                self.spool.restart_publishing();
                self.publish_status();
                self.publish().await;
            }
            UplinkEvent::Disconnected => {
                self.is_online = false;
                self.wants_room = false;
                self.deaf.clear();
                self.texts.set_online(false);
            }
            UplinkEvent::Answer(ack) => self.on_answer(*ack).await,
            UplinkEvent::Offered(offer) => self.on_offer(*offer),
            UplinkEvent::Nonsense(counter) => self.counters.one(counter),
            UplinkEvent::Deaf(deaf) => {
                tracing::error!(bridge.id = %self.config.bridge, "{}", deaf.words());
                self.deaf.insert(deaf);
                self.note_change();
            }
        }
    }

    async fn on_answer(&mut self, ack: Ack) {
        let (epoch, stream, committed, rejected) = match ack.body {
            AckBody::Records { epoch, stream, committed, rejected } => (epoch, stream, committed, rejected),
            AckBody::Granted { message_id } => return self.on_granted(message_id),
            AckBody::Revoked { message_id } => return self.on_revoked(message_id),
        };
        let rejected: SeqSet = rejected.iter().map(|rejection| rejection.seq).collect();
        match self.spool.apply(epoch, stream, &committed.0, &rejected).await {
            Ok(applied) => {
                self.counters.add(Counter::AcksOtherEpoch, u64::from(applied.other_epoch));
                self.counters.add(Counter::Committed, applied.committed);
                self.counters.add(Counter::Rejected, applied.rejected);
                // What has left made room.
                if self.intake.is_blocked() && applied.committed + applied.rejected > 0 {
                    self.commit().await;
                }
                self.publish().await;
            }
            // The records stay, are published again, and answered again.
            Err(error) => self.note_spool_error(&error),
        }
    }

    /// Publishes what is due, as far as there is room.
    async fn publish(&mut self) {
        if !self.is_online || self.publish_pause.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.publish_pause = None;
        for stream in [Stream::Gateway, Stream::Ingest] {
            let (now, room) = (self.uptime(), self.uplink.room());
            match self.spool.take_due(stream, now, room, &mut *self.rng).await {
                Ok(records) => {
                    self.counters.add(Counter::Published, records.len() as u64);
                    fail_point!("uplink::publish::before");
                    self.uplink.publish(records);
                    fail_point!("uplink::publish::after");
                }
                Err(error) => {
                    self.note_spool_error(&error);
                    self.publish_pause = Some(Instant::now() + self.config.pace.spool_retry);
                    return;
                }
            }
        }
        self.wants_room = self.uplink.room() == 0;
    }

    fn publish_status(&mut self) {
        self.status_at = Instant::now() + self.config.pace.status;
        self.counters.note_dropped(self.session.dropped());
        self.counters.note_depths(&self.spool.depths());
        if self.is_online {
            self.uplink.publish_status(&self.status());
        }
    }

    /// Has a change told soon, together with those that follow at once.
    fn note_change(&mut self) {
        self.status_at = self.status_at.min(Instant::now() + self.config.pace.status_change);
    }

    /// Says once that the spool cannot be written, and counts every attempt.
    fn note_unwritten(&mut self, error: &SpoolError) {
        if self.intake.is_blocked() {
            self.counters.one(Counter::SpoolErrors);
        } else {
            self.note_spool_error(error);
        }
    }

    fn note_spool_error(&mut self, error: &SpoolError) {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(bridge.id = %self.config.bridge, %error, cause, "the spool failed");
        self.counters.one(Counter::SpoolErrors);
    }

    fn status(&self) -> Status {
        let mut counters = self.counters.by_name();
        if self.intake.is_blocked() {
            counters.insert(Text::cut("records_waiting_for_disk"), self.intake.len() as u64);
        }
        Status {
            v: V1,
            bridge: self.config.bridge.clone(),
            state: BridgeState::Online,
            at: Some(self.clock.now()),
            version: Some(Text::cut(env!("CARGO_PKG_VERSION"))),
            uptime_s: Some(self.uptime().0.as_secs()),
            epoch: Some(self.spool.epoch()),
            radio: Some(self.radio.status()),
            queues: Some(Queues { outbound: self.texts.depth(), ..self.spool.depths() }),
            problems: self.problems(),
            counters,
        }
    }

    /// Ends well: takes in what the radio has already handed over, leaves the radio, and says that the bridge is gone.
    async fn finish(mut self) {
        while let Some(event) = self.link.try_next() {
            self.on_link(event).await;
        }
        self.tell_session(Input::Shutdown).await;
        self.commit_texts().await;
        self.commit().await;
        let lost = self.intake.len();
        if lost > 0 {
            tracing::error!(bridge.id = %self.config.bridge, records = lost, "records are lost because the spool cannot be written");
        }
        let patience = self.config.pace.finish;
        tokio::join!(self.link.finish(patience), self.uplink.finish(self.clock.now(), patience));
        self.spool.close().await;
    }

    fn now(&self) -> Now {
        Now { uptime: self.uptime(), time: self.clock.now() }
    }

    fn uptime(&self) -> Uptime {
        Uptime(self.started.elapsed())
    }

    fn instant(&self, at: Uptime) -> Instant {
        self.started + at.0
    }
}

/// Sleeps until then, for ever if there is no then.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
