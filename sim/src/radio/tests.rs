//! The radio judged by recordings of the real one, and where no recording reaches by what its source says.

mod admin;
mod desk;
mod later;
mod proxy;
mod sending;
mod shapes;
mod tries;

use super::*;
use crate::{Config, mesh};
use proptest::prelude::*;
use std::collections::BTreeSet;

const FULL: &[u8] = include_bytes!("../../tests/fixtures/a_handshake_full.rx.bin");
const FULL_NONCE: u32 = 439_041_101;
const CONFIG_ONLY: &[u8] = include_bytes!("../../tests/fixtures/a_handshake_only_config_69420.rx.bin");

fn radio(change: impl FnOnce(&mut Config)) -> Radio {
    let mut config = Config { clock_set: false, ..Config::default() };
    change(&mut config);
    mesh::first_radio(&config, "2026-04-12T15:30:00Z".parse().unwrap())
}

fn payloads(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = stream::Decoder::new();
    decoder.push(bytes);
    std::iter::from_fn(|| decoder.next())
        .map(|piece| match piece {
            Piece::Frame(payload) => payload,
            Piece::Log(text) => panic!("{text:?} between frames"),
        })
        .collect()
}

fn said(radio: &mut Radio, client: u64) -> Vec<Vec<u8>> {
    let bytes = std::iter::from_fn(|| radio.next(client)).flat_map(|next| match next {
        Outgoing::Frame { bytes, .. } | Outgoing::Raw(bytes) => bytes,
    });
    payloads(&bytes.collect::<Vec<_>>())
}

fn messages(payloads: &[Vec<u8>]) -> Vec<Said> {
    // Firmware 2.8 says something that the types here do not know.
    payloads.iter().filter_map(|payload| proto::FromRadio::decode(&payload[..]).unwrap().payload_variant).collect()
}

fn ask(radio: &mut Radio, client: u64, asked: Asked) -> Heard {
    ask_at(radio, client, asked, Moment::default())
}

fn ask_at(radio: &mut Radio, client: u64, asked: Asked, now: Moment) -> Heard {
    let payload = proto::ToRadio { payload_variant: Some(asked) }.encode_to_vec();
    radio.receive(client, &stream::encode(&payload).unwrap(), now)
}

fn configured(change: impl FnOnce(&mut Config), nonce: u32) -> (Radio, u64, Vec<Vec<u8>>) {
    let mut radio = radio(change);
    let client = radio.attach();
    assert!(ask(&mut radio, client, Asked::WantConfigId(nonce)).alive);
    let frames = said(&mut radio, client);
    (radio, client, frames)
}

/// Returns which fields a message holds, as paths of field numbers.
fn fields(payload: &[u8]) -> BTreeSet<Vec<u64>> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let length = bytes.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
        let (varint, rest) = bytes.split_at(length);
        *bytes = rest;
        varint.iter().rev().fold(0, |value, byte| value << 7 | u64::from(byte & 0x7f))
    }
    /// Which fields are messages whose fields count too: those of a node's user and metrics, of each section of the
    /// configuration, and of a channel's settings.
    fn is_message(path: &[u64]) -> bool {
        matches!(path, [3 | 4 | 5 | 9 | 10 | 13 | 15 | 17] | [4, 2 | 6] | [5 | 9, _] | [10, 2] | [10, 2, 7])
    }
    fn walk(mut bytes: &[u8], path: &[u64], found: &mut BTreeSet<Vec<u64>>) {
        while !bytes.is_empty() {
            let key = varint(&mut bytes);
            let path = [path, &[key >> 3]].concat();
            let length = match key & 7 {
                0 => {
                    varint(&mut bytes);
                    0
                }
                1 => 8,
                5 => 4,
                _ => usize::try_from(varint(&mut bytes)).unwrap(),
            };
            let (content, rest) = bytes.split_at(length);
            if key & 7 == 2 && is_message(&path) {
                walk(content, &path, found);
            }
            found.insert(path);
            bytes = rest;
        }
    }
    let mut found = BTreeSet::new();
    walk(payload, &[], &mut found);
    found
}

/// Returns the fields of each frame in turn, those of equal kind in a row where there may be any number made one.
fn outline(frames: &[Vec<u8>]) -> Vec<BTreeSet<Vec<u64>>> {
    let mut outline: Vec<BTreeSet<Vec<u64>>> = frames.iter().map(|frame| fields(frame)).collect();
    for fields in &mut outline {
        // Stations say what they are; the recorded nodes were clients, which is the default.
        fields.remove(&vec![4, 2, 7]);
    }
    outline.dedup_by(|next, before| next == before && (next.contains(&vec![4]) || next.contains(&vec![15])));
    outline
}

