//! The pcapng format: sections of blocks, each section in its own byte order, with any number of interfaces.
//!
//! <https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-04.html>

use super::walk::{MAX_PACKET, Meta, Order, Step};
use crate::record::LinkType;
use crate::time::{Stamp, Timestamp};

const SECTION: u32 = 0x0a0d_0d0a;
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
const INTERFACE: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
/// Not packets, but Wireshark gives each a frame number: systemd journal, Sysdig events, custom blocks.
const NUMBERED: [u32; 9] = [
    0x9,
    0x204,
    0x208,
    0x216,
    0x217,
    0x221,
    0x222,
    0x0000_0bad,
    0x4000_0bad,
];
/// Blocks that say nothing to us may be long (name tables, TLS secrets); longer ones are not read into memory.
const READ_WHOLE: usize = 64 * 1024;
/// Interfaces that are kept; a file of more is broken or made to harm.
const MAX_INTERFACES: usize = Stamp::COOKED as usize;

/// A walk over a pcapng file from its first byte.
#[derive(Debug, Default)]
pub(crate) struct Pcapng {
    section: Option<Section>,
    /// Of all sections; frames of later sections go on counting where the earlier ones ended.
    interfaces: Vec<Interface>,
    /// Names that were read since they were last asked for.
    names: Vec<(u16, Box<str>)>,
    /// A simple packet has no time: it gets that of the packet before it.
    last: Timestamp,
}

#[derive(Clone, Copy, Debug)]
struct Section {
    order: Order,
    /// Index of its first interface.
    first: usize,
}

#[derive(Clone, Debug)]
struct Interface {
    link: LinkType,
    snaplen: u32,
    unit: Unit,
    /// Added to all its times, in seconds.
    offset: i64,
    /// Packets that the kernel and the interface dropped, by its last statistics.
    drops: (u64, u64),
}

/// What a timestamp counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// 10^-n seconds.
    Decimal(u8),
    /// 2^-n seconds.
    Binary(u8),
}

impl Pcapng {
    /// Whether a file that begins like this is one.
    pub(crate) fn is(bytes: &[u8]) -> bool {
        Order::Little.u32(bytes, 0) == Some(SECTION)
    }

    /// Whether there are names to take.
    pub(crate) const fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// Names of interfaces that were read since the last call.
    pub(crate) fn take_names(&mut self) -> Vec<(u16, Box<str>)> {
        std::mem::take(&mut self.names)
    }

    /// Packets that were dropped while this file was written, by kernel and by interface, as far as it says.
    pub(crate) fn drops(&self) -> (u64, u64) {
        self.interfaces.iter().fold((0, 0), |(kernel, iface), one| {
            (
                kernel.saturating_add(one.drops.0),
                iface.saturating_add(one.drops.1),
            )
        })
    }

    /// What stands at the beginning of `bytes`.
    pub(crate) fn step(&mut self, bytes: &[u8]) -> Step {
        if bytes.len() < 12 {
            return Step::Need(12);
        }
        if Self::is(bytes) {
            return self.begin_section(bytes);
        }
        let Some(section) = self.section else {
            return Step::Corrupt(String::from("a block before the first section"));
        };
        let order = section.order;
        let (Some(kind), Some(total)) = (order.u32(bytes, 0), order.u32(bytes, 4)) else {
            return Step::Need(12);
        };
        if total < 12 || !total.is_multiple_of(4) {
            return Step::Corrupt(format!("a block that claims a length of {total} bytes"));
        }
        let len = usize::try_from(total).unwrap_or(usize::MAX);
        let read = matches!(
            kind,
            INTERFACE | OBSOLETE_PACKET | SIMPLE_PACKET | ENHANCED_PACKET | STATISTICS
        );
        if read && len > MAX_PACKET {
            return Step::Corrupt(format!("a block that claims a length of {total} bytes"));
        }
        let skip = Step::Skip {
            total: u64::from(total),
            counts: NUMBERED.contains(&kind),
        };
        let Some(block) = bytes.get(..len) else {
            return if read || len <= READ_WHOLE {
                Step::Need(len)
            } else {
                skip
            };
        };
        if order.u32(block, len - 4) != Some(total) {
            return Step::Corrupt(String::from(
                "a block whose two lengths, at its beginning and its end, differ",
            ));
        }
        // Behind the type and the length, before the second length.
        let body = block.get(8..len - 4).unwrap_or_default();
        match kind {
            INTERFACE => self.add_interface(order, body).map_or(skip, Step::Corrupt),
            STATISTICS => {
                self.note_drops(section, body);
                skip
            }
            ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET => {
                self.packet(section, kind, body).map_or_else(
                    || Step::Corrupt(String::from("a packet that is longer than its block, or of an interface that the file does not describe")),
                    |meta| Step::Record(Meta { total: len, ..meta }),
                )
            }
            _ => skip,
        }
    }

