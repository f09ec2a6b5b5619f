//! `GET /api/v1/network/packets`: the log of packets.
#![expect(unused_qualifications, reason = "utoipa's macros write the paths of types in full")]

use crate::{decode::printable, network::ports};
use axum::extract::State;
use kosmo_domain::{Clock, NodeId, Timestamp};
use kosmo_http::{Json, Path, Problem, ProblemBody, Query, cursor, page_size, read_cursor};
use kosmo_store::{
    Store,
    ingest::Reception,
    packets::{MAX_NAME, MAX_PAGE, PORTS_OF_PEOPLE, PacketFilter, PacketReception, PacketRow, Teller},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// How many packets a page has if the client does not say.
const PAGE: u32 = 50;
/// The longest text that is looked for, in bytes.
const LONGEST_TEXT: usize = 64;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Params {
    /// Only packets that this node sent, or that were for it.
    #[param(value_type = Option<String>, pattern = "^![0-9a-f]{8}$")]
    node_id: Option<NodeId>,
    /// Only of this port: its name in small letters, like `telemetry`, or its number.
    #[param(max_length = 32)]
    port: Option<String>,
    /// Only what this bridge or this uplink's node told of first.
    #[param(max_length = 64)]
    gateway: Option<String>,
    /// Only on the public channel of this name.
    #[param(max_length = 64)]
    channel: Option<String>,
    /// Only with this in what they say, small or capital letters.
    #[param(max_length = 64)]
    q: Option<String>,
    /// Only packets with greater numbers: what is new since then.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<String>,
    /// How many packets a page has: 50 if left out, at most 500.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 500)]
    limit: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
}

/// A page of the log of packets, the latest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PacketPage)]
pub(super) struct PacketPage {
    /// The server's time.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The packets.
    data: Vec<PacketView>,
    /// The cursor of the next page; null on the last.
    #[schema(required = true)]
    next: Option<String>,
}

/// A packet of the mesh. What is not known is left out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Packet)]
struct PacketView {
    /// Its number in the log; later ones have greater numbers.
    id: i64,
    /// When it was heard.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who claims to have sent it.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    from_node_id: NodeId,
    /// Whom it is for; `!ffffffff` is everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^![0-9a-f]{8}$")]
    to_node_id: Option<NodeId>,
    /// The sender's id for it; 0 if it gave none.
    packet_id: u32,
    /// The number of its port; left out if it could not be decrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u32>,
    /// The name of its port in small letters; left out if it has none here.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    port_name: Option<&'static str>,
    /// Who told of it first: a bridge's id, or the node of an uplink.
    gateway: String,
    /// `bridge` or `uplink`.
    #[schema(value_type = String)]
    source: &'static str,
    /// The public channel it was on.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// Why what it says is left out: `private` (its channel, or whoever sent it, is not for everybody), `text` (people write
    /// there), `encrypted` (nobody here has the key); left out itself where nothing is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    withheld: Option<&'static str>,
    #[serde(flatten)]
    reception: ReceptionView,
    /// How many bytes its payload has.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u32>,
    /// How often it was told of, by however many gateways.
    receptions: u64,
    /// What it says, by fields with units in their names: any text, not markup.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    fields: Option<Map<String, Value>>,
}

/// How a packet was received.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PacketSignal)]
struct ReceptionView {
    /// Signal to noise in decibels.
    #[serde(skip_serializing_if = "Option::is_none")]
    snr_db: Option<f32>,
    /// Signal strength in dBm.
    #[serde(skip_serializing_if = "Option::is_none")]
    rssi_dbm: Option<i32>,
    /// How many relays it went through.
    #[serde(skip_serializing_if = "Option::is_none")]
    hops_away: Option<u8>,
    /// The last byte of the number of the node that relayed it last, as two hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    relay: Option<String>,
    /// Whether it crossed an MQTT broker on its way to whoever told of it.
    via_mqtt: bool,
}

/// A packet, and who told of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PacketDetail)]
pub(super) struct PacketDetail {
    #[serde(flatten)]
    packet: PacketView,
    /// How each gateway received it, the first 500, as far as that is still known.
    heard_by: Vec<HeardByView>,
}

/// How one gateway received a packet.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PacketHeardBy)]
struct HeardByView {
    /// The gateway.
    gateway: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    #[serde(flatten)]
    reception: ReceptionView,
}

/// The log of packets
///
/// What the mesh said lately, by whichever bridge or uplink told of it first; a packet that several tell of is there once. What
/// people write is never in it, and of private channels and of packets that nobody here can decrypt there is the header alone.
/// New ones are told of by the event `packets` of `/api/v1/stream`.
#[utoipa::path(
    get,
    operation_id = "network_packets",
    path = "/api/v1/network/packets",
    tag = "network",
    params(Params),
    responses(
        (status = 200, description = "A page of packets", body = PacketPage),
        (status = 400, description = "A parameter is not valid", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn handler(
    State(store): State<Store>,
    State(clock): State<Arc<dyn Clock>>,
    Query(params): Query<Params>,
) -> Result<Json<PacketPage>, Problem> {
    let size = page_size(params.limit.as_deref(), PAGE, MAX_PAGE)?;
    let before: Option<i64> = params.cursor.as_deref().map(read_cursor).transpose()?;
    let after = params.after.as_deref().map(number).transpose()?;
    let filter = PacketFilter {
        node: params.node_id,
        port: params.port.as_deref().map(port).transpose()?,
        gateway: bounded("gateway", params.gateway, MAX_NAME)?,
        channel: bounded("channel", params.channel, MAX_NAME)?,
        text: bounded("q", params.q, LONGEST_TEXT)?,
    };
    let mut rows = store.packets(&filter, before, after, size + 1).await?;
    let has_more = rows.len() > size as usize;
    rows.truncate(size as usize);
    let next = rows.last().filter(|_| has_more).map(|row| cursor(&row.id));
    Ok(Json(PacketPage { at: clock.now(), data: rows.into_iter().map(PacketView::from).collect(), next }))
}

/// A packet, and who heard it
///
/// One packet of the log, with how each gateway received it.
#[utoipa::path(
    get,
    operation_id = "network_packet",
    path = "/api/v1/network/packets/{id}",
    tag = "network",
    params(("id" = i64, Path, description = "Its number in the log")),
    responses(
        (status = 200, description = "The packet", body = PacketDetail),
        (status = 400, description = "The id is no number", body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, description = "There is no such packet, or it was given up", body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn one(State(store): State<Store>, Path(id): Path<i64>) -> Result<Json<PacketDetail>, Problem> {
    let (row, receptions) = store.packet(id).await?.ok_or_else(|| Problem::not_found("the log has no packet of this number (any more)"))?;
    Ok(Json(PacketDetail { packet: row.into(), heard_by: receptions.into_iter().map(HeardByView::from).collect() }))
}

fn number(text: &str) -> Result<i64, Problem> {
    text.parse().ok().filter(|number| *number >= 0).ok_or_else(|| Problem::invalid("after", "this is the number of a packet"))
}

fn port(text: &str) -> Result<u32, Problem> {
    text.parse().ok().or_else(|| ports::number(text)).ok_or_else(|| Problem::invalid("port", "this is the number or the name of a port"))
}

/// Refuses a text that is longer than anything there is.
fn bounded(field: &'static str, text: Option<String>, longest: usize) -> Result<Option<String>, Problem> {
    match text {
        Some(text) if text.len() > longest => {
            Err(Problem::invalid(field, format!("this has at most {longest} bytes")).with_limit(longest as u64))
        }
        Some(text) if text.contains('\0') => Err(Problem::invalid(field, "this has no NUL in it")),
        text => Ok(text.filter(|text| !text.is_empty())),
    }
}

impl From<PacketRow> for PacketView {
    fn from(row: PacketRow) -> Self {
        let withheld = match row.port {
            None => Some("encrypted"),
            Some(port) if PORTS_OF_PEOPLE.contains(&port) => Some("text"),
            Some(_) => row.private.then_some("private"),
        };
        Self {
            id: row.id,
            at: row.reception.at,
            from_node_id: row.from,
            to_node_id: row.to,
            packet_id: row.packet_id.0,
            port: row.port,
            port_name: row.port.and_then(ports::name),
            gateway: printable(&row.gateway).unwrap_or_default(),
            source: match row.teller {
                Teller::Bridge => "bridge",
                Teller::Uplink => "uplink",
            },
            channel: row.channel.as_deref().and_then(printable),
            withheld,
            reception: row.reception.into(),
            bytes: row.bytes,
            receptions: row.receptions,
            fields: row.fields.and_then(|json| serde_json::from_str(&json).ok()),
        }
    }
}

impl From<Reception> for ReceptionView {
    fn from(Reception { at: _, snr_db, rssi_dbm, hops_away, relay_node, via_mqtt }: Reception) -> Self {
        Self { snr_db, rssi_dbm, hops_away, relay: relay_node.map(|byte| format!("{byte:02x}")), via_mqtt }
    }
}

impl From<PacketReception> for HeardByView {
    fn from(heard: PacketReception) -> Self {
        Self { gateway: printable(&heard.gateway).unwrap_or_default(), at: heard.reception.at, reception: heard.reception.into() }
    }
}
