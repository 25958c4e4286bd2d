//! Values of late that hide nothing: the fields of one handshake are mostly those of the one before, and what was found
//! plain need not be looked through again.

use super::is_shown;
use super::plain::{is_plain, is_printable};

/// How many are kept of each kind.
const PLACES: usize = 256;
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
    /// The text between quotation marks, where it can be shown as it is: as words, unless they quote a secret, as a
    /// target and as a host.
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
        let kept = self.0.get_mut(place_of(bytes))?;
        let is_kept =
            kept.len() == bytes.len() + 2 && kept.as_bytes().get(1..=bytes.len()) == Some(bytes);
        if !is_kept {
            let is_escaped = |&byte: &u8| matches!(byte, b'"' | b'\\');
            let is_kept = !bytes.is_empty() && bytes.len() <= LONGEST;
            if !is_kept || !is_wanted(text) || bytes.iter().any(is_escaped) {
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

/// Where a text is kept: by its first and its last bytes, which is where those that differ mostly do.
#[inline]
fn place_of(text: &[u8]) -> usize {
    /// Spreads the bits of a number over its highest (Knuth's multiplicative hashing).
    const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
    let (first, last) = match (text.first_chunk(), text.last_chunk()) {
        (Some(first), Some(last)) => (u64::from_le_bytes(*first), u64::from_le_bytes(*last)),
        _ => match (text.first_chunk(), text.last_chunk()) {
            (Some(first), Some(last)) => (
                u64::from(u32::from_le_bytes(*first)),
                u64::from(u32::from_le_bytes(*last)),
            ),
            _ => (
                text.first().copied().unwrap_or_default().into(),
                text.last().copied().unwrap_or_default().into(),
            ),
        },
    };
    let all = (first ^ last.rotate_left(29)).wrapping_add(text.len() as u64);
    // One byte: as many places as there are.
    usize::from(all.wrapping_mul(SPREAD).to_be_bytes()[0])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::mask::Mask;

    proptest::proptest! {
        /// Whatever came before, a text is shown as the mask shows it.
        #[test]
        fn what_is_familiar_is_shown_as_a_mask_shows_it(
            texts in proptest::collection::vec("(a|b|W|websocket|→|[ -~]|auth|bearer|eyJ|/|, |token:|\\PC){0,9}", 0..200),
            on: bool,
        ) {
            let mut familiar = Familiar::default();
            let mask = Mask::new(on);
            for text in texts.iter().chain(&texts) {
                let quoted = |shown: &str| serde_json::to_string(shown).unwrap().into_bytes();
                if let Some(shown) = familiar.plain(text) {
                    proptest::prop_assert_eq!(shown, quoted(&mask.words(text)));
                    proptest::prop_assert_eq!(shown, quoted(&mask.target(text)));
                    proptest::prop_assert_eq!(shown, quoted(&mask.host(text)));
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
