//! Members, their plans, and the nodes they may write to.

use crate::{
    outbound::{ANA, BEN, HUT, LAKE, join, seconds},
    stores::at,
};
use kosmo_domain::Plan;
use kosmo_store::{
    Constraint, Error,
    users::{GroupName, NewUser},
};
use uuid::Uuid;

fn valley() -> GroupName {
    "valley".parse().unwrap()
}

store_test! {
    async fn a_member_is_what_was_added(store: Store) {
        join(&store, ANA, "ana", Plan::Guardian).await;
        let ana = store.user(ANA).await.unwrap().unwrap();
        assert_eq!((ana.id, ana.handle.as_str(), ana.plan), (ANA, "ana", Plan::Guardian));
        assert_eq!((ana.anchor, ana.created_at), (at("2026-01-01T00:00:00Z"), seconds(0)));
        assert!(ana.nodes.is_empty() && ana.groups.is_empty());
        assert_eq!(store.user(BEN).await.unwrap(), None);
    }

    async fn ids_and_handles_are_taken_once(store: Store) {
        join(&store, ANA, "ana", Plan::Free).await;
        let again = |id, handle: &str| NewUser { id, handle: handle.parse().unwrap(), plan: Plan::Sanctuary, anchor: seconds(0) };
        let refused = store.add_user(&again(ANA, "ana"), seconds(1)).await;
        assert!(matches!(refused, Err(Error::Conflict(Constraint::User))), "{refused:?}");
        let refused = store.add_user(&again(BEN, "ana"), seconds(1)).await;
        assert!(matches!(refused, Err(Error::Conflict(Constraint::Handle))), "{refused:?}");
        assert_eq!(store.user(ANA).await.unwrap().unwrap().plan, Plan::Free);
    }

    async fn members_are_listed_by_handle_with_what_they_have(store: Store) {
        join(&store, BEN, "ben_2", Plan::Wanderer).await;
        join(&store, ANA, "ana", Plan::Guardian).await;
        join(&store, Uuid::from_u128(3), "ben-1", Plan::Free).await;
        assert!(store.list_node(ANA, HUT).await.unwrap());
        assert!(store.list_node(ANA, LAKE).await.unwrap());
        assert!(store.give_group(BEN, &valley()).await.unwrap());

        let all = store.users(None, 2).await.unwrap();
        assert_eq!(all.iter().map(|user| user.handle.as_str()).collect::<Vec<_>>(), ["ana", "ben-1"]);
        assert_eq!(all[0].nodes, [LAKE, HUT]);
        let rest = store.users(Some(&all[1].handle), 2).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert_eq!((rest[0].id, rest[0].groups.as_slice()), (BEN, &[valley()][..]));
        assert!(store.users(Some(&rest[0].handle), 2).await.unwrap().is_empty());
    }

    async fn a_plan_can_change(store: Store) {
        join(&store, ANA, "ana", Plan::Free).await;
        assert!(store.set_plan(ANA, Plan::Sanctuary, seconds(9)).await.unwrap());
        assert!(!store.set_plan(BEN, Plan::Sanctuary, seconds(9)).await.unwrap());
        let ana = store.user(ANA).await.unwrap().unwrap();
        assert_eq!((ana.plan, ana.anchor), (Plan::Sanctuary, seconds(9)));
    }

    async fn lists_and_groups_grow_and_shrink(store: Store) {
        join(&store, ANA, "ana", Plan::Guardian).await;
        assert!(!store.list_node(BEN, HUT).await.unwrap() && !store.give_group(BEN, &valley()).await.unwrap());
        for _ in 0..2 {
            assert!(store.list_node(ANA, HUT).await.unwrap() && store.give_group(ANA, &valley()).await.unwrap());
        }
        assert!(store.add_to_group(&valley(), LAKE).await.unwrap());
        assert!(!store.add_to_group(&valley(), LAKE).await.unwrap());
        let groups = store.groups().await.unwrap();
        assert_eq!((groups.len(), &groups[0].name, groups[0].nodes.as_slice()), (1, &valley(), &[LAKE][..]));

        assert!(store.unlist_node(ANA, HUT).await.unwrap() && !store.unlist_node(ANA, HUT).await.unwrap());
        assert!(store.take_group(ANA, &valley()).await.unwrap() && !store.take_group(ANA, &valley()).await.unwrap());
        assert!(store.remove_from_group(&valley(), LAKE).await.unwrap() && !store.remove_from_group(&valley(), LAKE).await.unwrap());
        let ana = store.user(ANA).await.unwrap().unwrap();
        assert!(ana.nodes.is_empty() && ana.groups.is_empty() && store.groups().await.unwrap().is_empty());
    }
}
