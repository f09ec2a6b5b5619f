//! How often a client may send on a port (`PhoneAPI::handleToRadioPacket`), counted for each connection.

use crate::lora::Pace;
use kosmo_domain::Uptime;
use kosmo_meshtastic::proto::PortNum;
use std::{collections::BTreeMap, time::Duration};

/// What a radio makes of a packet that comes too soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TooSoon {
    /// It answers with an error to whoever the packet says it is from.
    Refused,
    /// It says nothing.
    Dropped,
    /// It tells the client in words.
    Notified,
}

/// When a client last sent on each port that is limited.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    last: BTreeMap<i32, Uptime>,
}

impl Limits {
    /// Lets a packet through and remembers it, or says what comes of it.
    pub(crate) fn pass(&mut self, port: i32, now: Uptime, pace: Pace) -> Result<(), TooSoon> {
        let Some((interval, outcome)) = limit(port) else { return Ok(()) };
        if self.last.get(&port).is_some_and(|&last| now.since(last) < pace.of(interval)) {
            return Err(outcome);
        }
        self.last.insert(port, now);
        Ok(())
    }
}

fn limit(port: i32) -> Option<(Duration, TooSoon)> {
    match PortNum::try_from(port).ok()? {
        PortNum::TextMessageApp => Some((Duration::from_secs(2), TooSoon::Refused)),
        PortNum::PositionApp | PortNum::WaypointApp | PortNum::AlertApp | PortNum::TelemetryApp => {
            Some((Duration::from_secs(10), TooSoon::Dropped))
        }
        PortNum::TracerouteApp => Some((Duration::from_secs(30), TooSoon::Notified)),
        _ => None,
    }
}
