//! `kosmo migrate`.

use crate::{config::Config, output::say};
use anyhow::{Context as _, Result};
use kosmo_store::Store;

pub(crate) async fn run(config: &Config) -> Result<()> {
    let store = Store::open(&config.database()).await.context("the database cannot be opened")?;
    store.migrate().await?;
    store.close().await;
    say("the database's schema is up to date")
}
