//! Lists in pages. A cursor is opaque to clients: it says where the page before ended, so that rows which come and go
//! meanwhile make nobody see a row twice or miss one.

use crate::{Problem, problem::echo};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use utoipa::ToSchema;

/// The longest cursor that is looked at, in characters; ours are far shorter.
const CURSOR_LIMIT: usize = 512;

/// One page of a list.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows of this page.
    pub data: Vec<T>,
    /// The cursor of the next page; null on the last.
    #[schema(required = true)]
    pub next: Option<String>,
}

/// Returns the cursor that stands for this place in a list.
///
/// # Panics
/// If the place does not fit JSON, as a map does not whose keys are no texts.
pub fn cursor<T: Serialize>(place: &T) -> String {
    let json = serde_json::to_vec(place).expect("a place in a list is made of texts and numbers");
    URL_SAFE_NO_PAD.encode(json)
}

/// Returns the place that a cursor stands for.
///
/// # Errors
/// A problem with the field `cursor` if it is none of ours.
pub fn read_cursor<T: DeserializeOwned>(cursor: &str) -> Result<T, Problem> {
    let none_of_ours = || Problem::invalid("cursor", "this is no cursor of this list; take `next` of the page before, or leave it out");
    if cursor.len() > CURSOR_LIMIT {
        return Err(none_of_ours());
    }
    let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| none_of_ours())?;
    serde_json::from_slice(&json).map_err(|_| none_of_ours())
}

/// Returns how many rows a page may have: what the client asks for, or else `default`.
///
/// # Errors
/// A problem with the field `limit` unless it is a number from 1 to `max`.
pub fn page_size(limit: Option<&str>, default: u32, max: u32) -> Result<u32, Problem> {
    let Some(text) = limit else { return Ok(default) };
    match text.parse() {
        Ok(size) if (1..=max).contains(&size) => Ok(size),
        _ => Err(Problem::invalid("limit", format!("a page has 1 to {max} rows, not `{}`", echo(text))).with_limit(max.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_leads_back_to_its_place() {
        assert_eq!(read_cursor::<(i64, String)>(&cursor(&(7, "!00000001"))).unwrap(), (7, "!00000001".to_owned()));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "%", "eyJh", "bnVsbA", &"A".repeat(600)] {
            assert!(read_cursor::<(i64, String)>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_is_bounded() {
        assert_eq!(page_size(None, 100, 1000).unwrap(), 100);
        assert_eq!(page_size(Some("1000"), 100, 1000).unwrap(), 1000);
        for text in ["0", "1001", "-1", "many", ""] {
            assert!(page_size(Some(text), 100, 1000).is_err(), "{text}");
        }
    }
}
