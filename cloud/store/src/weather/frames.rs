//! The summaries of many nodes over the same hours: what a map shows when its time is moved.

use crate::{
    Result, Store,
    db::{Db, each, json_list},
    types::{At, Node},
    weather::{MAX_PAGE, stats},
};
use kosmo_domain::{HOUR, Metric, NodeId, Timestamp};
use std::collections::BTreeMap;

/// What one node measured over the hours that were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameRow {
    /// Where the node stands in this listing; means nothing elsewhere.
    pub place: i64,
    /// Its present id.
    pub node: NodeId,
    /// For each metric that was asked for, in that order, the value of each hour.
    pub series: Vec<Vec<Option<f64>>>,
}

/// What hours are asked for: at `from`, which begins an hour, and so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// When the first begins.
    pub from: Timestamp,
    /// How many they are.
    pub count: u32,
}

impl Hours {
    /// Returns when the last of them ends.
    pub fn end(self) -> Timestamp {
        self.from.plus(HOUR * self.count)
    }

    fn index(self, at: Timestamp) -> Option<usize> {
        let index = usize::try_from(at.since(self.from).as_secs() / HOUR.as_secs()).ok()?;
        (at >= self.from && index < self.count as usize).then_some(index)
    }
}

impl Store {
    /// Returns what the nodes that ever measured one of these metrics did over these hours, as far as it is summarised: at
    /// most `limit` that stand after `after`. A node may have no value at all in them.
    ///
    /// # Errors
    /// As the database does.
    pub async fn frames(&self, metrics: &[Metric], hours: Hours, after: Option<i64>, limit: u32) -> Result<Vec<FrameRow>> {
        let nodes = self.nodes_that_measured(metrics, after, limit.min(MAX_PAGE)).await?;
        let empty = || vec![vec![None; hours.count as usize]; metrics.len()];
        let mut frames: BTreeMap<i64, FrameRow> =
            nodes.iter().map(|(id, node)| (*id, FrameRow { place: *id, node: node.0, series: empty() })).collect();
        let ids: Vec<i64> = frames.keys().copied().collect();
        let take = |(node, at, json): (i64, At, String)| -> Result<()> {
            let (Some(frame), Some(hour)) = (frames.get_mut(&node), hours.index(at.0)) else { return Ok(()) };
            for (series, value) in frame.series.iter_mut().zip(stats::primaries(&json, metrics)?) {
                series[hour] = value;
            }
            Ok(())
        };
        // A summary is some hundred bytes, of which a few are wanted: they are taken as they come, never held all at once.
        match &self.db {
            // The list is JSON; `cross join` has each node looked up in the index.
            Db::Sqlite { read, .. } => {
                const SQL: &str = "select r.node, r.at, r.stats
                                     from json_each($1) n
                                    cross join rollups_1h r on r.node = n.value and r.at >= $2 and r.at < $3";
                let ids = json_list(&ids);
                each(sqlx::query_as(SQL).bind(ids).bind(At(hours.from)).bind(At(hours.end())).fetch(read), take).await?;
            }
            // The list is an array.
            Db::Postgres(pool) => {
                const SQL: &str = "select r.node, r.at, r.stats
                                     from unnest($1::bigint[]) n (id)
                                     join rollups_1h r on r.node = n.id and r.at >= $2 and r.at < $3";
                each(sqlx::query_as(SQL).bind(ids).bind(At(hours.from)).bind(At(hours.end())).fetch(pool), take).await?;
            }
        }
        Ok(frames.into_values().collect())
    }

    async fn nodes_that_measured(&self, metrics: &[Metric], after: Option<i64>, limit: u32) -> Result<Vec<(i64, Node)>> {
        let (after, limit) = (after.unwrap_or(i64::MIN), i64::from(limit));
        // The latest values name each metric that a node ever had, in quotes.
        let names: Vec<String> = metrics.iter().map(|metric| format!("\"{}\"", metric.name())).collect();
        Ok(match &self.db {
            // The list is JSON here, and an array there.
            Db::Sqlite { read, .. } => {
                const SQL: &str = "select l.node, n.node_id
                                     from latest l
                                     join nodes n on n.id = l.node
                                    where l.node > $1 and n.hidden = 0 and exists (select 1 from json_each($2) m where instr(l.metrics, m.value) > 0)
                                    order by l.node
                                    limit $3";
                let names = json_list(&names);
                sqlx::query_as(SQL).bind(after).bind(names).bind(limit).fetch_all(read).await?
            }
            Db::Postgres(pool) => {
                const SQL: &str = "select l.node, n.node_id
                                     from latest l
                                     join nodes n on n.id = l.node
                                    where l.node > $1 and n.hidden = 0 and exists (select 1 from unnest($2::text[]) m (name) where strpos(l.metrics, m.name) > 0)
                                    order by l.node
                                    limit $3";
                sqlx::query_as(SQL).bind(after).bind(names).bind(limit).fetch_all(pool).await?
            }
        })
    }
}
