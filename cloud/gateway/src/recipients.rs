//! `GET /api/v1/messages/recipients`: whom a member may write to.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{identity::Member, shared::Shared};
use axum::extract::State;
use kosmo_domain::{NodeId, Timestamp};
use kosmo_http::{Json, Page, Problem, ProblemBody, Query, cursor, page_size, read_cursor};
use kosmo_store::users::{Peer, Recipient};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How many rows a page has if the client does not say.
const PAGE: u32 = 50;
/// How many rows a page has at most.
const LONGEST_PAGE: u32 = 200;
/// The longest search, in bytes.
const LONGEST_SEARCH: usize = 100;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Only nodes whose names or id contain this; at most 100 bytes.
    #[param(max_length = 100)]
    q: Option<String>,
    /// How many rows a page has: 50 if left out, at most 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A node that a member may write to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recipient, example = json!({
    "node_id": "!a1b2c3d4", "long_name": "Lena", "short_name": "LENA", "unmessagable": false, "last_heard": "2026-06-01T12:00:00Z"
}))]
pub(crate) struct RecipientView {
    /// The node.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    #[serde(flatten)]
    peer: PeerView,
}

/// What is known of a node that somebody writes to. All of it is left out of a node that was never heard.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Peer)]
pub(crate) struct PeerView {
    /// The long name it gives itself: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    long_name: Option<String>,
    /// The short name it gives itself: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    short_name: Option<String>,
    /// Whether it says that nobody reads messages sent to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    unmessagable: Option<bool>,
    /// When it was found to bear another key than before: it may be somebody else.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    key_changed_at: Option<Timestamp>,
    /// When it was last heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_heard: Option<Timestamp>,
}

/// Whom the member may write to
///
/// The nodes that the member's plan reaches, those last heard first, in pages. A node that was never heard is listed only if it is on the
/// member's own list; plans that write to any node may write to such a one all the same.
#[utoipa::path(
    get,
    operation_id = "list_recipients",
    path = "/api/v1/messages/recipients",
    tag = "messages",
    params(Params, ("X-User-ID" = Option<String>, Header, description = "Who asks, where the server runs for development")),
    responses(
        (status = 200, description = "A page of nodes; none for a plan that sends nothing", body = Page<RecipientView>),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, description = "It is not known who asks", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(
    State(shared): State<Shared>,
    Member(user): Member,
    Query(params): Query<Params>,
) -> Result<Json<Page<RecipientView>>, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)? as usize;
    let words = params.q.unwrap_or_default();
    if words.len() > LONGEST_SEARCH {
        return Err(Problem::invalid("q", "a search has at most 100 bytes").with_limit(LONGEST_SEARCH as u64));
    }
    let skip: u32 = params.cursor.as_deref().map(read_cursor).transpose()?.unwrap_or(0);
    let mut rows = shared.store.recipients(user.id, user.plan.scope(), words.trim(), skip as usize, size + 1).await?;
    let more = rows.len() > size;
    rows.truncate(size);
    let next = more.then(|| cursor(&(skip as usize + size)));
    Ok(Json(Page { data: rows.into_iter().map(RecipientView::from).collect(), next }))
}

impl From<Recipient> for RecipientView {
    fn from(row: Recipient) -> Self {
        Self { node_id: row.node, peer: row.peer.map(PeerView::from).unwrap_or_default() }
    }
}

impl From<Peer> for PeerView {
    fn from(peer: Peer) -> Self {
        Self {
            long_name: peer.long_name,
            short_name: peer.short_name,
            unmessagable: Some(peer.unmessagable),
            key_changed_at: peer.key_changed_at,
            last_heard: Some(peer.last_heard),
        }
    }
}
