//! Packet ids as firmware makes them, and the memory of those that were seen.

use crate::noise;
use kosmo_domain::{PacketId, Uptime};
use std::{collections::VecDeque, time::Duration};

const STREAM_ID: u64 = 70;
/// More packets than any node hears while it remembers them.
const REMEMBERED: usize = 2_000;
/// How long firmware knows a packet again.
const MEMORY: Duration = Duration::from_mins(10);

/// A source of packet ids that differ from one run to the next.
#[derive(Debug)]
pub(crate) struct PacketIds {
    salt: u64,
    given: u64,
}

impl PacketIds {
    pub(crate) fn new(salt: u64) -> Self {
        Self { salt, given: 0 }
    }

    /// Returns how many ids were given.
    pub(crate) fn given(&self) -> u64 {
        self.given
    }

    /// Returns an id as firmware makes it: ten bits that count, and 22 that nobody foresees.
    pub(crate) fn next(&mut self) -> PacketId {
        self.given += 1;
        let counted = noise::hash32(self.salt, &[STREAM_ID]).wrapping_add(u32::try_from(self.given & 0x3ff).unwrap_or(0)) & 0x3ff;
        let drawn = noise::hash32(self.salt, &[STREAM_ID, self.given]) << 10;
        PacketId((drawn | counted).max(1))
    }
}

/// The packets that a node heard lately.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    packets: VecDeque<(Uptime, u32, u32)>,
}

impl Seen {
    /// Tells whether a packet is remembered.
    pub(crate) fn knows(&self, from: u32, id: u32) -> bool {
        self.packets.iter().any(|&(_, by, seen)| (by, seen) == (from, id))
    }

    /// Tells whether a packet is new, and remembers it. Without an id, every packet is new.
    pub(crate) fn is_new(&mut self, from: u32, id: u32, now: Uptime, pace: crate::lora::Pace) -> bool {
        let memory = pace.of(MEMORY);
        while self.packets.front().is_some_and(|&(at, ..)| now.since(at) >= memory) || self.packets.len() >= REMEMBERED {
            self.packets.pop_front();
        }
        if id == 0 {
            return true;
        }
        let known = self.knows(from, id);
        if !known {
            self.packets.push_back((now, from, id));
        }
        !known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lora::Pace;

    #[test]
    fn a_packet_is_known_again_for_ten_minutes() {
        let (mut seen, pace) = (Seen::default(), Pace::new(1));
        let minute = |minutes| Uptime(Duration::from_mins(minutes));
        assert!(seen.is_new(1, 7, minute(0), pace));
        assert!(!seen.is_new(1, 7, minute(9), pace));
        assert!(seen.is_new(2, 7, minute(9), pace), "another sender's packet");
        assert!(seen.is_new(1, 7, minute(10), pace));
        assert!(seen.is_new(1, 0, minute(10), pace) && seen.is_new(1, 0, minute(10), pace));
        let (mut seen, pace) = (Seen::default(), Pace::new(60));
        assert!(seen.is_new(1, 7, minute(0), pace) && seen.is_new(1, 7, Uptime(Duration::from_secs(10)), pace));
    }

    #[test]
    fn its_memory_is_bounded() {
        let mut seen = Seen::default();
        for id in 1..10_000 {
            seen.is_new(1, id, Uptime::default(), Pace::new(1));
        }
        assert!(seen.packets.len() <= REMEMBERED);
    }
}
