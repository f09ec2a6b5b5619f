//! `POST /api/v1/messages/conversations/{node_id}/read`: notes how far a member has read.

use crate::{identity::Member, live::ReadView, path::node_id, shared::Shared};
use axum::extract::State;
use kosmo_http::{Json, Path, Problem, ProblemBody};
use serde::Deserialize;
use utoipa::ToSchema;

/// How far a member has read a conversation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewReadMark, example = json!({ "seq": 17 }))]
pub(crate) struct Posted {
    /// `seq` of the last text that was seen.
    #[schema(minimum = 0)]
    seq: i64,
}

/// Note how far a conversation is read
///
/// What was read stays read: a smaller number than before changes nothing, and the same request may be repeated. The member's other
/// windows learn of it by their streams.
#[utoipa::path(
    post,
    operation_id = "read_conversation",
    path = "/api/v1/messages/conversations/{node_id}/read",
    tag = "messages",
    params(
        ("node_id" = String, Path, description = "The node", example = "!a1b2c3d4"),
        ("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development"),
    ),
    request_body = Posted,
    responses(
        (status = 200, description = "How far it is read", body = ReadView),
        (status = 400, description = "`invalid_node_id`, `invalid_json` or `invalid_request`", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "It is not known who asks", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The member has no conversation with this node", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(
    State(shared): State<Shared>,
    Member(user): Member,
    Path(node): Path<String>,
    Json(posted): Json<Posted>,
) -> Result<Json<ReadView>, Problem> {
    let node = node_id(&node)?;
    if posted.seq < 0 {
        return Err(Problem::invalid("seq", "this is the number of a text: 0 or more"));
    }
    let mark = shared.store.mark_read(user.id, node, posted.seq, shared.clock.now()).await?;
    let mark = mark.ok_or_else(|| Problem::not_found("you have no conversation with this node").of("node_id"))?;
    Ok(Json(mark.into()))
}
