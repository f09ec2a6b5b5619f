//! Which bridge gets a text, what is offered again, and what becomes of texts that nobody took or told of.

use crate::outbound::{ANA, TTL, accept, bridge, granted, join, learn, message, seconds, text, used};
use kosmo_domain::{Charge, Fact, NotSent, Plan, Status};
use kosmo_store::{
    Store,
    messages::{Grant, NewMessage, OFFER_EVERY, SETTLE_AFTER},
};
use std::time::Duration;
use uuid::Uuid;

async fn offered(store: &Store, second: u64) -> Vec<u128> {
    store.messages_to_offer(seconds(second), 100).await.unwrap().iter().map(|message| message.id.as_u128()).collect()
}

async fn claim(store: &Store, id: Uuid, name: &str, second: u64) -> Grant {
    store.grant(id, &bridge(name), seconds(second)).await.unwrap()
}

store_test! {
    async fn one_bridge_gets_a_text_for_good(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let id = accept(&store, &text(1, "hello")).await.unwrap().id;
        let Grant::Granted(change) = claim(&store, id, "roof", 5).await else { panic!("it was free") };
        assert_eq!((change.before, change.after), (Status::Pending, Status::Queued));
        assert_eq!(claim(&store, id, "cellar", 6).await, Grant::Taken);
        assert_eq!(claim(&store, id, "roof", 7).await, Grant::AlreadyYours);
        assert_eq!(claim(&store, Uuid::from_u128(9), "roof", 7).await, Grant::Unknown);
        assert_eq!(message(&store, id).await.facts.granted, Some((seconds(5), bridge("roof"))));
        assert_eq!(store.timeline(ANA, id).await.unwrap().unwrap().len(), 2);
    }

    async fn of_many_bridges_at_once_one_gets_it(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let id = accept(&store, &text(1, "hello")).await.unwrap().id;
        let claims: Vec<_> = (0..16).map(|n| { let store = store.clone(); tokio::spawn(async move { claim(&store, id, &format!("b{n}"), 5).await }) }).collect();
        let mut grants = Vec::new();
        for claim in claims {
            grants.push(claim.await.unwrap());
        }
        assert_eq!(grants.iter().filter(|grant| matches!(grant, Grant::Granted(_))).count(), 1);
        assert_eq!(grants.iter().filter(|grant| **grant == Grant::Taken).count(), 15);
    }

    async fn after_its_time_a_text_is_nobodys(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let id = accept(&store, &text(1, "hello")).await.unwrap().id;
        assert_eq!(claim(&store, id, "roof", TTL.as_secs()).await, Grant::Expired);
        assert!(matches!(claim(&store, id, "roof", TTL.as_secs() - 1).await, Grant::Granted(_)));
    }

    async fn a_bridge_does_not_get_back_what_it_gave_up(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        for (id, fact) in [(1, Fact::NotSent(NotSent::Expired)), (2, Fact::Unknown)] {
            let id = granted(&store, id).await;
            learn(&store, id, fact, seconds(10)).await;
            assert_eq!(claim(&store, id, "roof", 11).await, Grant::Expired);
        }
    }

    async fn a_text_that_nobody_takes_is_offered_again_and_again(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        for id in 1..=3 {
            store.accept_message(&text(id, "hello"), seconds(u64::try_from(id).unwrap())).await.unwrap();
        }
        let every = OFFER_EVERY.as_secs();
        assert!(offered(&store, every).await.is_empty(), "the job offers it first");
        assert_eq!(store.next_offer_due().await.unwrap(), Some(seconds(1 + every)));
        assert_eq!(offered(&store, 2 + every).await, [1, 2]);
        assert_eq!(offered(&store, 3 + every).await, [3]);
        assert!(offered(&store, 3 + every).await.is_empty());
        assert_eq!(store.hasten_offers(seconds(4 + every)).await.unwrap(), 3);
        assert_eq!(offered(&store, 4 + every).await, [1, 2, 3]);

        claim(&store, Uuid::from_u128(1), "roof", 30).await;
        learn(&store, Uuid::from_u128(2), Fact::NotSent(NotSent::TooLarge), seconds(30)).await;
        learn(&store, Uuid::from_u128(3), Fact::Offered, seconds(30)).await;
        assert_eq!(offered(&store, 4 + 2 * every).await, [3]);
        for (id, open) in [(1, false), (2, false), (3, true)] {
            assert_eq!(store.message_to_offer(Uuid::from_u128(id), seconds(60)).await.unwrap().is_some(), open, "{id}");
        }
        assert!(offered(&store, TTL.as_secs()).await.is_empty());
        assert_eq!(store.message_to_offer(Uuid::from_u128(3), seconds(TTL.as_secs())).await.unwrap(), None);
    }

    async fn offers_are_limited_the_longest_due_first(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        for id in 1..=3 {
            store.accept_message(&text(id, "hello"), seconds(u64::try_from(id).unwrap())).await.unwrap();
        }
        let due = store.messages_to_offer(seconds(100), 2).await.unwrap();
        assert_eq!(due.iter().map(|message| message.id.as_u128()).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(offered(&store, 100).await, [3]);
    }

    async fn what_was_never_granted_is_given_back_once(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        granted(&store, 1).await;
        for id in 2..=4 {
            accept(&store, &text(id, "hello")).await.unwrap();
        }
        let late = NewMessage { deadline: seconds(10_000), ..text(5, "later") };
        accept(&store, &late).await.unwrap();
        assert!(store.expire_never_granted(seconds(TTL.as_secs() - 1), 100).await.unwrap().is_empty());
        let now = seconds(TTL.as_secs());
        let changes = store.expire_never_granted(now, 2).await.unwrap();
        assert_eq!(changes.len(), 2);
        assert!(changes.iter().all(|change| change.after == Status::Expired && change.charge == Charge::Released));
        assert_eq!(store.expire_never_granted(now, 100).await.unwrap().len(), 1);
        assert!(store.expire_never_granted(now, 100).await.unwrap().is_empty());
        assert_eq!(used(&store).await, (2, 0));
        assert_eq!(message(&store, Uuid::from_u128(2)).await.facts.not_sent, Some((now, NotSent::NeverGranted)));
    }

    async fn a_bridge_that_fell_silent_leaves_it_unknown(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        for id in 1..=3 {
            granted(&store, id).await;
        }
        accept(&store, &text(4, "never granted")).await.unwrap();
        learn(&store, Uuid::from_u128(2), Fact::Transmitted, seconds(10)).await;
        let over = seconds(0).plus(TTL).plus(SETTLE_AFTER);
        assert!(store.settle_vanished(over.minus(Duration::from_secs(1)), 100).await.unwrap().is_empty());
        assert_eq!(store.settle_vanished(over, 1).await.unwrap().len(), 1);
        let changes = store.settle_vanished(over, 100).await.unwrap();
        assert_eq!((changes.len(), changes[0].after, changes[0].charge), (1, Status::Expired, Charge::Reserved));
        assert!(store.settle_vanished(over, 100).await.unwrap().is_empty());
        assert_eq!(used(&store).await, (3, 1));
    }
}
