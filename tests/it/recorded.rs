//! What real radios said, through the real programs: connections recorded from Meshtastic firmware, played to a bridge.

use kosmo_domain::NodeId;
use kosmo_meshtastic::{
    Message as _, proto,
    proto::{from_radio::PayloadVariant, to_radio},
    stream::{self, Decoder, Piece},
};
use kosmo_tests::{System, now, on_both_footings, until};
use serde_json::Value;
use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
};

/// A radio on the network that answers each handshake with everything that a real one sent while it was recorded.
pub(crate) struct RecordedRadio {
    pub(crate) address: SocketAddr,
    further: mpsc::UnboundedSender<Vec<u8>>,
    serving: JoinHandle<()>,
}

impl RecordedRadio {
    pub(crate) async fn start(recording: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let said = frames(&fs::read(fixture(recording, "rx.bin")).unwrap());
        let (further, mut waiting) = mpsc::unbounded_channel();
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A client that leaves is no concern of a radio.
                let _ = serve(client, &said, &mut waiting).await;
            }
        });
        Self { address, further, serving }
    }

    /// Has it hand over a packet that no real one ever did, to a client that has been told all else.
    pub(crate) fn hand_over(&self, packet: proto::MeshPacket) {
        let message = proto::FromRadio { payload_variant: Some(PayloadVariant::Packet(packet)), ..Default::default() };
        let frame = stream::encode(&message.encode_to_vec()).expect("a packet fits into a frame");
        self.further.send(frame).expect("the radio serves for as long as it lives");
    }
}

impl Drop for RecordedRadio {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut client: TcpStream, said: &[Vec<u8>], further: &mut mpsc::UnboundedReceiver<Vec<u8>>) -> io::Result<()> {
    let mut decoder = Decoder::new();
    let mut buffer = [0; 1024];
    loop {
        let count = tokio::select! {
            count = client.read(&mut buffer) => count?,
            Some(frame) = further.recv() => {
                client.write_all(&frame).await?;
                continue;
            }
        };
        if count == 0 {
            return Ok(());
        }
        decoder.push(&buffer[..count]);
        while let Some(piece) = decoder.next() {
            let Piece::Frame(frame) = piece else { continue };
            let asked = proto::ToRadio::decode(&*frame).unwrap().payload_variant;
            let Some(to_radio::PayloadVariant::WantConfigId(nonce)) = asked else { continue };
            for frame in said {
                client.write_all(&stream::encode(&renumbered(frame, nonce)).unwrap()).await?;
            }
        }
    }
}

/// Returns a recorded frame with the number of the handshake that was asked for, if it ends one.
fn renumbered(frame: &[u8], nonce: u32) -> Vec<u8> {
    let mut message = proto::FromRadio::decode(frame).unwrap();
    let Some(PayloadVariant::ConfigCompleteId(id)) = &mut message.payload_variant else { return frame.to_owned() };
    *id = nonce;
    message.encode_to_vec()
}

fn frames(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for chunk in bytes.chunks(256) {
        decoder.push(chunk);
        while let Some(piece) = decoder.next() {
            let Piece::Frame(frame) = piece else { panic!("the recordings hold frames only") };
            frames.push(frame);
        }
    }
    frames
}

fn fixture(recording: &str, ending: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../common/meshtastic/tests/fixtures/streams");
    folder.join(format!("{recording}.{ending}"))
}

/// Returns what another program made of a recording: one row for each frame that the radio sent.
fn decoded(recording: &str) -> Vec<Value> {
    let rows: Vec<Value> = serde_json::from_slice(&fs::read(fixture(recording, "frames.json")).unwrap()).unwrap();
    rows.into_iter().filter(|row| row["dir"] == "device->client").collect()
}

fn node_id(number: &Value) -> NodeId {
    NodeId::from_number(u32::try_from(number.as_u64().unwrap()).unwrap())
}

