//! `GET /api/v1/network/silent`: who used to speak and is silent.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::network::judge;
use axum::extract::State;
use kosmo_domain::{BridgeId, Clock, DAY, NodeId, Timestamp};
use kosmo_http::{Json, Problem, ProblemBody, Query, cursor, page_size, read_cursor};
use kosmo_store::{
    Store,
    network::{SilentFrom, SilentNode},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use utoipa::{IntoParams, ToSchema};

/// How many nodes a page has if the client does not say.
const PAGE: u32 = 50;
/// How many nodes a page has at most.
const LONGEST_PAGE: u32 = 200;
/// How many bridges are listed at most.
const MOST_BRIDGES: u32 = 200;
/// For how many days a node is missed; after that it is gone.
const MISSED_DAYS: u32 = 30;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// How many nodes a page has: 50 if left out, at most 200.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Who is silent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Silence)]
pub(super) struct Silence {
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The bridges that are offline or silent; what they alone hear cannot be heard.
    bridges: Vec<SilentBridgeView>,
    /// Nodes that were heard within the last 30 days and are silent for far longer than is usual for them, those that fell
    /// silent last first.
    data: Vec<SilentNodeView>,
    /// The cursor of the next page of nodes; null on the last.
    #[schema(required = true)]
    next: Option<String>,
}

/// A bridge that is silent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SilentBridge)]
struct SilentBridgeView {
    /// Its id.
    #[schema(value_type = String)]
    bridge_id: BridgeId,
    /// `offline` or `silent`.
    #[schema(value_type = String)]
    state: &'static str,
    /// When it last said anything.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
}

/// A node that is silent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SilentNode)]
struct SilentNodeView {
    /// Its id.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    node_id: NodeId,
    /// The name its owner gave it: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    long_name: Option<String>,
    /// Its short name: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    short_name: Option<String>,
    /// When it was last heard.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// How many seconds usually lie between two times that it is heard, the longer ones among them.
    usual_gap_s: u64,
    /// Whether it measures the weather.
    is_station: bool,
    /// The bridge that heard it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    bridge_id: Option<BridgeId>,
    /// Whether that bridge is gone as well, so that the node may speak and nobody hears it.
    bridge_is_gone: bool,
}

/// Who is silent
///
/// Bridges and nodes that used to speak, and since when they do not. A node is judged by its own usual interval: it is
/// missed after four of those, and five minutes at least.
#[utoipa::path(
    get,
    operation_id = "network_silent",
    path = "/api/v1/network/silent",
    tag = "network",
    params(Params),
    responses(
        (status = 200, description = "Who is silent", body = Silence),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn handler(
    State(store): State<Store>,
    State(clock): State<Arc<dyn Clock>>,
    Query(params): Query<Params>,
) -> Result<Json<Silence>, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let from: Option<(Timestamp, NodeId)> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let from = from.map(|(last_heard, node)| SilentFrom { last_heard, node });
    let now = clock.now();
    let mut rows = store.silent_nodes(now, now.minus(DAY * MISSED_DAYS), from, size + 1).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&(row.last_heard, row.node)));
    let judged: BTreeMap<_, _> =
        store.bridges_page(None, MOST_BRIDGES).await?.into_iter().map(|row| (row.id.clone(), judge(&row, now))).collect();
    let gone: BTreeSet<_> = judged.iter().filter(|(_, judged)| judged.state.is_gone()).map(|(id, _)| id.clone()).collect();
    let bridges = judged
        .into_iter()
        .filter_map(|(bridge_id, judged)| Some(SilentBridgeView { bridge_id, state: judged.state.as_str(), since: judged.gone_since? }))
        .collect();
    let data = rows.into_iter().map(|row| SilentNodeView::new(row, &gone)).collect();
    Ok(Json(Silence { at: now, bridges, data, next }))
}

impl SilentNodeView {
    fn new(row: SilentNode, gone: &BTreeSet<BridgeId>) -> Self {
        Self {
            node_id: row.node,
            long_name: row.long_name,
            short_name: row.short_name,
            since: row.last_heard,
            usual_gap_s: row.usual_gap.as_secs(),
            is_station: row.metrics.iter().any(|metric| metric.is_environmental()),
            bridge_is_gone: row.bridge.as_ref().is_some_and(|bridge| gone.contains(bridge)),
            bridge_id: row.bridge,
        }
    }
}
