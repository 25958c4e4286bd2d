//! Field lines of a head, in one allocation, without secrets (RFC 9110 §5).

mod found;
mod names;
mod table;
mod walked;

use std::borrow::Cow;
use std::hash::Hasher;
use std::net::IpAddr;

pub(crate) use self::found::{FieldNames, Found};
pub(super) use self::walked::is_secret;

use self::names::Known;
use self::table::{Line, Table};
use super::words::same;

/// A head that is read in one walk is shorter.
pub(super) const LONGEST: usize = u16::MAX as usize;

/// Field lines in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    bytes: Bytes,
    /// Bytes in front of the first line that are no field: the target of a request.
    lead: u32,
    table: Table,
}

/// Names and values in their order, with what stands between them or without it. All of nearly every head is text, and then
/// need not be looked at again to be read as such.
#[derive(Clone, Debug)]
enum Bytes {
    Text(Box<str>),
    Raw(Box<[u8]>),
}

/// One field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Name as sent, in whatever case.
    pub name: &'a str,
    /// Value without white space around it; empty where it was a secret.
    pub value: &'a [u8],
    /// The value, where it is known to be text.
    text: Option<&'a str>,
}

impl<'a> Field<'a> {
    /// The value as text; bytes that are no UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'a, str> {
        self.text
            .map_or_else(|| String::from_utf8_lossy(self.value), Cow::Borrowed)
    }
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Text(Box::default())
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Text(text.into()),
            Err(error) => Self::Raw(error.into_bytes().into()),
        }
    }
}

impl Bytes {
    const fn as_slice(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Raw(bytes) => bytes,
        }
    }

    #[inline]
    fn slice(&self, from: u32, to: u32) -> &[u8] {
        self.as_slice()
            .get(from as usize..to as usize)
            .unwrap_or_default()
    }

    #[inline]
    fn text(&self, from: u32, to: u32) -> Option<&str> {
        match self {
            Self::Text(text) => text.get(from as usize..to as usize),
            Self::Raw(_) => None,
        }
    }
}

