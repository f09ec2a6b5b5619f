//! `kosmo migrate`.

use crate::{config::Config, output::say};
use anyhow::Result;

pub(crate) async fn run(config: &Config) -> Result<()> {
    let store = super::open_beside(config).await?;
    store.migrate().await?;
    store.close().await;
    say("the database's schema is up to date")
}
