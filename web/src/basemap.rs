//! The operator's maps: files `*.pmtiles` in the data folder, listed at `/basemap/` and served in parts below it.
//!
//! A name is looked up as it stands, never joined to a path before it is known to be one plain name, and a file is served
//! only if it begins as PMTiles of version 3 does.

use crate::ranges::{answer_file, set};
use kosmo_http::{
    Problem,
    web::{HeaderMap, IntoResponse, Method, Response, header},
};
use serde::Serialize;
use std::{
    io,
    path::{Path, PathBuf},
};
use tokio::{fs, io::AsyncReadExt as _};

/// How many maps are listed at most: each is opened by every page.
const MOST_MAPS: usize = 16;
/// How many files of the folder are looked at.
const MOST_FILES: usize = 10_000;
/// How long a header is in PMTiles 3.
const HEADER: usize = 127;
/// Where in it stands what tiles are, and their least and greatest zoom.
const TILE_TYPE: usize = 99;
const LONGEST_NAME: usize = 100;
const ENDING: &str = ".pmtiles";

/// The operator's maps.
#[derive(Debug, Clone)]
pub(crate) struct Basemaps {
    folder: PathBuf,
}

/// What `/basemap/` answers.
#[derive(Debug, Serialize)]
struct Listing {
    /// The maps, by name.
    maps: Vec<Map>,
    /// The files that are called maps and are none, with the reason.
    refused: Vec<Refused>,
}

#[derive(Debug, Serialize)]
struct Map {
    name: String,
    url: String,
    bytes: u64,
    /// `vector` or `raster`.
    tiles: &'static str,
    min_zoom: u8,
    max_zoom: u8,
}

#[derive(Debug, Serialize)]
struct Refused {
    name: String,
    reason: &'static str,
}

/// What the beginning of a file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    tiles: &'static str,
    min_zoom: u8,
    max_zoom: u8,
}

impl Basemaps {
    /// Returns the maps that lie in this folder, whenever they are asked for.
    pub(crate) const fn of_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Answers what is asked for below `/basemap/`: the listing for an empty name, else the file.
    ///
    /// # Errors
    /// A problem if there is no such map, or if the folder cannot be read.
    pub(crate) async fn answer(&self, name: &str, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
        let mut response = if name.is_empty() { self.list().await? } else { self.file(name, method, headers).await? };
        // A browser asks whether it still has the map that is there: an operator replaces it while pages are open.
        set(&mut response, header::CACHE_CONTROL, "no-cache");
        Ok(response)
    }

    async fn list(&self) -> Result<Response, Problem> {
        let names = names(&self.folder).await.map_err(|error| Problem::internal(format!("the data folder cannot be listed: {error}")))?;
        let mut listing = Listing { maps: Vec::new(), refused: Vec::new() };
        for name in names.into_iter().take(MOST_MAPS) {
            let path = self.folder.join(&name);
            let refuse = |reason| Refused { name: name.clone(), reason };
            if !is_plain(&name) {
                listing.refused.push(refuse("a name is made of letters, digits, dots, hyphens and underscores"));
                continue;
            }
            match head(&path).await {
                Ok((Head { tiles, min_zoom, max_zoom }, bytes)) => {
                    let url = format!("/basemap/{name}");
                    listing.maps.push(Map { name, url, bytes, tiles, min_zoom, max_zoom });
                }
                Err(reason) => listing.refused.push(refuse(reason)),
            }
        }
        let json = serde_json::to_vec(&listing).expect("a struct of texts and numbers is always JSON");
        Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
    }

    async fn file(&self, name: &str, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
        let none = || Problem::not_found("there is no such map; `/basemap/` lists those that there are");
        if !is_plain(name) {
            return Err(none());
        }
        let path = self.folder.join(name);
        head(&path).await.map_err(|_| none())?;
        answer_file(&path, "application/vnd.pmtiles", method, headers).await
    }
}

/// Tells whether this is the name of a map and of nothing else: no folder, no way out of one, nothing hidden.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    name.len() <= LONGEST_NAME && name.len() > ENDING.len() && name.ends_with(ENDING) && !name.starts_with('.') && name.bytes().all(plain)
}

/// Returns the names in a folder that end as maps do, in order.
async fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut entries = fs::read_dir(folder).await?;
    for _ in 0..MOST_FILES {
        let Some(entry) = entries.next_entry().await? else { break };
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(ENDING) && !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Reads the beginning of a file, and returns what it tells and how long the file is; or why it is no map.
async fn head(path: &Path) -> Result<(Head, u64), &'static str> {
    const UNREADABLE: &str = "the file cannot be read";
    let mut file = fs::File::open(path).await.map_err(|_| UNREADABLE)?;
    let about = file.metadata().await.map_err(|_| UNREADABLE)?;
    if !about.is_file() {
        return Err("it is no file");
    }
    let mut bytes = [0; HEADER];
    file.read_exact(&mut bytes).await.map_err(|_| "the file is shorter than the header of a PMTiles archive")?;
    Ok((read(&bytes)?, about.len()))
}

fn read(bytes: &[u8; HEADER]) -> Result<Head, &'static str> {
    if !bytes.starts_with(b"PMTiles") {
        return Err("the file does not begin as a PMTiles archive does");
    }
    if bytes[7] != 3 {
        return Err("the archive is not of version 3 of PMTiles; `pmtiles convert` makes one");
    }
    let tiles = match bytes[TILE_TYPE] {
        1 => "vector",
        2..=5 => "raster",
        _ => return Err("the tiles are neither vectors (MVT) nor pictures (PNG, JPEG, WebP, AVIF)"),
    };
    Ok(Head { tiles, min_zoom: bytes[TILE_TYPE + 1], max_zoom: bytes[TILE_TYPE + 2] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: u8, tile_type: u8) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..7].copy_from_slice(b"PMTiles");
        (bytes[7], bytes[TILE_TYPE], bytes[TILE_TYPE + 1], bytes[TILE_TYPE + 2]) = (version, tile_type, 2, 14);
        bytes
    }

    #[test]
    fn only_plain_names_of_maps_are_looked_up() {
        for name in ["region.pmtiles", "Rheinland-Pfalz_2026.06.pmtiles"] {
            assert!(is_plain(name), "{name}");
        }
        let long = format!("{}.pmtiles", "a".repeat(100));
        for name in [
            ".pmtiles",
            "..pmtiles",
            "../x.pmtiles",
            "a/b.pmtiles",
            "a\\b.pmtiles",
            "kosmo.db",
            "a.pmtiles/",
            "a%2f.pmtiles",
            "ä.pmtiles",
            &long,
        ] {
            assert!(!is_plain(name), "{name}");
        }
    }

    #[test]
    fn an_archive_is_known_by_its_beginning() {
        assert_eq!(read(&header(3, 1)), Ok(Head { tiles: "vector", min_zoom: 2, max_zoom: 14 }));
        assert_eq!(read(&header(3, 2)).map(|head| head.tiles), Ok("raster"));
        assert!(read(&header(2, 1)).is_err() && read(&header(3, 0)).is_err() && read(&header(3, 6)).is_err());
        assert!(read(&[0; HEADER]).is_err());
    }
}
