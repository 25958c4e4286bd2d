//! The head of a request that need not be read: of most, no more is asked than where they lead and how their content ends.

use std::fmt;
use std::ops::Range;

use super::RequestHead;
use super::body::Framing;
use super::head::{self, Head};

/// A head that was found whole and in the usual form.
#[derive(Clone)]
pub(crate) struct Unread<'a> {
    /// All of it.
    pub(super) head: &'a [u8],
    /// Its method.
    pub(super) method: &'a [u8],
    /// Where its target stands.
    pub(super) target: Range<usize>,
    /// How its content ends.
    pub(super) framing: Framing,
    /// Values that are never kept.
    pub(super) secrets: Secrets,
}

/// Where values stand that are never kept.
#[derive(Clone, Default)]
pub(super) struct Secrets {
    places: [Range<usize>; MOST_SECRETS],
    len: usize,
}

/// A request with more secrets is read at once.
const MOST_SECRETS: usize = 4;

/// Such a head, without secrets, in case it must be read later.
#[derive(Debug)]
pub(crate) struct Kept {
    head: Box<[u8]>,
    target: Range<usize>,
}

impl<'a> Unread<'a> {
    /// Its method.
    pub(crate) const fn method(&self) -> &'a [u8] {
        self.method
    }

    /// Its target as sent.
    pub(crate) fn target(&self) -> &'a str {
        text(self.head, &self.target)
    }

    /// How its content ends.
    pub(crate) const fn framing(&self) -> Framing {
        self.framing
    }

    /// Reads it after all.
    pub(crate) fn read(&self, into: &mut RequestHead) -> Option<()> {
        read(self.head, into)
    }

    /// Keeps it.
    pub(crate) fn keep(&self) -> Kept {
        Kept {
            head: self.secrets.leave_out_of(self.head),
            target: self.target.clone(),
        }
    }
}

impl Secrets {
    /// One more, behind the others; `None` where there is no room for it.
    pub(super) fn add(&mut self, place: Range<usize>) -> Option<()> {
        *self.places.get_mut(self.len)? = place;
        self.len += 1;
        Some(())
    }

    /// A copy of a head without them.
    fn leave_out_of(&self, head: &[u8]) -> Box<[u8]> {
        let places = self.places.get(..self.len).unwrap_or_default();
        if places.is_empty() {
            return head.into();
        }
        let left_out = places.iter().map(ExactSizeIterator::len).sum::<usize>();
        let mut kept = Vec::with_capacity(head.len() - left_out);
        let mut from = 0;
        for place in places {
            kept.extend_from_slice(head.get(from..place.start).unwrap_or_default());
            from = place.end;
        }
        kept.extend_from_slice(head.get(from..).unwrap_or_default());
        kept.into()
    }
}

impl Kept {
    /// Its target as sent.
    pub(crate) fn target(&self) -> &str {
        text(&self.head, &self.target)
    }

    /// Reads it.
    pub(crate) fn read(&self) -> Option<RequestHead> {
        let mut head = RequestHead::default();
        read(&self.head, &mut head)?;
        Some(head)
    }

    /// Bytes that are allocated for it.
    pub(crate) const fn allocated(&self) -> u64 {
        self.head.len() as u64
    }
}

impl fmt::Debug for Unread<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Unread").field(&self.head.len()).finish()
    }
}

/// A part of a head; a target is ASCII.
fn text<'h>(head: &'h [u8], target: &Range<usize>) -> &'h str {
    let part = head.get(target.clone());
    part.and_then(|part| str::from_utf8(part).ok())
        .unwrap_or_default()
}

/// How many lines it may have was counted when it was found.
fn read(bytes: &[u8], into: &mut RequestHead) -> Option<()> {
    head::parse(Head::Request(into), bytes, false, u64::MAX).ok()
}

#[cfg(test)]
mod tests {
    use super::super::usual::{self, Found, Keep};
    use super::*;

    #[test]
    fn no_secret_is_kept() {
        let bytes =
            b"GET /a HTTP/1.1\r\nCookie: one\r\nHost: a\r\nAuthorization:  two \r\n\r\nmore";
        let mut head = RequestHead::default();
        let keep = Keep::Named(|_| false);
        let found = usual::find(&mut Head::Request(&mut head), keep, bytes, 9);
        let Some((Found::Unread(unread), _)) = found else {
            panic!("{found:?}");
        };
        assert!(!format!("{unread:?}").contains("one"));
        let kept = unread.keep();
        let left = b"GET /a HTTP/1.1\r\nCookie: \r\nHost: a\r\nAuthorization:   \r\n\r\n";
        assert_eq!((&*kept.head, kept.target()), (&left[..], "/a"));
        assert_eq!(kept.allocated(), left.len() as u64);
        unread.read(&mut head).unwrap();
        assert_eq!(kept.read(), Some(head));
    }
}
