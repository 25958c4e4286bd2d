//! JSON as [`serde_json`] writes it, byte for byte, but quicker: for lines whose keys are known, into memory.
//!
//! A line has a hundred keys and values, most of them short: what counts is how few steps each of them takes. Only what the
//! lines hold can be written.

use std::fmt::Display;

use serde::Serialize;
use serde::ser::{Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde_json::Error;

/// Writes a value behind what is there.
pub(super) fn write(value: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Error> {
    value.serialize(Writer { out })
}

/// Writes one value.
struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

/// Writes the members of an object, or the elements of an array.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    is_first: bool,
    close: u8,
}

impl Writer<'_> {
    #[inline]
    #[expect(
        clippy::unnecessary_wraps,
        reason = "what it is the last word of has this form"
    )]
    fn plain(self, text: &str) -> Result<(), Error> {
        self.out.extend_from_slice(text.as_bytes());
        Ok(())
    }

    #[inline]
    fn integer(self, number: impl itoa::Integer) -> Result<(), Error> {
        self.plain(itoa::Buffer::new().format(number))
    }
}

impl<'a> Members<'a> {
    #[inline]
    fn new(out: &'a mut Vec<u8>, open: u8, close: u8) -> Self {
        out.push(open);
        Self {
            out,
            is_first: true,
            close,
        }
    }

    #[inline]
    fn next(&mut self) -> Writer<'_> {
        if !self.is_first {
            self.out.push(b',');
        }
        self.is_first = false;
        Writer { out: self.out }
    }

    #[inline]
    fn close(self) {
        self.out.push(self.close);
    }
}

/// Eight bytes of text at once: whether one of them must be escaped (RFC 8259 §7). Exact for the lowest such byte, and so
/// for whether there is one.
const fn has_special(eight: [u8; 8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    const fn below(word: u64, least: u8) -> u64 {
        word.wrapping_sub(ONES.wrapping_mul(least as u64)) & !word
    }
    let word = u64::from_le_bytes(eight);
    let quote = word ^ ONES.wrapping_mul(b'"' as u64);
    let backslash = word ^ ONES.wrapping_mul(b'\\' as u64);
    (below(word, 0x20) | below(quote, 1) | below(backslash, 1)) & HIGHS != 0
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let bytes = text.as_bytes();
    let (words, rest) = bytes.as_chunks::<8>();
    let is_special = if let Some(&last) = bytes.last_chunk::<8>() {
        // The rest once more with what is before it.
        words.iter().any(|&word| has_special(word)) || has_special(last)
    } else {
        let mut eight = [b' '; 8];
        for (to, &byte) in eight.iter_mut().zip(rest) {
            *to = byte;
        }
        has_special(eight)
    };
    if is_special {
        escaped(text, out);
    } else {
        out.extend_from_slice(text.as_bytes());
    }
    out.push(b'"');
}

#[cold]
fn escaped(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for &byte in text.as_bytes() {
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x09 => b't',
            0x0A => b'n',
            0x0C => b'f',
            0x0D => b'r',
            0x00..=0x1F => {
                let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
                out.extend_from_slice(b"\\u00");
                out.extend([digit(byte >> 4), digit(byte & 0xF)]);
                continue;
            }
            _ => {
                out.push(byte);
                continue;
            }
        };
        out.extend([b'\\', short]);
    }
}

fn unforeseen<T>() -> Result<T, Error> {
    Err(Error::custom("no line holds such a value"))
}

