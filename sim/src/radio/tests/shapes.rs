//! The recorded situations in which nothing is sent: what the radio says is of the same kinds, in the same order, with the same
//! fields.

use super::*;
use crate::mesh::Rehearsal;
use kosmo_domain::Timestamp;
use std::{net::Ipv4Addr, time::Duration};

const TEXTS: (&[u8], &[u8]) = (
    include_bytes!("../../../tests/fixtures/b_text_received_with_rx_time.tx.bin"),
    include_bytes!("../../../tests/fixtures/b_text_received_with_rx_time.rx.bin"),
);
const GARBAGE: (&[u8], &[u8]) = (
    include_bytes!("../../../tests/fixtures/x_partial_and_garbage_input.tx.bin"),
    include_bytes!("../../../tests/fixtures/x_partial_and_garbage_input.rx.bin"),
);

/// Returns which fields of a packet say something.
fn shape(packet: &proto::MeshPacket) -> Vec<&'static str> {
    let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { panic!("not decoded") };
    let fields = [
        ("rx_time", packet.rx_time != 0),
        ("rx_snr", packet.rx_snr != 0.0),
        ("rx_rssi", packet.rx_rssi != 0),
        ("hop_limit", packet.hop_limit != 0),
        ("hop_start", packet.hop_start != 0),
        ("want_ack", packet.want_ack),
        ("priority", packet.priority != 0),
        ("channel", packet.channel != 0),
        ("pki_encrypted", packet.pki_encrypted),
        ("transport_mechanism", packet.transport_mechanism != 0),
        ("request_id", data.request_id != 0),
        ("want_response", data.want_response),
    ];
    fields.iter().filter(|(_, says)| *says).map(|&(name, _)| name).collect()
}

fn packets(bytes: &[u8], port: PortNum) -> Vec<proto::MeshPacket> {
    let said = messages(&payloads(bytes)).into_iter().filter_map(|said| if let Said::Packet(packet) = said { Some(packet) } else { None });
    said.filter(|packet| matches!(&packet.payload_variant, Some(PayloadVariant::Decoded(data)) if data.portnum == i32::from(port)))
        .collect()
}

#[test]
fn setting_the_time_is_answered_as_recorded_and_then_the_radio_knows_it() {
    let recorded = packets(TEXTS.1, PortNum::RoutingApp).remove(0);
    let (mut radio, client, _) = configured(|_| {}, 1);
    let mut decoder = stream::Decoder::new();
    decoder.push(TEXTS.0);
    let asked = std::iter::from_fn(|| decoder.next()).find_map(|piece| match piece {
        Piece::Frame(payload) => match proto::ToRadio::decode(&payload[..]).unwrap().payload_variant {
            Some(Asked::Packet(packet)) => Some(packet),
            _ => None,
        },
        Piece::Log(_) => None,
    });
    let own = radio.identity.number;
    let asked = proto::MeshPacket { to: own, ..asked.unwrap() };
    ask(&mut radio, client, Asked::Packet(asked.clone()));
    let said = messages(&said(&mut radio, client));
    let [Said::QueueStatus(queue), Said::Packet(answer)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(queue, &status(0, 16, asked.id));
    assert_eq!(shape(answer), shape(&recorded));
    let expected = proto::MeshPacket { from: own, to: own, id: answer.id, rx_time: answer.rx_time, ..recorded.clone() };
    assert_eq!(answer, &expected);
    assert!(recorded.rx_time.abs_diff(answer.rx_time) < 60, "the time is what the client said");
}

#[test]
fn what_is_heard_and_what_a_radio_says_of_itself_have_the_recorded_fields() {
    let config = Config {
        listen: vec![(Ipv4Addr::LOCALHOST, 0).into()],
        chat_every: Some(Duration::from_mins(1)),
        interval: Some(Duration::from_mins(5)),
        ..Config::default()
    };
    let start: Timestamp = "2026-04-12T15:30:00Z".parse().unwrap();
    let mut rehearsal = Rehearsal::new(&config, start);
    let client = rehearsal.radio(0, Radio::attach);
    rehearsal.radio(0, |radio| ask(radio, client, Asked::WantConfigId(ONLY_CONFIG)));
    let (mut text, mut telemetry) = (None, None);
    for _ in 0..200 {
        if text.is_some() && telemetry.is_some() {
            break;
        }
        rehearsal.run(Duration::from_secs(10), |_| {});
        let said = rehearsal.radio(0, |radio| messages(&said(radio, client)));
        for said in said {
            let Said::Packet(packet) = said else { continue };
            let Some(PayloadVariant::Decoded(data)) = &packet.payload_variant else { continue };
            match PortNum::try_from(data.portnum) {
                Ok(PortNum::TextMessageApp) => text = Some(packet),
                Ok(PortNum::TelemetryApp) if packet.transport_mechanism == 0 => telemetry = Some(packet),
                _ => {}
            }
        }
    }
    let recorded = packets(TEXTS.1, PortNum::TextMessageApp);
    assert_eq!(shape(&text.expect("somebody chats")), shape(&recorded[0]));
    let recorded = packets(TEXTS.1, PortNum::TelemetryApp);
    assert_eq!(shape(&telemetry.expect("it tells of itself")), shape(&recorded[0]));
}

#[test]
fn half_frames_and_garbage_of_a_client_are_passed_over_as_recorded() {
    let mut radio = radio(|_| {});
    let client = radio.attach();
    for chunk in GARBAGE.0.chunks(5) {
        radio.receive(client, chunk, Moment::default());
    }
    let (found, expected) = (outline(&said(&mut radio, client)), outline(&payloads(GARBAGE.1)));
    assert_eq!(found, expected);
}
