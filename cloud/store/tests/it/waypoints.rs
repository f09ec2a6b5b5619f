//! Places that people mark.

use crate::{spools::Spool, stores::at};
use kosmo_domain::{NodeId, Position, Timestamp};
use kosmo_store::{
    Store,
    ingest::{NodeReport, User, Waypoint},
    waypoints::MAX_WAYPOINTS,
};
use std::time::Duration;

const ANA: NodeId = NodeId::from_number(0xa1b2_c3d4);
const BEN: NodeId = NodeId::from_number(0xb1b2_c3d4);

fn hours(hours: u64) -> Timestamp {
    at("2026-06-01T12:00:00Z").plus(Duration::from_secs(3600 * hours))
}

fn spring(id: u32) -> Waypoint {
    Waypoint {
        id,
        position: Some(Position::new(50.934_579_2, 6.946_816, None).unwrap()),
        expires_at: None,
        locked_to: None,
        name: Some("Spring \0".to_owned()),
        description: Some("clean water".to_owned()),
        icon: Some("💧".to_owned()),
        channel: None,
        public: true,
    }
}

async fn tell(store: &Store, spool: &mut Spool, who: NodeId, when: Timestamp, place: Waypoint) {
    store.ingest(&[spool.report(who, when, NodeReport::Waypoint(place))], when).await.unwrap();
}

/// Returns the places that count at a time: number, teller and latitude.
async fn shown(store: &Store, now: Timestamp) -> Vec<(u32, NodeId, f64)> {
    let rows = store.waypoints(None, 10, now).await.unwrap();
    rows.into_iter().map(|row| (row.id, row.node, row.position.latitude())).collect()
}

store_test! {
    async fn a_place_is_kept_changed_and_taken_away_by_whoever_may(store: Store) {
        let mut spool = Spool::of("roof");
        tell(&store, &mut spool, ANA, hours(0), spring(7)).await;
        let rows = store.waypoints(None, 10, hours(1)).await.unwrap();
        assert_eq!((rows[0].name.as_deref(), rows[0].icon.as_deref(), rows[0].at), (Some("Spring  "), Some("💧"), hours(0)));
        let north = |latitude, place: Waypoint| Waypoint { position: Some(Position::new(latitude, 6.9, None).unwrap()), ..place };
        tell(&store, &mut spool, BEN, hours(2), north(51.0, spring(7))).await;
        tell(&store, &mut spool, ANA, hours(1), north(49.0, spring(7))).await;
        assert_eq!(shown(&store, hours(3)).await, [(7, BEN, 51.0)], "older word changes nothing");

        // Locked, it is changed by one node alone.
        tell(&store, &mut spool, BEN, hours(3), Waypoint { locked_to: Some(BEN), ..north(52.0, spring(7)) }).await;
        tell(&store, &mut spool, ANA, hours(4), north(49.0, spring(7))).await;
        assert_eq!(shown(&store, hours(5)).await, [(7, BEN, 52.0)]);

        // A time that is over takes it away, and older word does not bring it back.
        tell(&store, &mut spool, BEN, hours(5), Waypoint { expires_at: Some(hours(5)), position: None, ..spring(7) }).await;
        tell(&store, &mut spool, BEN, hours(4), spring(7)).await;
        assert_eq!(shown(&store, hours(6)).await, []);
        tell(&store, &mut spool, ANA, hours(6), Waypoint { expires_at: Some(hours(8)), ..spring(8) }).await;
        assert_eq!((shown(&store, hours(7)).await.len(), shown(&store, hours(8)).await.len()), (1, 0));
    }

    async fn only_what_is_public_is_shown_and_of_nobody_who_is_hidden(store: Store) {
        let mut spool = Spool::of("roof");
        let private = Waypoint { channel: Some(("ops".to_owned(), 17)), public: false, ..spring(7) };
        tell(&store, &mut spool, ANA, hours(0), private).await;
        tell(&store, &mut spool, BEN, hours(0), spring(9)).await;
        assert_eq!(shown(&store, hours(1)).await.iter().map(|row| row.0).collect::<Vec<_>>(), [9]);
        let nobody = User { long_name: Some("Ben 🛑".to_owned()), ..User::default() };
        store.ingest(&[spool.report(BEN, hours(1), NodeReport::User(nobody))], hours(1)).await.unwrap();
        assert_eq!(shown(&store, hours(1)).await, []);
    }

    async fn places_are_listed_in_pages_and_their_number_is_bounded(store: Store) {
        let mut spool = Spool::of("roof");
        let count = u32::try_from(MAX_WAYPOINTS).unwrap() + 5;
        let batch: Vec<_> = (1..=count).map(|id| spool.report(ANA, hours(0).plus(Duration::from_secs(id.into())), NodeReport::Waypoint(spring(id)))).collect();
        for part in batch.chunks(500) {
            store.ingest(part, hours(2)).await.unwrap();
        }
        let page = store.waypoints(Some(100), 2, hours(3)).await.unwrap();
        assert_eq!(page.iter().map(|row| row.id).collect::<Vec<_>>(), [101, 102]);
        assert_eq!(store.waypoints(None, u32::MAX, hours(3)).await.unwrap().len(), 1_000);
        assert_eq!(store.waypoints(None, 1, hours(3)).await.unwrap()[0].id, 6, "those told longest ago are gone");
    }
}
