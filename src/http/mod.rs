//! The bytes of one direction as HTTP/1 messages: head, fields, and a body that is skipped (RFC 9112, RFC 9110).
//!
//! Knows HTTP and not WebSocket. Reads whatever is offered in pieces of any size; what is malformed is told as such and
//! never an error. Secrets (Cookie, Authorization and their kin) are left out of [`Fields`], and of heads left unread, as
//! they are made, so no room behind this one can print them.

mod body;
mod buffer;
mod fields;
mod head;
mod reader;
mod unread;
mod usual;
mod words;

use std::borrow::Cow;

pub(crate) use body::Framing;
pub(crate) use buffer::Buffer;
pub use fields::{Field, Fields};
pub(crate) use fields::{FieldNames, Found};
pub(crate) use head::{Broken, Head, Kind, begins, begins_surely, empty_lines};
pub(crate) use reader::{Lost, Piece, Reader, Step};
pub(crate) use unread::{Kept, Unread};
pub(crate) use usual::{Keep, Plain};

/// HTTP version of a start line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0: no Upgrade, and connections close by default.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

impl Version {
    /// `HTTP/1.0` or `HTTP/1.1`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http10 => "HTTP/1.0",
            Self::Http11 => "HTTP/1.1",
        }
    }
}

/// Status code of a response (RFC 9110 §15); any three digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(pub u16);

/// Request line and fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHead {
    /// `GET`, mostly.
    pub method: Cow<'static, str>,
    /// Version of the request line.
    pub version: Version,
    /// Field lines in their order, without secrets; the target stands in front of them.
    pub fields: Fields,
}

impl RequestHead {
    /// Of these parts; secrets are left out.
    pub fn new<'a>(
        method: impl Into<Cow<'static, str>>,
        target: &str,
        version: Version,
        lines: impl Iterator<Item = (&'a str, &'a [u8])> + Clone,
    ) -> Self {
        Self {
            method: method.into(),
            version,
            fields: Fields::behind(target, lines),
        }
    }

    /// Request target as sent: `/ws?token=…`, `http://host/ws`, `host:443`. Holds secrets; mask it before it is shown.
    #[inline]
    pub fn target(&self) -> &str {
        self.fields.lead()
    }

    /// The same request for another target.
    #[cfg(test)]
    pub(crate) fn ask_for(&mut self, target: &str) {
        let lines = self.fields.iter().map(|field| (field.name, field.value));
        self.fields = Fields::behind(target, lines.collect::<Vec<_>>().into_iter());
    }

    /// Bytes that are allocated for it.
    pub(crate) fn allocated(&self) -> u64 {
        let method = match &self.method {
            Cow::Borrowed(_) => 0,
            Cow::Owned(method) => method.capacity(),
        };
        method as u64 + self.fields.allocated()
    }

    /// The part of the target behind the first `?`.
    pub(crate) fn query(&self) -> Option<&str> {
        let target = self.target();
        let mark = memchr::memchr(b'?', target.as_bytes())?;
        target.get(mark + 1..)
    }
}

/// A target in absolute form, reduced to its path and query (RFC 9112 §3.2).
pub(crate) fn origin_form(target: &str) -> &str {
    // A URL in the query does not make it absolute.
    if target.starts_with('/') {
        return target;
    }
    let Some((_, rest)) = target.split_once("://") else {
        return target;
    };
    rest.find('/')
        .and_then(|slash| rest.get(slash..))
        .unwrap_or("/")
}

/// Status line and fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// Version of the status line.
    pub version: Version,
    /// Status code.
    pub status: Status,
    /// Reason phrase, often the only text that tells the cause; may be empty.
    pub reason: Cow<'static, str>,
    /// Field lines in their order, without secrets.
    pub fields: Fields,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_every_form_reduce_to_path_and_query() {
        for (target, reduced) in [
            ("/ws", "/ws"),
            ("http://example.com/ws?a=1", "/ws?a=1"),
            ("http://example.com", "/"),
            ("/ws?to=https://a/b", "/ws?to=https://a/b"),
            ("example.com:443", "example.com:443"),
            ("*", "*"),
        ] {
            assert_eq!(origin_form(target), reduced);
        }
    }
}
