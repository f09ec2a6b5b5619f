//! Whose habits simulated radios have, where versions differ.

/// Whose habits a radio has, where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Firmware {
    /// 2.7.26, which was recorded.
    V27,
    /// 2.8: the handshake lists nodes without what was heard of them, and after it that is told again, as packets like any
    /// other; there is a message of regions and one more module; fewer packets wait for a client; what is for everybody is signed;
    /// nodes are numbered by their keys.
    V28,
    /// A build of 2.8 before its release: the same, but names have 25 bytes, and a radio that hears its own private packet relayed makes
    /// nothing of it: it sends it as often as it can, and tells nobody.
    V28Alpha,
}

impl Firmware {
    /// Returns the firmware of this name, as scenarios have it: `2.7`, `2.8` or `2.8-alpha`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "2.7" => Some(Self::V27),
            "2.8" => Some(Self::V28),
            "2.8-alpha" => Some(Self::V28Alpha),
            _ => None,
        }
    }

    /// Returns how many packets a radio keeps for its client.
    pub const fn queue(self) -> usize {
        match self {
            Self::V27 => 32,
            Self::V28 | Self::V28Alpha => 16,
        }
    }

    /// Tells whether it is 2.8 or a build before that.
    pub(crate) const fn is_28(self) -> bool {
        match self {
            Self::V27 => false,
            Self::V28 | Self::V28Alpha => true,
        }
    }

    /// Returns what it calls itself.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::V27 => "2.7.26.54e0d8d",
            Self::V28 => "2.8.0.7754068",
            Self::V28Alpha => "2.8.0.dbc18c4",
        }
    }

    /// Returns the longest name of a node, in bytes.
    pub(crate) const fn longest_name(self) -> usize {
        match self {
            Self::V27 | Self::V28 => 39,
            Self::V28Alpha => 25,
        }
    }

    /// Tells whether a radio knows its own private packets again that others relay (firmware pull request 11502).
    pub(crate) const fn knows_its_private_packets(self) -> bool {
        match self {
            Self::V27 | Self::V28 => true,
            Self::V28Alpha => false,
        }
    }
}
