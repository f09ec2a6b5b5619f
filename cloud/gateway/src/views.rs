//! What members see of their texts and of those that came for them.

use crate::words::{self, Wait, Waits};
use kosmo_domain::{BridgeId, Charge, Fact, NodeId, PacketId, Status, Timestamp};
use kosmo_store::messages::{Happening, InboundRow, MessageRow, Said, Teller, TimelineEntry};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A text of the member's to a node. What is not known is left out; times say when something was so.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message, example = json!({
    "id": "01976c3e-7b00-7000-8000-000000000001",
    "seq": 16,
    "target_node_id": "!a1b2c3d4",
    "text": "Hello mesh",
    "sent_as": "ana: Hello mesh",
    "status": "delivered",
    "says": "It arrived: their radio confirmed it. Nobody knows whether they read it.",
    "evidence": "ack",
    "charge": "committed",
    "created_at": "2026-06-01T12:00:00Z",
    "expires_at": "2026-06-01T13:00:00Z",
    "queued_at": "2026-06-01T12:00:00.01Z",
    "granted_at": "2026-06-01T12:00:00.1Z",
    "handed_over_at": "2026-06-01T12:00:00.2Z",
    "transmitted_at": "2026-06-01T12:00:06Z",
    "delivered_at": "2026-06-01T12:00:08Z"
}))]
pub(crate) struct MessageView {
    /// Its id.
    id: Uuid,
    /// Its place in the conversation: later texts have greater numbers.
    seq: i64,
    /// Whom it is for.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    target_node_id: NodeId,
    /// The channel whose everybody it is for; left out of a text to a node.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// As it was written.
    text: String,
    /// As the mesh sees it, with the member's handle.
    sent_as: String,
    /// The packet it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, maximum = 4_294_967_295_u64)]
    reply_to: Option<PacketId>,
    /// How it stands: `pending`, `queued`, `transmitted`, `delivered`, `failed` or `expired`. `failed` and `expired` may still become `delivered`.
    #[schema(value_type = crate::codes::Status)]
    status: &'static str,
    /// The same to a person.
    says: String,
    /// What it waits for; only while it is `pending` or `queued`.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_for: Option<WaitView>,
    /// What proves that it arrived: `ack`, `ack_proven` or `reply`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::codes::Evidence>)]
    evidence: Option<&'static str>,
    /// Of a text that expired: `not_sent`, or `unknown` if it may have been sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::codes::Outcome>)]
    outcome: Option<&'static str>,
    /// Why it failed or was not sent: the protocol's name of the error, or `never_granted`, `expired`, `revoked`, `cancelled`, `radio_refused`, `too_large`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::codes::Reason>)]
    reason: Option<&'static str>,
    /// What became of its quota: `reserved`, `committed`, or `released`, which is given back.
    #[schema(value_type = crate::codes::Charge)]
    charge: &'static str,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Until when it may be given to a radio.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// When it was offered to the bridges.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    queued_at: Option<Timestamp>,
    /// When a bridge was granted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    granted_at: Option<Timestamp>,
    /// When the bridge gave it to its radio, or was about to.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    handed_over_at: Option<Timestamp>,
    /// When the radio had had time to send it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    transmitted_at: Option<Timestamp>,
    /// When a neighbour was heard passing it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    relayed_at: Option<Timestamp>,
    /// When the time was over in which a confirmation comes, and none had. It may have arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    unconfirmed_at: Option<Timestamp>,
    /// When it was confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    delivered_at: Option<Timestamp>,
    /// When somebody answered it. A radio is not a person, so this is apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    answered_at: Option<Timestamp>,
    /// When it failed, or its time was found to have run out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// What a text waits for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Waiting)]
pub(crate) struct WaitView {
    /// `broker`, `bridge`, `sending`, `key`, `cancelling`, `turn`, `radio`, `radio_queue`, `duty_cycle`, `channel` or `airtime`.
    #[schema(value_type = crate::codes::WaitReason)]
    reason: &'static str,
    /// The same to a person.
    says: &'static str,
    /// Since when, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
}

/// A text of the member's with all that became known of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MessageDetail)]
pub(crate) struct MessageDetailView {
    #[serde(flatten)]
    message: MessageView,
    /// The bridge that was granted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    bridge_id: Option<BridgeId>,
    /// What became known of it, in the order of the times at which it was so.
    timeline: Vec<HappeningView>,
}

/// Something that became known of a text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Happening)]
pub(crate) struct HappeningView {
    /// When it was so, by the clock of whoever says it.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What happened: `accepted`, `offered`, `granted`, `handed_over`, `transmitted`, `relayed`, `delivered`, `answered`, `refused`, `not_sent`, `unconfirmed` or `unknown`.
    #[schema(value_type = crate::codes::Event)]
    event: &'static str,
    /// What proves that it arrived: `ack`, `ack_proven` or `reply`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::codes::Evidence>)]
    evidence: Option<&'static str>,
    /// Why it was refused or not sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::codes::Reason>)]
    reason: Option<&'static str>,
    /// Which attempt of handing it over, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u8>,
    /// The id of the packet it was handed over in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, maximum = 4_294_967_295_u64)]
    packet_id: Option<PacketId>,
    /// The bridge that says so; left out if this server does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    bridge_id: Option<BridgeId>,
    /// The same to a person.
    says: String,
}

/// A text that came for the member.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReceivedText, example = json!({
    "id": "01976c3e-8c00-7000-8000-000000000002",
    "seq": 17,
    "packet_id": 2_706_066_294_u32,
    "from_node_id": "!a1b2c3d4",
    "text": "Hello Ana",
    "reaction": false,
    "answers": "01976c3e-7b00-7000-8000-000000000001",
    "heard_at": "2026-06-01T12:01:00Z",
    "received_at": "2026-06-01T12:01:00.2Z"
}))]
pub(crate) struct ReceivedView {
    /// Its id.
    id: Uuid,
    /// Its place in the conversation: later texts have greater numbers.
    seq: i64,
    /// The id of its packet: `reply_to` of an answer to it. Left out if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>, maximum = 4_294_967_295_u64)]
    packet_id: Option<PacketId>,
    /// Who sent it.
    #[schema(value_type = String, pattern = "^![0-9a-f]{8}$")]
    from_node_id: NodeId,
    /// What it says: any text, not markup.
    text: String,
    /// Whether it is a reaction: one emoji under the text it answers.
    reaction: bool,
    /// The member's text that it answers, if it says which.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<Uuid>,
    /// When a bridge heard it.
    #[schema(value_type = String, format = DateTime)]
    heard_at: Timestamp,
    /// When it arrived here.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
}

