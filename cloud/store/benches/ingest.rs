//! What storing readings costs, on both databases: `Store::ingest` beside hand-written SQL that only inserts the rows.
//!
//! `cargo bench -p kosmo-store --bench ingest [-- BATCHES [HISTORY_ROWS]]`. CPU is that of this process and, for
//! PostgreSQL, of its backends. With `HISTORY_ROWS` a day of one node is also looked up among that many rows.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

use kosmo_domain::{DAY, Epoch, Metric, Metrics, NodeId, PacketId, Reading, Source, Stream, TimeSource, Timestamp, Trust};
use kosmo_store::{
    Database, Store,
    ingest::{Body, Heard, Raw, Reception, Record, RecordName},
};
use kosmo_test_support::TestDatabase;
use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{fs, path::PathBuf, time::Duration};
use tempfile::TempDir;
use tokio::time::Instant;

/// Records that are committed together.
const BATCH: usize = 500;
/// Stations that send in turn, each every five minutes.
const NODES: usize = 200;
/// What a station measures.
const METRICS: [Metric; 8] = [
    Metric::Temperature,
    Metric::Humidity,
    Metric::Pressure,
    Metric::WindSpeed,
    Metric::WindGust,
    Metric::WindDirection,
    Metric::Rain,
    Metric::BatteryVoltage,
];
/// 2026-06-01T00:00:00Z.
const START: Timestamp = Timestamp::from_unix_seconds(1_780_272_000);
/// Clock ticks of `/proc` in a second, on every Linux.
const TICKS: u64 = 100;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|arg| arg.parse::<usize>().ok());
    let batches = numbers.next().unwrap_or(100);
    let history_rows = numbers.next();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        println!("{batches} batches of {BATCH} readings with {} metrics, from {NODES} nodes", METRICS.len());
        for place in [Place::sqlite(), Place::postgres()] {
            let store = Store::open(&place.database).await.unwrap();
            store.migrate().await.unwrap();
            ingest(&place, &store, batches).await;
            by_hand(&place, batches).await;
            if let Some(rows) = history_rows {
                history(&place, &store, rows).await;
            }
            store.close().await;
        }
    });
}

/// Where a database lies, and what has to outlive it.
struct Place {
    name: &'static str,
    database: Database,
    _folder: Option<TempDir>,
    _cluster: Option<TestDatabase>,
}

impl Place {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite { path: folder.path().join("kosmo.db") };
        Self { name: "SQLite", database, _folder: Some(folder), _cluster: None }
    }

    fn postgres() -> Self {
        let cluster = TestDatabase::empty();
        let database = Database::Postgres { url: cluster.url().to_owned(), max_connections: 2 };
        Self { name: "PostgreSQL", database, _folder: None, _cluster: Some(cluster) }
    }

    fn path(&self) -> Option<&PathBuf> {
        match &self.database {
            Database::Sqlite { path } => Some(path),
            Database::Postgres { .. } => None,
        }
    }

    async fn connect_postgres(&self) -> PgConnection {
        let Database::Postgres { url, .. } = &self.database else { panic!("{} is not PostgreSQL", self.name) };
        PgConnection::connect(url).await.unwrap()
    }

    async fn connect_sqlite(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path().unwrap()).busy_timeout(Duration::from_secs(10));
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    /// Returns the CPU time that this process and its backends have used so far.
    async fn cpu(&self) -> Duration {
        let mut ticks = ticks("self");
        if self.path().is_none() {
            let mut connection = self.connect_postgres().await;
            let sql = "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
            let backends: Vec<i32> = sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap();
            ticks += backends.into_iter().map(|pid| self::ticks(&pid.to_string())).sum::<u64>();
        }
        Duration::from_millis(ticks * 1000 / TICKS)
    }
}

fn ticks(process: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in parentheses may hold spaces; user and system time are fields 14 and 15.
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum()
}

