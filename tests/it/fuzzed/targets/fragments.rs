//! Fragments of datagrams whose every byte says where it belongs.

use wscap::limits::{Budget, Limits};
use wscap::packet::{Decoder, Packet};
use wscap::record::{LinkType, Record};

use super::Choices;
use super::link::stamp;

/// Fragments in any order, of any length, over and over. Whatever is put together has each byte in its place.
pub(crate) fn fragments(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let tight = choices.byte();
    let limits = Limits {
        fragments: 1 + u64::from(tight & 7),
        fragments_per_datagram: 1 + u64::from(tight >> 3),
        buffered_bytes_total: if tight & 1 == 0 { 1 << 20 } else { 20_000 },
        ..Limits::default()
    };
    let mut decoder = Decoder::new(&limits);
    let mut budget = Budget::new(limits.buffered_bytes_total);
    let mut micros = 0;
    for frame in 1.. {
        if choices.is_over() {
            break;
        }
        let what = choices.byte();
        let (id, offset, len) = (what & 7, choices.word() & 0x1fff, choices.byte());
        let (six, more, cut) = (what & 8 != 0, what & 16 != 0, what & 0xc0 == 0xc0);
        micros += if what & 0x60 == 0x60 {
            9_000_000
        } else {
            1_000
        };
        // Often near the beginning, where fragments meet.
        let offset = if what & 32 == 0 { offset & 31 } else { offset };
        let len = usize::from(len) * if more { 8 } else { 3 };
        let data = packet(six, id, offset, more, len);
        let kept = if cut { data.len() / 2 } else { data.len() };
        let record = Record {
            at: stamp(frame, 0, micros),
            link: LinkType::RAW,
            wire_len: u32::try_from(data.len()).unwrap(),
            data: &data[..kept],
        };
        if let Packet::Segment(segment) = decoder.push(&record, &mut budget) {
            for (at, &byte) in (20_usize..).zip(segment.payload) {
                assert_eq!(byte, content(id, at), "byte {at} of datagram {id}");
            }
            if !cut {
                assert_eq!(segment.missing, 0);
            }
        }
        assert!(budget.used() <= budget.limit());
        if choices.0.len() % 31 == 7 {
            decoder.give_up(&mut budget);
        }
    }
    decoder.finish(&mut budget);
    assert_eq!(budget.used(), 0);
}

/// The byte at a place of a datagram: the header of a segment, then what tells places apart.
fn content(id: u8, at: usize) -> u8 {
    const HEADER: [u8; 20] = [
        0x9c, 0x40, 0, 80, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0,
    ];
    let mixed = (at / 8).wrapping_mul(37) ^ at ^ usize::from(id).wrapping_mul(91);
    HEADER
        .get(at)
        .copied()
        .unwrap_or_else(|| mixed.to_le_bytes()[0])
}

fn packet(six: bool, id: u8, offset: u16, more: bool, len: usize) -> Vec<u8> {
    let start = usize::from(offset) * 8;
    let mut data = Vec::new();
    if six {
        let payload = u16::try_from(len + 8).unwrap();
        data.extend([0x60, 0, 0, 0]);
        data.extend(payload.to_be_bytes());
        data.extend([44, 64]);
        data.extend([[0xfd; 16], [0xfe; 16]].concat());
        data.extend([6, 0]);
        data.extend((offset << 3 | u16::from(more)).to_be_bytes());
        data.extend([0, 0, 0, id]);
    } else {
        let total = u16::try_from(len + 20).unwrap();
        data.extend([0x45, 0]);
        data.extend(total.to_be_bytes());
        data.extend([0, id]);
        data.extend((offset | u16::from(more) << 13).to_be_bytes());
        data.extend([64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    }
    data.extend((start..start + len).map(|at| content(id, at)));
    data
}
