//! What a map of the whole mesh is drawn from: every node with its newest values, and the links between nodes. Pages follow
//! the internal ids, so nodes that have been here for long come before those that a flood of invented ids adds.

use crate::{
    Error, Result, Store,
    db::on_reader,
    types::{At, Node},
    weather::{
        MAX_PAGE,
        latest::Values,
        views::{LatestValue, NodePosition},
    },
};
use kosmo_domain::{BridgeId, NodeId, Position, Timestamp};

/// A node as a map shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct MapRow {
    /// Where the node stands in this listing; means nothing elsewhere.
    pub place: i64,
    /// Its present id.
    pub node: NodeId,
    /// The name its owner gave it. It is whatever was typed.
    pub long_name: Option<String>,
    /// Its short name.
    pub short_name: Option<String>,
    /// The model of its hardware.
    pub hardware: Option<String>,
    /// Its role in the mesh.
    pub role: Option<String>,
    /// Where it was last, exactly: whoever shows it rounds it.
    pub position: Option<NodePosition>,
    /// When it was last heard of.
    pub last_heard: Timestamp,
    /// The newest value of each metric, in the order of the metric table; empty if it measured nothing.
    pub values: Vec<LatestValue>,
}

/// Where a page of links ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkPlace {
    /// In the nodes' reports of their neighbours.
    Neighbor(i64, NodeId),
    /// In what bridges received without a relay.
    Reception(i64, BridgeId),
}

/// A link over the air, from the one who was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkRow {
    /// Where the link stands in this listing.
    pub place: LinkPlace,
    /// The node that was heard.
    pub from: NodeId,
    /// Who heard it.
    pub to: LinkEnd,
    /// Signal to noise in decibels; absent if that was not told.
    pub snr_db: Option<f32>,
    /// When that was so.
    pub at: Timestamp,
}

/// Who heard a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkEnd {
    /// A node, which reported it.
    Node(NodeId),
    /// The radio of a bridge.
    Bridge(BridgeId),
}

#[derive(sqlx::FromRow)]
struct Stored {
    id: i64,
    node_id: Node,
    long_name: Option<String>,
    short_name: Option<String>,
    hardware: Option<String>,
    role: Option<String>,
    latitude: Option<f64>,
    longitude: Option<f64>,
    altitude_m: Option<f64>,
    precision_bits: Option<i64>,
    position_at: Option<At>,
    last_heard: At,
    metrics: Option<String>,
}

