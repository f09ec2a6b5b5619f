//! What a node must not be told by, and everything that anybody may ask, so that it can be looked for everywhere: the paths are those
//! of the description of the APIs, so that a new one is asked, too.

use kosmo_domain::NodeId;
use kosmo_tests::{Kosmo, kosmo, now};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, Mutex},
};

/// What nobody is told of anybody.
pub(crate) const HEALTH: &str = "how its bearer is";

pub(crate) const SHOWN: u32 = 0x100;

/// What a node must not be told by: its name, its words, what it measures, where it is, and how its bearer is.
pub(crate) struct Secrets {
    pub(crate) name: String,
    pub(crate) words: String,
    pub(crate) celsius: f32,
    pub(crate) latitude_i: i32,
    pub(crate) body_celsius: f32,
}

impl Secrets {
    pub(crate) fn of(number: u32) -> Self {
        let place = u16::try_from(number - SHOWN).unwrap();
        Self {
            name: format!("Secretname{number}"),
            words: format!("secretwords{number}"),
            // A quarter, so that it looks like nothing else that is told.
            celsius: -f32::from(place) - 20.25,
            body_celsius: f32::from(place) + 12.125,
            latitude_i: 470_000_000 + i32::from(place) * 100_000 + 49_876,
        }
    }

    /// Returns what stands in an answer that tells of the node, each with what it is.
    pub(crate) fn as_told(&self) -> [(&'static str, String); 5] {
        let rough = format!("\"latitude\":{}", (f64::from(self.latitude_i) / 1e5).round() / 1e2);
        [
            ("its name", self.name.clone()),
            ("its words", self.words.clone()),
            ("its reading", self.celsius.to_string()),
            ("its place", rough),
            (HEALTH, self.body_celsius.to_string()),
        ]
    }
}

pub(crate) fn said(data: &Path, arguments: &[&str]) {
    let output = kosmo(data, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Returns the whole URLs' paths of all that anybody may ask, about these nodes.
async fn paths(cloud: &Kosmo, nodes: &[NodeId]) -> Vec<String> {
    let described: Value = serde_json::from_str(include_str!("../../docs/api/openapi.json")).unwrap();
    let (start, end) = (now().minus(kosmo_domain::DAY), now().plus(kosmo_domain::DAY));
    let packets: Vec<_> = cloud.json("web", "/api/v1/network/packets?limit=500").await["data"].as_array().unwrap().clone();
    let channels = cloud.json("web", "/api/v1/channels").await["data"].as_array().unwrap().clone();
    let mut paths = Vec::new();
    for (path, methods) in described["paths"].as_object().unwrap() {
        // Of members' own texts there is nothing without a member, and the stream is listened to all the while.
        let is_members = path.starts_with("/api/v1/messages") || path == "/api/v1/identity";
        if methods.get("get").is_none() || is_members || path == "/api/v1/stream" {
            continue;
        }
        let about = |ids: Vec<String>, name: &str| ids.into_iter().map(|id| path.replace(name, &id)).collect::<Vec<_>>();
        let ids = |rows: &[Value]| rows.iter().map(|row| row["id"].to_string().trim_matches('"').to_owned()).collect::<Vec<_>>();
        let of_time = format!("start={start}&end={end}");
        match path.as_str() {
            "/api/v1/nodes/{id}" => paths.extend(about(nodes.iter().map(ToString::to_string).collect(), "{id}")),
            "/api/v1/network/packets/{id}" => paths.extend(about(ids(&packets), "{id}")),
            "/api/v1/channels/{channel_id}/messages" => paths.extend(about(ids(&channels), "{channel_id}")),
            "/api/v1/network/packets" => {
                let each = nodes.iter().map(|node| format!("{path}?limit=500&node_id={node}"));
                paths.extend(each.chain([format!("{path}?limit=500"), format!("{path}?q=secret"), format!("{path}?channel=Family")]));
            }
            "/api/v1/weather/frames" => paths.push(format!("{path}?{of_time}&metrics=temperature_c")),
            "/api/v1/weather/history" | "/api/v1/weather/history.csv" | "/api/v1/weather/series" => {
                for node in nodes {
                    paths.extend(["raw", "1h"].map(|interval| format!("{path}?{of_time}&node_id={node}&interval={interval}")));
                }
            }
            "/api/v1/traceroutes" => {
                paths.extend(nodes.iter().map(|node| format!("{path}?node_id={node}")).chain([path.clone()]));
            }
            _ => {
                assert!(!path.contains('{'), "this test does not know how to ask {path}");
                paths.push(path.clone());
            }
        }
    }
    paths.extend(["/metrics", "/readyz"].map(str::to_owned));
    paths
}

/// Asks everything, and returns all that was answered, path by path.
pub(crate) async fn answers(cloud: &Kosmo, nodes: &[NodeId]) -> Vec<(String, String)> {
    let mut answers = Vec::new();
    for path in paths(cloud, nodes).await {
        let (status, body) = cloud.ask("web", &path).await;
        assert!(status == 200 || (status == 404 && path.contains('!')), "{path}: {status} {body}");
        answers.push((path, body));
    }
    answers
}

/// Listens to what is told live, from now on.
pub(crate) async fn listen(cloud: &Kosmo) -> Arc<Mutex<String>> {
    let heard = Arc::new(Mutex::new(String::new()));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut answer = client.get(format!("{}/api/v1/stream", cloud.address("web"))).send().await.unwrap();
    let into = Arc::clone(&heard);
    tokio::spawn(async move {
        while let Ok(Some(chunk)) = answer.chunk().await {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&chunk));
        }
    });
    heard
}

/// Returns which of a node's secrets are told, and where.
pub(crate) fn told(number: u32, answers: &[(String, String)]) -> BTreeSet<(&'static str, String)> {
    let secrets = Secrets::of(number).as_told();
    let found = answers.iter().flat_map(|(path, body)| {
        let found = secrets.iter().filter(|(_, secret)| body.contains(secret.as_str()));
        found.map(|(what, _)| (*what, path.split(['?', '!']).next().unwrap().to_owned()))
    });
    found.collect()
}
