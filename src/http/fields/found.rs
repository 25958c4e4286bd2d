//! Fields that are found at one place and asked for their values at another.

use std::borrow::Cow;

use super::names::Known;
use super::{Fields, Named};

/// A field that is there.
#[derive(Clone, Debug)]
pub(crate) struct Found<'a>(Named<'a>);

impl<'a> Found<'a> {
    /// Its value as one text.
    #[inline]
    pub(crate) fn value(self) -> Cow<'a, str> {
        let Self(named) = self;
        match named.only().and_then(|line| named.fields.borrowed(line)) {
            Some(text) => Cow::Borrowed(text),
            None => named.joined().unwrap_or_default(),
        }
    }
}

/// Names of fields that somebody asks for, and here all of them at once.
#[derive(Clone, Debug)]
pub(crate) struct FieldNames<const N: usize>([Known; N]);

impl<const N: usize> FieldNames<N> {
    pub(crate) fn of(names: [&str; N]) -> Self {
        let known = names.map(|name| Known::of(name.as_bytes()));
        debug_assert!(known.iter().all(|known| known.is_asked()), "{names:?}");
        Self(known)
    }
}

/// A field has several lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Several;

impl Fields {
    /// The bytes of each of these fields that is there, if none has several lines.
    pub(crate) fn only<const N: usize>(
        &self,
        names: &FieldNames<N>,
    ) -> Result<[Option<&[u8]>; N], Several> {
        let mut values = [None; N];
        for (value, &known) in values.iter_mut().zip(&names.0) {
            if let Some(line) = self.table.first(known) {
                let line = self.table.get(line).ok_or(Several)?;
                *value = Some(self.bytes.slice(line.value, line.end));
                if self.table.repeats(known) {
                    return Err(Several);
                }
            }
        }
        Ok(values)
    }

    /// The field of that name, to ask for its value elsewhere.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub(crate) fn found<'a>(&'a self, name: &'a str) -> Option<Found<'a>> {
        let named = self.named(name);
        // Of a name that nobody asks for, it is not noted whether there are lines.
        let is_there = named.next != usize::MAX && (named.known.is_asked() || self.has(name));
        is_there.then_some(Found(named))
    }

    /// Whether it can be told at a glance that the field of that name is the same there, or is in neither.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub(crate) fn is_same<'a>(&'a self, other: &'a Self, name: &'a str) -> bool {
        let (here, there) = (self.named(name), other.named(name));
        match (here.next, there.next) {
            (usize::MAX, usize::MAX) => true,
            (usize::MAX, _) | (_, usize::MAX) => false,
            (line, its) => here.is_single() && there.is_single() && self.agrees(line, other, its),
        }
    }

    /// Whether a line has the same value as one there.
    #[inline(never)]
    fn agrees(&self, line: usize, other: &Self, its: usize) -> bool {
        let (Some(line), Some(its)) = (self.table.get(line), other.table.get(its)) else {
            return false;
        };
        self.bytes.slice(line.value, line.end) == other.bytes.slice(its.value, its.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        Fields::new(lines.iter().map(|&(name, value)| (name, value.as_bytes())))
    }

    #[test]
    fn a_field_that_is_found_is_the_one_that_is_asked_for() {
        let all = fields(&[("Via", "a"), ("X", "c"), ("via", "b"), ("Host", "h")]);
        let value =
            |fields: &Fields, name| fields.found(name).map(|found| found.value().into_owned());
        assert_eq!(value(&all, "host").as_deref(), Some("h"));
        assert_eq!(value(&all, "via").as_deref(), Some("a, b"));
        assert_eq!(value(&all, "x").as_deref(), Some("c"));
        assert_eq!(value(&all, "origin"), None);
        assert_eq!(value(&all, "y"), None, "a name that nobody asks for");
        let raw = Fields::new([("Host", &b"h\xff"[..])].into_iter());
        assert_eq!(value(&raw, "host").as_deref(), Some("h\u{FFFD}"));
        let only = |fields: &Fields, names| {
            let values = fields.only(&FieldNames::of(names));
            values.map(|values| values.map(|value| value.map(<[u8]>::to_vec)))
        };
        assert_eq!(
            only(&all, ["host", "origin"]),
            Ok([Some(b"h".to_vec()), None])
        );
        assert_eq!(only(&all, ["host", "via"]), Err(Several));
        let other = fields(&[("HOST", "h"), ("Via", "a, b")]);
        assert!(all.is_same(&other, "host") && all.is_same(&other, "origin"));
        assert!(!all.is_same(&other, "via") && !all.is_same(&other, "x"));
        assert!(!all.is_same(&raw, "host") && raw.is_same(&raw, "host"));
    }
}
