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
mod tests {
    use super::*;
    use kosmo_contract::{Record, V1, parse};
    use kosmo_domain::{Metric, PacketId};
    use kosmo_meshtastic::{Message, proto};
    use proto::telemetry::Variant;

    const SENDER: u32 = 0x4dbb_2002;

    fn received(port: i32, payload: Vec<u8>, change: impl FnOnce(&mut proto::Data)) -> Received {
        let mut data = proto::Data { portnum: port, payload, ..Default::default() };
        change(&mut data);
        let payload_variant = Some(proto::mesh_packet::PayloadVariant::Decoded(data));
        let packet = proto::MeshPacket { from: SENDER, to: 0x4daa_1001, id: 5, payload_variant, ..Default::default() };
        Received::read(packet, Vec::new())
    }

    fn on(channel: &ChannelRef) -> ChannelReport {
        ChannelReport { index: 0, channel: channel.clone(), primary: true, public: true, uplink: false, downlink: false }
    }

    fn told(port: i32, payload: &impl Message) -> Result<Body, Counter> {
        told_with(port, payload, |_| {})
    }

    /// Returns the body, after making sure that the cloud would read the same.
    fn told_with(port: i32, payload: &impl Message, change: impl FnOnce(&mut proto::Data)) -> Result<Body, Counter> {
        let record = packet(&received(port, payload.encode_to_vec(), change), None, None, Timestamp::EPOCH)?;
        let (bridge, epoch) = ("roof".parse().unwrap(), kosmo_domain::Epoch::from_random(1));
        let json = record.payload(&bridge, epoch, 7);
        let (stream, packet, privacy, heard_at) = (record.stream(), record.packet.clone(), record.privacy.clone(), record.heard_at);
        let read = match &record.body {
            Body::Reading(body) => {
                parse(&json) == Ok(Record { v: V1, bridge, epoch, stream, seq: 7, heard_at, packet, privacy, body: body.clone() })
            }
            Body::Node(body) => {
                parse(&json) == Ok(Record { v: V1, bridge, epoch, stream, seq: 7, heard_at, packet, privacy, body: body.clone() })
            }
            Body::Receipt(_) => panic!("a packet makes no receipt"),
            Body::Inbound(body) => {
                parse(&json) == Ok(Record { v: V1, bridge, epoch, stream, seq: 7, heard_at, packet, privacy, body: body.clone() })
            }
        };
        assert!(read, "{}", String::from_utf8_lossy(&json));
        Ok(record.body)
    }

    fn telemetry(variant: Variant) -> Result<Body, Counter> {
        told(67, &proto::Telemetry { time: 1_780_315_200, variant: Some(variant) })
    }

    fn report(told: Result<Body, Counter>) -> NodeBody {
        match told {
            Ok(Body::Node(body)) => body,
            other => panic!("no node report: {other:?}"),
        }
    }

    #[test]
    fn each_part_of_a_station_becomes_a_reading_of_its_kind() {
        let air = proto::AirQualityMetrics { pm25_standard: Some(12), ..Default::default() };
        let power = proto::PowerMetrics { ch1_voltage: Some(3.3), ..Default::default() };
        for (variant, kind, expect) in [
            (Variant::AirQualityMetrics(air), ReadingKind::AirQuality, (Metric::Pm25, 12.0)),
            (Variant::PowerMetrics(power), ReadingKind::Power, (Metric::Ch1Voltage, 3.3)),
        ] {
            let Ok(Body::Reading(body)) = telemetry(variant) else { panic!("no reading") };
            assert_eq!((body.kind, body.metrics.metrics.iter().collect::<Vec<_>>()), (kind, vec![expect]));
            assert_eq!(body.device_time, Some(Timestamp::from_unix_seconds(1_780_315_200)));
        }
    }

    #[test]
    fn a_reading_that_only_later_versions_understand_keeps_its_bytes() {
        let power = proto::PowerMetrics { ch8_voltage: Some(3.3), ..Default::default() };
        let Ok(Body::Reading(body)) = telemetry(Variant::PowerMetrics(power)) else { panic!("no reading") };
        assert!(body.metrics.metrics.is_empty() && body.raw.is_some_and(|raw| !raw.as_bytes().is_empty()));
        assert_eq!(telemetry(Variant::PowerMetrics(proto::PowerMetrics::default())), Err(Counter::TelemetryEmpty));
    }

