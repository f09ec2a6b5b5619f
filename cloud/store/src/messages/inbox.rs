//! The operators' inbox: texts to a bridge that are no member's.

use crate::{
    Result, Store,
    db::on_reader,
    messages::rows::{InboundColumns, InboundRow},
};
use uuid::Uuid;

/// The most texts listed at once.
const MAX_PAGE: u32 = 200;

impl Store {
    /// Lists the texts that are no member's, the newest first: at most `limit` with an id below `before`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn operators_inbox(&self, before: Option<Uuid>, limit: u32) -> Result<Vec<InboundRow>> {
        const SQL: &str = "select * from inbound_texts where user_id is null and id < $1 order by id desc limit $2";
        let (before, limit) = (before.unwrap_or(Uuid::max()), i64::from(limit.min(MAX_PAGE)));
        let rows: Vec<InboundColumns> = on_reader!(self, |db| sqlx::query_as(SQL).bind(before).bind(limit).fetch_all(db))?;
        rows.into_iter().map(InboundRow::try_from).collect()
    }
}
