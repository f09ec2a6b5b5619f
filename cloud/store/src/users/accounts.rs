//! The members themselves.

use crate::{
    Constraint, Error, Result, Store,
    db::{Tx, on_reader, on_tx, on_writer},
    types::{At, Node},
    users::{GroupName, Handle},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{NodeId, Plan, Timestamp};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// The most members listed at once.
const MAX_PAGE: u32 = 1_000;

/// A member to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUser {
    /// The member's id.
    pub id: Uuid,
    /// What the mesh calls the member.
    pub handle: Handle,
    /// The plan.
    pub plan: Plan,
    /// When the plan began, from which its periods are counted.
    pub anchor: Timestamp,
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRow {
    /// The member's id.
    pub id: Uuid,
    /// What the mesh calls the member.
    pub handle: Handle,
    /// The plan.
    pub plan: Plan,
    /// When the plan began, from which its periods are counted.
    pub anchor: Timestamp,
    /// When the member was added.
    pub created_at: Timestamp,
    /// The nodes on the member's list.
    pub nodes: Vec<NodeId>,
    /// The groups the member has.
    pub groups: Vec<GroupName>,
}

/// What decides whether a member may write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Locked {
    pub(crate) plan: Plan,
    pub(crate) anchor: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    handle: String,
    plan: String,
    anchor: At,
    created_at: At,
}

impl TryFrom<Row> for UserRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            handle: row.handle.parse().map_err(|_| Error::Corrupt(format!("{:?} is no handle", row.handle)))?,
            plan: parse_plan(&row.plan)?,
            anchor: row.anchor.0,
            created_at: row.created_at.0,
            nodes: Vec::new(),
            groups: Vec::new(),
        })
    }
}

pub(crate) fn parse_plan(name: &str) -> Result<Plan> {
    name.parse().map_err(|_| Error::Corrupt(format!("{name:?} is no plan")))
}

pub(crate) fn parse_group(name: &str) -> Result<GroupName> {
    name.parse().map_err(|_| Error::Corrupt(format!("{name:?} is no name of a group")))
}

impl Store {
    /// Adds a member.
    ///
    /// # Errors
    /// [`Error::Conflict`] if there is one with this id, or with this handle.
    pub async fn add_user(&self, user: &NewUser, now: Timestamp) -> Result<()> {
        const INSERT: &str = "insert into users (id, handle, plan, anchor, created_at) values ($1, $2, $3, $4, $5) on conflict do nothing";
        const KNOWN: &str = "select count(*) from users where id = $1";
        let mut tx = self.begin().await?;
        let rows = on_tx!(tx, |db| {
            sqlx::query(INSERT)
                .bind(user.id)
                .bind(user.handle.as_str())
                .bind(user.plan.as_str())
                .bind(At(user.anchor))
                .bind(At(now))
                .execute(db)
                .map_ok(|done| done.rows_affected())
        })?;
        if rows == 0 {
            let known: i64 = on_tx!(tx, |db| sqlx::query_scalar(KNOWN).bind(user.id).fetch_one(db))?;
            return Err(Error::Conflict(if known > 0 { Constraint::User } else { Constraint::Handle }));
        }
        tx.commit().await
    }

    /// Returns a member.
    ///
    /// # Errors
    /// As the database does.
    pub async fn user(&self, id: Uuid) -> Result<Option<UserRow>> {
        const SQL: &str = "select id, handle, plan, anchor, created_at from users where id = $1";
        const NODES: &str = "select node_id from user_nodes where user_id = $1 order by node_id";
        const GROUPS: &str = "select group_name from user_groups where user_id = $1 order by group_name";
        let row: Option<Row> = on_reader!(self, |db| sqlx::query_as(SQL).bind(id).fetch_optional(db))?;
        let Some(mut user) = row.map(UserRow::try_from).transpose()? else { return Ok(None) };
        let nodes: Vec<Node> = on_reader!(self, |db| sqlx::query_scalar(NODES).bind(id).fetch_all(db))?;
        let groups: Vec<String> = on_reader!(self, |db| sqlx::query_scalar(GROUPS).bind(id).fetch_all(db))?;
        user.nodes = nodes.into_iter().map(NodeId::from).collect();
        user.groups = groups.iter().map(|name| parse_group(name)).collect::<Result<_>>()?;
        Ok(Some(user))
    }