/// One text of a conversation, by its direction: `out` is the member's, `in` came for the member.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "direction", rename_all = "snake_case")]
#[schema(as = ConversationText)]
#[expect(clippy::large_enum_variant, reason = "most are the member's own")]
pub(crate) enum TextView {
    Out(MessageView),
    In(ReceivedView),
}

impl From<MessageRow> for MessageView {
    fn from(row: MessageRow) -> Self {
        let facts = &row.facts;
        let said = Waits::of(&row);
        let waits_for = Wait::of(facts, said).map(|wait| WaitView {
            reason: wait.as_str(),
            says: wait.words(),
            since: match wait {
                Wait::InBridge(_) => row.waiting.map(|(_, since)| since),
                Wait::Key => row.held_at,
                Wait::Cancelling => row.cancel_asked_at,
                Wait::Broker | Wait::Bridge | Wait::Sending | Wait::Airtime => None,
            },
        });
        let status = facts.status();
        let ended = matches!(status, Status::Failed | Status::Expired);
        let reason =
            facts.refused.map(|(_, code, _)| words::error_name(code)).or_else(|| facts.not_sent.map(|(_, reason)| reason.as_str()));
        let ended_at = facts.refused.map(|(at, ..)| at).or_else(|| facts.not_sent.map(|(at, _)| at)).or(facts.unknown_at).filter(|_| ended);
        Self {
            id: row.id,
            seq: row.seq,
            target_node_id: row.node,
            status: status.as_str(),
            // What is said to everybody on a channel costs nothing, so that nothing is given back.
            says: words::status(facts, if row.channel.is_some() { Charge::Committed } else { row.charge }, said),
            channel: row.channel.as_ref().map(|(name, _)| name.clone()),
            waits_for,
            evidence: facts.delivered.map(|(evidence, _)| evidence.as_str()),
            outcome: (status == Status::Expired).then(|| if facts.not_sent.is_some() { "not_sent" } else { "unknown" }),
            reason: reason.filter(|_| ended),
            charge: row.charge.as_str(),
            created_at: row.created_at,
            expires_at: row.deadline,
            queued_at: facts.offered_at,
            granted_at: facts.granted.as_ref().map(|(at, _)| *at),
            handed_over_at: facts.handed_over_at,
            transmitted_at: facts.transmitted_at,
            relayed_at: facts.relayed_at,
            unconfirmed_at: facts.unconfirmed_at.filter(|_| status == Status::Transmitted),
            delivered_at: facts.delivered.map(|(_, at)| at),
            answered_at: facts.answered_at,
            ended_at,
            text: row.text,
            sent_as: row.air_text,
            reply_to: row.reply_to,
        }
    }
}