    /// What stands at the beginning of `bytes` if it is a packet; nothing changes by that.
    pub(crate) fn peek(&mut self, bytes: &[u8]) -> Option<Step> {
        if bytes.len() < 12 {
            return Some(Step::Need(12));
        }
        let last = self.last;
        let step = self.step_packet(bytes);
        self.last = last;
        step
    }

    /// What stands at the beginning of `bytes` if it is a packet.
    pub(crate) fn step_packet(&mut self, bytes: &[u8]) -> Option<Step> {
        let kind = self.section?.order.u32(bytes, 0)?;
        matches!(kind, OBSOLETE_PACKET | ENHANCED_PACKET).then(|| self.step(bytes))
    }

    /// The packet at the beginning of `bytes`, if all of it is there.
    #[inline]
    pub(crate) fn at_hand(&mut self, bytes: &[u8]) -> Option<Meta> {
        match self.step_packet(bytes)? {
            Step::Record(meta) => Some(meta),
            Step::Skip { .. } | Step::Need(_) | Step::Corrupt(_) => None,
        }
    }

    fn begin_section(&mut self, bytes: &[u8]) -> Step {
        let order = [Order::Little, Order::Big]
            .into_iter()
            .find(|order| order.u32(bytes, 8) == Some(BYTE_ORDER));
        let Some(order) = order else {
            return Step::Corrupt(String::from("a section of an unknown byte order"));
        };
        let (Some(major), Some(total)) = (order.u16(bytes, 12), order.u32(bytes, 4)) else {
            return Step::Need(16);
        };
        if total < 28 || !total.is_multiple_of(4) {
            return Step::Corrupt(format!("a section header of {total} bytes"));
        }
        if major != 1 {
            return Step::Corrupt(format!(
                "a section of pcapng version {major}, of which only 1 is known"
            ));
        }
        self.section = Some(Section {
            order,
            first: self.interfaces.len(),
        });
        Step::Skip {
            total: u64::from(total),
            counts: false,
        }
    }

    /// Why it cannot be taken up, if so.
    fn add_interface(&mut self, order: Order, body: &[u8]) -> Option<String> {
        if self.interfaces.len() >= MAX_INTERFACES {
            return Some(format!("more than {MAX_INTERFACES} interfaces"));
        }
        let (Some(link), Some(snaplen)) = (order.u16(body, 0), order.u32(body, 4)) else {
            return Some(String::from("an interface description that is too short"));
        };
        let mut interface = Interface {
            link: LinkType(link),
            snaplen,
            unit: Unit::Decimal(6),
            offset: 0,
            drops: (0, 0),
        };
        let index = u16::try_from(self.interfaces.len()).unwrap_or(u16::MAX);
        for (code, value) in options(order, body.get(8..).unwrap_or_default()) {
            match (code, value) {
                (2, name) => {
                    let name = String::from_utf8_lossy(name);
                    let name = name.trim_end_matches('\0');
                    if !name.is_empty() {
                        self.names.push((index, name.chars().take(64).collect()));
                    }
                }
                (9, [power, ..]) if power & 0x80 == 0 => interface.unit = Unit::Decimal(*power),
                (9, [power, ..]) => interface.unit = Unit::Binary(power & 0x7f),
                (14, value) => {
                    let offset = order.u64(value, 0).unwrap_or_default();
                    interface.offset = offset.cast_signed();
                }
                _ => {}
            }
        }
        self.interfaces.push(interface);
        None
    }

    fn note_drops(&mut self, section: Section, body: &[u8]) {
        let order = section.order;
        let Some(interface) = interface_index(order.u32(body, 0), section)
            .and_then(|index| self.interfaces.get_mut(index))
        else {
            return;
        };
        for (code, value) in options(order, body.get(12..).unwrap_or_default()) {
            match code {
                5 => interface.drops.1 = order.u64(value, 0).unwrap_or_default(),
                7 => interface.drops.0 = order.u64(value, 0).unwrap_or_default(),
                _ => {}
            }
        }
    }

