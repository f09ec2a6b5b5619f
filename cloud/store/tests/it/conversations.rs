//! What a member sees of what was said.

use crate::outbound::{ANA, BEN, HUT, LAKE, Outbox, accept, answering, commit, direct, handed_over, join, learn, seconds, text};
use kosmo_domain::{Fact, Plan, Status};
use kosmo_store::{
    Store,
    messages::{NewMessage, PageFrom, Said},
};
use uuid::Uuid;

fn words(page: &[Said]) -> Vec<&str> {
    page.iter()
        .map(|said| match said {
            Said::Sent(message) => message.text.as_str(),
            Said::Received(text) => text.text.as_str(),
        })
        .collect()
}

/// Has Ana and the hut talk: five texts, hers and theirs by turns, all answers to the packet of the first.
async fn talk(store: &Store) {
    join(store, ANA, "ana", Plan::Wanderer).await;
    join(store, BEN, "ben", Plan::Wanderer).await;
    let mut roof = Outbox::of("roof");
    handed_over(store, &mut roof, 1, 70).await;
    commit(store, &[roof.heard(answering(direct(11, HUT, 1, "two"), 70), seconds(30))]).await;
    accept(store, &text(2, "three")).await.unwrap();
    commit(store, &[roof.heard(answering(direct(12, HUT, 2, "four"), 70), seconds(40))]).await;
    accept(store, &text(3, "five")).await.unwrap();
}

store_test! {
    async fn both_sides_stand_in_one_list_page_by_page(store: Store) {
        talk(&store).await;
        let all = store.conversation(ANA, HUT, PageFrom::After(0), 50).await.unwrap();
        assert_eq!(words(&all), ["hello", "two", "three", "four", "five"]);
        assert!(all.windows(2).all(|pair| pair[0].seq() < pair[1].seq()));

        for (from, limit, expect) in [
            (PageFrom::After(0), 2, &["hello", "two"][..]),
            (PageFrom::After(all[1].seq()), 2, &["three", "four"]),
            (PageFrom::After(all[3].seq()), 2, &["five"]),
            (PageFrom::After(all[4].seq()), 2, &[]),
            (PageFrom::Before(i64::MAX), 2, &["four", "five"]),
            (PageFrom::Before(all[3].seq()), 2, &["two", "three"]),
            (PageFrom::Before(all[0].seq()), 2, &[]),
            (PageFrom::After(-5), 0, &[]),
        ] {
            assert_eq!(words(&store.conversation(ANA, HUT, from, limit).await.unwrap()), expect, "{from:?}");
        }
    }

    async fn nobody_sees_anothers(store: Store) {
        talk(&store).await;
        assert!(store.conversation(BEN, HUT, PageFrom::After(0), 50).await.unwrap().is_empty());
        assert!(store.conversations(BEN, None, 50).await.unwrap().is_empty());
        assert_eq!(store.message(BEN, Uuid::from_u128(1)).await.unwrap(), None);
        assert!(store.message(ANA, Uuid::from_u128(1)).await.unwrap().is_some());
        assert!(store.conversation(ANA, LAKE, PageFrom::After(0), 50).await.unwrap().is_empty());
        assert!(store.conversation(Uuid::from_u128(99), HUT, PageFrom::After(0), 50).await.unwrap().is_empty());
    }

    async fn the_list_shows_the_last_text_and_what_is_unread(store: Store) {
        talk(&store).await;
        let list = store.conversations(ANA, None, 50).await.unwrap();
        assert_eq!(list.len(), 1);
        let conversation = &list[0];
        assert_eq!((conversation.node, conversation.last_text.as_str(), conversation.unread), (HUT, "five", 2));
        assert_eq!((conversation.last_at, conversation.last_status), (seconds(0), Some(Status::Pending)));
        assert!(!format!("{list:?}").contains("five"), "texts stand in no log");

        let page = store.conversation(ANA, HUT, PageFrom::After(0), 50).await.unwrap();
        store.mark_read(ANA, HUT, page[1].seq(), seconds(60)).await.unwrap();
        assert_eq!(store.conversations(ANA, None, 50).await.unwrap()[0].unread, 1);
        store.mark_read(ANA, HUT, page[4].seq(), seconds(60)).await.unwrap();
        store.mark_read(ANA, HUT, page[0].seq(), seconds(60)).await.unwrap();
        assert_eq!(store.conversations(ANA, None, 50).await.unwrap()[0].unread, 0);
        learn(&store, Uuid::from_u128(3), Fact::Offered, seconds(9)).await;
        assert_eq!(store.conversations(ANA, None, 50).await.unwrap()[0].last_status, Some(Status::Queued));
    }

    async fn the_list_has_the_latest_first_page_by_page(store: Store) {
        talk(&store).await;
        accept(&store, &NewMessage { node: LAKE, ..text(4, "to the lake") }).await.unwrap();
        let list = store.conversations(ANA, None, 1).await.unwrap();
        assert_eq!((list[0].node, list[0].last_text.as_str()), (LAKE, "to the lake"));
        let rest = store.conversations(ANA, Some(list[0].last_seq), 5).await.unwrap();
        assert_eq!(rest.iter().map(|conversation| conversation.node).collect::<Vec<_>>(), [HUT]);

        let mut roof = Outbox::of("cellar");
        commit(&store, &[roof.heard(direct(20, HUT, 9, "me again"), seconds(50))]).await;
        let list = store.conversations(ANA, None, 5).await.unwrap();
        assert_eq!((list[0].node, list[0].last_text.as_str(), list[0].last_status), (HUT, "me again", None));
        assert_eq!((list[0].last_at, list[0].unread), (seconds(50), 3));
    }
}
