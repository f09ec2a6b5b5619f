//! What goes into a session and what comes out.

use crate::{lockdown::Lockdown, node::NodeInfo, outgoing::Outgoing, packet::Received, proto, radio::RadioState};
use kosmo_domain::PacketId;
use std::fmt;

/// What happened.
#[derive(Clone)]
pub enum Input<'a> {
    /// A connection to the radio is open.
    Connected,
    /// These bytes came from the radio.
    Received(&'a [u8]),
    /// The connection is gone.
    Disconnected,
    /// Time passed.
    Tick,
    /// Give this packet to the radio. [`Event::HandOver`] tells what became of it; if it says that nothing was written,
    /// nothing was.
    Send(Box<Outgoing>),
    /// Hand the radio what came from its broker ([`crate::proxy`]). Without a radio that is ready nothing comes of it.
    Proxy(Box<proto::MqttClientProxyMessage>),
    /// Ask the radio for its configuration anew, because somebody has changed it. Nothing may be sent until it has told. Without a radio
    /// that is ready nothing comes of it.
    Reconfigure,
    /// The program ends: take leave of the radio. Without a connection nothing comes of it.
    Shutdown,
}

/// What to do, in this order.
#[derive(Clone, PartialEq)]
pub enum Output {
    /// Send these bytes to the radio.
    Write(Vec<u8>),
    /// Take note of this.
    Event(Event),
    /// Close the connection. Nothing more comes until [`Input::Connected`].
    Close(CloseReason),
}

/// What was learnt.
#[derive(Clone, PartialEq)]
pub enum Event {
    /// The handshake is done. The nodes the radio knows are in the state; no [`Event::Node`] tells of them again.
    Configured(Box<RadioState>),
    /// The radio started anew; a new handshake follows.
    Rebooted,
    /// The radio told of a node outside a handshake.
    Node(Box<NodeInfo>),
    /// A packet, told once. One may come before the handshake is done.
    Packet(Box<Received>),
    /// How full the radio's queue is, and what became of a packet given to it.
    QueueStatus(QueueStatus),
    /// What became of a packet that was to be given to the radio. Of each there is one, unless the program ends first.
    HandOver(HandOver),
    /// The radio wants this published ([`crate::proxy`]).
    Proxied(Box<proto::MqttClientProxyMessage>),
    /// What the radio says of its lockdown, after a handshake. From one that is locked nothing follows until it is not.
    Lockdown(Lockdown),
    /// A line the radio printed. It may quote texts, so it must not get into a log; its `Debug` hides it.
    Log(String),
    /// Something from the radio that cannot be taken over.
    Refused(Refused),
}

/// How full a radio's queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueStatus {
    /// The packet it is about; none in the answer to a heartbeat.
    pub packet: Option<PacketId>,
    /// 0, or why the packet was not taken (a routing error, or the firmware's `ErrorCode`). A 0 proves nothing.
    pub result: u32,
    /// Free places.
    pub free: u32,
    /// All places.
    pub capacity: u32,
}

/// What became of a packet that was to be given to the radio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandOver {
    /// The radio has it and had places left, so it will be sent. Unless a refusal follows: a text that comes too soon
    /// after another is answered like this too.
    Accepted {
        /// The packet.
        id: PacketId,
        /// The places left.
        free: u32,
    },
    /// The radio answered as if it had it, and has no place left: it may have dropped this one.
    QueueFull {
        /// The packet.
        id: PacketId,
    },
    /// The radio did not take it; [`crate::evidence::Refusal`] tells what that proves.
    RefusedByRadio {
        /// The packet.
        id: PacketId,
        /// The radio's number for the reason.
        code: u32,
    },
    /// It was written, and the radio said nothing of it, or the connection ended first. It may have been sent.
    Unanswered {
        /// The packet.
        id: PacketId,
    },
    /// Nothing was written: there is no radio that is ready.
    NotReady {
        /// The packet.
        id: PacketId,
    },
    /// Nothing was written: another is under way, or was a moment ago. See [`crate::session::Session::may_send_from`].
    Busy {
        /// The packet.
        id: PacketId,
    },
    /// Nothing was written: the packet was made for another radio, which the mesh would see as another sender.
    OtherRadio {
        /// The packet.
        id: PacketId,
    },
}

