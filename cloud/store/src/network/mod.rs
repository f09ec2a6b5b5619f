//! How the network fares: how much comes in and is refused, who is silent that used to speak, and which services run.

mod hidden;
mod services;
mod silence;
mod traffic;

pub(crate) use crate::network::traffic::{Tally, topic_word};
pub use crate::network::{
    hidden::NotShown,
    services::{NotReady, ServiceRun},
    silence::{FIRST_GAPS, SilentFrom, SilentNode},
    traffic::{Kind, RejectHour, Traffic, TrafficRow, Width},
};
