//! The bridge itself: one loop over everything that can happen.
//!
//! Radio and broker come and go independently: the spool between them fills while the broker is away, and drains while
//! the radio is. Nothing here waits for either; only the disk is waited for.

mod cloud;
mod keeping;
mod radio;
mod status;
mod texts;

use crate::{
    config::{Config, Deps},
    counters::Counters,
    intake::Intake,
    link::{Connection, Link, LinkEvent},
    outbound::{self, Now},
    radio::Radio,
    spool::{Spool, SpoolError},
    told::Told,
    uplink::{Deaf, Uplink, UplinkEvent},
};
use kosmo_domain::{Clock, Epoch, Uptime};
use kosmo_meshtastic::session::{Input, Session, SessionConfig};
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
