//! The Meshtastic protocol as its clients and radios speak it: stream framing, packets, and the radio session.
//!
//! Nothing here does I/O or reads a clock: bytes and times go in, bytes and events come out, so that every stall,
//! tear and lie of a radio can be played to it in a test. [`stream`] and [`proto`] serve both ends of a link;
//! [`session`] is the client's end.

pub mod admin;
pub mod airtime;
pub mod crypto;
mod dedupe;
pub mod envelope;
pub mod evidence;
pub mod lockdown;
pub mod name;
pub mod node;
pub mod outgoing;
pub mod packet;
pub mod payload;
pub mod proxy;
pub mod radio;
mod refusal;
pub mod session;
pub mod stream;
pub mod telemetry;
pub mod waypoint;
mod wire;

pub use meshtastic::protobufs as proto;
pub use prost::Message;