    fn packet(&mut self, section: Section, kind: u32, body: &[u8]) -> Option<Meta> {
        let order = section.order;
        let within = match kind {
            SIMPLE_PACKET => Some(0),
            OBSOLETE_PACKET => order.u16(body, 0).map(u32::from),
            _ => order.u32(body, 0),
        };
        let index = interface_index(within, section)?;
        let interface = self.interfaces.get(index)?;
        let (start, captured, wire_len): (usize, u32, u32) = if kind == SIMPLE_PACKET {
            let wire = order.u32(body, 0)?;
            let room = u32::try_from(body.len() - 4).unwrap_or(u32::MAX);
            let snap = match interface.snaplen {
                0 => u32::MAX,
                snaplen => snaplen,
            };
            (4, wire.min(room).min(snap), wire)
        } else {
            (20, order.u32(body, 12)?, order.u32(body, 16)?)
        };
        let len = usize::try_from(captured).ok()?;
        body.get(start..start.checked_add(len)?)?;
        let ts = if kind == SIMPLE_PACKET {
            self.last
        } else {
            let raw = u64::from(order.u32(body, 4)?) << 32 | u64::from(order.u32(body, 8)?);
            interface.unit.timestamp(raw, interface.offset)
        };
        self.last = ts;
        Some(Meta {
            ts,
            iface: u16::try_from(index).unwrap_or(u16::MAX),
            link: interface.link,
            wire_len: wire_len.max(captured),
            start: start + 8,
            len,
            total: 0,
        })
    }
}

impl Unit {
    fn timestamp(self, raw: u64, offset: i64) -> Timestamp {
        let raw = i128::from(raw);
        let nanos = match self {
            Self::Decimal(power @ 0..=9) => raw * 10_i128.pow(9 - u32::from(power)),
            Self::Decimal(power @ 10..=28) => raw / 10_i128.pow(u32::from(power) - 9),
            Self::Binary(power @ 0..=93) => (raw * 1_000_000_000) >> power,
            Self::Decimal(_) | Self::Binary(_) => 0,
        };
        let nanos = nanos + i128::from(offset) * 1_000_000_000;
        let most = if nanos < 0 { i64::MIN } else { i64::MAX };
        Timestamp::from_nanos(i64::try_from(nanos).unwrap_or(most))
    }
}

fn interface_index(within: Option<u32>, section: Section) -> Option<usize> {
    usize::try_from(within?).ok()?.checked_add(section.first)
}

