//! Tells at a glance, in one pass, that a text hides nothing: nearly all of them, and there are many a second.

use super::token::{Pairs, begins_with_secret_name};
use crate::report::scan::{HIDDEN, Marks, SUSPECT, TELLING};

/// Whether a byte may be in a token rather than at its border.
const fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'~')
}

/// Longest text that is looked at in this way.
const MOST: usize = 512;
/// A run of letters and digits as long as this may be a token.
const RUN: usize = 32;

/// Whether a text is one of those that stand in nearly every handshake, and hide nothing.
fn is_usual(text: &str) -> bool {
    matches!(
        text,
        "GET" | "13" | "Upgrade" | "upgrade" | "websocket" | "keep-alive, Upgrade"
    )
}

/// Whether `text` is short and printable, without anything that may be, or be named as, a secret. Any text may be called
/// not plain: the closer look is right for all.
pub(super) fn is_plain(text: &str) -> bool {
    if is_usual(text) {
        return true;
    }
    let bytes = text.as_bytes();
    if bytes.len() > MOST || Marks::of(bytes).has(SUSPECT) || has_run(bytes) {
        return false;
    }
    let mut is_named = false;
    let mut pairs = Pairs::default();
    for (at, &byte) in bytes.iter().enumerate() {
        if let Some(begins) = pairs.next(at, byte) {
            let rest = bytes.get(begins..).unwrap_or_default();
            // A JSON Web Token begins with an object; `Basic` stands before credentials.
            if rest.starts_with(b"eyJ") || rest.starts_with(b"Bas") {
                return false;
            }
            is_named |= begins_with_secret_name(rest);
        }
    }
    // A name alone names nothing: its value stands behind a border.
    !is_named || bytes.iter().all(|&byte| is_of_token(byte))
}

/// Whether so many bytes without a border follow one another that they may be a token.
fn has_run(bytes: &[u8]) -> bool {
    let borders = bytes
        .iter()
        .enumerate()
        .filter(|&(_, &byte)| !is_of_token(byte));
    let mut start = 0;
    bytes.len() >= RUN
        && (borders.map(|(at, _)| at).chain([bytes.len()])).any(|end| {
            let run = end - start;
            start = end + 1;
            run >= RUN
        })
}

/// Whether an URL has no secret of its own: short pieces without a value, an owner or a query.
pub(super) fn is_bare(url: &str) -> bool {
    url.len() < RUN && !Marks::of(url.as_bytes()).has(TELLING)
}

/// Whether a text can be printed as it is: printable ASCII of at most `most` bytes.
pub(super) fn is_printable(text: &str, most: usize) -> bool {
    text.len() <= most && !Marks::of(text.as_bytes()).has(HIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::mask::credentials::without_credentials;
    use crate::report::mask::secrets::Secrets;
    use crate::report::mask::target::target_masked;
    use crate::report::sanitize::clean;

    proptest::proptest! {
        #[test]
        fn the_closer_look_leaves_what_is_plain_as_it_is(
            text in "(a|/|: |; |, |→|ↆ|⒒|7|no Upgrade|10.0.0.1:80|ws|token|auth|bearer |Basic |cookie|eyJ|[ -~]|[a-z0-9]{9,34}|\\PC){0,9}",
        ) {
            if is_plain(&text) {
                proptest::prop_assert_eq!(&without_credentials(&text), &text);
                proptest::prop_assert_eq!(&Secrets::default().hidden_in(&text), &text);
                proptest::prop_assert_eq!(&target_masked(&text), &text);
                proptest::prop_assert_eq!(&clean(&text, MOST), &text);
            }
        }
    }

    #[test]
    fn what_is_said_of_two_legs_is_plain() {
        assert!(is_plain(
            "10.1.0.2 → 10.0.0.5:80: Upgrade: websocket; 10.0.1.5 → 10.0.2.7:8080: no Upgrade"
        ));
        assert!(!is_plain("10.1.0.2 → 10.0.0.5:80: Cookie: x") && !is_plain("a…"));
    }
}
