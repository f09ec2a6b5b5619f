//! Members: who they are, what plan they have, and which nodes they may write to.
//!
//! A use-case that changes anything of a member's locks the member's row first: what happens to one member happens in an
//! order, and that order numbers the member's events.

mod accounts;
mod names;
mod peers;
mod reach;

pub use crate::users::{
    accounts::{NewUser, UserRow},
    names::{GroupName, Handle, NameError},
    peers::{Peer, Recipient},
    reach::GroupRow,
};
pub(crate) use crate::users::{
    accounts::{lock, lock_all, parse_plan},
    peers::PeerColumns,
    reach::reach,
};
