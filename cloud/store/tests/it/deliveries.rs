//! What becomes known of a text, in any order, and what follows from it.

use crate::outbound::{ANA, BEN, accept, bridge, join, learn, message, seconds, text, used};
use kosmo_domain::{Charge, DeliveryEvidence, Fact, NotSent, Plan, RefusedBy, Status};
use kosmo_store::{
    Store,
    messages::{EventKind, Happening, Teller},
};
use uuid::Uuid;

/// Returns a text of Ana's that was accepted.
async fn accepted(store: &Store) -> Uuid {
    join(store, ANA, "ana", Plan::Wanderer).await;
    accept(store, &text(1, "hello")).await.unwrap().id
}

async fn happenings(store: &Store, id: Uuid) -> Vec<Happening> {
    store.timeline(ANA, id).await.unwrap().unwrap().into_iter().map(|entry| entry.what).collect()
}

async fn count_events(store: &Store) -> usize {
    store.member_events(ANA, 0, 100).await.unwrap().len()
}

store_test! {
    async fn a_text_moves_as_its_evidence_comes_in(store: Store) {
        let id = accepted(&store).await;
        let steps = [
            (Fact::Offered, Status::Queued, Charge::Reserved),
            (Fact::HandedOver, Status::Queued, Charge::Reserved),
            (Fact::Transmitted, Status::Transmitted, Charge::Committed),
            (Fact::Relayed, Status::Transmitted, Charge::Committed),
            (Fact::Delivered(DeliveryEvidence::Ack), Status::Delivered, Charge::Committed),
            (Fact::Answered, Status::Delivered, Charge::Committed),
        ];
        let mut before = Status::Pending;
        for (second, (fact, status, charge)) in (1..).zip(steps) {
            let change = learn(&store, id, fact, seconds(second)).await;
            assert_eq!((change.before, change.after, change.charge, change.news), (before, status, charge, true));
            let row = message(&store, id).await;
            assert_eq!((row.status, row.facts.status(), row.charge), (status, status, charge));
            before = status;
        }
        assert_eq!(used(&store).await, (0, 1));
        assert_eq!(message(&store, id).await.facts.delivered, Some((DeliveryEvidence::Ack, seconds(5))));
    }

    async fn the_timeline_tells_each_thing_once_with_who_said_so(store: Store) {
        let id = accepted(&store).await;
        let roof = Teller::Bridge(bridge("roof"));
        for facts in [&[(Fact::Transmitted, seconds(9)), (Fact::HandedOver, seconds(8))][..], &[(Fact::Transmitted, seconds(9))], &[(Fact::Transmitted, seconds(20))]] {
            store.add_facts(id, facts, &roof, seconds(30)).await.unwrap();
        }
        learn(&store, id, Fact::Offered, seconds(1)).await;
        let entries = store.timeline(ANA, id).await.unwrap().unwrap();
        let told: Vec<_> = entries.iter().map(|entry| (&entry.what, entry.at, &entry.by, entry.recorded_at)).collect();
        let fact = Happening::Fact;
        assert_eq!(told, [
            (&Happening::Accepted, seconds(0), &Teller::Cloud, seconds(0)),
            (&fact(Fact::Offered), seconds(1), &Teller::Cloud, seconds(1)),
            (&fact(Fact::HandedOver), seconds(8), &roof, seconds(30)),
            (&fact(Fact::Transmitted), seconds(9), &roof, seconds(30)),
        ]);
        assert_eq!(store.timeline(BEN, id).await.unwrap(), None, "it is nobody else's");
    }

    async fn an_earlier_time_is_news_and_a_later_one_is_not(store: Store) {
        let id = accepted(&store).await;
        learn(&store, id, Fact::Transmitted, seconds(10)).await;
        let events = count_events(&store).await;
        assert!(!learn(&store, id, Fact::Transmitted, seconds(11)).await.news);
        assert!(!learn(&store, id, Fact::Transmitted, seconds(10)).await.news);
        assert_eq!(count_events(&store).await, events, "nobody is told what they know");
        assert!(learn(&store, id, Fact::Transmitted, seconds(9)).await.news);
        assert_eq!(message(&store, id).await.facts.transmitted_at, Some(seconds(9)));
        assert_eq!(store.timeline(ANA, id).await.unwrap().unwrap()[1].at, seconds(9));
        assert_eq!(used(&store).await, (0, 1));
    }

    async fn late_truth_makes_a_failure_a_delivery(store: Store) {
        let id = accepted(&store).await;
        assert_eq!(learn(&store, id, Fact::Refused { code: 5, by: RefusedBy::Radio }, seconds(22)).await.after, Status::Failed);
        let change = learn(&store, id, Fact::Delivered(DeliveryEvidence::Reply), seconds(200)).await;
        assert_eq!((change.before, change.after), (Status::Failed, Status::Delivered));
        assert_eq!(happenings(&store, id).await[1..], [Happening::Fact(Fact::Refused { code: 5, by: RefusedBy::Radio }), Happening::Fact(Fact::Delivered(DeliveryEvidence::Reply))]);
        assert_eq!(used(&store).await, (0, 1));
    }

    async fn weaker_evidence_stands_in_the_timeline_beside_the_stronger(store: Store) {
        let id = accepted(&store).await;
        learn(&store, id, Fact::Delivered(DeliveryEvidence::Reply), seconds(3)).await;
        assert!(!learn(&store, id, Fact::Delivered(DeliveryEvidence::Ack), seconds(4)).await.news);
        assert_eq!(message(&store, id).await.facts.delivered, Some((DeliveryEvidence::Reply, seconds(3))));
        assert_eq!(happenings(&store, id).await.len(), 3);
    }

    async fn a_bridge_that_never_stops_fills_no_timeline(store: Store) {
        let id = accepted(&store).await;
        let facts: Vec<_> = (0..1_000).map(|code| (Fact::Refused { code, by: RefusedBy::Radio }, seconds(5))).collect();
        store.add_facts(id, &facts, &Teller::Cloud, seconds(5)).await.unwrap();
        assert_eq!(happenings(&store, id).await.len(), 64);
        assert_eq!(learn(&store, id, Fact::Delivered(DeliveryEvidence::Ack), seconds(6)).await.after, Status::Delivered);
    }

    async fn what_came_back_is_not_given_back_again_nor_taken(store: Store) {
        let id = accepted(&store).await;
        assert_eq!(learn(&store, id, Fact::NotSent(NotSent::Expired), seconds(10)).await.charge, Charge::Released);
        learn(&store, id, Fact::NotSent(NotSent::RadioRefused), seconds(11)).await;
        let change = learn(&store, id, Fact::Transmitted, seconds(12)).await;
        assert_eq!(change.charge, Charge::Released);
        assert_eq!(used(&store).await, (0, 0));
    }

    async fn what_may_have_been_sent_stays_counted(store: Store) {
        let id = accepted(&store).await;
        let change = learn(&store, id, Fact::Unknown, seconds(10)).await;
        assert_eq!((change.after, change.charge), (Status::Expired, Charge::Reserved));
        assert_eq!(used(&store).await, (1, 0));
        learn(&store, id, Fact::Delivered(DeliveryEvidence::Ack), seconds(11)).await;
        assert_eq!(used(&store).await, (0, 1));
    }

    async fn a_member_learns_of_each_change_in_order(store: Store) {
        let id = accepted(&store).await;
        learn(&store, id, Fact::Offered, seconds(1)).await;
        learn(&store, id, Fact::Transmitted, seconds(2)).await;
        let events = store.member_events(ANA, 0, 100).await.unwrap();
        let told: Vec<_> = events.iter().map(|event| (event.seq, event.kind, event.subject)).collect();
        assert_eq!(told, [(1, EventKind::MessageAccepted, id), (2, EventKind::MessageChanged, id), (3, EventKind::MessageChanged, id)]);
        assert_eq!(store.member_events(ANA, 2, 100).await.unwrap(), events[2..]);
        assert!(store.member_events(BEN, 0, 100).await.unwrap().is_empty());
    }

    async fn unknown_messages_and_grants_by_the_way_are_none(store: Store) {
        let id = accepted(&store).await;
        let none = store.add_facts(Uuid::from_u128(99), &[(Fact::Offered, seconds(1))], &Teller::Cloud, seconds(1)).await.unwrap();
        assert_eq!(none, None);
        assert!(!learn(&store, id, Fact::Granted(bridge("roof")), seconds(1)).await.news);
        assert_eq!(message(&store, id).await.facts.granted, None);
    }
}
