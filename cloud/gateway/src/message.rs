//! `GET /api/v1/messages/{message_id}`: what became of a text.

use crate::{identity::Member, shared::Shared, views::MessageDetailView};
use axum::extract::State;
use kosmo_http::{Json, Path, Problem, ProblemBody};
use uuid::Uuid;

/// What became of a text
///
/// Its status, what proves it, what it waits for, what it cost, and all that became known of it.
#[utoipa::path(
    get,
    operation_id = "get_message",
    path = "/api/v1/messages/{message_id}",
    tag = "messages",
    params(
        ("message_id" = Uuid, Path, description = "The text"),
        ("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development"),
    ),
    responses(
        (status = 200, description = "The text", body = MessageDetailView),
        (status = 400, description = "This is no id", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "It is not known who asks", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The member has sent no such text", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(
    State(shared): State<Shared>,
    Member(user): Member,
    Path(id): Path<Uuid>,
) -> Result<Json<MessageDetailView>, Problem> {
    // Another member's text is not told from one that is not there.
    let nothing = || Problem::not_found("you have sent no text with this id").of("message_id");
    let message = shared.store.message(user.id, id).await?.ok_or_else(nothing)?;
    let timeline = shared.store.timeline(user.id, id).await?.ok_or_else(nothing)?;
    Ok(Json(MessageDetailView::new(message, timeline)))
}
