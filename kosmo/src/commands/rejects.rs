//! `kosmo rejects`.

use crate::{
    cli::Rejects,
    config::Config,
    output::{plain, say, table},
    system::SystemClock,
};
use anyhow::{Result, bail};
use kosmo_domain::{BridgeId, Clock as _};
use kosmo_ingestion::Rules;
use kosmo_store::{
    Store,
    rejects::{RejectFilter, RejectRow},
};

pub(crate) async fn run(command: Rejects, config: &Config) -> Result<()> {
    let store = super::open_store(config).await?;
    match command {
        Rejects::List { code, bridge, all, limit } => list(&store, code, bridge, all, limit).await?,
        Rejects::Show { number } => show(&store, number).await?,
        Rejects::Replay { code, bridge } => replay(&store, &RejectFilter { code, bridge, open: true }, config).await?,
    }
    store.close().await;
    Ok(())
}

async fn list(store: &Store, code: Option<String>, bridge: Option<BridgeId>, all: bool, limit: u32) -> Result<()> {
    let rejects = store.rejects(&RejectFilter { code, bridge, open: !all }, None, limit).await?;
    if rejects.is_empty() {
        return say("nothing was refused");
    }
    let rows: Vec<_> = rejects.into_iter().map(row).collect();
    say(&table(["NUMBER", "RECEIVED", "TOPIC", "CODE", "FIELD", "REASON", "REPLAYED"], &rows))?;
    let counts = store.reject_counts().await?;
    let total: i64 = counts.iter().map(|count| if all { count.total } else { count.open }).sum();
    say(&format!("\n{total} in all; `kosmo rejects show NUMBER` shows one with its payload"))
}

fn row(reject: RejectRow) -> [String; 7] {
    let replayed = reject.outcome.map_or("", |outcome| outcome.as_str());
    [
        reject.id.to_string(),
        reject.received_at.to_string(),
        plain(&reject.topic),
        reject.code,
        if reject.whole { String::new() } else { plain(&reject.field) },
        plain(&reject.detail),
        replayed.to_owned(),
    ]
}

async fn replay(store: &Store, filter: &RejectFilter, config: &Config) -> Result<()> {
    let replayed = kosmo_ingestion::replay(store, filter, &Rules::from(&config.retention.keep()), SystemClock.now()).await?;
    let cut = match replayed.truncated {
        0 => String::new(),
        cut => format!("; {cut} could not be tried, because only their beginning was kept"),
    };
    say(&format!("{} accepted, {} refused again{cut}", replayed.accepted, replayed.refused))
}

async fn show(store: &Store, number: i64) -> Result<()> {
    let Some(reject) = store.reject(number).await? else { bail!("there is no reject {number}") };
    let mut lines = vec![
        format!("number    {}", reject.id),
        format!("received  {}", reject.received_at),
        format!("topic     {}", plain(&reject.topic)),
    ];
    if let Some(record) = &reject.record {
        lines.push(format!("record    {} of {} (stream {}, epoch {})", record.seq, record.bridge, record.stream, record.epoch));
    }
    let whole = if reject.whole { "the whole record".to_owned() } else { format!("the field {}", plain(&reject.field)) };
    lines.push(format!("refused   {whole}: {} ({})", plain(&reject.detail), reject.code));
    if let (Some(at), Some(outcome)) = (reject.replayed_at, reject.outcome) {
        lines.push(format!("replayed  {at}: {}", outcome.as_str()));
    }
    let cut = if reject.truncated { ", cut" } else { "" };
    lines.push(format!("payload   {} bytes{cut}:", reject.payload.len()));
    lines.push(plain(&String::from_utf8_lossy(&reject.payload)));
    say(&lines.join("\n"))
}
