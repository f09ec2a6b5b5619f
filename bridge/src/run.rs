//! The bridge itself: one loop over everything that can happen.
//!
//! Radio and broker come and go independently: the spool between them fills while the broker is away, and drains while
//! the radio is. Nothing here waits for either; only the disk is waited for.

mod cloud;
mod keeping;
mod proxying;
mod radio;
mod sharing;
mod status;
mod texts;

use crate::{
    config::{Config, Deps},
    counters::Counters,
    health::Finding,
    intake::Intake,
    link::{Connection, Link, LinkEvent},
    local::{self, Local},
    outbound::{self, Now},
    proxy::{Carrier, ProxyEvent},
    radio::Radio,
    share::{ClientEvent, Share},
    spool::{Spool, SpoolError},
    told::Told,
    uplink::{Deaf, Uplink, UplinkEvent},
};
use kosmo_domain::{Clock, Epoch, Uptime};
use kosmo_meshtastic::session::{Input, Session, SessionConfig};
use kosmo_mqtt::OptionsError;
use rand::{RngCore, SeedableRng as _, rngs::StdRng};
use std::{collections::BTreeSet, io, sync::Arc, time::Duration};
use tokio::{
    net::UnixStream,
    time::{Instant, sleep_until, timeout_at},
};
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
    /// Other programs cannot be let in.
    #[error("the radio cannot be shared")]
    Share(#[source] io::Error),
}

/// Runs a bridge until `shutdown` is cancelled. Neither a missing radio nor a missing broker ends it.
///
/// # Errors
/// [`Error`] if it cannot start.
pub async fn run(config: Config, deps: Deps, shutdown: CancellationToken) -> Result<(), Error> {
    let mut bridge = Bridge::start(config, deps).await?;
    loop {
        bridge.config.pulse.beat();
        match bridge.next_event(&shutdown).await {
            Event::Shutdown => break,
            Event::Link(event) => bridge.on_link(event).await,
            Event::Uplink(event) => bridge.on_uplink_events(event).await,
            Event::SessionTimer => bridge.tell_session(Input::Tick).await,
            Event::CommitDue => bridge.commit().await,
            Event::PublishDue => bridge.publish().await,
            Event::StatusDue => bridge.publish_status().await,
            Event::TextsDue => {}
            Event::HourOver => bridge.pass_hour().await,
            Event::Asked(stream) => local::answer(stream, &bridge.report()),
            Event::Client(event) => bridge.on_client(event),
            Event::Proxy(event) => bridge.on_proxy(event).await,
            Event::ReconfigureDue => bridge.ask_for_settings().await,
        }
        bridge.drive_sending().await;
    }
    // It is large, and happens once.
    Box::pin(bridge.finish()).await;
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
    /// An hour of running is over.
    HourOver,
    /// Somebody on this machine asks how the bridge is.
    Asked(UnixStream),
    /// A client of the shared radio does something.
    Client(ClientEvent),
    /// The radio is to be asked what it is set to.
    ReconfigureDue,
    /// Something came from the broker of the radio's own MQTT.
    Proxy(ProxyEvent),
}

/// How soon it is looked again whether what was published has reached the broker.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The hours by which the age of telemetry is counted.
const HOUR: Duration = Duration::from_hours(1);

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
    local: Option<Local>,
    /// The radio as other programs see it, if they may.
    share: Option<Share>,
    /// When the radio is asked what it is set to, because a program that shares it has changed that.
    reconfigure_at: Option<Instant>,
    /// What carries the radio's own MQTT, if it wants that.
    carrier: Carrier,
    is_online: bool,
    /// What is wrong with the connection to the broker, while something is.
    broker: Option<Finding>,
    /// When old telemetry was dropped last because the spool was at its cap.
    dropped_at: Option<Instant>,
    /// What the broker does not let this bridge hear.
    deaf: BTreeSet<Deaf>,
    /// Whether more could be published if there were room for it.
    wants_room: bool,
    /// Until when the spool is left alone because it could not be read.
    publish_pause: Option<Instant>,
    status_at: Instant,
    /// When the next hour of running is over.
    hour_at: Instant,
    counters: Counters,
}

