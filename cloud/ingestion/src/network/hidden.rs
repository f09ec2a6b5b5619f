//! `GET /api/v1/network/hidden`: how much is heard that nobody is shown.

use axum::extract::State;
use kosmo_domain::{Clock, Timestamp};
use kosmo_http::{Json, Problem};
use kosmo_store::{Store, network::NotShown};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What is heard and not shown. An operator whose map stays empty finds the reason here.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NotShown)]
pub(super) struct View {
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How many nodes are heard that do not agree to be shown: their "OK to MQTT" is off, they never said, or they opted out by their
    /// names.
    nodes: u64,
    /// On how many channels bridges hear something that no operator has made public.
    private_channels: u64,
    /// How many records of those channels were not kept.
    withheld: u64,
    /// When that was last so.
    #[schema(value_type = Option<String>, format = DateTime)]
    withheld_at: Option<Timestamp>,
}

/// What is not shown
///
/// How many nodes are heard that do not agree to be shown, and how much was heard on channels that are private. Nobody is named.
#[utoipa::path(
    get,
    operation_id = "network_hidden",
    path = "/api/v1/network/hidden",
    tag = "network",
    responses((status = 200, description = "What is not shown", body = View)),
)]
pub(super) async fn handler(State(store): State<Store>, State(clock): State<Arc<dyn Clock>>) -> Result<Json<View>, Problem> {
    let NotShown { nodes, channels, withheld, withheld_at } = store.not_shown().await?;
    Ok(Json(View { at: clock.now(), nodes, private_channels: channels, withheld, withheld_at }))
}
