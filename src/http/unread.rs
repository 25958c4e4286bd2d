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
}

/// Such a head, in case it must be read later. There are secrets in it, so nobody sees more of it than its target before.
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
            head: self.head.into(),
            target: self.target.clone(),
        }
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

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kept").field(&self.head.len()).finish()
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
