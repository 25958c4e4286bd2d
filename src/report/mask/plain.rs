//! Tells at a glance, in one pass, that a text hides nothing: nearly all of them, and there are many a second.

use super::token::bears_secret_name;

/// A byte that a token may have.
const TOKEN: u8 = 1;
/// A byte that ends one.
const BORDER: u8 = 2;

/// What each byte is; zero for those that ask for a closer look: queries, userinfo, and all that is not plain ASCII.
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

/// Whether `text` is short, printable ASCII without anything that may be, or be named as, a secret. Any text may be
/// called not plain: the closer look is right for all.
pub(super) fn is_plain(text: &str) -> bool {
    is_short_words(text, 512, 32)
        && !text.contains("eyJ")
        && !bears_secret_name(text)
        && !text.contains("Basic ")
}

/// Whether it is printable ASCII of at most `most` bytes, without a query and the like, no run of letters and digits
/// as long as `run`.
fn is_short_words(text: &str, most: usize, run: usize) -> bool {
    if text.len() > most {
        return false;
    }
    let mut length = 0;
    for &byte in text.as_bytes() {
        match CLASS.get(usize::from(byte)) {
            Some(&TOKEN) => length += 1,
            Some(&BORDER) => length = 0,
            _ => return false,
        }
        if length >= run {
            return false;
        }
    }
    true
}

/// Whether a text can be printed as it is: printable ASCII of at most `most` bytes.
pub(super) fn is_printable(text: &str, most: usize) -> bool {
    text.len() <= most && text.bytes().all(|byte| matches!(byte, 0x20..=0x7E))
}
