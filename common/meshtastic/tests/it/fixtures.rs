//! The recordings, and a session to play them to.

use kosmo_domain::{NodeId, PacketId, Uptime};
use kosmo_meshtastic::{
    Message as _,
    outgoing::{Outgoing, TextPacket},
    proto,
    proto::from_radio::PayloadVariant,
    radio::RadioState,
    session::{CloseReason, Event, Input, Output, Session, SessionConfig},
    stream::{Decoder, Piece, encode},
};
use serde_json::Value;
use std::time::Duration;

/// The radio that was recorded.
pub(crate) const RADIO: NodeId = NodeId::from_number(0x4daa_1001);
/// The other node of its mesh.
pub(crate) const OTHER: NodeId = NodeId::from_number(0x4dbb_2002);

/// One frame recorded by itself.
pub(crate) struct Frame {
    pub(crate) name: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) row: Value,
}

/// The bytes a radio sent over one connection, and what they decode to.
pub(crate) struct Recording {
    pub(crate) name: &'static str,
    pub(crate) sent: &'static [u8],
    pub(crate) asked: &'static [u8],
    rows: &'static str,
}

macro_rules! recordings {
    ($($name:literal)*) => {
        pub(crate) const RECORDINGS: &[Recording] = &[$(Recording {
            name: $name,
            sent: include_bytes!(concat!("../fixtures/streams/", $name, ".rx.bin")),
            asked: include_bytes!(concat!("../fixtures/streams/", $name, ".tx.bin")),
            rows: include_str!(concat!("../fixtures/streams/", $name, ".frames.json")),
        }),*];
    };
}

recordings! {
    "a_handshake_full" "a_handshake_only_config_69420" "b_text_received_with_rx_time" "c_routing_errors"
    "e_queuestatus_text_noack_then_ack" "x_partial_and_garbage_input"
}

impl Recording {
    /// Returns the rows of the decoded file, of both directions.
    pub(crate) fn all_rows(&self) -> Vec<Value> {
        serde_json::from_str(self.rows).unwrap()
    }

    /// Returns the rows of the decoded file that the radio sent.
    pub(crate) fn rows(&self) -> Vec<Value> {
        self.all_rows().into_iter().filter(|row| row["dir"] == "device->client").collect()
    }

    /// Returns the payloads of the frames that the recorded client sent.
    pub(crate) fn asked_rows(&self) -> Vec<Vec<u8>> {
        let rows = self.all_rows();
        let asked = rows.iter().filter(|row| row["dir"] == "client->device" && row["decoded"].is_object());
        asked.map(|row| from_hex(row["hex"].as_str().unwrap())[4..].to_vec()).collect()
    }

    /// Returns the number that the recorded client asked with.
    pub(crate) fn nonce(&self) -> u32 {
        let nonce = self.all_rows().iter().find_map(|row| row["decoded"]["want_config_id"].as_u64());
        u32::try_from(nonce.unwrap()).unwrap()
    }
}

pub(crate) fn recording(name: &str) -> &'static Recording {
    RECORDINGS.iter().find(|recording| recording.name == name).unwrap()
}

pub(crate) fn frames() -> Vec<Frame> {
    let rows: Vec<Value> = serde_json::from_str(include_str!("../fixtures/frames.json")).unwrap();
    let frame = |row: Value| {
        let bytes = from_hex(row["hex"].as_str().unwrap());
        let [payload] = &payloads(&bytes)[..] else { panic!("one frame in {row}") };
        Frame { name: row["name"].as_str().unwrap().to_owned(), payload: payload.clone(), row }
    };
    rows.into_iter().map(frame).collect()
}

pub(crate) fn frame(name: &str) -> Frame {
    frames().into_iter().find(|frame| frame.name == name).unwrap()
}

pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

/// Returns the payloads of whole frames, without any decoder of ours.
pub(crate) fn payloads(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while let [0x94, 0xC3, high, low, rest @ ..] = stream {
        let length = usize::from(*high) << 8 | usize::from(*low);
        payloads.push(rest[..length].to_vec());
        stream = &rest[length..];
    }
    assert!(stream.is_empty(), "a recording is made of whole frames");
    payloads
}

pub(crate) fn pieces(decoder: &mut Decoder, bytes: &[u8]) -> Vec<Piece> {
    decoder.push(bytes);
    std::iter::from_fn(|| decoder.next()).collect()
}

