//! Where the app's files come from: out of the program, or from a folder while somebody works on them.

use crate::answer::{File, tag_of};
use kosmo_http::web::Bytes;
use std::{
    io,
    path::{Path, PathBuf},
};

/// A file that was there when the program was built.
pub(crate) struct Embedded {
    pub(crate) path: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) content: &'static [u8],
    pub(crate) brotli: Option<&'static [u8]>,
    pub(crate) gzip: Option<&'static [u8]>,
}

// `EMBEDDED`: every file of web/dist, by path.
include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

/// What stands where the app was not built.
const PLACEHOLDER: &str = include_str!("placeholder.html");
/// The most that is read of a file of a folder.
const LARGEST: u64 = 64 * 1024 * 1024;

/// The app's files.
#[derive(Debug, Clone)]
pub(crate) enum Files {
    Program,
    Folder(PathBuf),
}

impl Files {
    /// Returns the file at this path, which has no slash at its beginning; nothing if there is none.
    pub(crate) async fn get(&self, path: &str) -> io::Result<Option<File>> {
        match self {
            Self::Program => Ok(embedded(path)),
            Self::Folder(folder) if is_plain(path) => from_folder(folder, path).await,
            Self::Folder(_) => Ok(None),
        }
    }

    /// Returns the page that every route of the app begins with.
    pub(crate) async fn index(&self) -> io::Result<File> {
        let index = self.get("index.html").await?;
        Ok(index.unwrap_or_else(|| File { content: PLACEHOLDER.into(), brotli: None, gzip: None, tag: tag_of(PLACEHOLDER.as_bytes()) }))
    }
}

fn embedded(path: &str) -> Option<File> {
    let place = EMBEDDED.binary_search_by_key(&path, |file| file.path).ok()?;
    let Embedded { tag, content, brotli, gzip, .. } = EMBEDDED.get(place)?;
    Some(File {
        content: Bytes::from_static(content),
        brotli: brotli.map(Bytes::from_static),
        gzip: gzip.map(Bytes::from_static),
        tag: (*tag).to_owned(),
    })
}

/// Tells whether a path is made of plain names: nothing that leads out of a folder, and nothing hidden.
fn is_plain(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    path.split('/').all(|name| !name.is_empty() && !name.starts_with('.') && name.bytes().all(plain))
}

async fn from_folder(folder: &Path, path: &str) -> io::Result<Option<File>> {
    let Some(content) = read(&folder.join(path)).await? else { return Ok(None) };
    let packed = |ending: &str| folder.join(format!("{path}.{ending}"));
    let tag = tag_of(&content);
    Ok(Some(File { content, brotli: read(&packed("br")).await?, gzip: read(&packed("gz")).await?, tag }))
}

async fn read(path: &Path) -> io::Result<Option<Bytes>> {
    match tokio::fs::metadata(path).await {
        Ok(about) if about.is_file() && about.len() <= LARGEST => tokio::fs::read(path).await.map(|content| Some(content.into())),
        Ok(_) => Ok(None),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_leads_out_of_the_folder() {
        for path in ["../secret", "assets/../../secret", "", "/etc/passwd", "a//b", ".hidden", "a/.b", "a\\b", "a%2fb", "a\0b"] {
            assert!(!is_plain(path), "{path}");
        }
        assert!(is_plain("assets/page-I2ncba9Y.js"));
    }

    #[test]
    fn what_is_embedded_is_found() {
        assert!(EMBEDDED.is_sorted_by_key(|file| file.path));
        for file in EMBEDDED {
            let found = embedded(file.path).unwrap();
            assert_eq!((found.content.as_ref(), found.tag), (file.content, tag_of(file.content)), "{}", file.path);
        }
    }
}
