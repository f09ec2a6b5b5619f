//! From a post to a confirmation, as the document has it.

use crate::{
    bridge::first_packet,
    house::{ANA, GUS, House, NODE, SUE, node, post},
};
use axum::{body::Body, http::StatusCode};
use kosmo_contract::{Evidence, WaitReason};
use kosmo_domain::PacketId;
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn the_calls_of_the_document_lead_from_pending_to_an_answer() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;

    let body = r#"{"target_node_id": "!a1b2c3d4", "text": "Hello mesh"}"#;
    let (status, headers, answer) = house.ask(post(ANA).body(Body::from(body)).unwrap()).await;
    assert_eq!((status, &answer["status"]), (StatusCode::ACCEPTED, &json!("pending")), "{answer}");
    let id = answer["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(headers["location"], format!("/api/v1/messages/{id}").as_str());
    let list = house.read(ANA, "/api/v1/messages/conversations").await;
    assert_eq!((&list["data"][0]["node_id"], &list["data"][0]["last_text"]), (&json!(NODE), &json!("Hello mesh")));

    let offer = roof.offer().await;
    assert_eq!((offer.message_id, &*offer.text, offer.ttl_s, offer.bridge), (id, "ana: Hello mesh", 3600, None));
    assert_eq!(house.until_status(ANA, id, "queued").await["waits_for"]["reason"], "bridge");

    house.clock.advance(Duration::from_secs(1));
    assert!(roof.claim(id).await);
    roof.tell(id, Evidence::Waiting { reason: WaitReason::DutyCycle }).await;
    let queued = house.message(ANA, id).await;
    assert_eq!((&queued["status"], &queued["waits_for"]["reason"]), (&json!("queued"), &json!("duty_cycle")), "{queued}");

    house.clock.advance(Duration::from_secs(1));
    roof.tell(id, Evidence::HandedOver { attempt: 0, packet_id: first_packet(id), radio: roof.radio }).await;
    house.clock.advance(Duration::from_secs(5));
    roof.tell(id, Evidence::Transmitted { packet_id: first_packet(id) }).await;
    let transmitted = house.message(ANA, id).await;
    assert_eq!((&transmitted["status"], &transmitted["charge"]), (&json!("transmitted"), &json!("committed")), "{transmitted}");

    house.clock.advance(Duration::from_secs(2));
    roof.tell(id, Evidence::Acknowledged { packet_id: first_packet(id), by: node(NODE), proven: false }).await;
    house.clock.advance(Duration::from_mins(1));
    roof.hear_text(roof.packet(NODE, 4711), "Hello Ana", Some(first_packet(id).0)).await;

    let mut delivered = house.message(ANA, id).await;
    let timeline = delivered.as_object_mut().unwrap().remove("timeline").unwrap();
    delivered["id"] = "…".into();
    insta::assert_snapshot!(serde_json::to_string_pretty(&delivered).unwrap(), @r#"
        {
          "answered_at": "2026-06-01T12:01:09Z",
          "bridge_id": "roof",
          "charge": "committed",
          "created_at": "2026-06-01T12:00:00Z",
          "delivered_at": "2026-06-01T12:00:09Z",
          "evidence": "reply",
          "expires_at": "2026-06-01T13:00:00Z",
          "granted_at": "2026-06-01T12:00:01Z",
          "handed_over_at": "2026-06-01T12:00:02Z",
          "id": "…",
          "queued_at": "2026-06-01T12:00:00Z",
          "says": "It arrived: they answered it.",
          "sent_as": "ana: Hello mesh",
          "seq": 1,
          "status": "delivered",
          "target_node_id": "!a1b2c3d4",
          "text": "Hello mesh",
          "transmitted_at": "2026-06-01T12:00:07Z"
        }
    "#);
    insta::assert_snapshot!(lines(&timeline), @r#"
        2026-06-01T12:00:00Z accepted Stored, and one text of your quota kept for it.
        2026-06-01T12:00:00Z offered Offered to the bridges.
        2026-06-01T12:00:01Z granted Taken by bridge `roof`; no other may send it.
        2026-06-01T12:00:02Z handed_over Given to the radio of bridge `roof`.
        2026-06-01T12:00:07Z transmitted Sent: the radio had taken it, and refused nothing in the time that sending takes.
        2026-06-01T12:00:09Z delivered Arrived: the destination's radio confirmed it over the air.
        2026-06-01T12:01:09Z delivered Arrived: an answer to this very packet came from the destination.
        2026-06-01T12:01:09Z answered Answered.
    "#);

    let texts = house.conversation(ANA, NODE).await;
    assert_eq!((&texts[0]["direction"], &texts[1]["direction"]), (&json!("out"), &json!("in")));
    assert_eq!((&texts[1]["text"], &texts[1]["answers"], &texts[1]["packet_id"]), (&json!("Hello Ana"), &json!(id), &json!(4711)));
    for other in [GUS, SUE] {
        assert_eq!(house.get(other, &format!("/api/v1/messages/{id}")).await.0, StatusCode::NOT_FOUND);
        assert_eq!(house.conversation(other, NODE).await, Vec::<Value>::new());
        assert_eq!(house.read(other, "/api/v1/messages/conversations").await["data"], json!([]));
    }
}

#[tokio::test]
async fn receipts_end_in_the_same_in_whatever_order_they_come() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let receipts = |packet_id, radio| {
        [
            Evidence::HandedOver { attempt: 0, packet_id, radio },
            Evidence::Transmitted { packet_id },
            Evidence::Refused { packet_id, code: 5, by: radio },
            Evidence::Acknowledged { packet_id, by: node(NODE), proven: false },
        ]
    };
    for order in orders(4) {
        let id = house.send(SUE, NODE, "hi").await;
        let receipts = receipts(first_packet(id), roof.radio);
        assert!(roof.claim(id).await);
        for &index in &order {
            assert_eq!(roof.tell(id, receipts[index].clone()).await, None);
        }
        let message = house.message(SUE, id).await;
        assert_eq!(
            (&message["status"], &message["evidence"], &message["charge"]),
            (&json!("delivered"), &json!("ack"), &json!("committed")),
            "{order:?}"
        );
    }
    assert_eq!(house.quota(SUE).await["used"], 24);
    assert_eq!(house.quota(SUE).await["reserved"], 0);
}

#[tokio::test]
async fn of_two_bridges_one_is_granted_the_text_for_good() {
    let house = House::new().await;
    let (mut roof, mut cellar) = (house.bridge("roof", "!4daa1001").await, house.bridge("cellar", "!4daa1002").await);
    let id = house.send(ANA, NODE, "hi").await;
    assert_eq!((roof.offer().await.message_id, cellar.offer().await.message_id), (id, id));
    let (one, other) = tokio::join!(roof.claim(id), cellar.claim(id));
    assert!(one != other, "one of them, and one alone");
    let (winner, loser) = if one { (&mut roof, &mut cellar) } else { (&mut cellar, &mut roof) };
    assert!(winner.claim(id).await, "whoever has it is told so again");
    assert!(!loser.claim(id).await);
    assert_eq!(loser.tell(id, Evidence::Transmitted { packet_id: first_packet(id) }).await.as_deref(), Some("not_granted"));
    assert_eq!(house.message(ANA, id).await["bridge_id"], json!(winner.id));
}

#[tokio::test]
async fn nothing_but_the_destination_confirms() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let id = house.send(ANA, NODE, "hi").await;
    roof.transmit(id).await;
    let forged = Evidence::Acknowledged { packet_id: first_packet(id), by: node("!0badcafe"), proven: true };
    assert_eq!(roof.tell(id, forged).await.as_deref(), Some("not_destination"));
    roof.tell(id, Evidence::Relayed { packet_id: first_packet(id) }).await;
    let message = house.message(ANA, id).await;
    assert_eq!(message["status"], "transmitted");
    assert_eq!(message["says"], "Sent by radio, and a neighbour was heard passing it on. Nobody knows yet whether it arrived.");
}