pub(crate) fn from_radio(variant: PayloadVariant) -> Vec<u8> {
    encode(&proto::FromRadio { id: 0, payload_variant: Some(variant) }.encode_to_vec()).unwrap()
}

pub(crate) fn at(millis: u64) -> Uptime {
    Uptime(Duration::from_millis(millis))
}

/// Returns a text from the radio of the recordings to the other node in them.
pub(crate) fn text(id: u32) -> Outgoing {
    let text = TextPacket { from: RADIO, to: OTHER, id: PacketId(id), text: "text of a member", reply_to: None, hop_limit: 3, channel: 0 };
    text.try_into().unwrap()
}

/// A session and what came out of it, with the clock in the test's hand.
pub(crate) struct Client {
    pub(crate) session: Session,
    pub(crate) now: Uptime,
    pub(crate) events: Vec<Event>,
    pub(crate) written: Vec<u8>,
    pub(crate) closed: Option<CloseReason>,
}

impl Client {
    /// Returns a client without a connection, which will ask with `nonce`.
    pub(crate) fn new(nonce: u32) -> Self {
        let session = Session::new(SessionConfig { nonce });
        Self { session, now: Uptime::default(), events: Vec::new(), written: Vec::new(), closed: None }
    }

    /// Returns a client that has connected and asked for the configuration.
    pub(crate) fn asking(nonce: u32) -> Self {
        let mut client = Self::new(nonce);
        client.connect();
        client
    }

    /// Returns a client with a finished handshake, as after the first recording.
    pub(crate) fn ready() -> Self {
        let recording = recording("a_handshake_full");
        let mut client = Self::asking(recording.nonce());
        client.receive(recording.sent);
        client.configured();
        client.written.clear();
        client
    }

    pub(crate) fn connect(&mut self) {
        self.input(Input::Connected);
        self.wait(100);
    }

    /// Connects to a radio that tells no more than its number.
    pub(crate) fn shake_hands(&mut self, radio: NodeId) {
        self.written.clear();
        self.connect();
        let asked = self.take_written().into_iter().find_map(|asked| match asked {
            proto::to_radio::PayloadVariant::WantConfigId(nonce) => Some(nonce),
            _ => None,
        });
        let info = proto::MyNodeInfo { my_node_num: radio.number(), ..Default::default() };
        self.receive(&[PayloadVariant::MyInfo(info), PayloadVariant::ConfigCompleteId(asked.unwrap())].map(from_radio).concat());
        self.configured();
        self.written.clear();
    }

    /// Gives a packet to the session, and returns the texts that it wrote at once.
    pub(crate) fn send(&mut self, packet: Outgoing) -> Vec<proto::MeshPacket> {
        self.input(Input::Send(Box::new(packet)));
        let written = self.take_written().into_iter();
        written.filter_map(|asked| if let proto::to_radio::PayloadVariant::Packet(packet) = asked { Some(packet) } else { None }).collect()
    }

    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.input(Input::Received(bytes));
    }

    pub(crate) fn wait(&mut self, millis: u64) {
        self.now = self.now.plus(Duration::from_millis(millis));
        self.input(Input::Tick);
    }

    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.session.handle(input, self.now);
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Write(bytes) => self.written.extend(bytes),
                Output::Event(event) => self.events.push(event),
                Output::Close(reason) => self.closed = Some(reason),
            }
        }
    }

    /// Takes the events so far.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Takes the events up to the end of the handshake, and returns what it told.
    pub(crate) fn configured(&mut self) -> RadioState {
        let end = self.events.iter().position(|event| matches!(event, Event::Configured(_))).expect("the handshake is done");
        let Some(Event::Configured(radio)) = self.events.drain(..=end).next_back() else { unreachable!() };
        *radio
    }

    /// Takes what was written, as messages to the radio.
    pub(crate) fn take_written(&mut self) -> Vec<proto::to_radio::PayloadVariant> {
        let written = std::mem::take(&mut self.written);
        let frames = pieces(&mut Decoder::new(), &written).into_iter().filter_map(|piece| match piece {
            Piece::Frame(payload) => proto::ToRadio::decode(&payload[..]).unwrap().payload_variant,
            Piece::Log(_) => None,
        });
        frames.collect()
    }
}