    /// Lists members by handle, with their lists and groups: at most `limit` with a handle after `after`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn users(&self, after: Option<&Handle>, limit: u32) -> Result<Vec<UserRow>> {
        const SQL: &str = "select id, handle, plan, anchor, created_at from users where handle > $1 order by handle limit $2";
        const NODES: &str = "select n.user_id, n.node_id
                               from user_nodes n join users u on u.id = n.user_id
                              where u.handle > $1 and u.handle <= $2
                              order by n.node_id";
        const GROUPS: &str = "select g.user_id, g.group_name
                                from user_groups g join users u on u.id = g.user_id
                               where u.handle > $1 and u.handle <= $2
                               order by g.group_name";
        let after = after.map_or("", Handle::as_str);
        let limit = i64::from(limit.min(MAX_PAGE));
        let rows: Vec<Row> = on_reader!(self, |db| sqlx::query_as(SQL).bind(after).bind(limit).fetch_all(db))?;
        let mut users = rows.into_iter().map(UserRow::try_from).collect::<Result<Vec<_>>>()?;
        let Some(last) = users.last().map(|user| user.handle.to_string()) else { return Ok(users) };
        let nodes: Vec<(Uuid, Node)> = on_reader!(self, |db| sqlx::query_as(NODES).bind(after).bind(&last).fetch_all(db))?;
        let groups: Vec<(Uuid, String)> = on_reader!(self, |db| sqlx::query_as(GROUPS).bind(after).bind(&last).fetch_all(db))?;
        let mut by_id: HashMap<Uuid, &mut UserRow> = users.iter_mut().map(|user| (user.id, user)).collect();
        for (id, node) in nodes {
            if let Some(user) = by_id.get_mut(&id) {
                user.nodes.push(node.0);
            }
        }
        for (id, name) in groups {
            if let Some(user) = by_id.get_mut(&id) {
                user.groups.push(parse_group(&name)?);
            }
        }
        Ok(users)
    }

    /// Gives a member a plan whose periods are counted from `anchor`, and tells whether there is such a member.
    ///
    /// # Errors
    /// As the database does.
    pub async fn set_plan(&self, id: Uuid, plan: Plan, anchor: Timestamp) -> Result<bool> {
        const SQL: &str = "update users set plan = $2, anchor = $3 where id = $1";
        let rows = on_writer!(self, |db| {
            sqlx::query(SQL).bind(id).bind(plan.as_str()).bind(At(anchor)).execute(db).map_ok(|done| done.rows_affected())
        })?;
        Ok(rows > 0)
    }
}

/// Locks a member's row inside a use-case until it ends; nothing if there is no such member.
pub(crate) async fn lock(tx: &mut Tx, id: Uuid) -> Result<Option<Locked>> {
    // An update that changes nothing locks on either database.
    const SQL: &str = "update users set event_seq = event_seq where id = $1 returning plan, anchor";
    let row: Option<(String, At)> = on_tx!(tx, |db| sqlx::query_as(SQL).bind(id).fetch_optional(db))?;
    row.map(|(plan, anchor)| Ok(Locked { plan: parse_plan(&plan)?, anchor: anchor.0 })).transpose()
}

/// Locks several members' rows, in the order of their ids, so that two use-cases never wait for each other.
pub(crate) async fn lock_all(tx: &mut Tx, ids: &BTreeSet<Uuid>) -> Result<()> {
    for id in ids {
        lock(tx, *id).await?;
    }
    Ok(())
}
