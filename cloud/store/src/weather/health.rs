//! What nodes measure on their bearers: for operators alone, and in no answer of any service.

use crate::{
    Result, Store,
    db::on_reader,
    ingest::HealthMetrics,
    types::{At, Node},
    weather::nodes::counts,
};
use kosmo_domain::{NodeId, Timestamp};

/// The most nodes that are told of.
const MAX_NODES: i64 = 1_000;

/// What a node measured last.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthRow {
    /// The node.
    pub node: NodeId,
    /// Its name, if it has told one.
    pub name: Option<String>,
    /// What it measured.
    pub metrics: HealthMetrics,
    /// When.
    pub at: Timestamp,
}

impl Store {
    /// Returns what nodes measured on their bearers, of each the latest, the newest first; a thousand nodes at most.
    ///
    /// # Errors
    /// If the database fails, or holds what nobody wrote.
    pub async fn health_metrics(&self) -> Result<Vec<HealthRow>> {
        const SQL: &str = "select node_id, long_name, health_metrics, health_metrics_at from nodes
                            where health_metrics is not null order by health_metrics_at desc, node_id limit $1";
        type Row = (Node, Option<String>, Option<String>, Option<At>);
        let rows: Vec<Row> = on_reader!(self, |db| sqlx::query_as(SQL).bind(MAX_NODES).fetch_all(db))?;
        let mut told = Vec::with_capacity(rows.len());
        for (node, name, metrics, at) in rows {
            let row = counts(metrics.as_deref(), at)?.map(|(metrics, at)| HealthRow { node: node.0, name, metrics, at });
            told.extend(row);
        }
        Ok(told)
    }
}
