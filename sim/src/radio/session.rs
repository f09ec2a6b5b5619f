//! What is between a radio and the client it has: it ends with the client.

use crate::radio::{Said, limits::Limits};
use kosmo_meshtastic::{proto, stream};
use std::collections::VecDeque;

/// Packets with an id among this many before are ignored, without a word.
const REMEMBERED_IDS: usize = 20;
/// Queue statuses that no client has taken yet; more push out the oldest.
const WAITING_STATUSES: usize = 2;
/// Notifications that no client has taken yet.
const WAITING_NOTIFICATIONS: usize = 4;

/// What is between a radio and the client it has.
#[derive(Debug, Default)]
pub(super) struct Session {
    pub(super) decoder: stream::Decoder,
    pub(super) stage: Stage,
    pub(super) statuses: VecDeque<proto::QueueStatus>,
    pub(super) notifications: VecDeque<proto::ClientNotification>,
    pub(super) heartbeat: bool,
    pub(super) ids: VecDeque<u32>,
    pub(super) limits: Limits,
    pub(super) raw: VecDeque<Vec<u8>>,
}

#[derive(Debug, Default)]
pub(super) enum Stage {
    /// The client has not asked for the configuration, and is told nothing.
    #[default]
    Silent,
    /// What is left of the handshake.
    Telling(VecDeque<Told>),
    /// Packets flow.
    Live,
}

/// A part of a handshake.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "all but one of them are the large one")]
pub(super) enum Told {
    Known(Said),
    /// A message of firmware 2.8 that the types here do not know.
    Later(Vec<u8>),
}

/// `FromRadio` with field 19, of length 0.
const REGIONS: [u8; 3] = [0x9a, 0x01, 0x00];

impl Told {
    /// Returns `region_presets`, empty.
    pub(super) fn regions() -> Self {
        Self::Later(REGIONS.to_vec())
    }
}

impl Session {
    /// Tells whether a packet's id is not among the last ones, and remembers it.
    pub(super) fn is_new(&mut self, id: u32) -> bool {
        if self.ids.contains(&id) {
            return false;
        }
        if self.ids.len() == REMEMBERED_IDS {
            self.ids.pop_front();
        }
        self.ids.push_back(id);
        true
    }

    /// Leaves a status for the client, which has room for few.
    pub(super) fn tell(&mut self, status: proto::QueueStatus) {
        if self.statuses.len() == WAITING_STATUSES {
            self.statuses.pop_front();
        }
        self.statuses.push_back(status);
    }

    pub(super) fn notify(&mut self, notification: proto::ClientNotification) {
        if self.notifications.len() < WAITING_NOTIFICATIONS {
            self.notifications.push_back(notification);
        }
    }
}
