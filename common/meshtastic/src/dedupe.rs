//! Remembers which packets were heard, because radios tell some again after every handshake.

use kosmo_domain::{NodeId, PacketId};
use std::collections::{HashSet, VecDeque};

/// How many packets are remembered: hours of a busy mesh, in some 100 kB.
const CAPACITY: usize = 4096;

/// The packets heard last. Packets without an id cannot be told apart and are never remembered.
#[derive(Debug, Default)]
pub(crate) struct SeenPackets {
    known: HashSet<(NodeId, PacketId)>,
    order: VecDeque<(NodeId, PacketId)>,
}

impl SeenPackets {
    /// Tells whether the packet was heard before.
    pub(crate) fn knows(&self, from: NodeId, id: PacketId) -> bool {
        self.known.contains(&(from, id))
    }

    /// Tells whether the packet is new, and remembers it.
    pub(crate) fn is_new(&mut self, from: NodeId, id: PacketId) -> bool {
        if !id.is_given() {
            return true;
        }
        if !self.known.insert((from, id)) {
            return false;
        }
        if self.order.len() == CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back((from, id));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let mut seen = SeenPackets::default();
        let node = NodeId::from_number(7);
        for id in 1..=10_000 {
            assert!(seen.is_new(node, PacketId(id)));
        }
        assert_eq!((seen.known.len(), seen.order.len()), (CAPACITY, CAPACITY));
        assert!(!seen.is_new(node, PacketId(10_000)));
        assert!(seen.is_new(node, PacketId(1)));
        assert!(seen.is_new(NodeId::from_number(8), PacketId(10_000)));
    }

    #[test]
    fn packets_without_an_id_are_all_new() {
        let mut seen = SeenPackets::default();
        assert!(seen.is_new(NodeId::from_number(7), PacketId(0)));
        assert!(seen.is_new(NodeId::from_number(7), PacketId(0)));
        assert!(seen.known.is_empty());
    }
}
