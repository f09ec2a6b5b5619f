//! Meshview's tables (`meshview/models.py` of its sources, as of version 3): nodes, and packets as their whole protobuf.
//! Times are microseconds, places ten millionths of a degree.

use super::{Foreign, ForeignError};
use std::path::Path;

/// What is read, and has to be there.
const NEEDED: [(&str, &[&str]); 2] = [
    ("node", &["node_id", "long_name", "short_name", "hw_model", "role", "last_lat", "last_long", "last_seen_us"]),
    ("packet", &["id", "from_node_id", "payload", "import_time_us", "channel"]),
];

/// A node. Whatever has not the type that it is to have is absent.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ViewNode {
    /// Its row.
    pub row: i64,
    /// Its number.
    pub node: Option<i64>,
    /// Its long name.
    pub long_name: Option<String>,
    /// Its short name.
    pub short_name: Option<String>,
    /// The model of its hardware, by the protocol's name for it.
    pub hardware: Option<String>,
    /// Its role, by the protocol's name for it.
    pub role: Option<String>,
    /// Ten millionths of a degree north.
    pub latitude: Option<i64>,
    /// Ten millionths of a degree east.
    pub longitude: Option<i64>,
    /// When it was last seen, in microseconds since 1970.
    pub last_seen: Option<i64>,
}

/// A packet.
#[derive(Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ViewPacket {
    /// Its row.
    pub row: i64,
    /// The packet as its protobuf (`MeshPacket`), decrypted by that program; absent if it is longer than any packet is.
    pub payload: Option<Vec<u8>>,
    /// When that program was told of it, in microseconds since 1970.
    pub at: Option<i64>,
    /// The channel's name.
    pub channel: Option<String>,
}

impl Foreign {
    /// Opens a database of Meshview.
    ///
    /// # Errors
    /// If the file is none.
    pub async fn meshview(path: &Path) -> Result<Self, ForeignError> {
        Self::open(path, &NEEDED).await
    }

    /// Returns how many rows there are to read.
    ///
    /// # Errors
    /// If the file is damaged.
    pub async fn view_rows(&mut self) -> Result<u64, ForeignError> {
        self.count(&["select count(*) from node", "select count(*) from packet"]).await
    }

    /// Returns nodes after a row.
    ///
    /// # Errors
    /// If the file is damaged.
    pub async fn view_nodes(&mut self, after: i64) -> Result<Vec<ViewNode>, ForeignError> {
        const SQL: &str = "select rowid as row,
                                  case when typeof(node_id) = 'integer' then node_id end as node,
                                  case when typeof(long_name) = 'text' then substr(long_name, 1, 64) end as long_name,
                                  case when typeof(short_name) = 'text' then substr(short_name, 1, 16) end as short_name,
                                  case when typeof(hw_model) = 'text' then substr(hw_model, 1, 64) end as hardware,
                                  case when typeof(role) = 'text' then substr(role, 1, 64) end as role,
                                  case when typeof(last_lat) = 'integer' then last_lat end as latitude,
                                  case when typeof(last_long) = 'integer' then last_long end as longitude,
                                  case when typeof(last_seen_us) = 'integer' then last_seen_us end as last_seen
                             from node
                            where rowid > $1
                            order by rowid
                            limit $2";
        self.page(SQL, after).await
    }

    /// Returns packets after a row.
    ///
    /// # Errors
    /// If the file is damaged.
    pub async fn view_packets(&mut self, after: i64) -> Result<Vec<ViewPacket>, ForeignError> {
        const SQL: &str = "select rowid as row,
                                  case when typeof(payload) = 'blob' and length(payload) <= 1024 then payload end as payload,
                                  case when typeof(import_time_us) = 'integer' then import_time_us end as at,
                                  case when typeof(channel) = 'text' then substr(channel, 1, 32) end as channel
                             from packet
                            where rowid > $1
                            order by rowid
                            limit $2";
        self.page(SQL, after).await
    }
}
