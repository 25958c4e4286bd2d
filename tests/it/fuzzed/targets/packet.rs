//! Records of any link type, as they come.

use wscap::limits::Budget;
use wscap::packet::{Decoder, Packet};
use wscap::record::{LinkType, Record};

use super::link::stamp;
use super::{Choices, limits};

/// Every one that is read, and one that is not.
const LINKS: [u16; 15] = [
    1, 0, 9, 12, 14, 50, 51, 101, 108, 113, 228, 229, 239, 276, 105,
];

/// Records, each with a link type and a length of its own. What Ethernet carries is the same within a VLAN.
pub(crate) fn packet(bytes: &[u8]) {
    let limits = limits(bytes.len());
    let mut choices = Choices(bytes);
    let mut decoder = Decoder::new(&limits);
    let mut tagged = Decoder::new(&limits);
    let mut budget = [(); 2].map(|()| Budget::new(limits.buffered_bytes_total));
    for frame in 1.. {
        if choices.is_over() {
            break;
        }
        let link = LinkType(LINKS[usize::from(choices.byte()) % LINKS.len()]);
        let more = u32::from(choices.byte() % 8) * 40;
        let len = usize::from(choices.byte()) * 2;
        let data = choices.take(len);
        let record = Record {
            at: stamp(frame, 0, frame * 50_000),
            link,
            wire_len: u32::try_from(data.len()).unwrap() + more,
            data,
        };
        let plain = said(&decoder.push(&record, &mut budget[0]), record.wire_len);
        if link == LinkType::ETHERNET && data.len() >= 14 {
            let data = [&data[..12], &[0x81, 0, 0, 7], &data[12..]].concat();
            let record = Record {
                wire_len: record.wire_len + 4,
                data: &data,
                ..record
            };
            let within = said(&tagged.push(&record, &mut budget[1]), record.wire_len);
            // Fragments wait in both; a frame full of tags has no room for one more.
            if !within.starts_with("not") {
                assert_eq!(plain, within, "{data:x?}");
            }
        }
        for budget in &budget {
            assert!(budget.used() <= budget.limit());
        }
    }
    decoder.finish(&mut budget[0]);
    tagged.finish(&mut budget[1]);
    assert_eq!(budget.map(|budget| budget.used()), [0, 0]);
}

fn said(packet: &Packet<'_>, wire_len: u32) -> String {
    match packet {
        Packet::Segment(segment) => {
            // A datagram in fragments is longer than the last of them.
            assert!(segment.payload.len() <= 65_535);
            assert!(segment.missing <= 65_535.max(wire_len), "{segment:?}");
            format!("{segment:?}")
        }
        Packet::Other => String::from("other"),
        Packet::NotDecoded(why) => format!("not {why:?}"),
    }
}
