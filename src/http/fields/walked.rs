//! Field lines as they are found, before any of their bytes is copied.

use std::ops::Range;

use super::names::Known;
use super::table::Short;
use super::{Bytes, Fields};

/// A head with more secrets is not a usual one.
const SECRETS: usize = 16;

/// Of a head that is read in one walk: first its lines are placed by where they stand behind its start line, then they are
/// named and copied. In between these are no fields that anybody can ask for anything.
impl Fields {
    /// Begins anew.
    pub(in crate::http) fn begin_walk(&mut self) {
        self.table.clear();
    }

    /// The next line, by where its name begins, how long that is, and the place of its value; `None` where there is no room
    /// for it.
    #[inline]
    pub(in crate::http) fn place(
        &mut self,
        name: usize,
        name_len: usize,
        value: &Range<usize>,
    ) -> Option<()> {
        self.table.place(Short {
            name: short(name),
            name_len: u8::try_from(name_len).ok()?,
            value: short(value.start),
            end: short(value.end),
            known: Known::default(),
        });
        Some(())
    }

    /// The name of each line, in these bytes, and where its value stands.
    pub(in crate::http) fn walked<'b>(
        &self,
        lines: &'b [u8],
    ) -> impl Iterator<Item = (&'b [u8], Range<usize>)> {
        self.table.iter().filter_map(|line| {
            let name = lines.get(line.name as usize..line.name_end as usize)?;
            Some((name, line.value as usize..line.end as usize))
        })
    }

    /// They are all. They stand in this text behind so many other bytes, of which the first belong to the fields.
    pub(in crate::http) fn copy(&mut self, text: &str, behind: usize, lead: usize) -> Option<()> {
        let lines = text.as_bytes().get(behind..)?;
        let mut base = short(behind);
        // Values that are not kept: where they stand in the text without those before, and how long they are.
        let (mut secrets, mut count) = ([(0_u16, 0_u16); SECRETS], 0);
        let mut end = 0;
        self.table.name_all(|line| {
            let at = usize::from(line.name);
            line.known = Known::of(lines.get(at..at + usize::from(line.name_len))?);
            line.name = line.name.wrapping_add(base);
            line.value = line.value.wrapping_add(base);
            line.end = line.end.wrapping_add(base);
            if line.known.is_secret() {
                let len = line.end - line.value;
                *secrets.get_mut(count)? = (line.value, len);
                count += 1;
                // What is left out may be more than what stands in front of all lines.
                base = base.wrapping_sub(len);
                line.end = line.value;
            }
            end = line.end;
            Some(())
        })?;
        let end = usize::from(end).max(lead);
        let secrets = secrets.get(..count).unwrap_or_default();
        self.bytes = Bytes::Text(without(text, secrets, end));
        self.lead = u32::from(short(lead));
        Some(())
    }
}

/// Whether the value of a field with that name is never kept.
#[inline]
pub(in crate::http) fn is_secret(name: &[u8]) -> bool {
    Known::of(name).is_secret()
}

/// A text up to where it ends without what is left out of it.
fn without(text: &str, secrets: &[(u16, u16)], end: usize) -> Box<str> {
    if secrets.is_empty() {
        return text.get(..end).unwrap_or_default().into();
    }
    let mut kept = String::with_capacity(end);
    let mut rest = text;
    for &(at, len) in secrets {
        let part = usize::from(at) - kept.len();
        kept.push_str(rest.get(..part).unwrap_or_default());
        rest = rest.get(part + usize::from(len)..).unwrap_or_default();
    }
    kept.push_str(rest.get(..end - kept.len()).unwrap_or_default());
    kept.into()
}

/// A place in a head that is read in one walk, which is shorter than [`LONGEST`](super::LONGEST).
#[expect(clippy::cast_possible_truncation, reason = "as said")]
const fn short(len: usize) -> u16 {
    len as u16
}
