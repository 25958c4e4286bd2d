//! Segments in any order, with any numbers, whose every byte says where it belongs.

use std::collections::BTreeMap;

use wscap::flow::{ConnId, Endpoint};
use wscap::limits::{Budget, Limits};
use wscap::packet::{Flags, Segment};
use wscap::stream::{Conn, StreamItem, Table};

use super::Choices;
use super::link::stamp;

/// The byte that has that sequence number, whoever sends it.
const fn content(seq: u32) -> u8 {
    (seq.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]
}

/// What was told of a connection.
#[derive(Debug, Default)]
struct Heard {
    /// Offset of the next byte of each direction.
    next: [u64; 2],
    /// Every byte with its offset.
    bytes: [Vec<(u64, u8)>; 2],
    over: bool,
}

/// Segments of a few connections. Bytes come in order, once, and none that was not sent there; nothing follows an end; the
/// budget holds.
pub(crate) fn stream(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let tight = choices.byte();
    let limits = Limits {
        connections: 1 + u64::from(tight & 3),
        reorder_segments_per_direction: 1 + u64::from(tight >> 2 & 15),
        reorder_bytes_per_direction: if tight & 64 == 0 { 1 << 16 } else { 700 },
        ..Limits::default()
    };
    let mut table: Table<()> = Table::new(&limits);
    let mut budget = Budget::new(if tight & 128 == 0 { 1 << 20 } else { 2_000 });
    let mut heard: BTreeMap<ConnId, Heard> = BTreeMap::new();
    let mut micros = 0;
    let mut sent = Vec::new();
    for frame in 1.. {
        if choices.is_over() {
            break;
        }
        let (what, flags) = (choices.byte(), choices.byte());
        let (at, acked, len) = (choices.word(), choices.word(), choices.byte());
        let (port, who) = (u16::from(what & 3), usize::from(what >> 2 & 1));
        micros += match what >> 5 {
            0 => 400_000_000,
            1 => 200_000,
            2 => 2_000_000,
            _ => 300,
        };
        // Each connection has room of its own, near where numbers wrap.
        let base = 0xffff_f000_u32.wrapping_add(u32::from(port) << 20);
        let [seq, ack] = [at, acked].map(|at| base.wrapping_add(u32::from(at) & 0x1fff));
        sent.clear();
        sent.extend((0..u32::from(len) * 3).map(|n| content(seq.wrapping_add(n))));
        let ends = [
            Endpoint::new([10, 0, 0, 1].into(), 40_000 + port),
            Endpoint::new([10, 0, 0, 2].into(), 80),
        ];
        // A SYN takes the number before its first byte.
        let syn = flags & Flags::SYN != 0;
        let segment = Segment {
            at: stamp(frame, u16::from(what >> 3 & 1), micros),
            src: ends[who],
            dst: ends[1 - who],
            seq: if syn { seq.wrapping_sub(1) } else { seq },
            ack,
            flags: Flags(flags & 0x3f),
            window: u16::from(acked.to_be_bytes()[0]),
            ttl: 64,
            ip_id: u16::from_be_bytes([what & 16, flags & 3]),
            payload: &sent,
            missing: if what & 16 == 0 {
                0
            } else {
                u32::from(flags >> 6) * 5
            },
        };
        let mut sink = |conn: &mut Conn<()>, _, item: StreamItem<'_>, _: &mut Budget| {
            heard.entry(conn.id).or_default().take(&item);
        };
        table.tick(segment.at.ts, &mut budget, &mut sink);
        table.push(&segment, &mut budget, &mut sink);
        assert!(budget.used() <= budget.limit());
    }
    table.finish(&mut budget, &mut |conn, _, item, _| {
        heard.entry(conn.id).or_default().take(&item);
    });
    assert_eq!(budget.used(), 0);
    assert!(
        heard.values().all(|heard| heard.over),
        "all are told to end"
    );
}

impl Heard {
    fn take(&mut self, item: &StreamItem<'_>) {
        assert!(!self.over, "{item:?} after the end");
        match *item {
            StreamItem::Data {
                dir, offset, bytes, ..
            } => {
                let at = dir.index();
                assert!(!bytes.is_empty());
                assert_eq!(offset, self.next[at], "told twice, or left out");
                self.next[at] += bytes.len() as u64;
                let told = (offset..).zip(bytes.iter().copied());
                self.bytes[at].extend(told);
            }
            StreamItem::Gap { dir, offset, len } => {
                let at = dir.index();
                assert!(len > 0);
                assert_eq!(offset, self.next[at], "told twice, or left out");
                self.next[at] += len;
            }
            StreamItem::End(_) => {
                self.over = true;
                self.fits();
            }
            _ => {}
        }
    }

    /// There is a first sequence number with which every byte is the one that was sent.
    fn fits(&mut self) {
        for told in &self.bytes {
            let Some(&(offset, _)) = told.first() else {
                continue;
            };
            let low = |offset: u64| u32::try_from(offset & 0xffff_ffff).unwrap();
            // Numbers are within 8 KiB of their base, of which there are four.
            let fits = (0..4_u32).any(|port| {
                let base = 0xffff_f000_u32.wrapping_add(port << 20);
                (0..0x4000_u32).any(|seq| {
                    let first = base.wrapping_add(seq).wrapping_sub(low(offset));
                    told.iter()
                        .all(|&(at, byte)| content(first.wrapping_add(low(at))) == byte)
                })
            });
            assert!(fits, "bytes that nobody sent there");
        }
    }
}
