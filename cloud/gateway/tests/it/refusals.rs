//! Texts that are not taken: each refusal says why, and stores and charges nothing.

use crate::house::{ANA, FAY, GUS, House, NODE, OTHER, SUE, post};
use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use kosmo_gateway::Pace;
use serde_json::{Value, json};
use std::{fmt::Write as _, sync::Arc, time::Duration};

/// Posts a body, and returns what was answered, on lines that a snapshot holds.
async fn refused(house: &House, request: Request<Body>) -> String {
    let (status, headers, mut answer) = house.ask(request).await;
    let mut text = format!("{status}\n");
    for name in ["retry-after", "www-authenticate"] {
        if let Some(value) = headers.get(name) {
            writeln!(text, "{name}: {}", value.to_str().unwrap()).unwrap();
        }
    }
    let problem = answer.as_object_mut().unwrap();
    for same_for_all in ["request_id", "status", "title", "type"] {
        assert!(problem.remove(same_for_all).is_some(), "{same_for_all}");
    }
    text + &serde_json::to_string_pretty(&answer).unwrap()
}

fn body(text: &Value) -> Body {
    Body::from(text.to_string())
}

fn hello(to: &str) -> Body {
    body(&json!({ "target_node_id": to, "text": "hello" }))
}

/// Asserts that nothing was stored of, or charged to, anybody.
async fn assert_untouched(house: &House) {
    for who in [ANA, GUS, SUE, FAY] {
        assert_eq!(house.quota(who).await["used"], 0, "{who}");
        assert_eq!(house.read(who, "/api/v1/messages/conversations").await["data"], json!([]), "{who}");
    }
    assert!(house.store.jobs(false, None, 10).await.unwrap().is_empty(), "nothing is to be offered");
}

