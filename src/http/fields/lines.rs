//! Field lines as they are found, one after the other, before any of their bytes is copied.

use std::ops::Range;

use super::index::{Index, Tag};
use super::{Fields, Line, is_secret};

/// The field lines of a head that is read in one walk, by where they stand in its bytes.
#[derive(Debug)]
pub(in crate::http) struct Lines {
    found: [Line; Self::MOST],
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
            found: [none; Self::MOST],
            len: 0,
            index: Index::default(),
            secrets: 0,
        }
    }

    /// The next line, which begins with a name at `at`; of its value, without white space around it, the places within the
    /// line. False where there is no room for it.
    #[inline]
    #[must_use]
    pub(in crate::http) fn add(&mut self, at: usize, name: &[u8], value: Range<usize>) -> bool {
        let tag = Tag::of(name);
        let Some((before, [line, ..])) = self.found.split_at_mut_checked(self.len) else {
            return false;
        };
        let at = position(at);
        *line = Line {
            name: at,
            name_end: at.wrapping_add(position(name.len())),
            value: at.wrapping_add(position(value.start)),
            end: at.wrapping_add(position(value.end)),
            tag,
        };
        self.index.add(before, tag);
        if is_secret(name, tag) {
            self.secrets |= 1 << self.len;
        }
        self.len += 1;
        true
    }

    /// The fields that they are, apart from all that stands between them.
    pub(in crate::http) fn pick(&mut self, bytes: &[u8]) -> Fields {
        let part = |from: u32, to: u32| bytes.get(from as usize..to as usize).unwrap_or_default();
        match self.found.get(..self.len).unwrap_or_default() {
            [] => Fields::default(),
            [line] if self.secrets == 0 => {
                let from = line.name;
                let line = Line {
                    name: 0,
                    name_end: line.name_end - from,
                    value: line.value - from,
                    end: line.end - from,
                    tag: line.tag,
                };
                Fields {
                    bytes: part(from, from + line.end).to_vec().into(),
                    lines: Box::new([line]),
                    index: std::mem::take(&mut self.index),
                }
            }
            lines => Fields::new(lines.iter().map(|line| {
                let name = str::from_utf8(part(line.name, line.name_end));
                (name.unwrap_or_default(), part(line.value, line.end))
            })),
        }
    }

    /// The fields that they are, with the bytes in which they stand.
    pub(in crate::http) fn copy(&mut self, bytes: &[u8]) -> Fields {
        let lines = self.found.get_mut(..self.len).unwrap_or_default();
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
            index: std::mem::take(&mut self.index),
        }
    }
}

/// A place in a head that is read in one walk, which is smaller than 4 GiB.
#[expect(clippy::cast_possible_truncation, reason = "as said")]
const fn position(len: usize) -> u32 {
    len as u32
}
