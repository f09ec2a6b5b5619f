//! `/api/v1/channels`: what is said to everybody on channels that an operator has made public.

use crate::{
    conversations::{LONGEST_PAGE, PAGE, Params},
    shared::Shared,
};
use axum::extract::State;
use kosmo_domain::{NodeId, PacketId, Timestamp};
use kosmo_http::{Json, Page, Path, Problem, ProblemBody, Query, cursor, page_size, read_cursor};
use kosmo_store::{
    ChannelRow, Visibility,
    messages::{Audience, ChannelName, ChannelText},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A channel that everybody may read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Channel, example = json!({ "id": "01976c3e-7b00-7000-8000-000000000001", "name": "LongFast", "published_at": "2026-06-01T12:00:00Z" }))]
pub(crate) struct ChannelView {
    /// Its id.
    id: Uuid,
    /// What it is called: any text, not markup.
    name: String,
    /// Since when it is public. What was said before stays private.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    published_at: Option<Timestamp>,
}

/// The channels that everybody may read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Channels)]
pub(crate) struct ChannelsView {
    /// All of them; there are at most a few hundred.
    data: Vec<ChannelView>,
}

/// A text to everybody on a channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ChannelText, example = json!({
    "id": "01976c3e-8c00-7000-8000-000000000002", "from_node_id": "!a1b2c3d4", "text": "anybody there?", "reaction": false,
    "heard_at": "2026-06-01T12:01:00Z", "received_at": "2026-06-01T12:01:00.2Z"
}))]
pub(crate) struct ChannelTextView {
    /// Its id.
    id: Uuid,
    /// Who sent it; left out of an operator's that was not given to a radio yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^![0-9a-f]{8}$")]
    from_node_id: Option<NodeId>,
    /// The id of its packet; left out if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, maximum = 4_294_967_295_u64)]
    packet_id: Option<PacketId>,
    /// What it says: any text, not markup.
    text: String,
    /// The packet it answers or reacts to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, maximum = 4_294_967_295_u64)]
    reply_to: Option<PacketId>,
    /// Whether it is a reaction: one emoji under the text it answers.
    reaction: bool,
    /// Whether a router had kept it for those who were not there; left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stored: bool,
    /// How it stands, if an operator wrote it here. It is never `delivered`: nobody can confirm for everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::codes::Status>)]
    status: Option<&'static str>,
    /// When a bridge or a node heard it, or it was written.
    #[schema(value_type = String, format = DateTime)]
    heard_at: Timestamp,
    /// When it arrived here.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
}

/// Public channels
///
/// The channels that an operator has made public. Channels are private until then, also those whose key every radio knows.
#[utoipa::path(
    get,
    operation_id = "list_channels",
    path = "/api/v1/channels",
    tag = "channels",
    responses((status = 200, description = "The public channels", body = ChannelsView)),
)]
pub(crate) async fn list(State(shared): State<Shared>) -> Result<Json<ChannelsView>, Problem> {
    let public = shared.store.channels().await?.into_iter().filter(is_public);
    Ok(Json(ChannelsView { data: public.map(ChannelView::from).collect() }))
}

/// What is said on a channel
///
/// The latest texts first; `next` leads to those before them. What was said before the channel was made public is not among them.
#[utoipa::path(
    get,
    operation_id = "list_channel_texts",
    path = "/api/v1/channels/{channel_id}/messages",
    tag = "channels",
    params(("channel_id" = Uuid, Path, description = "The channel"), Params),
    responses(
        (status = 200, description = "A page of texts", body = Page<ChannelTextView>),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such public channel", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn texts(
    State(shared): State<Shared>,
    Path(id): Path<Uuid>,
    Query(params): Query<Params>,
) -> Result<Json<Page<ChannelTextView>>, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let before: Option<(Timestamp, Uuid)> = params.cursor.as_deref().map(read_cursor).transpose()?;
    // A private channel is not told from one that is not there.
    let channel = shared.store.channels().await?.into_iter().find(|channel| channel.id == id && is_public(channel));
    let channel = channel.ok_or_else(|| Problem::not_found("there is no public channel with this id").of("channel_id"))?;
    let audience = Audience::Everybody { since: channel.published_at };
    let name = ChannelName { name: channel.name, hash: channel.hash };
    let mut texts = shared.store.channel_texts(&name, audience, before, size + 1).await?;
    let has_more = texts.len() > size as usize;
    texts.truncate(size as usize);
    let next = texts.last().filter(|_| has_more).map(|last| cursor(&(last.received_at, last.id)));
    Ok(Json(Page { data: texts.into_iter().map(ChannelTextView::from).collect(), next }))
}

fn is_public(channel: &ChannelRow) -> bool {
    channel.visibility == Visibility::Public
}

impl From<ChannelRow> for ChannelView {
    fn from(row: ChannelRow) -> Self {
        Self { id: row.id, name: row.name, published_at: row.published_at }
    }
}

impl From<ChannelText> for ChannelTextView {
    fn from(row: ChannelText) -> Self {
        Self {
            id: row.id,
            from_node_id: row.from,
            packet_id: Some(row.packet_id).filter(|id| id.is_given()),
            text: row.text,
            reply_to: row.reply_to,
            reaction: row.reaction,
            stored: row.stored,
            status: row.status.map(kosmo_domain::Status::as_str),
            heard_at: row.heard_at,
            received_at: row.received_at,
        }
    }
}
