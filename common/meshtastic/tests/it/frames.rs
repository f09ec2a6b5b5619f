//! Each frame recorded by itself: what it means, and that its bytes survive.

use crate::fixtures::{Client, Frame, frame, frames};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use kosmo_domain::{Metric, Timestamp};
use kosmo_meshtastic::{
    Message as _,
    packet::{Body, Received, Transport},
    payload::Routing,
    proto::{self, FromRadio, PortNum, from_radio::PayloadVariant},
    session::{Event, QueueStatus},
    stream::encode,
    telemetry::TelemetryKind,
};
use serde_json::Value;

/// Plays the frame to a client after its handshake, and returns what that learnt.
fn learnt(frame: &Frame) -> Event {
    let mut client = Client::ready();
    client.receive(&encode(&frame.payload).unwrap());
    let [event] = &client.take_events()[..] else { panic!("{} is one event", frame.name) };
    event.clone()
}

fn packet(name: &str) -> Received {
    match learnt(&frame(name)) {
        Event::Packet(packet) => *packet,
        other => panic!("{name} is a packet, and not {other:?}"),
    }
}

fn number(value: &Value) -> u32 {
    value.as_u64().map_or(0, |number| u32::try_from(number).unwrap())
}

#[test]
fn every_frame_is_encoded_again_byte_for_byte() {
    let frames = frames();
    assert_eq!(frames.len(), 37);
    for Frame { name, payload, .. } in frames {
        assert_eq!(FromRadio::decode(&payload[..]).unwrap().encode_to_vec(), payload, "{name}");
    }
}

#[test]
fn every_packet_has_the_header_it_was_recorded_with() {
    let mut count = 0;
    for frame in frames().into_iter().filter(|frame| frame.row["variant"] == "packet") {
        let Event::Packet(packet) = learnt(&frame) else { panic!("{} is a packet", frame.name) };
        let (name, expect) = (&frame.name, &frame.row["decoded"]["packet"]);
        let data = &expect["decoded"];
        assert_eq!(packet.from.number(), number(&expect["from"]), "{name}");
        assert_eq!(packet.to.number(), number(&expect["to"]), "{name}");
        assert_eq!(packet.id.0, number(&expect["id"]), "{name}");
        assert_eq!(packet.channel, number(&expect["channel"]), "{name}");
        assert_eq!(packet.rx_time, expect["rx_time"].as_u64().map(|_| Timestamp::from_unix_seconds(number(&expect["rx_time"]))), "{name}");
        assert_eq!(packet.snr.map(f64::from), expect["rx_snr"].as_f64(), "{name}");
        assert_eq!(packet.rssi.map(i64::from), expect["rx_rssi"].as_i64(), "{name}");
        assert_eq!((packet.hop_start, packet.hop_limit), (number(&expect["hop_start"]), number(&expect["hop_limit"])), "{name}");
        assert_eq!((packet.want_ack, packet.via_mqtt), (expect["want_ack"] == true, false), "{name}");
        assert_eq!(packet.relay_node.map_or(0, u32::from), number(&expect["relay_node"]), "{name}");
        assert_eq!(packet.next_hop.map_or(0, u32::from), number(&expect["next_hop"]), "{name}");
        let lora = expect["transport_mechanism"] == "TRANSPORT_LORA";
        assert_eq!(packet.transport, if lora { Transport::Lora } else { Transport::Internal }, "{name}");
        assert_eq!(packet.port, PortNum::from_str_name(data["portnum"].as_str().unwrap()).unwrap() as u32, "{name}");
        assert_eq!(packet.payload, BASE64_STANDARD.decode(data["payload"].as_str().unwrap()).unwrap(), "{name}");
        assert_eq!(packet.want_response, data["want_response"] == true, "{name}");
        assert_eq!(packet.request_id.map_or(0, |id| id.0), number(&data["request_id"]), "{name}");
        assert_eq!(packet.reply_id.map_or(0, |id| id.0), number(&data["reply_id"]), "{name}");
        assert_eq!(packet.emoji, number(&data["emoji"]) == 1, "{name}");
        assert_eq!(packet.bitfield.map(u64::from), data["bitfield"].as_u64(), "{name}");
        assert!(!packet.replayed, "{name}");
        assert_eq!(packet.raw, frame.payload, "{name}");
        count += 1;
    }
    assert_eq!(count, 21);
}

