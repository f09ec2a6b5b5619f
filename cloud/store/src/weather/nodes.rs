//! The registry of nodes.

use crate::{
    Error, Result, Store,
    db::{Db, json_list, on_reader},
    ingest::{HostStats, Reception, Traceroute, TrafficStats},
    types::{At, Node},
    weather::{
        MAX_PAGE,
        latest::Values,
        traceroutes,
        views::{BridgeReception, Identity, NeighborRow, NodeDetail, NodeListing, NodeName, NodePosition, NodeRow},
    },
};
use kosmo_domain::{NodeId, Position, Timestamp};
use serde::de::DeserializeOwned;
use std::collections::{BTreeSet, HashMap};

/// The most ids and keys that are told of one node; a forger can make any number of them.
pub(crate) const MAX_IDENTITIES: i64 = 100;
/// The most nodes that are told to hear one node.
pub(crate) const MAX_HEARERS: i64 = 200;
/// The most traceroutes that are told of one node.
pub(crate) const MAX_TRACEROUTES: i64 = 50;

#[derive(sqlx::FromRow)]
struct Stored {
    id: i64,
    node_id: Node,
    public_key: Option<Vec<u8>>,
    key_changed_at: Option<At>,
    long_name: Option<String>,
    short_name: Option<String>,
    hardware: Option<String>,
    role: Option<String>,
    licensed: Option<bool>,
    unmessagable: Option<bool>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude_m: Option<f64>,
    precision_bits: Option<i64>,
    position_at: Option<At>,
    first_heard: At,
    last_heard: At,
    radio_stats: Option<String>,
    radio_stats_at: Option<At>,
}

#[derive(sqlx::FromRow)]
struct StoredReception {
    node: i64,
    bridge: String,
    heard_at: At,
    snr_db: Option<f32>,
    rssi_dbm: Option<i64>,
    hops_away: Option<i64>,
    relay_node: Option<i64>,
    via_mqtt: bool,
}

/// The columns of a node, then `rest`.
macro_rules! select_nodes {
    ($rest:literal) => {
        concat!(
            "select id, node_id, public_key, key_changed_at, long_name, short_name, hardware, role, licensed, unmessagable,
                    latitude, longitude, altitude_m, precision_bits, position_at, first_heard, last_heard, radio_stats, radio_stats_at
               from nodes ",
            $rest
        )
    };
}

/// The columns of how a bridge received a node last, then `rest`; the node is `n`.
macro_rules! select_receptions {
    ($rest:literal) => {
        concat!(
            "select r.node, r.bridge, r.heard_at, r.snr_db, r.rssi_dbm, r.hops_away, r.relay_node, r.via_mqtt
               from node_receptions r join nodes n on n.id = r.node ",
            $rest
        )
    };
}

