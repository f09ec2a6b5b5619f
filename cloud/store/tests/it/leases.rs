//! What only one of several processes may do at a time.

use crate::stores::at;
use std::time::Duration;
use uuid::Uuid;

const LENGTH: Duration = Duration::from_secs(15);
const ONE: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

store_test! {
    async fn a_lease_is_one_holders_until_it_ends_or_is_given_back(store: Store) {
        let start = at("2026-06-01T12:00:00Z");
        let later = |seconds| start.plus(Duration::from_secs(seconds));

        assert!(store.hold_lease("bare", ONE, LENGTH, start).await.unwrap());
        assert!(!store.hold_lease("bare", OTHER, LENGTH, later(10)).await.unwrap());
        assert!(store.hold_lease("another", OTHER, LENGTH, later(10)).await.unwrap());
        assert!(store.hold_lease("bare", ONE, LENGTH, later(10)).await.unwrap(), "its holder prolongs it");
        assert!(!store.hold_lease("bare", OTHER, LENGTH, later(20)).await.unwrap());

        assert!(store.hold_lease("bare", OTHER, LENGTH, later(25)).await.unwrap(), "it is over");
        assert!(!store.hold_lease("bare", ONE, LENGTH, later(26)).await.unwrap(), "it is somebody else's");

        store.release_lease("bare", ONE).await.unwrap();
        assert!(!store.hold_lease("bare", ONE, LENGTH, later(27)).await.unwrap(), "nobody gives back what another has");
        store.release_lease("bare", OTHER).await.unwrap();
        assert!(store.hold_lease("bare", ONE, LENGTH, later(28)).await.unwrap());
    }

    async fn a_lease_of_a_clock_that_was_wrong_binds_nobody(store: Store) {
        let start = at("2026-06-01T12:00:00Z");
        assert!(store.hold_lease("bare", ONE, LENGTH, at("2036-06-01T12:00:00Z")).await.unwrap());
        assert!(store.hold_lease("bare", OTHER, LENGTH, start).await.unwrap());
        assert!(!store.hold_lease("bare", ONE, LENGTH, start).await.unwrap());
    }

    async fn of_many_who_ask_at_once_one_has_the_lease(store: Store) {
        let start = at("2026-06-01T12:00:00Z");
        let asking = (1..=20).map(|number| store.hold_lease("bare", Uuid::from_u128(number), LENGTH, start));
        let answers = futures_util::future::join_all(asking).await;
        assert_eq!(answers.into_iter().filter(|has| *has.as_ref().unwrap()).count(), 1);
    }
}
