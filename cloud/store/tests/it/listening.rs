//! When bridges listened.

use crate::stores::at;
use kosmo_domain::{BridgeId, Epoch, GapReason, Listening, Timestamp};
use kosmo_store::{GapRow, Secret, Store};
use std::time::Duration;

const RUN: Option<Epoch> = Some(Epoch::from_random(1));

fn roof() -> BridgeId {
    "roof".parse().unwrap()
}

fn minute(number: u64) -> Timestamp {
    at("2026-06-01T03:00:00Z").plus(Duration::from_mins(number))
}

fn yes(since: Timestamp) -> Listening {
    Listening::Yes { since: Some(since), started: Some(minute(0)) }
}

async fn listening(store: &Store) {
    store.add_bridge(&roof(), &Secret::from_random([1; 32]).hash(), minute(0)).await.unwrap();
    store.note_listening(&roof(), yes(minute(0)), RUN, minute(1)).await.unwrap();
    store.note_listening(&roof(), yes(minute(0)), RUN, minute(9)).await.unwrap();
}

async fn gaps(store: &Store) -> Vec<GapRow> {
    store.gaps(minute(0), minute(1000), None, 10).await.unwrap()
}

store_test! {
    async fn a_radio_that_was_away_leaves_a_gap(store: Store) {
        listening(&store).await;
        assert!(store.note_listening(&roof(), Listening::No { since: Some(minute(10)), started: None }, RUN, minute(11)).await.unwrap());
        assert!(!store.note_listening(&roof(), Listening::No { since: Some(minute(10)), started: None }, RUN, minute(12)).await.unwrap(), "as a second replica says");
        let open = GapRow { bridge: roof(), from: minute(10), until: None, reason: GapReason::Radio };
        assert_eq!(gaps(&store).await, std::slice::from_ref(&open));
        assert!(store.note_listening(&roof(), yes(minute(25)), RUN, minute(26)).await.unwrap());
        assert_eq!(gaps(&store).await, [GapRow { until: Some(minute(25)), ..open }]);
        assert_eq!(store.gaps(minute(0), minute(10), None, 10).await.unwrap(), []);
        assert_eq!(store.gaps(minute(25), minute(30), None, 10).await.unwrap(), []);
        assert_eq!(store.gaps(minute(12), minute(13), None, 10).await.unwrap().len(), 1);
    }

    async fn a_silent_bridge_that_listened_all_along_missed_nothing(store: Store) {
        listening(&store).await;
        assert_eq!(store.note_silence(minute(11)).await.unwrap(), [], "one word may be late");
        assert_eq!(store.note_silence(minute(13)).await.unwrap(), [roof()]);
        assert_eq!(store.note_silence(minute(14)).await.unwrap(), []);
        assert_eq!(gaps(&store).await, [GapRow { bridge: roof(), from: minute(9), until: None, reason: GapReason::Silent }]);
        assert!(store.note_listening(&roof(), yes(minute(0)), RUN, minute(60)).await.unwrap());
        assert_eq!(gaps(&store).await, []);
    }

    async fn another_run_has_not_listened_since_the_last_word_of_the_one_before(store: Store) {
        listening(&store).await;
        let (soon, later) = (minute(9).plus(Duration::from_millis(400)), minute(9).plus(Duration::from_millis(900)));
        let begins = Listening::No { since: Some(soon), started: Some(soon) };
        assert!(store.note_listening(&roof(), begins, Some(Epoch::from_random(2)), soon).await.unwrap());
        assert!(store.note_listening(&roof(), yes(later), Some(Epoch::from_random(2)), later).await.unwrap());
        assert_eq!(gaps(&store).await, [GapRow { bridge: roof(), from: minute(9), until: Some(later), reason: GapReason::Radio }]);
        assert!(!store.note_listening(&roof(), yes(later), Some(Epoch::from_random(2)), minute(10)).await.unwrap(), "it is known by now");
    }

    async fn a_radio_that_comes_and_goes_is_one_gap(store: Store) {
        listening(&store).await;
        let second = |number| minute(10).plus(Duration::from_secs(number));
        for number in 0..5 {
            store.note_listening(&roof(), Listening::No { since: Some(second(number * 8)), started: None }, RUN, second(number * 8)).await.unwrap();
            store.note_listening(&roof(), yes(second(number * 8 + 4)), RUN, second(number * 8 + 4)).await.unwrap();
        }
        assert_eq!(gaps(&store).await.len(), 1);
        assert_eq!(store.purge_gaps(minute(11)).await.unwrap(), 1);
        assert_eq!(gaps(&store).await, []);
    }

    async fn who_is_no_bridge_does_not_listen(store: Store) {
        assert!(!store.note_listening(&roof(), yes(minute(0)), RUN, minute(1)).await.unwrap());
        assert!(!store.note_listening(&roof(), Listening::Silent, RUN, minute(2)).await.unwrap());
        assert_eq!(store.listeners().await.unwrap(), []);
        listening(&store).await;
        let listeners = store.listeners().await.unwrap();
        assert_eq!((listeners[0].first_at, listeners[0].revoked_at), (minute(0), None));
        store.revoke_bridge(&roof(), minute(20)).await.unwrap();
        assert_eq!(store.listeners().await.unwrap()[0].revoked_at, Some(minute(20)));
        assert_eq!(store.note_silence(minute(60)).await.unwrap(), []);
    }

    async fn gaps_are_listed_page_by_page_the_latest_first(store: Store) {
        listening(&store).await;
        for number in [10, 20, 30] {
            store.note_listening(&roof(), Listening::No { since: None, started: None }, RUN, minute(number)).await.unwrap();
            store.note_listening(&roof(), yes(minute(number + 1)), RUN, minute(number + 1)).await.unwrap();
        }
        let first = store.gaps(minute(0), minute(100), None, 2).await.unwrap();
        assert_eq!(first.iter().map(|gap| gap.from).collect::<Vec<_>>(), [minute(30), minute(20)]);
        let rest = store.gaps(minute(0), minute(100), Some((minute(20), roof())), 2).await.unwrap();
        assert_eq!(rest.iter().map(|gap| gap.from).collect::<Vec<_>>(), [minute(10)]);
    }
}
