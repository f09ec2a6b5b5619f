//! What bridge and cloud say to each other over MQTT: topics, and every payload as a type with its JSON Schema.
//!
//! The schemas in `schemas/` and the examples in `golden/` are published: programs in other languages are written
//! against them, so a change of either is a change of the contract. Payloads are parsed once, here ([`parse`]); what
//! comes out is bounded and needs no second look, except that a name may still hold unprintable characters.

mod ack;
mod channel;
mod counts;
mod inbound;
mod node;
mod offer;
mod packet;
mod parse;
mod reading;
mod receipt;
mod record;
mod request;
mod schema;
mod status;
mod text;
pub mod topic;

pub use crate::{
    ack::{Ack, AckBody, MAX_RANGES, Ranges, Rejection},
    channel::{ChannelRef, ChannelReport},
    counts::{HealthMetrics, HostStats, RadioStats, TrafficStats},
    inbound::InboundBody,
    node::{Neighbor, NodeBody, NodeReport, User, Waypoint},
    offer::{Contact, Offer, Priority},
    packet::{Packet, Transport},
    parse::{MAX_PAYLOAD_BYTES, Refusal, RefusalCode, parse},
    reading::{MAX_VALUES, Measured, ReadingBody, ReadingKind, RefusedValue, WireValue},
    receipt::{Evidence, NotSentReason, ReceiptBody, WaitReason},
    record::{Privacy, Record, V1},
    request::{Request, RequestBody},
    schema::schemas,
    status::{Air, BridgeState, QueueDepth, Queues, RadioLink, RadioStatus, Status},
    text::{Base64Bytes, Text},
};
