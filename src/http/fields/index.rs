//! Where to look for a field line of a name, and where not to.

use super::Line;

/// What tells where to look for a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Where the lines of each name begin: most questions are about fields that are not there.
    pub(super) places: Places,
    /// Two lines may have one name.
    pub(super) repeats: bool,
}

/// What tells most names apart without a look at all of their letters: length, first, middle and last one, without case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tag(pub(super) u32);

impl Tag {
    #[inline]
    pub(super) const fn of(name: &[u8]) -> Self {
        // Every byte of a name is that of a letter, a digit or a mark, which this bit leaves apart.
        const NO_CASE: u8 = 0x20;
        let (Some((first, _)), Some((last, _))) = (name.split_first(), name.split_last()) else {
            return Self(0);
        };
        let (_, rest) = name.split_at(name.len() / 2);
        let middle = match rest.split_first() {
            Some((middle, _)) => *middle,
            None => 0,
        };
        let [len, ..] = name.len().to_le_bytes();
        Self(u32::from_le_bytes([
            len,
            *first | NO_CASE,
            middle | NO_CASE,
            *last | NO_CASE,
        ]))
    }

    /// Its place among [`PLACES`], the same for equal tags.
    #[inline]
    pub(super) const fn place(self) -> usize {
        // Of many that were tried one by which the names that most heads have do not meet, nor many that are asked for.
        const APART: u32 = 0x444D_958F;
        (self.0.wrapping_mul(APART) >> (u32::BITS - PLACES.ilog2())) as usize
    }
}

/// Places for the tags of a head, which has some fourteen.
const PLACES: usize = 64;

/// For each place of a tag the number of the first line that has one, from 1; or, of very many, one that is before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places([u8; PLACES]);

impl Default for Places {
    fn default() -> Self {
        Self([0; PLACES])
    }
}

impl Places {
    /// Where to begin to look for a line; `None` where there is none.
    #[inline]
    pub(super) fn first(&self, tag: Tag) -> Option<usize> {
        usize::from(self.0.get(tag.place()).copied()?).checked_sub(1)
    }

    /// A line has that tag.
    #[inline]
    fn add(&mut self, tag: Tag, line: usize) {
        if let Some(place) = self.0.get_mut(tag.place())
            && *place == 0
        {
            *place = u8::try_from(line.saturating_add(1)).unwrap_or(u8::MAX);
        }
    }
}

impl Index {
    /// A line has that tag; `before` are those in front of it.
    #[inline]
    pub(super) fn add(&mut self, before: &[Line], tag: Tag) {
        self.repeats |= self.places.first(tag).is_some_and(|first| {
            let mut before = before.get(first..).into_iter().flatten();
            before.any(|line| line.tag == tag)
        });
        self.places.add(tag, before.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_most_heads_have_do_not_meet() {
        let names = [
            "host",
            "connection",
            "upgrade",
            "origin",
            "user-agent",
            "accept",
            "accept-encoding",
            "accept-language",
            "cache-control",
            "pragma",
            "cookie",
            "sec-websocket-key",
            "sec-websocket-version",
            "sec-websocket-extensions",
            "sec-websocket-protocol",
            "sec-websocket-accept",
            "server",
            "date",
            "content-type",
            "content-length",
            "transfer-encoding",
            "via",
            "referer",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-proto",
            "x-real-ip",
        ];
        let mut seen = [""; PLACES];
        for name in names {
            let place = &mut seen[Tag::of(name.as_bytes()).place()];
            assert_eq!(std::mem::replace(place, name), "", "{name}");
        }
    }
}
