//! What the bridge has to tell the cloud, before it has a number.

use kosmo_contract::{InboundBody, NodeBody, NodeReport, Packet, Privacy, ReadingBody, ReceiptBody, Record, V1};
use kosmo_domain::{BridgeId, Epoch, Stream, Timestamp};
use serde::Serialize;

/// A record that is not in the spool yet: when it was heard, in which packet, and what it says.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecord {
    /// When the bridge heard it, by its own clock.
    pub heard_at: Timestamp,
    /// The packet it came in, unless the radio told it of its own.
    pub packet: Option<Packet>,
    /// Whether it is for everybody; nothing of what the bridge itself did.
    pub privacy: Option<Privacy>,
    /// What it says.
    pub body: Body,
}

impl NewRecord {
    /// Tells whether it says what was measured on a person.
    pub(crate) fn is_of_health(&self) -> bool {
        matches!(&self.body, Body::Node(body) if matches!(body.report, NodeReport::HealthMetrics(_)))
    }
}

/// What a record says.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// What a station measured.
    Reading(ReadingBody),
    /// What is known of a node.
    Node(NodeBody),
    /// A text heard on the mesh.
    Inbound(InboundBody),
    /// What was done with a text for the mesh, or became of it.
    Receipt(ReceiptBody),
}

/// Which topic a record goes to. The numbers stand in spool files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// `kosmo/mesh/reading/{bridge_id}`.
    Reading = 1,
    /// `kosmo/mesh/node/{bridge_id}`.
    Node = 2,
    /// `kosmo/mesh/inbound/{bridge_id}`.
    Inbound = 3,
    /// `kosmo/mesh/receipt/{bridge_id}`.
    Receipt = 4,
}

impl Kind {
    /// Returns the stream that records of this kind are numbered in.
    pub const fn stream(self) -> Stream {
        match self {
            Self::Reading | Self::Node => Stream::Ingest,
            Self::Inbound | Self::Receipt => Stream::Gateway,
        }
    }

    /// Returns the kind with this number in spool files.
    pub(crate) const fn from_number(number: i64) -> Option<Self> {
        match number {
            1 => Some(Self::Reading),
            2 => Some(Self::Node),
            3 => Some(Self::Inbound),
            4 => Some(Self::Receipt),
            _ => None,
        }
    }
}

impl NewRecord {
    /// Returns which topic the record goes to.
    pub const fn kind(&self) -> Kind {
        match self.body {
            Body::Reading(_) => Kind::Reading,
            Body::Node(_) => Kind::Node,
            Body::Inbound(_) => Kind::Inbound,
            Body::Receipt(_) => Kind::Receipt,
        }
    }

    /// Returns the stream the record is numbered in.
    pub const fn stream(&self) -> Stream {
        self.kind().stream()
    }

    /// Returns the payload as it is published, which is also what the spool keeps: it is written once and never looked into again.
    pub(crate) fn payload(&self, bridge: &BridgeId, epoch: Epoch, seq: u64) -> Vec<u8> {
        match &self.body {
            Body::Reading(body) => self.serialised(bridge, epoch, seq, body),
            Body::Node(body) => self.serialised(bridge, epoch, seq, body),
            Body::Inbound(body) => self.serialised(bridge, epoch, seq, body),
            Body::Receipt(body) => self.serialised(bridge, epoch, seq, body),
        }
    }

    fn serialised<B: Serialize>(&self, bridge: &BridgeId, epoch: Epoch, seq: u64, body: &B) -> Vec<u8> {
        let (bridge, packet, privacy, heard_at) = (bridge.clone(), self.packet.clone(), self.privacy.clone(), self.heard_at);
        let record = Record { v: V1, bridge, epoch, stream: self.stream(), seq, heard_at, packet, privacy, body };
        serde_json::to_vec(&record).expect("a record has text keys only, and none of its types fail to serialise")
    }
}
