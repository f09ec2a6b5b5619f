//! Who may publish and subscribe what.

use kosmo_contract::topic;
use kosmo_domain::BridgeId;
use kosmo_store::{Login, LoginKind};

/// The roots of all topics that anybody uses here: ours, and that of Meshtastic's own uplink.
const ROOTS: [&str; 2] = ["kosmo", "msh"];

/// What a login may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// A bridge: the topics and filters the contract lists for it.
    Bridge { writes: [String; 5], reads: [String; 3] },
    /// A node: its own uplink, and nothing to read, or what others publish.
    Uplink { writes: Vec<String>, reads: Vec<String> },
    /// Reads everything of ours and writes nothing.
    Viewer,
    /// Reads and writes everything.
    Service,
}

impl Access {
    pub(crate) fn of(login: &Login) -> Self {
        match login {
            Login::Bridge(id, _) => Self::bridge(id),
            Login::Other(LoginKind::Viewer, _) => Self::Viewer,
            Login::Other(LoginKind::Service, _) => Self::Service,
            Login::Other(LoginKind::Uplink(node), _) => Self::Uplink { writes: topic::uplink_writes(*node), reads: Vec::new() },
            Login::Other(LoginKind::UplinkAndDownlink(node), _) => {
                Self::Uplink { writes: topic::uplink_writes(*node), reads: topic::downlink_reads().into() }
            }
        }
    }

    pub(crate) fn bridge(id: &BridgeId) -> Self {
        Self::Bridge { writes: topic::bridge_writes(id), reads: topic::bridge_reads(id) }
    }

    /// Tells whether a message, a will included, may be published to this topic.
    pub(crate) fn may_publish(&self, topic: &str) -> bool {
        match self {
            Self::Bridge { writes, .. } => writes.iter().any(|filter| topic::matches(filter, topic)),
            Self::Uplink { writes, .. } => writes.iter().any(|filter| topic::matches(filter, topic)),
            Self::Viewer => false,
            Self::Service => ROOTS.contains(&root(topic)),
        }
    }

    /// Tells whether this filter may be subscribed to, and whether as a member of a sharing group: who is in one takes
    /// messages away from its other members.
    pub(crate) fn may_subscribe(&self, filter: &str, shared: bool) -> bool {
        match self {
            Self::Bridge { reads, .. } => !shared && reads.iter().any(|own| own == filter),
            // What other gateways publish is not for each of them to read. Who may asks channel by channel, or for all.
            Self::Uplink { reads, .. } => !shared && !filter.contains('#') && reads.iter().any(|own| topic::matches(own, filter)),
            Self::Viewer => !shared && root(filter) == ROOTS[0],
            Self::Service => ROOTS.contains(&root(filter)),
        }
    }

    pub(crate) const fn is_service(&self) -> bool {
        matches!(self, Self::Service)
    }

    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Bridge { .. } => "bridge",
            Self::Uplink { .. } => "uplink",
            Self::Viewer => "viewer",
            Self::Service => "service",
        }
    }
}

fn root(topic: &str) -> &str {
    topic.split('/').next().unwrap_or_default()
}

