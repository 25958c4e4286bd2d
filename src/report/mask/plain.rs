//! Tells at a glance, in one pass, that a text hides nothing: nearly all of them, and there are many a second.

use super::token::{Pairs, bears_jwt, begins_with_secret_name};

/// A byte that a token may have.
const TOKEN: u8 = 1;
/// A byte that ends one.
const BORDER: u8 = 2;

/// What each byte is; zero for those that ask for a closer look: queries, userinfo, and all that is not plain ASCII.
#[expect(
    clippy::indexing_slicing,
    reason = "by the compiler, over its own length"
)]
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0x20;
    while byte < 0x7F {
        class[byte as usize] = match byte {
            b'?' | b'@' | b'#' | b'%' | b'&' | b'=' => 0,
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'+' | b'~' => TOKEN,
            _ => BORDER,
        };
        byte += 1;
    }
    class
};

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

/// Whether `text` is short, printable ASCII without anything that may be, or be named as, a secret. Any text may be
/// called not plain: the closer look is right for all.
pub(super) fn is_plain(text: &str) -> bool {
    if is_usual(text) {
        return true;
    }
    let bytes = text.as_bytes();
    if bytes.len() > MOST {
        return false;
    }
    let may_run = bytes.len() >= RUN;
    let (mut run, mut has_borders, mut is_named) = (0, false, false);
    let mut pairs = Pairs::default();
    for (at, &byte) in bytes.iter().enumerate() {
        let is_border = match CLASS.get(usize::from(byte)) {
            Some(&TOKEN) => false,
            Some(&BORDER) => true,
            _ => return false,
        };
        has_borders |= is_border;
        if may_run {
            run = if is_border { 0 } else { run + 1 };
            if run >= RUN {
                return false;
            }
        }
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
    !has_borders || !is_named
}

/// Whether an URL has no secret of its own: short pieces without a value, an owner or a query.
pub(super) fn is_bare(url: &str) -> bool {
    // All of them, without a way out: that is done for many bytes at once.
    let has_part = |any, byte| any | matches!(byte, b'?' | b'%' | b'=' | b'@');
    url.len() < RUN && !url.bytes().fold(false, has_part) && !bears_jwt(url)
}

/// Whether a text can be printed as it is: printable ASCII of at most `most` bytes.
pub(super) fn is_printable(text: &str, most: usize) -> bool {
    // All of them, without a way out: that is done for many bytes at once.
    let fits = |all, byte| all & matches!(byte, 0x20..=0x7E);
    text.len() <= most && text.bytes().fold(true, fits)
}
