//! The same segment captured at several points (`-i any`, bridges, mirrors, merged files): a copy, no retransmission.
//!
//! A copy has the IP identification of the first (RFC 6864: a retransmission has a new one, or none), and differs in
//! where it was seen or in its hop count.

use crate::packet::Usual;
use crate::stream::conn::Side;
use crate::time::{Stamp, Timestamp};

/// Copies follow each other at once; clocks of merged files differ by more than the network takes. A second, in units of 2^20 ns.
const SPAN: u16 = 953;
/// Segments remembered for one direction.
const REMEMBERED: usize = 4;
/// Connections of which segments are remembered. Of more, those share a place whose slots end alike: a copy comes at once,
/// so what others said a while ago may be forgotten, and all that is remembered stays near the processor.
const PLACES: usize = 4096;

/// The last segments of all directions, by the slots of their connections.
#[derive(Debug)]
pub(super) struct Recents(Vec<[Prints; 2]>);

/// The last segments of one direction that were no copies.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Recent {
    prints: Prints,
    /// The slot of their connection, which is part of each print.
    whose: u32,
}

/// The last first.
type Prints = [Print; REMEMBERED];

/// What is remembered of a segment, in eight bytes: every segment with payload leaves one.
#[derive(Clone, Copy, Debug, Default)]
struct Print {
    /// A digest of what a copy has in common with the first: connection, sequence number, identification, length, flags.
    /// Never zero, which is a place that is not used yet.
    what: u32,
    /// A digest of where it was seen: interface, source, hop count.
    place: u16,
    /// In units of 2^20 ns, a little more than a millisecond, modulo 2^16: more than a minute.
    when: u16,
}

impl Recents {
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes a place for a slot, where nothing is remembered.
    pub(super) fn make(&mut self, slot: u32) {
        let at = slot as usize % PLACES;
        if at >= self.0.len() {
            self.0
                .resize(at.saturating_add(1), <[Prints; 2]>::default());
        } else if let Some(place) = self.0.get_mut(at) {
            *place = <[Prints; 2]>::default();
        }
    }

    /// The segments of one side of a connection.
    pub(super) fn of(&self, slot: u32, side: Side) -> Recent {
        let place = self.0.get(slot as usize % PLACES);
        Recent {
            prints: place.map_or_else(Prints::default, |[low, high]| match side {
                Side::Low => *low,
                Side::High => *high,
            }),
            whose: slot,
        }
    }

    /// Keeps them.
    pub(super) fn keep(&mut self, side: Side, recent: Recent) {
        if let Some([low, high]) = self.0.get_mut(recent.whose as usize % PLACES) {
            match side {
                Side::Low => *low = recent.prints,
                Side::High => *high = recent.prints,
            }
        }
    }

    /// Remembers a segment that is no copy.
    #[inline]
    pub(super) fn remember(
        &mut self,
        (slot, side): (u32, Side),
        segment: &Usual<'_>,
        at: &Stamp,
        now: Timestamp,
    ) {
        if let Some([low, high]) = self.0.get_mut(slot as usize % PLACES) {
            let prints = match side {
                Side::Low => low,
                Side::High => high,
            };
            remember(prints, Print::of(slot, segment, at, now));
        }
    }

    /// The two sides of a connection are the other way round.
    pub(super) fn exchange_sides(&mut self, slot: u32) {
        if let Some([low, high]) = self.0.get_mut(slot as usize % PLACES) {
            std::mem::swap(low, high);
        }
    }
}

impl Recent {
    /// Whether one of the last segments is this one, seen elsewhere.
    pub(super) fn is_copy(&self, segment: &Usual<'_>, at: &Stamp, now: Timestamp) -> bool {
        let print = Print::of(self.whose, segment, at, now);
        self.prints.iter().any(|seen| {
            seen.what == print.what
                && seen.place != print.place
                && print.when.wrapping_sub(seen.when) < SPAN
        })
    }

    /// Remembers a segment that is no copy.
    pub(super) fn remember(&mut self, segment: &Usual<'_>, at: &Stamp, now: Timestamp) {
        remember(&mut self.prints, Print::of(self.whose, segment, at, now));
    }
}

/// The last before the others, of which the first is forgotten.
#[inline]
const fn remember(prints: &mut Prints, last: Print) {
    let [first, second, third, _] = *prints;
    *prints = [last, first, second, third];
}

impl Print {
    #[inline]
    fn of(whose: u32, segment: &Usual<'_>, at: &Stamp, now: Timestamp) -> Self {
        let rest = (u64::from(segment.ip_id) << 32)
            | (u64::from(segment.flags.0) << 16)
            | (segment.payload.len() as u64 & 0xffff);
        // Two segments fall together by chance once in two thousand million; of the few remembered, and of bytes that were
        // seen before, none will.
        let what = (u64::from(whose) << 32 | u64::from(segment.seq))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(rest.wrapping_mul(0xd6e8_feb8_6659_fd93));
        let place = at
            .iface
            .wrapping_add(at.source.wrapping_mul(0x9e37))
            .wrapping_add(u16::from(segment.ttl).wrapping_mul(0x6a95));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "digests"
        )]
        Self {
            what: ((what >> 32) as u32) | 1,
            place,
            when: (now.as_nanos() >> 20) as u16,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::packet::Flags;

    #[test]
    fn a_copy_differs_in_where_it_was_seen_and_in_nothing_else() {
        let segment = Usual {
            seq: 1,
            ack: 1,
            ip_id: 5,
            flags: Flags(Flags::ACK),
            ttl: 64,
            payload: b"x",
        };
        let at = Stamp::default();
        let now = Timestamp::from_secs(1_700_000_000, 0);
        let mut recent = Recent::default();
        recent.remember(&segment, &at, now);
        let elsewhere = Stamp { iface: 2, ..at };
        let other_file = Stamp { source: 1, ..at };
        let forwarded = Usual { ttl: 63, ..segment };
        let again = Usual {
            ip_id: 6,
            ..forwarded
        };
        let next = Usual {
            seq: 2,
            ..forwarded
        };
        let copies = [
            (forwarded, at, true),
            (segment, elsewhere, true),
            (segment, other_file, true),
            (segment, at, false),
            (again, at, false),
            (next, at, false),
        ];
        for (segment, at, is_copy) in copies {
            assert_eq!(
                recent.is_copy(&segment, &at, now),
                is_copy,
                "{segment:?} {at:?}"
            );
        }
        let later = now.after(Duration::from_secs(1));
        assert!(!recent.is_copy(&forwarded, &at, later));
    }
}
