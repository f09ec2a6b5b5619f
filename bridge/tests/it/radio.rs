//! A radio that replays a recorded connection to whoever connects, and then says what the test has it say.

use kosmo_bridge::RadioUrl;
use kosmo_meshtastic::{
    Message as _, proto,
    proto::{from_radio, to_radio},
    stream::{self, Decoder, Piece},
};
use std::path::Path;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::{broadcast, mpsc},
};

/// How a radio sends what was recorded.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Manner {
    /// Cut into pieces of that many bytes.
    pub(crate) split: Option<usize>,
    /// After console text and half a frame.
    pub(crate) junk: bool,
    /// With a temperature that is on its way already when a client takes its leave.
    pub(crate) last_word: bool,
}

/// What a client did.
#[derive(Debug, PartialEq)]
pub(crate) enum Seen {
    Connected,
    Packet(Box<proto::MeshPacket>),
    WantConfig(u32),
    Heartbeat,
    Disconnect,
    Closed,
}

pub(crate) struct Radio {
    port: u16,
    seen: mpsc::UnboundedReceiver<Seen>,
    says: broadcast::Sender<Vec<u8>>,
}

/// Returns the payloads of all frames a recorded radio sent, in order.
pub(crate) fn recorded(name: &str) -> Vec<Vec<u8>> {
    let path = fixture(&format!("{name}.chunks.jsonl"));
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let chunk: serde_json::Value = serde_json::from_str(line).unwrap();
        if chunk["dir"] == "rx" {
            decoder.push(&unhex(chunk["hex"].as_str().unwrap()));
        }
        while let Some(piece) = decoder.next() {
            let Piece::Frame(payload) = piece else { panic!("the recordings hold frames only") };
            frames.push(payload);
        }
    }
    frames
}

pub(crate) fn fixture(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../common/meshtastic/tests/fixtures/streams").join(name)
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

impl Radio {
    /// Starts a radio on the network.
    pub(crate) async fn start(recording: &str, manner: Manner) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let frames = recorded(recording);
        let (seen_in, seen) = mpsc::unbounded_channel();
        let (says, _) = broadcast::channel(10_000);
        let script = says.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, &frames, manner, &seen_in, script.subscribe()).await;
            }
        });
        Self { port, seen, says }
    }

    pub(crate) fn url(&self) -> RadioUrl {
        format!("tcp://127.0.0.1:{}", self.port).parse().unwrap()
    }

    /// Waits until a client did this.
    pub(crate) async fn until_seen(&mut self, wanted: &Seen) {
        let seen = tokio::time::timeout(crate::world::PATIENCE, async {
            while let Some(seen) = self.seen.recv().await {
                if seen == *wanted {
                    return true;
                }
            }
            false
        });
        assert!(seen.await.unwrap_or(false), "waited in vain for {wanted:?}");
    }

    /// Waits until a client gives a packet to the radio.
    pub(crate) async fn until_packet(&mut self) -> proto::MeshPacket {
        let packet = tokio::time::timeout(crate::world::PATIENCE, async {
            loop {
                if let Seen::Packet(packet) = self.seen.recv().await.unwrap() {
                    return *packet;
                }
            }
        });
        packet.await.expect("waited in vain for a packet")
    }

    /// Returns the packets that were given to the radio and not waited for.
    pub(crate) fn packets(&mut self) -> Vec<proto::MeshPacket> {
        let seen = std::iter::from_fn(|| self.seen.try_recv().ok());
        seen.filter_map(|seen| if let Seen::Packet(packet) = seen { Some(*packet) } else { None }).collect()
    }

    /// Has the radio hand over a packet.
    pub(crate) fn say(&self, packet: proto::MeshPacket) {
        self.tell(from_radio::PayloadVariant::Packet(packet));
    }

    /// Has the radio say what became of a packet given to it, and how much room there is.
    pub(crate) fn say_queue_status(&self, id: u32, res: i32, free: u32) {
        self.tell(from_radio::PayloadVariant::QueueStatus(proto::QueueStatus { res, free, maxlen: 16, mesh_packet_id: id }));
    }

    fn tell(&self, variant: from_radio::PayloadVariant) {
        self.says.send(frame(variant)).unwrap();
    }

    /// Has the radio close the connection.
    pub(crate) fn hang_up(&self) {
        self.says.send(Vec::new()).unwrap();
    }
}

