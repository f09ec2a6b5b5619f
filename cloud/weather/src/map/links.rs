//! `GET /api/v1/links`: who hears whom without a relay.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{map::bridge_radios, params::maybe_time};
use axum::{extract::State, http::HeaderMap, response::Response};
use kosmo_domain::{BridgeId, NodeId, Timestamp};
use kosmo_http::{Page, Problem, ProblemBody, Query, cacheable, cursor, page_size, read_cursor};
use kosmo_store::{
    Store,
    weather::{LinkEnd, LinkPlace},
};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, time::Duration};
use utoipa::{IntoParams, ToSchema};

/// How long an answer may be kept; neighbours are reported every few hours.
const MAX_AGE: Duration = Duration::from_secs(15);
/// How many links a page has if the client does not say.
const PAGE: u32 = 1_000;
/// How many links a page has at most.
const LONGEST_PAGE: u32 = 2_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Params {
    /// Leaves out the links that were not heard over since then.
    #[serde(default, deserialize_with = "maybe_time")]
    #[param(value_type = Option<String>, format = DateTime, example = "2026-05-01T00:00:00Z")]
    since: Option<Timestamp>,
    /// How many links are looked at for a page: 1000 if left out, at most 2000.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 2000)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// Where a page ended.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    Neighbor(i64, NodeId),
    Reception(i64, BridgeId),
}

/// A link over the air, in one direction.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Link, example = json!({
    "from": "!a1b2c3d4", "to": "!b1b2c3d4", "snr_db": 6.25, "at": "2026-06-01T11:59:57Z", "source": "neighbor"
}))]
pub(crate) struct LinkView {
    /// The node that was heard.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    from: NodeId,
    /// The node that heard it.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    to: NodeId,
    /// Signal to noise in decibels; left out if that was not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    snr_db: Option<f32>,
    /// When that was so.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// How it is known: `neighbor`, because `to` reported it; `reception`, because `to` is the radio of a bridge that
    /// received a packet of `from` without a relay.
    source: &'static str,
    /// That bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    bridge_id: Option<BridgeId>,
}

/// Who hears whom
///
/// The links over the air that nodes report and that bridges hear themselves, each in its direction, in pages; those of nodes
/// known for longest come first. A page may have fewer rows than its limit: go on until `next` is null. Where the ends are
/// `/api/v1/map/nodes` tells, of those that tell where they are.
#[utoipa::path(
    get,
    operation_id = "list_links",
    path = "/api/v1/links",
    tag = "map",
    params(Params),
    responses(
        (status = 200, description = "A page of links", body = Page<LinkView>),
        (status = 304, description = "Nothing has changed since the answer with the `ETag` in `If-None-Match`"),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(crate) async fn handler(State(store): State<Store>, Query(params): Query<Params>, headers: HeaderMap) -> Result<Response, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, LONGEST_PAGE)?;
    let after: Option<LinkPlace> = params.cursor.as_deref().map(read_cursor::<Place>).transpose()?.map(LinkPlace::from);
    let mut rows = store.links(after.as_ref(), params.since.unwrap_or(Timestamp::EPOCH), size + 1).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&Place::from(&row.place)));
    let radios: HashMap<BridgeId, NodeId> = bridge_radios(&store).await?.into_iter().map(|radio| (radio.bridge, radio.node)).collect();
    let data: Vec<_> = rows
        .into_iter()
        .filter_map(|row| {
            let (to, source, bridge_id) = match row.to {
                LinkEnd::Node(node) => (node, "neighbor", None),
                LinkEnd::Bridge(bridge) => (*radios.get(&bridge)?, "reception", Some(bridge)),
            };
            (row.from != to).then_some(LinkView { from: row.from, to, snr_db: row.snr_db, at: row.at, source, bridge_id })
        })
        .collect();
    Ok(cacheable(&headers, &Page { data, next }, MAX_AGE))
}

impl From<&LinkPlace> for Place {
    fn from(place: &LinkPlace) -> Self {
        match place {
            LinkPlace::Neighbor(id, node) => Self::Neighbor(*id, *node),
            LinkPlace::Reception(id, bridge) => Self::Reception(*id, bridge.clone()),
        }
    }
}

impl From<Place> for LinkPlace {
    fn from(place: Place) -> Self {
        match place {
            Place::Neighbor(id, node) => Self::Neighbor(id, node),
            Place::Reception(id, bridge) => Self::Reception(id, bridge),
        }
    }
}
