//! What stands in the paths of requests.

use kosmo_domain::{IdError, NodeId};
use kosmo_http::{Code, Problem};

/// Reads the `node_id` of a path.
pub(crate) fn node_id(text: &str) -> Result<NodeId, Problem> {
    text.parse().map_err(|error: IdError| Problem::new(Code::InvalidNodeId, error.to_string()).of("node_id"))
}