impl MessageView {
    pub(crate) const fn id(&self) -> Uuid {
        self.id
    }
}

impl MessageDetailView {
    pub(crate) fn new(row: MessageRow, timeline: Vec<TimelineEntry>) -> Self {
        let bridge_id = row.facts.granted.as_ref().map(|(_, bridge)| bridge.clone());
        Self { bridge_id, message: row.into(), timeline: timeline.into_iter().map(HappeningView::from).collect() }
    }
}

impl From<InboundRow> for ReceivedView {
    fn from(row: InboundRow) -> Self {
        Self {
            id: row.id,
            seq: row.seq.unwrap_or(0),
            packet_id: Some(row.packet_id).filter(|id| id.is_given()),
            from_node_id: row.from,
            text: row.text,
            reaction: row.reaction,
            answers: row.message,
            heard_at: row.heard_at,
            received_at: row.received_at,
        }
    }
}

impl From<Said> for TextView {
    fn from(said: Said) -> Self {
        match said {
            Said::Sent(row) => Self::Out(row.into()),
            Said::Received(row) => Self::In(row.into()),
        }
    }
}

impl From<TimelineEntry> for HappeningView {
    fn from(entry: TimelineEntry) -> Self {
        let says = words::happening(&entry.what, &entry.by);
        let mut view =
            Self { at: entry.at, event: "accepted", evidence: None, reason: None, attempt: None, packet_id: None, bridge_id: None, says };
        if let Teller::Bridge(bridge) = entry.by {
            view.bridge_id = Some(bridge);
        }
        match entry.what {
            Happening::Accepted => {}
            Happening::Attempt(packet) => {
                view.event = "handed_over";
                (view.attempt, view.packet_id) = (Some(packet.attempt), Some(packet.packet_id));
            }
            Happening::Fact(fact) => {
                view.event = name(&fact);
                match fact {
                    Fact::Granted(bridge) => view.bridge_id = Some(bridge),
                    Fact::Delivered(evidence) => view.evidence = Some(evidence.as_str()),
                    Fact::Refused { code, .. } => view.reason = Some(words::error_name(code)),
                    Fact::NotSent(reason) => view.reason = Some(reason.as_str()),
                    Fact::Offered
                    | Fact::HandedOver
                    | Fact::Transmitted
                    | Fact::Relayed
                    | Fact::Answered
                    | Fact::Unconfirmed
                    | Fact::Unknown => {}
                }
            }
        }
        view
    }
}

const fn name(fact: &Fact) -> &'static str {
    match fact {
        Fact::Offered => "offered",
        Fact::Granted(_) => "granted",
        Fact::HandedOver => "handed_over",
        Fact::Transmitted => "transmitted",
        Fact::Relayed => "relayed",
        Fact::Delivered(_) => "delivered",
        Fact::Answered => "answered",
        Fact::Refused { .. } => "refused",
        Fact::Unconfirmed => "unconfirmed",
        Fact::NotSent(_) => "not_sent",
        Fact::Unknown => "unknown",
    }
}
