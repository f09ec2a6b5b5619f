//! From a message to what the store makes of it: pure, bounded, and without a panic whatever came.

use crate::reason::{Reason, note_of};
use bytes::Bytes;
use kosmo_contract::{Evidence, InboundBody, NotSentReason, Packet, ReceiptBody, Transport, topic::Topic};
use kosmo_domain::{BridgeId, Epoch, NodeId, NotSent, PacketId, Stream, Timestamp, observed_at};
use kosmo_store::{
    ingest::{Heard, Note, Privacy, Raw, Reception, RecordName},
    messages::{ChannelName, GatewayBody, GatewayRecord, InboundText, Receipt, WaitReason},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use uuid::Uuid;

/// What a message was found to be.
#[derive(Debug, Clone)]
pub enum Decoded {
    /// A record; one of which nothing is left says so in its body.
    Record(Box<GatewayRecord>),
    /// Nothing of which it could be told whose record it is.
    Garbage {
        /// The message.
        raw: Raw,
        /// What is wrong with it.
        reason: Note,
    },
}

/// Decodes a message that arrived at `received_at`; if it is a text, `id` is what it is called from here on.
pub fn decode(topic: &str, payload: &Bytes, received_at: Timestamp, id: Uuid) -> Decoded {
    let message = Message { topic, payload, received_at, id };
    match topic.parse() {
        Ok(Topic::Receipt(bridge)) => message.record(Some(bridge), receipt),
        Ok(Topic::Inbound(bridge)) => message.record(Some(bridge), inbound),
        Ok(Topic::BareInbound) => message.record(None, inbound),
        Ok(Topic::Reading(_) | Topic::Node(_) | Topic::Status(_) | Topic::Ack(_) | Topic::Request(_) | Topic::Outbound(_)) => {
            message.garbage(Reason::UnknownTopic.note("", "the gateway reads claims, receipts and texts"))
        }
        Err(error) => message.garbage(Reason::UnknownTopic.note("", error.to_string())),
    }
}

#[derive(Clone, Copy)]
struct Message<'a> {
    topic: &'a str,
    payload: &'a Bytes,
    received_at: Timestamp,
    id: Uuid,
}

impl Message<'_> {
    /// Reads a record. Bridges of version 0.1 have no topic of their own; theirs is whose they say it is.
    fn record<B: DeserializeOwned>(
        self,
        topic: Option<BridgeId>,
        judge: fn(&B, Option<&Packet>, Uuid) -> Result<GatewayBody, Note>,
    ) -> Decoded {
        let record = match kosmo_contract::parse::<kosmo_contract::Record<B>>(self.payload) {
            Ok(record) => record,
            Err(refusal) => return self.refused(topic, note_of(refusal)),
        };
        if topic.as_ref().is_some_and(|bridge| record.bridge != *bridge) {
            return self.refused(topic, Reason::WrongBridge.note("bridge", "the record names another bridge than its topic"));
        }
        if record.stream != Stream::Gateway {
            return self.refused(topic, Reason::WrongStream.note("stream", "texts, claims and receipts belong to the stream `gateway`"));
        }
        let origin = RecordName { bridge: record.bridge, epoch: record.epoch, stream: Stream::Gateway, seq: record.seq };
        let rx_time = record.packet.as_ref().and_then(|packet| packet.rx_time);
        // The most direct clock that can be right.
        let at = observed_at(None, rx_time, record.heard_at, self.received_at).at;
        let body = judge(&record.body, record.packet.as_ref(), self.id).unwrap_or_else(GatewayBody::Rejected);
        let is_text = matches!(body, GatewayBody::Text(_));
        // What was stored and forwarded was not heard from its sender, and not when it was sent.
        let heard = record.packet.as_ref().filter(|packet| is_text && !packet.replayed).map(|packet| heard(packet, at));
        let privacy = record.privacy.as_ref().map(privacy);
        Decoded::Record(Box::new(GatewayRecord { origin, at, heard, privacy, body, raw: self.raw() }))
    }

    /// Refuses the whole, under the record's name if at least that can be read. Whoever may publish to the topic of a bridge
    /// is that bridge, whatever the payload says.
    fn refused(self, topic: Option<BridgeId>, reason: Note) -> Decoded {
        match serde_json::from_slice::<Head>(self.payload) {
            Ok(Head { bridge, epoch, stream: Stream::Gateway, seq }) => match topic.or(bridge) {
                Some(bridge) => {
                    let origin = RecordName { bridge, epoch, stream: Stream::Gateway, seq };
                    Decoded::Record(Box::new(GatewayRecord {
                        origin,
                        at: self.received_at,
                        heard: None,
                        privacy: None,
                        body: GatewayBody::Rejected(reason),
                        raw: self.raw(),
                    }))
                }
                None => self.garbage(reason),
            },
            Ok(Head { stream: Stream::Ingest, .. }) | Err(_) => self.garbage(reason),
        }
    }

    fn garbage(self, reason: Note) -> Decoded {
        Decoded::Garbage { raw: self.raw(), reason }
    }

    fn raw(self) -> Raw {
        Raw { topic: self.topic.to_owned(), payload: self.payload.clone() }
    }
}

