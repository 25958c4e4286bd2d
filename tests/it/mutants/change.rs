//! How a capture is changed: by chance, but the same way for the same number.

use std::io::Write as _;

use super::anatomy::{Anatomy, Length};
use super::words;

/// Numbers that look random and are the same again from the same start (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) const fn new(seed: u64, number: u64) -> Self {
        Self(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(super) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Less than `end`; 0 where that is 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let chosen = self.next() % (end as u64).max(1);
        usize::try_from(chosen).unwrap()
    }

    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(super) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Files do not grow beyond this: many copies of a large one would show nothing that a few do not.
const MOST: usize = 400_000;

/// One capture changed in one to four ways, with parts of another.
pub(super) fn changed(chance: &mut Chance, one: &[u8], other: &[u8]) -> Vec<u8> {
    let mut bytes = one.to_vec();
    for _ in 0..=chance.below(4) {
        match chance.below(16) {
            0 | 1 => flips(chance, &mut bytes),
            2 => cuts(chance, &mut bytes),
            3 | 4 => lies(chance, &mut bytes),
            5 => splice(chance, &mut bytes, other),
            6 | 7 => moves(chance, &mut bytes),
            8 => times(chance, &mut bytes),
            _ => says(chance, &mut bytes, other),
        }
        bytes.truncate(MOST);
    }
    if chance.one_in(100) {
        pack(chance, &mut bytes);
    }
    bytes
}

/// Bits that are flipped, most of them in headers.
fn flips(chance: &mut Chance, bytes: &mut [u8]) {
    let anatomy = Anatomy::of(bytes);
    for _ in 0..=chance.below(8) {
        let at = if anatomy.packets.is_empty() || chance.one_in(3) {
            chance.below(bytes.len())
        } else {
            let packet = chance.of(&anatomy.packets);
            packet.whole.start + chance.below(packet.whole.len().min(100))
        };
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << chance.below(8);
        }
    }
}

/// The end is missing, or something in the midst of it; or there is something that nobody wrote.
fn cuts(chance: &mut Chance, bytes: &mut Vec<u8>) {
    let at = chance.below(bytes.len() + 1);
    let end = (at + chance.below(300)).min(bytes.len());
    match chance.below(4) {
        0 => bytes.truncate(at),
        1 => drop(bytes.drain(at..end)),
        2 => bytes[at..end].fill(0),
        _ => {
            let noise: Vec<u8> = (0..chance.below(60)).map(|_| chance.byte()).collect();
            bytes.splice(at..at, noise);
        }
    }
}

/// Lengths that are not true.
fn lies(chance: &mut Chance, bytes: &mut [u8]) {
    let anatomy = Anatomy::of(bytes);
    for _ in 0..=chance.below(3) {
        if anatomy.lengths.is_empty() {
            return;
        }
        let &Length {
            at,
            size,
            big_endian,
        } = chance.of(&anatomy.lengths);
        let Some(field) = bytes.get_mut(at..at + size) else {
            continue;
        };
        let mut wide = [0; 4];
        wide[..size].copy_from_slice(field);
        if big_endian {
            wide[..size].reverse();
        }
        let was = u32::from_le_bytes(wide);
        let near = [1, 2, 3, 4, 8, 20].map(|step| [was.wrapping_add(step), was.wrapping_sub(step)]);
        let far = [
            0,
            1,
            0x7f,
            0xff,
            0x7fff,
            0xffff,
            0x0001_0000,
            0x0100_0000,
            0x7fff_ffff,
            u32::MAX,
        ];
        let is = match chance.below(3) {
            0 => *chance.of(near.as_flattened()),
            1 => *chance.of(&far),
            _ => u32::from_le_bytes([(); 4].map(|()| chance.byte())),
        };
        let mut is = is.to_le_bytes();
        if big_endian {
            is[..size].reverse();
        }
        field.copy_from_slice(&is[..size]);
    }
}

/// The beginning of one file and the end of another, mostly between two packets.
fn splice(chance: &mut Chance, bytes: &mut Vec<u8>, other: &[u8]) {
    let [mine, theirs] = [&bytes[..], other].map(Anatomy::of);
    let place = |chance: &mut Chance, anatomy: &Anatomy, len: usize| {
        if anatomy.packets.is_empty() || chance.one_in(4) {
            chance.below(len + 1)
        } else {
            chance.of(&anatomy.packets).whole.start
        }
    };
    let end = place(chance, &mine, bytes.len());
    let start = place(chance, &theirs, other.len());
    bytes.truncate(end);
    bytes.extend(&other[start..]);
}

