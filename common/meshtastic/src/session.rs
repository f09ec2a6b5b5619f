//! The client's end of a link to a radio, as a state machine: what happens goes in by [`Session::handle`], what to do
//! and what was learnt comes out of [`Session::poll_output`], and [`Session::poll_timeout`] tells when to come back.
//!
//! Connect, wake the radio up, ask for its configuration, listen, and keep asking whether it is still there. The order
//! and the numbers follow the firmware's PhoneAPI and StreamAPI and what the official clients do.

mod event;
mod handshake;
mod sending;

pub use crate::session::{
    event::{CloseReason, Dropped, Event, HandOver, Input, Output, QueueStatus, Refused, RefusedReason},
    sending::{ANSWER, PAUSE},
};

use crate::{
    dedupe::SeenPackets,
    lockdown::Lockdown,
    name::is_invisible,
    node::NodeInfo,
    outgoing::{Outgoing, Traffic},
    packet::{Received, Transport, port},
    proto,
    radio::RadioState,
    session::sending::Sending,
    stream::{self, Decoder, Piece},
    wire::{self, Unreadable},
};
use kosmo_domain::{NodeId, PacketId, Timestamp, Uptime};
use prost::Message;
use proto::{from_radio, to_radio};
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

/// How long a radio may take to wake up before it is asked anything.
pub const WAKE_UP: Duration = Duration::from_millis(100);
/// How long a handshake may take.
pub const HANDSHAKE: Duration = Duration::from_secs(30);
/// How often a handshake is tried on one connection.
pub const HANDSHAKE_ATTEMPTS: u8 = 2;
/// How often the radio is told that someone listens; it gives a client up after 15 minutes.
pub const HEARTBEAT: Duration = Duration::from_mins(1);
/// How long a radio that answers heartbeats may say nothing.
pub const SILENCE: Duration = Duration::from_secs(90);

/// How long a radio that does not answer heartbeats, as old firmware does not, may say nothing before it is asked everything again.
pub const QUIET: Duration = Duration::from_mins(5);

/// What a sleeping UART and a half-read frame are woken up and flushed with.
const WAKE_UP_BYTES: [u8; 32] = [stream::START[1]; 32];

/// What a session needs to be told beforehand.
#[derive(Debug, Clone, Copy)]
pub struct SessionConfig {
    /// The first handshake's number, drawn at random; those after it count up from here. A radio that still sends
    /// the end of an earlier client's handshake is told from it by this.
    pub nonce: u32,
}

/// How long a session waits for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionPace {
    /// See [`HANDSHAKE`].
    pub handshake: Duration,
    /// See [`HEARTBEAT`].
    pub heartbeat: Duration,
    /// See [`SILENCE`].
    pub silence: Duration,
    /// See [`QUIET`].
    pub quiet: Duration,
}

impl Default for SessionPace {
    fn default() -> Self {
        Self { handshake: HANDSHAKE, heartbeat: HEARTBEAT, silence: SILENCE, quiet: QUIET }
    }
}

/// The session. It outlives connections, so that what a radio tells again after one is known.
#[derive(Debug)]
pub struct Session {
    next_nonce: u32,
    pace: SessionPace,
    phase: Phase,
    decoder: Decoder,
    outputs: VecDeque<Output>,
    /// What the handshake under way has told so far.
    told: Option<RadioState>,
    /// When each node was last heard before the handshake, for radios that replay what they remember.
    remembered: HashMap<NodeId, Timestamp>,
    seen: SeenPackets,
    sending: Sending,
    last_heard: Uptime,
    /// Whether the last frame made sense.
    in_step: bool,
    dropped: Dropped,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Closed,
    Waking {
        until: Uptime,
        attempt: u8,
    },
    Configuring {
        nonce: u32,
        deadline: Uptime,
        attempt: u8,
    },
    Ready {
        radio: NodeId,
        heartbeat: Uptime,
        answers: bool,
    },
    /// The radio was told that nobody will listen; what it had said before that still comes.
    Leaving,
}

