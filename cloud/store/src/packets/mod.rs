//! The log of packets: what came in lately, from bridges and from uplinks, for whoever wants to see the mesh at work.
//!
//! It is bounded by number and by age, and it is public: nothing is kept in it that is not for everybody. What people write is
//! never in it, whoever may read it on the air; a private channel's packets, and those that nobody could decrypt, are there with
//! what their header says alone. A packet that several gateways tell of is one row, which counts them.

mod log;
mod page;

pub use crate::packets::{
    log::Logged,
    page::{MAX_PAGE, PacketFilter, PacketReception, PacketRow},
};

use crate::ingest::Reception;
use kosmo_domain::{DAY, NodeId, PacketId};
use serde_json::{Map, Value};
use std::time::Duration;

/// The longest name of a gateway and of a channel that is kept, in bytes.
pub const MAX_NAME: usize = 64;
/// How much is kept of what a packet says, in bytes of JSON; what is longer is left out, and says so.
pub const MAX_FIELDS: usize = 2_000;

/// The ports whose payloads are what people write, or may be: texts, compressed texts, waypoints, detection sensors, alerts, what
/// nodes say of how they are, stored texts, range tests, ATAK's chat.
pub const PORTS_OF_PEOPLE: [u32; 10] = [1, 7, 8, 10, 11, 36, 65, 66, 72, 257];

/// How much of the log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepPackets {
    /// How long.
    pub age: Duration,
    /// How many packets at most; none are logged at all if this is 0.
    pub number: u32,
}

impl Default for KeepPackets {
    fn default() -> Self {
        Self { age: DAY * 7, number: 100_000 }
    }
}

/// Who told of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Teller {
    /// A bridge beside a radio.
    Bridge,
    /// A node's own uplink over MQTT.
    Uplink,
}

/// A packet that is to be logged.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPacket {
    /// Who claims to have sent it.
    pub from: NodeId,
    /// The sender's id for it; 0 says nothing.
    pub id: PacketId,
    /// Whom it is for; everybody is [`NodeId::BROADCAST`].
    pub to: Option<NodeId>,
    /// The port; none of a packet that nobody here could decrypt.
    pub port: Option<u32>,
    /// The bridge, or the uplink's own node.
    pub gateway: String,
    /// Which of the two that is.
    pub teller: Teller,
    /// The channel's name, where it is known.
    pub channel: Option<String>,
    /// Whether what it says is not for everybody: its channel is private, or whoever sent it has not agreed.
    pub private: bool,
    /// How it was received, and when.
    pub reception: Reception,
    /// How many bytes of payload it has.
    pub bytes: Option<u32>,
    /// What it says, by fields with units in their names. Left out of the log if the packet is private, or its port people's.
    pub fields: Option<Map<String, Value>>,
}

impl NewPacket {
    /// Tells whether what it says may be kept.
    fn is_open(&self) -> bool {
        !self.private && self.port.is_some_and(|port| !PORTS_OF_PEOPLE.contains(&port))
    }
}
