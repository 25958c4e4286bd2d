//! Tells at a glance, in one pass, that a text hides nothing: nearly all of them, and there are many a second.

use super::token::bears_secret_name;

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

/// Whether `text` is short, printable ASCII without anything that may be, or be named as, a secret. Any text may be
/// called not plain: the closer look is right for all.
pub(super) fn is_plain(text: &str) -> bool {
    if text.len() > MOST {
        return false;
    }
    let (mut run, mut borders) = (0, 0);
    let mut last = [0; 3];
    for &byte in text.as_bytes() {
        match CLASS.get(usize::from(byte)) {
            Some(&TOKEN) => run += 1,
            Some(&BORDER) => (run, borders) = (0, borders + 1),
            _ => return false,
        }
        let [_, second, third] = last;
        last = [second, third, byte];
        // A JSON Web Token begins with an object; `Basic` stands before credentials.
        if run >= RUN || last == *b"eyJ" || last == *b"Bas" {
            return false;
        }
    }
    // A name alone names nothing: its value stands behind a border.
    borders == 0 || !bears_secret_name(text)
}

/// Whether a text can be printed as it is: printable ASCII of at most `most` bytes.
pub(super) fn is_printable(text: &str, most: usize) -> bool {
    text.len() <= most && text.bytes().all(|byte| matches!(byte, 0x20..=0x7E))
}
