//! `kosmo route`.

use crate::{
    cli::Route,
    config::Config,
    output::say,
    system::{SystemClock, random},
};
use anyhow::{Result, bail};
use kosmo_contract::{RadioLink, Status};
use kosmo_domain::{BELIEVED, BridgeId, Clock as _, NodeId};
use kosmo_store::{
    Store,
    ingest::Traceroute,
    messages::{RouteRequest, RouteWanted},
};
use rand::Rng as _;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Radios tell the time of a packet in whole seconds, so that an answer may seem to come before its question.
const WHOLE_SECONDS: Duration = Duration::from_secs(2);
/// How often to look for the answer.
const LOOK_EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn run(command: Route, config: &Config) -> Result<()> {
    let store = super::open_store(config).await?;
    let (bridge, radio) = bridge(&store, command.bridge).await?;
    let now = SystemClock.now();
    let id = uuid::Builder::from_unix_timestamp_millis(now.as_micros().unsigned_abs() / 1000, &random().random()).into_uuid();
    match store.want_route(&RouteRequest { id, bridge: bridge.clone(), node: command.node }, now).await? {
        RouteWanted::Noted => {}
        RouteWanted::TooSoon(again) => bail!("bridge {bridge} asked for a route a moment ago, and may again at {again}"),
    }
    let until = Instant::now() + Duration::from_secs(command.wait);
    while Instant::now() < until {
        if let Some(found) = store.route_found(command.node, radio, now.minus(WHOLE_SECONDS)).await? {
            say(&words(&found, radio, command.node))?;
            store.close().await;
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
    store.close().await;
    bail!("no answer came within {} seconds: the node may be out of reach, switched off, or the channel too busy to ask", command.wait)
}

/// Returns the bridge that is to ask, and its radio, which is to be ready.
async fn bridge(store: &Store, wanted: Option<BridgeId>) -> Result<(BridgeId, NodeId)> {
    let now = SystemClock.now();
    let mut ready = Vec::new();
    for row in store.bridges().await? {
        let is_fresh = row.status_at.is_some_and(|at| now.since(at) <= BELIEVED);
        let status: Option<Status> =
            row.status.as_deref().filter(|_| is_fresh).and_then(|json| kosmo_contract::parse(json.as_bytes()).ok());
        let radio = status.and_then(|status| status.radio).filter(|radio| radio.link == RadioLink::Ready);
        if let Some(node) = radio.and_then(|radio| radio.node_id) {
            ready.push((row.id, node));
        }
    }
    match wanted {
        Some(wanted) => match ready.into_iter().find(|(bridge, _)| *bridge == wanted) {
            Some(found) => Ok(found),
            None => bail!("bridge {wanted} is not heard of, or its radio is not ready"),
        },
        None if ready.len() > 1 => bail!("there are several bridges: name one with --bridge"),
        None => match ready.pop() {
            Some(found) => Ok(found),
            None => bail!("there is no bridge whose radio is ready"),
        },
    }
}

/// Says a route, with the signal at each step.
fn words(found: &Traceroute, from: NodeId, to: NodeId) -> String {
    let way = |first: String, relays: &[NodeId], last: String, signals: &[Option<f32>]| {
        let mut line = first;
        for (step, node) in relays.iter().map(NodeId::to_string).chain([last]).enumerate() {
            let signal = signals.get(step).copied().flatten().map_or_else(|| "?".to_owned(), |decibels| format!("{decibels} dB"));
            line = format!("{line} --({signal})--> {node}");
        }
        line
    };
    let there = way(from.to_string(), &found.route, to.to_string(), &found.snr_towards_db);
    if found.snr_back_db.is_empty() {
        return format!("there: {there}");
    }
    format!("there: {there}\nback:  {}", way(to.to_string(), &found.route_back, from.to_string(), &found.snr_back_db))
}