pub(crate) fn frame(variant: from_radio::PayloadVariant) -> Vec<u8> {
    let message = proto::FromRadio { payload_variant: Some(variant), ..Default::default() };
    stream::encode(&message.encode_to_vec()).unwrap()
}

/// Serves one client.
pub(crate) async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    frames: &[Vec<u8>],
    manner: Manner,
    seen: &mpsc::UnboundedSender<Seen>,
    mut script: broadcast::Receiver<Vec<u8>>,
) {
    let _ = seen.send(Seen::Connected);
    if manner.junk {
        let _ = stream.write_all(b"DEBUG | ??:??:?? 1 boot\r\n\x94\xc3\x00\x40half").await;
    }
    let mut decoder = Decoder::new();
    let mut buffer = [0; 1024];
    let mut is_configured = false;
    loop {
        tokio::select! {
            read = stream.read(&mut buffer) => match read {
                Ok(0) | Err(_) => break,
                Ok(count) => decoder.push(&buffer[..count]),
            },
            said = script.recv(), if is_configured => match said {
                Ok(bytes) if !bytes.is_empty() => stream.write_all(&bytes).await.unwrap(),
                Ok(_) | Err(_) => break,
            },
        }
        while let Some(piece) = decoder.next() {
            let Piece::Frame(payload) = piece else { continue };
            match proto::ToRadio::decode(&payload[..]).unwrap().payload_variant {
                Some(to_radio::PayloadVariant::WantConfigId(nonce)) => {
                    let _ = seen.send(Seen::WantConfig(nonce));
                    is_configured = true;
                    let bytes = answer(frames, nonce);
                    for piece in bytes.chunks(manner.split.unwrap_or(700)) {
                        let _ = stream.write_all(piece).await;
                        let _ = stream.flush().await;
                    }
                }
                Some(to_radio::PayloadVariant::Packet(packet)) => drop(seen.send(Seen::Packet(Box::new(packet)))),
                Some(to_radio::PayloadVariant::Heartbeat(_)) => drop(seen.send(Seen::Heartbeat)),
                Some(to_radio::PayloadVariant::Disconnect(_)) => {
                    if manner.last_word {
                        stream.write_all(&frame(from_radio::PayloadVariant::Packet(temperature(99, 9.9)))).await.unwrap();
                    }
                    let _ = seen.send(Seen::Disconnect);
                }
                _ => {}
            }
        }
    }
    let _ = seen.send(Seen::Closed);
}

/// The recorded frames, with the number of the handshake that was asked for.
fn answer(frames: &[Vec<u8>], nonce: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        let mut message = proto::FromRadio::decode(&frame[..]).unwrap();
        if let Some(from_radio::PayloadVariant::ConfigCompleteId(id)) = &mut message.payload_variant {
            *id = nonce;
            bytes.extend(stream::encode(&message.encode_to_vec()).unwrap());
        } else {
            bytes.extend(stream::encode(frame).unwrap());
        }
    }
    bytes
}

/// A packet with a temperature, from a node that exists.
pub(crate) fn temperature(id: u32, celsius: f32) -> proto::MeshPacket {
    let weather = proto::EnvironmentMetrics { temperature: Some(celsius), ..Default::default() };
    let telemetry = proto::Telemetry { time: 1_780_315_200, variant: Some(proto::telemetry::Variant::EnvironmentMetrics(weather)) };
    packet(id, 67, telemetry.encode_to_vec())
}

/// A packet of any port, from a node that exists.
pub(crate) fn packet(id: u32, port: i32, payload: Vec<u8>) -> proto::MeshPacket {
    let data = proto::Data { portnum: port, payload, ..Default::default() };
    proto::MeshPacket {
        from: 0x4dbb_2002,
        to: u32::MAX,
        id,
        rx_time: 1_780_315_201,
        rx_snr: 7.5,
        rx_rssi: -60,
        hop_start: 3,
        hop_limit: 2,
        transport_mechanism: 1,
        payload_variant: Some(proto::mesh_packet::PayloadVariant::Decoded(data)),
        ..Default::default()
    }
}