#[tokio::test]
async fn a_plan_sends_what_it_says_and_no_more() {
    let house = House::new().await;
    insta::assert_snapshot!(refused(&house, post(FAY).body(hello(NODE)).unwrap()).await, @r#"
        403 Forbidden
        {
          "code": "plan_sends_nothing",
          "detail": "the plan free receives, but sends nothing",
          "limit": 0
        }
    "#);
    insta::assert_snapshot!(refused(&house, post(GUS).body(hello(OTHER)).unwrap()).await, @r#"
        403 Forbidden
        {
          "code": "node_not_listed",
          "detail": "the plan guardian writes to listed nodes, and !0badcafe is not on the list",
          "field": "target_node_id"
        }
    "#);
    assert_untouched(&house).await;
    house.send(GUS, NODE, "this one is listed").await;
}

#[tokio::test]
async fn the_text_after_the_last_of_a_period_is_refused_until_the_next() {
    let house = House::new().await;
    for _ in 0..50 {
        house.send(ANA, NODE, "hi").await;
    }
    insta::assert_snapshot!(refused(&house, post(ANA).body(hello(NODE)).unwrap()).await, @r#"
        429 Too Many Requests
        retry-after: 2592000
        {
          "code": "quota_exceeded",
          "detail": "all 50 texts of this period are used; the next period begins at 2026-07-01T12:00:00Z",
          "limit": 50,
          "resets_at": "2026-07-01T12:00:00Z",
          "retry_after_s": 2592000
        }
    "#);
    assert_eq!(
        house.quota(ANA).await,
        json!({
            "plan": "wanderer", "scope": "network", "limit": 50, "used": 50, "reserved": 50, "left": 0, "handle": "ana", "prefix": "ana: ", "max_bytes": 200,
            "period_start": "2026-06-01T12:00:00Z", "resets_at": "2026-07-01T12:00:00Z"
        })
    );
    assert_eq!(house.conversation(ANA, NODE).await.len(), 50);
    house.clock.set("2026-07-01T12:00:00Z".parse().unwrap());
    house.send(ANA, NODE, "a new month").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_posts_for_the_last_text_one_is_taken() {
    let house = Arc::new(House::new().await);
    for _ in 0..49 {
        house.send(ANA, NODE, "hi").await;
    }
    let posts: Vec<_> = (0..200)
        .map(|_| {
            let house = Arc::clone(&house);
            tokio::spawn(async move { house.post(ANA, &json!({ "target_node_id": NODE, "text": "the last" })).await })
        })
        .collect();
    let mut accepted = 0;
    for answer in posts {
        let (status, answer) = answer.await.unwrap();
        if status == StatusCode::ACCEPTED {
            accepted += 1;
        } else {
            assert_eq!((status, &answer["code"]), (StatusCode::TOO_MANY_REQUESTS, &json!("quota_exceeded")));
        }
    }
    assert_eq!((accepted, &house.quota(ANA).await["used"]), (1, &json!(50)));
}

#[tokio::test]
async fn who_is_too_fast_waits_and_pays_nothing() {
    let house = House::with(|config| config.pace = Pace::default()).await;
    for _ in 0..30 {
        house.send(SUE, NODE, "hi").await;
    }
    insta::assert_snapshot!(refused(&house, post(SUE).body(hello(NODE)).unwrap()).await, @r#"
        429 Too Many Requests
        retry-after: 5
        {
          "code": "rate_limited",
          "detail": "the air is shared by all, and this was one text too many in a short time",
          "limit": 12,
          "retry_after_s": 5
        }
    "#);
    assert_eq!(house.quota(SUE).await["used"], 30);
    house.clock.advance(Duration::from_secs(5));
    house.send(SUE, NODE, "after five seconds").await;
}

#[tokio::test]
async fn who_has_nothing_left_is_not_told_to_wait_a_few_seconds() {
    let house = House::with(|config| config.pace = Pace { burst: 50, per_minute: 1 }).await;
    for _ in 0..50 {
        house.send(ANA, NODE, "hi").await;
    }
    for _ in 0..60 {
        assert_eq!(house.post(ANA, &json!({ "target_node_id": NODE, "text": "hi" })).await.1["code"], "quota_exceeded");
        assert_eq!(house.post(FAY, &json!({ "target_node_id": NODE, "text": "hi" })).await.1["code"], "plan_sends_nothing");
    }
}

#[tokio::test]
async fn a_text_says_something_and_fits_into_a_packet() {
    let house = House::new().await;
    let with = |text: &str| post(ANA).body(body(&json!({ "target_node_id": NODE, "text": text }))).unwrap();
    insta::assert_snapshot!(refused(&house, with("")).await, @r#"
        400 Bad Request
        {
          "code": "text_empty",
          "detail": "a text says something",
          "field": "text"
        }
    "#);
    insta::assert_snapshot!(refused(&house, with(&"ü".repeat(98))).await, @r#"
        400 Bad Request
        {
          "bytes": 196,
          "bytes_over": 1,
          "code": "text_too_long",
          "detail": "196 bytes, 1 more than the 195 that are left beside `ana: ` of the 200 that one packet carries",
          "field": "text",
          "limit": 195
        }
    "#);
    insta::assert_snapshot!(refused(&house, with("bell\u{7}")).await, @r#"
        400 Bad Request
        {
          "code": "text_unprintable",
          "detail": "a text has no control characters other than a new line",
          "field": "text"
        }
    "#);
    assert_eq!(house.ask(with(" \n ")).await.2["code"], "text_empty");
    assert_untouched(&house).await;
    assert_eq!(house.ask(with(&"a".repeat(195))).await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_body_is_what_it_is_to_be() {
    let house = House::new().await;
    let with = |body: Body| post(ANA).body(body).unwrap();
    insta::assert_snapshot!(refused(&house, with(hello("a1b2c3d4"))).await, @r#"
        400 Bad Request
        {
          "code": "invalid_node_id",
          "detail": "a node id is `!` and eight lower-case hexadecimal digits, like `!a1b2c3d4`",
          "field": "target_node_id"
        }
    "#);
    insta::assert_snapshot!(refused(&house, with(hello("!ffffffff"))).await, @r#"
        400 Bad Request
        {
          "code": "invalid_node_id",
          "detail": "this node number is reserved by the mesh and names no node",
          "field": "target_node_id"
        }
    "#);
    insta::assert_snapshot!(refused(&house, with(Body::from("{\"target_node_id\": "))).await, @r#"
        400 Bad Request
        {
          "code": "invalid_json",
          "detail": "the body does not parse: EOF while parsing a value at line 1 column 19"
        }
    "#);
    insta::assert_snapshot!(refused(&house, with(body(&json!({ "text": "hi" })))).await, @r#"
        400 Bad Request
        {
          "code": "invalid_request",
          "detail": "missing field `target_node_id` at line 1 column 13",
          "field": "target_node_id"
        }
    "#);
    insta::assert_snapshot!(refused(&house, with(body(&json!({ "target_node_id": NODE, "text": "hi", "ttl_s": 5 })))).await, @r#"
        400 Bad Request
        {
          "code": "invalid_request",
          "detail": "a text waits for 10 to 604800 seconds",
          "field": "ttl_s",
          "limit": 604800
        }
    "#);
    insta::assert_snapshot!(refused(&house, with(body(&json!({ "target_node_id": NODE, "text": "hi", "reply_to": 0 })))).await, @r#"
        400 Bad Request
        {
          "code": "invalid_request",
          "detail": "a packet that can be answered has an id, which is never 0",
          "field": "reply_to"
        }
    "#);
    insta::assert_snapshot!(refused(&house, with(Body::from(vec![b' '; 2 << 20]))).await, @r#"
        413 Payload Too Large
        {
          "code": "payload_too_large",
          "detail": "a body has at most 1048576 bytes",
          "limit": 1048576
        }
    "#);
    let form = Request::post("/api/v1/messages").header("X-User-ID", ANA).body(Body::from("text=hi")).unwrap();
    insta::assert_snapshot!(refused(&house, form).await, @r#"
        415 Unsupported Media Type
        {
          "code": "unsupported_media_type",
          "detail": "the body is JSON, sent as `application/json`"
        }
    "#);
    assert_untouched(&house).await;
}

#[tokio::test]
async fn nobody_is_taken_at_a_word_that_is_none() {
    let house = House::new().await;
    insta::assert_snapshot!(refused(&house, post("ana").body(hello(NODE)).unwrap()).await, @r#"
        401 Unauthorized
        www-authenticate: X-User-ID realm="development"
        {
          "code": "invalid_identity",
          "detail": "`X-User-ID` is one UUID, like `11111111-1111-1111-1111-111111111111`",
          "field": "X-User-ID"
        }
    "#);
    insta::assert_snapshot!(refused(&house, post("99999999-9999-9999-9999-999999999999").body(hello(NODE)).unwrap()).await, @r#"
        401 Unauthorized
        www-authenticate: X-User-ID realm="development"
        {
          "code": "unknown_user",
          "detail": "no user has this id",
          "field": "X-User-ID"
        }
    "#);
    let nobody = Request::post("/api/v1/messages").header("Content-Type", "application/json").body(hello(NODE)).unwrap();
    insta::assert_snapshot!(refused(&house, nobody).await, @r#"
        401 Unauthorized
        www-authenticate: X-User-ID realm="development"
        {
          "code": "unauthenticated",
          "detail": "the header `X-User-ID` is missing",
          "field": "X-User-ID"
        }
    "#);
    let two = post(ANA).header("X-User-ID", SUE).body(hello(NODE)).unwrap();
    assert_eq!(house.ask(two).await.2["code"], "invalid_identity");
    assert_untouched(&house).await;
}

#[tokio::test]
async fn without_the_permission_the_header_is_not_believed() {
    let house = House::with(|config| config.dev_identity = None).await;
    insta::assert_snapshot!(refused(&house, post(ANA).body(hello(NODE)).unwrap()).await, @r#"
        401 Unauthorized
        www-authenticate: Kosmo realm="members"
        {
          "code": "unauthenticated",
          "detail": "this server has no accounts, and does not take a header's word for who asks"
        }
    "#);
    for path in ["conversations", "conversations/!a1b2c3d4", "quota", "01976c3e-7b00-7000-8000-000000000001"] {
        let (status, answer) = house.get(ANA, &format!("/api/v1/messages/{path}")).await;
        assert_eq!((status, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthenticated")), "{path}");
    }
}

#[tokio::test]
async fn a_repeated_key_sends_once_and_belongs_to_its_body() {
    let house = House::new().await;
    let keyed = |who: &str, key: &str, text: &str| {
        post(who).header("Idempotency-Key", key).body(body(&json!({ "target_node_id": NODE, "text": text }))).unwrap()
    };
    let (status, first, answer) = house.ask(keyed(ANA, "k-1", "hello")).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    let (status, again, _) = house.ask(keyed(ANA, "k-1", "hello")).await;
    assert_eq!((status, location(&first)), (StatusCode::ACCEPTED, location(&again)));
    insta::assert_snapshot!(refused(&house, keyed(ANA, "k-1", "hello!")).await, @r#"
        422 Unprocessable Entity
        {
          "code": "idempotency_key_reused",
          "detail": "this key was given within the last 24 hours, for a text that was another",
          "field": "Idempotency-Key"
        }
    "#);
    assert_eq!(house.quota(ANA).await["used"], 1);
    assert_eq!(house.ask(keyed(SUE, "k-1", "mine")).await.0, StatusCode::ACCEPTED, "a key is a member's own");

    insta::assert_snapshot!(refused(&house, keyed(ANA, &"k".repeat(256), "hello")).await, @r#"
        400 Bad Request
        {
          "code": "invalid_request",
          "detail": "an idempotency key is 1 to 255 visible ASCII characters, and is given once",
          "field": "Idempotency-Key",
          "limit": 255
        }
    "#);
    for key in ["", "a b", "schlüssel"] {
        assert_eq!(house.ask(keyed(ANA, key, "hello")).await.2["field"], "Idempotency-Key", "{key:?}");
    }
    house.clock.advance(Duration::from_hours(25));
    assert_ne!(location(&house.ask(keyed(ANA, "k-1", "hello")).await.1), location(&first), "a key is kept for a day");
}

fn location(headers: &HeaderMap) -> &str {
    headers["location"].to_str().unwrap()
}
