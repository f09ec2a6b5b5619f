//! Texts between web and mesh: who may send, what became of each, and whom an answer is for.
//!
//! A text is accepted with its quota in one transaction, offered to the bridges over MQTT, granted to one of them, and what
//! that one tells of it moves its status. What bridges hear goes to the member it is for. Nothing is answered for before the
//! database has it. What was refused is kept as it came, and [`replay`] takes it through the decoder again.

mod ack;
mod bare;
mod cancel;
mod channels;
mod codes;
mod consumer;
mod conversation;
mod conversations;
mod decode;
mod gaps;
mod gateway;
mod hub;
mod identity;
mod keys;
mod live;
mod message;
mod offers;
mod pace;
mod path;
mod quota;
mod radios;
mod read;
mod reason;
mod recipients;
mod replay;
mod send;
mod shared;
mod stream;
mod telemetry;
mod upkeep;
mod views;
mod who;
mod wording;
mod words;

pub use crate::{
    decode::{Decoded, decode},
    gateway::{Config, Gateway},
    identity::{DevIdentity, NotLoopback},
    pace::Pace,
    replay::{Replayed, replay},
    wording::operator_on_air as on_air,
};