/// Code and value of each option; ends at the first that is not whole.
fn options(order: Order, mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let code = order.u16(bytes, 0).filter(|&code| code != 0)?;
        let len = usize::from(order.u16(bytes, 2)?);
        let value = bytes.get(4..4 + len)?;
        bytes = bytes.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Word = fn(u32) -> [u8; 4];

    fn block(word: Word, kind: u32, body: &[u8]) -> Vec<u8> {
        let padded = body.len().next_multiple_of(4);
        let total = u32::try_from(padded + 12).unwrap();
        let mut out = word(kind).to_vec();
        out.extend(word(total));
        out.extend(body);
        out.resize(padded + 8, 0);
        out.extend(word(total));
        out
    }

    fn section(word: Word) -> Vec<u8> {
        let major = if word(1) == 1_u32.to_le_bytes() {
            [1, 0, 0, 0]
        } else {
            [0, 1, 0, 0]
        };
        block(
            word,
            SECTION,
            &[&word(BYTE_ORDER)[..], &major, &[0xff; 8]].concat(),
        )
    }

    fn interface(word: Word, link: u8, options: &[u8]) -> Vec<u8> {
        let link = if word(1) == 1_u32.to_le_bytes() {
            [link, 0]
        } else {
            [0, link]
        };
        block(
            word,
            INTERFACE,
            &[&link[..], &[0, 0], &word(0), options].concat(),
        )
    }

    fn packet(word: Word, iface: u32, ts: u64, data: &[u8]) -> Vec<u8> {
        let [high, low] = [ts >> 32, ts & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
        let len = u32::try_from(data.len()).unwrap();
        let head = [iface, high, low, len, len + 1].map(word).concat();
        block(word, ENHANCED_PACKET, &[&head[..], data].concat())
    }

    /// All packets, with their bytes.
    fn walk(bytes: &[u8]) -> (Vec<(Meta, Vec<u8>)>, Pcapng) {
        let (mut walk, mut at, mut out) = (Pcapng::default(), 0, Vec::new());
        while at < bytes.len() {
            match walk.step(&bytes[at..]) {
                Step::Record(meta) => {
                    let start = at + meta.start;
                    out.push((meta, bytes[start..start + meta.len].to_vec()));
                    at += meta.total;
                }
                Step::Skip { total, .. } => at += usize::try_from(total).unwrap(),
                other => panic!("{other:?}"),
            }
        }
        (out, walk)
    }

    #[test]
    fn sections_of_both_orders_with_interfaces_of_several_links_and_units() {
        let mut file = Vec::new();
        let words: [Word; 2] = [u32::to_le_bytes, u32::to_be_bytes];
        for word in words {
            let half = |n: u8| -> [u8; 2] {
                if word(1) == 1_u32.to_le_bytes() {
                    [n, 0]
                } else {
                    [0, n]
                }
            };
            let nanos = [&half(9)[..], &half(1), &[9, 0, 0, 0]].concat();
            let named = [&half(2)[..], &half(3), b"lo0\0", &nanos].concat();
            file.extend(section(word));
            file.extend(interface(word, 1, &named));
            file.extend(interface(word, 101, &[]));
            file.extend(block(word, 0x0000_000a, b"secrets"));
            file.extend(packet(word, 0, 7_000_000_123, b"abc"));
            file.extend(packet(word, 1, 8_000_001, b"defgh"));
        }
        let (packets, mut walk) = walk(&file);
        let seen: Vec<_> = packets
            .iter()
            .map(|(meta, data)| (meta.iface, meta.link.0, meta.ts.as_nanos(), &data[..]))
            .collect();
        assert_eq!(
            seen,
            [
                (0, 1, 7_000_000_123, &b"abc"[..]),
                (1, 101, 8_000_001_000, b"defgh"),
                (2, 1, 7_000_000_123, b"abc"),
                (3, 101, 8_000_001_000, b"defgh"),
            ]
        );
        let names = walk.take_names();
        assert_eq!(names, [(0, "lo0".into()), (2, "lo0".into())]);
    }

    #[test]
    fn a_simple_packet_has_the_time_before_it_and_the_length_of_its_block() {
        let word = u32::to_le_bytes;
        let mut file = section(word);
        file.extend(interface(word, 1, &[]));
        file.extend(packet(word, 0, 5, b"x"));
        file.extend(block(word, SIMPLE_PACKET, &[&word(3)[..], b"abc"].concat()));
        let (packets, _) = walk(&file);
        assert_eq!(packets[1].1, b"abc");
        assert_eq!(packets[1].0.ts, packets[0].0.ts);
    }

    #[test]
    fn statistics_tell_what_the_writer_lost_and_custom_blocks_are_numbered() {
        let word = u32::to_le_bytes;
        let mut file = section(word);
        file.extend(interface(word, 1, &[]));
        file.extend(interface(word, 1, &[]));
        for (iface, lost) in [(0, 3_u64), (1, 5), (0, 4)] {
            let mut body = [iface, 0, 0].map(word).concat();
            body.extend([5, 0, 8, 0]);
            body.extend((lost + 10).to_le_bytes());
            body.extend([7, 0, 8, 0]);
            body.extend(lost.to_le_bytes());
            file.extend(block(word, STATISTICS, &body));
        }
        let (_, mut walk) = walk(&file);
        assert_eq!(walk.drops(), (4 + 5, 14 + 15));
        let custom = block(word, 0xbad, &[0; 8]);
        let total = custom.len() as u64;
        assert_eq!(
            walk.step(&custom),
            Step::Skip {
                total,
                counts: true
            }
        );
    }

    #[test]
    fn units_of_time_never_overflow() {
        let unit = |unit: Unit| unit.timestamp(u64::MAX, i64::MAX).as_nanos();
        for power in 0..=127 {
            assert_eq!(unit(Unit::Decimal(power)), i64::MAX);
            assert_eq!(unit(Unit::Binary(power)), i64::MAX);
        }
        let half_second = Unit::Binary(1).timestamp(3, -1);
        assert_eq!(half_second.as_nanos(), 500_000_000);
    }

    #[test]
    fn every_cut_asks_for_more_and_every_lie_is_told() {
        let word = u32::to_le_bytes;
        let mut file = section(word);
        file.extend(interface(word, 1, &[]));
        let at = file.len();
        file.extend(packet(word, 0, 5, b"abcd"));
        for cut in at..file.len() {
            let mut walk = Pcapng::default();
            let mut from = 0;
            while from < at {
                let Step::Skip { total, .. } = walk.step(&file[from..]) else {
                    panic!();
                };
                from += usize::try_from(total).unwrap();
            }
            assert!(matches!(walk.step(&file[at..cut]), Step::Need(n) if n > cut - at));
            let mut lie = file[at..].to_vec();
            lie[20] = 0xff;
            assert!(matches!(walk.step(&lie), Step::Corrupt(_)));
        }
    }
}
