//! The last will of a bridge says that it is gone, and no more: it is written before the fact. What the bridge said last of its radio
//! and its queues is kept beside it, for who wants to know what it was that went.

use kosmo_contract::{BridgeState, Status};

/// Tells whether a status is a last will or a farewell, which tell nothing of the radio.
pub(crate) fn is_bare(status: &str) -> bool {
    serde_json::from_str::<Status>(status).is_ok_and(|status| status.state == BridgeState::Offline && status.radio.is_none())
}

/// Returns such a status with what was said before of all that it does not tell; nothing if either is none.
pub(crate) fn with_last_words(will: &str, before: &str) -> Option<String> {
    let will: Status = serde_json::from_str(will).ok()?;
    let before: Status = serde_json::from_str(before).ok()?;
    let (v, bridge, state, at) = (will.v, will.bridge, will.state, will.at);
    serde_json::to_string(&Status { v, bridge, state, at, ..before }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_bridge_said_last_outlives_its_will() {
        let before = r#"{"v":1,"bridge":"roof","state":"online","at":"2026-06-01T12:00:00Z","version":"0.2.0","radio":{"link":"ready","node_id":"!a1b2c3d4"},"problems":["x"]}"#;
        let will = r#"{"v":1,"bridge":"roof","state":"offline"}"#;
        assert!(is_bare(will) && !is_bare(before) && !is_bare("nonsense"));
        let kept: Status = serde_json::from_str(&with_last_words(will, before).unwrap()).unwrap();
        assert_eq!((kept.state, kept.at), (BridgeState::Offline, None));
        assert_eq!(kept.radio.unwrap().node_id, Some("!a1b2c3d4".parse().unwrap()));
        assert_eq!(kept.problems.len(), 1);
        assert_eq!(with_last_words(will, "nonsense"), None);
    }
}