/// Packets that change places, come again, or do not come.
fn moves(chance: &mut Chance, bytes: &mut Vec<u8>) {
    let packets = Anatomy::of(bytes).packets;
    if packets.is_empty() {
        return;
    }
    let [one, two] = [(); 2].map(|()| chance.below(packets.len()));
    let [first, second] = [one.min(two), one.max(two)].map(|at| packets[at].whole.clone());
    match chance.below(4) {
        0 if one != two => {
            let between = &bytes[first.end..second.start];
            let parts = [&bytes[second.clone()], between, &bytes[first.clone()]].concat();
            bytes.splice(first.start..second.end, parts);
        }
        1 => drop(bytes.drain(first)),
        2 => {
            let run = bytes[first.start..second.end].to_vec();
            if run.len() < 20_000 {
                bytes.splice(second.end..second.end, run);
            }
        }
        _ => {
            let again = bytes[first].repeat(1 + chance.below(12));
            bytes.splice(second.end..second.end, again);
        }
    }
}

/// Clocks that step.
fn times(chance: &mut Chance, bytes: &mut [u8]) {
    let anatomy = Anatomy::of(bytes);
    for _ in 0..=chance.below(4) {
        if anatomy.packets.is_empty() {
            return;
        }
        let at = chance.of(&anatomy.packets).time;
        let half = at + 4 * chance.below(2);
        let Some(was) = anatomy.word(bytes, half) else {
            continue;
        };
        let is = match chance.below(4) {
            0 => 0,
            1 => u32::MAX,
            2 => was.wrapping_add(u32::from(chance.byte()) << chance.below(24)),
            _ => was.wrapping_sub(u32::from(chance.byte()) << chance.below(24)),
        };
        anatomy.put(bytes, half, is);
    }
}

/// Something else is said, with lengths that are right and the numbers of all that follows moved along: the bytes reach
/// whatever reads them.
fn says(chance: &mut Chance, bytes: &mut Vec<u8>, other: &[u8]) {
    let anatomy = Anatomy::of(bytes);
    let speaking: Vec<usize> = (0..anatomy.packets.len())
        .filter(|&n| {
            let tcp = anatomy.packets[n].tcp.as_ref();
            tcp.is_some_and(|tcp| !tcp.payload.is_empty())
        })
        .collect();
    if speaking.is_empty() {
        return flips(chance, bytes);
    }
    let n = *chance.of(&speaking);
    let packet = &anatomy.packets[n];
    let Some(tcp) = packet.tcp.as_ref() else {
        return;
    };
    let was = bytes[tcp.payload.clone()].to_vec();
    let mut is = words::changed(chance, &was, other);
    is.truncate(60_000);
    let (old, new) = (was.len(), is.len());
    let by = u32::try_from(new)
        .unwrap()
        .wrapping_sub(u32::try_from(old).unwrap());
    for later in &anatomy.packets[n + 1..] {
        let Some(theirs) = &later.tcp else { continue };
        for (way, field) in [(&tcp.way, 4), (&tcp.back, 8)] {
            if theirs.way == *way {
                let at = theirs.header + field;
                let number = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
                bytes[at..at + 4].copy_from_slice(&number.wrapping_add(by).to_be_bytes());
            }
        }
    }
    let moved = |len: usize| len + new - old;
    let ip_length = match bytes[tcp.ip] >> 4 {
        4 => (tcp.ip + 2, moved(tcp.payload.end - tcp.ip)),
        _ => (tcp.ip + 4, moved(tcp.payload.end - tcp.ip - 40)),
    };
    let length = u16::try_from(ip_length.1).unwrap_or(u16::MAX);
    bytes[ip_length.0..ip_length.0 + 2].copy_from_slice(&length.to_be_bytes());
    let kept = moved(packet.data.len());
    let kept_word = u32::try_from(kept).unwrap();
    let start = packet.whole.start;
    if anatomy.is_pcapng {
        let last = packet.whole.end - 4;
        let from = packet.data.start + packet.data.len().next_multiple_of(4);
        let options = bytes[from.min(last)..last].to_vec();
        let mut block = bytes[start..packet.data.start].to_vec();
        block.extend(&bytes[packet.data.start..tcp.payload.start]);
        block.extend(&is);
        block.extend(&bytes[tcp.payload.end..packet.data.end]);
        block.resize(28 + kept.next_multiple_of(4), 0);
        block.extend(options);
        block.extend([0; 4]);
        let total = u32::try_from(block.len()).unwrap();
        anatomy.put(&mut block, 4, total);
        anatomy.put(&mut block, 20, kept_word);
        anatomy.put(&mut block, 24, kept_word);
        let last = block.len() - 4;
        anatomy.put(&mut block, last, total);
        bytes.splice(packet.whole.clone(), block);
    } else {
        anatomy.put(bytes, start + 8, kept_word);
        anatomy.put(bytes, start + 12, kept_word);
        bytes.splice(tcp.payload.clone(), is);
    }
}

/// Packed; and sometimes changed again behind that.
fn pack(chance: &mut Chance, bytes: &mut Vec<u8>) {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    *bytes = packer.finish().unwrap();
    if chance.one_in(2) {
        flips(chance, bytes);
    }
    if chance.one_in(3) {
        bytes.truncate(chance.below(bytes.len()));
    }
}
