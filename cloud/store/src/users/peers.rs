//! The nodes that a member may write to, with what helps to choose one.

use crate::{
    Result, Store,
    db::on_reader,
    types::{At, Node},
};
use kosmo_domain::{NodeId, Scope, Timestamp};
use uuid::Uuid;

/// The most nodes looked through.
const MAX_NODES: i64 = 20_000;

/// What is known of a node that somebody writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The long name it gives itself.
    pub long_name: Option<String>,
    /// The short name it gives itself.
    pub short_name: Option<String>,
    /// Whether it says that nobody reads messages sent to it.
    pub unmessagable: bool,
    /// When it was found to bear another key than before.
    pub key_changed_at: Option<Timestamp>,
    /// When it was last heard.
    pub last_heard: Timestamp,
}

/// A node that a member may write to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The node.
    pub node: NodeId,
    /// What is known of it; nothing if it was never heard.
    pub peer: Option<Peer>,
}

/// The columns of a [`Peer`], of which all are null for a node that was never heard.
#[derive(sqlx::FromRow)]
pub(crate) struct PeerColumns {
    long_name: Option<String>,
    short_name: Option<String>,
    unmessagable: Option<bool>,
    key_changed_at: Option<At>,
    last_heard: Option<At>,
}

impl From<PeerColumns> for Option<Peer> {
    fn from(row: PeerColumns) -> Self {
        row.last_heard.map(|last_heard| Peer {
            long_name: row.long_name,
            short_name: row.short_name,
            unmessagable: row.unmessagable.unwrap_or(false),
            key_changed_at: row.key_changed_at.map(Timestamp::from),
            last_heard: last_heard.0,
        })
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    node_id: Node,
    #[sqlx(flatten)]
    peer: PeerColumns,
}

impl Store {
    /// Returns nodes that a member may write to whose plan reaches so far, those last heard first, then those never heard:
    /// at most `limit` after the first `skip`. With words, only those whose names or id contain them.
    ///
    /// # Errors
    /// As the database does.
    pub async fn recipients(&self, user: Uuid, scope: Scope, words: &str, skip: usize, limit: usize) -> Result<Vec<Recipient>> {
        const NETWORK: &str = "select node_id, long_name, short_name, unmessagable, key_changed_at, last_heard
                                 from nodes
                                order by last_heard desc, node_id
                                limit $1";
        const LISTED: &str = "select l.node_id, n.long_name, n.short_name, n.unmessagable, n.key_changed_at, n.last_heard
                                from (select node_id from user_nodes where user_id = $1
                                       union
                                      select g.node_id from user_groups u join group_nodes g on g.group_name = u.group_name where u.user_id = $1) l
                                left join nodes n on n.id = (select i.node from node_identities i where i.node_id = l.node_id limit 1)
                               order by case when n.last_heard is null then 1 else 0 end, n.last_heard desc, l.node_id
                               limit $2";
        let rows: Vec<Row> = match scope {
            Scope::Nobody => Vec::new(),
            Scope::Network => on_reader!(self, |db| sqlx::query_as(NETWORK).bind(MAX_NODES).fetch_all(db))?,
            Scope::Listed => on_reader!(self, |db| sqlx::query_as(LISTED).bind(user).bind(MAX_NODES).fetch_all(db))?,
        };
        // Each database folds the letters of other languages in its own way, so words are compared here.
        let words = words.to_lowercase();
        let found = rows.into_iter().map(|row| Recipient { node: row.node_id.0, peer: row.peer.into() });
        Ok(found.filter(|recipient| words.is_empty() || recipient.is_called(&words)).skip(skip).take(limit).collect())
    }

    /// Returns what is known of a node; nothing if it was never heard.
    ///
    /// # Errors
    /// As the database does.
    pub async fn peer(&self, node: NodeId) -> Result<Option<Peer>> {
        const SQL: &str = "select long_name, short_name, unmessagable, key_changed_at, last_heard
                             from nodes where id = (select node from node_identities where node_id = $1 limit 1)";
        let row: Option<PeerColumns> = on_reader!(self, |db| sqlx::query_as(SQL).bind(Node(node)).fetch_optional(db))?;
        Ok(row.and_then(Option::from))
    }
}

impl Recipient {
    fn is_called(&self, words: &str) -> bool {
        let names = self.peer.iter().flat_map(|peer| [&peer.long_name, &peer.short_name]).flatten();
        self.node.to_string().contains(words) || names.into_iter().any(|name| name.to_lowercase().contains(words))
    }
}