impl HandOver {
    /// Returns the packet it is about.
    pub const fn id(self) -> PacketId {
        match self {
            Self::Accepted { id, .. }
            | Self::QueueFull { id }
            | Self::RefusedByRadio { id, .. }
            | Self::Unanswered { id }
            | Self::NotReady { id }
            | Self::Busy { id }
            | Self::OtherRadio { id } => id,
        }
    }

    /// Tells whether the packet was written to the radio.
    pub const fn is_written(self) -> bool {
        match self {
            Self::Accepted { .. } | Self::QueueFull { .. } | Self::RefusedByRadio { .. } | Self::Unanswered { .. } => true,
            Self::NotReady { .. } | Self::Busy { .. } | Self::OtherRadio { .. } => false,
        }
    }
}

/// Something from the radio that cannot be taken over.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: RefusedReason,
    /// The `FromRadio` it came in, if that was a packet and nothing else; other messages may bear keys of the radio,
    /// and are dropped.
    pub raw: Vec<u8>,
}

/// Why something cannot be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedReason {
    /// The frame lost bytes, or never was one. Told once for each time the stream falls out of step.
    Torn,
    /// A text in the message is no UTF-8.
    Undecodable,
    /// The packet names a sender that no node can be.
    ReservedSender,
}

impl RefusedReason {
    /// Returns the name used in counters and reasons.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Torn => "torn",
            Self::Undecodable => "undecodable",
            Self::ReservedSender => "reserved_sender",
        }
    }
}

/// Why a connection is to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// The radio did not answer the handshake, or not to its end.
    HandshakeTimeout,
    /// The radio ended its handshakes without saying who it is.
    HandshakeIncomplete,
    /// The radio fell silent.
    Silent,
    /// The program ends.
    Shutdown,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HandshakeTimeout => "the radio did not finish the handshake",
            Self::HandshakeIncomplete => "the radio ended the handshake without saying who it is",
            Self::Silent => "the radio fell silent",
            Self::Shutdown => "the program ends",
        })
    }
}

/// What was dropped, counted since the session was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Packets heard before.
    pub duplicates: u64,
    /// Messages with a text that is no UTF-8.
    pub undecodable: u64,
    /// Packets from, and reports on, a number that no node can bear.
    pub reserved_senders: u64,
    /// Frames that lost bytes, or never were any, and were searched for others.
    pub torn_frames: u64,
    /// Bytes outside frames that are no text, or were left when a connection ended.
    pub garbage_bytes: u64,
    /// Ends of handshakes that were not ours.
    pub foreign_handshakes: u64,
    /// Messages that nobody here reads, like files and modules' configuration.
    pub ignored: u64,
    /// Messages of a kind that this version does not know.
    pub unknown: u64,
    /// Nodes beyond [`crate::radio::MAX_NODES`].
    pub excess_nodes: u64,
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connected => f.write_str("Connected"),
            Self::Received(bytes) => write!(f, "Received({} bytes)", bytes.len()),
            Self::Disconnected => f.write_str("Disconnected"),
            Self::Tick => f.write_str("Tick"),
            Self::Send(packet) => packet.fmt(f),
            Self::Proxy(_) => f.write_str("Proxy"),
            Self::Reconfigure => f.write_str("Reconfigure"),
            Self::Shutdown => f.write_str("Shutdown"),
        }
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(bytes) => write!(f, "Write({} bytes)", bytes.len()),
            Self::Event(event) => event.fmt(f),
            Self::Close(reason) => write!(f, "Close({reason:?})"),
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured(radio) => radio.fmt(f),
            Self::Rebooted => f.write_str("Rebooted"),
            Self::Node(node) => node.fmt(f),
            Self::Packet(packet) => packet.fmt(f),
            Self::QueueStatus(status) => status.fmt(f),
            Self::HandOver(hand_over) => hand_over.fmt(f),
            Self::Proxied(_) => f.write_str("Proxied"),
            Self::Lockdown(lockdown) => lockdown.fmt(f),
            Self::Log(line) => write!(f, "Log({} bytes)", line.len()),
            Self::Refused(refused) => refused.fmt(f),
        }
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Refused({}, {} bytes)", self.reason.name(), self.raw.len())
    }
}
