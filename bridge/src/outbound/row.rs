//! A text as it lies on disk, and what is written there in one go.

use crate::record::NewRecord;
use kosmo_contract::{ChannelRef, Contact, NotSentReason, Priority, Text};
use kosmo_domain::{NodeId, PacketId, Timestamp};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use uuid::Uuid;

/// A text on disk. Spans are what was left of them when it was written, for no monotonic clock outlives its process.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) message_id: Uuid,
    pub(crate) to: NodeId,
    /// Empty once it will not be sent again.
    pub(crate) text: Text<200>,
    pub(crate) reply_to: Option<PacketId>,
    pub(crate) wish: Wish,
    pub(crate) attempt: u8,
    pub(crate) ttl_left: Duration,
    pub(crate) written_at: Timestamp,
    pub(crate) stage: RowStage,
}

/// How a text is to be sent: whose turn it takes, when it goes first, on which channel, and what its radio has to know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Wish {
    #[serde(default)]
    pub(crate) member: Option<Text<32>>,
    #[serde(default)]
    pub(crate) priority: Priority,
    #[serde(default)]
    pub(crate) channel: Option<ChannelRef>,
    #[serde(default)]
    pub(crate) contact: Option<Contact>,
}

/// How far a text has come. An offer that was not answered binds nobody and is not on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowStage {
    Claimed,
    Granted {
        /// Its place among the granted.
        order: u64,
    },
    /// Given to the radio, or about to be when the process ended.
    Given {
        order: u64,
        packet_id: PacketId,
        radio: NodeId,
        /// For how long the packet may be repeated.
        repeat_left: Duration,
    },
    /// Its packet is on the air or was, and what is said of it is still listened to.
    Listening {
        packet_id: PacketId,
        radio: NodeId,
        told: Told,
        left: Duration,
    },
    /// Surely not sent. It is remembered so that no grant that comes late or twice has it sent after all.
    NotSent {
        reason: NotSentReason,
        /// Whether the cloud was told; nobody who was not granted a text tells what became of it.
        told: bool,
        left: Duration,
    },
}

/// What the cloud was told of a packet, so that it is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Told(u8);

impl Told {
    pub(crate) const TRANSMITTED: Self = Self(1);
    pub(crate) const RELAYED: Self = Self(2);
    pub(crate) const ACKNOWLEDGED: Self = Self(4);
    pub(crate) const REFUSED: Self = Self(8);
    pub(crate) const UNKNOWN: Self = Self(16);
    pub(crate) const UNCONFIRMED: Self = Self(32);
    /// The addressee answered, which the cloud is told by the answer itself.
    pub(crate) const ANSWERED: Self = Self(64);

    pub(crate) const fn from_bits(bits: u8) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn has(self, what: Self) -> bool {
        self.0 & what.0 != 0
    }

    /// Tells whether nothing is to be said of a confirmation that does not come.
    pub(crate) const fn is_final(self) -> bool {
        const FINAL: Told = Told(4 | 8 | 16 | 32 | 64);
        self.has(FINAL)
    }

    /// Adds something, and tells whether it is new.
    pub(crate) const fn add(&mut self, what: Self) -> bool {
        let is_new = !self.has(what);
        self.0 |= what.0;
        is_new
    }
}

/// What is to be written in one commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Changes {
    /// Texts as they are from here on.
    pub(crate) rows: Vec<Row>,
    /// Texts that need not be remembered.
    pub(crate) gone: Vec<Uuid>,
    /// What the cloud is told.
    pub(crate) receipts: Vec<NewRecord>,
}

impl Changes {
    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.gone.is_empty() && self.receipts.is_empty()
    }
}
