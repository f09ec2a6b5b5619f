//! Whole connections of the real firmware, in whatever pieces they arrive.

use crate::{
    fixtures::{Client, RECORDINGS, Recording, pieces, recording},
    framing::chunks,
};
use kosmo_meshtastic::{
    Message as _,
    airtime::Modem,
    packet::{Body, Received, port},
    proto::{PortNum, ToRadio},
    radio::ChannelRole,
    session::Event,
    stream::{Decoder, Piece},
    telemetry::TelemetryKind,
};
use proptest::prelude::*;
use std::collections::HashSet;

fn play(recording: &Recording, lengths: &[usize]) -> Vec<Event> {
    let mut client = Client::asking(recording.nonce());
    for chunk in chunks(recording.sent, lengths) {
        client.receive(chunk);
    }
    client.take_events()
}

fn packets(events: &[Event]) -> Vec<&Received> {
    events.iter().filter_map(|event| if let Event::Packet(packet) = event { Some(&**packet) } else { None }).collect()
}

#[test]
fn the_session_asks_as_the_recorded_client_did() {
    for recording in RECORDINGS.iter().filter(|recording| recording.name.starts_with("a_")) {
        let client = Client::asking(recording.nonce());
        assert_eq!(client.written, [&[0xC3; 32][..], recording.asked].concat(), "{}", recording.name);
    }
}

/// The simulator hears clients with the same decoder.
#[test]
fn what_clients_sent_is_heard_through_their_garbage() {
    for recording in RECORDINGS {
        let frames = pieces(&mut Decoder::new(), recording.asked).into_iter().filter_map(|piece| match piece {
            Piece::Frame(payload) => Some(payload),
            Piece::Log(_) => None,
        });
        let frames: Vec<_> = frames.collect();
        let expected = recording.asked_rows();
        assert_eq!(frames, expected, "{}", recording.name);
        assert!(frames.iter().all(|payload| ToRadio::decode(&payload[..]).is_ok()));
    }
}

#[test]
fn a_handshake_tells_who_the_radio_is() {
    let mut client = Client::asking(recording("a_handshake_full").nonce());
    client.receive(recording("a_handshake_full").sent);
    let radio = client.configured();
    assert_eq!(radio.node.to_string(), "!4daa1001");
    assert_eq!((radio.firmware.as_deref(), radio.hardware.as_deref()), (Some("2.7.26.54e0d8d"), Some("PORTDUINO")));
    assert_eq!((radio.hop_limit(), Some(radio.modem())), (3, Modem::from_preset("LONG_FAST")));
    let lora = radio.lora.unwrap();
    assert_eq!((lora.region.as_str(), lora.modem_preset.as_deref()), ("EU_868", Some("LONG_FAST")));
    assert_eq!((lora.hop_limit, lora.tx_enabled), (3, true));
    let channels: Vec<_> = radio.channels.iter().map(|channel| (channel.index, channel.name.as_deref(), channel.role)).collect();
    assert_eq!(channels[..2], [(0, None, ChannelRole::Primary), (1, Some("bridge"), ChannelRole::Secondary)]);
    assert_eq!(channels[2..].iter().filter(|(.., role)| *role == ChannelRole::Disabled).count(), 6);

    let names: Vec<_> = radio.nodes.iter().map(|node| node.user.as_ref().unwrap().long_name.as_deref().unwrap()).collect();
    assert_eq!(names, ["Sim Node A", "Sim Node B"]);
    let place = radio.nodes[1].position.as_ref().unwrap().position.unwrap();
    assert_eq!((place.latitude(), place.longitude(), place.altitude_m()), (50.934_579_2, 6.946_816, Some(53.0)));
    assert_eq!(radio.nodes[0].position, None);
    assert_eq!(client.events, []);
}

#[test]
fn a_handshake_without_the_other_nodes_tells_of_its_own() {
    let mut client = Client::asking(69_420);
    client.receive(recording("a_handshake_only_config_69420").sent);
    let radio = client.configured();
    let nodes: Vec<_> = radio.nodes.iter().map(|node| node.node).collect();
    assert_eq!(nodes, [radio.node]);
}

/// The rows of the decoded file and our events are compared one by one; the recordings hold no packet twice other
/// than in the simulated air's wrapping.
#[test]
fn every_recording_yields_what_its_decoded_file_lists() {
    for recording in RECORDINGS {
        let mut events = play(recording, &[usize::MAX]).into_iter().filter(|event| !matches!(event, Event::Configured(_)));
        let mut seen = HashSet::new();
        for row in recording.rows() {
            let (variant, decoded) = (row["variant"].as_str().unwrap(), &row["decoded"]);
            match variant {
                "packet" => {
                    let expect = &decoded["packet"];
                    let Some(Event::Packet(packet)) = events.next() else { panic!("{}: {expect} is missing", recording.name) };
                    assert_eq!(u64::from(packet.id.0), expect["id"].as_u64().unwrap_or(0), "{}", recording.name);
                    assert_eq!(u64::from(packet.from.number()), expect["from"].as_u64().unwrap_or(0));
                    let name = expect["decoded"]["portnum"].as_str().unwrap();
                    assert_eq!(packet.port, PortNum::from_str_name(name).unwrap() as u32);
                    assert!(packet.port == port::SIMULATOR || seen.insert((packet.from, packet.id)));
                    assert!(!matches!(packet.body, Body::Malformed { .. }), "{expect}");
                }
                "queueStatus" => assert!(matches!(events.next(), Some(Event::QueueStatus(_))), "{}", recording.name),
                _ => {}
            }
        }
        assert_eq!(events.next(), None, "{}", recording.name);
    }
}

#[test]
fn a_recording_with_texts_yields_them() {
    let events = play(recording("b_text_received_with_rx_time"), &[usize::MAX]);
    let packets = packets(&events);
    let texts: Vec<_> = packets.iter().filter_map(|p| if let Body::Text { text } = &p.body { Some(text.as_str()) } else { None }).collect();
    assert_eq!(texts, ["text with rx_time", "from a node nobody knows"]);
    assert_eq!(packets.iter().filter(|packet| packet.body == Body::TextNotUtf8).count(), 1);
}

#[test]
fn the_radios_own_telemetry_passes_each_time() {
    let mut telemetry = 0;
    for recording in RECORDINGS {
        for packet in packets(&play(recording, &[usize::MAX])) {
            if let Body::Telemetry(own) = &packet.body {
                assert_eq!((own.kind, packet.replayed, packet.rssi), (TelemetryKind::Device, false, None));
                telemetry += 1;
            }
        }
    }
    assert!(telemetry >= 2, "the recordings hold telemetry of the radio itself");
}

#[test]
fn byte_by_byte_is_the_same() {
    for recording in RECORDINGS {
        assert_eq!(play(recording, &[1]), play(recording, &[usize::MAX]), "{}", recording.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_chunks_are_the_same(which in 0..RECORDINGS.len(), lengths in proptest::collection::vec(1_usize..900, 1..30)) {
        prop_assert_eq!(play(&RECORDINGS[which], &lengths), play(&RECORDINGS[which], &[usize::MAX]));
    }
}
