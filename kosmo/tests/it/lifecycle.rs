//! How the program ends.

use anyhow::anyhow;
use kosmo::lifecycle::Lifecycle;
use std::{
    future::{pending, ready},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);

async fn until_asked(shutdown: CancellationToken) -> anyhow::Result<()> {
    shutdown.cancelled().await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_every_role_and_is_no_failure() {
    let mut lifecycle = Lifecycle::new(PATIENCE);
    let (signal, signals) = mpsc::channel(1);
    lifecycle.start("one", until_asked(lifecycle.shutdown()));
    lifecycle.start("two", until_asked(lifecycle.shutdown()));
    signal.send("SIGTERM").await.unwrap();
    lifecycle.run(signals, ready(Ok(()))).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_role_that_ends_by_itself_brings_the_others_down_and_is_a_failure() {
    let mut lifecycle = Lifecycle::new(PATIENCE);
    let (_signal, signals) = mpsc::channel(1);
    let (ended, others_end) = oneshot::channel();
    let shutdown = lifecycle.shutdown();
    lifecycle.start("other", async move {
        shutdown.cancelled().await;
        let _ = ended.send(());
        anyhow::Ok(())
    });
    lifecycle.start("ingestion", async { anyhow::Ok(()) });
    let error = lifecycle.run(signals, ready(Ok(()))).await.unwrap_err();
    assert_eq!(error.to_string(), "ingestion ended, which it should not do by itself");
    others_end.await.expect("the other role was asked to end, and did");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_fails_is_named_with_its_cause() {
    let mut lifecycle = Lifecycle::new(PATIENCE);
    let (_signal, signals) = mpsc::channel(1);
    lifecycle.start("bridge", async { Err(anyhow!("the disk is full")) });
    let error = lifecycle.run(signals, ready(Ok(()))).await.unwrap_err();
    assert_eq!(format!("{error:#}"), "bridge failed: the disk is full");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_panics_brings_the_program_down() {
    let mut lifecycle = Lifecycle::new(PATIENCE);
    let (_signal, signals) = mpsc::channel(1);
    lifecycle.start("web", async { if true { panic!("on purpose") } else { anyhow::Ok(()) } });
    assert!(lifecycle.run(signals, ready(Ok(()))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn work_that_does_not_end_is_cut_off_when_the_time_is_over() {
    let mut lifecycle = Lifecycle::new(PATIENCE);
    let (signal, signals) = mpsc::channel(1);
    lifecycle.start("stubborn", pending::<anyhow::Result<()>>());
    signal.send("SIGTERM").await.unwrap();
    let began = tokio::time::Instant::now();
    let error = lifecycle.run(signals, ready(Ok(()))).await.unwrap_err();
    assert_eq!(error.to_string(), "work under way was cut off after 30 s");
    assert_eq!(began.elapsed(), PATIENCE);
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_does_not_wait() {
    let mut lifecycle = Lifecycle::new(PATIENCE);
    let (signal, signals) = mpsc::channel(2);
    lifecycle.start("stubborn", pending::<anyhow::Result<()>>());
    signal.send("SIGINT").await.unwrap();
    signal.send("SIGINT").await.unwrap();
    let began = tokio::time::Instant::now();
    let error = lifecycle.run(signals, ready(Ok(()))).await.unwrap_err();
    assert_eq!(error.to_string(), "work under way was cut off by a second signal (SIGINT)");
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_ends_what_runs_already() {
    let mut lifecycle = Lifecycle::new(PATIENCE);
    let (_signal, signals) = mpsc::channel(1);
    lifecycle.start("one", until_asked(lifecycle.shutdown()));
    let error = lifecycle.run(signals, ready(Err(anyhow!("the disk is full")))).await.unwrap_err();
    assert_eq!(error.to_string(), "the disk is full");
}
