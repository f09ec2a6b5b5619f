//! Bridges, inside this process or as one of their own.

use crate::{
    config::Config,
    system::{SteadyClock, random},
};
use anyhow::{Context as _, Result};
use kosmo_bridge::{Deps, RadioUrl};
use kosmo_contract::{BridgeState as State, RadioLink, Status};
use kosmo_domain::{BridgeId, Timestamp};
use kosmo_mqtt::Server;
use kosmo_store::BridgeRow;
use kosmo_web::{BridgeState, Mark};
use std::{sync::Arc, time::Duration};

/// How long what a bridge says of itself is believed: it says so every minute, and one message may be late.
const BELIEVED: Duration = Duration::from_mins(3);

/// Returns the configuration of a bridge of this name.
///
/// # Errors
/// If the folder of its spool cannot be made.
pub fn configure(config: &Config, id: BridgeId, radio: RadioUrl, broker: Server, password: String) -> Result<kosmo_bridge::Config> {
    let folder = config.bridge_dir(&id);
    crate::secrets::private_folder(&folder)?;
    let mut bridge = kosmo_bridge::Config::new(id, radio, broker, folder.join("spool.db"));
    bridge.password = (!password.is_empty()).then_some(password);
    bridge.pace.keep_alive = config.mqtt.keep_alive();
    bridge.limits.cap_bytes = config.bridge.spool_max_mb * 1024 * 1024;
    Ok(bridge)
}

/// Returns what a bridge takes from the world around it.
pub fn deps() -> Deps {
    Deps { clock: Arc::new(SteadyClock::start()), rng: Box::new(random()) }
}

/// Returns the radios that are configured, each with the name of its bridge.
///
/// # Errors
/// If a radio's address or a name does not parse.
pub fn configured(config: &Config) -> Result<Vec<(BridgeId, RadioUrl)>> {
    let named = config.bridge.radios.iter().enumerate().map(|(place, url)| {
        let radio = url.parse().with_context(|| format!("`{url}` is no radio"))?;
        Ok((numbered(&config.bridge.id, place)?, radio))
    });
    named.collect()
}

/// Returns the name of the bridge at this place: the first bears the name itself.
///
/// # Errors
/// If the number makes the name too long.
pub fn numbered(id: &BridgeId, place: usize) -> Result<BridgeId> {
    if place == 0 {
        return Ok(id.clone());
    }
    format!("{id}-{}", place + 1).parse().with_context(|| format!("`{id}` is too long a name to be numbered"))
}

/// Returns how a bridge is, as far as it can be believed.
pub fn state_of(bridge: &BridgeRow, now: Timestamp) -> BridgeState {
    let status: Option<Status> = bridge.status.as_deref().and_then(|json| serde_json::from_str(json).ok());
    let silent = bridge.status_at.map(|at| now.since(at)).filter(|silent| *silent > BELIEVED);
    let (state, says) = match (&bridge.revoked_at, &status, silent) {
        (Some(at), ..) => (Mark::Bad, format!("revoked {at}")),
        (None, None, _) => (Mark::Warn, "never heard of".to_owned()),
        (None, Some(status), None) => judge(status),
        (None, Some(status), Some(_)) if status.state == State::Offline => judge(status),
        (None, Some(_), Some(silent)) => (Mark::Bad, format!("silent for {}", rounded(silent))),
    };
    let detail = status.as_ref().map_or_else(String::new, describe);
    BridgeState { id: bridge.id.to_string(), state, says, detail }
}

fn judge(status: &Status) -> (Mark, String) {
    let link = status.radio.as_ref().map(|radio| radio.link);
    match (status.state, link) {
        (State::Offline, _) => (Mark::Bad, "offline".to_owned()),
        (State::Online, Some(RadioLink::Ready)) => (Mark::Good, "online".to_owned()),
        (State::Online, Some(RadioLink::Connecting) | None) => (Mark::Warn, "connecting to its radio".to_owned()),
        (State::Online, Some(RadioLink::Down)) => (Mark::Warn, "has no radio".to_owned()),
    }
}

fn describe(status: &Status) -> String {
    let mut parts = Vec::new();
    if let Some(radio) = &status.radio {
        parts.extend(radio.detail.as_deref().map(str::to_owned));
        parts.extend(radio.node_id.map(|node| format!("radio {node}")));
        parts.extend([&radio.region, &radio.modem_preset].into_iter().flatten().map(|name| name.to_string()));
        parts.extend(radio.firmware.as_deref().map(|version| format!("firmware {version}")));
    }
    if let Some(queues) = &status.queues {
        let waiting = queues.ingest.waiting + queues.gateway.waiting;
        parts.push(match waiting {
            0 => "nothing waits".to_owned(),
            1 => "1 record waits".to_owned(),
            _ => format!("{waiting} records wait"),
        });
    }
    parts.join(" · ")
}

fn rounded(span: Duration) -> String {
    match span.as_secs() / 60 {
        minutes @ 0..120 => format!("{minutes} min"),
        minutes @ 120..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1440),
    }
}
