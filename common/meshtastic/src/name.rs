//! Names that strangers give their nodes, made fit to be shown.

/// The longest long name in bytes; firmware allows 39.
pub const MAX_LONG_NAME: usize = 64;
/// The longest short name in bytes; firmware allows 4.
pub const MAX_SHORT_NAME: usize = 16;
/// The longest name of a channel in bytes; firmware allows 11.
pub const MAX_CHANNEL_NAME: usize = 32;

/// Returns the text without what a person cannot see, cut to `max` bytes at a character's end; nothing if nothing is
/// left. Control and bidirectional format characters could forge what stands beside the name in a list or a terminal.
/// Markup stays: whoever renders escapes.
pub fn clean(text: &str, max: usize) -> Option<String> {
    let mut name = String::new();
    let visible = text.chars().filter(|&character| !is_invisible(character));
    for character in visible.skip_while(|character| character.is_whitespace()) {
        if name.len() + character.len_utf8() > max {
            break;
        }
        name.push(character);
    }
    name.truncate(name.trim_end().len());
    if name.is_empty() { None } else { Some(name) }
}

/// Tells whether a character only steers how others are shown. The joiner U+200D is not among them: emoji need it.
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(clean(text, 16).as_deref(), expect, "{text:?}");
    }

    #[test]
    fn what_cannot_be_seen_is_gone_and_markup_is_text() {
        check("  Dach \u{1b}[31mSüd\r\n", Some("Dach [31mSüd"));
        check("\u{202e}kcab\u{2066}", Some("kcab"));
        check("\u{e0100} roof", Some("roof"));
        check("<b>roof</b>", Some("<b>roof</b>"));
        check("👩\u{200d}🚀", Some("👩\u{200d}🚀"));
        check("\0\u{200b} \u{feff}", None);
    }

    #[test]
    fn a_long_name_ends_at_a_whole_character() {
        check("ääääääääÄ", Some("ääääääää"));
        check("fifteen letters ä", Some("fifteen letters"));
    }

    proptest! {
        #[test]
        fn a_clean_name_is_short_visible_and_stays_as_it_is(text in any::<String>(), max in 0_usize..40) {
            if let Some(name) = clean(&text, max) {
                prop_assert!(name.len() <= max && !name.is_empty() && !name.chars().any(is_invisible));
                prop_assert_eq!(clean(&name, max), Some(name));
            }
        }
    }
}
