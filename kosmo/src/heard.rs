//! How bridges are, as far as what they last said can be believed, in a few words for the page and for `kosmo bridge list`.

use kosmo_contract::Status;
use kosmo_domain::Timestamp;
use kosmo_ingestion::network::{State, judge};
use kosmo_store::BridgeRow;
use kosmo_web::{BridgeState, Mark};
use std::time::Duration;

/// Returns how a bridge is.
pub fn state_of(bridge: &BridgeRow, now: Timestamp) -> BridgeState {
    let judged = judge(bridge, now);
    let (state, says) = match (&bridge.revoked_at, judged.state) {
        (Some(at), _) => (Mark::Bad, format!("revoked {at}")),
        (None, State::Unheard) => (Mark::Warn, "never heard of".to_owned()),
        (None, State::Offline) => (Mark::Bad, "offline".to_owned()),
        (None, State::Online) => (Mark::Good, "online".to_owned()),
        (None, State::Connecting) => (Mark::Warn, "connecting to its radio".to_owned()),
        (None, State::NoRadio) => (Mark::Warn, "has no radio".to_owned()),
        (None, State::Silent) => {
            (Mark::Bad, judged.gone_since.map_or_else(|| "silent".to_owned(), |since| format!("silent for {}", rounded(now.since(since)))))
        }
    };
    let detail = judged.status.as_ref().map_or_else(String::new, describe);
    BridgeState { id: bridge.id.to_string(), state, says, detail }
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
    parts.extend(status.problems.iter().map(|problem| problem.to_string()));
    parts.join(" · ")
}

fn rounded(span: Duration) -> String {
    match span.as_secs() / 60 {
        minutes @ 0..120 => format!("{minutes} min"),
        minutes @ 120..2880 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1440),
    }
}
