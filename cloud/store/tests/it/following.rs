//! What is told of what was committed: to whoever follows, in any process, with resume.

use crate::{
    outbound::{ANA, BEN, HUT, Outbox, accept, answering, commit, direct, handed_over, join, learn, seconds, text},
    stores,
};
use kosmo_domain::{DAY, Fact, Plan};
use kosmo_store::{
    Change, Store,
    messages::{Followed, KeepMessages, OwnEvent, PageFrom},
};
use std::time::Duration;
use tokio::time;
use uuid::Uuid;

/// Far longer than anything here takes, and far shorter than a test may.
const PATIENCE: Duration = Duration::from_secs(20);

fn names(followed: &Followed) -> Vec<(i64, &'static str)> {
    let name = |event: &OwnEvent| match event {
        OwnEvent::Message { accepted: true, .. } => "accepted",
        OwnEvent::Message { accepted: false, .. } => "changed",
        OwnEvent::Text(_) => "text",
        OwnEvent::Read(_) => "read",
    };
    followed.events.iter().map(|(seq, event)| (*seq, name(event))).collect()
}

/// Ana writes, is answered, and reads: four events.
async fn story(store: &Store) {
    join(store, ANA, "ana", Plan::Wanderer).await;
    join(store, BEN, "ben", Plan::Wanderer).await;
    accept(store, &text(1, "hello")).await.unwrap();
    learn(store, Uuid::from_u128(1), Fact::Offered, seconds(1)).await;
    let mut roof = Outbox::of("roof");
    commit(store, &[roof.heard(direct(11, HUT, 1, "hi ana"), seconds(30))]).await;
    let said = store.conversation(ANA, HUT, PageFrom::After(0), 10).await.unwrap();
    store.mark_read(ANA, HUT, said[1].seq(), seconds(40)).await.unwrap();
}

/// Waits until another process's change is told.
async fn hears(listener: &Store, what: impl Fn(&Change) -> bool, act: impl AsyncFn()) -> bool {
    let mut changes = listener.changes();
    let hearing = async {
        while let Some(change) = changes.next().await {
            if what(&change) {
                return;
            }
        }
    };
    // The first may come before it is listened to.
    let acting = async {
        loop {
            act().await;
            time::sleep(Duration::from_millis(50)).await;
        }
    };
    time::timeout(PATIENCE, async {
        tokio::select! {
            () = hearing => {}
            () = acting => {}
        }
    })
    .await
    .is_ok()
}

store_test! {
    async fn events_are_told_once_from_wherever_a_client_is(store: Store) {
        story(&store).await;
        let all = store.follow(ANA, 0, 100).await.unwrap();
        assert_eq!(names(&all), [(1, "accepted"), (2, "changed"), (3, "text"), (4, "read")]);
        assert_eq!((all.after, all.reset, all.more), (4, false, false));
        let first = store.follow(ANA, 0, 2).await.unwrap();
        let rest = store.follow(ANA, first.after, 100).await.unwrap();
        assert!(first.more);
        assert_eq!([names(&first), names(&rest)].concat(), names(&all));
        assert_eq!(names(&store.follow(ANA, 4, 100).await.unwrap()), []);
        assert_eq!(names(&store.follow(BEN, 0, 100).await.unwrap()), [], "another member's events are another's");
    }

    async fn a_client_that_was_away_too_long_is_told_to_read_everything_again(store: Store) {
        story(&store).await;
        let keep = KeepMessages { events: DAY, ..KeepMessages::default() };
        store.purge_messages(&keep, seconds(30).plus(DAY * 3), 100).await.unwrap();
        for after in [0, 3, 99] {
            let followed = store.follow(ANA, after, 100).await.unwrap();
            assert!(followed.reset && followed.events.is_empty() && followed.after == 4, "{after}: {followed:?}");
        }
        let followed = store.follow(ANA, 4, 100).await.unwrap();
        assert!(!followed.reset, "nothing was missed");
        accept(&store, &text(2, "still there")).await.unwrap();
        assert_eq!(names(&store.follow(ANA, 4, 100).await.unwrap()), [(5, "accepted")]);
    }

    async fn what_was_read_stays_read_and_is_told_once(store: Store) {
        story(&store).await;
        for (up_to, expect) in [(1, 3), (3, 3), (99, 3)] {
            let mark = store.mark_read(ANA, HUT, up_to, seconds(50)).await.unwrap().unwrap();
            assert_eq!((mark.read_seq, mark.unread), (expect, 0), "{up_to}");
        }
        assert_eq!(store.last_event(ANA).await.unwrap(), 4, "what changes nothing is no event");
        assert_eq!(store.mark_read(BEN, HUT, 3, seconds(50)).await.unwrap(), None);
    }

    async fn conversations_outlive_events_unless_they_are_asked_to_go(store: Store) {
        story(&store).await;
        let much_later = seconds(0).plus(DAY * 1_000);
        store.expire_never_granted(much_later, 10).await.unwrap();
        while store.purge_messages(&KeepMessages::default(), much_later, 1).await.unwrap().more {}
        assert_eq!(store.conversation(ANA, HUT, PageFrom::After(0), 10).await.unwrap().len(), 2);
        assert_eq!(store.conversations(ANA, None, 10).await.unwrap().len(), 1);

        let keep = KeepMessages { texts: Some(DAY * 400), ..KeepMessages::default() };
        while store.purge_messages(&keep, much_later, 1).await.unwrap().more {}
        assert_eq!(store.conversation(ANA, HUT, PageFrom::After(0), 10).await.unwrap(), []);
        assert!(store.conversations(ANA, None, 10).await.unwrap().is_empty());
    }

    async fn an_answered_text_can_go_before_its_answer(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let mut roof = Outbox::of("roof");
        handed_over(&store, &mut roof, 1, 70).await;
        commit(&store, &[roof.heard(answering(direct(11, HUT, 1, "two"), 70), seconds(30))]).await;
        let keep = KeepMessages { texts: Some(DAY), ..KeepMessages::default() };
        let purged = store.purge_messages(&keep, seconds(0).plus(DAY * 30), 100).await.unwrap();
        assert_eq!(purged.texts, 2);
    }

    async fn the_own_process_hears_of_a_members_event(store: Store) {
        join(&store, ANA, "ana", Plan::Sanctuary).await;
        let number = std::sync::atomic::AtomicU64::new(1);
        let act = async || {
            let next = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            accept(&store, &text(next.into(), "hello")).await.unwrap();
        };
        assert!(hears(&store, |change| *change == Change::Member(ANA), act).await);
    }
}

#[tokio::test]
async fn another_process_on_postgres_hears_of_a_members_event() {
    let fixture = stores::postgres().await;
    let other = Store::open(&fixture.database).await.unwrap();
    join(&other, ANA, "ana", Plan::Sanctuary).await;
    let number = std::sync::atomic::AtomicU64::new(1);
    let act = async || {
        let next = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        accept(&other, &text(next.into(), "hello")).await.unwrap();
    };
    assert!(hears(&fixture.store, |change| *change == Change::Member(ANA), act).await);
}