impl Bridge {
    async fn start(config: Config, deps: Deps) -> Result<Self, Error> {
        let Deps { clock, mut rng } = deps;
        let fresh = Epoch::from_random(u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()));
        let mut spool = Spool::open(&config.spool, &config.bridge, fresh, config.limits).await?;
        let rows = spool.texts().await?;
        let radio = Radio::new(spool.radio().await?, config.pace.radio_busy);
        let now = Now { uptime: Uptime::default(), time: clock.now() };
        let texts = outbound::Queue::resume(config.bridge.clone(), rows, now);
        let uplink = Uplink::start(&config, StdRng::from_rng(&mut rng))?;
        let link = Link::start(config.radio.clone(), config.places.clone(), config.pace.radio, StdRng::from_rng(&mut rng));
        let session = Session::new(SessionConfig { nonce: rng.next_u32() }).paced(config.pace.session);
        let carrier = Carrier::new(&config, StdRng::from_rng(&mut rng));
        let draw = StdRng::from_rng(&mut rng);
        let share = config.share.as_ref().map(|share| Share::start(share, draw)).transpose().map_err(Error::Share)?;
        tracing::info!(bridge.id = %config.bridge, spool.epoch = %spool.epoch(), radio = %config.radio, broker = %config.broker, "the bridge runs");
        Ok(Self {
            counters: Counters::new(&config.bridge),
            local: config.socket.as_deref().map(Local::listen),
            share,
            carrier,
            reconfigure_at: None,
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
            radio,
            uplink,
            is_online: false,
            broker: None,
            dropped_at: None,
            deaf: BTreeSet::new(),
            wants_room: false,
            publish_pause: None,
            status_at: Instant::now(),
            hour_at: Instant::now() + HOUR,
        })
    }

    async fn next_event(&mut self, shutdown: &CancellationToken) -> Event {
        let session_at = self.session.poll_timeout().map(|(at, _)| self.instant(at));
        let commit_at = self.intake.due(self.config.pace.gather);
        let is_calm = self.uplink.is_calm();
        self.spool.set_calm(is_calm);
        // Nobody tells when what is on its way has arrived.
        let look_again = (!is_calm).then(|| Instant::now() + LOOK_AGAIN);
        let next_due = self.spool.next_due().map(|at| self.instant(at));
        let overdue_at = next_due.into_iter().chain(look_again).min().filter(|_| !self.wants_room);
        let publish_at = self.publish_pause.or(overdue_at).filter(|_| self.is_online);
        let texts_at = [self.texts_due(), self.clients_due()].into_iter().flatten().min();
        let has_room = self.uplink.has_room();
        tokio::select! {
            () = shutdown.cancelled() => Event::Shutdown,
            event = self.link.next() => Event::Link(event),
            event = self.uplink.next() => Event::Uplink(event),
            stream = asked(self.local.as_ref()) => Event::Asked(stream),
            event = sharing::next(self.share.as_mut()) => Event::Client(event),
            event = self.carrier.next() => Event::Proxy(event),
            () = at(session_at) => Event::SessionTimer,
            () = at(commit_at) => Event::CommitDue,
            () = at(publish_at) => Event::PublishDue,
            () = has_room, if self.wants_room && self.is_online => Event::PublishDue,
            () = at(texts_at) => Event::TextsDue,
            () = at(self.reconfigure_at) => Event::ReconfigureDue,
            () = sleep_until(self.status_at) => Event::StatusDue,
            () = sleep_until(self.hour_at) => Event::HourOver,
        }
    }

    /// Ends well: takes in what the radio has already handed over, leaves the radio, and says that the bridge is gone.
    async fn finish(mut self) {
        while let Some(event) = self.link.try_next() {
            self.on_link(event).await;
        }
        self.tell_session(Input::Shutdown).await;
        self.hear_out().await;
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

    /// Takes in what the radio had handed over before it learnt that the bridge goes.
    async fn hear_out(&mut self) {
        let end = Instant::now() + self.config.pace.finish;
        while self.connection.is_some()
            && let Ok(event) = timeout_at(end, self.link.next()).await
        {
            match event {
                LinkEvent::Lost(_) => return,
                event => self.on_link(event).await,
            }
        }
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

/// Waits until somebody asks, for ever if nobody can.
async fn asked(local: Option<&Local>) -> UnixStream {
    match local {
        Some(local) => local.asked().await,
        None => std::future::pending().await,
    }
}

/// Sleeps until then, for ever if there is no then.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
