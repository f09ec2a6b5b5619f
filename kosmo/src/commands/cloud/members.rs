//! The members of the demo: one of each plan, with ids that examples can name.

use anyhow::{Context as _, Result};
use kosmo_domain::{NodeId, Plan, Scope, Timestamp};
use kosmo_store::{Constraint, Error, Store, users::NewUser};
use uuid::Uuid;

/// A member of the demo.
pub(crate) struct Member {
    pub(crate) id: Uuid,
    pub(crate) handle: &'static str,
    pub(crate) plan: Plan,
}

/// Who writes in the examples: a wanderer, as the documents have it.
pub(crate) const ANA: Member =
    Member { id: Uuid::from_u128(0x1111_1111_1111_1111_1111_1111_1111_1111), handle: "ana", plan: Plan::Wanderer };
/// All of them.
pub(crate) const MEMBERS: [Member; 4] = [
    ANA,
    Member { id: Uuid::from_u128(0x2222_2222_2222_2222_2222_2222_2222_2222), handle: "ben", plan: Plan::Guardian },
    Member { id: Uuid::from_u128(0x3333_3333_3333_3333_3333_3333_3333_3333), handle: "cleo", plan: Plan::Sanctuary },
    Member { id: Uuid::from_u128(0x4444_4444_4444_4444_4444_4444_4444_4444), handle: "dora", plan: Plan::Free },
];
/// Whom they write to, and the one node on the guardian's list: she lives in every simulated mesh, and answers.
pub(crate) const LENA: NodeId = kosmo_sim::region::LENA;

/// Adds those that are not there yet.
pub(crate) async fn seed(store: &Store, now: Timestamp) -> Result<()> {
    for Member { id, handle, plan } in MEMBERS {
        let new = NewUser { id, handle: handle.parse().context("these handles are handles")?, plan, anchor: now };
        match store.add_user(&new, now).await {
            Ok(()) | Err(Error::Conflict(Constraint::User)) => {}
            Err(error) => return Err(error).with_context(|| format!("the demo's member {handle} cannot be added")),
        }
        if plan.scope() == Scope::Listed {
            store.list_node(id, LENA).await?;
        }
    }
    Ok(())
}
