//! How a value becomes JSON: it writes itself behind its key.
//!
//! Not by `serde_json`, because of what most lines are made of: keys that are known, texts with nothing to escape, and
//! counts of one digit. What is left goes to the library: larger numbers, texts to be escaped, and the lines at the end.

use std::ops::Range;

use serde::Serialize;

use super::run::{Run, Runs, Values};
use super::time::Second;
use crate::report::mask::{Familiar, Mask};
use crate::report::scan::{AT, ESCAPED, HIDDEN, Marks};

/// What can stand behind a key.
pub(super) trait Json {
    /// Writes it.
    fn write(self, out: &mut Buffer);

    /// Writes a key and it behind; what is none as one piece with its key.
    #[expect(clippy::inline_always, reason = "the key is known where it is written")]
    #[inline(always)]
    fn write_behind(self, key: &str, _none: &str, out: &mut Buffer)
    where
        Self: Sized,
    {
        out.put(key.as_bytes());
        self.write(out);
    }
}

/// Lines in the making, and what they have in common: it is kept from one to the next.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
    /// Where the value stands that this line will have again.
    kept: Range<usize>,
    familiar: Familiar,
    runs: Runs,
    /// A value was not shown as it is, or not at once, since this was unset.
    looked_closely: bool,
    pub(super) second: Second,
}

impl Buffer {
    /// What was written.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Forgets what was written.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.begin_line();
    }

    /// What follows is another line.
    pub(super) fn begin_line(&mut self) {
        self.kept = 0..0;
    }

    #[inline]
    pub(super) fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    #[inline]
    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A text that is shown as it is wherever it stands (see [`Familiar::plain`]); false where it is not.
    pub(super) fn put_plain(&mut self, text: &str) -> bool {
        let quoted = self.familiar.plain(text);
        quoted
            .map(|quoted| self.bytes.extend_from_slice(quoted))
            .is_some()
    }

    /// The same of a value of `Sec-WebSocket-Protocol`.
    pub(super) fn put_subprotocols(&mut self, list: &str) -> bool {
        let quoted = self.familiar.subprotocols(list);
        quoted
            .map(|quoted| self.bytes.extend_from_slice(quoted))
            .is_some()
    }

    /// What is written now is not shown as it is, or took a closer look: it is not remembered.
    pub(super) const fn look_closely(&mut self) {
        self.looked_closely = true;
    }

    /// Writes a run as it was written before; else anew, to be remembered.
    #[inline]
    pub(super) fn put_run<'a>(&mut self, mask: &Mask, run: &impl Run<'a>) {
        let values = run.values();
        let place = values.and_then(|values| self.runs.find(&values, mask));
        let Some(place) = place else {
            return self.write_run(run, values.as_ref());
        };
        self.bytes.extend_from_slice(self.runs.begin(place));
        run.own(self);
        self.bytes.extend_from_slice(self.runs.end(place));
    }

    #[inline(never)]
    fn write_run<'a>(&mut self, run: &impl Run<'a>, values: Option<&Values<'_>>) {
        let start = self.bytes.len();
        self.looked_closely = false;
        run.begin(self);
        let before = self.bytes.len();
        run.own(self);
        let behind = self.bytes.len();
        run.end(self);
        let begin = self.bytes.get(start..before).unwrap_or_default();
        let end = self.bytes.get(behind..).unwrap_or_default();
        if let Some(values) = values.filter(|_| !self.looked_closely) {
            self.runs.keep(values, begin, end);
        }
    }

    /// A text in which nothing needs masking or escaping, where none of it can be a secret but the owner of a host.
    pub(super) fn put_clear(&mut self, text: &str) -> bool {
        let is_clear = is_clear(text.as_bytes());
        if is_clear {
            self.put_quoted(text.as_bytes());
        }
        is_clear
    }

    fn put_quoted(&mut self, text: &[u8]) {
        self.push(b'"');
        self.put(text);
        self.push(b'"');
    }
}

/// Writes an object, its keys in their order.
macro_rules! object {
    ($out:ident, { $first:literal: $first_value:expr, $($key:literal: $value:expr,)* }) => {
        $out.put(concat!("{\"", $first, "\":").as_bytes());
        $crate::report::json::value::Json::write($first_value, $out);
        $crate::report::json::value::members!($out, { $($key: $value,)* });
        $out.push(b'}');
    };
}

