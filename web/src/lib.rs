//! The web app on the web port: its built files, compiled into the program, and the state of the program as it shows it.
//!
//! Everything the app loads comes from its own origin, its scripts are files, and its policy lets the browser run nothing
//! else: a node's name that is markup stays a name.

mod answer;
mod basemap;
mod files;
mod ranges;
mod status;

use crate::{basemap::Basemaps, files::Files};
pub use crate::{
    ranges::{Asked, answer_file},
    status::{BridgeState, Mark, ServiceState, Status, StatusSource},
};
use kosmo_http::{
    Problem, Router,
    web::{HeaderMap, IntoResponse, Method, Request, Response, StatusCode, header},
};
use std::path::PathBuf;

/// The first names of the app's routes: whatever else is asked for by a browser is answered with the app too, which says that
/// there is no such page, and with a status that says the same. `web/app/shell/router.tsx` has the routes.
const ROUTES: [&str; 5] = ["", "nodes", "stations", "messages", "network"];

/// Where the app's files come from.
#[derive(Debug, Clone)]
pub struct Assets {
    files: Files,
    maps: Option<Basemaps>,
}

impl Assets {
    /// Those that were there when the program was built; a page that says what to do if none were.
    pub const fn embedded() -> Self {
        Self { files: Files::Program, maps: None }
    }

    /// Those of this folder, read anew for each request: for whoever works on the app.
    pub const fn of_folder(folder: PathBuf) -> Self {
        Self { files: Files::Folder(folder), maps: None }
    }

    /// Has the maps that the operator has put into this folder served under `/basemap/`.
    #[must_use]
    pub fn with_maps(self, folder: PathBuf) -> Self {
        Self { maps: Some(Basemaps::of_folder(folder)), ..self }
    }
}

/// Returns the app's routes, for [`kosmo_http::App::with_pages`]; `status` is asked each time the app asks.
pub fn pages(assets: Assets, status: StatusSource) -> Router {
    Router::new().fallback(move |request: Request| {
        let (parts, _) = request.into_parts();
        let (assets, status) = (assets.clone(), status.clone());
        async move {
            let path = parts.uri.path().trim_start_matches('/');
            match parts.method {
                Method::GET | Method::HEAD if path == "status.json" => status::answer(&status).await,
                Method::GET | Method::HEAD => {
                    asset(&assets, path, &parts.method, &parts.headers).await.unwrap_or_else(Problem::into_response)
                }
                _ => Problem::not_found("nothing is served at this path").into_response(),
            }
        }
    })
}

/// Answers with a map of the operator's, or with what belongs to the app.
async fn asset(assets: &Assets, path: &str, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
    match (path.strip_prefix("basemap/"), &assets.maps) {
        (Some(name), Some(maps)) => maps.answer(name, method, headers).await,
        _ => page(&assets.files, path, method, headers).await,
    }
}

/// Answers with a file, or with the app where a browser navigates to one of its routes.
async fn page(files: &Files, path: &str, method: &Method, headers: &HeaderMap) -> Result<Response, Problem> {
    let unreadable = |error: std::io::Error| Problem::internal(format!("a file of the web app cannot be read: {error}"));
    if !path.is_empty()
        && path != "index.html"
        && let Some(file) = files.get(path).await.map_err(unreadable)?
    {
        return Ok(answer::answer(path, &file, method, headers));
    }
    let is_route = ROUTES.contains(&path.split('/').next().unwrap_or_default());
    if path != "index.html" && !is_navigation(headers) && !path.is_empty() || answer::is_hashed(path) {
        return Err(Problem::not_found("nothing is served at this path"));
    }
    let index = files.index().await.map_err(unreadable)?;
    let mut response = answer::answer("index.html", &index, method, headers);
    if !is_route && path != "index.html" && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    Ok(response)
}

/// Tells whether a browser asks for something to show, not a script or a program for something to work with.
fn is_navigation(headers: &HeaderMap) -> bool {
    let accepts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let html = accepts.flat_map(|value| value.split(',')).any(|kind| kind.trim().starts_with("text/html"));
    html && headers.get("sec-fetch-mode").is_none_or(|mode| mode == "navigate")
}
