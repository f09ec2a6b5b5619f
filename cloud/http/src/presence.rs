//! Says in the store, every now and then, which services this process runs and whether they are well, so that one page can
//! show the services of all processes.

use crate::app::{Check, Service};
use kosmo_domain::{Clock, DAY};
use kosmo_store::{
    ANSWERS_WITHIN, Store, in_time,
    network::{NotReady, ServiceRun},
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often it is said.
const EVERY: Duration = Duration::from_secs(30);
/// How long the end waits for the database to be told of it.
const LAST_WORD: Duration = Duration::from_secs(2);
/// How long services that vanished are remembered.
const REMEMBERED: Duration = DAY;

/// The services of this process.
pub struct Presence {
    store: Store,
    clock: Arc<dyn Clock>,
    run: Uuid,
    version: &'static str,
    services: Vec<(&'static str, Vec<Check>)>,
}

impl Presence {
    /// Returns a presence without services. `run` names this run of the process, `version` the program.
    pub const fn new(store: Store, clock: Arc<dyn Clock>, run: Uuid, version: &'static str) -> Self {
        Self { store, clock, run, version, services: Vec::new() }
    }

    /// Adds a service.
    #[must_use]
    pub fn with(mut self, service: &Service) -> Self {
        self.services.push((service.name(), service.checks().to_vec()));
        self
    }

    /// Adds something that runs and depends on nothing that could be asked.
    #[must_use]
    pub fn with_plain(mut self, name: &'static str) -> Self {
        self.services.push((name, Vec::new()));
        self
    }

    /// Says it until `shutdown`, and then that this process is no more to be missed. A database that is away is told next time.
    pub async fn run(self, shutdown: CancellationToken) {
        let started_at = self.clock.now();
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            let mut runs = Vec::with_capacity(self.services.len());
            for (service, checks) in &self.services {
                let mut not_ready = Vec::new();
                for check in checks {
                    if let Err((name, reason)) = check.is_ready().await {
                        not_ready.push(NotReady { name: name.to_owned(), reason: reason.to_owned() });
                    }
                }
                let (service, version) = ((*service).to_owned(), self.version.to_owned());
                runs.push(ServiceRun { run: self.run, service, version, started_at, seen_at: self.clock.now(), not_ready });
            }
            if let Err(error) = in_time(ANSWERS_WITHIN, self.store.note_services(&runs, self.clock.now().minus(REMEMBERED))).await {
                tracing::debug!(%error, "it could not be noted which services run");
            }
        }
        if let Err(error) = in_time(LAST_WORD, self.store.forget_services(self.run)).await {
            tracing::debug!(%error, "it could not be noted that the services ended");
        }
    }
}