impl Fields {
    /// Copies the fields of a head, leaving the values of secret ones behind.
    pub fn new<'a>(lines: impl Iterator<Item = (&'a str, &'a [u8])> + Clone) -> Self {
        Self::behind("", lines)
    }

    /// Likewise, with a text in front of them.
    pub(super) fn behind<'a>(
        lead: &str,
        lines: impl Iterator<Item = (&'a str, &'a [u8])> + Clone,
    ) -> Self {
        const COLON: &[u8] = b": ";
        let sizes = lines
            .clone()
            .map(|(name, value)| name.len() + COLON.len() + value.len());
        let mut bytes = Vec::with_capacity(lead.len() + sizes.sum::<usize>());
        bytes.extend_from_slice(lead.as_bytes());
        let mut table = Table::default();
        for (name, value) in lines {
            let known = Known::of(name.as_bytes());
            let start = position(bytes.len());
            bytes.extend_from_slice(name.as_bytes());
            let name_end = position(bytes.len());
            bytes.extend_from_slice(COLON);
            let middle = position(bytes.len());
            if !known.is_secret() {
                bytes.extend_from_slice(value.trim_ascii());
            }
            table.add(Line {
                name: start,
                name_end,
                value: middle,
                end: position(bytes.len()),
                known,
            });
        }
        Self {
            bytes: bytes.into(),
            lead: position(lead.len()),
            table,
        }
    }

    /// The text in front of the lines.
    #[inline]
    pub(super) fn lead(&self) -> &str {
        self.str(0, self.lead)
    }

    /// All field lines in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.table.iter().map(|line| self.field(line))
    }

    /// The field lines of that name, in any case.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Field<'a>> {
        self.named(name).map(|line| self.field(line))
    }

    /// The first field line of that name.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub fn first<'a>(&'a self, name: &'a str) -> Option<Field<'a>> {
        self.named(name).next().map(|line| self.field(line))
    }

    /// The value of the first field line of that name, as text.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub(crate) fn first_value<'a>(&'a self, name: &'a str) -> Option<Cow<'a, str>> {
        self.named(name).next().map(|line| self.text(line))
    }

    /// The value of a field as text, its lines joined by `, ` (RFC 9110 §5.3); `None` where it is absent.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub fn value<'a>(&'a self, name: &'a str) -> Option<Cow<'a, str>> {
        self.named(name).joined()
    }

    /// Whether there is a field of that name.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub fn has(&self, name: &str) -> bool {
        self.named(name).next().is_some()
    }

    /// The lines of a name. Where it stands in the source, this is a look at one byte.
    #[expect(clippy::inline_always, reason = "as said")]
    #[inline(always)]
    fn named<'a>(&'a self, name: &'a str) -> Named<'a> {
        let known = Known::of(name.as_bytes());
        Named {
            fields: self,
            known,
            name,
            next: if known.is_asked() {
                self.table.first(known).unwrap_or(usize::MAX)
            } else {
                0
            },
        }
    }

    /// All that it holds, to be told apart from others; the same wherever the same bytes were read.
    pub(crate) fn hash(&self, hasher: &mut impl Hasher) {
        hasher.write(self.bytes.as_slice());
        hasher.write_usize(self.len());
    }

    /// How many lines of that name there are.
    pub fn count(&self, name: &str) -> usize {
        self.all(name).count()
    }

    /// The elements of a list field over all its lines (RFC 9110 §5.6.1), without the empty ones.
    pub fn elements<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.all(name)
            .flat_map(|field| field.value.split(|&b| b == b','))
            .map(<[u8]>::trim_ascii)
            .filter(|element| !element.is_empty())
    }

    /// Whether a list field has any element.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub fn has_elements(&self, name: &str) -> bool {
        let is_mark = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',';
        self.named(name)
            .any(|line| !self.bytes.slice(line.value, line.end).iter().all(is_mark))
    }

    /// Whether a list field has that element, in any case.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub fn has_element(&self, name: &str, element: &str) -> bool {
        let lines = self.named(name);
        lines.next != usize::MAX && lines.lists(element.as_bytes())
    }

    /// Whether a name begins so, in any case.
    pub(crate) fn has_prefix(&self, prefix: &str) -> bool {
        self.table.iter().any(|line| {
            let name = self.bytes.slice(line.name, line.name_end);
            name.get(..prefix.len())
                .is_some_and(|start| same(start, prefix.as_bytes()))
        })
    }

    /// How many field lines there are.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The client that the nearest proxy names.
    pub fn forwarded_for(&self) -> Option<IpAddr> {
        let list = self
            .value("x-forwarded-for")
            .or_else(|| self.value("x-real-ip"))?;
        list.rsplit(',').next()?.trim().parse().ok()
    }

    /// Bytes that are allocated for it.
    pub(crate) fn allocated(&self) -> u64 {
        (self.bytes.as_slice().len() + self.table.allocated()) as u64
    }

    fn text_of(&self, line: usize) -> Option<Cow<'_, str>> {
        Some(self.text(self.table.get(line)?))
    }

    /// The value of that line, where it is text.
    #[inline]
    fn borrowed(&self, line: usize) -> Option<&str> {
        let line = self.table.get(line)?;
        self.bytes.text(line.value, line.end)
    }

    #[inline]
    fn text(&self, line: Line) -> Cow<'_, str> {
        match self.bytes.text(line.value, line.end) {
            Some(text) => Cow::Borrowed(text),
            None => self.lossy(line.value, line.end),
        }
    }

    /// A value that is no text.
    #[cold]
    fn lossy(&self, from: u32, to: u32) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes.slice(from, to))
    }

    #[inline]
    fn str(&self, from: u32, to: u32) -> &str {
        self.bytes
            .text(from, to)
            .or_else(|| std::str::from_utf8(self.bytes.slice(from, to)).ok())
            .unwrap_or_default()
    }

    #[inline]
    fn field(&self, line: Line) -> Field<'_> {
        Field {
            name: self.str(line.name, line.name_end),
            value: self.bytes.slice(line.value, line.end),
            text: self.bytes.text(line.value, line.end),
        }
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        let pair = |field: Field<'_>, other: Field<'_>| {
            (field.name, field.value) == (other.name, other.value)
        };
        self.len() == other.len()
            && self.lead() == other.lead()
            && self
                .iter()
                .zip(other.iter())
                .all(|(field, other)| pair(field, other))
    }
}

impl Eq for Fields {}

/// The lines of one name.
#[derive(Clone, Debug)]
struct Named<'a> {
    fields: &'a Fields,
    known: Known,
    name: &'a str,
    /// The line to look at next.
    next: usize,
}

impl<'a> Named<'a> {
    /// Their values as one text.
    #[inline]
    fn joined(self) -> Option<Cow<'a, str>> {
        // Most are not there.
        if self.next == usize::MAX {
            return None;
        }
        if self.is_single() {
            return self.fields.text_of(self.next);
        }
        self.join()
    }

    fn join(mut self) -> Option<Cow<'a, str>> {
        let fields = self.fields;
        let first = fields.text(self.next()?);
        Some(self.fold(first, |all, line| {
            Cow::Owned(format!("{all}, {}", fields.text(line)))
        }))
    }

    /// Whether they have that element, as a list.
    fn lists(mut self, element: &[u8]) -> bool {
        let Fields { bytes, table, .. } = self.fields;
        let has_it = |line: Line| has_part(bytes.slice(line.value, line.end), element);
        if self.is_single() {
            return table.get(self.next).is_some_and(has_it);
        }
        self.any(has_it)
    }

    /// The next line, where there is no other.
    #[inline]
    fn only(&self) -> Option<usize> {
        self.is_single().then_some(self.next)
    }

    /// There is no other line than the next.
    #[inline]
    fn is_single(&self) -> bool {
        self.known.is_asked() && !self.fields.table.repeats(self.known)
    }

    /// Looks for the line where it may be anywhere.
    fn search(&mut self) -> Option<Line> {
        let Self { fields, known, .. } = self;
        loop {
            let line = fields.table.get(self.next)?;
            self.next += 1;
            let is_it = line.known == *known;
            let name = || fields.bytes.slice(line.name, line.name_end);
            if is_it && (known.is_some() || same(name(), self.name.as_bytes())) {
                return Some(line);
            }
        }
    }
}