    #[test]
    fn a_radio_s_counters_are_a_report_on_its_node() {
        let stats = proto::LocalStats { uptime_seconds: 60, num_packets_rx: 9, noise_floor: -98, ..Default::default() };
        let body = report(telemetry(Variant::LocalStats(stats)));
        let expect = kosmo_contract::RadioStats { uptime_s: 60, packets_rx: 9, noise_floor_dbm: Some(-98), ..Default::default() };
        assert_eq!((body.node_id.number(), body.report), (SENDER, NodeReport::RadioStats(expect)));
    }

    #[test]
    fn what_computers_and_traffic_management_count_are_reports_too() {
        let host = proto::HostMetrics { uptime_seconds: 60, diskfree1_bytes: 1 << 40, load1: 12, ..Default::default() };
        let NodeReport::HostStats(stats) = report(telemetry(Variant::HostMetrics(host))).report else { panic!("no host") };
        assert_eq!((stats.uptime_s, stats.disk_free_bytes, stats.load_1m_hundredths), (60, 1 << 40, 12));
        let traffic = proto::TrafficManagementStats { packets_inspected: 9, rate_limit_drops: 2, ..Default::default() };
        let NodeReport::TrafficStats(stats) = report(telemetry(Variant::TrafficManagementStats(traffic))).report else {
            panic!("no traffic")
        };
        assert_eq!((stats.packets_inspected, stats.rate_limited), (9, 2));
    }

    #[test]
    fn what_a_body_measures_is_known_as_such() {
        let health = proto::HealthMetrics { heart_bpm: Some(61), temperature: Some(36.5), ..Default::default() };
        let telemetry = proto::Telemetry { time: 0, variant: Some(Variant::HealthMetrics(health)) };
        let packet = received(67, telemetry.encode_to_vec(), |_| {});
        let record = super::packet(&packet, None, None, Timestamp::EPOCH).unwrap();
        assert!(record.is_of_health());
        let NodeReport::HealthMetrics(told) = report(Ok(record.body)).report else { panic!("no health") };
        assert_eq!((told.heart_rate_bpm, told.oxygen_saturation_pct, told.body_temperature_c), (Some(61), None, Some(36.5)));
    }

    #[test]
    fn a_place_marked_for_everybody_is_told_with_its_channel_and_one_for_a_single_node_is_not() {
        let place = proto::Waypoint {
            id: 7,
            latitude_i: Some(509_345_792),
            longitude_i: Some(69_468_160),
            name: "Spring".into(),
            ..Default::default()
        };
        let channel = ChannelRef { name: Text::cut("LongFast"), hash: 8 };
        let mut packet = received(8, place.encode_to_vec(), |_| {});
        assert_eq!(super::packet(&packet, Some(&on(&channel)), None, Timestamp::EPOCH), Err(Counter::WaypointPrivate));
        packet.to = NodeId::BROADCAST;
        let told = super::packet(&packet, Some(&on(&channel)), None, Timestamp::EPOCH).map(|record| record.body);
        let NodeReport::Waypoint(told) = report(told).report else { panic!("no waypoint") };
        assert_eq!((told.waypoint_id, told.channel, told.public), (7, Some(channel), true));
        assert_eq!((told.latitude, told.name.map(|name| name.to_string())), (Some(50.934_579_2), Some("Spring".to_owned())));
    }

    #[test]
    fn neighbours_are_those_of_the_node_that_hears_them() {
        let neighbor = |node_id, snr| proto::Neighbor { node_id, snr, ..Default::default() };
        let neighbors = vec![neighbor(7, -3.5), neighbor(0, 1.0), neighbor(9, f32::NAN)];
        let body = report(told(71, &proto::NeighborInfo { node_id: 0x4dcc_3003, neighbors, ..Default::default() }));
        let heard = vec![Neighbor { node_id: NodeId::from_number(7), snr_db: -3.5 }];
        assert_eq!((body.node_id.number(), body.report), (0x4dcc_3003, NodeReport::Neighbors { neighbors: heard }));
        let body = report(told(71, &proto::NeighborInfo { node_id: 0, ..Default::default() }));
        assert_eq!(body.node_id.number(), SENDER);
    }

    #[test]
    fn a_route_is_told_when_it_comes_back() {
        let route = proto::RouteDiscovery { route: vec![7], snr_towards: vec![-20, -128], ..Default::default() };
        assert_eq!(told(70, &route), Err(Counter::TracerouteRequest));
        let body = report(told_with(70, &route, |data| data.request_id = 3));
        let NodeReport::Traceroute { to, route, snr_towards_db, .. } = body.report else { panic!("no route") };
        assert_eq!((to.number(), route, snr_towards_db), (0x4daa_1001, vec![NodeId::from_number(7)], vec![Some(-5.0), None]));
    }