#[test]
fn fields_of_later_firmware_survive_in_the_raw_message() {
    // Field 22 of the packet (`xeddsa_signed`), which the types here do not know.
    let mut payload = frame("b_text_direct").payload;
    payload.extend([0xb0, 0x01, 0x01]);
    payload[1] += 3;
    let Event::Packet(packet) = learnt(&Frame { name: "signed".to_owned(), payload: payload.clone(), row: Value::Null }) else {
        panic!("a packet")
    };
    assert_eq!((packet.raw, packet.body), (payload, Body::Text { text: "direct B to A".to_owned() }));
}

#[test]
fn texts_are_what_was_typed() {
    for frame in frames().into_iter().filter(|frame| frame.row["portnum"] == "TEXT_MESSAGE_APP") {
        let body = packet(&frame.name).body;
        if frame.name == "b_text_not_utf8" {
            assert_eq!(body, Body::TextNotUtf8);
        } else {
            assert_eq!(body, Body::Text { text: frame.row["inner"].as_str().unwrap().to_owned() }, "{}", frame.name);
        }
    }
}

#[test]
fn routing_results_bear_their_error() {
    let mut names = Vec::new();
    for frame in frames().into_iter().filter(|frame| frame.row["portnum"] == "ROUTING_APP") {
        let Body::Routing(Routing::Outcome(error)) = packet(&frame.name).body else { panic!("{} is an outcome", frame.name) };
        assert_eq!(error.name(), frame.row["inner"]["error_reason"], "{}", frame.name);
        assert_eq!(error.is_success(), error.name() == "NONE");
        names.push(error.name());
    }
    assert_eq!(names, ["NONE", "NONE", "NO_CHANNEL", "TOO_LARGE", "MAX_RETRANSMIT", "RATE_LIMIT_EXCEEDED"]);
}

#[test]
fn a_real_acknowledgement_and_an_implicit_one_differ_in_their_sender() {
    let (real, implicit) = (packet("c_ack_by_destination"), packet("c_ack_implicit_own_node"));
    assert_ne!(real.from, real.to);
    assert_eq!(implicit.from, implicit.to);
    assert_eq!((real.hops_away(), implicit.hops_away()), (Some(0), None));
}

#[test]
fn telemetry_of_devices_is_measured_in_the_units_of_the_table() {
    for name in ["d_telemetry_device_metrics_own", "d_telemetry_device_metrics_remote_reply"] {
        let (frame, Body::Telemetry(telemetry)) = (frame(name), packet(name).body) else { panic!("{name} is telemetry") };
        let (inner, device) = (&frame.row["inner"], &frame.row["inner"]["device_metrics"]);
        assert_eq!(telemetry.kind, TelemetryKind::Device);
        assert_eq!(telemetry.time, Some(Timestamp::from_unix_seconds(number(&inner["time"]))));
        let expected = [
            (Metric::BatteryVoltage, device["voltage"].as_f64().unwrap()),
            (Metric::ExternalPower, 1.0),
            (Metric::ChannelUtilization, device["channel_utilization"].as_f64().unwrap()),
            (Metric::AirUtilTx, device["air_util_tx"].as_f64().unwrap()),
            (Metric::Uptime, device["uptime_seconds"].as_f64().unwrap()),
        ];
        assert_eq!(telemetry.metrics.iter().collect::<Vec<_>>(), expected, "{name}");
        assert!(telemetry.refused.is_empty());
    }
}

#[test]
fn counters_of_a_radio_are_no_measurements() {
    let (name, expect) = ("d_telemetry_local_stats_own", frame("d_telemetry_local_stats_own").row);
    let Body::Telemetry(telemetry) = packet(name).body else { panic!("{name} is telemetry") };
    let (TelemetryKind::LocalStats(stats), expect) = (telemetry.kind, &expect["inner"]["local_stats"]) else {
        panic!("{name} has counters")
    };
    let sent_and_heard = [stats.uptime_s, stats.packets_tx, stats.packets_rx, stats.nodes_online, stats.nodes_known];
    let names = ["uptime_seconds", "num_packets_tx", "num_packets_rx", "num_online_nodes", "num_total_nodes"];
    assert_eq!(sent_and_heard, names.map(|name| number(&expect[name])));
    assert_eq!(stats.noise_floor_dbm.map(i64::from), expect["noise_floor"].as_i64());
    assert!(telemetry.metrics.is_empty());
}

