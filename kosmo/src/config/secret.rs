//! A text that no log, error or `Debug` output shows.

use crate::config::Fault;
use serde::Deserialize;
use std::{fmt, path::Path};

/// A password or a URL that holds one. Empty means: not set.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Returns the text itself, for whoever presents it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Tells whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over the first line of a file, if one is named. One that cannot be read is a fault, and called `what`.
    pub(crate) fn read(&mut self, file: &Path, what: impl FnOnce() -> String, faults: &mut Vec<Fault>) {
        if file.as_os_str().is_empty() {
            return;
        }
        match std::fs::read_to_string(file) {
            Ok(text) => *self = text.lines().next().unwrap_or_default().to_owned().into(),
            Err(source) => faults.push(Fault::File { what: what(), path: file.to_owned(), source }),
        }
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "Secret(none)" } else { "Secret(***)" })
    }
}