fn reading(number: usize) -> Reading {
    let (round, station) = (number / NODES, number % NODES);
    let mut metrics = Metrics::NONE;
    for (index, metric) in METRICS.into_iter().enumerate() {
        let spec = metric.spec();
        let phase = (round + 7 * station + 13 * index) as f64 / 50.0;
        metrics.set(metric, spec.min + (spec.max - spec.min) * (0.5 + 0.25 * phase.sin())).unwrap();
    }
    let second = u64::try_from(round * 300 + station).unwrap();
    Reading { node: node(station), at: START.plus(Duration::from_secs(second)), metrics }
}

fn node(station: usize) -> NodeId {
    NodeId::from_number(0x4daa_0000 + u32::try_from(station).unwrap())
}

fn record(number: usize) -> Record {
    let reading = reading(number);
    let reception =
        Reception { at: reading.at, snr_db: Some(6.25), rssi_dbm: Some(-90), hops_away: Some(1), relay_node: Some(7), via_mqtt: false };
    let seq = u64::try_from(number).unwrap() + 1;
    Record {
        origin: RecordName { bridge: "roof".parse().unwrap(), epoch: Epoch::from_random(1), stream: Stream::Ingest, seq },
        heard: Some(Heard { from: reading.node, id: PacketId(u32::try_from(seq).unwrap()), reception }),
        privacy: None,
        body: Body::Reading {
            reading,
            time_source: TimeSource::Device,
            device_time: Some(reading.at),
            trust: Trust::Claimed,
            source: Source::Bridge,
        },
        notes: Vec::new(),
        raw: Raw::default(),
    }
}

fn report(place: &Place, what: &str, rows: usize, wall: Duration, cpu: Duration) {
    let (rows_per_second, cpu_per_row) = (rows as f64 / wall.as_secs_f64(), cpu.as_secs_f64() * 1.0e6 / rows as f64);
    println!("{:<11} {what:<28} {rows_per_second:>9.0} rows/s  {cpu_per_row:>6.1} µs CPU/row", place.name);
}

async fn ingest(place: &Place, store: &Store, batches: usize) {
    let records: Vec<Vec<Record>> = (0..batches).map(|batch| (0..BATCH).map(|n| record(batch * BATCH + n)).collect()).collect();
    let (cpu, started) = (place.cpu().await, Instant::now());
    for batch in &records {
        store.ingest(batch, batch[BATCH - 1].heard.as_ref().unwrap().reception.at).await.unwrap();
    }
    report(place, "Store::ingest", batches * BATCH, started.elapsed(), place.cpu().await.saturating_sub(cpu));

    let (cpu, started) = (place.cpu().await, Instant::now());
    let mut hours = 0;
    loop {
        let progress = store.run_rollups(500).await.unwrap();
        hours += progress.hours;
        if !progress.more {
            break;
        }
    }
    report(place, "Store::run_rollups (hours)", hours, started.elapsed(), place.cpu().await.saturating_sub(cpu));
}

/// Inserts the same readings with the least SQL that does it.
async fn by_hand(place: &Place, batches: usize) {
    if place.path().is_some() { by_hand_sqlite(place, batches).await } else { by_hand_postgres(place, batches).await }
}

async fn by_hand_sqlite(place: &Place, batches: usize) {
    const TABLE: &str = "create table bare (node integer not null, at integer not null,
                         a real, b real, c real, d real, e real, f real, g real, h real, primary key (node, at))";
    const INSERT: &str = "insert into bare values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict do nothing";
    let mut connection = place.connect_sqlite().await;
    sqlx::query("pragma synchronous = full").execute(&mut connection).await.unwrap();
    sqlx::query(TABLE).execute(&mut connection).await.unwrap();
    let (cpu, started) = (place.cpu().await, Instant::now());
    for batch in 0..batches {
        let mut tx = connection.begin().await.unwrap();
        for n in 0..BATCH {
            let reading = reading(batch * BATCH + n);
            let query = sqlx::query(INSERT).bind(i64::from(reading.node.number())).bind(reading.at.as_micros());
            let query = METRICS.into_iter().fold(query, |query, metric| query.bind(reading.metrics.get(metric)));
            query.execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
    }
    report(place, "by hand, only the rows", batches * BATCH, started.elapsed(), place.cpu().await.saturating_sub(cpu));
}