/// The name of a record, read past everything else that is wrong with it.
#[derive(Deserialize)]
struct Head {
    #[serde(default, deserialize_with = "if_well_formed")]
    bridge: Option<BridgeId>,
    epoch: Epoch,
    stream: Stream,
    seq: u64,
}

fn if_well_formed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BridgeId>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(|value| value.as_str().and_then(|text| text.parse().ok()))
}

fn privacy(told: &kosmo_contract::Privacy) -> Privacy {
    let private_channel = told.private_channel.as_ref().map(|channel| (channel.name.to_string(), channel.hash));
    Privacy { agrees: told.ok_to_mqtt, private_channel }
}

fn heard(packet: &Packet, at: Timestamp) -> Heard {
    let reception = Reception {
        at,
        snr_db: packet.snr_db.filter(|snr| snr.is_finite()),
        rssi_dbm: packet.rssi_dbm,
        hops_away: packet.hops_away,
        relay_node: packet.relay_node.filter(|&last_byte| last_byte != 0),
        via_mqtt: packet.via_mqtt || packet.transport == Some(Transport::Mqtt),
    };
    Heard { from: packet.from, id: packet.id, reception }
}

fn receipt(body: &ReceiptBody, _: Option<&Packet>, _: Uuid) -> Result<GatewayBody, Note> {
    let receipt = match body.evidence {
        Evidence::Claimed => Receipt::Claimed,
        Evidence::Waiting { reason } => Receipt::Waiting(waits_for(reason)),
        Evidence::HandedOver { attempt, packet_id, radio } => {
            if !packet_id.is_given() {
                return Err(Reason::NoPacketId.note("body.packet_id", "a packet that is handed over has an id, which is never 0"));
            }
            let radio = sender("body.radio", radio)?;
            // Answers find their message by this, so that no bridge may claim the packet of another one's text.
            if packet_id != kosmo_domain::packet_id(body.message_id.as_u128(), attempt) {
                return Err(Reason::WrongPacketId.note("body.packet_id", "the id of a packet follows from its message and attempt"));
            }
            Receipt::HandedOver { attempt, packet_id, radio }
        }
        Evidence::Transmitted { packet_id } => own_packet(body, packet_id).map(|()| Receipt::Transmitted)?,
        Evidence::Relayed { packet_id } => own_packet(body, packet_id).map(|()| Receipt::Relayed)?,
        Evidence::Acknowledged { packet_id, by, proven } => own_packet(body, packet_id).map(|()| Receipt::Acknowledged { by, proven })?,
        Evidence::Refused { packet_id, code, by } => own_packet(body, packet_id).map(|()| Receipt::Refused { code, by })?,
        Evidence::Unconfirmed { packet_id } => own_packet(body, packet_id).map(|()| Receipt::Unconfirmed)?,
        Evidence::NotSent { reason } => Receipt::NotSent(match reason {
            NotSentReason::Expired => NotSent::Expired,
            NotSentReason::Revoked => NotSent::Revoked,
            NotSentReason::Cancelled => NotSent::Cancelled,
            NotSentReason::RadioRefused => NotSent::RadioRefused,
            NotSentReason::TooLarge => NotSent::TooLarge,
        }),
        Evidence::Unknown => Receipt::Unknown,
    };
    Ok(GatewayBody::Receipt { message: body.message_id, receipt })
}

/// Makes sure that a receipt is about a packet of its own message: what is said of another packet says nothing of this text.
fn own_packet(body: &ReceiptBody, packet_id: PacketId) -> Result<(), Note> {
    match kosmo_domain::attempt_of(body.message_id.as_u128(), packet_id) {
        Some(_) => Ok(()),
        None => Err(Reason::WrongPacketId.note("body.packet_id", "this is no packet of this message at any attempt")),
    }
}

const fn waits_for(reason: kosmo_contract::WaitReason) -> WaitReason {
    use kosmo_contract::WaitReason as Told;
    match reason {
        Told::Turn => WaitReason::Turn,
        Told::Radio => WaitReason::Radio,
        Told::RadioQueue => WaitReason::RadioQueue,
        Told::DutyCycle => WaitReason::DutyCycle,
        Told::Channel => WaitReason::Channel,
    }
}

fn inbound(body: &InboundBody, packet: Option<&Packet>, id: Uuid) -> Result<GatewayBody, Note> {
    let Some(packet) = packet else { return Err(Reason::NoPacket.note("packet", "a text came in a packet, which says who sent it")) };
    if body.text.is_empty() {
        return Err(Reason::NoText.note("body.text", "a text says something"));
    }
    Ok(GatewayBody::Text(InboundText {
        id,
        from: sender("packet.from", packet.from)?,
        to: packet.to,
        packet_id: packet.id,
        // Who decodes does not know which radio is whose; whoever does adds it.
        to_bridge: false,
        over_lora: packet.transport == Some(Transport::Lora) && !packet.via_mqtt && !packet.replayed && !body.stored,
        text: body.text.to_string(),
        reply_to: body.reply_to,
        reaction: body.reaction,
        stored: body.stored,
        channel: body.channel.as_ref().map(|channel| ChannelName { name: channel.name.to_string(), hash: channel.hash }),
    }))
}

fn sender(field: &str, node: NodeId) -> Result<NodeId, Note> {
    node.sender().map_err(|error| Reason::ReservedNode.note(field, error.to_string()))
}
