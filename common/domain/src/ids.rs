//! Identities on the mesh and between bridge and cloud, parsed once at the edge.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// Says why a text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text is not `!` and eight lower-case hexadecimal digits.
    #[error("a node id is `!` and eight lower-case hexadecimal digits, like `!a1b2c3d4`")]
    Node,
    /// The number is reserved by the mesh and names no single node.
    #[error("this node number is reserved by the mesh and names no node")]
    ReservedNode,
    /// The text is not a bridge id.
    #[error("a bridge id is 1 to 32 characters of a-z, 0-9 and `-`, and starts with a letter or digit")]
    Bridge,
    /// The text is not the name of a stream.
    #[error("a stream is `ingest` or `gateway`")]
    Stream,
    /// The text is not an epoch.
    #[error("an epoch is a UUID")]
    Epoch,
}

/// A Meshtastic node number, written `!a1b2c3d4`: `!` and the 32 bits as eight lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(u32);

impl NodeId {
    /// The address of everybody: `0xffffffff`.
    pub const BROADCAST: Self = Self(u32::MAX);

    /// Returns the id of this node number, whatever it is: addresses include the reserved numbers.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// Returns the node number as it stands in a packet.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Tells whether this is an address of everybody: broadcast, or "broadcast but never over LoRa" (number 1).
    pub const fn is_broadcast(self) -> bool {
        self.0 == u32::MAX || self.0 == 1
    }

    /// Returns this id if a single node can bear it.
    ///
    /// # Errors
    /// [`IdError::ReservedNode`] for 0 (nobody) to 3 and for broadcast, which the firmware reserves.
    pub const fn sender(self) -> Result<Self, IdError> {
        if self.0 < 4 || self.0 == u32::MAX { Err(IdError::ReservedNode) } else { Ok(self) }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "!{:08x}", self.0)
    }
}

impl FromStr for NodeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.strip_prefix('!').ok_or(IdError::Node)?;
        if digits.len() != 8 || !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(IdError::Node);
        }
        u32::from_str_radix(digits, 16).map(Self).map_err(|_| IdError::Node)
    }
}

impl TryFrom<String> for NodeId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.to_string()
    }
}

/// The id a sender gave its packet. Zero means that it gave none, and such packets cannot be told apart by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PacketId(pub u32);

impl PacketId {
    /// Tells whether the sender gave an id at all.
    pub const fn is_given(self) -> bool {
        self.0 != 0
    }
}

/// The operator's name for a bridge: part of MQTT topics, hence its narrow alphabet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BridgeId(String);

impl BridgeId {
    /// The longest id in characters.
    pub const MAX_LEN: usize = 32;

    /// Returns the id as it stands in topics.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BridgeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BridgeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let well_formed = (1..=Self::MAX_LEN).contains(&text.len())
            && !text.starts_with('-')
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if well_formed { Ok(Self(text.to_owned())) } else { Err(IdError::Bridge) }
    }
}

impl TryFrom<String> for BridgeId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<BridgeId> for String {
    fn from(id: BridgeId) -> Self {
        id.0
    }
}

/// One life of a bridge's spool, from one start of the bridge to the next. Each draws a new epoch, so that the numbers of a
/// spool that was begun anew, or set back to an older copy, are not taken for records the cloud already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(Uuid);

impl Epoch {
    /// Returns an epoch of 128 random bits, which the caller draws.
    pub const fn from_random(bits: u128) -> Self {
        Self(uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid())
    }

    /// Returns the epoch that this UUID stands for.
    pub const fn from_uuid(id: Uuid) -> Self {
        Self(id)
    }

    /// Returns the epoch as the UUID it is stored as.
    pub const fn as_uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Epoch {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::parse_str(text).map(Self).map_err(|_| IdError::Epoch)
    }
}

/// Which service answers for a spooled record; each stream has sequence numbers and acknowledgements of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Readings and node reports, committed by ingestion.
    Ingest,
    /// Texts, claims and receipts, committed by the gateway.
    Gateway,
}

impl Stream {
    /// Every stream a spool keeps.
    pub const ALL: [Self; 2] = [Self::Ingest, Self::Gateway];

    /// Returns the name used on the wire and in databases.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Gateway => "gateway",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Stream {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL.into_iter().find(|stream| stream.as_str() == text).ok_or(IdError::Stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_node_id_is_written_with_eight_digits() {
        assert_eq!(NodeId::from_number(0xab).to_string(), "!000000ab");
        assert_eq!("!a1b2c3d4".parse(), Ok(NodeId::from_number(0xa1b2_c3d4)));
    }

    #[test]
    fn other_spellings_of_a_node_id_are_refused() {
        for text in ["", "!", "a1b2c3d4", "!A1B2C3D4", "!a1b2c3d", "!a1b2c3d44", "!a1b2c3dg", "!+1b2c3d4", "!ａ1b2c3d4"] {
            assert_eq!(text.parse::<NodeId>(), Err(IdError::Node), "{text}");
        }
    }

    #[test]
    fn reserved_numbers_name_no_sender() {
        for number in [0, 1, 3, u32::MAX] {
            assert_eq!(NodeId::from_number(number).sender(), Err(IdError::ReservedNode));
        }
        assert!(NodeId::from_number(4).sender().is_ok());
    }

    #[test]
    fn a_bridge_id_cannot_break_out_of_its_topic() {
        for text in ["", "-roof", "roof/x", "+", "#", "Roof", "dach ü", "$sys", &"a".repeat(33)] {
            assert_eq!(text.parse::<BridgeId>(), Err(IdError::Bridge), "{text}");
        }
        assert!("roof-2".parse::<BridgeId>().is_ok());
    }

    proptest! {
        #[test]
        fn every_node_number_survives_its_text(number: u32) {
            let id = NodeId::from_number(number);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in ".{0,40}") {
            let _ = text.parse::<NodeId>();
            let _ = text.parse::<BridgeId>();
            let _ = text.parse::<Epoch>();
            let _ = text.parse::<Stream>();
        }
    }
}
