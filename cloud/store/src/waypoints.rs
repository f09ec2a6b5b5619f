//! Places that people of the mesh mark for others: a meeting point, a spring, a road that is closed.
//!
//! The mesh knows a place by a number that its first teller made up; whoever hears of it may change it, unless it is locked to one
//! node. So it is here, too, and the number of places is bounded, as anybody can make them up.

use crate::{
    Error, Result, Store,
    db::{Tx, on_reader, on_tx},
    ingest::Waypoint,
    types::{At, Node, storable},
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{NodeId, Position, Timestamp};

/// The most places that are kept; of more, those that were told longest ago go.
pub const MAX_WAYPOINTS: i64 = 1_000;
/// The longest name and description, in bytes.
const MAX_NAME: usize = 100;
const MAX_DESCRIPTION: usize = 300;
/// The longest icon in bytes: one character.
const MAX_ICON: usize = 8;

/// A place that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct WaypointRow {
    /// What the mesh knows it by.
    pub id: u32,
    /// Who told of it last.
    pub node: NodeId,
    /// Where it is.
    pub position: Position,
    /// Until when it counts; nothing is for good.
    pub expires_at: Option<Timestamp>,
    /// The one node that may change it.
    pub locked_to: Option<NodeId>,
    /// Its name, whatever was typed.
    pub name: Option<String>,
    /// What is said of it.
    pub description: Option<String>,
    /// The one character it is drawn as.
    pub icon: Option<String>,
    /// When it was told of last.
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: i64,
    node_id: Node,
    latitude: f64,
    longitude: f64,
    expires_at: Option<At>,
    locked_to: Option<Node>,
    name: Option<String>,
    description: Option<String>,
    icon: Option<String>,
    at: At,
}

/// Keeps what a node says of a place, unless the place is locked to another, or newer word of it is known.
pub(crate) async fn store(tx: &mut Tx, node: NodeId, place: &Waypoint, at: Timestamp) -> Result<()> {
    const UPSERT: &str = "insert into waypoints
                                 (id, node_id, latitude, longitude, expires_at, locked_to, name, description, icon,
                                  channel_name, channel_hash, is_public, at)
                          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
                          on conflict (id) do update
                             set node_id = excluded.node_id, latitude = excluded.latitude, longitude = excluded.longitude,
                                 expires_at = excluded.expires_at, locked_to = excluded.locked_to, name = excluded.name,
                                 description = excluded.description, icon = excluded.icon, channel_name = excluded.channel_name,
                                 channel_hash = excluded.channel_hash, is_public = excluded.is_public, at = excluded.at
                           where excluded.at >= waypoints.at
                             and (waypoints.locked_to is null or waypoints.locked_to = excluded.node_id)";
    const TRIM: &str = "delete from waypoints
                         where at < (select min(at) from (select at from waypoints order by at desc limit $1) newest)";
    let kept = |text: &'_ Option<String>, max| text.as_deref().map(|text| storable(text, max).into_owned());
    let channel = place.channel.as_ref();
    on_tx!(tx, |db| {
        sqlx::query(UPSERT)
            .bind(i64::from(place.id))
            .bind(Node(node))
            .bind(place.position.map(|position| position.latitude()))
            .bind(place.position.map(|position| position.longitude()))
            .bind(place.expires_at.map(At))
            .bind(place.locked_to.map(Node))
            .bind(kept(&place.name, MAX_NAME))
            .bind(kept(&place.description, MAX_DESCRIPTION))
            .bind(kept(&place.icon, MAX_ICON))
            .bind(channel.map(|(name, _)| storable(name, MAX_NAME).into_owned()))
            .bind(channel.map(|(_, hash)| i64::from(*hash)))
            .bind(place.public)
            .bind(At(at))
            .execute(db)
            .map_ok(drop)
    })?;
    on_tx!(tx, |db| sqlx::query(TRIM).bind(MAX_WAYPOINTS).execute(db).map_ok(drop))?;
    Ok(())
}

impl Store {
    /// Returns the places that count now and may be shown to everybody, by number: at most `limit` that come after `after`. They are
    /// those marked on a channel whose key everybody has, or that an operator has made public, by nodes that are not hidden.
    ///
    /// # Errors
    /// As the database does.
    pub async fn waypoints(&self, after: Option<u32>, limit: u32, now: Timestamp) -> Result<Vec<WaypointRow>> {
        const SQL: &str = "select w.id, w.node_id, w.latitude, w.longitude, w.expires_at, w.locked_to, w.name, w.description, w.icon, w.at
                             from waypoints w
                            where w.id > $1 and w.latitude is not null and w.longitude is not null
                              and (w.expires_at is null or w.expires_at > $2)
                              and (w.is_public or exists (select 1 from channels c
                                                           where c.name = w.channel_name and c.hash = w.channel_hash
                                                             and c.visibility = 'public'))
                              and not exists (select 1 from nodes n where n.node_id = w.node_id and n.hidden <> 0)
                            order by w.id
                            limit $3";
        let after = after.map_or(-1, i64::from);
        let limit = i64::from(limit).min(MAX_WAYPOINTS);
        let rows: Vec<Row> = on_reader!(self, |db| sqlx::query_as(SQL).bind(after).bind(At(now)).bind(limit).fetch_all(db))?;
        rows.into_iter().map(WaypointRow::try_from).collect()
    }
}

impl TryFrom<Row> for WaypointRow {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let corrupt = || Error::Corrupt("a waypoint is none".to_owned());
        Ok(Self {
            id: u32::try_from(row.id).map_err(|_| corrupt())?,
            node: row.node_id.0,
            position: Position::new(row.latitude, row.longitude, None).map_err(|_| corrupt())?,
            expires_at: row.expires_at.map(Timestamp::from),
            locked_to: row.locked_to.map(NodeId::from),
            name: row.name,
            description: row.description,
            icon: row.icon,
            at: row.at.0,
        })
    }
}
