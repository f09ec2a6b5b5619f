//! Which member of a sharing group gets a message.

use async_trait::async_trait;
use rmqtt::{
    context::ServerContext,
    subscribe::SharedSubscription,
    types::{ClientId, Id, IsOnline, NodeId, SharedGroup, SubscriptionIdentifier, SubscriptionOptions, TopicName},
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A member as the library describes it: where, who, how, with which ids, and whether it is connected.
type Member = (NodeId, ClientId, SubscriptionOptions, Option<Vec<SubscriptionIdentifier>>, Option<IsOnline>);

/// One after the other, passing over members that are away.
#[derive(Debug, Default)]
pub(crate) struct RoundRobin(AtomicUsize);

impl RoundRobin {
    /// Returns whose turn it is; somebody who is away only if all are, since a kept session may be waited for.
    fn turn(&self, online: impl Fn(usize) -> bool, members: usize) -> Option<(usize, bool)> {
        if members == 0 {
            return None;
        }
        let first = self.0.fetch_add(1, Ordering::Relaxed);
        let next = (0..members).map(|step| first.wrapping_add(step) % members).find(|&member| online(member));
        Some(next.map_or((first % members, false), |member| (member, true)))
    }
}

#[async_trait]
impl SharedSubscription for RoundRobin {
    fn is_supported(&self) -> bool {
        true
    }

    async fn choice(
        &self,
        _context: &ServerContext,
        _group: &SharedGroup,
        _publisher: &Id,
        _topic: &TopicName,
        members: &[Member],
    ) -> Option<(usize, IsOnline)> {
        self.turn(|member| members[member].4 == Some(true), members.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_gets_a_turn_and_who_is_away_is_passed_over() {
        let turns = RoundRobin::default();
        let mut got = [0; 3];
        for _ in 0..300 {
            let (member, online) = turns.turn(|member| member != 1, 3).unwrap();
            assert!(online);
            got[member] += 1;
        }
        assert_eq!(got[1], 0);
        assert!(got[0] >= 100 && got[2] >= 100, "{got:?}");
    }

    #[test]
    fn a_group_that_is_all_away_is_waited_for() {
        let turns = RoundRobin::default();
        assert_eq!(turns.turn(|_| false, 2), Some((0, false)));
        assert_eq!(turns.turn(|_| false, 0), None);
    }
}
