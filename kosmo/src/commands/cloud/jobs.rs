//! `kosmo jobs`.

use crate::{
    cli::Jobs,
    config::Config,
    output::{plain, say, table},
};
use anyhow::Result;

/// How many are listed; a queue longer than that is a figure, not a list.
const MOST: u32 = 100;

pub(crate) async fn run(command: Jobs, config: &Config) -> Result<()> {
    let Jobs::List { dead } = command;
    let store = super::open_store(config).await?;
    let jobs = store.jobs(dead, None, MOST).await?;
    store.close().await;
    if jobs.is_empty() {
        return say(if dead { "no job was given up" } else { "no job waits" });
    }
    let rows: Vec<_> = jobs
        .into_iter()
        .map(|job| {
            let due = job.dead_at.unwrap_or(job.run_at).to_string();
            [job.id.to_string(), job.kind, due, job.attempts.to_string(), plain(&job.last_error.unwrap_or_default())]
        })
        .collect();
    say(&table(["NUMBER", "KIND", if dead { "GIVEN UP" } else { "DUE" }, "ATTEMPTS", "LAST ERROR"], &rows))
}