impl Session {
    /// Returns a session without a connection.
    pub fn new(config: SessionConfig) -> Self {
        Self {
            next_nonce: config.nonce,
            pace: SessionPace::default(),
            phase: Phase::Closed,
            decoder: Decoder::new(),
            outputs: VecDeque::new(),
            told: None,
            remembered: HashMap::new(),
            seen: SeenPackets::default(),
            sending: Sending::default(),
            last_heard: Uptime::default(),
            in_step: true,
            dropped: Dropped::default(),
        }
    }

    /// Returns the session with waits of its own.
    #[must_use]
    pub fn paced(self, pace: SessionPace) -> Self {
        Self { pace, ..self }
    }

    /// Takes note of what happened at `now`, which must not run backwards. Poll the outputs until there is none.
    pub fn handle(&mut self, input: Input<'_>, now: Uptime) {
        match input {
            Input::Connected => self.on_connected(now),
            Input::Received(bytes) => self.on_received(bytes, now),
            Input::Disconnected => self.on_disconnected(),
            Input::Tick => {}
            Input::Send(packet) => self.on_send(*packet, now),
            Input::Proxy(message) => self.on_proxy(*message),
            Input::Reconfigure => self.on_reconfigure(now),
            Input::Shutdown => self.close(CloseReason::Shutdown),
        }
        self.on_time(now);
    }

    /// Returns what to do next, if anything.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when to come back with [`Input::Tick`] at the latest, and what for.
    pub fn poll_timeout(&self) -> Option<(Uptime, &'static str)> {
        match self.phase {
            Phase::Closed | Phase::Leaving => None,
            Phase::Waking { until, .. } => Some((until, "wake-up")),
            Phase::Configuring { deadline, .. } => Some((deadline, "handshake")),
            Phase::Ready { heartbeat, answers, .. } => {
                let silence = self.last_heard.plus(if answers { self.pace.silence } else { self.pace.quiet });
                let answer = self.sending.deadline().map(|at| (at, "queue status"));
                [Some((heartbeat, "heartbeat")), Some((silence, "silence")), answer].into_iter().flatten().min()
            }
        }
    }

    /// Returns from when on a text may be sent. Nothing without a radio that is ready, and while a packet is under
    /// way: an event tells of the end of either.
    pub const fn may_send_from(&self) -> Option<Uptime> {
        self.may_send(Traffic::Text)
    }

    /// Returns from when on a packet of this kind may be sent, as [`Session::may_send_from`] does for texts.
    pub const fn may_send(&self, traffic: Traffic) -> Option<Uptime> {
        match self.phase {
            Phase::Ready { .. } => self.sending.open_from(traffic),
            Phase::Closed | Phase::Waking { .. } | Phase::Configuring { .. } | Phase::Leaving => None,
        }
    }

    /// Returns what was dropped so far.
    pub const fn dropped(&self) -> &Dropped {
        &self.dropped
    }

    fn on_connected(&mut self, now: Uptime) {
        self.on_disconnected();
        self.last_heard = now;
        self.write_bytes(WAKE_UP_BYTES.to_vec());
        self.phase = Phase::Waking { until: now.plus(WAKE_UP), attempt: 1 };
    }

    fn on_disconnected(&mut self) {
        self.leave_ready(Phase::Closed);
        self.told = None;
        self.in_step = true;
        self.outputs.retain(|output| matches!(output, Output::Event(_)));
        self.dropped.garbage_bytes += self.decoder.reset() as u64;
    }

    /// Leaves what the radio had been given behind: nothing more will be told of it.
    fn leave_ready(&mut self, phase: Phase) {
        self.phase = phase;
        if let Some(hand_over) = self.sending.on_lost() {
            self.event(Event::HandOver(hand_over));
        }
    }

    fn on_send(&mut self, packet: Outgoing, now: Uptime) {
        let begun = match self.phase {
            Phase::Ready { radio, .. } => self.sending.begin(&packet, radio, now),
            Phase::Closed | Phase::Waking { .. } | Phase::Configuring { .. } | Phase::Leaving => {
                Err(HandOver::NotReady { id: packet.id() })
            }
        };
        match begun {
            Ok(()) => self.write(packet.into_message()),
            Err(refused) => self.event(Event::HandOver(refused)),
        }
    }

