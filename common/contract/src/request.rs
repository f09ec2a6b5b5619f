//! What an operator asks a bridge to find out.

use crate::{record::V1, schema};
use kosmo_domain::{BridgeId, NodeId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A request to one bridge. It is not kept, not repeated, and answered by what the mesh says, if it says anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Request {
    /// Version of the payload.
    #[schemars(with = "schema::Version")]
    pub v: V1,
    /// The bridge it is for; the same as in the topic.
    #[schemars(with = "schema::BridgeIdText")]
    pub bridge: BridgeId,
    /// What is asked.
    pub body: RequestBody,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum RequestBody {
    /// The way to a node, and back. The answer comes as a report on that node.
    Traceroute {
        /// The node.
        #[schemars(with = "schema::NodeIdText")]
        to: NodeId,
    },
}
