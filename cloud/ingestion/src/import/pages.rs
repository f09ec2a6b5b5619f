//! Goes through the tables of a file a page at a time, and tells how far it is.

use super::{ImportError, Listener, Taker};
use kosmo_store::foreign::{Foreign, ForeignError};

/// A file that is gone through.
pub(super) struct Pages<'a, 't> {
    pub(super) foreign: Foreign,
    pub(super) taker: &'a mut Taker<'t>,
    pub(super) tell: Listener<'a>,
    /// How many rows were gone through, and how many there are in all tables.
    pub(super) done: u64,
    pub(super) all: u64,
}

impl Pages<'_, '_> {
    /// Has every row of a table taken. `read` returns a page of those that stand after a place, and `place` where a row stands.
    pub(super) async fn table<R>(
        &mut self,
        read: impl AsyncFn(&mut Foreign, i64) -> Result<Vec<R>, ForeignError>,
        place: impl Fn(&R) -> i64,
        take: impl Fn(&mut Taker<'_>, Vec<R>),
    ) -> Result<(), ImportError> {
        let mut after = i64::MIN;
        loop {
            let rows = read(&mut self.foreign, after).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = place(last);
            self.done += rows.len() as u64;
            take(self.taker, rows);
            self.taker.flush_if_full().await?;
            (self.tell)(self.done, self.all);
        }
    }
}