async fn by_hand_postgres(place: &Place, batches: usize) {
    const TABLE: &str = "create table bare (node bigint not null, at bigint not null,
                         a double precision, b double precision, c double precision, d double precision,
                         e double precision, f double precision, g double precision, h double precision, primary key (node, at))";
    const INSERT: &str = "insert into bare
                          select * from unnest($1::bigint[], $2::bigint[], $3::double precision[], $4::double precision[],
                                               $5::double precision[], $6::double precision[], $7::double precision[],
                                               $8::double precision[], $9::double precision[], $10::double precision[])
                          on conflict do nothing";
    let mut connection = place.connect_postgres().await;
    sqlx::query(TABLE).execute(&mut connection).await.unwrap();
    let (cpu, started) = (place.cpu().await, Instant::now());
    for batch in 0..batches {
        let readings: Vec<_> = (0..BATCH).map(|n| reading(batch * BATCH + n)).collect();
        let query = sqlx::query(INSERT)
            .bind(readings.iter().map(|r| i64::from(r.node.number())).collect::<Vec<_>>())
            .bind(readings.iter().map(|r| r.at.as_micros()).collect::<Vec<_>>());
        let column = |metric| readings.iter().map(|r| r.metrics.get(metric)).collect::<Vec<_>>();
        let query = METRICS.into_iter().fold(query, |query, metric| query.bind(column(metric)));
        query.execute(&mut connection).await.unwrap();
    }
    report(place, "by hand, only the rows", batches * BATCH, started.elapsed(), place.cpu().await.saturating_sub(cpu));
}

/// Fills the table up in the order in which readings arrive, and looks up a day of one node.
async fn history(place: &Place, store: &Store, rows: usize) {
    const SQLITE: &str = "with recursive n (i) as (select 0 union all select i + 1 from n where i + 1 < $1)
                          insert into readings (node, at, received_at, time_source, trust, source, temperature_c, humidity_pct, pressure_hpa, wind_speed_ms)
                          select 1 + i % 1000, 1000000 * (300 * (i / 1000)), 0, 'device', 0, 'bridge', 20.5, 50.0, 1013.25, i % 20 from n
                          where true on conflict do nothing";
    const POSTGRES: &str = "insert into readings (node, at, received_at, time_source, trust, source, temperature_c, humidity_pct, pressure_hpa, wind_speed_ms)
                            select 1 + i % 1000, 'epoch'::timestamptz + (i / 1000) * interval '300 s', now(), 'device', 0, 'bridge', 20.5, 50.0, 1013.25, i % 20
                              from generate_series(0, $1::bigint - 1) i
                            on conflict do nothing";
    let count = i64::try_from(rows).unwrap();
    if place.path().is_some() {
        sqlx::query(SQLITE).bind(count).execute(&mut place.connect_sqlite().await).await.unwrap();
    } else {
        let mut connection = place.connect_postgres().await;
        sqlx::query(POSTGRES).bind(count).execute(&mut connection).await.unwrap();
        sqlx::query("analyze readings").execute(&mut connection).await.unwrap();
    }
    let (mut times, from) = (Vec::new(), Timestamp::EPOCH.plus(DAY));
    for n in 0..200 {
        let started = Instant::now();
        let found = store.readings(node(n % NODES), from, from.plus(DAY), None, 1000).await.unwrap().unwrap();
        times.push((started.elapsed(), found.len()));
    }
    times.sort_unstable();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{:<11} 24 h of one node ({} rows) out of {rows}: median {:.2} ms, worst {:.2} ms",
        place.name,
        median.1,
        median.0.as_secs_f64() * 1000.0,
        worst.0.as_secs_f64() * 1000.0
    );
}
