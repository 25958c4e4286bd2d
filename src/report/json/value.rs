//! How a value becomes JSON: it writes itself behind its key.
//!
//! Not by `serde_json`, because of what most lines are made of: keys that are known, texts with nothing to escape, and
//! counts of one digit. What is left goes to the library: larger numbers, texts to be escaped, and the lines at the end.

use serde::Serialize;

/// What can stand behind a key.
pub(super) trait Json {
    /// Writes it.
    fn write(self, out: &mut Vec<u8>);
}

/// Writes an object, its keys in their order.
macro_rules! object {
    ($out:ident, { $first:literal: $first_value:expr, $($key:literal: $value:expr,)* }) => {
        $out.extend_from_slice(concat!("{\"", $first, "\":").as_bytes());
        $crate::report::json::value::Json::write($first_value, $out);
        $(
            $out.extend_from_slice(concat!(",\"", $key, "\":").as_bytes());
            $crate::report::json::value::Json::write($value, $out);
        )*
        $out.push(b'}');
    };
}

pub(super) use object;

/// The elements of an array.
#[derive(Clone, Debug)]
pub(super) struct List<I>(pub(super) I);

impl<I: IntoIterator<Item: Json>> Json for List<I> {
    fn write(self, out: &mut Vec<u8>) {
        out.push(b'[');
        for (at, element) in self.0.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            element.write(out);
        }
        out.push(b']');
    }
}

impl<T: Json> Json for Option<T> {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl Json for bool {
    fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self { b"true" } else { b"false" });
    }
}

impl Json for u64 {
    fn write(self, out: &mut Vec<u8>) {
        match self.to_le_bytes() {
            [digit @ 0..=9, 0, 0, 0, 0, 0, 0, 0] => out.push(b'0' + digit),
            _ => Library(self).write(out),
        }
    }
}

impl Json for u16 {
    fn write(self, out: &mut Vec<u8>) {
        u64::from(self).write(out);
    }
}

impl Json for u32 {
    fn write(self, out: &mut Vec<u8>) {
        u64::from(self).write(out);
    }
}

impl Json for usize {
    fn write(self, out: &mut Vec<u8>) {
        (self as u64).write(out);
    }
}

/// What the library writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Library<T>(pub(super) T);

impl<T: Serialize> Json for Library<T> {
    fn write(self, out: &mut Vec<u8>) {
        let written = serde_json::to_writer(out, &self.0);
        debug_assert!(written.is_ok(), "memory takes all, and every key is text");
    }
}

/// Text of whatever kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text<T>(pub(super) T);

impl<T: AsRef<str>> Json for Text<T> {
    fn write(self, out: &mut Vec<u8>) {
        let text = self.0.as_ref();
        if has_escapes(text.as_bytes()) {
            Library(text).write(out);
        } else {
            Plain(text).write(out);
        }
    }
}

/// Text of our own that has nothing to escape: names, numbers, addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plain<T>(pub(super) T);

impl<T: AsRef<[u8]>> Json for Plain<T> {
    fn write(self, out: &mut Vec<u8>) {
        let text = self.0.as_ref();
        debug_assert!(!has_escapes(text), "{text:?} is not plain");
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
    }
}

/// Whether JSON has to escape anything in a text (RFC 8259 §7).
fn has_escapes(text: &[u8]) -> bool {
    // Some of it twice.
    if let Some(last) = text.last_chunk::<16>() {
        let (chunks, _) = text.as_chunks();
        chunks.iter().any(is_escaped_in::<16>) || is_escaped_in(last)
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        is_escaped_in::<8>(first) || is_escaped_in::<8>(last)
    } else {
        text.iter().any(|&byte| is_escaped(byte))
    }
}

/// The same of so many bytes: all of them are looked at at once.
fn is_escaped_in<const LEN: usize>(bytes: &[u8; LEN]) -> bool {
    let escaped = bytes.iter().map(|&byte| is_escaped(byte));
    escaped.fold(false, |any, is| any | is)
}

/// Control characters, quotation marks, backslashes.
const fn is_escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: impl Json) -> String {
        let mut out = Vec::new();
        value.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    struct All;

    impl Json for All {
        fn write(self, out: &mut Vec<u8>) {
            object!(out, {
                "type": Plain("x"),
                "none": None::<u64>,
                "some": Some(false),
                "counts": List([0, 9, 10, 256, u64::MAX]),
                "inner": List([Text(""), Text("a \"quoted\" one")]),
                "map": Library(std::collections::BTreeMap::from([("", 1), ("\n", 2)])),
            });
        }
    }

    #[test]
    fn keys_and_values_of_each_kind() {
        assert_eq!(
            written(All),
            r#"{"type":"x","none":null,"some":false,"counts":[0,9,10,256,18446744073709551615],"inner":["","a \"quoted\" one"],"map":{"":1,"\n":2}}"#
        );
    }

    #[test]
    fn every_byte_at_every_place() {
        for byte in 0..=u8::MAX {
            for len in (1..20).chain([31, 32, 33, 40]) {
                for at in 0..len {
                    for others in [b'a', 0x1F + 1, b'!', b'#', b'[', b']', 0x7F, 0x80, 0xFF] {
                        let mut text = vec![others; len];
                        text[at] = byte;
                        let expected = matches!(byte, 0..=0x1F | 0x22 | 0x5C);
                        assert_eq!(has_escapes(&text), expected, "{text:?}");
                    }
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn numbers_as_the_library_alone_has_them(number: u64, small in 0..1_000_u64) {
            for number in [number, small] {
                proptest::prop_assert_eq!(written(number), number.to_string());
            }
        }

        #[test]
        fn texts_as_the_library_alone_has_them(text: String) {
            proptest::prop_assert_eq!(written(Text(&text)), serde_json::to_string(&text).unwrap());
        }
    }
}
