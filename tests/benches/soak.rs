//! Half an hour of readings at a steady rate, and what memory the serving process takes meanwhile.
//!
//! `make soak` runs it on both footings: `soak [MINUTES [sqlite|postgres]]`. While bridges publish, somebody reads the latest
//! values and a day of history once a second, as a page that is open does.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run has nothing to say")]

mod load;

use kosmo_test_support::{Mosquitto, MosquittoOptions, TestDatabase};
use kosmo_tests::{Kosmo, now};
use load::{BRIDGES, Bridge, Measured, memory_kib, publish, write_settings};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Readings a second.
const RATE: u64 = 2_000;
/// How often memory is looked at.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);
/// For how long caches fill before memory is expected to be flat.
const WARM_UP: Duration = Duration::from_mins(5);
/// For how many minutes, unless the command line says otherwise.
const MINUTES: u64 = 30;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let minutes = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(MINUTES);
    let footing = arguments.next();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if footing.as_deref() != Some("postgres") {
            sqlite(minutes).await;
        }
        if footing.as_deref() != Some("sqlite") {
            postgres(minutes).await;
        }
    });
}

async fn sqlite(minutes: u64) {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Kosmo::start(&folder.path().join("cloud"), &["up", "--port-base", "0", "--mqtt-port", "0"]).await;
    let secrets = load::enrol(&cloud, folder.path());
    let shutdown = CancellationToken::new();
    let bridges = load::connect(cloud.address("mqtt"), Some(&secrets), live(), &shutdown).await;
    soak("SQLite, embedded broker: `kosmo up`", &cloud, &bridges, minutes).await;
    shutdown.cancel();
}

async fn postgres(minutes: u64) {
    let folder = tempfile::tempdir().unwrap();
    let broker = Mosquitto::start(&MosquittoOptions::default()).await;
    let database = TestDatabase::empty();
    let data = folder.path().join("cloud");
    write_settings(&data, database.url(), &broker.url());
    let migrated = kosmo_tests::kosmo(&data, &["migrate"]);
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let cloud = Kosmo::start(&data, &["serve", "ingestion", "weather", "gateway", "web", "--port-base", "0"]).await;
    let shutdown = CancellationToken::new();
    let bridges = load::connect(&broker.url(), None, live(), &shutdown).await;
    soak("PostgreSQL, Mosquitto: `kosmo serve ingestion weather gateway web`", &cloud, &bridges, minutes).await;
    shutdown.cancel();
}

/// Returns the times of readings that are published as they are measured.
fn live() -> Measured {
    Measured { began: now(), step: Duration::from_secs(BRIDGES) / u32::try_from(RATE).unwrap() }
}

/// Publishes at the rate for so long, and prints what memory the process takes.
async fn soak(footing: &str, cloud: &Kosmo, bridges: &[Bridge], minutes: u64) {
    println!("{footing}, {RATE} readings a second for {minutes} min\n  minute   resident MB");
    let started = Instant::now();
    let mut samples = Vec::new();
    let sampling = async {
        let mut ticks = tokio::time::interval(SAMPLE_EVERY);
        loop {
            ticks.tick().await;
            let sample = (started.elapsed(), memory_kib(cloud.pid()));
            if samples.len() % 12 == 0 {
                println!("  {:>6.1}   {:>6.1}", sample.0.as_secs_f64() / 60.0, sample.1 as f64 / 1024.0);
            }
            samples.push(sample);
        }
    };
    tokio::select! {
        () = publish(bridges, RATE * 60 * minutes, Some(RATE)) => {}
        () = sampling => {}
        () = read(cloud) => {}
    }
    let elapsed = started.elapsed();
    println!("  {} readings stored and acknowledged in {:.1} min", RATE * 60 * minutes, elapsed.as_secs_f64() / 60.0);
    let warm: Vec<_> =
        samples.iter().filter(|(at, _)| *at >= WARM_UP).map(|(at, kib)| (at.as_secs_f64() / 3600.0, *kib as f64 / 1024.0)).collect();
    if warm.len() > 1 {
        let (least, most) = warm.iter().fold((f64::MAX, f64::MIN), |(least, most), (_, mb)| (least.min(*mb), most.max(*mb)));
        println!(
            "  after the first 5 min: {least:.1} to {most:.1} MB; the line through all samples rises by {:.1} MB an hour",
            slope(&warm)
        );
    }
}

/// Reads what an open page reads.
async fn read(cloud: &Kosmo) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (start, end) = (now().minus(Duration::from_hours(24)), now());
        for path in
            ["/api/v1/weather/latest".to_owned(), format!("/api/v1/weather/history?node_id=!10000001&start={start}&end={end}&interval=1h")]
        {
            let (status, body) = cloud.ask("weather", &path).await;
            assert!(status == 200 || status == 404, "{path}: {status} {body}");
        }
    }
}

/// Returns the slope of the line that lies closest to these points.
fn slope(points: &[(f64, f64)]) -> f64 {
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (above, below) =
        points.iter().fold((0.0, 0.0), |(above, below), point| (above + (point.0 - x) * (point.1 - y), below + (point.0 - x).powi(2)));
    above / below
}
