//! The topics, and exactly which of them the login of a bridge may write and read.

use kosmo_domain::{BridgeId, IdError, NodeId};
use std::{fmt, str::FromStr};

/// Readings of every bridge.
pub const READINGS: &str = "kosmo/mesh/reading/+";
/// Node reports of every bridge.
pub const NODES: &str = "kosmo/mesh/node/+";
/// Texts heard by every bridge.
pub const INBOUND: &str = "kosmo/mesh/inbound/+";
/// Texts as bridges of version 0.1 publish them, with neither a bridge's name nor a spool behind them.
pub const INBOUND_BARE: &str = "kosmo/mesh/inbound";
/// Claims and receipts of every bridge.
pub const RECEIPTS: &str = "kosmo/mesh/receipt/+";
/// Texts offered for any node.
pub const OUTBOUND: &str = "kosmo/mesh/outbound/+";
/// The retained state of every bridge.
pub const STATUSES: &str = "kosmo/bridge/+/status";
/// What bridges are told of their records and claims.
pub const ACKS: &str = "kosmo/bridge/+/ack";
/// What operators ask bridges to find out.
pub const REQUESTS: &str = "kosmo/bridge/+/request";
/// What the firmware of nodes publishes itself.
pub const UPLINKS: &str = "msh/#";
/// Everything under our root.
pub const ALL: &str = "kosmo/#";

/// A topic of ours, with what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    /// `kosmo/mesh/reading/{bridge_id}`: readings, from the bridge.
    Reading(BridgeId),
    /// `kosmo/mesh/node/{bridge_id}`: what is known of nodes, from the bridge.
    Node(BridgeId),
    /// `kosmo/mesh/inbound/{bridge_id}`: texts heard, from the bridge.
    Inbound(BridgeId),
    /// `kosmo/mesh/inbound`: texts heard, from a bridge of version 0.1.
    BareInbound,
    /// `kosmo/mesh/receipt/{bridge_id}`: claims and receipts, from the bridge.
    Receipt(BridgeId),
    /// `kosmo/bridge/{bridge_id}/status`: the bridge's retained state and last will.
    Status(BridgeId),
    /// `kosmo/bridge/{bridge_id}/ack`: what became of the bridge's records and claims, from the cloud.
    Ack(BridgeId),
    /// `kosmo/bridge/{bridge_id}/request`: what the bridge is asked to find out, from the cloud.
    Request(BridgeId),
    /// `kosmo/mesh/outbound/{node_id}`: a text for that node, from the cloud.
    Outbound(NodeId),
}

/// Says that a topic is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// No topic of the contract has this form.
    #[error("not a topic of the contract")]
    Unknown,
    /// The form is right, but the id in it is not.
    #[error(transparent)]
    Id(#[from] IdError),
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reading(bridge) => write!(f, "kosmo/mesh/reading/{bridge}"),
            Self::Node(bridge) => write!(f, "kosmo/mesh/node/{bridge}"),
            Self::Inbound(bridge) => write!(f, "kosmo/mesh/inbound/{bridge}"),
            Self::BareInbound => f.write_str(INBOUND_BARE),
            Self::Receipt(bridge) => write!(f, "kosmo/mesh/receipt/{bridge}"),
            Self::Status(bridge) => write!(f, "kosmo/bridge/{bridge}/status"),
            Self::Ack(bridge) => write!(f, "kosmo/bridge/{bridge}/ack"),
            Self::Request(bridge) => write!(f, "kosmo/bridge/{bridge}/request"),
            Self::Outbound(node) => write!(f, "kosmo/mesh/outbound/{node}"),
        }
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(topic: &str) -> Result<Self, TopicError> {
        let rest = topic.strip_prefix("kosmo/").ok_or(TopicError::Unknown)?;
        if let Some(rest) = rest.strip_prefix("bridge/") {
            return match rest.split_once('/') {
                Some((bridge, "status")) => Ok(Self::Status(bridge.parse()?)),
                Some((bridge, "ack")) => Ok(Self::Ack(bridge.parse()?)),
                Some((bridge, "request")) => Ok(Self::Request(bridge.parse()?)),
                _ => Err(TopicError::Unknown),
            };
        }
        match rest.strip_prefix("mesh/").ok_or(TopicError::Unknown)?.split_once('/') {
            Some(("reading", bridge)) => Ok(Self::Reading(bridge.parse()?)),
            Some(("node", bridge)) => Ok(Self::Node(bridge.parse()?)),
            Some(("inbound", bridge)) => Ok(Self::Inbound(bridge.parse()?)),
            Some(("receipt", bridge)) => Ok(Self::Receipt(bridge.parse()?)),
            Some(("outbound", node)) => Ok(Self::Outbound(node.parse()?)),
            None if topic == INBOUND_BARE => Ok(Self::BareInbound),
            _ => Err(TopicError::Unknown),
        }
    }
}

