//! Texts from the mesh: whose each is, and what an answer proves.

use crate::outbound::{
    ANA, BEN, HUT, LAKE, Outbox, RADIO, WINDOW, accept, answering, commit, direct, granted, handed_over, join, learn, message, seconds,
    text,
};
use kosmo_domain::{DAY, DeliveryEvidence, Fact, NodeId, NotSent, PacketId, Plan, Status, Timestamp, packet_id};
use kosmo_store::{
    Store,
    messages::{Effect, EventKind, GatewayOutcome, InboundText, NewMessage, PageFrom, Receipt, Routed, Said},
};
use std::time::Duration;
use uuid::Uuid;

const ANSWER: u128 = 0xf00;

/// Has the bridge's text stored, and tells whose it was.
async fn hear(store: &Store, outbox: &mut Outbox, text: InboundText, at: Timestamp) -> Routed {
    match commit(store, &[outbox.heard(text, at)]).await.remove(0) {
        GatewayOutcome::Committed(Effect::Text(routed, _)) => routed,
        other => panic!("{other:?}"),
    }
}

async fn inbox(store: &Store) -> Vec<String> {
    store.operators_inbox(None, 100).await.unwrap().into_iter().map(|row| row.text).collect()
}

/// Returns a bridge with a message of Ana's to the hut that went out in the packet 70.
async fn asked(store: &Store) -> (Outbox, Uuid) {
    join(store, ANA, "ana", Plan::Wanderer).await;
    join(store, BEN, "ben", Plan::Wanderer).await;
    let mut roof = Outbox::of("roof");
    let id = handed_over(store, &mut roof, 1, 70).await;
    (roof, id)
}

