//! What is known of some nodes at this moment, for those who follow them.

use crate::{
    Result, Store,
    db::{Db, json_list},
    types::{At, Node},
    weather::{Latest, latest::Values},
};
use kosmo_domain::{NodeId, Timestamp};

/// A node as it is at this moment.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveNode {
    /// The node.
    pub node: NodeId,
    /// When it was last heard.
    pub last_heard: Timestamp,
    /// What it measured last, if it ever did.
    pub latest: Option<Latest>,
}

impl Store {
    /// Returns how these nodes are, those of them that are known.
    ///
    /// # Errors
    /// As the database does.
    pub async fn live_nodes(&self, nodes: &[NodeId]) -> Result<Vec<LiveNode>> {
        let rows: Vec<(Node, At, Option<At>, Option<String>)> = match &self.db {
            // Lists are JSON.
            Db::Sqlite { read, .. } => {
                const SQL: &str = "select distinct n.node_id, n.last_heard, l.at, l.metrics
                                     from node_identities i join nodes n on n.id = i.node left join latest l on l.node = n.id
                                    where i.node_id in (select value from json_each($1)) and n.hidden = 0";
                let numbers: Vec<u32> = nodes.iter().map(|node| node.number()).collect();
                let numbers = json_list(&numbers);
                sqlx::query_as(SQL).bind(numbers).fetch_all(read).await?
            }
            Db::Postgres(pool) => {
                const SQL: &str = "select distinct n.node_id, n.last_heard, l.at, l.metrics
                                     from node_identities i join nodes n on n.id = i.node left join latest l on l.node = n.id
                                    where i.node_id = any($1) and n.hidden = 0";
                sqlx::query_as(SQL).bind(nodes.iter().map(|node| Node(*node)).collect::<Vec<_>>()).fetch_all(pool).await?
            }
        };
        rows.into_iter()
            .map(|(node, last_heard, at, json)| {
                let values = json.map(|json| Values::read(&json)).transpose()?;
                let latest = at.zip(values).map(|(at, values)| Latest { node: node.0, at: at.0, values });
                Ok(LiveNode { node: node.0, last_heard: last_heard.0, latest })
            })
            .collect()
    }
}
