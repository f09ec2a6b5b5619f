//! `kosmo vitals`.

use crate::{
    config::Config,
    output::{say, table},
};
use anyhow::Result;
use kosmo_store::weather::HealthRow;

pub(crate) async fn run(config: &Config) -> Result<()> {
    let store = super::open_store(config).await?;
    let rows = store.health_metrics().await?;
    store.close().await;
    if rows.is_empty() {
        return say("no node has told of its bearer's health: bridges pass it on with `bridge.health_metrics = true` alone");
    }
    let rows: Vec<_> = rows.into_iter().map(words).collect();
    say(&table(["NODE", "NAME", "HEART (1/min)", "OXYGEN (%)", "BODY (°C)", "MEASURED"], &rows))
}

fn words(row: HealthRow) -> [String; 6] {
    let HealthRow { node, name, metrics, at } = row;
    let whole = |value: Option<u32>| value.map_or_else(|| "–".to_owned(), |value| value.to_string());
    [
        node.to_string(),
        name.unwrap_or_default(),
        whole(metrics.heart_rate_bpm),
        whole(metrics.oxygen_saturation_pct),
        metrics.body_temperature_c.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}")),
        at.to_string(),
    ]
}
