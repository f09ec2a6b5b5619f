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
    let NodeReport::TrafficStats(stats) = report(telemetry(Variant::TrafficManagementStats(traffic))).report else { panic!("no traffic") };
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
    let text = |words: &str| packet(&received(1, words.into(), |data| (data.reply_id, data.emoji) = (3, 1)), None, None, Timestamp::EPOCH);
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
    let expect =
        InboundBody { text: Text::cut("is anybody there?"), reply_to: None, reaction: false, channel: Some(channel.clone()), stored: true };
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
