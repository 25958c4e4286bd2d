//! Field lines of a head, in one allocation, without secrets (RFC 9110 §5).

mod index;
mod lines;

use std::borrow::Cow;
use std::hash::Hasher;
use std::net::IpAddr;

pub(super) use lines::Lines;

use self::index::{Index, Tag};
use super::words::same;

/// Fields whose value is never kept: RFC 9110 §11.6, §11.7, RFC 6265, and what proxies and clouds put beside them.
const SECRET: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "set-cookie",
    "set-cookie2",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "x-csrf-token",
    "x-xsrf-token",
    "x-amz-security-token",
    "x-amzn-oidc-data",
    "x-amzn-oidc-accesstoken",
    "x-goog-iap-jwt-assertion",
    "cf-access-jwt-assertion",
    "x-forwarded-access-token",
    "x-ms-token-aad-access-token",
];

/// Field lines in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    bytes: Bytes,
    lines: Box<[Line]>,
    index: Index,
}

/// Names and values in their order, with what stands between them or without it. All of nearly every head is text, and then
/// need not be looked at again to be read as such.
#[derive(Clone, Debug)]
enum Bytes {
    Text(Box<str>),
    Raw(Box<[u8]>),
}

/// Where name and value of a field line stand in the bytes.
#[derive(Clone, Copy, Debug)]
struct Line {
    name: u32,
    name_end: u32,
    value: u32,
    end: u32,
    tag: Tag,
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
        let sizes = lines.clone().map(|(name, value)| name.len() + value.len());
        let mut bytes = Vec::with_capacity(sizes.sum());
        let mut kept = Vec::with_capacity(lines.size_hint().0);
        let mut index = Index::default();
        for (name, value) in lines {
            let tag = Tag::of(name.as_bytes());
            index.add(&kept, tag);
            let start = position(bytes.len());
            bytes.extend_from_slice(name.as_bytes());
            let middle = position(bytes.len());
            if !is_secret(name.as_bytes(), tag) {
                bytes.extend_from_slice(value.trim_ascii());
            }
            kept.push(Line {
                name: start,
                name_end: middle,
                value: middle,
                end: position(bytes.len()),
                tag,
            });
        }
        Self {
            bytes: bytes.into(),
            lines: kept.into_boxed_slice(),
            index,
        }
    }

    /// All field lines in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.lines.iter().map(|line| self.field(line))
    }

    /// The field lines of that name, in any case.
    #[inline]
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Field<'a>> {
        let tag = Tag::of(name.as_bytes());
        let first = self.index.places.first(tag);
        self.named(first.unwrap_or(usize::MAX), tag, name)
    }

    /// The first field line of that name.
    #[inline]
    pub fn first<'a>(&'a self, name: &'a str) -> Option<Field<'a>> {
        // That it is not there is told in place: the tag of a name in the source is known to the compiler.
        let tag = Tag::of(name.as_bytes());
        self.named(self.index.places.first(tag)?, tag, name).find()
    }

    /// The value of the first field line of that name, as text.
    #[inline]
    pub(crate) fn first_value<'a>(&'a self, name: &'a str) -> Option<Cow<'a, str>> {
        let tag = Tag::of(name.as_bytes());
        self.text_from(self.index.places.first(tag)?, tag, name)
    }

    /// The value of a field as text, its lines joined by `, ` (RFC 9110 §5.3); `None` where it is absent.
    #[inline]
    pub fn value<'a>(&'a self, name: &'a str) -> Option<Cow<'a, str>> {
        let tag = Tag::of(name.as_bytes());
        self.joined(self.index.places.first(tag)?, tag, name)
    }

    /// Whether there is a field of that name.
    #[inline]
    pub fn has(&self, name: &str) -> bool {
        let tag = Tag::of(name.as_bytes());
        let place = self.index.places.first(tag);
        place.is_some_and(|place| self.named(place, tag, name).line().is_some())
    }

    #[inline]
    fn named<'a>(&'a self, from: usize, tag: Tag, name: &'a str) -> Named<'a> {
        Named {
            fields: self,
            rest: self.lines.get(from..).unwrap_or_default(),
            tag,
            name,
        }
    }

    fn text_from<'a>(&'a self, place: usize, tag: Tag, name: &'a str) -> Option<Cow<'a, str>> {
        let line = self.named(place, tag, name).line()?;
        Some(self.text(line))
    }

    fn joined<'a>(&'a self, from: usize, tag: Tag, name: &'a str) -> Option<Cow<'a, str>> {
        let mut lines = self.named(from, tag, name);
        let first = self.text(lines.line()?);
        if !self.index.repeats {
            return Some(first);
        }
        Some(lines.fold(first, |all, line| {
            Cow::Owned(format!("{all}, {}", line.text()))
        }))
    }

    /// All that it holds, to be told apart from others; the same wherever the same bytes were read.
    pub(crate) fn hash(&self, hasher: &mut impl Hasher) {
        hasher.write(self.bytes.as_slice());
        for line in &self.lines {
            hasher.write_u64(u64::from(line.value) << 32 | u64::from(line.end));
        }
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
    #[inline]
    pub fn has_elements(&self, name: &str) -> bool {
        self.has(name)
            && self.all(name).any(|field| {
                !field
                    .value
                    .iter()
                    .all(|b| b.is_ascii_whitespace() || *b == b',')
            })
    }

    /// Whether a list field has that element, in any case.
    #[inline]
    pub fn has_element(&self, name: &str, element: &str) -> bool {
        let tag = Tag::of(name.as_bytes());
        self.index
            .places
            .first(tag)
            .is_some_and(|place| self.lists(self.named(place, tag, name), element.as_bytes()))
    }

    fn lists(&self, mut lines: Named<'_>, element: &[u8]) -> bool {
        let Some(line) = lines.line() else {
            return false;
        };
        let value = self.bytes.slice(line.value, line.end);
        // Most are no list.
        same(value, element)
            || std::iter::once(value)
                .chain(lines.map(|field| field.value))
                .flat_map(|value| value.split(|&byte| byte == b','))
                .any(|part| same(part.trim_ascii(), element))
    }

    /// Whether a name begins so, in any case.
    pub(crate) fn has_prefix(&self, prefix: &str) -> bool {
        let [_, first, ..] = Tag::of(prefix.as_bytes()).0.to_le_bytes();
        self.lines.iter().any(|line| {
            // Few have even its first letter.
            let [_, letter, ..] = line.tag.0.to_le_bytes();
            letter == first
                && self
                    .bytes
                    .slice(line.name, line.name_end)
                    .get(..prefix.len())
                    .is_some_and(|start| same(start, prefix.as_bytes()))
        })
    }

    /// How many field lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
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
        (self.bytes.as_slice().len() + size_of_val(&*self.lines)) as u64
    }

    fn is_named(&self, line: &Line, name: &str) -> bool {
        same(self.bytes.slice(line.name, line.name_end), name.as_bytes())
    }

    #[inline]
    fn text(&self, line: &Line) -> Cow<'_, str> {
        match self.bytes.text(line.value, line.end) {
            Some(text) => Cow::Borrowed(text),
            None => self.field(line).text(),
        }
    }

    #[inline]
    fn field(&self, line: &Line) -> Field<'_> {
        let name = self
            .bytes
            .text(line.name, line.name_end)
            .or_else(|| std::str::from_utf8(self.bytes.slice(line.name, line.name_end)).ok());
        Field {
            name: name.unwrap_or_default(),
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
            && self
                .iter()
                .zip(other.iter())
                .all(|(field, other)| pair(field, other))
    }
}