/// Returns the filters that the login of a bridge may publish to, and no other topic.
pub fn bridge_writes(bridge: &BridgeId) -> [String; 5] {
    let bridge = bridge.clone();
    [
        Topic::Reading(bridge.clone()),
        Topic::Node(bridge.clone()),
        Topic::Inbound(bridge.clone()),
        Topic::Receipt(bridge.clone()),
        Topic::Status(bridge),
    ]
    .map(|topic| topic.to_string())
}

/// Returns the filters that the login of a bridge may subscribe to, and no other filter.
pub fn bridge_reads(bridge: &BridgeId) -> [String; 3] {
    [OUTBOUND.to_owned(), Topic::Ack(bridge.clone()).to_string(), Topic::Request(bridge.clone()).to_string()]
}

/// Returns the filters that the login of a node may publish to, and no other topic: its own uplink under a root of at most four
/// levels, and reports for maps, which name no gateway in their topic.
pub fn uplink_writes(node: NodeId) -> Vec<String> {
    let roots = ["msh", "msh/+", "msh/+/+", "msh/+/+/+"];
    let of_root = |root: &str| [format!("{root}/2/e/+/{node}"), format!("{root}/2/json/+/{node}"), format!("{root}/2/map/")];
    roots.into_iter().flat_map(of_root).collect()
}

/// Returns the filters that the login of a node may subscribe to if it may hear what others publish: the packets of channels, as
/// they are on the air, under a root of at most four levels. It may ask for less of them.
pub fn downlink_reads() -> [String; 4] {
    ["msh", "msh/+", "msh/+/+", "msh/+/+/+"].map(|root| format!("{root}/2/e/+/+"))
}

/// Tells whether a topic falls under a filter (MQTT 3.1.1, section 4.7). Topics that begin with `$` fall under no
/// filter that begins with a wildcard.
pub fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && !filter.starts_with('$') {
        return false;
    }
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn roof() -> BridgeId {
        "roof".parse().expect("`roof` is a bridge id")
    }

    #[test]
    fn every_topic_survives_its_text() {
        let node = NodeId::from_number(0xa1b2_c3d4);
        let topics = [
            Topic::Reading(roof()),
            Topic::Node(roof()),
            Topic::Inbound(roof()),
            Topic::BareInbound,
            Topic::Receipt(roof()),
            Topic::Status(roof()),
            Topic::Ack(roof()),
            Topic::Request(roof()),
            Topic::Outbound(node),
        ];
        for topic in topics {
            assert_eq!(topic.to_string().parse(), Ok(topic));
        }
    }

    #[test]
    fn what_is_no_topic_of_ours_is_told_so() {
        for text in ["", "kosmo", "kosmo/mesh", "kosmo/mesh/weather/roof", "kosmo/bridge/roof", "kosmo/bridge/roof/status/x", "msh/EU"] {
            assert_eq!(text.parse::<Topic>(), Err(TopicError::Unknown), "{text}");
        }
        assert_eq!("kosmo/mesh/reading/a/b".parse::<Topic>(), Err(TopicError::Id(IdError::Bridge)));
        assert_eq!("kosmo/mesh/outbound/ana".parse::<Topic>(), Err(TopicError::Id(IdError::Node)));
    }

    #[test]
    fn a_bridge_writes_and_reads_these_filters_and_no_more() {
        assert_eq!(
            bridge_writes(&roof()),
            [
                "kosmo/mesh/reading/roof",
                "kosmo/mesh/node/roof",
                "kosmo/mesh/inbound/roof",
                "kosmo/mesh/receipt/roof",
                "kosmo/bridge/roof/status"
            ]
        );
        assert_eq!(bridge_reads(&roof()), ["kosmo/mesh/outbound/+", "kosmo/bridge/roof/ack", "kosmo/bridge/roof/request"]);
    }

    #[test]
    fn filters_match_as_the_standard_says() {
        for (filter, topic, expect) in [
            ("kosmo/#", "kosmo/mesh/reading/roof", true),
            ("kosmo/#", "kosmo", true),
            ("kosmo/+/x", "kosmo/a/x", true),
            ("kosmo/+/x", "kosmo/a/b/x", false),
            ("kosmo/+", "kosmo/", true),
            ("kosmo/+", "kosmo", false),
            ("#", "$SYS/uptime", false),
            ("+/uptime", "$SYS/uptime", false),
            ("$SYS/#", "$SYS/uptime", true),
            ("kosmo/a", "kosmo/a/b", false),
        ] {
            assert_eq!(matches(filter, topic), expect, "{filter} {topic}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_parsing_panic(text in "(kosmo/(mesh|bridge)/)?.{0,60}") {
            let _ = text.parse::<Topic>();
        }
    }
}
