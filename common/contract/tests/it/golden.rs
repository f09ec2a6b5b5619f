//! Every golden file parses, is written again as it stands, and fulfils its published schema.

use kosmo_contract::{Ack, InboundBody, NodeBody, Offer, ReadingBody, ReceiptBody, Record, Request, Status, parse, schemas};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{fs, path::Path};

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Parses a golden file as its type and returns it written again.
fn rewritten<T: DeserializeOwned + Serialize>(payload: &[u8], file: &str) -> Value {
    let parsed: T = parse(payload).unwrap_or_else(|refusal| panic!("{file}: {refusal} at {:?}", refusal.field));
    serde_json::to_value(parsed).unwrap()
}

#[test]
fn golden_files_survive_their_types_and_fulfil_their_schemas() {
    let mut seen = Vec::new();
    for entry in fs::read_dir(folder("golden")).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let payload = fs::read(&path).unwrap();
        let kind = file.split(['_', '.']).next().unwrap().to_owned();
        let again = match kind.as_str() {
            "reading" => rewritten::<Record<ReadingBody>>(&payload, &file),
            "node" => rewritten::<Record<NodeBody>>(&payload, &file),
            "inbound" => rewritten::<Record<InboundBody>>(&payload, &file),
            "receipt" => rewritten::<Record<ReceiptBody>>(&payload, &file),
            "outbound" => rewritten::<Offer>(&payload, &file),
            "status" => rewritten::<Status>(&payload, &file),
            "request" => rewritten::<Request>(&payload, &file),
            "ack" => rewritten::<Ack>(&payload, &file),
            other => panic!("{file}: no payload is called {other}"),
        };
        let written: Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(again, written, "{file} is written otherwise");
        let (_, schema) = schemas().into_iter().find(|(name, _)| *name == kind).unwrap();
        let validator = jsonschema::validator_for(schema.as_value()).unwrap();
        let errors: Vec<_> = validator.iter_errors(&written).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
        seen.push(kind);
    }
    for (name, _) in schemas() {
        assert!(seen.iter().any(|kind| kind == name), "{name} has no golden file");
    }
}

#[test]
fn published_schemas_are_those_of_the_types() {
    for (name, schema) in schemas() {
        let path = folder("schemas").join(format!("{name}.json"));
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let published = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(published, text, "{} is stale: run the test with UPDATE_SCHEMAS=1 and review the change", path.display());
    }
}
