//! Texts that are taken back, texts that wait for their writer's word on a key, and what is said on channels.

use crate::{
    outbound::{
        ANA, BEN, HUT, LAKE, Outbox, RADIO, TTL, accept, bridge, commit, direct, granted, handed_over, join, learn, message, seconds, text,
        used,
    },
    spools::Spool,
    stores::at,
};
use kosmo_domain::{Charge, Fact, NodeId, NotSent, PacketId, Plan, RefusedBy, Status};
use kosmo_store::{
    Store,
    messages::{
        Audience, CANCEL_EVERY, Cancelled, ChannelName, Confirmed, Effect, GatewayOutcome, Grant, InboundText, NewChannelText, ROUTE_EVERY,
        Receipt, RouteRequest, RouteWanted, Routed, WaitReason,
    },
};
use uuid::Uuid;

fn long_fast() -> ChannelName {
    ChannelName { name: "LongFast".to_owned(), hash: 8 }
}

/// Has the hut show a key.
async fn show_key(store: &Store, spool: &mut Spool, key: u8, second: u64) {
    let record = spool.user(HUT, seconds(second), "Hut", Some(key));
    store.ingest(&[record], seconds(second)).await.unwrap();
}

store_test! {
    async fn what_no_bridge_has_is_taken_back_at_once(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let id = accept(&store, &text(1, "hello")).await.unwrap().id;
        assert_eq!(store.cancel_message(BEN, id, seconds(5)).await.unwrap(), None, "it is nobody else's");
        let Some(Cancelled::Done(change)) = store.cancel_message(ANA, id, seconds(5)).await.unwrap() else { panic!("no bridge has it") };
        assert_eq!((change.after, change.charge), (Status::Expired, Charge::Released));
        assert_eq!(message(&store, id).await.facts.not_sent, Some((seconds(5), NotSent::Cancelled)));
        assert_eq!(used(&store).await, (0, 0));
        assert_eq!(store.cancel_message(ANA, id, seconds(6)).await.unwrap(), Some(Cancelled::Before));
        assert_eq!(store.grant(id, &bridge("roof"), seconds(7)).await.unwrap(), Grant::Expired);
        assert!(store.messages_to_offer(seconds(60), 100).await.unwrap().is_empty());
    }

    async fn a_bridge_that_has_it_is_asked_until_it_says_what_became_of_it(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let (mut roof, id) = (Outbox::of("roof"), granted(&store, 1).await);
        assert_eq!(store.cancel_message(ANA, id, seconds(5)).await.unwrap(), Some(Cancelled::Asked));
        assert_eq!(store.cancel_message(ANA, id, seconds(6)).await.unwrap(), Some(Cancelled::Asked));
        assert_eq!((message(&store, id).await.status, message(&store, id).await.cancel_asked_at), (Status::Queued, Some(seconds(5))));
        let due = async |second| store.messages_to_cancel(seconds(second), 10).await.unwrap().len();
        assert_eq!((due(5).await, due(6).await, due(5 + CANCEL_EVERY.as_secs()).await), (1, 0, 1));
        commit(&store, &[roof.receipt(id, Receipt::NotSent(NotSent::Cancelled), seconds(30))]).await;
        let row = message(&store, id).await;
        assert_eq!((row.status, row.charge), (Status::Expired, Charge::Released));
        assert_eq!((due(1000).await, used(&store).await), (0, (0, 0)));
    }

    async fn what_a_radio_may_have_is_not_called_taken_back(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let mut roof = Outbox::of("roof");
        let id = handed_over(&store, &mut roof, 1, 7).await;
        assert_eq!(store.cancel_message(ANA, id, seconds(5)).await.unwrap(), Some(Cancelled::TooLate));
        // Its hand-over came to nothing, and it waits again.
        commit(&store, &[roof.receipt(id, Receipt::Waiting(WaitReason::DutyCycle), seconds(9))]).await;
        assert_eq!(store.cancel_message(ANA, id, seconds(10)).await.unwrap(), Some(Cancelled::Asked));
        commit(&store, &[roof.receipt(id, Receipt::Transmitted, seconds(12))]).await;
        assert!(store.messages_to_cancel(seconds(60), 10).await.unwrap().is_empty());
        let row = message(&store, id).await;
        assert_eq!((row.status, row.charge), (Status::Transmitted, Charge::Committed));
        assert_eq!(store.cancel_message(ANA, id, seconds(13)).await.unwrap(), Some(Cancelled::TooLate));
    }

    async fn who_refused_it_is_kept(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let mut roof = Outbox::of("roof");
        let id = handed_over(&store, &mut roof, 1, 7).await;
        commit(&store, &[roof.receipt(id, Receipt::Refused { code: 35, by: HUT }, seconds(9))]).await;
        assert_eq!(message(&store, id).await.facts.refused, Some((seconds(9), 35, RefusedBy::Destination)));
        let other = handed_over(&store, &mut roof, 2, 8).await;
        commit(&store, &[roof.receipt(other, Receipt::Refused { code: 35, by: RADIO }, seconds(9))]).await;
        assert_eq!(message(&store, other).await.facts.refused, Some((seconds(9), 35, RefusedBy::Radio)));
        let third = handed_over(&store, &mut roof, 3, 9).await;
        commit(&store, &[roof.receipt(third, Receipt::Transmitted, seconds(9)), roof.receipt(third, Receipt::Unconfirmed, seconds(99))]).await;
        assert_eq!((message(&store, third).await.status, message(&store, third).await.facts.unconfirmed_at), (Status::Transmitted, Some(seconds(99))));
    }

    async fn a_changed_key_holds_texts_of_those_who_knew_the_other(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        join(&store, BEN, "ben", Plan::Wanderer).await;
        let mut spool = Spool::of("roof");
        show_key(&store, &mut spool, 7, 0).await;
        let id = accept(&store, &text(1, "hello")).await.unwrap().id;
        assert!(!store.hold_for_key(id, seconds(5)).await.unwrap(), "it is the only key there ever was");
        show_key(&store, &mut spool, 9, 10).await;

        assert_eq!(store.grant(id, &bridge("roof"), seconds(11)).await.unwrap(), Grant::Held);
        assert_eq!(message(&store, id).await.held_at, Some(seconds(11)));
        assert!(store.messages_to_offer(seconds(60), 100).await.unwrap().is_empty());
        let key = store.node_key(ANA, HUT).await.unwrap();
        assert_eq!((key.public_key, key.changed_at, key.holds, key.held), (Some(vec![9; 32]), Some(seconds(10)), true, 1));
        assert_eq!(key.earlier, [(vec![7; 32], seconds(0))]);
        assert!(!store.key_holds(BEN, HUT).await.unwrap(), "Ben never wrote to it");

        assert_eq!(store.confirm_key(ANA, HUT, &[7; 32], seconds(20)).await.unwrap(), Confirmed::OtherKey);
        assert_eq!(store.confirm_key(ANA, LAKE, &[7; 32], seconds(20)).await.unwrap(), Confirmed::NoKey);
        assert_eq!(store.confirm_key(ANA, HUT, &[9; 32], seconds(20)).await.unwrap(), Confirmed::Done { released: 1 });
        assert_eq!(store.confirm_key(ANA, HUT, &[9; 32], seconds(21)).await.unwrap(), Confirmed::Done { released: 0 });
        assert_eq!(store.node_key(ANA, HUT).await.unwrap().confirmed_at, Some(seconds(20)));
        assert_eq!(store.messages_to_offer(seconds(21), 100).await.unwrap().len(), 1);
        assert!(matches!(store.grant(id, &bridge("roof"), seconds(22)).await.unwrap(), Grant::Granted(_)));
        assert_eq!(store.node_contact(HUT).await.unwrap().map(|contact| contact.public_key), Some(vec![9; 32]));

        show_key(&store, &mut spool, 11, 30).await;
        assert!(store.key_holds(ANA, HUT).await.unwrap(), "another key is another question");
    }

    async fn a_text_that_waits_for_its_writer_runs_out_of_time_like_any_other(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        let mut spool = Spool::of("roof");
        show_key(&store, &mut spool, 7, 0).await;
        let id = accept(&store, &text(1, "hello")).await.unwrap().id;
        show_key(&store, &mut spool, 9, 10).await;
        assert!(store.hold_for_key(id, seconds(11)).await.unwrap());
        let late = seconds(0).plus(TTL);
        assert_eq!(store.expire_never_granted(late, 10).await.unwrap().len(), 1);
        assert_eq!(used(&store).await, (0, 0));
    }

    async fn what_is_said_on_a_channel_is_kept_once_with_what_operators_say(store: Store) {
        join(&store, ANA, "ana", Plan::Free).await;
        let said = |id, packet, words: &str| InboundText { to: NodeId::BROADCAST, to_bridge: false, channel: Some(long_fast()), ..direct(id, HUT, packet, words) };
        let (mut roof, mut cellar) = (Outbox::of("roof"), Outbox::of("cellar"));
        let outcomes = commit(&store, &[roof.heard(said(1, 5, "anybody there?"), seconds(10)), cellar.heard(said(2, 5, "anybody there?"), seconds(11))]).await;
        let routed: Vec<_> = outcomes.iter().map(|outcome| match outcome {
            GatewayOutcome::Committed(Effect::Text(routed, _)) => Some(*routed),
            _ => None,
        }).collect();
        assert_eq!(routed, [Some(Routed::Channel), Some(Routed::Known)]);

        let new = NewChannelText { id: Uuid::from_u128(3), user: ANA, channel: long_fast(), text: "storm".to_owned(), air_text: "ana: storm".to_owned(), deadline: seconds(900) };
        assert!(store.send_to_channel(&new, seconds(70)).await.unwrap());
        assert_eq!(used(&store).await, (0, 0), "it costs nothing");
        let offered = store.messages_to_offer(seconds(100), 10).await.unwrap();
        assert_eq!((offered.len(), offered[0].channel.clone()), (1, Some(("LongFast".to_owned(), 8))));
        store.grant(new.id, &bridge("roof"), seconds(71)).await.unwrap();
        commit(&store, &[roof.receipt(new.id, Receipt::HandedOver { attempt: 0, packet_id: PacketId(77), radio: RADIO }, seconds(72)), roof.receipt(new.id, Receipt::Transmitted, seconds(80))]).await;
        let echo = InboundText { from: RADIO, ..said(4, 77, "ana: storm") };
        commit(&store, &[cellar.heard(echo, seconds(81))]).await;

        let page = store.channel_texts(&long_fast(), Audience::Operators, None, 10).await.unwrap();
        let shown: Vec<_> = page.iter().map(|text| (text.text.as_str(), text.from, text.status)).collect();
        assert_eq!(shown, [("ana: storm", Some(RADIO), Some(Status::Transmitted)), ("anybody there?", Some(HUT), None)]);
        let first = &page[0];
        assert_eq!(store.channel_texts(&long_fast(), Audience::Operators, Some((first.received_at, first.id)), 10).await.unwrap().len(), 1);
        assert!(store.channel_texts(&long_fast(), Audience::Everybody { since: Some(at("2027-01-01T00:00:00Z")) }, None, 10).await.unwrap().is_empty());
        let other = ChannelName { hash: 9, ..long_fast() };
        assert!(store.channel_texts(&other, Audience::Operators, None, 10).await.unwrap().is_empty());
        learn(&store, new.id, Fact::Unconfirmed, seconds(300)).await;
    }

    async fn a_bridge_asks_for_one_route_at_a_time(store: Store) {
        let request = |id, name| RouteRequest { id: Uuid::from_u128(id), bridge: bridge(name), node: HUT };
        assert_eq!(store.want_route(&request(1, "roof"), seconds(0)).await.unwrap(), RouteWanted::Noted);
        let again = seconds(0).plus(ROUTE_EVERY);
        assert_eq!(store.want_route(&request(2, "roof"), seconds(5)).await.unwrap(), RouteWanted::TooSoon(again));
        assert_eq!(store.want_route(&request(3, "cellar"), seconds(5)).await.unwrap(), RouteWanted::Noted);
        assert_eq!(store.routes_to_ask(seconds(6), 10).await.unwrap().len(), 2);
        assert_eq!(store.routes_to_ask(seconds(7), 10).await.unwrap(), [], "each is asked once");
        assert_eq!(store.want_route(&request(2, "roof"), again).await.unwrap(), RouteWanted::Noted);
        assert_eq!(store.routes_to_ask(again.plus(std::time::Duration::from_mins(2)), 10).await.unwrap(), [], "nobody waits for it any more");
    }
}
