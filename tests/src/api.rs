//! Asking what the cloud offers over HTTP.

use kosmo_domain::{DAY, NodeId, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where the parts of a cloud listen, and a client that asks them.
#[derive(Debug)]
pub struct Api {
    pub(crate) addresses: BTreeMap<String, String>,
    http: reqwest::Client,
}

impl Default for Api {
    fn default() -> Self {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client without settings can be made");
        Self { addresses: BTreeMap::new(), http }
    }
}

impl Api {
    /// Returns where a part listens, as a URL.
    pub fn address(&self, part: &str) -> &str {
        self.addresses.get(part).unwrap_or_else(|| panic!("{part} is not among {:?}", self.addresses))
    }

    /// Returns the port of a part.
    pub fn port(&self, part: &str) -> u16 {
        self.address(part).rsplit(':').next().and_then(|port| port.parse().ok()).expect("addresses end in a port")
    }

    /// Asks a part, and returns status and body.
    pub async fn ask(&self, part: &str, path: &str) -> (u16, String) {
        self.try_ask(part, path).await.unwrap_or_else(|| panic!("{part} does not answer {path}"))
    }

    /// Asks a part that may be away.
    pub async fn try_ask(&self, part: &str, path: &str) -> Option<(u16, String)> {
        let answer = self.http.get(format!("{}{path}", self.address(part))).send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.unwrap_or_default()))
    }

    /// Asks a part for JSON that it is expected to have.
    pub async fn json(&self, part: &str, path: &str) -> Value {
        let (status, body) = self.ask(part, path).await;
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
    }

    /// Sends a text as a member, and returns status, `Location` and body.
    pub async fn send(&self, member: &str, key: Option<&str>, body: impl Into<String>) -> (u16, Option<String>, Value) {
        self.send_to("gateway", member, key, body).await
    }

    /// Sends a text as a member to this one of several gateways.
    pub async fn send_to(&self, part: &str, member: &str, key: Option<&str>, body: impl Into<String>) -> (u16, Option<String>, Value) {
        let url = format!("{}/api/v1/messages", self.address(part));
        let body: String = body.into();
        let is_refused_unread = body.len() > 1 << 20;
        let mut request = self.http.post(url).header("Content-Type", "application/json").header("X-User-ID", member).body(body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        // Whoever is still writing a body that is refused may find the connection closed before the answer is read.
        let again = request.try_clone().expect("a text can be sent twice");
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(_) if is_refused_unread => again.send().await.expect("the gateway answers"),
            Err(error) => panic!("the gateway does not answer: {error}"),
        };
        let location = answer.headers().get("Location").and_then(|location| location.to_str().ok()).map(str::to_owned);
        (answer.status().as_u16(), location, answer.json().await.expect("the gateway answers with JSON"))
    }

    /// Takes something away as a member, and returns status and body.
    pub async fn delete(&self, member: &str, path: &str) -> (u16, Value) {
        let request = self.http.delete(format!("{}{path}", self.address("gateway"))).header("X-User-ID", member);
        let answer = request.send().await.expect("the gateway answers");
        (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
    }

    /// Asks the gateway for JSON as a member, and returns status and body.
    pub async fn read(&self, member: &str, path: &str) -> (u16, Value) {
        let url = format!("{}{path}", self.address("gateway"));
        let answer = self.http.get(url).header("X-User-ID", member).send().await.expect("the gateway answers");
        (answer.status().as_u16(), answer.json().await.expect("the gateway answers with JSON"))
    }

    /// Asks the gateway, which may be away, for JSON as a member.
    pub async fn try_read(&self, member: &str, path: &str) -> Option<(u16, Value)> {
        self.read_from("gateway", member, path).await
    }

    /// Asks this one of several gateways, which may be away, for JSON as a member.
    pub async fn read_from(&self, part: &str, member: &str, path: &str) -> Option<(u16, Value)> {
        let url = format!("{}{path}", self.address(part));
        let answer = self.http.get(url).header("X-User-ID", member).send().await.ok()?;
        Some((answer.status().as_u16(), answer.json().await.ok()?))
    }

    /// Returns every raw reading of a node in the ten days before and after, oldest first, page by page.
    pub async fn readings(&self, node: NodeId, around: Timestamp) -> Vec<Value> {
        let (start, end) = (around.minus(10 * DAY), around.plus(10 * DAY));
        let mut readings = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/api/v1/weather/history?node_id={node}&start={start}&end={end}&interval=raw{after}");
            let (status, body) = self.ask("weather", &path).await;
            if status == 404 {
                return readings; // nothing was ever heard of the node
            }
            assert_eq!(status, 200, "{path}: {body}");
            let page: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"));
            readings.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(cursor) => after = format!("&cursor={cursor}"),
                None => return readings,
            }
        }
    }

    /// Returns the value of a metric, summed over its labels.
    pub async fn metric(&self, part: &str, name: &str) -> f64 {
        let (_, text) = self.ask(part, "/metrics").await;
        let of_this_name = text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
        of_this_name.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}
