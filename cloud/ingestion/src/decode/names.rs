//! Names are whatever somebody typed into a radio. Markup is text, which whoever shows it escapes; what cannot be seen but
//! changes what is seen (controls, reversed writing direction, zero width) is taken out.

/// Returns the name without what cannot be seen, and without spaces around it; nothing if nothing is left.
pub(crate) fn printable(name: &str) -> Option<String> {
    let mut seen = String::with_capacity(name.len());
    for character in name.chars().filter(|&c| !is_hidden(c)) {
        seen.push(if character.is_whitespace() { ' ' } else { character });
    }
    let seen = seen.trim();
    (!seen.is_empty()).then(|| seen.to_owned())
}

/// Tells whether a character is not seen but has an effect. The zero-width joiner and the variation selectors are not among
/// them: emoji are made of them, and many short names are one emoji.
const fn is_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_stays_and_what_is_not_goes() {
        for (name, expect) in [
            ("Ana im Tal", Some("Ana im Tal")),
            ("  Ana\tim\nTal ", Some("Ana im Tal")),
            ("👩‍🌾", Some("👩‍🌾")),
            ("☀️", Some("☀️")),
            ("<img src=x onerror=alert(1)>", Some("<img src=x onerror=alert(1)>")),
            ("evil\u{202e}gpj.exe", Some("evilgpj.exe")),
            ("bell\u{7}\u{1b}[31m", Some("bell[31m")),
            ("\u{200b}\0", None),
            ("", None),
        ] {
            assert_eq!(printable(name).as_deref(), expect, "{name:?}");
        }
    }
}
