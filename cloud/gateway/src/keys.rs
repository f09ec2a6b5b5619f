//! `/api/v1/messages/conversations/{node_id}/key`: the key by which a member knows a node, and whether texts wait for it.

use crate::{identity::Member, path::node_id, shared::Shared};
use axum::extract::State;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kosmo_domain::{NodeId, Timestamp};
use kosmo_http::{Code, Json, Path, Problem, ProblemBody};
use kosmo_store::messages::{Confirmed, NodeKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The longest key in base64.
const LONGEST: usize = 64;

/// The key of a node, as the member sees it. A key is written in base64, as Meshtastic's apps show it, so that it can be compared.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NodeKey, example = json!({
    "node_id": "!a1b2c3d4", "public_key": "534WkKRJ2GvTFkPaDsQhCrjCe548hTGIVhfinDvcZQM=", "changed_at": "2026-06-01T12:00:00Z",
    "holds": true, "held": 1, "earlier": [{ "public_key": "TGlnaHQgYWxsIHRoZSBiZWFjb25zIG9uIHRoZSBoaWw=", "first_heard": "2026-01-01T00:00:00Z" }]
}))]
pub(crate) struct KeyView {
    /// The node.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// The key it shows; left out if it never showed one.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<String>,
    /// When it was found to be another than before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    changed_at: Option<Timestamp>,
    /// When the member confirmed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    confirmed_at: Option<Timestamp>,
    /// Whether the member's texts to the node wait until the member confirms it.
    holds: bool,
    /// How many do.
    held: u64,
    /// Keys that it showed before, the latest first.
    earlier: Vec<EarlierKeyView>,
}

/// A key that a node showed before.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EarlierKey)]
pub(crate) struct EarlierKeyView {
    /// The key.
    public_key: String,
    /// When it was first seen.
    #[schema(value_type = String, format = DateTime)]
    first_heard: Timestamp,
}

/// The key that a member confirms.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConfirmedKey, example = json!({ "public_key": "534WkKRJ2GvTFkPaDsQhCrjCe548hTGIVhfinDvcZQM=" }))]
pub(crate) struct Posted {
    /// `public_key` as it was shown: if the node has shown another one since, nothing is confirmed.
    #[schema(max_length = 64)]
    public_key: String,
}

/// The key of a node
///
/// A node that shows another key than before may be another one: a radio that was reset or replaced, or somebody who took its number.
/// Texts of a member who wrote to it before wait until the member confirms the new key.
#[utoipa::path(
    get,
    operation_id = "get_node_key",
    path = "/api/v1/messages/conversations/{node_id}/key",
    tag = "messages",
    params(
        ("node_id" = String, Path, description = "The node", example = "!a1b2c3d4"),
        ("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development"),
    ),
    responses(
        (status = 200, description = "Its key, and what it means for the member", body = KeyView),
        (status = 400, description = "`invalid_node_id`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "It is not known who asks", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn show(State(shared): State<Shared>, Member(user): Member, Path(node): Path<String>) -> Result<Json<KeyView>, Problem> {
    let node = node_id(&node)?;
    Ok(Json(view(node, shared.store.node_key(user.id, node).await?)))
}

/// Confirm the key of a node
///
/// Says that the member knows the node by this key. What waited for that is offered to bridges at once. It may be repeated.
#[utoipa::path(
    post,
    operation_id = "confirm_node_key",
    path = "/api/v1/messages/conversations/{node_id}/key",
    tag = "messages",
    params(
        ("node_id" = String, Path, description = "The node", example = "!a1b2c3d4"),
        ("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development"),
    ),
    request_body = Posted,
    responses(
        (status = 200, description = "Its key, and what it means for the member", body = KeyView),
        (status = 400, description = "`invalid_node_id`, `invalid_json` or `invalid_request`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "It is not known who asks", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The node never showed a key", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`key_changed`: it shows another key than this", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn confirm(
    State(shared): State<Shared>,
    Member(user): Member,
    Path(node): Path<String>,
    Json(posted): Json<Posted>,
) -> Result<Json<KeyView>, Problem> {
    let node = node_id(&node)?;
    let key = Some(posted.public_key).filter(|key| key.len() <= LONGEST).and_then(|key| STANDARD.decode(key).ok());
    let key = key.filter(|key| key.len() == 32).ok_or_else(|| Problem::invalid("public_key", "a public key is 32 bytes in base64"))?;
    match shared.store.confirm_key(user.id, node, &key, shared.clock.now()).await? {
        Confirmed::Done { .. } => Ok(Json(view(node, shared.store.node_key(user.id, node).await?))),
        Confirmed::OtherKey => {
            Err(Problem::new(Code::KeyChanged, "this node shows another key than the one that is to be confirmed").of("public_key"))
        }
        Confirmed::NoKey => Err(Problem::not_found("this node never showed a key").of("node_id")),
    }
}

fn view(node_id: NodeId, key: NodeKey) -> KeyView {
    let NodeKey { public_key, changed_at, confirmed_at, holds, held, earlier } = key;
    let earlier = earlier.into_iter().map(|(key, first_heard)| EarlierKeyView { public_key: STANDARD.encode(key), first_heard }).collect();
    KeyView { node_id, public_key: public_key.map(|key| STANDARD.encode(key)), changed_at, confirmed_at, holds, held, earlier }
}