#[test]
fn the_handshake_is_the_recorded_one_kind_by_kind_and_field_by_field() {
    let (_, _, frames) = configured(|_| {}, FULL_NONCE);
    let (found, expected) = (outline(&frames), outline(&payloads(FULL)));
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "frame {index}");
    }
    assert_eq!(found.len(), expected.len());
    assert!(frames.len() > payloads(FULL).len(), "the mesh is larger than the recorded one");
}

#[test]
fn configuration_is_the_recorded_one_byte_for_byte() {
    let (_, _, frames) = configured(|_| {}, FULL_NONCE);
    let constant = |frames: &[Vec<u8>]| {
        let kept = frames.iter().zip(messages(frames)).filter(|(_, said)| match said {
            Said::Config(section) => !matches!(section.payload_variant, Some(proto::config::PayloadVariant::Security(_))),
            Said::DeviceuiConfig(_)
            | Said::Metadata(_)
            | Said::Channel(_)
            | Said::ModuleConfig(_)
            | Said::FileInfo(_)
            | Said::ConfigCompleteId(_) => true,
            _ => false,
        });
        kept.map(|(frame, _)| frame.clone()).collect::<Vec<_>>()
    };
    assert_eq!(constant(&frames), constant(&payloads(FULL)));
}

#[test]
fn with_69420_the_other_nodes_are_left_out() {
    let (_, _, frames) = configured(|_| {}, ONLY_CONFIG);
    assert_eq!(outline(&frames), outline(&payloads(CONFIG_ONLY)));
    assert_eq!(frames.len(), payloads(CONFIG_ONLY).len());
}

#[test]
fn with_69421_there_are_nodes_and_nothing_else() {
    let (_, _, frames) = configured(|_| {}, ONLY_NODES);
    let said = messages(&frames);
    let (last, nodes) = said.split_last().unwrap();
    assert_eq!(last, &Said::ConfigCompleteId(ONLY_NODES));
    assert!(nodes.len() > 10 && nodes.iter().all(|said| matches!(said, Said::NodeInfo(_))));
    assert!(matches!(&nodes[0], Said::NodeInfo(own) if own.is_favorite));
}

#[test]
fn nothing_is_said_before_it_is_asked_for_except_to_a_heartbeat() {
    let mut radio = radio(|_| {});
    let client = radio.attach();
    radio.hear(text(77));
    assert_eq!(radio.next(client), None);
    ask(&mut radio, client, Asked::Heartbeat(proto::Heartbeat { nonce: 0 }));
    assert_eq!(messages(&said(&mut radio, client)), [Said::QueueStatus(status(0, 16, 0))]);
    ask(&mut radio, client, Asked::Heartbeat(proto::Heartbeat { nonce: 1 }));
    assert_eq!(radio.next(client), None);
    ask(&mut radio, client, Asked::WantConfigId(5));
    assert!(matches!(messages(&said(&mut radio, client)).last(), Some(Said::Packet(packet)) if packet.id == 77));
}

#[test]
fn a_full_queue_drops_the_new_unless_it_is_text() {
    let mut radio = radio(|config| config.queue = 4);
    for id in 1..=5 {
        radio.hear(telemetry(id));
    }
    radio.hear(text(6));
    let client = radio.attach();
    ask(&mut radio, client, Asked::WantConfigId(ONLY_CONFIG));
    let ids = messages(&said(&mut radio, client)).into_iter().filter_map(|said| match said {
        Said::Packet(packet) => Some(packet.id),
        _ => None,
    });
    assert_eq!(ids.collect::<Vec<_>>(), [2, 3, 4, 6]);
    assert_eq!(radio.lost(), 2);
}

#[test]
fn garbage_half_frames_and_absurd_lengths_do_not_keep_it_from_hearing() {
    let mut radio = radio(|_| {});
    let client = radio.attach();
    let mut bytes = vec![0xc3; 32];
    bytes.extend(b"\x94\xc3\xff\xffgarbage\r\n\x94\xc3\x00\x03\xff\xff\xff");
    bytes.extend(stream::encode(&proto::ToRadio { payload_variant: Some(Asked::WantConfigId(9)) }.encode_to_vec()).unwrap());
    for byte in bytes {
        radio.receive(client, &[byte], Moment::default());
    }
    assert_eq!(messages(&said(&mut radio, client)).last(), Some(&Said::ConfigCompleteId(9)));
}

