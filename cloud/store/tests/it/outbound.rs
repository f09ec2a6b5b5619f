//! Members who write, and bridges that tell what became of it: with little to write out.

use crate::stores::at;
use kosmo_domain::{BridgeId, Epoch, Fact, NodeId, PacketId, Plan, Stream, Timestamp};
use kosmo_store::{
    Store,
    ingest::{Note, Raw, RecordName},
    messages::{
        AcceptError, Accepted, Change, Effect, GatewayBody, GatewayOutcome, GatewayRecord, Grant, IdempotencyKey, InboundText, MessageRow,
        NewMessage, Quota, Receipt, Teller,
    },
    users::NewUser,
};
use std::time::Duration;
use uuid::Uuid;

/// Members.
pub(crate) const ANA: Uuid = Uuid::from_u128(0xa);
pub(crate) const BEN: Uuid = Uuid::from_u128(0xb);
/// Nodes of people on the mesh.
pub(crate) const HUT: NodeId = NodeId::from_number(0xa1b2_c3d4);
pub(crate) const LAKE: NodeId = NodeId::from_number(0x4daa_1001);
/// The radio of the bridge on the roof.
pub(crate) const RADIO: NodeId = NodeId::from_number(0x0000_7001);
/// How long a member's text makes a node's texts answers.
pub(crate) const WINDOW: Duration = Duration::from_hours(72);
/// How long a text may wait.
pub(crate) const TTL: Duration = Duration::from_mins(15);

/// Returns a time, counted from when everything here happens.
pub(crate) fn seconds(seconds: u64) -> Timestamp {
    at("2026-06-01T12:00:00Z").plus(Duration::from_secs(seconds))
}

/// Returns the bridge on the roof, or another.
pub(crate) fn bridge(name: &str) -> BridgeId {
    name.parse().unwrap()
}

/// Adds a member whose plan began at the first of January.
pub(crate) async fn join(store: &Store, id: Uuid, handle: &str, plan: Plan) {
    let user = NewUser { id, handle: handle.parse().unwrap(), plan, anchor: at("2026-01-01T00:00:00Z") };
    store.add_user(&user, seconds(0)).await.unwrap();
}

/// Returns a text of Ana's to the hut.
pub(crate) fn text(id: u128, words: &str) -> NewMessage {
    NewMessage {
        id: Uuid::from_u128(id),
        user: ANA,
        node: HUT,
        text: words.to_owned(),
        air_text: format!("ana: {words}"),
        reply_to: None,
        deadline: seconds(0).plus(TTL),
        idempotency: None,
    }
}

/// Returns the text as a request with a key.
pub(crate) fn keyed(new: NewMessage, key: &str, body: u8) -> NewMessage {
    NewMessage { idempotency: Some(IdempotencyKey { key: key.to_owned(), body_hash: [body; 32] }), ..new }
}

/// Has a text accepted.
pub(crate) async fn accept(store: &Store, new: &NewMessage) -> Result<Accepted, AcceptError> {
    store.accept_message(new, seconds(0)).await
}

/// Has a text of Ana's to the hut accepted, and granted to the bridge on the roof.
pub(crate) async fn granted(store: &Store, id: u128) -> Uuid {
    let accepted = accept(store, &text(id, "hello")).await.unwrap();
    let grant = store.grant(accepted.id, &bridge("roof"), seconds(1)).await.unwrap();
    assert!(matches!(grant, Grant::Granted(_)), "{grant:?}");
    accepted.id
}

/// Has a text granted to the bridge on the roof, and handed over to its radio in a packet of this id.
pub(crate) async fn handed_over(store: &Store, spool: &mut Outbox, id: u128, packet: u32) -> Uuid {
    let message = granted(store, id).await;
    let receipt = Receipt::HandedOver { attempt: 0, packet_id: PacketId(packet), radio: RADIO };
    let outcome = commit(store, &[spool.receipt(message, receipt, seconds(2))]).await.remove(0);
    assert!(matches!(outcome, GatewayOutcome::Committed(Effect::Changed(_))), "{outcome:?}");
    message
}

/// Has the cloud learn something of a message.
pub(crate) async fn learn(store: &Store, message: Uuid, fact: Fact, at: Timestamp) -> Change {
    store.add_facts(message, &[(fact, at)], &Teller::Cloud, at).await.unwrap().unwrap()
}

/// Returns one of Ana's messages.
pub(crate) async fn message(store: &Store, id: Uuid) -> MessageRow {
    store.message(ANA, id).await.unwrap().unwrap()
}

/// Returns what Ana's present period has reserved and committed.
pub(crate) async fn used(store: &Store) -> (u64, u64) {
    let Quota { reserved, committed, .. } = store.quota(ANA, seconds(0)).await.unwrap().unwrap();
    (reserved, committed)
}

/// Has records take effect.
pub(crate) async fn commit(store: &Store, batch: &[GatewayRecord]) -> Vec<GatewayOutcome> {
    store.commit_gateway_batch(batch, WINDOW, seconds(60)).await.unwrap()
}

/// The gateway stream of a bridge's spool.
pub(crate) struct Outbox {
    bridge: BridgeId,
    seq: u64,
}

impl Outbox {
    pub(crate) fn of(name: &str) -> Self {
        Self::at(name, 0)
    }

    /// Returns a stream whose records so far have these numbers.
    pub(crate) fn at(name: &str, seq: u64) -> Self {
        Self { bridge: bridge(name), seq }
    }

    pub(crate) fn record(&mut self, body: GatewayBody, at: Timestamp) -> GatewayRecord {
        self.seq += 1;
        let origin = RecordName { bridge: self.bridge.clone(), epoch: Epoch::from_random(1), stream: Stream::Gateway, seq: self.seq };
        let raw = Raw { topic: format!("kosmo/mesh/receipt/{}", self.bridge), payload: format!("record {}", self.seq).into_bytes().into() };
        GatewayRecord { origin, at, heard: None, privacy: None, body, raw }
    }

    pub(crate) fn receipt(&mut self, message: Uuid, receipt: Receipt, at: Timestamp) -> GatewayRecord {
        self.record(GatewayBody::Receipt { message, receipt }, at)
    }

    pub(crate) fn heard(&mut self, text: InboundText, at: Timestamp) -> GatewayRecord {
        self.record(GatewayBody::Text(text), at)
    }

    pub(crate) fn rejected(&mut self, code: &str) -> GatewayRecord {
        let note = Note { code: code.to_owned(), field: "text".to_owned(), detail: "it is so".to_owned() };
        self.record(GatewayBody::Rejected(note), seconds(0))
    }
}

/// Returns a direct message to the roof's radio.
pub(crate) fn direct(id: u128, from: NodeId, packet: u32, words: &str) -> InboundText {
    InboundText {
        id: Uuid::from_u128(id),
        from,
        to: RADIO,
        packet_id: PacketId(packet),
        to_bridge: true,
        over_lora: true,
        text: words.to_owned(),
        reply_to: None,
        reaction: false,
        stored: false,
        channel: None,
    }
}

/// Returns the text as an answer to a packet.
pub(crate) fn answering(text: InboundText, packet: u32) -> InboundText {
    InboundText { reply_to: Some(PacketId(packet)), ..text }
}
