//! Lists in pages.

use crate::house::{ANA, House, NODE, OTHER, SUE};
use axum::http::StatusCode;
use serde_json::{Value, json};

fn texts(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|text| text["text"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_conversation_is_read_backwards_page_by_page() {
    let house = House::new().await;
    for number in 0..5 {
        house.send(ANA, NODE, &number.to_string()).await;
        house.send(ANA, OTHER, "elsewhere").await;
    }
    let path = format!("/api/v1/messages/conversations/{NODE}?limit=2");
    let latest = house.read(ANA, &path).await;
    assert_eq!(texts(&latest), ["3", "4"]);
    let before = house.read(ANA, &format!("{path}&cursor={}", latest["next"].as_str().unwrap())).await;
    assert_eq!(texts(&before), ["1", "2"]);
    let first = house.read(ANA, &format!("{path}&cursor={}", before["next"].as_str().unwrap())).await;
    assert_eq!((texts(&first), &first["next"]), (vec!["0"], &Value::Null));
    let elsewhere = format!("/api/v1/messages/conversations/{OTHER}?cursor={}", latest["next"].as_str().unwrap());
    assert_eq!(house.get(ANA, &elsewhere).await.1["field"], "cursor");
}

#[tokio::test]
async fn conversations_come_with_the_latest_first() {
    let house = House::new().await;
    for node in [NODE, OTHER, "!00000abc"] {
        house.send(SUE, node, "hi").await;
    }
    house.send(SUE, NODE, "hi again").await;
    let path = "/api/v1/messages/conversations?limit=2";
    let nodes = |page: &Value| page["data"].as_array().unwrap().iter().map(|row| row["node_id"].clone()).collect::<Vec<_>>();
    let first = house.read(SUE, path).await;
    assert_eq!(nodes(&first), [NODE, "!00000abc"]);
    let second = house.read(SUE, &format!("{path}&cursor={}", first["next"].as_str().unwrap())).await;
    assert_eq!((nodes(&second), &second["next"]), (vec![json!(OTHER)], &Value::Null));
}

#[tokio::test]
async fn what_is_no_parameter_is_named() {
    let house = House::new().await;
    for (path, code, field) in [
        ("/api/v1/messages/conversations?limit=0", "invalid_request", "limit"),
        ("/api/v1/messages/conversations?cursor=x", "invalid_request", "cursor"),
        ("/api/v1/messages/conversations?page=2", "invalid_request", "page"),
        ("/api/v1/messages/conversations/ana", "invalid_node_id", "node_id"),
        ("/api/v1/messages/conversations/!a1b2c3d4?limit=101", "invalid_request", "limit"),
        ("/api/v1/messages/ana", "invalid_request", "message_id"),
    ] {
        let (status, answer) = house.get(ANA, path).await;
        assert_eq!((status, &answer["code"], &answer["field"]), (StatusCode::BAD_REQUEST, &json!(code), &json!(field)), "{path}: {answer}");
    }
    let (status, answer) = house.get(ANA, "/api/v1/messages/01976c3e-7b00-7000-8000-000000000001").await;
    assert_eq!((status, &answer["code"]), (StatusCode::NOT_FOUND, &json!("not_found")));
}