/// Writes some keys of an object, with their values, behind others.
macro_rules! members {
    ($out:ident, { $($key:literal: $value:expr,)* }) => {
        $(
            $crate::report::json::value::Json::write_behind(
                $value,
                concat!(",\"", $key, "\":"),
                concat!(",\"", $key, "\":null"),
                $out,
            );
        )*
    };
}

pub(super) use {members, object};

/// The elements of an array.
#[derive(Clone, Debug)]
pub(super) struct List<I>(pub(super) I);

impl<I: IntoIterator<Item: Json>> Json for List<I> {
    fn write(self, out: &mut Buffer) {
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
    #[inline]
    fn write(self, out: &mut Buffer) {
        match self {
            Some(value) => value.write(out),
            None => out.put(b"null"),
        }
    }

    #[expect(clippy::inline_always, reason = "the key is known where it is written")]
    #[inline(always)]
    fn write_behind(self, key: &str, none: &str, out: &mut Buffer) {
        match self {
            Some(value) => value.write_behind(key, none, out),
            None => out.put(none.as_bytes()),
        }
    }
}

impl Json for bool {
    fn write(self, out: &mut Buffer) {
        out.put(if self { b"true" } else { b"false" });
    }
}

impl Json for u64 {
    #[inline]
    fn write(self, out: &mut Buffer) {
        match self.to_le_bytes() {
            [digit @ 0..=9, 0, 0, 0, 0, 0, 0, 0] => out.push(b'0' + digit),
            _ => Library(self).write(out),
        }
    }
}

impl Json for u16 {
    #[inline]
    fn write(self, out: &mut Buffer) {
        u64::from(self).write(out);
    }
}

impl Json for u32 {
    #[inline]
    fn write(self, out: &mut Buffer) {
        u64::from(self).write(out);
    }
}

impl Json for usize {
    #[inline]
    fn write(self, out: &mut Buffer) {
        (self as u64).write(out);
    }
}

/// What the library writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Library<T>(pub(super) T);

impl<T: Serialize> Json for Library<T> {
    fn write(self, out: &mut Buffer) {
        let written = serde_json::to_writer(&mut out.bytes, &self.0);
        debug_assert!(written.is_ok(), "memory takes all, and every key is text");
    }
}

/// Text of whatever kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text<T>(pub(super) T);

impl<T: AsRef<str>> Json for Text<T> {
    fn write(self, out: &mut Buffer) {
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
    fn write(self, out: &mut Buffer) {
        let text = self.0.as_ref();
        debug_assert!(!has_escapes(text), "{text:?} is not plain");
        out.put_quoted(text);
    }
}

/// A value that this line will have again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept<T>(pub(super) T);

impl<T: Json> Json for Kept<T> {
    fn write(self, out: &mut Buffer) {
        let start = out.bytes.len();
        self.0.write(out);
        out.kept = start..out.bytes.len();
    }
}

/// A value, or the one that was kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum OrAgain<T> {
    Value(T),
    Again,
}

impl<T: Json> Json for OrAgain<T> {
    fn write(self, out: &mut Buffer) {
        match self {
            Self::Value(value) => value.write(out),
            Self::Again => out.bytes.extend_from_within(out.kept.clone()),
        }
    }
}

/// Longest text that is shown without a closer look.
const CLEAR: usize = 255;

/// Whether a text is short, printable ASCII without anything to escape, and without what ends userinfo.
fn is_clear(text: &[u8]) -> bool {
    const UNCLEAR: Marks = ESCAPED.and(HIDDEN).and(AT);
    text.len() <= CLEAR && !Marks::of(text).has(UNCLEAR)
}

/// Whether JSON has to escape anything in a text.
fn has_escapes(text: &[u8]) -> bool {
    Marks::of(text).has(ESCAPED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: impl Json) -> String {
        let mut out = Buffer::default();
        value.write(&mut out);
        String::from_utf8(out.bytes).unwrap()
    }

    struct All;

    impl Json for All {
        fn write(self, out: &mut Buffer) {
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
        fn numbers_as_the_library_alone_has_them(number: u64, small in 0..1_000_u64, middle in 0..1_000_000_000_u64) {
            for number in [number, small, middle] {
                proptest::prop_assert_eq!(written(number), number.to_string());
            }
        }

        #[test]
        fn texts_as_the_library_alone_has_them(text: String) {
            proptest::prop_assert_eq!(written(Text(&text)), serde_json::to_string(&text).unwrap());
        }
    }
}