impl Store {
    /// Returns nodes by mesh id: at most `limit` that come after `after`, of those heard of since `heard_since`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn list_nodes(&self, after: Option<NodeId>, heard_since: Timestamp, limit: u32) -> Result<Vec<NodeListing>> {
        const NODES: &str = select_nodes!("where node_id > $1 and last_heard >= $2 and hidden = 0 order by node_id limit $3");
        const RECEPTIONS: &str =
            select_receptions!("where n.node_id > $1 and n.node_id <= $2 and n.last_heard >= $3 order by r.heard_at desc, r.bridge");
        const LATEST: &str = "select l.node, l.metrics from latest l join nodes n on n.id = l.node
                               where n.node_id > $1 and n.node_id <= $2 and n.last_heard >= $3";
        let after = after.map_or(-1, |node| i64::from(node.number()));
        let limit = i64::from(limit.min(MAX_PAGE));
        let since = At(heard_since);
        let nodes: Vec<Stored> = on_reader!(self, |db| sqlx::query_as(NODES).bind(after).bind(since).bind(limit).fetch_all(db))?;
        let Some(last) = nodes.last().map(|node| node.node_id) else { return Ok(Vec::new()) };
        let receptions: Vec<StoredReception> =
            on_reader!(self, |db| sqlx::query_as(RECEPTIONS).bind(after).bind(last).bind(since).fetch_all(db))?;
        let latest: Vec<(i64, String)> = on_reader!(self, |db| sqlx::query_as(LATEST).bind(after).bind(last).bind(since).fetch_all(db))?;
        let (mut by_bridge, mut values) = (HashMap::<i64, Vec<_>>::new(), HashMap::new());
        for row in &receptions {
            by_bridge.entry(row.node).or_default().push(reception(row)?);
        }
        for (id, json) in latest {
            values.insert(id, Values::read(&json)?);
        }
        let listing = |stored: &Stored| {
            let receptions = by_bridge.remove(&stored.id).unwrap_or_default();
            Ok(NodeListing { node: stored.node()?, receptions, latest: values.remove(&stored.id).unwrap_or_default() })
        };
        nodes.iter().map(listing).collect()
    }

    /// Returns all that is known of the node that has, or had, this mesh id.
    ///
    /// # Errors
    /// As the database does.
    pub async fn node(&self, node: NodeId) -> Result<Option<NodeDetail>> {
        const NODE: &str = select_nodes!("where id = $1");
        const RECEPTIONS: &str = select_receptions!("where r.node = $1 order by r.heard_at desc, r.bridge");
        const LATEST: &str = "select metrics from latest where node = $1";
        let Some(id) = self.internal_id(node).await? else { return Ok(None) };
        let stored: Option<Stored> = on_reader!(self, |db| sqlx::query_as(NODE).bind(id).fetch_optional(db))?;
        let Some(stored) = stored else { return Ok(None) };
        let receptions: Vec<StoredReception> = on_reader!(self, |db| sqlx::query_as(RECEPTIONS).bind(id).fetch_all(db))?;
        let latest: Option<String> = on_reader!(self, |db| sqlx::query_scalar(LATEST).bind(id).fetch_optional(db))?;
        let radio_stats = counts(stored.radio_stats.as_deref(), stored.radio_stats_at)?;
        let (host_stats, traffic_stats) = self.counts_beneath(id).await?;
        let identities = self.identities(id).await?;
        let mut neighbors = self.neighbors_of(id).await?;
        let heard_by = self.hearers_of(id).await?;
        let mut traceroutes = self.traceroutes_to(id).await?;
        let routes = traceroutes.iter().flat_map(|(way, _)| way.route.iter().chain(&way.route_back).chain([&way.to]));
        let others: BTreeSet<_> = neighbors.iter().chain(&heard_by).map(|row| &row.node).chain(routes).copied().collect();
        // Who wants not to be shown is not shown beside others either.
        let hidden = self.hidden_among(&others).await?;
        neighbors.retain(|row| !hidden.contains(&row.node));
        traceroutes.retain(|(way, _)| !hidden.contains(&way.to));
        for (way, _) in &mut traceroutes {
            traceroutes::veil(way, &hidden);
        }
        let names = self.node_names(&others).await?;
        Ok(Some(NodeDetail {
            node: stored.node()?,
            receptions: receptions.iter().map(reception).collect::<Result<_>>()?,
            latest: latest.as_deref().map(Values::read).transpose()?.unwrap_or_default(),
            identities,
            neighbors,
            heard_by,
            traceroutes,
            names,
            radio_stats,
            host_stats,
            traffic_stats,
        }))
    }

    async fn counts_beneath(&self, id: i64) -> Result<(Option<(HostStats, Timestamp)>, Option<(TrafficStats, Timestamp)>)> {
        const SQL: &str = "select host_stats, host_stats_at, traffic_stats, traffic_stats_at from nodes where id = $1";
        type Row = (Option<String>, Option<At>, Option<String>, Option<At>);
        let row: Option<Row> = on_reader!(self, |db| sqlx::query_as(SQL).bind(id).fetch_optional(db))?;
        let (host, host_at, traffic, traffic_at) = row.unwrap_or_default();
        Ok((counts(host.as_deref(), host_at)?, counts(traffic.as_deref(), traffic_at)?))
    }

    async fn identities(&self, id: i64) -> Result<Vec<Identity>> {
        const SQL: &str = "select node_id, public_key, first_heard from node_identities where node = $1
                            order by first_heard desc, public_key desc limit $2";
        let rows: Vec<(Node, Vec<u8>, At)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(id).bind(MAX_IDENTITIES).fetch_all(db))?;
        rows.into_iter().map(identity).collect()
    }

    async fn neighbors_of(&self, id: i64) -> Result<Vec<NeighborRow>> {
        const SQL: &str = "select neighbor, snr_db, at from neighbors where node = $1 order by neighbor";
        let rows: Vec<(Node, f32, At)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(id).fetch_all(db))?;
        Ok(rows.into_iter().map(neighbor).collect())
    }

    async fn hearers_of(&self, id: i64) -> Result<Vec<NeighborRow>> {
        // A node may be spoken of by any id it had; of several, the same hearer is told once, by its latest word.
        const SQL: &str = "select n.node_id, h.snr_db, h.at
                             from neighbors h join nodes n on n.id = h.node
                            where h.neighbor in (select node_id from node_identities where node = $1) and h.node <> $1 and n.hidden = 0
                            order by h.at desc, n.node_id limit $2";
        let rows: Vec<(Node, f32, At)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(id).bind(MAX_HEARERS).fetch_all(db))?;
        let mut told = BTreeSet::new();
        Ok(rows.into_iter().map(neighbor).filter(|row| told.insert(row.node)).collect())
    }

    async fn traceroutes_to(&self, id: i64) -> Result<Vec<(Traceroute, Timestamp)>> {
        const SQL: &str = "select route, at from traceroutes where node = $1 order by at desc, to_node limit $2";
        let rows: Vec<(String, At)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(id).bind(MAX_TRACEROUTES).fetch_all(db))?;
        rows.into_iter().map(|(route, at)| Ok((traceroutes::read(&route)?, at.0))).collect()
    }

    /// Returns what those of the nodes call themselves that said so and may be shown.
    ///
    /// # Errors
    /// As the database does.
    pub async fn node_names(&self, nodes: &BTreeSet<NodeId>) -> Result<Vec<NodeName>> {
        // Lists are JSON in SQLite, and arrays in PostgreSQL.
        let rows: Vec<(Node, Option<String>, Option<String>)> = match &self.db {
            Db::Sqlite { read, .. } => {
                const SQL: &str = "select distinct i.node_id, n.long_name, n.short_name
                                     from node_identities i join nodes n on n.id = i.node
                                    where i.node_id in (select value from json_each($1))
                                      and n.hidden = 0 and (n.long_name is not null or n.short_name is not null)
                                    order by i.node_id";
                let numbers = json_list(&nodes.iter().map(|node| node.number()).collect::<Vec<_>>());
                sqlx::query_as(SQL).bind(numbers).fetch_all(read).await?
            }
            Db::Postgres(pool) => {
                const SQL: &str = "select distinct i.node_id, n.long_name, n.short_name
                                     from node_identities i join nodes n on n.id = i.node
                                    where i.node_id = any($1) and n.hidden = 0 and (n.long_name is not null or n.short_name is not null)
                                    order by i.node_id";
                sqlx::query_as(SQL).bind(nodes.iter().copied().map(Node).collect::<Vec<_>>()).fetch_all(pool).await?
            }
        };
        Ok(rows.into_iter().map(|(node, long_name, short_name)| NodeName { node: node.0, long_name, short_name }).collect())
    }
}

