//! MeshMonitor's tables (`src/db/schema` of its sources, as of versions 3 and 4): one row for each value that was measured.
//! Times are milliseconds, `lastHeard` is seconds.

use super::{Foreign, ForeignError};
use std::path::Path;

/// What is read, and has to be there.
const NEEDED: [(&str, &[&str]); 3] = [
    ("nodes", &["nodeNum", "longName", "shortName", "hwModel", "role", "latitude", "longitude", "altitude", "lastHeard", "publicKey"]),
    ("telemetry", &["nodeNum", "telemetryType", "timestamp", "value"]),
    ("messages", &["fromNodeNum", "toNodeNum", "text", "channel", "timestamp", "replyId"]),
];

/// A node. Whatever has not the type that it is to have is absent.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct MonitorNode {
    /// Its row.
    pub row: i64,
    /// Its number.
    pub node: Option<i64>,
    /// Its long name.
    pub long_name: Option<String>,
    /// Its short name.
    pub short_name: Option<String>,
    /// The number of its hardware's model.
    pub hardware: Option<i64>,
    /// The number of its role.
    pub role: Option<i64>,
    /// Degrees north.
    pub latitude: Option<f64>,
    /// Degrees east.
    pub longitude: Option<f64>,
    /// Metres above the sea.
    pub altitude: Option<f64>,
    /// When it was last heard, in seconds since 1970.
    pub last_heard: Option<i64>,
    /// Its public key in base64.
    pub public_key: Option<String>,
}

/// A value that was measured.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Measured {
    /// Its row.
    pub row: i64,
    /// The node.
    pub node: Option<i64>,
    /// What was measured, by the program's name for it.
    pub kind: Option<String>,
    /// When, in milliseconds since 1970.
    pub at: Option<i64>,
    /// The value.
    pub value: Option<f64>,
}

/// A text.
#[derive(Clone, PartialEq, sqlx::FromRow)]
pub struct MonitorText {
    /// Its row.
    pub row: i64,
    /// Who sent it.
    pub from_node: Option<i64>,
    /// Whom it was for.
    pub to_node: Option<i64>,
    /// What it says.
    pub text: Option<String>,
    /// The radio's number for the channel.
    pub channel: Option<i64>,
    /// When, in milliseconds since 1970.
    pub at: Option<i64>,
    /// The packet that it answers.
    pub reply_to: Option<i64>,
}

impl Foreign {
    /// Opens a database of MeshMonitor.
    ///
    /// # Errors
    /// If the file is none.
    pub async fn meshmonitor(path: &Path) -> Result<Self, ForeignError> {
        Self::open(path, &NEEDED).await
    }

    /// Returns how many rows there are to read.
    ///
    /// # Errors
    /// If the file is damaged.
    pub async fn monitor_rows(&mut self) -> Result<u64, ForeignError> {
        self.count(&["select count(*) from nodes", "select count(*) from telemetry", "select count(*) from messages"]).await
    }

    /// Returns nodes after a row.
    ///
    /// # Errors
    /// If the file is damaged.
    pub async fn monitor_nodes(&mut self, after: i64) -> Result<Vec<MonitorNode>, ForeignError> {
        const SQL: &str = "select rowid as row,
                                  case when typeof(nodeNum) = 'integer' then nodeNum end as node,
                                  case when typeof(longName) = 'text' then substr(longName, 1, 64) end as long_name,
                                  case when typeof(shortName) = 'text' then substr(shortName, 1, 16) end as short_name,
                                  case when typeof(hwModel) = 'integer' then hwModel end as hardware,
                                  case when typeof(role) = 'integer' then role end as role,
                                  case when typeof(latitude) in ('real', 'integer') then cast(latitude as real) end as latitude,
                                  case when typeof(longitude) in ('real', 'integer') then cast(longitude as real) end as longitude,
                                  case when typeof(altitude) in ('real', 'integer') then cast(altitude as real) end as altitude,
                                  case when typeof(lastHeard) in ('real', 'integer') then cast(lastHeard as integer) end as last_heard,
                                  case when typeof(publicKey) = 'text' then substr(publicKey, 1, 64) end as public_key
                             from nodes
                            where rowid > $1
                            order by rowid
                            limit $2";
        self.page(SQL, after).await
    }

    /// Returns measured values after a row.
    ///
    /// # Errors
    /// If the file is damaged.
    pub async fn monitor_telemetry(&mut self, after: i64) -> Result<Vec<Measured>, ForeignError> {
        const SQL: &str = "select rowid as row,
                                  case when typeof(nodeNum) = 'integer' then nodeNum end as node,
                                  case when typeof(telemetryType) = 'text' then substr(telemetryType, 1, 64) end as kind,
                                  case when typeof(timestamp) in ('real', 'integer') then cast(timestamp as integer) end as at,
                                  case when typeof(value) in ('real', 'integer') then cast(value as real) end as value
                             from telemetry
                            where rowid > $1
                            order by rowid
                            limit $2";
        self.page(SQL, after).await
    }

    /// Returns texts after a row.
    ///
    /// # Errors
    /// If the file is damaged.
    pub async fn monitor_texts(&mut self, after: i64) -> Result<Vec<MonitorText>, ForeignError> {
        const SQL: &str = "select rowid as row,
                                  case when typeof(fromNodeNum) = 'integer' then fromNodeNum end as from_node,
                                  case when typeof(toNodeNum) = 'integer' then toNodeNum end as to_node,
                                  case when typeof(text) = 'text' then substr(text, 1, 1024) end as text,
                                  case when typeof(channel) = 'integer' then channel end as channel,
                                  case when typeof(timestamp) in ('real', 'integer') then cast(timestamp as integer) end as at,
                                  case when typeof(replyId) = 'integer' then replyId end as reply_to
                             from messages
                            where rowid > $1
                            order by rowid
                            limit $2";
        self.page(SQL, after).await
    }
}
