//! What a member's text becomes on the air, where every text comes from a bridge's radio: it begins with who wrote it.

use kosmo_http::{Code, Problem};

/// The most that is sent in one packet, in bytes of UTF-8: what every client can show.
pub(crate) const LONGEST: usize = 200;

/// Returns the text as it is sent, which begins with the handle if there is one.
///
/// # Errors
/// Says what is wrong with the text, and how many bytes this member has for one.
pub(crate) fn on_air(handle: Option<&str>, text: &str) -> Result<String, Problem> {
    if text.chars().all(is_blank) {
        return Err(Problem::new(Code::TextEmpty, "a text says something").of("text"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Problem::new(Code::TextUnprintable, "a text has no control characters other than a new line").of("text"));
    }
    let signature = prefix(handle);
    let room = LONGEST.saturating_sub(signature.len());
    if text.len() > room {
        return Err(too_long(&signature, text.len(), room));
    }
    Ok(signature + text)
}

/// Returns the text of an operator as it is sent to everybody on a channel, which begins with who says it.
///
/// # Errors
/// Says what is wrong with the text.
pub fn operator_on_air(handle: &str, text: &str) -> Result<String, String> {
    on_air(Some(handle), text).map_err(|problem| problem.detail().to_owned())
}

/// Returns what goes on the air before a text.
pub(crate) fn prefix(handle: Option<&str>) -> String {
    handle.map(|handle| format!("{handle}: ")).unwrap_or_default()
}

/// Tells whether nobody sees anything of a character.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

fn too_long(signature: &str, bytes: usize, room: usize) -> Problem {
    let over = bytes - room;
    let detail = if signature.is_empty() {
        format!("{bytes} bytes, {over} more than the {room} that one packet carries")
    } else {
        format!("{bytes} bytes, {over} more than the {room} that are left beside `{signature}` of the {LONGEST} that one packet carries")
    };
    Problem::new(Code::TextTooLong, detail).of("text").with_limit(room as u64).with("bytes", bytes).with("bytes_over", over)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(text: &str) -> &'static str {
        on_air(Some("ana"), text).unwrap_err().code().as_str()
    }

    #[test]
    fn a_text_begins_with_who_wrote_it_and_is_otherwise_as_written() {
        assert_eq!(on_air(Some("ana"), " Grüße\naus dem Tal ").unwrap(), "ana:  Grüße\naus dem Tal ");
        assert_eq!(on_air(None, "hi").unwrap(), "hi");
    }

    #[test]
    fn what_nobody_could_see_is_refused() {
        for text in ["", "   ", "\n\t ", "\u{200b}\u{feff}", "\u{a0}"] {
            assert_eq!(refused(text), "text_empty", "{text:?}");
        }
        for text in ["a\0", "a\r\n", "\u{1b}[2J", "a\u{85}", "a\tb"] {
            assert_eq!(refused(text), "text_unprintable", "{text:?}");
        }
        assert!(on_air(None, "👩\u{200d}🚀").is_ok(), "joined emoji are no control characters");
    }

    #[test]
    fn bytes_are_counted_with_the_handle() {
        assert!(on_air(Some("ana"), &"a".repeat(195)).is_ok());
        assert!(on_air(None, &"a".repeat(200)).is_ok());
        insta::assert_debug_snapshot!(on_air(Some("ana"), &"ü".repeat(100)).unwrap_err(),
            @"text_too_long: 200 bytes, 5 more than the 195 that are left beside `ana: ` of the 200 that one packet carries");
        insta::assert_debug_snapshot!(on_air(None, &"a".repeat(201)).unwrap_err(),
            @"text_too_long: 201 bytes, 1 more than the 200 that one packet carries");
    }

    proptest! {
        #[test]
        fn what_is_sent_fits_into_a_packet(handle in "[a-z0-9_-]{1,20}", text in ".{0,220}") {
            if let Ok(sent) = on_air(Some(&handle), &text) {
                prop_assert!(sent.len() <= LONGEST && sent.ends_with(&text));
            }
        }
    }
}