/// Returns what the API knows of a node, once it has `wanted`.
async fn node_with(cloud: &System, node: NodeId, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    until(&format!("{node} has {what}"), || async {
        let (status, body) = cloud.ask("weather", &format!("/api/v1/nodes/{node}")).await;
        (status == 200).then(|| serde_json::from_str(&body).unwrap()).filter(&wanted)
    })
    .await
}

/// Checks that the place told is the recorded one, as exactly as it claims to be.
fn check_position(told: &Value, recorded: &Value) {
    let half_a_step = told["precision_deg"].as_f64().unwrap() / 2.0 + 1e-6;
    for (told, recorded) in [(&told["latitude"], &recorded["latitude_i"]), (&told["longitude"], &recorded["longitude_i"])] {
        let off = told.as_f64().unwrap() - recorded.as_f64().unwrap() / 1e7;
        assert!(off.abs() <= half_a_step, "{told} is not {recorded}");
    }
    assert_eq!(told["altitude_m"].as_f64(), recorded["altitude"].as_f64());
}

/// Returns a packet by which a node agrees to be shown: how its battery is.
fn agreeing(node: NodeId) -> proto::MeshPacket {
    let device = proto::DeviceMetrics { battery_level: Some(80), ..Default::default() };
    let time = u32::try_from(now().as_micros() / 1_000_000).unwrap();
    let telemetry = proto::Telemetry { time, variant: Some(proto::telemetry::Variant::DeviceMetrics(device)) };
    let data = proto::Data { portnum: 67, payload: telemetry.encode_to_vec(), bitfield: Some(1), ..Default::default() };
    proto::MeshPacket {
        from: node.number(),
        to: u32::MAX,
        id: 77,
        rx_time: time,
        payload_variant: Some(proto::mesh_packet::PayloadVariant::Decoded(data)),
        ..Default::default()
    }
}

on_both_footings! {
    async fn what_recorded_radios_knew_of_their_mesh_is_told_by_the_api(footing: Footing) {
        let folder = tempfile::tempdir().unwrap();
        let mut cloud = System::start(folder.path(), footing).await;
        let mut attached = Vec::new();
        for (id, recording) in [("texts", "b_text_received_with_rx_time"), ("queue", "e_queuestatus_text_noack_then_ack")] {
            let radio = RecordedRadio::start(recording).await;
            let mut bridge = cloud.bridge(id).await;
            bridge.start(radio.address, cloud.address("mqtt"));

            let rows = decoded(recording);
            let own = rows.iter().map(|row| &row["decoded"]["my_info"]["my_node_num"]).find(|number| number.is_u64()).unwrap();
            let infos: Vec<_> = rows.iter().map(|row| &row["decoded"]["node_info"]).filter(|info| info.is_object()).collect();
            assert!(!infos.is_empty(), "{recording} lists nodes");
            for info in infos {
                let user = &info["user"];
                if info["num"] != *own {
                    // A radio does not remember who agreed to be shown. By now it has told all that it knows, its own node first.
                    let path = format!("/api/v1/nodes/{}", node_id(&info["num"]));
                    assert_eq!(cloud.ask("weather", &path).await.0, 404, "{path}: nobody has agreed yet");
                    radio.hand_over(agreeing(node_id(&info["num"])));
                }
                let node = node_with(&cloud, node_id(&info["num"]), "its name", |node| node["long_name"] == user["long_name"]).await;
                assert_eq!((&node["node_id"], &node["short_name"], &node["hardware"]), (&user["id"], &user["short_name"], &user["hw_model"]));
                assert_eq!(node["identities"][0]["public_key"], user["public_key"], "{node:#}");
                if info["position"]["latitude_i"].is_number() {
                    check_position(&node["position"], &info["position"]);
                } else {
                    assert!(node["position"].is_null(), "{node:#}");
                }
            }
            attached.push((radio, bridge));
        }
        // Of the three texts in the first recording, one is no UTF-8.
        until("the recorded texts are taken in", || async {
            (cloud.metric("gateway", "gateway_inbound_texts_total").await >= 2.0).then_some(())
        })
        .await;
    }
}
