//! What `serde_json` is to do other than usual, so that a line costs little: keys are known and texts are mostly plain, and
//! to look for what must be escaped, byte by byte, would be most of the work.
//!
//! A key travels as a number that has its letters, and a text without anything to escape as bytes; [`Format`] is what
//! makes text of both again. All else is left to the library.

use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::ser::{CompactFormatter, Formatter};

/// JSON without white space.
#[derive(Clone, Debug, Default)]
pub(super) struct Format {
    is_key: bool,
}

impl Formatter for Format {
    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.is_key = true;
        out.write_all(if first { b"\"" } else { b",\"" })
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.is_key = false;
        out.write_all(b"\":")
    }

    fn begin_string<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        if self.is_key {
            return Ok(());
        }
        out.write_all(b"\"")
    }

    fn end_string<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.begin_string(out)
    }

    /// Most counts are small.
    fn write_u64<W: ?Sized + Write>(&mut self, out: &mut W, number: u64) -> io::Result<()> {
        match number.to_le_bytes() {
            [digit @ 0..=9, 0, 0, 0, 0, 0, 0, 0] => out.write_all(&[b'0' + digit]),
            _ => CompactFormatter.write_u64(out, number),
        }
    }

    /// A [`Key`]: no line has a number of this size.
    #[inline]
    fn write_u128<W: ?Sized + Write>(&mut self, out: &mut W, key: u128) -> io::Result<()> {
        let len = MOST - key.leading_zeros() as usize / 8;
        let letters = key.to_le_bytes();
        out.write_all(letters.get(..len).unwrap_or_default())
    }

    /// A [`Text`] or [`Plain`] one: no line has bytes.
    fn write_byte_array<W: ?Sized + Write>(&mut self, out: &mut W, text: &[u8]) -> io::Result<()> {
        out.write_all(b"\"")?;
        out.write_all(text)?;
        out.write_all(b"\"")
    }
}

/// The key of a field, its letters in a number from the lowest byte on. Each is a type of its own, so that the compiler
/// knows what it is to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<const LETTERS: u128>;

/// Longest key.
const MOST: usize = size_of::<u128>();

/// The letters of a field's name, raw or not, in which nothing is to be escaped.
pub(super) const fn letters(field: &str) -> u128 {
    let mut letters = match field.as_bytes() {
        [b'r', b'#', letters @ ..] | letters => letters,
    };
    assert!(letters.len() <= MOST, "keys are short");
    let mut key = 0;
    while let [rest @ .., last] = letters {
        key = key << 8 | *last as u128;
        letters = rest;
    }
    key
}

impl<const LETTERS: u128> Serialize for Key<LETTERS> {
    #[inline]
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u128(LETTERS)
    }
}

/// A struct whose fields are the keys of an object, in their order.
macro_rules! object {
    ($(#[$meta:meta])* $vis:vis struct $name:ident $(<$life:lifetime>)? { $($field:ident: $type:ty,)+ }) => {
        $(#[$meta])*
        $vis struct $name $(<$life>)? { $($field: $type,)+ }

        impl $(<$life>)? serde::Serialize for $name $(<$life>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                use serde::ser::SerializeMap as _;
                use crate::report::json::format::{Key, letters};

                let mut object = serializer.serialize_map(None)?;
                $(object.serialize_entry(&Key::<{ letters(stringify!($field)) }>, &self.$field)?;)+
                object.end()
            }
        }
    };
}

pub(super) use object;

/// Text of whatever kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text<T>(pub(super) T);

impl<T: AsRef<str>> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.as_ref();
        if has_escapes(text.as_bytes()) {
            serializer.serialize_str(text)
        } else {
            serializer.serialize_bytes(text.as_bytes())
        }
    }
}

/// Text of our own that has nothing to escape: names, numbers, addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plain<T>(pub(super) T);

impl<T: AsRef<[u8]>> Serialize for Plain<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.as_ref();
        debug_assert!(!has_escapes(text), "{text:?} is not plain");
        serializer.serialize_bytes(text)
    }
}

/// Whether JSON has to escape anything in a text (RFC 8259 §7): a control character, a quotation mark, a backslash. Looks
/// at eight bytes at a time.
fn has_escapes(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks();
    let is_in_rest = match text.last_chunk() {
        // Some of it twice.
        Some(last) if !rest.is_empty() => is_escaped_in(*last),
        Some(_) => false,
        None => rest
            .iter()
            .any(|&byte| byte < b' ' || matches!(byte, b'"' | b'\\')),
    };
    is_in_rest || words.iter().any(|&word| is_escaped_in(word))
}

/// The same of eight bytes. A subtraction borrows into the highest bit of a byte that is too small, and of no other before
/// it; what had that bit already does not count.
const fn is_escaped_in(bytes: [u8; 8]) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHEST: u64 = EACH << 7;
    const fn less(word: u64, than: u8) -> u64 {
        word.wrapping_sub(EACH * than as u64) & !word
    }
    let word = u64::from_le_bytes(bytes);
    let quote = word ^ (EACH * b'"' as u64);
    let backslash = word ^ (EACH * b'\\' as u64);
    (less(word, b' ') | less(quote, 1) | less(backslash, 1)) & HIGHEST != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &impl Serialize) -> String {
        let mut out = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, Format::default());
        value.serialize(&mut serializer).unwrap();
        String::from_utf8(out).unwrap()
    }

    object! {
        struct All<'a> {
            r#type: Plain<&'a str>,
            pings_unanswered: Option<u64>,
            count: Vec<u64>,
            inner: Vec<Text<&'a str>>,
            map: std::collections::BTreeMap<&'a str, i8>,
        }
    }

    #[test]
    fn keys_and_texts_of_either_kind() {
        let all = All {
            r#type: Plain("x"),
            pings_unanswered: None,
            count: vec![0, 9, 10, 256, u64::MAX],
            inner: vec![Text(""), Text("a \"quoted\" one")],
            map: [("", 1), ("\n", 2)].into(),
        };
        assert_eq!(
            written(&all),
            r#"{"type":"x","pings_unanswered":null,"count":[0,9,10,256,18446744073709551615],"inner":["","a \"quoted\" one"],"map":{"":1,"\n":2}}"#
        );
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for len in 1..20 {
                for at in 0..len {
                    for others in [b'a', 0x1F + 1, b'!', b'#', b'[', b']', 0x7F, 0x80, 0xFF] {
                        let mut text = vec![others; len];
                        text[at] = byte;
                        let is_escaped = byte < 0x20 || byte == b'"' || byte == b'\\';
                        assert_eq!(has_escapes(&text), is_escaped, "{text:?}");
                    }
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn texts_as_the_library_alone_has_them(text: String) {
            proptest::prop_assert_eq!(written(&Text(&text)), serde_json::to_string(&text).unwrap());
        }
    }
}
