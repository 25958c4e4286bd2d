//! The key of a handshake, as it is handed from room to room.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

use data_encoding::BASE64;

/// 16 bytes in Base64 (RFC 6455 §4.1).
const USUAL: usize = 24;

/// `Sec-WebSocket-Key` as it was sent. Nearly all have one length: those are no allocation of their own.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Text);

#[derive(Clone, PartialEq, Eq)]
enum Text {
    /// Of that length.
    Usual(Usual),
    /// Of any other.
    Odd(Box<str>),
}

/// Aligned, so that it is soon seen to be text.
#[derive(Clone, PartialEq, Eq)]
#[repr(align(8))]
struct Usual([u8; USUAL]);

impl Key {
    /// Whether it is 16 bytes in Base64.
    pub fn is_valid(&self) -> bool {
        match &self.0 {
            Text::Usual(Usual(usual)) => {
                // As many bytes as there may be without padding.
                let mut bytes = [0; USUAL / 4 * 3];
                BASE64.decode_mut(usual, &mut bytes) == Ok(16)
            }
            Text::Odd(_) => false,
        }
    }

    /// Its characters.
    pub const fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Text::Usual(Usual(usual)) => usual,
            Text::Odd(text) => text.as_bytes(),
        }
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(match text.as_bytes().try_into() {
            Ok(usual) => Text::Usual(Usual(usual)),
            Err(_) => Text::Odd(text.into()),
        })
    }
}

impl Deref for Key {
    type Target = str;

    fn deref(&self) -> &str {
        match &self.0 {
            Text::Usual(Usual(usual)) => str::from_utf8(usual).unwrap_or_default(),
            Text::Odd(text) => text,
        }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.as_bytes());
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_was_sent_whatever_its_length() {
        for text in [
            "",
            "x",
            "dGhlIHNhbXBsZSBub25jZQ==",
            "dGhlIHNhbXBsZSBub25jZQ=",
            "\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}",
        ] {
            let key = Key::from(text);
            assert_eq!((&*key, format!("{key:?}")), (text, format!("{text:?}")));
            assert_eq!(key, key.clone());
            assert_ne!(key, Key::from("AQIDBAUGBwgJCgsMDQ4PEA=="));
        }
        assert_eq!(size_of::<Option<Key>>(), 32);
    }
}
