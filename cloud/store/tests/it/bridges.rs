//! Bridges and other MQTT logins.

use crate::stores::at;
use kosmo_domain::BridgeId;
use kosmo_store::{BridgeAdded, Constraint, Error, Login, LoginKind, MAX_STATUS, Secret};
use std::time::Duration;

fn id(text: &str) -> BridgeId {
    text.parse().unwrap()
}

store_test! {
    async fn a_bridge_logs_in_until_it_is_revoked_and_again_with_a_new_secret(store: Store) {
        let (roof, now) = (id("roof"), at("2026-04-12T15:30:15Z"));
        let (first, second) = (Secret::from_random([1; 32]), Secret::from_random([2; 32]));
        assert_eq!(store.add_bridge(&roof, &first.hash(), now).await.unwrap(), BridgeAdded::New);
        assert!(store.bridge_login(&roof).await.unwrap().unwrap().matches(first.reveal().as_bytes()));

        assert!(store.revoke_bridge(&roof, now).await.unwrap());
        assert!(!store.revoke_bridge(&roof, now).await.unwrap());
        assert!(store.bridge_login(&roof).await.unwrap().is_none());
        assert!(store.mqtt_login("roof").await.unwrap().is_none());

        assert_eq!(store.add_bridge(&roof, &second.hash(), now).await.unwrap(), BridgeAdded::Renewed);
        let login = store.bridge_login(&roof).await.unwrap().unwrap();
        assert!(login.matches(second.reveal().as_bytes()));
        assert!(!login.matches(first.reveal().as_bytes()));
    }

    async fn a_bridge_is_not_added_over_another(store: Store) {
        let (roof, now) = (id("roof"), at("2026-04-12T15:30:15Z"));
        let (first, second) = (Secret::from_random([1; 32]), Secret::from_random([2; 32]));
        store.add_bridge(&roof, &first.hash(), now).await.unwrap();
        let refused = store.add_bridge(&roof, &second.hash(), now).await;
        assert!(matches!(refused, Err(Error::Conflict(Constraint::Bridge))), "{refused:?}");
        assert!(store.bridge_login(&roof).await.unwrap().unwrap().matches(first.reveal().as_bytes()));
    }

    async fn bridges_are_listed_with_their_last_status(store: Store) {
        let (roof, now) = (id("roof"), at("2026-04-12T15:30:15.123456Z"));
        let secret = Secret::from_random([1; 32]).hash();
        store.add_bridge(&roof, &secret, now).await.unwrap();
        store.add_bridge(&id("cellar"), &secret, now).await.unwrap();
        store.revoke_bridge(&id("cellar"), now).await.unwrap();

        let later = now.plus(Duration::from_mins(1));
        assert!(store.note_bridge_status(&roof, r#"{"name":"\u0000"}"#, later).await.unwrap());
        assert!(!store.note_bridge_status(&roof, r#"{"late":true}"#, now).await.unwrap());
        assert!(!store.note_bridge_status(&id("cellar"), "{}", later).await.unwrap());
        assert!(!store.note_bridge_status(&id("nobody"), "{}", later).await.unwrap());

        let rows = store.bridges().await.unwrap();
        assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["cellar", "roof"]);
        assert_eq!((rows[0].revoked_at, rows[0].status.as_deref()), (Some(now), None));
        assert_eq!((rows[1].added_at, rows[1].revoked_at), (now, None));
        assert_eq!(rows[1].status.as_deref(), Some(r#"{"name":"\u0000"}"#));
        assert_eq!((rows[1].status_at, rows[1].last_seen_at), (Some(later), Some(later)));
    }

    async fn a_status_has_a_largest_size(store: Store) {
        let (roof, now) = (id("roof"), at("2026-04-12T15:30:15Z"));
        store.add_bridge(&roof, &Secret::from_random([1; 32]).hash(), now).await.unwrap();
        assert!(store.note_bridge_status(&roof, &" ".repeat(MAX_STATUS), now).await.unwrap());
        let refused = store.note_bridge_status(&roof, &" ".repeat(MAX_STATUS + 1), now).await;
        assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
    }

    async fn a_viewer_logs_in_until_it_is_removed(store: Store) {
        let (viewer, now) = (id("viewer"), at("2026-04-12T15:30:15Z"));
        let secret = Secret::from_random([1; 32]);
        store.add_login(&viewer, LoginKind::Viewer, &secret.hash(), now).await.unwrap();
        let login = store.mqtt_login("viewer").await.unwrap().unwrap();
        assert!(matches!(login, Login::Other(LoginKind::Viewer, _)));
        assert!(login.secret().matches(secret.reveal().as_bytes()));
        let rows = store.logins().await.unwrap();
        assert_eq!((rows[0].name.as_str(), rows[0].kind, rows[0].added_at), ("viewer", LoginKind::Viewer, now));

        assert!(store.remove_login(&viewer).await.unwrap());
        assert!(!store.remove_login(&viewer).await.unwrap());
        assert!(store.mqtt_login("viewer").await.unwrap().is_none());
    }

    async fn a_name_belongs_to_one_login_of_any_kind(store: Store) {
        let now = at("2026-04-12T15:30:15Z");
        let secret = Secret::from_random([1; 32]).hash();
        store.add_bridge(&id("roof"), &secret, now).await.unwrap();
        store.add_login(&id("viewer"), LoginKind::Viewer, &secret, now).await.unwrap();
        for refused in [
            store.add_login(&id("roof"), LoginKind::Viewer, &secret, now).await,
            store.add_login(&id("viewer"), LoginKind::Service, &secret, now).await,
            store.add_bridge(&id("viewer"), &secret, now).await.map(drop),
        ] {
            assert!(matches!(refused, Err(Error::Conflict(Constraint::Login))), "{refused:?}");
        }
        let login = store.mqtt_login("roof").await.unwrap();
        assert!(matches!(login, Some(Login::Bridge(bridge, _)) if bridge == id("roof")));
        assert!(matches!(store.mqtt_login("viewer").await.unwrap(), Some(Login::Other(LoginKind::Viewer, _))));
    }

    async fn a_name_that_no_login_can_have_is_unknown(store: Store) {
        for name in ["", "no/body", "#", "a\0b", "' or 1=1 --", &"a".repeat(100_000)] {
            assert!(store.mqtt_login(name).await.unwrap().is_none());
        }
    }
}