#[test]
fn a_node_says_who_and_where_it_is() {
    let (user_packet, expect) = (packet("x_nodeinfo_packet"), frame("x_nodeinfo_packet").row);
    let (Body::User(user), expect) = (user_packet.body, &expect["inner"]) else { panic!("a user") };
    assert_eq!((user.long_name.as_deref(), user.short_name.as_deref()), (Some("Sim Node B"), Some("SIMB")));
    assert_eq!((user.hardware.as_str(), user.role.as_str(), user.licensed), ("PORTDUINO", "CLIENT", false));
    assert_eq!(BASE64_STANDARD.encode(user.public_key.unwrap()), expect["public_key"].as_str().unwrap());

    let Body::Position(report) = packet("x_position_packet").body else { panic!("a position") };
    let place = report.position.unwrap();
    assert_eq!((place.latitude(), place.longitude(), place.altitude_m()), (50.934_579_2, 6.946_816, Some(53.0)));
    assert_eq!((report.precision_bits, report.time, report.refused), (Some(13), None, None));
}

#[test]
fn a_traced_route_has_its_signals() {
    let Body::Traceroute(route) = packet("x_traceroute_reply").body else { panic!("a route") };
    assert_eq!((route.snr_towards, route.snr_back), (vec![Some(7.5)], vec![Some(7.5)]));
    assert!(route.route.is_empty() && route.route_back.is_empty());
}

#[test]
fn the_queue_tells_of_its_room_and_of_packets() {
    let mut count = 0;
    for frame in frames().into_iter().filter(|frame| frame.row["variant"] == "queueStatus") {
        let (Event::QueueStatus(status), expect) = (learnt(&frame), &frame.row["decoded"]["queueStatus"]) else {
            panic!("{} is of the queue", frame.name)
        };
        let QueueStatus { packet, result, free, capacity } = status;
        let told = [packet.map_or(0, |id| id.0), result, free, capacity];
        assert_eq!(told, ["mesh_packet_id", "res", "free", "maxlen"].map(|name| number(&expect[name])), "{}", frame.name);
        count += 1;
    }
    assert_eq!(count, 6);
}

#[test]
fn the_parts_of_a_handshake_are_told_apart() {
    let message = |name: &str| FromRadio::decode(&frame(name).payload[..]).unwrap().payload_variant.unwrap();
    let PayloadVariant::MyInfo(info) = message("a_first_my_info") else { panic!("its number") };
    assert_eq!((info.my_node_num, info.nodedb_count, info.pio_env.as_str()), (0x4daa_1001, 2, "native"));
    let PayloadVariant::Metadata(metadata) = message("a_first_metadata") else { panic!("its firmware") };
    assert_eq!((metadata.firmware_version.as_str(), metadata.excluded_modules), ("2.7.26.54e0d8d", 13_632));
    let PayloadVariant::NodeInfo(node) = message("a_first_node_info") else { panic!("its node") };
    assert_eq!((node.num, node.user.unwrap().long_name.as_str()), (0x4daa_1001, "Sim Node A"));
    let PayloadVariant::Channel(channel) = message("a_first_channel") else { panic!("a channel") };
    assert_eq!((channel.index, channel.role()), (0, proto::channel::Role::Primary));
    let PayloadVariant::Config(config) = message("a_first_config") else { panic!("configuration") };
    let Some(proto::config::PayloadVariant::Device(device)) = config.payload_variant else { panic!("of the device") };
    assert_eq!(device.node_info_broadcast_secs, 10_800);
    let PayloadVariant::ModuleConfig(module) = message("a_first_moduleConfig") else { panic!("a module's configuration") };
    let Some(proto::module_config::PayloadVariant::Mqtt(mqtt)) = module.payload_variant else { panic!("of MQTT") };
    assert_eq!((mqtt.root.as_str(), mqtt.encryption_enabled), ("msh/EU_868", true));
    let PayloadVariant::ModuleConfig(empty) = message("a_module_config_empty") else { panic!("a module's configuration") };
    assert_eq!(empty.payload_variant, None);
    let PayloadVariant::FileInfo(file) = message("a_first_fileInfo") else { panic!("a file") };
    assert_eq!((file.file_name.as_str(), file.size_bytes), ("/prefs/device.proto", 101));
    let PayloadVariant::DeviceuiConfig(ui) = message("a_first_deviceuiConfig") else { panic!("a screen") };
    assert_eq!((ui.screen_brightness, ui.screen_timeout), (153, 30));
    assert_eq!(message("a_first_config_complete_id"), PayloadVariant::ConfigCompleteId(2_411_578_860));
}

#[test]
fn no_text_and_no_key_shows_in_what_a_program_would_log() {
    for frame in frames().into_iter().filter(|frame| frame.row["portnum"] == "TEXT_MESSAGE_APP") {
        let shown = format!("{:?}", learnt(&frame));
        let text = frame.row["inner"].as_str().unwrap();
        assert!(!shown.contains(text), "{shown}");
    }
    let state = format!("{:?}", Client::ready().session);
    assert!(!state.contains("0, 1, 2, 3, 4, 5, 6, 7"), "a channel's key shows");
}