impl Store {
    /// Returns the nodes heard of at `heard_since` or later, with their newest values: at most `limit` that stand after `after`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn map_nodes(&self, after: Option<i64>, heard_since: Timestamp, limit: u32) -> Result<Vec<MapRow>> {
        const SQL: &str = "select id, node_id, long_name, short_name, hardware, role,
                                  latitude, longitude, altitude_m, precision_bits, position_at, last_heard, metrics
                             from nodes
                             left join latest on latest.node = nodes.id
                            where id > $1 and last_heard >= $2 and hidden = 0
                            order by id
                            limit $3";
        let rows: Vec<Stored> = on_reader!(self, |db| {
            sqlx::query_as(SQL).bind(after.unwrap_or(i64::MIN)).bind(At(heard_since)).bind(i64::from(limit.min(MAX_PAGE))).fetch_all(db)
        })?;
        rows.into_iter().map(Stored::row).collect()
    }

    /// Returns the links known from `since` on: at most `limit` that stand after `after`.
    ///
    /// # Errors
    /// As the database does.
    pub async fn links(&self, after: Option<&LinkPlace>, since: Timestamp, limit: u32) -> Result<Vec<LinkRow>> {
        let limit = limit.min(MAX_PAGE);
        let mut links = match after {
            None => self.neighbor_links((i64::MIN, NodeId::from_number(0)), since, limit).await?,
            Some(LinkPlace::Neighbor(node, neighbor)) => self.neighbor_links((*node, *neighbor), since, limit).await?,
            Some(LinkPlace::Reception(..)) => Vec::new(),
        };
        let left = limit.saturating_sub(u32::try_from(links.len()).unwrap_or(limit));
        let after = match after {
            Some(LinkPlace::Reception(node, bridge)) => (*node, bridge.as_str()),
            None | Some(LinkPlace::Neighbor(..)) => (i64::MIN, ""),
        };
        if left > 0 {
            links.extend(self.reception_links(after, since, left).await?);
        }
        Ok(links)
    }

    async fn neighbor_links(&self, after: (i64, NodeId), since: Timestamp, limit: u32) -> Result<Vec<LinkRow>> {
        const SQL: &str = "select b.node, b.neighbor, n.node_id, b.snr_db, b.at
                             from neighbors b
                             join nodes n on n.id = b.node
                            where (b.node, b.neighbor) > ($1, $2) and b.at >= $3 and n.hidden = 0
                              and not exists (select 1 from nodes h where h.node_id = b.neighbor and h.hidden <> 0)
                            order by b.node, b.neighbor
                            limit $4";
        let rows: Vec<(i64, Node, Node, f32, At)> = on_reader!(self, |db| {
            sqlx::query_as(SQL).bind(after.0).bind(Node(after.1)).bind(At(since)).bind(i64::from(limit)).fetch_all(db)
        })?;
        let link = |(id, neighbor, node, snr_db, at): (i64, Node, Node, f32, At)| LinkRow {
            place: LinkPlace::Neighbor(id, neighbor.0),
            from: neighbor.0,
            to: LinkEnd::Node(node.0),
            snr_db: Some(snr_db),
            at: at.0,
        };
        Ok(rows.into_iter().map(link).collect())
    }

    async fn reception_links(&self, after: (i64, &str), since: Timestamp, limit: u32) -> Result<Vec<LinkRow>> {
        const SQL: &str = "select r.node, r.bridge, n.node_id, r.snr_db, r.heard_at
                             from node_receptions r
                             join nodes n on n.id = r.node
                            where (r.node, r.bridge) > ($1, $2) and r.heard_at >= $3 and n.hidden = 0 and r.hops_away = 0 and not r.via_mqtt
                            order by r.node, r.bridge
                            limit $4";
        let rows: Vec<(i64, String, Node, Option<f32>, At)> = on_reader!(self, |db| {
            sqlx::query_as(SQL).bind(after.0).bind(after.1).bind(At(since)).bind(i64::from(limit)).fetch_all(db)
        })?;
        rows.into_iter()
            .map(|(id, bridge, node, snr_db, at)| {
                let bridge: BridgeId = bridge.parse().map_err(|_| Error::Corrupt(format!("{bridge:?} is no bridge id")))?;
                let place = LinkPlace::Reception(id, bridge.clone());
                Ok(LinkRow { place, from: node.0, to: LinkEnd::Bridge(bridge), snr_db, at: at.0 })
            })
            .collect()
    }
}

impl Stored {
    fn row(self) -> Result<MapRow> {
        let position = match (self.latitude, self.longitude, self.position_at) {
            (Some(latitude), Some(longitude), Some(at)) => {
                let position = Position::new(latitude, longitude, self.altitude_m)
                    .map_err(|_| Error::Corrupt("a position in the registry of nodes cannot be read".to_owned()))?;
                Some(NodePosition { position, precision_bits: self.precision_bits.and_then(|bits| u8::try_from(bits).ok()), at: at.0 })
            }
            _ => None,
        };
        let values = self.metrics.as_deref().map_or_else(|| Ok(Vec::new()), Values::read)?;
        Ok(MapRow {
            place: self.id,
            node: self.node_id.0,
            long_name: self.long_name,
            short_name: self.short_name,
            hardware: self.hardware,
            role: self.role,
            position,
            last_heard: self.last_heard.0,
            values,
        })
    }
}
