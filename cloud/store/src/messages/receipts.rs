//! What a bridge says of a message, and what follows from it.

use crate::{
    Error, Result,
    db::{Tx, on_tx},
    messages::{
        batch::{Effect, NOT_DESTINATION, NOT_GRANTED, UNKNOWN_MESSAGE},
        events::{self, EventKind},
        facts::{self, Teller},
        grants,
        packets::{self, SentPacket},
        rows,
        rows::MessageRow,
    },
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::{BridgeId, DeliveryEvidence, Fact, NodeId, NotSent, PacketId, RefusedBy, Timestamp};
use uuid::Uuid;

/// What happened to a message, as its bridge tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Receipt {
    /// The bridge could send it and asks to be the one.
    Claimed,
    /// It waits in the bridge.
    Waiting(WaitReason),
    /// It is about to be given to the radio.
    HandedOver {
        /// Which attempt, from 0.
        attempt: u8,
        /// The id of the packet on the mesh.
        packet_id: PacketId,
        /// The radio's node.
        radio: NodeId,
    },
    /// The radio had time to send it.
    Transmitted,
    /// A neighbour passed it on.
    Relayed,
    /// A radio confirmed it over LoRa.
    Acknowledged {
        /// Whose radio; it counts if it is the destination's.
        by: NodeId,
        /// Whether the firmware proved that it was.
        proven: bool,
    },
    /// The radio or the mesh answered with an error.
    Refused {
        /// Its number.
        code: u32,
        /// Whose radio said so.
        by: NodeId,
    },
    /// No confirmation came in the time in which one does.
    Unconfirmed,
    /// It was surely not sent.
    NotSent(NotSent),
    /// Nothing more will be learnt.
    Unknown,
}

/// What a message waits for in its bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitReason {
    /// The texts before it.
    Turn,
    /// The radio, which is not connected.
    Radio,
    /// Room in the radio's queue.
    RadioQueue,
    /// The region's limit on airtime.
    DutyCycle,
    /// A quieter channel.
    Channel,
}

impl WaitReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Turn, Self::Radio, Self::RadioQueue, Self::DutyCycle, Self::Channel];

    /// Returns the name used in the database and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::Radio => "radio",
            Self::RadioQueue => "radio_queue",
            Self::DutyCycle => "duty_cycle",
            Self::Channel => "channel",
        }
    }

    pub(super) fn parse(name: &str) -> Result<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == name)
            .ok_or_else(|| Error::Corrupt(format!("{name:?} is no reason for waiting")))
    }
}

/// Why a receipt does not count: the code of its reject, and the reason in words.
pub(super) type Refusal = (&'static str, &'static str);

/// Has a receipt take effect inside a use-case, unless it is refused.
pub(super) async fn take(
    tx: &mut Tx,
    bridge: &BridgeId,
    message: Uuid,
    receipt: &Receipt,
    at: Timestamp,
    now: Timestamp,
) -> Result<Result<Effect, Refusal>> {
    if *receipt == Receipt::Claimed {
        return Ok(Ok(Effect::Claim { message, grant: grants::claim(tx, message, bridge, now).await? }));
    }
    let Some(row) = rows::lock(tx, message).await? else {
        return Ok(Err((UNKNOWN_MESSAGE, "there is no such message")));
    };
    if row.facts.granted.as_ref().is_none_or(|(_, holder)| holder != bridge) {
        return Ok(Err((NOT_GRANTED, "the message was not granted to this bridge")));
    }
    let fact = match *receipt {
        Receipt::Claimed => unreachable!("a claim is no receipt of the holder's"),
        Receipt::Waiting(reason) => {
            wait(tx, &row, reason, at, now).await?;
            return Ok(Ok(Effect::Waits { message }));
        }
        Receipt::HandedOver { attempt, packet_id, radio } => {
            end_wait(tx, message, at).await?;
            let packet = SentPacket { attempt, packet_id, radio, bridge: bridge.clone(), at, recorded_at: now };
            if packets::remember(tx, message, &packet).await? && row.facts.handed_over_at.is_some_and(|first| first <= at) {
                // A further attempt is no new fact, yet the member's timeline has it.
                events::append(tx, row.user, EventKind::MessageChanged, message, now).await?;
            }
            Fact::HandedOver
        }
        Receipt::Transmitted => Fact::Transmitted,
        Receipt::Relayed => Fact::Relayed,
        Receipt::Acknowledged { by, .. } if by != row.node => {
            return Ok(Err((NOT_DESTINATION, "the acknowledgement is not the destination's")));
        }
        Receipt::Acknowledged { proven: true, .. } => Fact::Delivered(DeliveryEvidence::AckProven),
        Receipt::Acknowledged { proven: false, .. } => Fact::Delivered(DeliveryEvidence::Ack),
        Receipt::Refused { code, by } if by == row.node => Fact::Refused { code, by: RefusedBy::Destination },
        Receipt::Refused { code, .. } => Fact::Refused { code, by: RefusedBy::Radio },
        Receipt::Unconfirmed => Fact::Unconfirmed,
        Receipt::NotSent(reason) => Fact::NotSent(reason),
        Receipt::Unknown => Fact::Unknown,
    };
    let change = facts::add(tx, row, &[(fact, at)], &Teller::Bridge(bridge.clone()), now).await?;
    Ok(Ok(Effect::Changed(change)))
}

/// Notes what a message waits for, unless something later is known.
async fn wait(tx: &mut Tx, row: &MessageRow, reason: WaitReason, at: Timestamp, now: Timestamp) -> Result<()> {
    const SQL: &str = "update messages
                          set waiting = $2, waiting_at = $3
                        where id = $1 and (waiting_at is null or waiting_at < $3) and (waiting is null or waiting <> $2)";
    let rows = on_tx!(tx, |db| {
        sqlx::query(SQL).bind(row.id).bind(reason.as_str()).bind(At(at)).execute(db).map_ok(|done| done.rows_affected())
    })?;
    if rows > 0 {
        events::append(tx, row.user, EventKind::MessageChanged, row.id, now).await?;
    }
    Ok(())
}

/// Notes that a message waits no longer, unless it does again. The time stays, for what came before it may come after it.
async fn end_wait(tx: &mut Tx, message: Uuid, at: Timestamp) -> Result<()> {
    const SQL: &str = "update messages set waiting = null, waiting_at = $2 where id = $1 and (waiting_at is null or waiting_at <= $2)";
    on_tx!(tx, |db| sqlx::query(SQL).bind(message).bind(At(at)).execute(db).map_ok(drop))?;
    Ok(())
}
