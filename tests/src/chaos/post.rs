//! A member who posts a text and perhaps takes it back, however often that takes.

use super::{
    evidence::TakenBack,
    load::{Post, SecondThought},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How long an attempt may take, and how long all of them.
const ANSWERS: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(90);
/// How long it is waited for a bridge that has a text.
const GRANTED: Duration = Duration::from_secs(5);

/// A text that was accepted.
pub(super) struct Posted {
    pub(super) id: Uuid,
    pub(super) post: Post,
    pub(super) taken_back: Option<TakenBack>,
}

/// Posts a text, again and again with its key, until it is answered; then takes it back, if it is one of those.
pub(super) async fn send(gateway: Arc<Mutex<String>>, post: Post) -> Result<Posted, String> {
    let http = reqwest::Client::builder().no_proxy().build().expect("a client without settings can be made");
    let body = json!({ "target_node_id": post.to.to_string(), "text": post.text }).to_string();
    let answer = insist(&gateway, &post.key, |url| {
        let request = http.post(format!("{url}/api/v1/messages")).header("Content-Type", "application/json");
        request.header("X-User-ID", post.member.to_string()).header("Idempotency-Key", &post.key).body(body.clone())
    });
    let (status, body) = answer.await?;
    let id = serde_json::from_str::<Value>(&body).ok().and_then(|body| body["id"].as_str()?.parse::<Uuid>().ok());
    let Some(id) = id.filter(|_| status == 202) else { return Err(format!("{} was refused: {status} {body}", post.key)) };
    let Some(second_thought) = post.taken_back else { return Ok(Posted { id, post, taken_back: None }) };
    if second_thought == SecondThought::Granted {
        let began = Instant::now();
        let asked = |url| http.get(format!("{url}/api/v1/messages/{id}")).header("X-User-ID", post.member.to_string());
        while began.elapsed() < GRANTED {
            let (_, text) = insist(&gateway, &post.key, asked).await?;
            let text: Value = serde_json::from_str(&text).unwrap_or_default();
            if text["granted_at"].is_string() {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
    }
    let answer =
        insist(&gateway, &post.key, |url| http.delete(format!("{url}/api/v1/messages/{id}")).header("X-User-ID", post.member.to_string()));
    let taken_back = match answer.await? {
        (200, _) => TakenBack::Done,
        (202, _) => TakenBack::Asked,
        (409, _) => TakenBack::TooLate,
        (status, body) => return Err(format!("{} could not be taken back: {status} {body}", post.key)),
    };
    Ok(Posted { id, post, taken_back: Some(taken_back) })
}

/// Asks again and again until the gateway answers that it did or did not, and returns status and body.
async fn insist(gateway: &Mutex<String>, key: &str, request: impl Fn(String) -> reqwest::RequestBuilder) -> Result<(u16, String), String> {
    let began = Instant::now();
    loop {
        let url = gateway.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match request(url).timeout(ANSWERS).send().await {
            Ok(answer) if answer.status().as_u16() < 500 => {
                let status = answer.status().as_u16();
                if let Ok(body) = answer.text().await {
                    return Ok((status, body));
                }
            }
            Ok(_) | Err(_) => {}
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{key} was not answered"));
        }
        sleep(Duration::from_millis(100)).await;
    }
}
