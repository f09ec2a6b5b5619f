//! Which nodes a member may write to beyond what the plan says: a list of the member's own, and groups of nodes.

use crate::{
    Result, Store,
    db::{Tx, on_reader, on_tx, on_writer},
    types::Node,
    users::{GroupName, accounts::parse_group, lock},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{NodeId, Reach};
use uuid::Uuid;

/// A group of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// What it is called.
    pub name: GroupName,
    /// Its nodes.
    pub nodes: Vec<NodeId>,
}

impl Store {
    /// Puts a node on a member's list, and tells whether there is such a member.
    ///
    /// # Errors
    /// As the database does.
    pub async fn list_node(&self, user: Uuid, node: NodeId) -> Result<bool> {
        const SQL: &str = "insert into user_nodes (user_id, node_id) values ($1, $2) on conflict do nothing";
        let mut tx = self.begin().await?;
        if lock(&mut tx, user).await?.is_none() {
            return Ok(false);
        }
        on_tx!(tx, |db| sqlx::query(SQL).bind(user).bind(Node(node)).execute(db).map_ok(drop))?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a node off a member's list, and tells whether it was on it.
    ///
    /// # Errors
    /// As the database does.
    pub async fn unlist_node(&self, user: Uuid, node: NodeId) -> Result<bool> {
        const SQL: &str = "delete from user_nodes where user_id = $1 and node_id = $2";
        let rows = on_writer!(self, |db| sqlx::query(SQL).bind(user).bind(Node(node)).execute(db).map_ok(|done| done.rows_affected()))?;
        Ok(rows > 0)
    }

    /// Puts a node into a group, which is made if there is none of this name, and tells whether it was not in it before.
    ///
    /// # Errors
    /// As the database does.
    pub async fn add_to_group(&self, group: &GroupName, node: NodeId) -> Result<bool> {
        const SQL: &str = "insert into group_nodes (group_name, node_id) values ($1, $2) on conflict do nothing";
        let rows = on_writer!(self, |db| {
            sqlx::query(SQL).bind(group.as_str()).bind(Node(node)).execute(db).map_ok(|done| done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Takes a node out of a group, and tells whether it was in it. A group without nodes is none.
    ///
    /// # Errors
    /// As the database does.
    pub async fn remove_from_group(&self, group: &GroupName, node: NodeId) -> Result<bool> {
        const SQL: &str = "delete from group_nodes where group_name = $1 and node_id = $2";
        let rows = on_writer!(self, |db| {
            sqlx::query(SQL).bind(group.as_str()).bind(Node(node)).execute(db).map_ok(|done| done.rows_affected())
        })?;
        Ok(rows > 0)
    }

    /// Returns all groups by name.
    ///
    /// # Errors
    /// As the database does.
    pub async fn groups(&self) -> Result<Vec<GroupRow>> {
        const SQL: &str = "select group_name, node_id from group_nodes order by group_name, node_id";
        let rows: Vec<(String, Node)> = on_reader!(self, |db| sqlx::query_as(SQL).fetch_all(db))?;
        let mut groups: Vec<GroupRow> = Vec::new();
        for (name, node) in rows {
            match groups.last_mut() {
                Some(group) if group.name.as_str() == name => group.nodes.push(node.0),
                _ => groups.push(GroupRow { name: parse_group(&name)?, nodes: vec![node.0] }),
            }
        }
        Ok(groups)
    }

    /// Gives a member a group, and tells whether there is such a member.
    ///
    /// # Errors
    /// As the database does.
    pub async fn give_group(&self, user: Uuid, group: &GroupName) -> Result<bool> {
        const SQL: &str = "insert into user_groups (user_id, group_name) values ($1, $2) on conflict do nothing";
        let mut tx = self.begin().await?;
        if lock(&mut tx, user).await?.is_none() {
            return Ok(false);
        }
        on_tx!(tx, |db| sqlx::query(SQL).bind(user).bind(group.as_str()).execute(db).map_ok(drop))?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes a group from a member, and tells whether the member had it.
    ///
    /// # Errors
    /// As the database does.
    pub async fn take_group(&self, user: Uuid, group: &GroupName) -> Result<bool> {
        const SQL: &str = "delete from user_groups where user_id = $1 and group_name = $2";
        let rows =
            on_writer!(self, |db| { sqlx::query(SQL).bind(user).bind(group.as_str()).execute(db).map_ok(|done| done.rows_affected()) })?;
        Ok(rows > 0)
    }
}

/// Returns what a member's list and groups say of a node.
pub(crate) async fn reach(tx: &mut Tx, user: Uuid, node: NodeId) -> Result<Reach> {
    const SQL: &str = "select (select count(*) from user_nodes where user_id = $1 and node_id = $2),
                              (select count(*)
                                 from user_groups u join group_nodes g on g.group_name = u.group_name
                                where u.user_id = $1 and g.node_id = $2)";
    let (listed, grouped): (i64, i64) = on_tx!(tx, |db| sqlx::query_as(SQL).bind(user).bind(Node(node)).fetch_one(db))?;
    Ok(Reach { listed: listed > 0, grouped: grouped > 0 })
}