#[test]
fn a_client_whose_place_was_taken_gets_nothing() {
    let (mut radio, first, _) = configured(|_| {}, 1);
    let second = radio.attach();
    radio.hear(text(1));
    ask(&mut radio, second, Asked::WantConfigId(ONLY_CONFIG));
    assert_eq!(radio.next(first), None);
    assert!(!ask(&mut radio, first, Asked::WantConfigId(2)).alive);
    assert!(!radio.detach(first));
    assert!(matches!(messages(&said(&mut radio, second)).last(), Some(Said::Packet(_))));
}

#[test]
fn after_a_reboot_it_is_silent_until_asked() {
    let (mut radio, client, _) = configured(|_| {}, 1);
    radio.hear(text(1));
    radio.reboot();
    radio.hear(text(2));
    assert_eq!(messages(&said(&mut radio, client)), [Said::Rebooted(true)]);
    ask(&mut radio, client, Asked::WantConfigId(3));
    let said = messages(&said(&mut radio, client));
    assert_eq!(said[0], messages(&payloads(FULL))[0].clone().with_node(radio.identity.number, radio.nodes.len()));
    assert!(matches!(said.last(), Some(Said::Packet(packet)) if packet.id == 2));
}

#[test]
fn with_28_what_it_remembers_is_told_again_under_the_same_ids() {
    let replayed = |radio: &mut Radio| {
        let client = radio.attach();
        ask(radio, client, Asked::WantConfigId(3));
        let said = messages(&said(radio, client));
        let complete = said.iter().position(|said| matches!(said, Said::ConfigCompleteId(_))).unwrap();
        said[complete + 1..].to_vec()
    };
    let mut radio = radio(|config| config.firmware = Firmware::V28);
    radio.hear(telemetry(1));
    assert_eq!(replayed(&mut radio).len(), 2);
    let (first, again) = (replayed(&mut radio), replayed(&mut radio));
    assert_eq!(first, again);
    assert!(matches!(&first[..], [Said::Packet(packet)] if packet.id != 1 && packet.from == 0x1000_0001));
}

#[test]
fn what_it_says_of_itself_waits_only_where_nothing_else_does() {
    let mut radio = radio(|_| {});
    let own = |id| proto::MeshPacket { from: 1, ..telemetry(id) };
    radio.identity.number = 1;
    for id in 1..=3 {
        radio.tell_own(own(id));
    }
    radio.hear(text(9));
    radio.tell_own(own(4));
    assert_eq!(radio.to_phone.iter().map(|packet| packet.id).collect::<Vec<_>>(), [1, 2, 9]);
    assert_eq!(radio.lost(), 0);
}

proptest! {
    #[test]
    fn no_bytes_of_a_client_harm_it(bytes in proptest::collection::vec(prop_oneof![Just(0x94_u8), Just(0xc3), Just(0), any::<u8>()], 0..1_500)) {
        let mut radio = radio(|_| {});
        let client = radio.attach();
        for chunk in bytes.chunks(97) {
            radio.receive(client, chunk, Moment::default());
        }
        // What is left of a frame that was begun swallows no more than a frame.
        radio.receive(client, &[0; stream::MAX_PAYLOAD], Moment::default());
        ask(&mut radio, client, Asked::WantConfigId(12));
        prop_assert_eq!(messages(&said(&mut radio, client)).pop(), Some(Said::ConfigCompleteId(12)));
    }
}

trait WithNode {
    fn with_node(self, number: u32, others: usize) -> Self;
}

impl WithNode for Said {
    fn with_node(self, number: u32, others: usize) -> Self {
        let Self::MyInfo(info) = self else { panic!("the handshake begins with my_info") };
        Self::MyInfo(proto::MyNodeInfo { my_node_num: number, nodedb_count: u32::try_from(others).unwrap() + 1, ..info })
    }
}

fn packet(id: u32, port: PortNum, payload: Vec<u8>) -> proto::MeshPacket {
    let data = proto::Data { portnum: port.into(), payload, ..Default::default() };
    proto::MeshPacket { from: 0x1000_0001, id, payload_variant: Some(PayloadVariant::Decoded(data)), ..Default::default() }
}

fn text(id: u32) -> proto::MeshPacket {
    packet(id, PortNum::TextMessageApp, b"hello".to_vec())
}

fn telemetry(id: u32) -> proto::MeshPacket {
    let metrics = proto::DeviceMetrics { battery_level: Some(50), ..Default::default() };
    let variant = Some(proto::telemetry::Variant::DeviceMetrics(metrics));
    packet(id, PortNum::TelemetryApp, proto::Telemetry { time: 0, variant }.encode_to_vec())
}