#[tokio::test]
async fn a_text_that_answers_a_packet_says_so_to_the_bridge() {
    let house = House::new().await;
    let mut roof = house.bridge("roof", "!4daa1001").await;
    let (status, answer) = house.post(ANA, &json!({ "target_node_id": NODE, "text": "yes", "reply_to": 4711, "ttl_s": 60 })).await;
    assert_eq!((status, &answer["reply_to"], &answer["expires_at"]), (StatusCode::ACCEPTED, &json!(4711), &json!("2026-06-01T12:01:00Z")));
    let offer = roof.offer().await;
    assert_eq!((offer.reply_to, offer.ttl_s), (Some(PacketId(4711)), 60));
}

/// Returns what a timeline says, a line for each entry.
fn lines(timeline: &Value) -> String {
    let line = |entry: &Value| {
        format!("{} {} {}", entry["at"].as_str().unwrap(), entry["event"].as_str().unwrap(), entry["says"].as_str().unwrap())
    };
    timeline.as_array().unwrap().iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns every order of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let mut orders = vec![Vec::new()];
    for item in 0..count {
        orders = orders
            .iter()
            .flat_map(|order: &Vec<usize>| {
                (0..=order.len()).map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, item);
                    longer
                })
            })
            .collect();
    }
    orders
}
