//! The registry of nodes.

use crate::{
    Error, Result, Store,
    db::on_reader,
    ingest::{Reception, Traceroute},
    types::{At, Node},
    weather::{
        MAX_PAGE,
        views::{BridgeReception, Identity, NeighborRow, NodeDetail, NodePosition, NodeRow},
    },
};
use kosmo_domain::{NodeId, Position, Timestamp};

#[derive(sqlx::FromRow)]
struct Stored {
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
            "select node_id, public_key, key_changed_at, long_name, short_name, hardware, role, licensed, unmessagable,
                    latitude, longitude, altitude_m, precision_bits, position_at, first_heard, last_heard, radio_stats, radio_stats_at
               from nodes ",
            $rest
        )
    };
}

impl Store {
    /// Returns nodes by mesh id: at most `limit` that come after `after`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn nodes(&self, after: Option<NodeId>, limit: u32) -> Result<Vec<NodeRow>> {
        const SQL: &str = select_nodes!("where node_id > $1 order by node_id limit $2");
        let after = after.map_or(-1, |node| i64::from(node.number()));
        let rows: Vec<Stored> = on_reader!(self, |db| sqlx::query_as(SQL).bind(after).bind(i64::from(limit.min(MAX_PAGE))).fetch_all(db))?;
        rows.iter().map(Stored::node).collect()
    }

    /// Returns all that is known of the node that has, or had, this mesh id.
    ///
    /// # Errors
    /// As the database does.
    pub async fn node(&self, node: NodeId) -> Result<Option<NodeDetail>> {
        const NODE: &str = select_nodes!("where id = $1");
        const IDENTITIES: &str =
            "select node_id, public_key, first_heard from node_identities where node = $1 order by first_heard desc, public_key desc";
        const RECEPTIONS: &str = "select bridge, heard_at, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt
                                    from node_receptions where node = $1 order by heard_at desc, bridge";
        const NEIGHBORS: &str = "select neighbor, snr_db, at from neighbors where node = $1 order by neighbor";
        const TRACEROUTES: &str = "select route, at from traceroutes where node = $1 order by at desc, to_node";
        let Some(id) = self.internal_id(node).await? else { return Ok(None) };
        let stored: Option<Stored> = on_reader!(self, |db| sqlx::query_as(NODE).bind(id).fetch_optional(db))?;
        let Some(stored) = stored else { return Ok(None) };
        let identities: Vec<(Node, Vec<u8>, At)> = on_reader!(self, |db| sqlx::query_as(IDENTITIES).bind(id).fetch_all(db))?;
        let receptions: Vec<StoredReception> = on_reader!(self, |db| sqlx::query_as(RECEPTIONS).bind(id).fetch_all(db))?;
        let neighbors: Vec<(Node, f32, At)> = on_reader!(self, |db| sqlx::query_as(NEIGHBORS).bind(id).fetch_all(db))?;
        let routes: Vec<(String, At)> = on_reader!(self, |db| sqlx::query_as(TRACEROUTES).bind(id).fetch_all(db))?;
        Ok(Some(NodeDetail {
            node: stored.node()?,
            identities: identities.into_iter().map(identity).collect::<Result<_>>()?,
            receptions: receptions.iter().map(reception).collect::<Result<_>>()?,
            neighbors: neighbors.into_iter().map(|(node, snr_db, at)| NeighborRow { node: node.0, snr_db, at: at.0 }).collect(),
            traceroutes: routes.iter().map(traceroute).collect::<Result<_>>()?,
            radio_stats: match (&stored.radio_stats, stored.radio_stats_at) {
                (Some(json), Some(at)) => Some((serde_json::from_str(json).map_err(|_| corrupt("the counters of a radio"))?, at.0)),
                _ => None,
            },
        }))
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

fn identity((node, public_key, first_heard): (Node, Vec<u8>, At)) -> Result<Identity> {
    let public_key = if public_key.is_empty() { None } else { Some(key(&public_key)?) };
    Ok(Identity { node: node.0, public_key, first_heard: first_heard.0 })
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

fn traceroute((route, at): &(String, At)) -> Result<(Traceroute, Timestamp)> {
    Ok((serde_json::from_str(route).map_err(|_| corrupt("a traceroute"))?, at.0))
}

fn key(bytes: &[u8]) -> Result<[u8; 32]> {
    bytes.try_into().map_err(|_| corrupt("a public key"))
}

fn corrupt(what: &str) -> Error {
    Error::Corrupt(format!("{what} in the registry of nodes cannot be read"))
}