    /// Hands the radio what a broker said, of which it says nothing back.
    fn on_proxy(&mut self, message: proto::MqttClientProxyMessage) {
        let message = proto::ToRadio { payload_variant: Some(to_radio::PayloadVariant::MqttClientProxyMessage(message)) };
        match (self.phase, stream::encode(&message.encode_to_vec())) {
            (Phase::Ready { .. }, Ok(frame)) => self.write_bytes(frame),
            _ => self.dropped.ignored += 1,
        }
    }

    fn on_received(&mut self, bytes: &[u8], now: Uptime) {
        if matches!(self.phase, Phase::Closed) {
            self.dropped.garbage_bytes += bytes.len() as u64;
            return;
        }
        if !bytes.is_empty() {
            self.last_heard = now;
        }
        self.decoder.push(bytes);
        while let Some(piece) = self.decoder.next() {
            match piece {
                Piece::Log(bytes) => self.on_text(&bytes),
                Piece::Frame(payload) => self.on_frame(payload, now),
            }
        }
    }

    fn on_text(&mut self, bytes: &[u8]) {
        // Pieces of torn frames end up here too, and may hold anything, keys included; they are not text.
        let text = str::from_utf8(bytes).ok().filter(|text| !text.contains(|c: char| c.is_control() && !"\t\r\n\u{1b}".contains(c)));
        match text {
            Some(text) => self.on_log(text),
            None => self.dropped.garbage_bytes += bytes.len() as u64,
        }
    }

    fn on_log(&mut self, text: &str) {
        let line: String = text.trim().chars().filter(|&character| !is_invisible(character)).collect();
        if !line.is_empty() {
            self.event(Event::Log(line));
        }
    }

    fn on_frame(&mut self, payload: Vec<u8>, now: Uptime) {
        match wire::read_from_radio(&payload) {
            Ok(message) => {
                self.in_step = true;
                match message.payload_variant {
                    Some(message) => self.on_message(message, payload, now),
                    None => self.on_unknown(&payload),
                }
            }
            Err(Unreadable::Undecodable) => {
                self.dropped.undecodable += 1;
                self.refuse(RefusedReason::Undecodable, payload);
            }
            Err(Unreadable::Torn) => {
                self.decoder.rescan();
                self.dropped.torn_frames += 1;
                // What is found while out of step is mostly chance; telling of the first is enough.
                if std::mem::replace(&mut self.in_step, false) {
                    self.refuse(RefusedReason::Torn, payload);
                }
            }
        }
    }

    /// Takes in what the generated types are too old for.
    fn on_unknown(&mut self, payload: &[u8]) {
        match Lockdown::read(payload) {
            Some(lockdown) => self.event(Event::Lockdown(lockdown)),
            None => self.dropped.unknown += 1,
        }
    }

    fn on_message(&mut self, message: from_radio::PayloadVariant, raw: Vec<u8>, now: Uptime) {
        use from_radio::PayloadVariant as Message;
        match message {
            Message::Packet(packet) => self.on_packet(packet, raw),
            Message::MyInfo(info) => self.on_my_info(&info),
            Message::NodeInfo(node) => self.on_node(NodeInfo::read(&node)),
            Message::Metadata(metadata) => self.on_told(|radio| radio.take_metadata(&metadata)),
            Message::Config(config) => self.on_told(|radio| radio.take_config(&config)),
            Message::Channel(channel) => self.on_told(|radio| radio.take_channel(&channel)),
            Message::ModuleConfig(config) => self.on_told(|radio| radio.take_module(&config)),
            Message::MqttClientProxyMessage(message) => self.event(Event::Proxied(Box::new(message))),
            Message::ConfigCompleteId(nonce) => self.on_config_complete(nonce, now),
            Message::Rebooted(true) => self.on_rebooted(now),
            Message::QueueStatus(status) => self.on_queue_status(status),
            Message::LogRecord(record) => self.on_log(&record.message),
            Message::Rebooted(false)
            | Message::XmodemPacket(_)
            | Message::FileInfo(_)
            | Message::ClientNotification(_)
            | Message::DeviceuiConfig(_) => self.dropped.ignored += 1,
        }
    }

