//! What of the file is to be published.

use crate::spool::{
    file::{self, Stored},
    flight::Next,
};
use kosmo_domain::Stream;
use sqlx::SqliteConnection;

/// What is to be published now.
pub(super) struct Due {
    pub(super) again: Vec<Stored>,
    pub(super) live: Vec<Stored>,
    pub(super) backlog: Vec<Stored>,
    /// Whether there is no more of it.
    pub(super) is_all_live: bool,
    pub(super) is_all_backlog: bool,
}

/// Reads what is to be published: again, for the first time, and of the backlog, if there is room for that.
pub(super) async fn read(db: &mut SqliteConnection, stream: Stream, overdue: &[u64], next: Next) -> sqlx::Result<Due> {
    let again = if overdue.is_empty() { Vec::new() } else { file::these(db, stream, overdue).await? };
    let (after, count) = next.live;
    let live = if count == 0 { Vec::new() } else { file::between(db, stream, after, u64::MAX, count).await? };
    let (after, until, count) = next.backlog;
    let count = count.min(next.places.saturating_sub(live.len()));
    let backlog = if count == 0 { Vec::new() } else { file::between(db, stream, after, until, count).await? };
    let is_all_live = live.len() < next.live.1;
    let is_all_backlog = backlog.len() < count;
    Ok(Due { again, live, backlog, is_all_live, is_all_backlog })
}
