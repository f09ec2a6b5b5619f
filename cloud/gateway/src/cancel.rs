//! `DELETE /api/v1/messages/{message_id}`: takes a text back, as long as no radio can have it.

use crate::{identity::Member, shared::Shared, views::MessageView};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use kosmo_http::{Code, Json, Path, Problem, ProblemBody};
use kosmo_store::messages::Cancelled;
use uuid::Uuid;

/// Take a text back
///
/// A text that no bridge has is taken back at once, and the quota has it back. A bridge that has it is asked, and answers within
/// seconds if it is connected: then the text is `expired` with the reason `cancelled`, or it went on its way because the radio had it.
/// A text that was given to a radio cannot be taken back. The request may be repeated.
#[utoipa::path(
    delete,
    operation_id = "cancel_message",
    path = "/api/v1/messages/{message_id}",
    tag = "messages",
    params(
        ("message_id" = Uuid, Path, description = "The text"),
        ("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development"),
    ),
    responses(
        (status = 200, description = "It is taken back: surely not sent, and never will be", body = MessageView),
        (status = 202, description = "Its bridge is asked for it: `waits_for` is `cancelling` until the bridge has answered", body = MessageView),
        (status = 400, description = "This is no id", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "It is not known who asks", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "The member has sent no such text", body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "`too_late`: it was given to a radio, or its fate is known", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(shared): State<Shared>, Member(user): Member, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    // Another member's text is not told from one that is not there.
    let nothing = || Problem::not_found("you have sent no text with this id").of("message_id");
    let status = match shared.store.cancel_message(user.id, id, shared.clock.now()).await?.ok_or_else(nothing)? {
        Cancelled::Done(_) | Cancelled::Before => StatusCode::OK,
        Cancelled::Asked => StatusCode::ACCEPTED,
        Cancelled::TooLate => {
            let detail = "the text was given to a radio, or its fate is known: nobody can take it back";
            return Err(Problem::new(Code::TooLate, detail).of("message_id"));
        }
    };
    let message = shared.store.message(user.id, id).await?.ok_or_else(nothing)?;
    Ok((status, Json(MessageView::from(message))).into_response())
}
