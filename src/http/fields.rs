//! Field lines of a head, in one allocation, without secrets (RFC 9110 §5).

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Range;

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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    bytes: Box<[u8]>,
    lines: Box<[Line]>,
}

/// Where name and value of a field line stand in the bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: Range<u32>,
    value: Range<u32>,
}

/// One field line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Name as sent, in whatever case.
    pub name: &'a str,
    /// Value without white space around it; empty where it was a secret.
    pub value: &'a [u8],
}

impl<'a> Field<'a> {
    /// The value as text; bytes that are no UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.value)
    }
}

impl Fields {
    /// Copies the fields of a head, leaving the values of secret ones behind.
    pub fn new<'a>(lines: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut bytes = Vec::new();
        let mut ranges = Vec::new();
        let mut append = |part: &[u8]| {
            let start = position(bytes.len());
            bytes.extend_from_slice(part);
            start..position(bytes.len())
        };
        for (name, value) in lines {
            let value = if is_secret(name) {
                &[]
            } else {
                value.trim_ascii()
            };
            ranges.push(Line {
                name: append(name.as_bytes()),
                value: append(value),
            });
        }
        Self {
            bytes: bytes.into_boxed_slice(),
            lines: ranges.into_boxed_slice(),
        }
    }

    /// All field lines in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.lines.iter().map(|line| self.field(line))
    }

    /// The field lines of that name, in any case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Field<'a>> {
        // Names are compared as bytes: only the few that match are worth being read as text.
        self.lines
            .iter()
            .filter(move |line| self.slice(&line.name).eq_ignore_ascii_case(name.as_bytes()))
            .map(|line| self.field(line))
    }

    /// The first field line of that name.
    pub fn first<'a>(&'a self, name: &'a str) -> Option<Field<'a>> {
        self.all(name).next()
    }

    /// The value of a field as text, its lines joined by `, ` (RFC 9110 §5.3); `None` where it is absent.
    pub fn value<'a>(&'a self, name: &'a str) -> Option<Cow<'a, str>> {
        let mut lines = self.all(name);
        let first = lines.next()?.text();
        Some(lines.fold(first, |all, line| {
            Cow::Owned(format!("{all}, {}", line.text()))
        }))
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

    /// Whether a list field has that element, in any case.
    pub fn has_element(&self, name: &str, element: &str) -> bool {
        self.elements(name)
            .any(|e| e.eq_ignore_ascii_case(element.as_bytes()))
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
        (self.bytes.len() + size_of_val(&*self.lines)) as u64
    }

    fn field(&self, line: &Line) -> Field<'_> {
        Field {
            name: std::str::from_utf8(self.slice(&line.name)).unwrap_or_default(),
            value: self.slice(&line.value),
        }
    }

    fn slice(&self, range: &Range<u32>) -> &[u8] {
        self.bytes
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    }
}

fn is_secret(name: &str) -> bool {
    SECRET
        .iter()
        .any(|secret| name.eq_ignore_ascii_case(secret))
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
        assert!(is_secret(cookie.name) && cookie.value.is_empty());
        assert!(!fields.bytes.windows(3).any(|w| w == b"sid" || w == b"Bea"));
        assert_eq!(fields.len(), 3);
    }
}
