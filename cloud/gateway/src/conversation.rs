//! `GET /api/v1/messages/conversations/{node_id}`: what a member and a node said to each other.

use crate::{
    conversations::{LONGEST_PAGE, PAGE, Params},
    identity::Member,
    path::node_id,
    shared::Shared,
    views::TextView,
};
use axum::extract::State;
use kosmo_domain::NodeId;
use kosmo_http::{Json, Page, Path, Problem, ProblemBody, Query, cursor, page_size, read_cursor};
use kosmo_store::messages::PageFrom;

/// What the member and a node said to each other
///
/// The latest texts, in the order in which they were written or came; `next` leads to those before them. Reading a page marks nothing as read: `POST …/read` does.
#[utoipa::path(
    get,
    operation_id = "get_conversation",
    path = "/api/v1/messages/conversations/{node_id}",
    tag = "messages",
    params(
        ("node_id" = String, Path, description = "The node", example = "!a1b2c3d4"),
        Params,
        ("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development"),
    ),
    responses(
        (status = 200, description = "A page of texts; none if there is no conversation", body = Page<TextView>),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "It is not known who asks", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(
    State(shared): State<Shared>,
    Member(user): Member,
    Path(node): Path<String>,
    Query(params): Query<Params>,
) -> Result<Json<Page<TextView>>, Problem> {
    let node = node_id(&node)?;
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let before = match params.cursor.as_deref().map(read_cursor::<(NodeId, i64)>).transpose()? {
        None => i64::MAX,
        Some((of, before)) if of == node => before,
        Some(_) => return Err(Problem::invalid("cursor", "this cursor is of another conversation")),
    };
    let mut texts = shared.store.conversation(user.id, node, PageFrom::Before(before), size + 1).await?;
    let surplus = texts.len().saturating_sub(size as usize);
    texts.drain(..surplus);
    let next = texts.first().filter(|_| surplus > 0).map(|oldest| cursor(&(node, oldest.seq())));
    Ok(Json(Page { data: texts.into_iter().map(TextView::from).collect(), next }))
}