store_test! {
    async fn an_answer_is_the_senders_and_proves_delivery(store: Store) {
        let (mut roof, id) = asked(&store).await;
        let answer = answering(direct(ANSWER, HUT, 5, "all well"), 70);
        assert_eq!(hear(&store, &mut roof, answer, seconds(30)).await, Routed::Answer { user: ANA, message: id });

        let row = message(&store, id).await;
        assert_eq!((row.status, row.facts.delivered, row.facts.answered_at), (Status::Delivered, Some((DeliveryEvidence::Reply, seconds(30))), Some(seconds(30))));
        let said = store.conversation(ANA, HUT, PageFrom::After(0), 10).await.unwrap();
        let Said::Received(received) = &said[1] else { panic!("{said:?}") };
        assert_eq!((received.text.as_str(), received.from, received.message, received.user), ("all well", HUT, Some(id), Some(ANA)));
        assert_eq!((received.heard_at, received.received_at, received.bridge.as_str()), (seconds(30), seconds(60), "roof"));
        assert!(store.conversation(BEN, HUT, PageFrom::After(0), 10).await.unwrap().is_empty(), "it is for Ana alone");
        assert!(inbox(&store).await.is_empty());
        let last = store.member_events(ANA, 0, 100).await.unwrap().pop().unwrap();
        assert_eq!((last.kind, last.subject), (EventKind::TextReceived, Uuid::from_u128(ANSWER)));
        assert!(!format!("{received:?}").contains("well"), "texts stand in no log");
    }

    async fn an_answer_that_overtakes_the_word_of_its_packet_is_the_senders_all_the_same(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        join(&store, BEN, "ben", Plan::Wanderer).await;
        let mut roof = Outbox::of("roof");
        let id = granted(&store, 1).await;
        let packet = packet_id(id.as_u128(), 0);
        let told = roof.receipt(id, Receipt::HandedOver { attempt: 0, packet_id: packet, radio: RADIO }, seconds(20));
        let answer = answering(direct(ANSWER, HUT, 5, "all well"), packet.0);
        let by_another = commit(&store, &[Outbox::of("cellar").heard(InboundText { id: Uuid::from_u128(9), packet_id: PacketId(6), ..answer.clone() }, seconds(30))]).await;
        assert!(!matches!(by_another[0], GatewayOutcome::Committed(Effect::Text(Routed::Answer { .. }, _))), "who was not granted it foretells nothing");

        assert_eq!(hear(&store, &mut roof, answer, seconds(30)).await, Routed::Answer { user: ANA, message: id });
        assert_eq!(message(&store, id).await.status, Status::Delivered);

        commit(&store, &[told]).await;
        assert_eq!(message(&store, id).await.facts.handed_over_at, Some(seconds(20)));
    }

    async fn only_an_answer_to_us_over_lora_from_the_destination_proves_anything(store: Store) {
        let (mut roof, id) = asked(&store).await;
        let (own, routed) = (answering(direct(ANSWER, HUT, 5, "yes"), 70), Routed::Answer { user: ANA, message: id });
        let over_mqtt = InboundText { over_lora: false, ..own.clone() };
        assert_eq!(hear(&store, &mut roof, over_mqtt, seconds(30)).await, routed);
        let on_a_channel = InboundText { id: Uuid::from_u128(2), packet_id: PacketId(6), to: NodeId::BROADCAST, to_bridge: false, ..own.clone() };
        assert_eq!(hear(&store, &mut roof, on_a_channel, seconds(30)).await, routed);
        let of_another = InboundText { id: Uuid::from_u128(3), packet_id: PacketId(7), from: LAKE, ..own.clone() };
        assert_eq!(hear(&store, &mut roof, of_another, seconds(30)).await, routed);
        assert_eq!(message(&store, id).await.status, Status::Queued);

        let heard_better = commit(&store, &[Outbox::of("cellar").heard(own, seconds(31))]).await.remove(0);
        let GatewayOutcome::Committed(Effect::Text(Routed::Known, Some(change))) = heard_better else { panic!("{heard_better:?}") };
        assert_eq!((change.message, change.after), (id, Status::Delivered));
    }

    async fn a_text_that_several_bridges_hear_is_stored_once(store: Store) {
        let (mut roof, _) = asked(&store).await;
        let mut cellar = Outbox::of("cellar");
        hear(&store, &mut roof, direct(1, LAKE, 5, "hello"), seconds(30)).await;
        assert_eq!(hear(&store, &mut cellar, direct(2, LAKE, 5, "hello"), seconds(31)).await, Routed::Known);
        assert_eq!(hear(&store, &mut cellar, direct(3, LAKE, 5, "hello"), seconds(0)).await, Routed::Known);
        assert_eq!(inbox(&store).await, ["hello"]);
        assert_eq!(hear(&store, &mut cellar, direct(4, LAKE, 5, "tomorrow"), seconds(30).plus(DAY)).await, Routed::Operators);
        for id in 5..=6 {
            assert_eq!(hear(&store, &mut cellar, direct(id, LAKE, 0, "no id"), seconds(30)).await, Routed::Operators);
        }
        assert_eq!(inbox(&store).await, ["no id", "no id", "tomorrow", "hello"]);
    }

    async fn of_bridges_that_deliver_the_same_text_at_once_one_is_first(store: Store) {
        join(&store, ANA, "ana", Plan::Wanderer).await;
        accept(&store, &text(1, "hello")).await.unwrap();
        let deliveries: Vec<_> = (0..8_u128).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { hear(&store, &mut Outbox::of(&format!("b{n}")), direct(n + 10, HUT, 5, "hi"), seconds(30)).await })
        }).collect();
        let mut fresh = 0;
        for delivery in deliveries {
            fresh += usize::from(delivery.await.unwrap() == Routed::Correspondent { user: ANA });
        }
        assert_eq!(fresh, 1);
        assert_eq!(store.conversation(ANA, HUT, PageFrom::After(0), 50).await.unwrap().len(), 2);
    }

    async fn the_talk_of_channels_reaches_nobody(store: Store) {
        let (mut roof, _) = asked(&store).await;
        let talk = InboundText { to: NodeId::BROADCAST, to_bridge: false, ..direct(1, HUT, 5, "anybody there?") };
        assert_eq!(hear(&store, &mut roof, talk.clone(), seconds(30)).await, Routed::Dropped);
        let to_others = InboundText { to: LAKE, ..answering(talk, 99) };
        assert_eq!(hear(&store, &mut roof, to_others, seconds(30)).await, Routed::Dropped);
        assert!(inbox(&store).await.is_empty());
        assert_eq!(store.conversation(ANA, HUT, PageFrom::After(0), 10).await.unwrap().len(), 1);
    }

    async fn a_radio_that_texts_went_out_by_is_known_as_ours(store: Store) {
        let (mut roof, _) = asked(&store).await;
        let text = InboundText { to_bridge: false, ..direct(1, HUT, 5, "hi") };
        assert_eq!(hear(&store, &mut roof, text, seconds(30)).await, Routed::Correspondent { user: ANA });
    }

    async fn a_text_is_the_one_correspondents_else_the_operators(store: Store) {
        let (mut roof, _) = asked(&store).await;
        assert_eq!(hear(&store, &mut roof, direct(1, HUT, 5, "hi"), seconds(30)).await, Routed::Correspondent { user: ANA });
        assert_eq!(hear(&store, &mut roof, direct(2, LAKE, 5, "who are you?"), seconds(30)).await, Routed::Operators);

        accept(&store, &NewMessage { user: BEN, ..text(9, "me too") }).await.unwrap();
        assert_eq!(hear(&store, &mut roof, direct(3, HUT, 6, "to whom?"), seconds(30)).await, Routed::Operators);
        learn(&store, Uuid::from_u128(9), Fact::NotSent(NotSent::NeverGranted), seconds(31)).await;
        assert_eq!(hear(&store, &mut roof, direct(4, HUT, 7, "hi again"), seconds(32)).await, Routed::Correspondent { user: ANA });
        assert_eq!(inbox(&store).await, ["to whom?", "who are you?"]);
        assert_eq!(message(&store, Uuid::from_u128(1)).await.status, Status::Queued, "it answers nothing");
    }

    async fn the_window_begins_and_ends(store: Store) {
        let (mut roof, _) = asked(&store).await;
        let end = seconds(0).plus(WINDOW);
        assert_eq!(hear(&store, &mut roof, direct(1, HUT, 5, "in time"), end).await, Routed::Correspondent { user: ANA });
        assert_eq!(hear(&store, &mut roof, direct(2, HUT, 6, "late"), end.plus(Duration::from_micros(1))).await, Routed::Operators);
        assert_eq!(hear(&store, &mut roof, direct(3, HUT, 7, "before she wrote"), seconds(0).minus(DAY)).await, Routed::Operators);
    }

    async fn an_answer_to_no_packet_of_ours_is_a_text_like_any(store: Store) {
        let (mut roof, id) = asked(&store).await;
        assert_eq!(hear(&store, &mut roof, answering(direct(1, HUT, 5, "?"), 71), seconds(30)).await, Routed::Correspondent { user: ANA });
        assert_eq!(hear(&store, &mut roof, answering(direct(2, LAKE, 5, "?"), 0), seconds(30)).await, Routed::Operators);
        assert_eq!(message(&store, id).await.facts.answered_at, None);
    }

    async fn of_packets_with_the_same_id_the_one_to_the_answering_node_counts(store: Store) {
        let (mut roof, first) = asked(&store).await;
        let to_lake = NewMessage { user: BEN, node: LAKE, ..text(2, "hello lake") };
        let second = accept(&store, &to_lake).await.unwrap().id;
        store.grant(second, &crate::outbound::bridge("roof"), seconds(3)).await.unwrap();
        let handed_over = Receipt::HandedOver { attempt: 0, packet_id: PacketId(70), radio: RADIO };
        commit(&store, &[roof.receipt(second, handed_over, seconds(4))]).await;
        assert_eq!(hear(&store, &mut roof, answering(direct(3, HUT, 5, "hut"), 70), seconds(30)).await, Routed::Answer { user: ANA, message: first });
        assert_eq!(hear(&store, &mut roof, answering(direct(4, LAKE, 5, "lake"), 70), seconds(30)).await, Routed::Answer { user: BEN, message: second });
    }

    async fn absurd_texts_are_cut_and_kept(store: Store) {
        let (mut roof, _) = asked(&store).await;
        hear(&store, &mut roof, direct(1, LAKE, 5, &"ü\0".repeat(1_000_000)), seconds(30)).await;
        let text = inbox(&store).await.remove(0);
        assert!(text.len() <= 1024 && text.starts_with("ü ü "), "{}", text.len());
        hear(&store, &mut roof, direct(2, LAKE, 6, ""), seconds(30)).await;
        assert_eq!(inbox(&store).await[0], "");
    }

    async fn the_inbox_is_read_page_by_page_newest_first(store: Store) {
        let mut roof = Outbox::of("roof");
        for id in 1..=5_u32 {
            hear(&store, &mut roof, direct(id.into(), LAKE, id, &id.to_string()), seconds(30)).await;
        }
        let first = store.operators_inbox(None, 3).await.unwrap();
        let rest = store.operators_inbox(Some(first[2].id), 3).await.unwrap();
        let texts: Vec<_> = first.iter().chain(&rest).map(|row| row.text.as_str()).collect();
        assert_eq!(texts, ["5", "4", "3", "2", "1"]);
    }
}
