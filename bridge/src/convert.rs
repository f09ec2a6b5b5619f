//! From what a radio tells to what the cloud is told.
//!
//! Nothing is judged here: values that cannot be travel along as refused, clocks that are wrong stay as they are, and
//! who may read a text is not decided here. What has no place in the contract is counted.

use crate::{
    counters::Counter,
    record::{Body, NewRecord},
};
use kosmo_contract::{
    Base64Bytes, ChannelRef, ChannelReport, InboundBody, Measured, Neighbor, NodeBody, NodeReport, Packet, Privacy, ReadingBody,
    ReadingKind, RefusedValue, Text, Transport, User,
};
use kosmo_domain::{NodeId, Timestamp};
use kosmo_meshtastic::{
    node::{NodeInfo, UserInfo},
    packet::{self, Received},
    payload::{NeighborReport, PositionReport, Route},
    radio::{Channel, ChannelRole, RadioState},
    telemetry::{Telemetry, TelemetryKind},
    waypoint::Waypoint,
};

/// Returns the record that a packet makes which was heard on this channel of the radio `own`, or what it is counted as if it makes
/// none.
///
/// # Errors
/// The counter.
pub(crate) fn packet(
    received: &Received,
    channel: Option<&ChannelReport>,
    own: Option<NodeId>,
    heard_at: Timestamp,
) -> Result<NewRecord, Counter> {
    received.from.sender().map_err(|_| Counter::ReservedNode)?;
    let body = match &received.body {
        packet::Body::Text { text } => Body::Inbound(inbound(received, text, channel)?),
        packet::Body::Telemetry(telemetry) => telemetry_body(received, telemetry)?,
        packet::Body::User(info) => about(received.from, NodeReport::User(user(info))),
        packet::Body::Position(report) => about(received.from, position(report).ok_or(Counter::PositionEmpty)?),
        packet::Body::Neighbors(report) => neighbors(received.from, report),
        packet::Body::Traceroute(route) => traceroute(received, route)?,
        packet::Body::StoredText { text } => Body::Inbound(InboundBody { stored: true, ..inbound(received, text, channel)? }),
        packet::Body::TextNotUtf8 => return Err(Counter::TextNotUtf8),
        packet::Body::Malformed { .. } => return Err(Counter::Malformed),
        packet::Body::Encrypted => return Err(Counter::Encrypted),
        packet::Body::Routing(_) => return Err(Counter::Routing),
        packet::Body::Waypoint(place) => about(received.from, waypoint(received, place, channel)?),
        packet::Body::Unknown => return Err(Counter::OtherPort),
    };
    // What is encrypted for one node alone is on no channel.
    let channel = channel.filter(|_| !received.pki_encrypted);
    let privacy = Some(privacy(received.from, received.ok_to_mqtt(), channel, own));
    Ok(NewRecord { heard_at, packet: Some(reception(received)), privacy, body })
}

/// Returns the reports that the memory of the radio `own` makes of a node that it heard on this channel: at most one each of user,
/// position, device and link.
///
/// # Errors
/// The counter, for a number that no node can bear.
pub(crate) fn remembered(
    info: &NodeInfo,
    channel: Option<&ChannelReport>,
    own: Option<NodeId>,
    heard_at: Timestamp,
) -> Result<Vec<NewRecord>, Counter> {
    let node_id = info.node.sender().map_err(|_| Counter::ReservedNode)?;
    let device = info.device.as_ref().map(measured).filter(|metrics| !is_empty(metrics));
    let link = NodeReport::Link { snr_db: info.snr, hops_away: info.hops_away, via_mqtt: info.via_mqtt };
    // The radio's own node has no link to itself.
    let has_link = info.snr.is_some() || info.hops_away.is_some() || info.via_mqtt;
    let reports = [
        info.user.as_ref().map(|info| NodeReport::User(user(info))),
        info.position.as_ref().and_then(position),
        device.map(|metrics| NodeReport::Device { metrics }),
        has_link.then_some(link),
    ];
    let reports = reports.into_iter().flatten().map(|report| Body::Node(NodeBody { node_id, last_heard: info.last_heard, report }));
    // A radio does not remember who agreed.
    let privacy = Some(privacy(info.node, None, channel, own));
    Ok(reports.map(|body| NewRecord { heard_at, packet: None, privacy: privacy.clone(), body }).collect())
}

/// Returns whether what a node says is for everybody. Whoever attaches a radio to a bridge shows it.
fn privacy(from: NodeId, agrees: Option<bool>, channel: Option<&ChannelReport>, own: Option<NodeId>) -> Privacy {
    if own == Some(from) {
        return Privacy { ok_to_mqtt: Some(true), private_channel: None };
    }
    let private_channel = channel.filter(|report| !report.public).map(|report| report.channel.clone());
    Privacy { ok_to_mqtt: agrees, private_channel }
}

/// Returns which channel one of a radio's is, without its key.
pub(crate) fn channel_ref(radio: &RadioState, channel: &Channel) -> ChannelRef {
    ChannelRef { name: Text::cut(radio.channel_name(channel)), hash: radio.channel_hash(channel) }
}

/// Returns the channels that a radio uses, without their keys.
pub(crate) fn channels(radio: &RadioState) -> Vec<ChannelReport> {
    let used = radio.channels.iter().filter(|channel| channel.role != ChannelRole::Disabled);
    let report = |channel: &Channel| ChannelReport {
        index: channel.index,
        channel: channel_ref(radio, channel),
        primary: channel.role == ChannelRole::Primary,
        public: radio.is_public(channel),
        uplink: channel.uplink,
        downlink: channel.downlink,
    };
    used.map(report).collect()
}

fn about(node_id: NodeId, report: NodeReport) -> Body {
    Body::Node(NodeBody { node_id, last_heard: None, report })
}

