//! What bridges tell of texts: each record takes effect once, and only the holder's counts.

use crate::{
    outbound::{ANA, HUT, LAKE, Outbox, RADIO, WINDOW, accept, commit, granted, handed_over, join, learn, message, seconds, text, used},
    stores,
};
use kosmo_domain::{DeliveryEvidence, Fact, NotSent, PacketId, Plan, RefusedBy, Status};
use kosmo_store::{
    Store,
    ingest::{Note, SEQ_TOO_LARGE, TOO_MANY_GAPS},
    messages::{
        Effect, GatewayOutcome, GatewayRecord, Grant, Happening, NOT_DESTINATION, NOT_GRANTED, Receipt, UNKNOWN_MESSAGE, WaitReason,
    },
    rejects::RejectFilter,
};
use uuid::Uuid;

const KNOWN: GatewayOutcome = GatewayOutcome::Committed(Effect::Known);

fn refused(code: &str) -> GatewayOutcome {
    GatewayOutcome::Rejected { code: code.to_owned() }
}

async fn one(store: &Store, record: GatewayRecord) -> GatewayOutcome {
    commit(store, &[record]).await.remove(0)
}

async fn replay(store: &Store, record: &GatewayRecord, received_at: u64) -> Result<Effect, Note> {
    store.replay_gateway_record(record, seconds(received_at), WINDOW, seconds(60)).await.unwrap()
}

fn grant(outcome: &GatewayOutcome) -> Option<Grant> {
    match outcome {
        GatewayOutcome::Committed(Effect::Claim { grant, .. }) => Some(*grant),
        GatewayOutcome::Committed(_) | GatewayOutcome::Rejected { .. } => None,
    }
}