    fn on_packet(&mut self, packet: proto::MeshPacket, raw: Vec<u8>) {
        let mut received = Received::read(packet, raw);
        if received.from.sender().is_err() {
            self.dropped.reserved_senders += 1;
            self.refuse(RefusedReason::ReservedSender, received.raw);
            return;
        }
        // What a simulated air carries bears the id of the packet inside, and must not pass for that packet.
        if received.port != port::SIMULATOR && !self.seen.is_new(received.from, received.id) {
            self.dropped.duplicates += 1;
            return;
        }
        received.replayed = self.is_replayed(&received);
        self.event(Event::Packet(Box::new(received)));
    }

    /// Tells whether firmware from 2.8 on told this from memory. It does so after each handshake, with broadcasts that
    /// look as if heard over LoRa, whose ids are made up; but they bear the time they were heard, which cannot be later
    /// than the handshake says that the node was last heard. A packet that waited in the radio meets this too.
    fn is_replayed(&self, packet: &Received) -> bool {
        packet.to.is_broadcast()
            && packet.transport == Transport::Lora
            && matches!(packet.port, port::POSITION | port::TELEMETRY | port::NODE_STATUS)
            && packet.rx_time.zip(self.remembered.get(&packet.from)).is_some_and(|(heard, last)| heard <= *last)
    }

    fn on_queue_status(&mut self, status: proto::QueueStatus) {
        let packet = Some(PacketId(status.mesh_packet_id)).filter(|id| id.is_given());
        if let Phase::Ready { answers, .. } = &mut self.phase {
            *answers |= packet.is_none();
        }
        let proto::QueueStatus { res, free, maxlen, .. } = status;
        let status = QueueStatus { packet, result: res.cast_unsigned(), free, capacity: maxlen };
        self.event(Event::QueueStatus(status));
        if let Some(hand_over) = self.sending.on_status(&status) {
            self.event(Event::HandOver(hand_over));
        }
    }

    fn on_time(&mut self, now: Uptime) {
        if let Some(hand_over) = self.sending.on_time(now) {
            self.event(Event::HandOver(hand_over));
        }
        match self.phase {
            Phase::Waking { until, attempt } if now >= until => self.ask_for_config(attempt, now),
            Phase::Configuring { deadline, attempt, .. } if now >= deadline => {
                self.retry_handshake(attempt, CloseReason::HandshakeTimeout, now);
            }
            Phase::Ready { answers: true, .. } if now >= self.last_heard.plus(self.pace.silence) => self.close(CloseReason::Silent),
            // Whether it is there shows by what it answers to a second handshake, which only starts anew.
            Phase::Ready { answers: false, .. } if now >= self.last_heard.plus(self.pace.quiet) => {
                self.leave_ready(Phase::Waking { until: now, attempt: 1 });
                self.ask_for_config(1, now);
            }
            Phase::Ready { radio, heartbeat, answers } if now >= heartbeat => {
                self.write(to_radio::PayloadVariant::Heartbeat(proto::Heartbeat { nonce: 0 }));
                self.phase = Phase::Ready { radio, heartbeat: now.plus(self.pace.heartbeat), answers };
            }
            Phase::Closed | Phase::Waking { .. } | Phase::Configuring { .. } | Phase::Ready { .. } | Phase::Leaving => {}
        }
    }

    /// Leaves the radio with a word, or else it goes on with what it was saying to whoever connects next. What it said before it
    /// heard that word is on its way, and it will not say it again: until the connection is gone, it is listened to.
    fn close(&mut self, reason: CloseReason) {
        if matches!(self.phase, Phase::Closed | Phase::Leaving) {
            return;
        }
        self.leave_ready(Phase::Leaving);
        self.outputs.retain(|output| matches!(output, Output::Event(_)));
        self.write(to_radio::PayloadVariant::Disconnect(true));
        self.outputs.push_back(Output::Close(reason));
    }

    fn refuse(&mut self, reason: RefusedReason, raw: Vec<u8>) {
        let raw = if wire::is_packet(&raw) { raw } else { Vec::new() };
        self.event(Event::Refused(Refused { reason, raw }));
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn write(&mut self, message: to_radio::PayloadVariant) {
        let payload = proto::ToRadio { payload_variant: Some(message) }.encode_to_vec();
        self.write_bytes(stream::encode(&payload).expect("these messages are a few bytes long, and a text is bounded"));
    }

    fn write_bytes(&mut self, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Write(bytes));
    }
}