impl Eq for Fields {}

/// The lines of one name.
struct Named<'a> {
    fields: &'a Fields,
    rest: &'a [Line],
    tag: Tag,
    name: &'a str,
}

impl<'a> Named<'a> {
    fn find(&mut self) -> Option<Field<'a>> {
        self.line().map(|line| self.fields.field(line))
    }

    #[inline]
    fn line(&mut self) -> Option<&'a Line> {
        while let Some((line, others)) = self.rest.split_first() {
            self.rest = others;
            // Names are compared as bytes: only the few that match are worth being read as text.
            if line.tag == self.tag && self.fields.is_named(line, self.name) {
                if !self.fields.index.repeats {
                    self.rest = &[];
                }
                return Some(line);
            }
        }
        None
    }
}

impl<'a> Iterator for Named<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        self.find()
    }
}

#[inline]
fn is_secret(name: &[u8], tag: Tag) -> bool {
    /// The places of their tags, of which most other tags have none.
    const PLACES: u64 = {
        let (mut places, mut rest) = (0, SECRET);
        while let Some((secret, others)) = rest.split_first() {
            places |= 1 << Tag::of(secret.as_bytes()).place();
            rest = others;
        }
        places
    };
    PLACES >> tag.place() & 1 != 0 && has_secret_tag(name, tag)
}

fn has_secret_tag(name: &[u8], tag: Tag) -> bool {
    #[expect(
        clippy::indexing_slicing,
        reason = "by the compiler, over its own length"
    )]
    const TAGS: [u32; SECRET.len()] = {
        let (mut tags, mut rest) = ([0; SECRET.len()], SECRET);
        while let Some((secret, others)) = rest.split_first() {
            tags[SECRET.len() - rest.len()] = Tag::of(secret.as_bytes()).0;
            rest = others;
        }
        tags
    };
    // All of them, without a way out: that is done for several at once.
    TAGS.iter()
        .fold(0, |any, &secret| any | u32::from(secret == tag.0))
        != 0
        && SECRET.iter().any(|secret| same(name, secret.as_bytes()))
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
                            let is_secret = SECRET.iter().any(|s| other.eq_ignore_ascii_case(s));
                            if is_secret { &[][..] } else { value.trim_ascii() }
                        })
                        .collect();
                    proptest::prop_assert_eq!(found, expected);
                }
            }
        }
    }
}
