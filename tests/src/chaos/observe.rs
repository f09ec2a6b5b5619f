//! What the system says, by its API and by its database, as the checker wants it.

use super::{
    evidence::{Found, Gap, Hour, Ledger, ReceivedText, ToldText},
    load::MEMBERS,
    witness::Notes,
};
use crate::{Api, System};
use kosmo_domain::{DAY, NodeId, Timestamp};
use kosmo_sim::{Person, region};
use kosmo_store::{Database, Store};
use serde_json::Value;
use std::{collections::BTreeSet, path::Path};
use uuid::Uuid;

/// Opens the database beside the system.
pub(super) async fn open(system: &System, data: &Path) -> Store {
    let database = match system.database_url() {
        Some(url) => Database::Postgres { url: url.to_owned(), max_connections: 2 },
        None => Database::Sqlite { path: data.join("kosmo.db") },
    };
    Store::open(&database).await.expect("the database of a running system can be opened")
}

/// Returns what is found; nothing while a part does not answer.
pub(super) async fn found(api: &Api, store: &Store, notes: &Notes, now: Timestamp) -> Option<Found> {
    let mut found = Found::default();
    let stations: BTreeSet<NodeId> = notes.readings.iter().map(|sent| sent.station).collect();
    for station in stations {
        for row in rows(api, station, "raw", now).await? {
            let at = row["at"].as_str()?.parse().ok()?;
            found.readings.entry(station).or_default().push((at, row["temperature_c"].as_f64().unwrap_or(f64::NAN)));
        }
        for row in rows(api, station, "1h", now).await? {
            let metric = |of: &Value| of["temperature_c"].as_f64().unwrap_or(f64::NAN);
            let hour = Hour { readings: row["readings"].as_u64()?, mean: metric(&row), min: metric(&row["min"]), max: metric(&row["max"]) };
            found.hours.insert((station, row["at"].as_str()?.parse().ok()?), hour);
        }
    }
    for (id, post) in &notes.accepted {
        let (status, text) = api.try_read(&post.member.to_string(), &format!("/api/v1/messages/{id}")).await?;
        match status {
            200 => found.texts.insert(*id, told(&text)?),
            404 => continue,
            _ => return None,
        };
    }
    for (_, _, member) in MEMBERS {
        found.members.insert(member, ledger(api, store, member, now).await?);
    }
    let (_, told) = api.try_read(&MEMBERS[0].2.to_string(), "/api/v1/gaps?limit=1000").await?;
    for gap in told["data"].as_array()? {
        let until = gap["until"].as_str().and_then(|until| until.parse().ok());
        found.gaps.push(Gap { bridge: gap["bridge_id"].as_str()?.to_owned(), from: gap["from"].as_str()?.parse().ok()?, until });
    }
    Some(found)
}

async fn rows(api: &Api, station: NodeId, interval: &str, now: Timestamp) -> Option<Vec<Value>> {
    let (start, end) = (now.minus(2 * DAY), now.plus(DAY));
    let path = format!("/api/v1/weather/history?node_id={station}&start={start}&end={end}&interval={interval}&limit=5000");
    let (status, body) = api.try_ask("weather", &path).await?;
    match status {
        200 => serde_json::from_str::<Value>(&body).ok()?["data"].as_array().cloned(),
        404 => Some(Vec::new()),
        _ => None,
    }
}

fn told(text: &Value) -> Option<ToldText> {
    let timeline = text["timeline"].as_array()?;
    let attempts = timeline.iter().filter(|entry| entry["event"] == "handed_over").filter_map(|entry| entry["attempt"].as_u64());
    Some(ToldText {
        status: text["status"].as_str()?.to_owned(),
        charge: text["charge"].as_str()?.to_owned(),
        attempts: attempts.collect(),
    })
}

async fn ledger(api: &Api, store: &Store, member: Uuid, now: Timestamp) -> Option<Ledger> {
    let quota = store.quota(member, now).await.ok()??;
    let mut ledger = Ledger { reserved: quota.reserved, committed: quota.committed, ..Ledger::default() };
    let (_, told) = api.try_read(&member.to_string(), "/api/v1/messages/quota").await?;
    // What a member is told is what the books say; while both change, one is read before the other.
    if told["used"].as_u64()? != quota.used() {
        return None;
    }
    let mut after = 0;
    loop {
        let page = store.member_events(member, after, 500).await.ok()?;
        let Some(last) = page.last() else { break };
        after = last.seq;
        ledger.events.extend(page.iter().map(|event| (event.seq, event.kind.as_str().to_owned(), event.subject)));
    }
    for node in [region::LENA, region::person(Person::Silent), region::person(Person::Faint), region::person(Person::BehindRelay)] {
        let path = format!("/api/v1/messages/conversations/{node}?limit=100");
        let (status, body) = api.try_read(&member.to_string(), &path).await?;
        if status != 200 {
            return None;
        }
        for text in body["data"].as_array()?.iter().filter(|text| text["direction"] == "in") {
            let received = ReceivedText {
                from: text["from_node_id"].as_str()?.parse().ok()?,
                packet: u32::try_from(text["packet_id"].as_u64().unwrap_or(0)).ok()?,
                answers: text["answers"].as_str().and_then(|id| id.parse().ok()),
            };
            ledger.received.push((text["id"].as_str()?.parse().ok()?, received));
        }
    }
    Some(ledger)
}
