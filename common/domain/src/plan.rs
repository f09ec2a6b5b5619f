//! What a member's plan lets them send, and to whom.

use crate::NodeId;
use std::{fmt, str::FromStr};

/// A member's plan. Anyone may hear the mesh; writing to it from the web is what plans are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Plan {
    /// Receives, and sends nothing.
    Free,
    /// Writes to any node, now and then.
    Wanderer,
    /// Writes often, to the nodes on its list.
    Guardian,
    /// Writes to any node, without a limit.
    Sanctuary,
}

/// How far a plan reaches. The groups and nodes that a scope speaks of are the member's own [`Reach`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// To nobody.
    Nobody,
    /// To every node of the mesh: network-level.
    Network,
    /// To the nodes on the member's list, or in one of the member's groups: node-level and group-level.
    Listed,
}

/// How many texts a plan sends in a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowance {
    /// At most so many.
    Limited(u32),
    /// As many as the air takes.
    Unlimited,
}

/// Which nodes a member may write to beyond what the plan says of all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reach {
    /// The node is on the member's list.
    pub listed: bool,
    /// The node is in a group of the member's.
    pub grouped: bool,
}

/// Says why a member may not write to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// The plan sends nothing at all.
    #[error("the plan {0} receives, but sends nothing")]
    PlanSendsNothing(Plan),
    /// The plan is for listed nodes, and this one is not among them.
    #[error("the plan {plan} writes to listed nodes, and {node} is not on the list")]
    NodeNotListed {
        /// The plan.
        plan: Plan,
        /// The node.
        node: NodeId,
    },
}

/// Says that no plan has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a plan is free, wanderer, guardian or sanctuary")]
pub struct UnknownPlan;

impl Plan {
    /// Every plan, the smallest first.
    pub const ALL: [Self; 4] = [Self::Free, Self::Wanderer, Self::Guardian, Self::Sanctuary];

    /// Returns the plan's name as members, databases and answers write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Wanderer => "wanderer",
            Self::Guardian => "guardian",
            Self::Sanctuary => "sanctuary",
        }
    }

    /// Returns how far the plan reaches.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Free => Scope::Nobody,
            Self::Wanderer | Self::Sanctuary => Scope::Network,
            Self::Guardian => Scope::Listed,
        }
    }

    /// Returns how many texts the plan sends in a period.
    pub const fn allowance(self) -> Allowance {
        match self {
            Self::Free => Allowance::Limited(0),
            Self::Wanderer => Allowance::Limited(50),
            Self::Guardian => Allowance::Limited(500),
            Self::Sanctuary => Allowance::Unlimited,
        }
    }

    /// Tells whether a member with this plan may write to a node, given what the member's own lists say of it.
    ///
    /// # Errors
    /// [`NotAllowed`] if not.
    pub const fn may_write_to(self, node: NodeId, reach: Reach) -> Result<(), NotAllowed> {
        match self.scope() {
            Scope::Nobody => Err(NotAllowed::PlanSendsNothing(self)),
            Scope::Listed if !reach.listed && !reach.grouped => Err(NotAllowed::NodeNotListed { plan: self, node }),
            Scope::Network | Scope::Listed => Ok(()),
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Plan {
    type Err = UnknownPlan;

    fn from_str(name: &str) -> Result<Self, UnknownPlan> {
        Self::ALL.into_iter().find(|plan| plan.as_str() == name).ok_or(UnknownPlan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_reach_as_far_as_they_promise() {
        let node = NodeId::from_number(0xa1b2_c3d4);
        let (listed, grouped, stranger) =
            (Reach { listed: true, grouped: false }, Reach { listed: false, grouped: true }, Reach::default());
        assert_eq!(Plan::Free.may_write_to(node, listed), Err(NotAllowed::PlanSendsNothing(Plan::Free)));
        assert_eq!(Plan::Wanderer.may_write_to(node, stranger), Ok(()));
        assert_eq!(Plan::Guardian.may_write_to(node, stranger), Err(NotAllowed::NodeNotListed { plan: Plan::Guardian, node }));
        assert_eq!(Plan::Guardian.may_write_to(node, listed), Ok(()));
        assert_eq!(Plan::Guardian.may_write_to(node, grouped), Ok(()));
        assert_eq!(Plan::Sanctuary.may_write_to(node, stranger), Ok(()));
    }

    #[test]
    fn every_plan_survives_its_name() {
        for plan in Plan::ALL {
            assert_eq!(plan.as_str().parse(), Ok(plan));
        }
        assert_eq!("gold".parse::<Plan>(), Err(UnknownPlan));
    }
}
