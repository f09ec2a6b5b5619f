//! The description of every API, which lies in the repository: the web app's types are made of it, and clients are written
//! against it.

use crate::up::{FREE_PORTS, Running};
use serde_json::{Map, Value};
use std::{fs, path::Path};

/// Returns the document with its keys in order, so that the file does not change without a reason.
fn in_order(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.into_iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            Value::Object(entries.into_iter().map(|(name, value)| (name, in_order(value))).collect::<Map<_, _>>())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(in_order).collect()),
        other => other,
    }
}

#[tokio::test]
async fn the_committed_description_of_the_apis_is_what_the_program_says() {
    let folder = tempfile::tempdir().unwrap();
    let (program, addresses) = Running::start(&[&["up"], FREE_PORTS.as_slice()].concat(), folder.path());
    let url = format!("{}/openapi.json", addresses["web"].as_str().unwrap());
    kosmo::system::install_crypto();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let told: Value = serde_json::from_str(&client.get(url).send().await.unwrap().text().await.unwrap()).unwrap();
    program.end();

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        let text = serde_json::to_string_pretty(&in_order(told)).unwrap();
        fs::write(path, text + "\n").unwrap();
        return;
    }
    let committed: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert!(committed == told, "docs/api/openapi.json is out of date: write it anew with `UPDATE_OPENAPI=1 cargo test -p kosmo openapi`");
}