    #[test]
    fn a_text_arrives_whole_or_not_at_all() {
        let text =
            |words: &str| packet(&received(1, words.into(), |data| (data.reply_id, data.emoji) = (3, 1)), None, None, Timestamp::EPOCH);
        let expect = InboundBody { text: Text::cut("👍"), reply_to: Some(PacketId(3)), reaction: true, channel: None, stored: false };
        assert_eq!(text("👍").map(|record| record.body), Ok(Body::Inbound(expect)));
        assert_eq!(text(&"x".repeat(238)), Err(Counter::Malformed));
    }

    #[test]
    fn a_text_that_a_router_kept_is_its_writer_s_and_one_to_everybody_names_its_channel() {
        use proto::store_and_forward::{RequestResponse, Variant};
        let channel = ChannelRef { name: Text::cut("LongFast"), hash: 8 };
        let kept = |rr: RequestResponse| {
            let kept = proto::StoreAndForward { rr: rr.into(), variant: Some(Variant::Text(b"is anybody there?".to_vec())) };
            let to_all = Received { to: NodeId::BROADCAST, ..received(65, kept.encode_to_vec(), |_| {}) };
            packet(&to_all, Some(&on(&channel)), None, Timestamp::EPOCH)
        };
        let record = kept(RequestResponse::RouterTextBroadcast).unwrap();
        let expect = InboundBody {
            text: Text::cut("is anybody there?"),
            reply_to: None,
            reaction: false,
            channel: Some(channel.clone()),
            stored: true,
        };
        assert_eq!(record.body, Body::Inbound(expect));
        let told = record.packet.unwrap();
        assert_eq!((told.from.number(), told.id, told.port), (SENDER, PacketId(5), 65));
        assert_eq!(kept(RequestResponse::RouterHeartbeat), Err(Counter::OtherPort), "what routers say to each other is nobody's text");
    }

    #[test]
    fn a_number_that_no_node_can_bear_is_refused() {
        let info = NodeInfo::read(&proto::NodeInfo { num: 3, user: Some(proto::User::default()), ..Default::default() });
        assert_eq!(remembered(&info, None, None, Timestamp::EPOCH), Err(Counter::ReservedNode));
    }

    #[test]
    fn a_radio_that_remembers_nothing_of_a_node_tells_nothing() {
        let info = NodeInfo::read(&proto::NodeInfo { num: SENDER, position: Some(proto::Position::default()), ..Default::default() });
        assert_eq!(remembered(&info, None, None, Timestamp::EPOCH), Ok(Vec::new()));
    }

    #[test]
    fn who_may_see_a_record_is_told_with_it() {
        let own = Some(NodeId::from_number(5));
        let public = on(&ChannelRef { name: Text::cut("LongFast"), hash: 8 });
        let family = ChannelReport { public: false, ..on(&ChannelRef { name: Text::cut("Family"), hash: 9 }) };
        let told = |from: u32, channel: &ChannelReport, bitfield: Option<u32>, pki: bool| {
            let mut packet = received(1, b"hello".to_vec(), |data| data.bitfield = bitfield);
            (packet.from, packet.pki_encrypted) = (NodeId::from_number(from), pki);
            super::packet(&packet, Some(channel), own, Timestamp::EPOCH).unwrap().privacy.unwrap()
        };
        let privacy = |ok_to_mqtt, private_channel: Option<&ChannelReport>| Privacy {
            ok_to_mqtt,
            private_channel: private_channel.map(|report| report.channel.clone()),
        };
        assert_eq!(told(7, &public, Some(1), false), privacy(Some(true), None));
        assert_eq!(told(7, &public, Some(0), false), privacy(Some(false), None));
        assert_eq!(told(7, &public, None, false), privacy(None, None), "what nobody said is unknown");
        assert_eq!(told(7, &family, Some(1), false), privacy(Some(true), Some(&family)));
        assert_eq!(told(7, &family, Some(1), true), privacy(Some(true), None), "what is encrypted for one node is on no channel");
        assert_eq!(told(5, &family, None, false), privacy(Some(true), None), "whoever attaches a radio shows it");

        let info = NodeInfo::read(&proto::NodeInfo { num: 7, user: Some(proto::User::default()), ..Default::default() });
        let told = remembered(&info, Some(&family), own, Timestamp::EPOCH).unwrap().remove(0).privacy;
        assert_eq!(told, Some(privacy(None, Some(&family))), "a radio does not remember who agreed");
    }
}
