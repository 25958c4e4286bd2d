//! The same segment captured at several points (`-i any`, bridges, mirrors, merged files): a copy, no retransmission.
//!
//! A copy has the IP identification of the first (RFC 6864: a retransmission has a new one, or none), and differs in
//! where it was seen or in its hop count.

use crate::packet::Segment;
use crate::time::Timestamp;

/// Copies follow each other at once; clocks of merged files differ by more than the network takes. In microseconds.
const SPAN: u32 = 1_000_000;
/// Segments remembered for one direction.
const REMEMBERED: u8 = 4;

/// The last segments of one direction that were no copies.
#[derive(Debug, Default)]
pub(super) struct Recent {
    prints: [Print; REMEMBERED as usize],
    next: u8,
}

#[derive(Clone, Copy, Debug, Default)]
struct Print {
    /// In microseconds modulo 2^32, which is more than an hour.
    when: u32,
    seq: u32,
    ip_id: u16,
    /// Modulo 2^16, which is enough to tell segments of one sequence number apart.
    len: u16,
    /// Interface and source in one.
    place: u16,
    ttl: u8,
    /// Zero for a place that is not used yet: no segment on a connection is without flags, save broken ones.
    flags: u8,
}

impl Recent {
    /// Whether one of the last segments is this one, seen elsewhere.
    pub(super) fn is_copy(&self, segment: &Segment<'_>, now: Timestamp) -> bool {
        let print = Print::of(segment, now);
        self.prints.iter().any(|seen| {
            seen.flags != 0
                && (seen.seq, seen.ip_id, seen.len, seen.flags)
                    == (print.seq, print.ip_id, print.len, print.flags)
                && (seen.place, seen.ttl) != (print.place, print.ttl)
                && print.when.wrapping_sub(seen.when) < SPAN
        })
    }

    /// Remembers a segment that is no copy.
    pub(super) fn remember(&mut self, segment: &Segment<'_>, now: Timestamp) {
        if let Some(place) = self.prints.get_mut(usize::from(self.next)) {
            *place = Print::of(segment, now);
        }
        self.next = self.next.wrapping_add(1) % REMEMBERED;
    }
}

impl Print {
    fn of(segment: &Segment<'_>, now: Timestamp) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "modulo 2^16 is meant")]
        let len = segment.payload.len() as u16;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "modulo 2^32 is meant"
        )]
        let when = (now.as_nanos() / 1000) as u32;
        Self {
            when,
            seq: segment.seq,
            ip_id: segment.ip_id,
            len,
            // An odd factor: sources and interfaces that differ in one of the two never fall together.
            place: segment
                .at
                .iface
                .wrapping_add(segment.at.source.wrapping_mul(0x9e37)),
            ttl: segment.ttl,
            flags: segment.flags.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::flow::Endpoint;
    use crate::packet::Flags;
    use crate::time::Stamp;

    #[test]
    fn a_copy_differs_in_where_it_was_seen_and_in_nothing_else() {
        let segment = Segment {
            at: Stamp::default(),
            src: Endpoint::default(),
            dst: Endpoint::default(),
            seq: 1,
            ack: 1,
            flags: Flags(Flags::ACK),
            window: 1,
            ttl: 64,
            ip_id: 5,
            payload: b"x",
            missing: 0,
        };
        let now = Timestamp::from_secs(1_700_000_000, 0);
        let mut recent = Recent::default();
        recent.remember(&segment, now);
        let elsewhere = Stamp {
            iface: 2,
            ..Stamp::default()
        };
        let other_file = Stamp {
            source: 1,
            ..Stamp::default()
        };
        let copies = [
            (Segment { ttl: 63, ..segment }, true),
            (
                Segment {
                    at: elsewhere,
                    ..segment
                },
                true,
            ),
            (
                Segment {
                    at: other_file,
                    ..segment
                },
                true,
            ),
            (segment, false),
            (
                Segment {
                    ttl: 63,
                    ip_id: 6,
                    ..segment
                },
                false,
            ),
            (
                Segment {
                    ttl: 63,
                    seq: 2,
                    ..segment
                },
                false,
            ),
        ];
        for (segment, is_copy) in copies {
            assert_eq!(recent.is_copy(&segment, now), is_copy, "{segment:?}");
        }
        let later = now.after(Duration::from_secs(1));
        assert!(!recent.is_copy(&Segment { ttl: 63, ..segment }, later));
    }
}