impl<'a> Serializer for Writer<'a> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Members<'a>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Members<'a>;
    type SerializeStruct = Members<'a>;
    type SerializeStructVariant = Impossible<(), Error>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.plain(if value { "true" } else { "false" })
    }

    #[inline]
    fn serialize_u8(self, value: u8) -> Result<(), Error> {
        self.integer(value)
    }

    #[inline]
    fn serialize_u16(self, value: u16) -> Result<(), Error> {
        self.integer(value)
    }

    #[inline]
    fn serialize_u32(self, value: u32) -> Result<(), Error> {
        self.integer(value)
    }

    #[inline]
    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        // Most counts are small, and most of these are none.
        if let Ok(digit @ 0..=9) = u8::try_from(value) {
            self.out.push(b'0' + digit);
            return Ok(());
        }
        self.integer(value)
    }

    fn serialize_i8(self, value: i8) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_i16(self, value: i16) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_i32(self, value: i32) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.integer(value)
    }

    fn serialize_f32(self, value: f32) -> Result<(), Error> {
        serde_json::to_writer(self.out, &value)
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        serde_json::to_writer(self.out, &value)
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        string(value.encode_utf8(&mut [0; 4]), self.out);
        Ok(())
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result<(), Error> {
        string(value, self.out);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Error> {
        unforeseen()
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Error> {
        self.plain("null")
    }

    #[inline]
    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.plain("null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Error> {
        self.plain("null")
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Error> {
        self.serialize_str(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        unforeseen()
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(Members::new(self.out, b'[', b']'))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        unforeseen()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Error> {
        unforeseen()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        unforeseen()
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<Members<'a>, Error> {
        Ok(Members::new(self.out, b'{', b'}'))
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members<'a>, Error> {
        Ok(Members::new(self.out, b'{', b'}'))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        unforeseen()
    }

    fn collect_str<T: ?Sized + Display>(self, value: &T) -> Result<(), Error> {
        string(&value.to_string(), self.out);
        Ok(())
    }
}

impl SerializeStruct for Members<'_> {
    type Ok = ();
    type Error = Error;

    /// The keys of the lines are names, in which there is nothing to escape.
    #[expect(
        clippy::inline_always,
        reason = "so that the length of each key is known to the compiler, and copying it a step or two"
    )]
    #[inline(always)]
    fn serialize_field<T: ?Sized + Serialize>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        let Writer { out } = self.next();
        out.push(b'"');
        out.extend_from_slice(key.as_bytes());
        out.extend_from_slice(b"\":");
        value.serialize(Writer { out })
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

impl SerializeMap for Members<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: ?Sized + Serialize>(&mut self, key: &T) -> Result<(), Error> {
        key.serialize(self.next())
    }

    fn serialize_value<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        self.out.push(b':');
        value.serialize(Writer { out: self.out })
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

impl SerializeSeq for Members<'_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Error> {
        value.serialize(self.next())
    }

    #[inline]
    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[derive(Debug, Default, Serialize)]
    struct Object {
        text: String,
        parts: Vec<Option<Self>>,
        share: Option<f64>,
        yes: bool,
        number: u64,
        #[serde(flatten)]
        rest: BTreeMap<String, i64>,
    }

    fn same(value: &impl Serialize) -> proptest::test_runner::TestCaseResult {
        let mut out = b"before".to_vec();
        write(value, &mut out).unwrap();
        let written = String::from_utf8(out).unwrap();
        let expected = format!("before{}", serde_json::to_string(value).unwrap());
        proptest::prop_assert_eq!(written, expected);
        Ok(())
    }

    proptest::proptest! {
        #[test]
        fn texts_are_escaped_as_serde_json_does_it(text: String, plain in "[ -~]{0,40}", any in "[\\x00-\\x7f]{0,20}") {
            same(&text)?;
            same(&plain)?;
            same(&any)?;
        }
    }

    #[test]
    fn objects_arrays_and_numbers() {
        let whole = Object {
            text: "\"a\"".into(),
            parts: vec![None, Some(Object::default())],
            share: Some(0.25),
            yes: true,
            number: u64::MAX,
            rest: [("a\nb".to_owned(), i64::MIN), (String::new(), 0)].into(),
        };
        same(&whole).unwrap();
        same(&[0.1, f64::NAN, -1e300].as_slice()).unwrap();
    }

    #[test]
    fn every_character_alone_and_in_every_place() {
        for byte in 0..=0x7F_u8 {
            for place in 0..10 {
                let text = format!("{}{}aaaaaaaaaa", "é".repeat(place), char::from(byte));
                same(&text).unwrap();
            }
        }
    }
}