fn reception(received: &Received) -> Packet {
    Packet {
        from: received.from,
        to: received.to,
        id: received.id,
        port: received.port,
        channel: received.channel,
        rx_time: received.rx_time,
        snr_db: received.snr,
        rssi_dbm: received.rssi,
        hops_away: received.hops_away(),
        relay_node: received.relay_node,
        transport: Some(match received.transport {
            packet::Transport::Internal => Transport::Internal,
            packet::Transport::Lora => Transport::Lora,
            packet::Transport::Mqtt => Transport::Mqtt,
            packet::Transport::Udp => Transport::Udp,
            packet::Transport::Api => Transport::Api,
            packet::Transport::Other(_) => Transport::Other,
        }),
        via_mqtt: received.via_mqtt,
        replayed: received.replayed,
    }
}

/// A text longer than the air carries is a forgery of the radio's; cutting it would put words into somebody's mouth.
fn inbound(received: &Received, text: &str, channel: Option<&ChannelReport>) -> Result<InboundBody, Counter> {
    let text = Text::try_from(text.to_owned()).map_err(|_| Counter::Malformed)?;
    Ok(InboundBody {
        text,
        reply_to: received.reply_id,
        reaction: received.emoji,
        channel: channel.filter(|_| received.to.is_broadcast()).map(|report| report.channel.clone()),
        stored: false,
    })
}

fn telemetry_body(received: &Received, telemetry: &Telemetry) -> Result<Body, Counter> {
    let kind = match &telemetry.kind {
        TelemetryKind::Environment => ReadingKind::Environment,
        TelemetryKind::AirQuality => ReadingKind::AirQuality,
        TelemetryKind::Power => ReadingKind::Power,
        TelemetryKind::Device => ReadingKind::Device,
        TelemetryKind::LocalStats(stats) => return Ok(about(received.from, NodeReport::RadioStats((*stats).into()))),
        TelemetryKind::Host(stats) => return Ok(about(received.from, NodeReport::HostStats((*stats).into()))),
        TelemetryKind::TrafficManagement(stats) => return Ok(about(received.from, NodeReport::TrafficStats((*stats).into()))),
        TelemetryKind::Health(metrics) => return Ok(about(received.from, NodeReport::HealthMetrics((*metrics).into()))),
        TelemetryKind::Unknown => return Err(Counter::TelemetryUnsupported),
    };
    let metrics = measured(telemetry);
    if is_empty(&metrics) && telemetry.unmapped == 0 {
        return Err(Counter::TelemetryEmpty);
    }
    let raw = Base64Bytes::try_from(received.payload.clone()).ok();
    Ok(Body::Reading(ReadingBody { node_id: received.from, kind, device_time: telemetry.time, metrics, raw }))
}

fn measured(telemetry: &Telemetry) -> Measured {
    let refused = telemetry.refused.iter();
    let refused =
        refused.map(|refused| RefusedValue { name: refused.metric.name().to_owned(), value: refused.value, metric: Some(refused.metric) });
    Measured { metrics: telemetry.metrics, refused: refused.collect() }
}

fn is_empty(measured: &Measured) -> bool {
    measured.metrics.is_empty() && measured.refused.is_empty()
}

fn user(info: &UserInfo) -> User {
    User {
        long_name: info.long_name.as_deref().map(Text::cut),
        short_name: info.short_name.as_deref().map(Text::cut),
        hardware: Some(Text::cut(&info.hardware)),
        role: Some(Text::cut(&info.role)),
        public_key: info.public_key.and_then(|key| Base64Bytes::try_from(key.to_vec()).ok()),
        licensed: info.licensed,
        unmessagable: info.unmessagable.unwrap_or(false),
    }
}

fn position(report: &PositionReport) -> Option<NodeReport> {
    let place = report.position?;
    Some(NodeReport::Position {
        latitude: place.latitude(),
        longitude: place.longitude(),
        altitude_m: place.altitude_m(),
        precision_bits: report.precision_bits,
        at: report.time,
    })
}

/// Firmware passes other nodes' reports on, so the node in the report counts, where it is one.
fn neighbors(from: NodeId, report: &NeighborReport) -> Body {
    let heard = report.neighbors.iter().filter_map(|neighbor| {
        let node_id = neighbor.node.sender().ok()?;
        Some(Neighbor { node_id, snr_db: neighbor.snr? })
    });
    about(report.node.sender().unwrap_or(from), NodeReport::Neighbors { neighbors: heard.collect() })
}

/// What is marked for one node is between the two.
fn waypoint(received: &Received, place: &Waypoint, channel: Option<&ChannelReport>) -> Result<NodeReport, Counter> {
    if !received.to.is_broadcast() || place.id == 0 {
        return Err(Counter::WaypointPrivate);
    }
    Ok(NodeReport::Waypoint(kosmo_contract::Waypoint {
        waypoint_id: place.id,
        latitude: place.place.map(|place| place.latitude()),
        longitude: place.place.map(|place| place.longitude()),
        expires_at: place.expires,
        locked_to: place.locked_to,
        name: place.name.as_deref().map(Text::cut),
        description: place.description.as_deref().map(Text::cut),
        icon: place.icon.map(|icon| Text::cut(&icon.to_string())),
        channel: channel.map(|report| report.channel.clone()),
        public: channel.is_some_and(|report| report.public),
    }))
}

/// A route is known when it comes back; what goes out is a question.
fn traceroute(received: &Received, route: &Route) -> Result<Body, Counter> {
    if received.request_id.is_none() {
        return Err(Counter::TracerouteRequest);
    }
    Ok(about(received.from, route.asked_by(received.to).into()))
}

#[cfg(test)]
mod tests;
