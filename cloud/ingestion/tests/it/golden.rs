//! The published examples of the contract.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Returns the names of all examples.
pub(crate) fn files() -> Vec<String> {
    fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Returns an example.
pub(crate) fn golden(file: &str) -> Value {
    serde_json::from_slice(&fs::read(folder().join(file)).unwrap()).unwrap()
}

/// Returns an example with a change.
pub(crate) fn changed(file: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut payload = golden(file);
    change(&mut payload);
    payload
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../common/contract/golden")
}