impl Iterator for Named<'_> {
    type Item = Line;

    #[inline]
    fn next(&mut self) -> Option<Line> {
        if self.next == usize::MAX {
            return None;
        }
        if self.is_single() {
            let only = std::mem::replace(&mut self.next, usize::MAX);
            return self.fields.table.get(only);
        }
        self.search()
    }
}

/// Whether a list has that element.
fn has_part(list: &[u8], element: &[u8]) -> bool {
    // Most are no list.
    same(list, element)
        || list
            .split(|&byte| byte == b',')
            .any(|part| same(part.trim_ascii(), element))
}

/// A head is far smaller than 4 GiB; were it not, the rest would be left out.
fn position(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[(&str, &str)]) -> Fields {
        Fields::new(lines.iter().map(|&(name, value)| (name, value.as_bytes())))
    }

    #[test]
    fn lists_run_over_several_lines_and_names_have_no_case() {
        let fields = fields(&[
            ("Connection", "keep-alive, ,"),
            ("Host", " a "),
            ("connection", "Upgrade"),
        ]);
        assert!(fields.has_element("CONNECTION", "upgrade"));
        assert_eq!(fields.elements("connection").count(), 2);
        assert_eq!(
            fields.value("connection").unwrap(),
            "keep-alive, ,, Upgrade"
        );
        assert_eq!(fields.value("host").unwrap(), "a");
        assert_eq!(fields.value("upgrade"), None);
    }

    #[test]
    fn secrets_are_gone_but_their_presence_is_known() {
        let fields = fields(&[
            ("Cookie", "sid=1"),
            ("AUTHORIZATION", "Bearer x"),
            ("Accept", "*/*"),
        ]);
        let cookie = fields.first("cookie").unwrap();
        assert!(cookie.name == "Cookie" && cookie.value.is_empty());
        assert!(
            !fields
                .bytes
                .as_slice()
                .windows(3)
                .any(|w| w == b"sid" || w == b"Bea")
        );
        assert_eq!(fields.len(), 3);
    }

    #[test]
    fn what_is_no_text_is_kept_as_it_is_and_shown_with_marks() {
        let lines: [(&str, &[u8]); 2] = [("Host", b"a"), ("Origin", b"\xff\xe4b")];
        let fields = Fields::new(lines.into_iter());
        assert_eq!(fields.value("ORIGIN").unwrap(), "\u{FFFD}\u{FFFD}b");
        assert_eq!(fields.first("origin").unwrap().value, b"\xff\xe4b");
        assert_eq!(fields.value("host").unwrap(), "a");
        // A cut through a character, one half in each of two values.
        let lines: [(&str, &[u8]); 2] = [("a", b"\xc3"), ("b", b"\xa4")];
        let fields = Fields::new(lines.into_iter());
        assert_eq!(fields.value("a").unwrap(), "\u{FFFD}");
        assert_eq!(fields.value("b").unwrap(), "\u{FFFD}");
    }

    proptest::proptest! {
        #[test]
        fn a_field_is_found_by_its_name_in_any_case(
            lines in proptest::collection::vec(("[!-9;-~]{0,9}", "[ -~é]{0,9}"), 0..12),
            name in "[!-9;-~]{0,9}",
        ) {
            let pairs = || lines.iter().map(|(name, value)| (&**name, value.as_bytes()));
            let fields = Fields::new(pairs());
            let names = lines.iter().map(|(name, _)| name).chain([&name]);
            for name in names {
                for name in [name.to_uppercase(), name.to_lowercase()] {
                    let found: Vec<_> = fields.all(&name).map(|field| field.value).collect();
                    let expected: Vec<_> = pairs()
                        .filter(|(other, _)| other.eq_ignore_ascii_case(&name))
                        .map(|(other, value)| {
                            let is_secret = Known::of(other.as_bytes()).is_secret();
                            if is_secret { &[][..] } else { value.trim_ascii() }
                        })
                        .collect();
                    proptest::prop_assert_eq!(found, expected);
                }
            }
        }
    }
}
