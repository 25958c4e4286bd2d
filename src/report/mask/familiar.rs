//! Values of late that hide nothing: the fields of one handshake are mostly those of the one before, and what was found
//! plain need not be looked through again.

use super::is_shown;
use super::plain::{is_plain, is_printable};

/// How many are kept of each kind.
const PLACES: usize = 64;
/// Longer values are looked through each time.
const LONGEST: usize = 64;

/// Those that were found plain, and the values of `Sec-WebSocket-Protocol` that hide nothing.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct Familiar {
    plain: Texts,
    subprotocols: Texts,
}

/// Texts, each in one of a few places. All are printable ASCII without quotation mark and backslash.
#[derive(Clone, Debug)]
struct Texts(Vec<String>);

impl Familiar {
    /// The text between quotation marks, where it can be shown as it is: as words, unless they quote a secret, and as a
    /// target.
    pub(in crate::report) fn plain(&mut self, text: &str) -> Option<&[u8]> {
        self.plain.quoted(text, is_plain)
    }

    /// The same of a value of `Sec-WebSocket-Protocol`.
    pub(in crate::report) fn subprotocols(&mut self, list: &str) -> Option<&[u8]> {
        let is_shown = |list: &str| is_shown(list) && is_printable(list, LONGEST);
        self.subprotocols.quoted(list, is_shown)
    }
}

impl Default for Texts {
    fn default() -> Self {
        Self(vec![String::new(); PLACES])
    }
}

impl Texts {
    fn quoted(&mut self, text: &str, is_wanted: impl FnOnce(&str) -> bool) -> Option<&[u8]> {
        let bytes = text.as_bytes();
        let (&first, &last) = (bytes.first()?, bytes.last()?);
        let place = bytes.len() + usize::from(first) * 3 + usize::from(last) * 11;
        let kept = self.0.get_mut(place % PLACES)?;
        let is_kept =
            kept.len() == bytes.len() + 2 && kept.as_bytes().get(1..=bytes.len()) == Some(bytes);
        if !is_kept {
            let is_escaped = |&byte: &u8| matches!(byte, b'"' | b'\\');
            if bytes.len() > LONGEST || !is_wanted(text) || bytes.iter().any(is_escaped) {
                return None;
            }
            kept.clear();
            kept.push('"');
            kept.push_str(text);
            kept.push('"');
        }
        Some(kept.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::mask::Mask;

    proptest::proptest! {
        /// Whatever came before, a text is shown as the mask shows it.
        #[test]
        fn what_is_familiar_is_shown_as_a_mask_shows_it(
            texts in proptest::collection::vec("(a|b|W|websocket|[ -~]|auth|bearer|eyJ|/|, |token:|\\PC){0,9}", 0..200),
            on: bool,
        ) {
            let mut familiar = Familiar::default();
            let mask = Mask::new(on);
            for text in texts.iter().chain(&texts) {
                let quoted = |shown: &str| serde_json::to_string(shown).unwrap().into_bytes();
                if let Some(shown) = familiar.plain(text) {
                    proptest::prop_assert_eq!(shown, quoted(&mask.words(text)));
                    proptest::prop_assert_eq!(shown, quoted(&mask.target(text)));
                }
                if let Some(shown) = familiar.subprotocols(text) {
                    proptest::prop_assert_eq!(shown, quoted(&mask.subprotocols(text)));
                }
            }
        }
    }

    #[test]
    fn what_was_found_plain_stays_so_until_its_place_is_needed() {
        let mut familiar = Familiar::default();
        for _ in 0..2 {
            assert_eq!(
                familiar.plain("nginx/1.25.5"),
                Some(&b"\"nginx/1.25.5\""[..])
            );
            assert_eq!(
                familiar.plain("nginx/1.26.5"),
                Some(&b"\"nginx/1.26.5\""[..])
            );
        }
        for text in [
            "",
            "a \"b\"",
            "/ws?token=CANARY",
            "Cookie: CANARY",
            "\u{e4}",
        ] {
            assert_eq!(familiar.plain(text), None, "{text}");
        }
    }
}
