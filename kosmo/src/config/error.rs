//! What can be wrong with a configuration, in words that name the key, where it stands, and the remedy.

use std::{fmt, io, path::PathBuf};

/// One thing that is wrong.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file cannot be read.
    #[error("{what} {} cannot be read: {source}", path.display())]
    File {
        /// What the file is for.
        what: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file is not TOML.
    #[error("{} is not TOML: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why, in the parser's words.
        message: String,
    },
    /// No setting has this name.
    #[error("`{key}` ({place}) is not a setting{}", did_you_mean(.meant.as_deref()))]
    UnknownKey {
        /// The key.
        key: String,
        /// Where it stands.
        place: String,
        /// The setting that was probably meant.
        meant: Option<String>,
    },
    /// A value cannot be what was given.
    #[error("`{key}` ({place}) {reason}")]
    Invalid {
        /// The key.
        key: String,
        /// Where the value stands.
        place: String,
        /// What it must be, and what it is.
        reason: String,
    },
}

fn did_you_mean(key: Option<&str>) -> String {
    key.map_or_else(|| ": `kosmo config example` lists them all".to_owned(), |key| format!("; did you mean `{key}`?"))
}

/// Everything that is wrong with a configuration.
#[derive(Debug)]
pub struct ConfigErrors(pub Vec<Fault>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not right")?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ConfigErrors {}

impl From<Fault> for ConfigErrors {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}
