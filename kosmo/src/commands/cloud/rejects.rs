//! `kosmo rejects`.

use crate::{
    cli::Rejects,
    config::Config,
    output::{plain, say, table},
    system::{SystemClock, random},
};
use anyhow::{Result, bail};
use kosmo_contract::topic::Topic;
use kosmo_domain::{BridgeId, Clock as _, HOUR};
use kosmo_ingestion::Rules;
use kosmo_store::{
    Store,
    ingest::Note,
    messages::Routed,
    rejects::{MAX_PAGE, RejectFilter, RejectRow},
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

/// What became of a reject, in words.
enum Fate {
    Accepted(&'static str),
    Refused(Note),
    /// It was left as it is.
    Left(String),
}

async fn replay(store: &Store, filter: &RejectFilter, config: &Config) -> Result<()> {
    let (mut accepted, mut refused, mut left) = (0, 0, 0);
    let mut before = None;
    loop {
        let page = store.rejects(filter, before, MAX_PAGE).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        for reject in &page {
            let fate = match replay_one(store, reject, config).await? {
                Fate::Accepted(what) => {
                    accepted += 1;
                    format!("accepted: {what}")
                }
                Fate::Refused(note) => {
                    refused += 1;
                    format!("refused again: {} ({})", note.detail, note.code)
                }
                Fate::Left(why) => {
                    left += 1;
                    format!("left: {why}")
                }
            };
            say(&plain(&format!("{}  {}  {fate}", reject.id, reject.topic)))?;
        }
    }
    if before.is_none() {
        return say("there is nothing to replay");
    }
    say(&format!("\n{accepted} accepted, {refused} refused again, {left} left"))
}

async fn replay_one(store: &Store, reject: &RejectRow, config: &Config) -> Result<Fate> {
    if reject.truncated {
        return Ok(Fate::Left("only the beginning of it was kept".to_owned()));
    }
    let fate = match reject.topic.parse() {
        Ok(Topic::Inbound(_) | Topic::BareInbound | Topic::Receipt(_)) => by_gateway(store, reject, config).await,
        Ok(Topic::Reading(_) | Topic::Node(_) | Topic::Status(_) | Topic::Ack(_) | Topic::Request(_) | Topic::Outbound(_)) | Err(_) => {
            by_ingestion(store, reject, config).await
        }
    };
    match fate {
        // One that the database cannot take is not to keep the others from being tried.
        Err(error) if !error.is_transient() => Ok(Fate::Left(error.to_string())),
        fate => Ok(fate?),
    }
}

async fn by_ingestion(store: &Store, reject: &RejectRow, config: &Config) -> kosmo_store::Result<Fate> {
    use kosmo_ingestion::Replayed;
    let rules = Rules::from(&config.retention.keep());
    Ok(match kosmo_ingestion::replay(store, reject, &rules, SystemClock.now()).await? {
        Replayed::Stored if reject.whole => Fate::Accepted("the record is stored"),
        Replayed::Stored => Fate::Accepted("the field is stored with its record"),
        Replayed::Status => Fate::Left("a status tells of its moment, which is over".to_owned()),
        Replayed::Refused(note) => Fate::Refused(note),
    })
}

async fn by_gateway(store: &Store, reject: &RejectRow, config: &Config) -> kosmo_store::Result<Fate> {
    use kosmo_gateway::Replayed;
    let window = HOUR * config.gateway.answer_window_h;
    Ok(match kosmo_gateway::replay(store, reject, window, &mut random(), SystemClock.now()).await? {
        Replayed::Text(routed) => Fate::Accepted(whose(routed)),
        Replayed::Receipt => Fate::Accepted("what it tells of a text is known"),
        Replayed::Claim => Fate::Left("a claim asks for a text at its moment, and a replay grants nothing".to_owned()),
        Replayed::Refused(note) => Fate::Refused(note),
    })
}

/// Says whose a text is, and never what it says.
const fn whose(routed: Routed) -> &'static str {
    match routed {
        Routed::Answer { .. } => "an answer, which the member has whose text it answers",
        Routed::Correspondent { .. } => "a text, which the member has who wrote to its sender",
        Routed::Operators => "a text, which the operators have",
        Routed::Channel => "talk on a channel, which is kept with that channel",
        Routed::Dropped => "the talk of others, of which nothing is kept",
        Routed::Known => "a text that had come another way",
    }
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
