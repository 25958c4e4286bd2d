//! Field lines as they are found, one after the other, before any of their bytes is copied.

use std::ops::Range;

use super::{Fields, Index, Line, Tag, is_secret, position};

/// The field lines of a head that is read in one walk, by where they stand in its bytes.
#[derive(Debug)]
pub(in crate::http) struct Lines {
    lines: [Line; Lines::MOST],
    len: usize,
    index: Index,
    /// A bit for each line whose value is not kept.
    secrets: u64,
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
            lines: [none; Self::MOST],
            len: 0,
            index: Index::default(),
            secrets: 0,
        }
    }

    /// How many there are.
    pub(in crate::http) const fn len(&self) -> usize {
        self.len
    }

    /// The next line, with a name that begins at `at` and a value without white space around it; false where there is no
    /// room for it.
    #[inline]
    #[must_use]
    pub(in crate::http) fn add(&mut self, at: usize, name: &[u8], value: Range<usize>) -> bool {
        let tag = Tag::of(name);
        let Some((before, [line, ..])) = self.lines.split_at_mut_checked(self.len) else {
            return false;
        };
        *line = Line {
            name: position(at),
            name_end: position(at + name.len()),
            value: position(value.start),
            end: position(value.end),
            tag,
        };
        self.index.add(before, tag);
        self.secrets |= u64::from(is_secret(name, tag)) << self.len;
        self.len += 1;
        true
    }

    /// The fields that they are, with the bytes in which they stand.
    pub(in crate::http) fn copy(mut self, bytes: &[u8]) -> Fields {
        let lines = self.lines.get_mut(..self.len).unwrap_or_default();
        let end = lines.last().map_or(0, |line| line.end);
        let part = |from: u32, to: u32| bytes.get(from as usize..to as usize).unwrap_or_default();
        let mut kept = Vec::with_capacity(end as usize);
        let (mut copied, mut left_out) = (0, 0);
        if self.secrets != 0 {
            for (number, line) in lines.iter_mut().enumerate() {
                let secret = line.value..line.end;
                for place in [&mut line.name, &mut line.name_end, &mut line.value] {
                    *place -= left_out;
                }
                if self.secrets >> number & 1 != 0 {
                    kept.extend_from_slice(part(copied, secret.start));
                    copied = secret.end;
                    left_out += secret.end - secret.start;
                }
                line.end -= left_out;
            }
        }
        kept.extend_from_slice(part(copied, end));
        Fields {
            bytes: kept.into(),
            lines: (&*lines).into(),
            index: self.index,
        }
    }
}
