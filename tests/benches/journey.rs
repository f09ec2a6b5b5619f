//! What a reading costs from its publication to its committed row, on both footings, and what an idle `kosmo up` takes.
//!
//! `make bench` runs it against a release build. CPU is user and system time of all our processes; the broker and the
//! database of the second footing are not ours and stand in columns of their own.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

mod cpu;
mod load;

use cpu::{cpu_micros, processes_called};
use kosmo_test_support::{Mosquitto, MosquittoOptions, TestDatabase};
use kosmo_tests::{Kosmo, now};
use load::{BRIDGES, Measured, publish, write_settings};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Readings a second at the steady rate.
const RATE: u64 = 5_000;
/// Readings at the steady rate, and again as fast as they go.
const READINGS: u64 = 100_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        idle().await;
        println!("\n{READINGS} readings of 8 metrics from 400 nodes through {BRIDGES} bridges, from publication to acknowledgement");
        sqlite_with_the_embedded_broker().await;
        postgres_with_mosquitto().await;
    });
}

/// Starts an empty `kosmo up` and says how long that took and what it takes.
async fn idle() {
    let folder = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let cloud = Kosmo::start(&folder.path().join("cloud"), &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    let first = started.elapsed();
    drop(cloud);
    let started = Instant::now();
    let cloud = Kosmo::start(&folder.path().join("cloud"), &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    let again = started.elapsed();
    // What the start itself needed is given back by then.
    tokio::time::sleep(Duration::from_secs(5)).await;
    println!("kosmo up, idle: {} MB resident; ready after {first:.2?} at first, {again:.2?} on existing data", memory_mb(cloud.pid()));
}

async fn sqlite_with_the_embedded_broker() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Kosmo::start(&folder.path().join("cloud"), &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    let secrets = load::enrol(&cloud, folder.path());
    println!("SQLite, embedded broker:");
    measure(&cloud, cloud.address("mqtt"), Some(&secrets), &[]).await;
}

async fn postgres_with_mosquitto() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let database = TestDatabase::empty();
    let data = folder.path().join("cloud");
    write_settings(&data, database.url(), &broker.url());
    let migrated = kosmo_tests::kosmo(&data, &["migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let cloud = Kosmo::start(&data, &["serve", "ingestion", "weather", "--port-base", "0"]).await;
    println!("PostgreSQL, Mosquitto:");
    measure(&cloud, &broker.url(), None, &["postgres", "mosquitto"]).await;
}

/// Publishes at the steady rate, then as fast as it goes, and prints what that cost us and the programs of these names.
async fn measure(cloud: &Kosmo, broker: &str, secrets: Option<&[String]>, others: &[&str]) {
    let shutdown = CancellationToken::new();
    // A day ago, and a reading of each node's in a second of it.
    let measured = Measured { began: now().minus(Duration::from_hours(24)), step: Duration::from_millis(10) };
    let bridges = load::connect(broker, secrets, measured, &shutdown).await;
    publish(&bridges, 5_000, None).await;
    let mut groups = vec![("kosmo", vec![cloud.pid()])];
    groups.extend(others.iter().map(|name| (*name, processes_called(name))));
    for (name, rate) in [("at 5,000/s", Some(RATE)), ("as fast as it goes", None)] {
        let before: Vec<_> = groups.iter().map(|(_, pids)| cpu_micros(pids)).collect();
        let started = Instant::now();
        publish(&bridges, READINGS, rate).await;
        let elapsed = started.elapsed().as_secs_f64();
        print!("  {name:<20} {:>7.0} readings/s", READINGS as f64 / elapsed);
        for ((group, pids), before) in groups.iter().zip(before) {
            let micros = cpu_micros(pids) - before;
            print!("   {group} {:>5.1} us CPU each", micros / READINGS as f64);
        }
        println!();
    }
    println!("  memory afterwards: {} MB", memory_mb(cloud.pid()));
    shutdown.cancel();
}

fn memory_mb(pid: u32) -> u64 {
    load::memory_kib(pid) / 1024
}