store_test! {
    async fn a_text_goes_all_the_way_in_one_batch(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let id = accept(&store, &text(1, "hello")).await.unwrap().id;
        let mut roof = Outbox::of("roof");
        let told = [
            Receipt::Claimed,
            Receipt::Waiting(WaitReason::Turn),
            Receipt::HandedOver { attempt: 0, packet_id: PacketId(77), radio: RADIO },
            Receipt::Transmitted,
            Receipt::Relayed,
            Receipt::Acknowledged { by: HUT, proven: true },
        ];
        let batch: Vec<_> = (1..).zip(told).map(|(second, receipt)| roof.receipt(id, receipt, seconds(second))).collect();
        let outcomes = commit(&store, &batch).await;
        assert!(matches!(grant(&outcomes[0]), Some(Grant::Granted(_))));
        assert_eq!(outcomes[1], GatewayOutcome::Committed(Effect::Waits { message: id }));
        assert!(outcomes.iter().all(|outcome| matches!(outcome, GatewayOutcome::Committed(_))), "{outcomes:?}");
        let row = message(&store, id).await;
        assert_eq!((row.status, row.facts.delivered), (Status::Delivered, Some((DeliveryEvidence::AckProven, seconds(6)))));
        assert_eq!(used(&store).await, (0, 1));
        let timeline = store.timeline(ANA, id).await.unwrap().unwrap();
        let Happening::Attempt(packet) = &timeline[1].what else { panic!("{timeline:?}") };
        assert_eq!((packet.attempt, packet.packet_id, packet.radio, packet.bridge.as_str()), (0, PacketId(77), RADIO, "roof"));
    }

    async fn a_record_takes_effect_once(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let id = granted(&store, 1).await;
        let mut roof = Outbox::of("roof");
        let record = roof.receipt(id, Receipt::NotSent(NotSent::Expired), seconds(5));
        let batch = [record.clone(), record];
        let outcomes = commit(&store, &batch).await;
        assert!(matches!(outcomes[0], GatewayOutcome::Committed(Effect::Changed(change)) if change.news));
        assert_eq!(outcomes[1], KNOWN);
        assert_eq!(commit(&store, &batch).await, [KNOWN, KNOWN]);
        assert_eq!(used(&store).await, (0, 0));
    }

    async fn a_claim_that_is_sent_again_is_answered_again(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let id = accept(&store, &text(1, "hello")).await.unwrap().id;
        let (mut roof, mut cellar) = (Outbox::of("roof"), Outbox::of("cellar"));
        let (ours, theirs) = (roof.receipt(id, Receipt::Claimed, seconds(1)), cellar.receipt(id, Receipt::Claimed, seconds(1)));
        let outcomes = commit(&store, &[ours.clone(), theirs.clone(), ours, theirs, roof.receipt(id, Receipt::Claimed, seconds(11))]).await;
        let grants: Vec<_> = outcomes.iter().map(|outcome| grant(outcome).unwrap()).collect();
        assert!(matches!(grants[0], Grant::Granted(_)) && grants[0].is_yes());
        assert_eq!(grants[1..], [Grant::Taken, Grant::AlreadyYours, Grant::Taken, Grant::AlreadyYours]);
        let unknown = one(&store, roof.receipt(Uuid::from_u128(9), Receipt::Claimed, seconds(1))).await;
        assert_eq!(grant(&unknown), Some(Grant::Unknown));
    }

    async fn only_the_holder_is_believed(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let id = granted(&store, 1).await;
        let free = accept(&store, &text(2, "nobody's yet")).await.unwrap().id;
        let (mut roof, mut cellar) = (Outbox::of("roof"), Outbox::of("cellar"));
        let receipt = |outbox: &mut Outbox, id| outbox.receipt(id, Receipt::Acknowledged { by: HUT, proven: true }, seconds(5));
        assert_eq!(one(&store, receipt(&mut cellar, id)).await, refused(NOT_GRANTED));
        assert_eq!(one(&store, receipt(&mut roof, free)).await, refused(NOT_GRANTED));
        assert_eq!(one(&store, receipt(&mut roof, Uuid::from_u128(9))).await, refused(UNKNOWN_MESSAGE));
        assert_eq!(one(&store, cellar.receipt(id, Receipt::NotSent(NotSent::Expired), seconds(6))).await, refused(NOT_GRANTED));
        assert_eq!((message(&store, id).await.status, message(&store, free).await.status), (Status::Queued, Status::Pending));
        assert_eq!(used(&store).await, (2, 0));

        let counts: Vec<_> = store.reject_counts().await.unwrap().into_iter().map(|count| (count.code, count.total)).collect();
        assert_eq!(counts, [(NOT_GRANTED.to_owned(), 3), (UNKNOWN_MESSAGE.to_owned(), 1)]);
        let row = store.rejects(&RejectFilter::default(), None, 1).await.unwrap().remove(0);
        assert_eq!((row.payload.as_slice(), row.topic.as_str(), row.whole), (&b"record 2"[..], "kosmo/mesh/receipt/cellar", true));
    }

    async fn only_the_destination_can_confirm(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let (mut roof, id) = (Outbox::of("roof"), granted(&store, 1).await);
        for by in [LAKE, RADIO] {
            assert_eq!(one(&store, roof.receipt(id, Receipt::Acknowledged { by, proven: true }, seconds(5))).await, refused(NOT_DESTINATION));
        }
        assert_eq!(message(&store, id).await.status, Status::Queued);
    }

    async fn a_replay_takes_effect_though_the_spool_is_through_with_the_record(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let (mut roof, id) = (Outbox::of("roof"), granted(&store, 1).await);
        one(&store, roof.rejected("invalid_field")).await;
        let understood = Outbox::of("roof").receipt(id, Receipt::NotSent(NotSent::Expired), seconds(5));
        assert_eq!(one(&store, understood.clone()).await, KNOWN);
        assert!(matches!(replay(&store, &understood, 5).await, Ok(Effect::Changed(change)) if change.news));
        assert!(matches!(replay(&store, &understood, 5).await, Ok(Effect::Changed(change)) if !change.news), "it is known");
        assert_eq!((message(&store, id).await.status, used(&store).await), (Status::Expired, (0, 0)));
    }

    async fn a_replay_grants_nothing_and_believes_nothing_told_before_the_grant(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let free = accept(&store, &text(2, "nobody's yet")).await.unwrap().id;
        let (mut roof, mut cellar, id) = (Outbox::of("roof"), Outbox::of("cellar"), granted(&store, 1).await);
        let claim = roof.receipt(free, Receipt::Claimed, seconds(0));
        let early = roof.receipt(id, Receipt::Transmitted, seconds(0));
        let others = cellar.receipt(id, Receipt::Transmitted, seconds(5));
        for (record, received_at) in [(claim, 5), (early, 0), (others, 5)] {
            assert_eq!(replay(&store, &record, received_at).await.unwrap_err().code, NOT_GRANTED);
        }
        assert_eq!((message(&store, id).await.status, message(&store, free).await.status), (Status::Queued, Status::Pending));
        assert_eq!(message(&store, free).await.facts.granted, None);
        assert!(store.reject_counts().await.unwrap().is_empty(), "what is refused again stays the reject it was");
    }

    async fn a_text_says_what_it_waits_for_while_it_waits(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let (mut roof, id) = (Outbox::of("roof"), granted(&store, 1).await);
        one(&store, roof.receipt(id, Receipt::Waiting(WaitReason::Radio), seconds(5))).await;
        one(&store, roof.receipt(id, Receipt::Waiting(WaitReason::Turn), seconds(4))).await;
        assert_eq!(message(&store, id).await.waiting, Some((WaitReason::Radio, seconds(5))));
        let events = store.member_events(ANA, 0, 100).await.unwrap().len();
        one(&store, roof.receipt(id, Receipt::Waiting(WaitReason::Radio), seconds(6))).await;
        assert_eq!(store.member_events(ANA, 0, 100).await.unwrap().len(), events, "the same again is no news");
        one(&store, roof.receipt(id, Receipt::HandedOver { attempt: 0, packet_id: PacketId(7), radio: RADIO }, seconds(7))).await;
        assert_eq!(message(&store, id).await.waiting, None);
        one(&store, roof.receipt(id, Receipt::Waiting(WaitReason::Turn), seconds(6))).await;
        assert_eq!(message(&store, id).await.waiting, None, "that was before");
        one(&store, roof.receipt(id, Receipt::Waiting(WaitReason::DutyCycle), seconds(8))).await;
        assert_eq!(message(&store, id).await.waiting, Some((WaitReason::DutyCycle, seconds(8))), "the radio sent nothing, and it waits again");
        one(&store, roof.receipt(id, Receipt::Transmitted, seconds(9))).await;
        assert_eq!(message(&store, id).await.waiting, None);
    }

    async fn each_attempt_stands_in_the_timeline(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let mut roof = Outbox::of("roof");
        let id = handed_over(&store, &mut roof, 1, 70).await;
        let events = store.member_events(ANA, 0, 100).await.unwrap().len();
        for _ in 0..2 {
            one(&store, roof.receipt(id, Receipt::HandedOver { attempt: 1, packet_id: PacketId(71), radio: RADIO }, seconds(9))).await;
        }
        assert_eq!(store.member_events(ANA, 0, 100).await.unwrap().len(), events + 1);
        let timeline = store.timeline(ANA, id).await.unwrap().unwrap();
        let packets: Vec<_> = timeline.iter().filter_map(|entry| match &entry.what {
            Happening::Attempt(packet) => Some((packet.attempt, packet.packet_id.0, entry.at)),
            Happening::Accepted | Happening::Fact(_) => None,
        }).collect();
        assert_eq!(packets, [(0, 70, seconds(2)), (1, 71, seconds(9))]);
        assert!(!timeline.iter().any(|entry| entry.what == Happening::Fact(Fact::HandedOver)));
    }

    async fn receipts_come_in_any_order(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let (mut roof, id) = (Outbox::of("roof"), granted(&store, 1).await);
        let mut batch = vec![
            roof.receipt(id, Receipt::HandedOver { attempt: 0, packet_id: PacketId(7), radio: RADIO }, seconds(5)),
            roof.receipt(id, Receipt::Transmitted, seconds(6)),
            roof.receipt(id, Receipt::Refused { code: 5, by: RADIO }, seconds(22)),
            roof.receipt(id, Receipt::Acknowledged { by: HUT, proven: false }, seconds(200)),
        ];
        batch.reverse();
        commit(&store, &batch).await;
        let row = message(&store, id).await;
        assert_eq!((row.status, row.facts.handed_over_at, row.facts.refused), (Status::Delivered, Some(seconds(5)), Some((seconds(22), 5, RefusedBy::Radio))));
    }

    async fn late_truth_after_silence_is_taken(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let (mut roof, id) = (Outbox::of("roof"), granted(&store, 1).await);
        learn(&store, id, Fact::Unknown, seconds(9_000)).await;
        one(&store, roof.receipt(id, Receipt::Acknowledged { by: HUT, proven: false }, seconds(20))).await;
        assert_eq!(message(&store, id).await.status, Status::Delivered);
    }

    async fn what_cannot_be_used_is_kept_with_the_reason(store: Store) {
        let mut roof = Outbox::of("roof");
        let record = roof.rejected("text_too_long");
        assert_eq!(one(&store, record.clone()).await, refused("text_too_long"));
        assert_eq!(one(&store, record).await, KNOWN);
        let mut absurd = roof.rejected("whatever");
        absurd.origin.seq = u64::MAX;
        assert_eq!(one(&store, absurd).await, refused(SEQ_TOO_LARGE));
        let rows = store.rejects(&RejectFilter::default(), None, 10).await.unwrap();
        assert_eq!(rows.iter().map(|row| (row.code.as_str(), row.field.as_str())).collect::<Vec<_>>(), [(SEQ_TOO_LARGE, ""), ("text_too_long", "text")]);
    }

    async fn a_stream_full_of_holes_is_refused(store: Store) {
        let mut roof = Outbox::of("roof");
        let batch: Vec<_> = (0..2_001_u64).map(|n| { let mut record = roof.rejected("x"); record.origin.seq = 2 * n + 1; record }).collect();
        let outcomes = commit(&store, &batch).await;
        assert_eq!(outcomes[2_000], refused(TOO_MANY_GAPS));
    }

    async fn a_batch_of_many_bridges_and_members_deadlocks_with_none(store: Store) {
        for member in 1..=4_u128 {
            join(&store, Uuid::from_u128(member), &format!("m{member}"), Plan::Sanctuary).await;
        }
        let mut ids = Vec::new();
        for id in 1..=24_u128 {
            let new = kosmo_store::messages::NewMessage { user: Uuid::from_u128(id % 4 + 1), ..text(100 + id, "hello") };
            ids.push(accept(&store, &new).await.unwrap().id);
        }
        let batches: Vec<_> = (0..6).map(|n| {
            let mut outbox = Outbox::of(&format!("b{n}"));
            let mut ids = ids.clone();
            ids.rotate_left(n * 4);
            let batch: Vec<_> = ids.iter().flat_map(|id| [outbox.receipt(*id, Receipt::Claimed, seconds(1)), outbox.receipt(*id, Receipt::Transmitted, seconds(2))]).collect();
            let store = store.clone();
            tokio::spawn(async move { commit(&store, &batch).await })
        }).collect();
        let mut granted = 0;
        for batch in batches {
            granted += batch.await.unwrap().iter().filter(|outcome| matches!(grant(outcome), Some(Grant::Granted(_)))).count();
        }
        assert_eq!(granted, 24);
    }
}

/// The database refuses one record of a batch for reasons of its own: that one becomes a reject, the others are stored.
#[tokio::test]
async fn a_record_that_the_database_refuses_holds_up_no_other() {
    let fixture = stores::sqlite().await;
    let store = &fixture.store;
    join(store, ANA, "ana", Plan::Wanderer).await;
    let mut roof = Outbox::of("roof");
    let (first, second) = (granted(store, 1).await, granted(store, 2).await);
    fixture
        .execute("create trigger no_relays before update on messages when new.relayed_at is not null begin select raise(abort, 'no'); end")
        .await;
    let batch = [roof.receipt(first, Receipt::Relayed, seconds(5)), roof.receipt(second, Receipt::Transmitted, seconds(5))];
    let outcomes = commit(store, &batch).await;
    assert_eq!(outcomes[0], refused(kosmo_store::ingest::NOT_STORABLE));
    assert!(matches!(outcomes[1], GatewayOutcome::Committed(Effect::Changed(_))));
    assert_eq!(commit(store, &batch).await, [KNOWN, KNOWN]);
}
