//! `GET /api/v1/identity`: how this server recognises who asks, and whom a demo offers to be.

use crate::shared::Shared;
use axum::extract::State;
use kosmo_http::{Json, Problem};
use kosmo_store::users::UserRow;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// The most members that are offered: a choice of more is none.
const OFFERED: u32 = 50;

/// How the server recognises who asks.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Identity, example = json!({
    "how": "header",
    "members": [{ "id": "11111111-1111-1111-1111-111111111111", "handle": "ana", "plan": "wanderer" }]
}))]
pub(crate) struct IdentityView {
    /// What says who asks.
    how: How,
    /// Whom the header may name, by handle; the first 50. Empty unless `how` is `header`.
    members: Vec<OfferedView>,
}

/// What says who asks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = IdentityHow)]
enum How {
    /// The header `X-User-ID`, which is believed: a server for development, on this machine alone.
    Header,
    /// Nothing: there are no accounts, so messages are closed to everybody.
    Nobody,
}

/// A member whom the header may name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IdentityMember)]
struct OfferedView {
    /// What the header says.
    #[schema(value_type = String, format = Uuid)]
    id: Uuid,
    /// The member's handle.
    handle: String,
    /// The plan: `free`, `wanderer`, `guardian` or `sanctuary`.
    plan: &'static str,
}

impl From<UserRow> for OfferedView {
    fn from(user: UserRow) -> Self {
        Self { id: user.id, handle: user.handle.to_string(), plan: user.plan.as_str() }
    }
}

/// How this server recognises who asks
///
/// Where a header is believed, as in the demo, its members are listed, so that a page can offer to be one of them.
#[utoipa::path(
    get,
    operation_id = "identity",
    path = "/api/v1/identity",
    tag = "messages",
    responses((status = 200, description = "How the server recognises who asks", body = IdentityView)),
)]
pub(crate) async fn handler(State(shared): State<Shared>) -> Result<Json<IdentityView>, Problem> {
    if shared.dev_identity.is_none() {
        return Ok(Json(IdentityView { how: How::Nobody, members: Vec::new() }));
    }
    let members = shared.store.users(None, OFFERED).await?;
    Ok(Json(IdentityView { how: How::Header, members: members.into_iter().map(OfferedView::from).collect() }))
}
