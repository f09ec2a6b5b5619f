//! `GET /api/v1/messages/conversations`: with whom a member has written.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{identity::Member, recipients::PeerView, shared::Shared};
use axum::extract::State;
use kosmo_domain::{NodeId, Timestamp};
use kosmo_http::{Json, Page, Problem, ProblemBody, Query, cursor, page_size, read_cursor};
use kosmo_store::messages::Conversation;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many rows a page has if the client does not say.
pub(crate) const PAGE: u32 = 50;
/// How many rows a page has at most.
pub(crate) const LONGEST_PAGE: u32 = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// How many rows a page has: 50 if left out, at most 100.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    pub(crate) limit: Option<String>,
    /// `next` of the page before.
    pub(crate) cursor: Option<String>,
}

/// What a member and a node said to each other, at a glance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Conversation, example = json!({
    "node_id": "!a1b2c3d4", "last_at": "2026-06-01T12:00:00Z", "last_text": "Hello mesh", "last_direction": "out",
    "last_status": "delivered", "unread": 0, "read_seq": 17, "last_seq": 17, "long_name": "Lena", "last_heard": "2026-06-01T12:00:00Z"
}))]
pub(crate) struct ConversationView {
    /// With whom.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// When the last text was sent or heard.
    #[schema(value_type = String, format = DateTime)]
    last_at: Timestamp,
    /// What it says: any text, not markup.
    last_text: String,
    /// `out` if it is the member's, `in` if it came for the member.
    last_direction: &'static str,
    /// How it stands, if it is the member's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::codes::Status>)]
    last_status: Option<&'static str>,
    /// How many of the node's texts the member has not read.
    unread: u64,
    /// Up to which text the member has read it.
    read_seq: i64,
    /// `seq` of the last text.
    last_seq: i64,
    #[serde(flatten)]
    peer: PeerView,
}

/// With whom the member has written
///
/// The conversations of the member who asks, the one with the latest text first, in pages.
#[utoipa::path(
    get,
    operation_id = "list_conversations",
    path = "/api/v1/messages/conversations",
    tag = "messages",
    params(Params, ("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development")),
    responses(
        (status = 200, description = "A page of conversations", body = Page<ConversationView>),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "It is not known who asks", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(
    State(shared): State<Shared>,
    Member(user): Member,
    Query(params): Query<Params>,
) -> Result<Json<Page<ConversationView>>, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let before: Option<i64> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let mut rows = shared.store.conversations(user.id, before, size + 1).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&row.last_seq));
    Ok(Json(Page { data: rows.into_iter().map(ConversationView::from).collect(), next }))
}

impl From<Conversation> for ConversationView {
    fn from(row: Conversation) -> Self {
        Self {
            node_id: row.node,
            last_at: row.last_at,
            last_text: row.last_text,
            last_direction: if row.last_status.is_some() { "out" } else { "in" },
            last_status: row.last_status.map(kosmo_domain::Status::as_str),
            unread: row.unread,
            read_seq: row.read_seq,
            last_seq: row.last_seq,
            peer: row.peer.map(PeerView::from).unwrap_or_default(),
        }
    }
}
