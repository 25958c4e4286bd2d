//! The pcap format: a header of 24 bytes, then records, in either byte order.
//!
//! <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html>, and the oddities that old tools left behind.

use super::walk::{MAX_PACKET, Meta, Order, Step};
use crate::record::LinkType;
use crate::time::Timestamp;

/// Length of the file header.
pub(crate) const HEADER: usize = 24;

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Alexey Kuznetzov's: each record header has eight bytes more (interface index, protocol, packet type).
const MODIFIED: u32 = 0xa1b2_cd34;

/// A walk over a pcap file, after its header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Classic {
    order: Order,
    link: LinkType,
    /// Nanoseconds in a unit of the fraction of a second.
    fraction: u64,
    record_header: usize,
    lengths: Lengths,
    longest: usize,
}

/// Which of the two lengths of a record comes first; some early versions had them the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    /// Version 2.3 was written both ways: the captured length is the smaller one.
    SmallerIsCaptured,
}

impl Classic {
    /// Whether a file that begins like this is one.
    pub(crate) fn is(bytes: &[u8]) -> bool {
        order(bytes).is_some()
    }

    /// From the file header; `None` if it is not one, or shorter than [`HEADER`].
    pub(crate) fn new(header: &[u8]) -> Option<Self> {
        let (order, magic) = order(header)?;
        let major = order.u16(header, 4)?;
        let minor = order.u16(header, 6)?;
        let snaplen = order.u32(header, 16)?;
        // The upper 16 bits tell of a frame check sequence, which the length in the IP header cuts off anyway.
        let [.., high, low] = order.u32(header, 20)?.to_be_bytes();
        let lengths = match (major, minor) {
            (2, 0..=2) | (543, 0) => Lengths::WireFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            _ => Lengths::CapturedFirst,
        };
        Some(Self {
            order,
            link: LinkType(u16::from_be_bytes([high, low])),
            fraction: if magic == NANOSECONDS { 1 } else { 1_000 },
            record_header: if magic == MODIFIED { 24 } else { 16 },
            lengths,
            longest: usize::try_from(snaplen)
                .unwrap_or(MAX_PACKET)
                .clamp(256 * 1024, MAX_PACKET),
        })
    }

    /// What stands at the beginning of `bytes`.
    pub(crate) fn step(&self, bytes: &[u8]) -> Step {
        let Some(meta) = self.meta(bytes) else {
            return Step::Need(self.record_header);
        };
        if meta.len > self.longest {
            return Step::Corrupt(format!("a packet that claims {} captured bytes", meta.len));
        }
        if bytes.len() < meta.total {
            return Step::Need(meta.total);
        }
        Step::Record(meta)
    }

    /// The packet at the beginning of `bytes`, if all of it is there.
    #[inline]
    pub(crate) fn at_hand(&self, bytes: &[u8]) -> Option<Meta> {
        let meta = self.meta(bytes)?;
        (meta.len <= self.longest && meta.total <= bytes.len()).then_some(meta)
    }

    /// What the header of a record says, if that is there.
    #[inline]
    fn meta(&self, bytes: &[u8]) -> Option<Meta> {
        let (words, _) = bytes.first_chunk::<16>()?.as_chunks();
        let words: &[[u8; 4]; 4] = words.first_chunk()?;
        let [secs, fraction, first, second] = match self.order {
            Order::Little => words.map(u32::from_le_bytes),
            Order::Big => words.map(u32::from_be_bytes),
        };
        let (captured, wire) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::WireFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        let len = captured as usize;
        Some(Meta {
            ts: Timestamp::from_secs_u32(secs, u64::from(fraction) * self.fraction),
            iface: 0,
            link: self.link,
            wire_len: wire.max(captured),
            start: self.record_header,
            len,
            total: self.record_header + len,
        })
    }
}

fn order(bytes: &[u8]) -> Option<(Order, u32)> {
    [Order::Little, Order::Big].into_iter().find_map(|order| {
        let magic = order.u32(bytes, 0)?;
        matches!(magic, MICROSECONDS | NANOSECONDS | MODIFIED).then_some((order, magic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Header and one record in the byte order of `word`.
    fn file(word: fn(u32) -> [u8; 4], half: fn(u16) -> [u8; 2], magic: u32, minor: u16) -> Vec<u8> {
        let mut out = word(magic).to_vec();
        out.extend(half(2));
        out.extend(half(minor));
        for field in [0, 0, 65_535, 1] {
            out.extend(word(field));
        }
        let lengths = if minor < 3 { [60, 3] } else { [3, 60] };
        for field in [1_700_000_000, 5].into_iter().chain(lengths) {
            out.extend(word(field));
        }
        if magic == MODIFIED {
            out.extend([0; 8]);
        }
        out.extend(b"abc");
        out
    }

    #[test]
    fn all_magics_in_both_orders_give_the_same_packet() {
        for magic in [MICROSECONDS, NANOSECONDS, MODIFIED] {
            for minor in [2, 3, 4] {
                let little = file(u32::to_le_bytes, u16::to_le_bytes, magic, minor);
                let big = file(u32::to_be_bytes, u16::to_be_bytes, magic, minor);
                let nanos = if magic == NANOSECONDS { 5 } else { 5_000 };
                for bytes in [little, big] {
                    let (header, rest) = bytes.split_at(HEADER);
                    let walk = Classic::new(header).unwrap();
                    let Step::Record(meta) = walk.step(rest) else {
                        panic!("{:?}", walk.step(rest));
                    };
                    assert_eq!(meta.ts, Timestamp::from_secs(1_700_000_000, nanos));
                    assert_eq!(&rest[meta.start..meta.start + meta.len], b"abc");
                    assert_eq!((meta.wire_len, meta.total), (60, rest.len()));
                    assert_eq!(meta.link, LinkType::ETHERNET);
                    for cut in 0..rest.len() {
                        assert!(matches!(walk.step(&rest[..cut]), Step::Need(n) if n > cut));
                    }
                }
            }
        }
    }

    #[test]
    fn a_length_beyond_reason_is_corrupt() {
        let mut bytes = file(u32::to_le_bytes, u16::to_le_bytes, MICROSECONDS, 4);
        bytes[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
        let walk = Classic::new(&bytes).unwrap();
        assert!(matches!(walk.step(&bytes[HEADER..]), Step::Corrupt(_)));
    }
}
