//! How a bridge is, as far as what it last said can be believed.

use kosmo_contract::{BridgeState, RadioLink, Status};
use kosmo_domain::Timestamp;
use kosmo_store::BridgeRow;
use std::time::Duration;

/// How long what a bridge says of itself is believed: it says so every minute, and one message may be late.
pub const BELIEVED: Duration = Duration::from_mins(3);

/// How a bridge is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It runs, is connected, and has its radio.
    Online,
    /// It runs and connects to its radio.
    Connecting,
    /// It runs, and its radio is not to be had.
    NoRadio,
    /// It said farewell, or the broker saw its connection break.
    Offline,
    /// It has said nothing for longer than its word is believed.
    Silent,
    /// It has a login, and was never heard of.
    Unheard,
}

impl State {
    /// Returns the stable word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Connecting => "connecting",
            Self::NoRadio => "no_radio",
            Self::Offline => "offline",
            Self::Silent => "silent",
            Self::Unheard => "unheard",
        }
    }

    /// Tells whether nothing comes from it.
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::Offline | Self::Silent | Self::Unheard)
    }
}

/// A bridge's state, and what it last said.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// How it is.
    pub state: State,
    /// The last status, if it can be read.
    pub status: Option<Status>,
    /// Since when it is gone, if it is: when it last said anything.
    pub gone_since: Option<Timestamp>,
}

/// Judges a bridge by what it last said and how long ago that was.
pub fn judge(bridge: &BridgeRow, now: Timestamp) -> Judged {
    let status: Option<Status> = bridge.status.as_deref().and_then(|json| serde_json::from_str(json).ok());
    let is_fresh = bridge.status_at.is_some_and(|at| now.since(at) <= BELIEVED);
    let state = match &status {
        None => State::Unheard,
        Some(status) if status.state == BridgeState::Offline => State::Offline,
        Some(_) if !is_fresh => State::Silent,
        Some(status) => match status.radio.as_ref().map(|radio| radio.link) {
            Some(RadioLink::Ready) => State::Online,
            Some(RadioLink::Connecting) | None => State::Connecting,
            Some(RadioLink::Down) => State::NoRadio,
        },
    };
    Judged { state, status, gone_since: bridge.status_at.filter(|_| state.is_gone()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: Option<&str>, at: &str) -> BridgeRow {
        let at: Timestamp = at.parse().unwrap();
        BridgeRow {
            id: "roof".parse().unwrap(),
            added_at: at,
            revoked_at: None,
            last_seen_at: status.map(|_| at),
            status: status.map(str::to_owned),
            status_at: status.map(|_| at),
        }
    }

    #[test]
    fn a_status_is_believed_only_while_it_is_fresh() {
        let said = r#"{"v":1,"bridge":"roof","state":"online","radio":{"link":"ready"}}"#;
        let at = "2026-06-01T12:00:00Z";
        for (now, expect) in [("2026-06-01T12:03:00Z", State::Online), ("2026-06-01T12:03:01Z", State::Silent)] {
            let judged = judge(&row(Some(said), at), now.parse().unwrap());
            assert_eq!(judged.state, expect, "{now}");
            assert_eq!(judged.gone_since.is_some(), expect == State::Silent);
        }
    }

    #[test]
    fn what_a_bridge_says_decides_its_state() {
        for (said, expect) in [
            (r#"{"v":1,"bridge":"roof","state":"offline"}"#, State::Offline),
            (r#"{"v":1,"bridge":"roof","state":"online"}"#, State::Connecting),
            (r#"{"v":1,"bridge":"roof","state":"online","radio":{"link":"connecting"}}"#, State::Connecting),
            (r#"{"v":1,"bridge":"roof","state":"online","radio":{"link":"down"}}"#, State::NoRadio),
            ("no status at all", State::Unheard),
        ] {
            let now = "2026-06-01T12:00:10Z".parse().unwrap();
            assert_eq!(judge(&row(Some(said), "2026-06-01T12:00:00Z"), now).state, expect, "{said}");
        }
        assert_eq!(judge(&row(None, "2026-06-01T12:00:00Z"), "2027-01-01T00:00:00Z".parse().unwrap()).state, State::Unheard);
    }
}
