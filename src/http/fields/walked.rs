//! Field lines as they are found, one after the other, before any of their bytes is copied.

use std::ops::Range;

use super::names::Known;
use super::table::Short;
use super::{Bytes, Fields};

/// A head with more secrets is not a usual one.
const SECRETS: usize = 16;

/// What was found so far of a head that is read in one walk, by where it will stand in its text.
#[derive(Debug)]
pub(in crate::http) struct Walked<'a> {
    /// What becomes of them; until then it is neither what it was nor what it will be.
    fields: &'a mut Fields,
    /// Where the lines begin in the text, less what is left out of it.
    base: u16,
    /// Values that are not kept: where they stand in the text without those before, and how long they are.
    secrets: [(u16, u16); SECRETS],
    len: usize,
    /// Behind the last value.
    end: u16,
}

impl<'a> Walked<'a> {
    /// None yet, of a head whose lines begin behind so many other bytes.
    pub(in crate::http) fn behind(base: u16, fields: &'a mut Fields) -> Self {
        fields.table.clear();
        Self {
            fields,
            base,
            secrets: [(0, 0); SECRETS],
            len: 0,
            end: 0,
        }
    }

    /// The next line, which begins with a name at `at`, and the place of its value; `None` where there is no room for it.
    #[inline]
    pub(in crate::http) fn add(
        &mut self,
        name: &[u8],
        at: usize,
        value: &Range<usize>,
    ) -> Option<()> {
        let known = Known::of(name);
        let mut line = Short {
            name: self.base.wrapping_add(short(at)),
            name_len: u8::try_from(name.len()).ok()?,
            value: self.base.wrapping_add(short(value.start)),
            end: self.base.wrapping_add(short(value.end)),
            known,
        };
        if known.is_secret() {
            let len = line.end - line.value;
            *self.secrets.get_mut(self.len)? = (line.value, len);
            self.len += 1;
            // What is left out may be more than what stands in front of all lines.
            self.base = self.base.wrapping_sub(len);
            line.end = line.value;
        }
        self.end = line.end;
        self.fields.table.add_short(line);
        Some(())
    }

    /// They are all, in this text, which begins with so many bytes that are not of them.
    pub(in crate::http) fn copy(self, text: &str, lead: usize) {
        let end = usize::from(self.end).max(lead);
        let mut kept = String::with_capacity(end);
        let mut rest = text;
        for &(at, len) in self.secrets.get(..self.len).unwrap_or_default() {
            let part = usize::from(at) - kept.len();
            kept.push_str(rest.get(..part).unwrap_or_default());
            rest = rest.get(part + usize::from(len)..).unwrap_or_default();
        }
        kept.push_str(rest.get(..end - kept.len()).unwrap_or_default());
        self.fields.bytes = Bytes::Text(kept.into());
        self.fields.lead = u32::from(short(lead));
    }
}

/// A place in a head that is read in one walk, which is shorter than [`LONGEST`](super::LONGEST).
#[expect(clippy::cast_possible_truncation, reason = "as said")]
const fn short(len: usize) -> u16 {
    len as u16
}
