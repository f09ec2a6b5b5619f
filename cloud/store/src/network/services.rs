//! Which services run, as each says of itself every now and then: several processes share nothing but the store.

use crate::{
    Error, Result, Store,
    db::{json_list, on_reader, on_tx, on_writer},
    types::{At, storable},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The most runs that are listed.
const MAX_RUNS: i64 = 500;
/// The longest name or version that is kept, in bytes.
const MAX_NAME: usize = 64;
/// The most that is kept of what is not ready, each.
const MAX_REASON: usize = 200;

/// Something a service depends on that is not ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotReady {
    /// What is not ready.
    pub name: String,
    /// In which way.
    pub reason: String,
}

/// A service that runs in some process, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceRun {
    /// The run of the process.
    pub run: Uuid,
    /// The service.
    pub service: String,
    /// The version of the program.
    pub version: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it last said that it is there.
    pub seen_at: Timestamp,
    /// What was not ready then.
    pub not_ready: Vec<NotReady>,
}

impl Store {
    /// Keeps what the services of a process say of themselves, and forgets those of others that were last seen before `forget`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn note_services(&self, runs: &[ServiceRun], forget: Timestamp) -> Result<()> {
        const SQL: &str = "insert into service_runs (run, service, version, started_at, seen_at, not_ready)
                           values ($1, $2, $3, $4, $5, $6)
                           on conflict (run, service) do update set seen_at = excluded.seen_at, not_ready = excluded.not_ready";
        const FORGET: &str = "delete from service_runs where seen_at < $1";
        let mut tx = self.begin().await?;
        for run in runs {
            let not_ready: Vec<_> = run
                .not_ready
                .iter()
                .map(|NotReady { name, reason }| NotReady {
                    name: storable(name, MAX_NAME).into_owned(),
                    reason: storable(reason, MAX_REASON).into_owned(),
                })
                .collect();
            let not_ready = json_list(&not_ready);
            on_tx!(tx, |db| {
                sqlx::query(SQL)
                    .bind(run.run)
                    .bind(storable(&run.service, MAX_NAME))
                    .bind(storable(&run.version, MAX_NAME))
                    .bind(At(run.started_at))
                    .bind(At(run.seen_at))
                    .bind(not_ready)
                    .execute(db)
                    .map_ok(drop)
            })?;
        }
        on_tx!(tx, |db| sqlx::query(FORGET).bind(At(forget)).execute(db).map_ok(drop))?;
        tx.commit().await
    }

    /// Forgets the services of a process that ends in good order, so that nobody misses it.
    ///
    /// # Errors
    /// As the database does.
    pub async fn forget_services(&self, run: Uuid) -> Result<()> {
        const SQL: &str = "delete from service_runs where run = $1";
        on_writer!(self, |db| sqlx::query(SQL).bind(run).execute(db).map_ok(drop))?;
        Ok(())
    }

    /// Returns the services that run or have vanished, by name, of each the one that began last first.
    ///
    /// # Errors
    /// As the database does.
    pub async fn services(&self) -> Result<Vec<ServiceRun>> {
        const SQL: &str = "select run, service, version, started_at, seen_at, not_ready
                             from service_runs
                            order by service, started_at desc, run
                            limit $1";
        let rows: Vec<(Uuid, String, String, At, At, String)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(MAX_RUNS).fetch_all(db))?;
        rows.into_iter()
            .map(|(run, service, version, started_at, seen_at, not_ready)| {
                let not_ready =
                    serde_json::from_str(&not_ready).map_err(|_| Error::Corrupt("what is not ready cannot be read".to_owned()))?;
                Ok(ServiceRun { run, service, version, started_at: started_at.0, seen_at: seen_at.0, not_ready })
            })
            .collect()
    }
}