impl Stored {
    fn node(&self) -> Result<NodeRow> {
        Ok(NodeRow {
            node: self.node_id.0,
            long_name: self.long_name.clone(),
            short_name: self.short_name.clone(),
            hardware: self.hardware.clone(),
            role: self.role.clone(),
            public_key: self.public_key.as_deref().map(key).transpose()?,
            key_changed_at: self.key_changed_at.map(Timestamp::from),
            licensed: self.licensed,
            unmessagable: self.unmessagable,
            position: self.position()?,
            first_heard: self.first_heard.0,
            last_heard: self.last_heard.0,
        })
    }

    fn position(&self) -> Result<Option<NodePosition>> {
        let (Some(latitude), Some(longitude), Some(at)) = (self.latitude, self.longitude, self.position_at) else { return Ok(None) };
        let position = Position::new(latitude, longitude, self.altitude_m).map_err(|_| corrupt("a position"))?;
        Ok(Some(NodePosition { position, precision_bits: self.precision_bits.and_then(|bits| u8::try_from(bits).ok()), at: at.0 }))
    }
}

/// Returns what something counts, as it was told last.
pub(super) fn counts<T: DeserializeOwned>(json: Option<&str>, at: Option<At>) -> Result<Option<(T, Timestamp)>> {
    let Some((json, at)) = json.zip(at) else { return Ok(None) };
    Ok(Some((serde_json::from_str(json).map_err(|_| corrupt("what a node counts"))?, at.0)))
}

fn identity((node, public_key, first_heard): (Node, Vec<u8>, At)) -> Result<Identity> {
    let public_key = if public_key.is_empty() { None } else { Some(key(&public_key)?) };
    Ok(Identity { node: node.0, public_key, first_heard: first_heard.0 })
}

fn neighbor((node, snr_db, at): (Node, f32, At)) -> NeighborRow {
    NeighborRow { node: node.0, snr_db, at: at.0 }
}

fn reception(row: &StoredReception) -> Result<BridgeReception> {
    let byte = |number: Option<i64>| number.and_then(|number| u8::try_from(number).ok());
    Ok(BridgeReception {
        bridge: row.bridge.parse().map_err(|_| corrupt("a bridge id"))?,
        reception: Reception {
            at: row.heard_at.0,
            snr_db: row.snr_db,
            rssi_dbm: row.rssi_dbm.and_then(|dbm| i32::try_from(dbm).ok()),
            hops_away: byte(row.hops_away),
            relay_node: byte(row.relay_node),
            via_mqtt: row.via_mqtt,
        },
    })
}

fn key(bytes: &[u8]) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| corrupt("a public key"))
}

fn corrupt(what: &str) -> Error {
    Error::Corrupt(format!("{what} in the registry of nodes cannot be read"))
}
