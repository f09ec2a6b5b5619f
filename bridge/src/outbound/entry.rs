//! One text in memory: how far it has come, and what it waits for.

use crate::outbound::{
    REPEAT_WITHIN,
    row::{Row, RowStage, Told, Wish},
};
use kosmo_contract::{NotSentReason, Text, WaitReason};
use kosmo_domain::{NodeId, PacketId, Timestamp, Uptime};
use kosmo_meshtastic::{
    evidence::{HandedOver, Sent},
    outgoing::{Outgoing, TextError, TextPacket, packet_id},
};
use std::time::Duration;
use uuid::Uuid;

/// A moment by both clocks: one for waits, one for what others read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Now {
    pub(crate) uptime: Uptime,
    pub(crate) time: Timestamp,
}

/// How long a confirmation takes after the radio's last try, over several relays, there and back. Also what the tries are taken to last
/// of a text that was sent in an earlier life.
pub(crate) const CONFIRMS_AFTER: Duration = Duration::from_secs(90);

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) to: NodeId,
    pub(crate) text: Text<200>,
    pub(crate) reply_to: Option<PacketId>,
    pub(crate) wish: Wish,
    pub(crate) attempt: u8,
    /// From when on it must not be given to a radio.
    pub(crate) expires: Uptime,
    pub(crate) stage: Stage,
}

#[derive(Debug, Clone)]
pub(crate) enum Stage {
    Offered,
    Claimed {
        /// When it was claimed last.
        last: Uptime,
        /// How long an answer may take.
        wait: Duration,
    },
    Granted(Granted),
    Given(Given),
    Listening {
        sent: Sent,
        told: Told,
        until: Uptime,
        /// When it is said that no confirmation came; nothing if none is waited for.
        confirm_by: Option<Uptime>,
    },
    NotSent {
        reason: NotSentReason,
        told: bool,
        until: Uptime,
    },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Granted {
    pub(crate) order: u64,
    pub(crate) since: Uptime,
    /// What the cloud was told that it waits for, and how often it was told something.
    pub(crate) told: Option<WaitReason>,
    pub(crate) times_told: u8,
}

/// A text that was given to the radio, and of which it is not known what became.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    pub(crate) order: u64,
    pub(crate) sent: Sent,
    pub(crate) airtime: Duration,
    /// How long the radio takes for its tries to send it.
    pub(crate) tries: Duration,
    /// Until when the packet may be repeated: the mesh forgets which packets it has seen.
    pub(crate) repeat_until: Uptime,
    pub(crate) phase: Phase,
    /// Whether it may have been written more than once.
    pub(crate) is_doubted: bool,
    /// The handshake after which it was written last, for a radio ignores an id it knows until the next one; none if
    /// that was in an earlier life.
    pub(crate) written_after: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Written, or about to be; the session tells what the radio says.
    Written,
    /// The radio took it, and has sent it by then unless it says otherwise.
    Taken { sent_by: Uptime },
    /// It may have been sent, or not.
    Doubt,
}

impl Granted {
    pub(crate) const fn new(order: u64, since: Uptime) -> Self {
        Self { order, since, told: None, times_told: 0 }
    }
}

impl Given {
    /// Returns what is known of it, by which a refusal is judged. Once the radio may have taken it, an answer that was
    /// lost among them, a refusal may be of one of the radio's own repetitions.
    pub(crate) const fn handed_over(&self) -> HandedOver {
        match self.phase {
            _ if self.is_doubted => HandedOver::Doubted,
            Phase::Written => HandedOver::Once,
            Phase::Taken { .. } | Phase::Doubt => HandedOver::Taken,
        }
    }
}

impl Entry {
    /// Returns what evidence is judged by, if a packet of it was given to a radio.
    pub(crate) const fn sent(&self) -> Option<Sent> {
        match self.stage {
            Stage::Given(Given { sent, .. }) | Stage::Listening { sent, .. } => Some(sent),
            Stage::Offered | Stage::Claimed { .. } | Stage::Granted(_) | Stage::NotSent { .. } => None,
        }
    }

    /// Tells whether nothing is left to be done for it.
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Listening { .. } | Stage::NotSent { .. })
    }

    /// Returns its packet, as this radio would send it at this attempt on this channel of its.
    pub(crate) fn packet(&self, message_id: Uuid, radio: NodeId, hop_limit: u32, channel: u8) -> Result<Outgoing, TextError> {
        let id = packet_id(message_id.as_u128(), self.attempt);
        Outgoing::try_from(TextPacket { from: radio, to: self.to, id, text: &self.text, reply_to: self.reply_to, hop_limit, channel })
    }

    /// Returns what is to be on disk of it; nothing for an offer, which is made again.
    pub(crate) fn row(&self, message_id: Uuid, now: Now) -> Option<Row> {
        let left = |until: Uptime| until.since(now.uptime);
        let stage = match self.stage {
            Stage::Offered => return None,
            Stage::Claimed { .. } => RowStage::Claimed,
            Stage::Granted(Granted { order, .. }) => RowStage::Granted { order },
            Stage::Given(Given { order, sent, repeat_until, .. }) => {
                RowStage::Given { order, packet_id: sent.packet_id, radio: sent.radio, repeat_left: left(repeat_until) }
            }
            Stage::Listening { sent, told, until, .. } => {
                RowStage::Listening { packet_id: sent.packet_id, radio: sent.radio, told, left: left(until) }
            }
            Stage::NotSent { reason, told, until } => RowStage::NotSent { reason, told, left: left(until) },
        };
        let Self { to, ref text, reply_to, ref wish, attempt, expires, .. } = *self;
        let (text, wish) = (text.clone(), wish.clone());
        Some(Row { message_id, to, text, reply_to, wish, attempt, ttl_left: left(expires), written_at: now.time, stage })
    }

    /// Takes a text up where an earlier life left it. `away` is how long ago that was, unknown if the clock ran backwards
    /// since: then its time is taken to be up.
    pub(crate) fn resume(row: Row, away: Option<Duration>, now: Uptime) -> Self {
        let Row { to, text, reply_to, wish, attempt, ttl_left, stage, .. } = row;
        let limit = |left: Duration| now.plus(away.map_or(Duration::ZERO, |away| left.saturating_sub(away)));
        let remember = |left: Duration| now.plus(left.saturating_sub(away.unwrap_or(Duration::ZERO)));
        let sent = |packet_id, radio| Sent { packet_id, to, radio };
        let stage = match stage {
            RowStage::Claimed => Stage::Claimed { last: now, wait: Duration::ZERO },
            RowStage::Granted { order } => Stage::Granted(Granted::new(order, now)),
            RowStage::Given { order, packet_id, radio, repeat_left } => Stage::Given(Given {
                order,
                sent: sent(packet_id, radio),
                airtime: Duration::ZERO,
                tries: CONFIRMS_AFTER,
                repeat_until: limit(repeat_left.min(REPEAT_WITHIN)),
                phase: Phase::Doubt,
                is_doubted: true,
                written_after: None,
            }),
            RowStage::Listening { packet_id, radio, told, left } => {
                let is_open = !told.is_final() && !to.is_broadcast();
                let confirm_by = is_open.then(|| now.plus(CONFIRMS_AFTER).min(remember(left)));
                Stage::Listening { sent: sent(packet_id, radio), told, until: remember(left), confirm_by }
            }
            RowStage::NotSent { reason, told, left } => Stage::NotSent { reason, told, until: remember(left) },
        };
        Self { to, text, reply_to, wish, attempt, expires: limit(ttl_left), stage }
    }
}