/// Whose a client id is by its form: the name of a login, alone or before a colon.
pub(crate) fn owner(client_id: &str) -> &str {
    client_id.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roof() -> Access {
        Access::bridge(&"roof".parse().unwrap())
    }

    #[test]
    fn a_bridge_publishes_to_its_own_topics_only() {
        for (topic, expect) in [
            ("kosmo/mesh/reading/roof", true),
            ("kosmo/mesh/inbound/roof", true),
            ("kosmo/bridge/roof/status", true),
            ("kosmo/bridge/roof/ack", false),
            ("kosmo/mesh/reading/cellar", false),
            ("kosmo/bridge/cellar/status", false),
            ("kosmo/mesh/outbound/!a1b2c3d4", false),
            ("kosmo/mesh/reading/roof/x", false),
            ("kosmo/mesh/reading", false),
            ("msh/EU/2/e/LongFast/!a1b2c3d4", false),
            ("$SYS/brokers", false),
            ("", false),
        ] {
            assert_eq!(roof().may_publish(topic), expect, "{topic}");
        }
    }

    #[test]
    fn a_bridge_subscribes_to_its_own_filters_only() {
        for (filter, shared, expect) in [
            ("kosmo/mesh/outbound/+", false, true),
            ("kosmo/bridge/roof/ack", false, true),
            ("kosmo/bridge/cellar/ack", false, false),
            ("kosmo/bridge/+/ack", false, false),
            ("kosmo/mesh/outbound/+", true, false),
            ("#", false, false),
            ("+/#", false, false),
            ("kosmo/#", false, false),
            ("$SYS/#", false, false),
        ] {
            assert_eq!(roof().may_subscribe(filter, shared), expect, "{filter}");
        }
    }

    #[test]
    fn a_node_publishes_to_its_own_uplink_only() {
        let id = "!a1b2c3d4".parse().unwrap();
        let node = Access::Uplink { writes: topic::uplink_writes(id), reads: Vec::new() };
        for (topic, expect) in [
            ("msh/2/e/LongFast/!a1b2c3d4", true),
            ("msh/EU_868/2/e/LongFast/!a1b2c3d4", true),
            ("msh/US/CA/Bay/2/e/PKI/!a1b2c3d4", true),
            ("msh/EU_868/2/json/LongFast/!a1b2c3d4", true),
            ("msh/EU_868/2/map/", true),
            ("msh/EU_868/2/e/LongFast/!a1b2c3d5", false),
            ("msh/EU_868/2/e/LongFast/!a1b2c3d4/x", false),
            ("msh/EU_868/2/e/!a1b2c3d4", false),
            ("msh/EU_868/2/stat/!a1b2c3d4", false),
            ("kosmo/mesh/reading/roof", false),
        ] {
            assert_eq!(node.may_publish(topic), expect, "{topic}");
        }
        for filter in ["msh/#", "msh/EU_868/2/e/LongFast/+", "msh/EU_868/2/e/LongFast/!a1b2c3d4", "kosmo/#"] {
            assert!(!node.may_subscribe(filter, false), "{filter}");
        }
        let node = Access::Uplink { writes: topic::uplink_writes(id), reads: topic::downlink_reads().into() };
        for (filter, shared, expect) in [
            ("msh/EU_868/2/e/LongFast/+", false, true),
            ("msh/2/e/PKI/+", false, true),
            ("msh/US/CA/Bay/2/e/LongFast/+", false, true),
            ("msh/EU_868/2/e/LongFast/+", true, false),
            ("msh/#", false, false),
            ("msh/EU_868/2/e/#", false, false),
            ("msh/EU_868/2/e/LongFast/#", false, false),
            ("msh/EU_868/2/json/LongFast/+", false, false),
            ("msh/EU_868/2/map/", false, false),
            ("kosmo/#", false, false),
        ] {
            assert_eq!(node.may_subscribe(filter, shared), expect, "{filter}");
        }
    }

    #[test]
    fn a_viewer_reads_ours_and_writes_nothing() {
        let viewer = Access::Viewer;
        assert!(viewer.may_subscribe("kosmo/#", false));
        assert!(viewer.may_subscribe("kosmo/mesh/reading/+", false));
        for filter in ["#", "+/#", "msh/#", "$SYS/#", "kosmos/#", ""] {
            assert!(!viewer.may_subscribe(filter, false), "{filter}");
        }
        assert!(!viewer.may_subscribe("kosmo/#", true), "a viewer in a sharing group would take readings away from ingestion");
        assert!(!viewer.may_publish("kosmo/mesh/reading/roof"));
    }

    #[test]
    fn a_service_stays_within_the_two_roots() {
        let service = Access::Service;
        assert!(service.may_publish("kosmo/bridge/roof/ack"));
        assert!(service.may_subscribe("kosmo/mesh/reading/+", true));
        assert!(service.may_subscribe("msh/#", true));
        for filter in ["#", "+/#", "$SYS/#"] {
            assert!(!service.may_subscribe(filter, false), "{filter}");
        }
    }

    #[test]
    fn a_client_id_belongs_to_the_name_before_its_colon() {
        assert_eq!(owner("roof"), "roof");
        assert_eq!(owner("roof:1"), "roof");
        assert_eq!(owner("roof-2"), "roof-2");
        assert_eq!(owner("@ingestion:0"), "@ingestion");
    }
}
