//! Who may write what to whom, how often, and that nothing is charged or stored of what was refused.

use crate::{
    outbound::{ANA, BEN, HUT, LAKE, accept, join, keyed, learn, message, seconds, text, used},
    stores::at,
};
use kosmo_domain::{Allowance, Charge, DAY, Fact, Facts, NotAllowed, NotSent, Period, Plan, Status};
use kosmo_store::{
    Store,
    messages::{AcceptError, NewMessage, OFFER_JOB, PageFrom},
};
use std::time::Duration;
use uuid::Uuid;

/// Says that nothing of a refused text is there.
async fn assert_untouched(store: &Store, id: u128) {
    assert_eq!(used(store).await, (0, 0));
    assert_eq!(store.message(ANA, Uuid::from_u128(id)).await.unwrap(), None);
    assert!(store.conversations(ANA, None, 10).await.unwrap().is_empty());
    assert!(store.jobs(false, None, 10).await.unwrap().is_empty());
    assert!(store.member_events(ANA, 0, 10).await.unwrap().is_empty());
}

/// Uses up a wanderer's quota but for so many texts.
async fn leave(store: &Store, left: u128) {
    for id in 0..50 - left {
        accept(store, &text(1000 + id, "x")).await.unwrap();
    }
}

store_test! {
    async fn a_text_is_stored_charged_and_on_its_way_at_once(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let accepted = accept(&store, &text(1, "hello mesh")).await.unwrap();
        assert_eq!((accepted.id, accepted.node, accepted.created_at, accepted.repeated), (Uuid::from_u128(1), HUT, seconds(0), false));

        let row = message(&store, accepted.id).await;
        assert_eq!((row.text.as_str(), row.air_text.as_str()), ("hello mesh", "ana: hello mesh"));
        assert_eq!((row.status, row.charge, &row.facts), (Status::Pending, Charge::Reserved, &Facts::default()));
        assert_eq!((row.seq, row.deadline, row.reply_to, row.waiting), (accepted.seq, accepted.deadline, None, None));
        assert_eq!(used(&store).await, (1, 0));
        let jobs = store.jobs(false, None, 10).await.unwrap();
        assert_eq!((jobs.len(), jobs[0].kind.as_str()), (1, OFFER_JOB));
        assert!(jobs[0].payload.contains(&accepted.id.to_string()), "{}", jobs[0].payload);
        assert_eq!(store.timeline(ANA, accepted.id).await.unwrap().unwrap().len(), 1);
        assert!(!format!("{row:?} {:?}", text(1, "hello mesh")).contains("hello"), "texts stand in no log");
    }

    async fn a_plan_that_sends_nothing_sends_nothing(store: Store) {
        join(&store, ANA, "ana", Plan::Free).await;
        let refused = accept(&store, &text(1, "hello")).await;
        assert!(matches!(refused, Err(AcceptError::NotAllowed(NotAllowed::PlanSendsNothing(Plan::Free)))), "{refused:?}");
        assert_untouched(&store, 1).await;
    }

    async fn nobody_writes_without_being_a_member(store: Store) {
        let refused = accept(&store, &text(1, "hello")).await;
        assert!(matches!(refused, Err(AcceptError::UnknownUser)), "{refused:?}");
    }

    async fn a_guardian_writes_to_the_list_and_the_groups(store: Store) {
        join(&store, ANA, "ana", Plan::Guardian).await;
        let valley = "valley".parse().unwrap();
        store.add_to_group(&valley, LAKE).await.unwrap();
        let to_lake = |id| NewMessage { node: LAKE, ..text(id, "hello") };
        for refused in [accept(&store, &text(1, "hello")).await, accept(&store, &to_lake(1)).await] {
            assert!(matches!(refused, Err(AcceptError::NotAllowed(NotAllowed::NodeNotListed { .. }))), "{refused:?}");
        }
        assert_untouched(&store, 1).await;

        store.list_node(ANA, HUT).await.unwrap();
        accept(&store, &text(1, "hello")).await.unwrap();
        assert!(accept(&store, &to_lake(2)).await.is_err());
        store.give_group(ANA, &valley).await.unwrap();
        accept(&store, &to_lake(2)).await.unwrap();
    }

    async fn the_quota_ends_and_comes_back_with_the_next_period(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        leave(&store, 0).await;
        let refused = accept(&store, &text(1, "one too many")).await;
        let resets = at("2026-07-01T00:00:00Z");
        assert!(matches!(refused, Err(AcceptError::QuotaExhausted { limit: 50, resets_at }) if resets_at == resets), "{refused:?}");
        assert_eq!(used(&store).await, (50, 0));
        assert_eq!(store.message(ANA, Uuid::from_u128(1)).await.unwrap(), None);

        store.accept_message(&text(1, "in July"), resets).await.unwrap();
        let quota = store.quota(ANA, resets).await.unwrap().unwrap();
        assert_eq!((quota.used(), quota.left(), quota.period.start), (1, Some(49), resets));
    }

    async fn the_plan_is_asked_before_the_quota(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        leave(&store, 0).await;
        store.set_plan(ANA, Plan::Free, at("2026-01-01T00:00:00Z")).await.unwrap();
        let refused = accept(&store, &text(1, "hello")).await;
        assert!(matches!(refused, Err(AcceptError::NotAllowed(_))), "{refused:?}");
    }

    async fn no_limit_counts_all_the_same(store: Store) {
        join(&store, ANA, "ana", Plan::Sanctuary).await;
        for id in 0..60 {
            accept(&store, &text(id, "x")).await.unwrap();
        }
        let quota = store.quota(ANA, seconds(0)).await.unwrap().unwrap();
        assert_eq!((quota.used(), quota.allowance, quota.left()), (60, Allowance::Unlimited, None));
        let period = Period { start: at("2026-06-01T00:00:00Z"), end: at("2026-07-01T00:00:00Z") };
        assert_eq!((quota.plan, quota.period), (Plan::Sanctuary, period));
        assert_eq!(store.quota(BEN, seconds(0)).await.unwrap(), None);
    }

    async fn of_two_hundred_at_once_with_one_left_one_is_accepted(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        leave(&store, 1).await;
        let posts: Vec<_> = (0..200).map(|id| { let store = store.clone(); tokio::spawn(async move { accept(&store, &text(id, "me")).await }) }).collect();
        let (mut accepted, mut exhausted) = (0, 0);
        for post in posts {
            match post.await.unwrap() {
                Ok(_) => accepted += 1,
                Err(AcceptError::QuotaExhausted { limit: 50, .. }) => exhausted += 1,
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!((accepted, exhausted), (1, 199));
        assert_eq!(used(&store).await, (50, 0));
    }

    async fn the_first_texts_of_a_period_at_once_are_all_counted(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let posts: Vec<_> = (0..20).map(|id| { let store = store.clone(); tokio::spawn(async move { accept(&store, &text(id, "me")).await }) }).collect();
        let mut seqs = Vec::new();
        for post in posts {
            seqs.push(post.await.unwrap().unwrap().seq);
        }
        seqs.sort_unstable();
        assert_eq!(seqs, (1..=20).collect::<Vec<_>>(), "events are numbered without a gap");
        assert_eq!(used(&store).await, (20, 0));
    }

    async fn a_repeated_request_is_answered_again_and_not_charged(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let first = accept(&store, &keyed(text(1, "hello"), "k", 1)).await.unwrap();
        let again = store.accept_message(&keyed(text(2, "hello"), "k", 1), seconds(60)).await.unwrap();
        assert!(again.repeated);
        assert_eq!((again.id, again.created_at, again.deadline), (first.id, first.created_at, first.deadline));
        assert_eq!(used(&store).await, (1, 0));
        assert_eq!(store.conversation(ANA, HUT, PageFrom::After(0), 10).await.unwrap().len(), 1);

        let refused = accept(&store, &keyed(text(3, "bye"), "k", 2)).await;
        assert!(matches!(refused, Err(AcceptError::KeyReused)), "{refused:?}");
        assert_eq!(used(&store).await, (1, 0));

        join(&store, BEN, "ben", Plan::Wanderer).await;
        accept(&store, &keyed(NewMessage { user: BEN, ..text(4, "bye") }, "k", 2)).await.unwrap();
    }

    async fn a_request_is_answered_again_whatever_became_of_plan_and_quota(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let first = accept(&store, &keyed(text(1, "hello"), "k", 1)).await.unwrap();
        leave(&store, 1).await;
        assert_eq!(accept(&store, &keyed(text(2, "hello"), "k", 1)).await.unwrap().id, first.id);
        store.set_plan(ANA, Plan::Free, seconds(0)).await.unwrap();
        assert_eq!(accept(&store, &keyed(text(2, "hello"), "k", 1)).await.unwrap().id, first.id);
    }

    async fn a_key_is_forgotten_after_a_day(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        accept(&store, &keyed(text(1, "hello"), "k", 1)).await.unwrap();
        let just_before = seconds(0).plus(DAY.saturating_sub(Duration::from_micros(1)));
        assert!(store.accept_message(&keyed(text(2, "hello"), "k", 1), just_before).await.unwrap().repeated);
        let fresh = store.accept_message(&keyed(text(2, "bye"), "k", 2), seconds(0).plus(DAY)).await.unwrap();
        assert_eq!((fresh.id, fresh.repeated), (Uuid::from_u128(2), false));
    }

    async fn of_a_request_sent_many_times_at_once_one_is_stored(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let posts: Vec<_> = (0..20).map(|id| { let store = store.clone(); tokio::spawn(async move { accept(&store, &keyed(text(id, "me"), "k", 1)).await }) }).collect();
        let mut ids = std::collections::BTreeSet::new();
        for post in posts {
            ids.insert(post.await.unwrap().unwrap().id);
        }
        assert_eq!((ids.len(), used(&store).await), (1, (1, 0)));
    }

    async fn what_was_refused_takes_no_key(store: Store) {
        join(&store, ANA, "ana", Plan::Free).await;
        assert!(accept(&store, &keyed(text(1, "hello"), "k", 1)).await.is_err());
        store.set_plan(ANA, Plan::Wanderer, seconds(0)).await.unwrap();
        assert!(!accept(&store, &keyed(text(2, "other"), "k", 2)).await.unwrap().repeated);
    }

    async fn absurd_input_is_an_error_and_no_panic(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        for absurd in [text(1, &"x".repeat(1_000_000)), keyed(text(1, "x"), &"k".repeat(300), 1)] {
            assert!(matches!(accept(&store, &absurd).await, Err(AcceptError::Store(_))));
        }
        assert_untouched(&store, 1).await;
        accept(&store, &text(2, "nul \0 and ünïcödé")).await.unwrap();
        assert_eq!(message(&store, Uuid::from_u128(2)).await.text, "nul   and ünïcödé");
        let absurd = accept(&store, &keyed(text(3, "x"), "\0", 1)).await.unwrap();
        assert!(accept(&store, &keyed(text(4, "x"), "\0", 1)).await.unwrap().id == absurd.id);
    }

    async fn what_was_not_sent_comes_back_to_the_period_it_came_from(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let june = accept(&store, &text(1, "hello")).await.unwrap();
        let in_july = at("2026-07-02T00:00:00Z");
        store.accept_message(&text(2, "hello"), in_july).await.unwrap();
        let change = learn(&store, june.id, Fact::NotSent(NotSent::Expired), in_july).await;
        assert_eq!((change.before, change.after, change.charge), (Status::Pending, Status::Expired, Charge::Released));
        assert_eq!(used(&store).await, (0, 0));
        assert_eq!(store.quota(ANA, in_july).await.unwrap().unwrap().reserved, 1);
    }
}
