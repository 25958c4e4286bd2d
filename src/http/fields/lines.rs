//! Field lines as they are found, one after the other, before any of their bytes is copied.

use std::ops::Range;

use super::index::{Index, Tag};
use super::{Bytes, Fields, Line, is_secret, same};

/// The field lines of a head that is read in one walk, by where they stand in its bytes.
#[derive(Debug)]
pub(in crate::http) struct Lines {
    found: [Line; Self::MOST],
    len: usize,
    index: Index,
    /// A bit for each line whose value is not kept.
    secrets: u64,
    /// Bytes of those values.
    secret_bytes: u32,
}

impl Lines {
    /// A head with more is not a usual one; no more than a mask has bits.
    const MOST: usize = 48;

    /// None yet.
    pub(in crate::http) fn new() -> Self {
        let none = Line {
            name: 0,
            name_end: 0,
            value: 0,
            end: 0,
            tag: Tag(0),
        };
        Self {
            found: [none; Self::MOST],
            len: 0,
            index: Index::default(),
            secrets: 0,
            secret_bytes: 0,
        }
    }

    /// How many there are.
    pub(in crate::http) const fn len(&self) -> u64 {
        self.len as u64
    }

    /// The next line, which begins with a name at `at`, and the place of its value; `None` where there is no room for it.
    #[inline]
    pub(in crate::http) fn add(
        &mut self,
        name: &[u8],
        at: usize,
        value: Range<usize>,
    ) -> Option<()> {
        let (before, [line, ..]) = self.found.split_at_mut_checked(self.len)? else {
            return None;
        };
        let tag = Tag::of(name);
        *line = Line {
            name: position(at),
            name_end: position(at + name.len()),
            value: position(value.start),
            end: position(value.end),
            tag,
        };
        self.index.add(before, tag);
        if is_secret(name, tag) {
            self.secrets |= 1 << self.len;
            self.secret_bytes += line.end - line.value;
        }
        self.len += 1;
        Some(())
    }

    /// The values of the lines of that name, in the bytes in which they stand.
    pub(in crate::http) fn values<'a>(
        &'a self,
        bytes: &'a [u8],
        name: &'a str,
    ) -> impl Iterator<Item = &'a [u8]> {
        let part = |from: u32, to: u32| bytes.get(from as usize..to as usize).unwrap_or_default();
        let found = self.found.get(..self.len).unwrap_or_default();
        found
            .iter()
            .filter(move |line| same(part(line.name, line.name_end), name.as_bytes()))
            .map(move |line| part(line.value, line.end))
    }

    /// The fields that they are, with the text in which they stand.
    pub(in crate::http) fn copy(&mut self, text: &str) -> Fields {
        let part = |from: u32, to: u32| text.get(from as usize..to as usize).unwrap_or_default();
        let lines = self.found.get_mut(..self.len).unwrap_or_default();
        let end = lines.last().map_or(0, |line| line.end);
        let mut left_out = 0;
        let bytes = if self.secrets == 0 {
            part(0, end).into()
        } else {
            let mut kept = String::with_capacity((end - self.secret_bytes) as usize);
            let mut copied = 0;
            // What is in front of the first stays where it is.
            let first = self.secrets.trailing_zeros() as usize;
            for (number, line) in lines.iter_mut().enumerate().skip(first) {
                let secret = line.value..line.end;
                line.shift(left_out);
                if self.secrets >> number & 1 != 0 {
                    kept.push_str(part(copied, secret.start));
                    copied = secret.end;
                    left_out += secret.end - secret.start;
                    line.end = line.value;
                }
            }
            kept.push_str(part(copied, end));
            kept.into()
        };
        Fields {
            bytes: Bytes::Text(bytes),
            lines: (&*lines).into(),
            index: std::mem::take(&mut self.index),
        }
    }
}

impl Line {
    /// So many bytes in front of it are left out.
    fn shift(&mut self, left_out: u32) {
        for place in [
            &mut self.name,
            &mut self.name_end,
            &mut self.value,
            &mut self.end,
        ] {
            *place -= left_out;
        }
    }
}

/// A place in a head that is read in one walk, which is smaller than 4 GiB.
#[expect(clippy::cast_possible_truncation, reason = "as said")]
const fn position(len: usize) -> u32 {
    len as u32
}
