//! What a backup does not know of the texts in it.

use crate::{
    Result, Store,
    db::on_reader,
    messages::{facts, facts::Teller, rows},
};
use kosmo_domain::{Fact, Status, Timestamp};
use uuid::Uuid;

impl Store {
    /// Settles every text that waited or was with a bridge when the backup was made, as one of which nobody knows what became of
    /// it: it may have been delivered since, and would be a second time. Returns how many those are.
    ///
    /// # Errors
    /// As the database does.
    pub(crate) async fn settle_unsure(&self, now: Timestamp) -> Result<u64> {
        const SQL: &str = "select id from messages where status in ('pending', 'queued') order by id";
        let ids: Vec<Uuid> = on_reader!(self, |db| sqlx::query_scalar(SQL).fetch_all(db))?;
        let mut settled = 0;
        for id in ids {
            let mut tx = self.begin().await?;
            let Some(row) = rows::lock(&mut tx, id).await? else { continue };
            if matches!(row.status, Status::Pending | Status::Queued) {
                facts::add(&mut tx, row, &[(Fact::Unknown, now)], &Teller::Cloud, now).await?;
                tx.commit().await?;
                settled += 1;
            }
        }
        Ok(settled)
    }
}
