//! Text that strangers chose, made fit to print: one line, visible, of bounded length.
//!
//! A terminal obeys control characters, and a reader believes what bidi controls rearrange. Both can stand in a target,
//! a header or a close reason. What is taken out leaves a mark, for that it was there is worth knowing.

use std::borrow::Cow;

/// Stands for a character that was taken out.
const MARK: char = '\u{FFFD}';

/// `text` without anything invisible, cut after `most` characters.
pub fn clean(text: &str, most: usize) -> Cow<'_, str> {
    let is_fit = |c: char| replaced(c).is_none();
    if text.len() <= most && text.chars().all(is_fit) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(most.saturating_mul(2)));
    let mut count = 0;
    let mut previous = ' ';
    for c in text.chars() {
        let shown = replaced(c).unwrap_or(c);
        // A run of them is one mark.
        if shown == MARK && previous == MARK {
            continue;
        }
        if count == most {
            out.push('…');
            break;
        }
        out.push(shown);
        previous = shown;
        count += 1;
    }
    Cow::Owned(out)
}

/// What is shown instead of a character that is not shown itself.
fn replaced(c: char) -> Option<char> {
    match c {
        // As nearly all are.
        ' '..='~' => None,
        // Line breaks and odd spaces: what is one value stays on one line.
        '\t'
        | '\n'
        | '\r'
        | '\u{A0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200A}'
        | '\u{202F}'
        | '\u{205F}'
        | '\u{3000}' => Some(' '),
        c if c.is_control() || is_hidden(c) => Some(MARK),
        _ => None,
    }
}

/// Characters that show nothing, or change how others are shown.
const fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}'           // zero width, and the marks of direction
        | '\u{2028}'..='\u{202E}'           // line and paragraph separators, embeddings, overrides
        | '\u{2060}'..='\u{206F}'           // word joiner, isolates, deprecated controls
        | '\u{2800}' | '\u{3164}' | '\u{FFA0}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{13430}'..='\u{13455}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}'         // tags, more variation selectors
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(clean("\x1b[2J\x1b]0;x\x07", 99), "�[2J�]0;x�");
        assert_eq!(clean("a\u{9b}31mb\u{85}c", 99), "a�31mb�c");
        assert_eq!(clean("gpj.\u{202e}exe\u{2066}\u{2069}", 99), "gpj.�exe�");
        assert_eq!(clean("one\r\ntwo\tthree", 99), "one  two three");
        assert_eq!(clean("/ws\u{200b}\u{feff}\u{e0041}", 99), "/ws�");
        assert_eq!(clean("\u{7f}\0", 99), "�");
        assert_eq!(
            clean(&String::from_utf8_lossy(b"ok \xff\xfe\x9b ok"), 99),
            "ok ��� ok"
        );
    }

    #[test]
    fn what_is_fit_stays_as_it_is() {
        for text in [
            "",
            "/ws/*",
            "Gräfin → 日本語 🦀",
            "Mozilla/5.0 (X11; Linux)",
        ] {
            assert!(matches!(clean(text, 99), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn long_values_are_cut_between_characters() {
        assert_eq!(clean("äöüß", 3), "äöü…");
        assert_eq!(clean("äöü", 3), "äöü");
        assert_eq!(clean(&"x".repeat(1 << 20), 10).chars().count(), 11);
    }

    #[test]
    fn every_control_character_of_unicode_is_gone() {
        for c in (0..=0x0010_FFFF).filter_map(char::from_u32) {
            let text = c.to_string();
            let shown = clean(&text, 9);
            assert!(!shown.chars().any(char::is_control), "{:x}", u32::from(c));
        }
    }
}
