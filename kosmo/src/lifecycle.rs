//! How the program runs its roles and ends: in two stages, and never quietly.
//!
//! A role is a task that is to run until shutdown. It gets the soft token as an argument: when that is cancelled, the
//! role stops taking new work, finishes what it has begun, and returns. When the time for that is over, or at a second
//! signal, the hard token drops whatever still runs. A role that returns before anybody asked it to has failed, even if
//! it says otherwise: the others are shut down, and the program exits non-zero, so that its supervisor starts it anew.

use anyhow::{Context as _, Result, anyhow};
use std::time::Duration;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

/// Runs roles, and ends them together.
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    roles: JoinSet<(String, Option<Result<()>>)>,
    patience: Duration,
}

/// Why the program is to end.
enum Cause {
    Asked,
    Failed(anyhow::Error),
}

impl Lifecycle {
    /// Returns a lifecycle without roles, whose shutdown waits this long for work under way.
    pub fn new(patience: Duration) -> Self {
        Self { soft: CancellationToken::new(), hard: CancellationToken::new(), roles: JoinSet::new(), patience }
    }

    /// Returns the token whose cancellation asks roles to finish.
    pub fn shutdown(&self) -> CancellationToken {
        self.soft.clone()
    }

    /// Starts a role.
    pub fn start<E: Into<anyhow::Error>>(&mut self, name: impl Into<String>, role: impl Future<Output = Result<(), E>> + Send + 'static) {
        let (name, hard) = (name.into(), self.hard.clone());
        self.roles.spawn(async move { (name, hard.run_until_cancelled(role).await.map(|ended| ended.map_err(Into::into))) });
    }

    /// Waits for `started`, then runs until the first of `signals` or until a role ends, and shuts down.
    ///
    /// # Errors
    /// If it did not start, a role ended early or failed, or shutting down had to be cut short.
    pub async fn run(mut self, mut signals: mpsc::Receiver<&'static str>, started: impl Future<Output = Result<()>>) -> Result<()> {
        let cause = tokio::select! {
            Some(name) = signals.recv() => {
                tracing::info!("{name} received, shutting down; another one ends it at once");
                Cause::Asked
            }
            Some(ended) = self.roles.join_next() => Cause::Failed(early(ended)),
            Err(error) = started => Cause::Failed(error),
        };
        if let Cause::Failed(error) = &cause {
            tracing::error!("shutting down because {error:#}");
        }
        self.soft.cancel();
        let drained = self.drain(&mut signals).await;
        match cause {
            Cause::Failed(error) => Err(error),
            Cause::Asked => drained,
        }
    }

    async fn drain(&mut self, signals: &mut mpsc::Receiver<&'static str>) -> Result<()> {
        let deadline = tokio::time::sleep(self.patience);
        let mut deadline = std::pin::pin!(deadline);
        let mut outcome = Ok(());
        loop {
            tokio::select! {
                ended = self.roles.join_next() => match ended {
                    None => return outcome,
                    Some(Ok((name, Some(Ok(()))))) => tracing::debug!("{name} ended"),
                    Some(Ok((name, None))) => tracing::warn!("{name} was cut off"),
                    Some(Ok((name, Some(Err(error))))) => outcome = outcome.and(Err(error.context(format!("{name} failed while it shut down")))),
                    Some(Err(error)) => outcome = outcome.and(Err(anyhow!(error).context("a task broke down during the shutdown"))),
                },
                () = &mut deadline, if !self.hard.is_cancelled() => {
                    self.hard.cancel();
                    outcome = Err(anyhow!("work under way was cut off after {} s", self.patience.as_secs()));
                }
                Some(name) = signals.recv(), if !self.hard.is_cancelled() => {
                    self.hard.cancel();
                    outcome = Err(anyhow!("work under way was cut off by a second signal ({name})"));
                }
            }
        }
    }
}

fn early(ended: Result<(String, Option<Result<()>>), JoinError>) -> anyhow::Error {
    match ended {
        Ok((name, Some(Err(error)))) => error.context(format!("{name} failed")),
        Ok((name, _)) => anyhow!("{name} ended, which it should not do by itself"),
        Err(error) => anyhow!(error).context("a task broke down"),
    }
}

/// Returns the names of the signals that ask this process to end, as they come in.
///
/// # Errors
/// If the system refuses to hand signals over.
pub fn signals() -> Result<mpsc::Receiver<&'static str>> {
    let (sender, receiver) = mpsc::channel(4);
    for (name, kind) in [("SIGINT", SignalKind::interrupt()), ("SIGTERM", SignalKind::terminate())] {
        let stream = signal(kind).with_context(|| format!("{name} cannot be listened for"))?;
        tokio::spawn(forward(name, stream, sender.clone()));
    }
    Ok(receiver)
}

async fn forward(name: &'static str, mut stream: Signal, sender: mpsc::Sender<&'static str>) {
    while stream.recv().await.is_some() && sender.send(name).await.is_ok() {}
}
