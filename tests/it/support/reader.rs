//! Reads capture files in the plainest way, so that what wscap counts is held against something else.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use super::files::Packet;

/// The packets of a file in its order, each with the number of its interface; and the link types of these.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub(crate) links: Vec<u16>,
    pub(crate) packets: Vec<(u32, Packet)>,
}

/// Reads a whole file: pcap or pcapng as a little-endian machine writes them, plain, .gz or .zst.
pub(crate) fn read(path: &Path) -> Contents {
    let packed = fs::read(path).unwrap();
    let mut bytes = Vec::new();
    match packed.get(..4).unwrap() {
        [0x1f, 0x8b, ..] => {
            flate2::read::MultiGzDecoder::new(&packed[..])
                .read_to_end(&mut bytes)
                .unwrap();
        }
        [0x28, 0xb5, 0x2f, 0xfd] => {
            ruzstd::decoding::StreamingDecoder::new(&packed[..])
                .unwrap()
                .read_to_end(&mut bytes)
                .unwrap();
        }
        _ => bytes = packed,
    }
    match word(&bytes, 0) {
        0x0a0d_0d0a => pcapng(&bytes),
        0xa1b2_c3d4 => pcap(&bytes, 1_000),
        0xa1b2_3c4d => pcap(&bytes, 1),
        other => panic!("{}: {other:x} is no magic number", path.display()),
    }
}

fn pcap(bytes: &[u8], nanos: u64) -> Contents {
    let mut contents = Contents {
        links: vec![u16::try_from(word(bytes, 20)).unwrap()],
        ..Contents::default()
    };
    let mut at = 24;
    while at < bytes.len() {
        let [secs, fraction] = [0, 4].map(|field| u64::from(word(bytes, at + field)));
        let len = word(bytes, at + 8) as usize;
        let data = bytes[at + 16..at + 16 + len].to_vec();
        let time = secs * 1_000_000_000 + fraction * nanos;
        contents.packets.push((0, (time, data)));
        at += 16 + len;
    }
    contents
}

fn pcapng(bytes: &[u8]) -> Contents {
    let mut contents = Contents::default();
    let mut nanos = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let (kind, len) = (word(bytes, at), word(bytes, at + 4) as usize);
        let body = &bytes[at + 8..at + len - 4];
        match kind {
            1 => {
                contents.links.push(u16::from_le_bytes([body[0], body[1]]));
                nanos.push(nanos_a_tick(&body[8..]));
            }
            6 => {
                let iface = word(body, 0);
                let ticks = u64::from(word(body, 4)) << 32 | u64::from(word(body, 8));
                let data = body[20..20 + word(body, 12) as usize].to_vec();
                let time = ticks * nanos[iface as usize];
                contents.packets.push((iface, (time, data)));
            }
            2 | 3 => panic!("old and simple packet blocks are not read here"),
            _ => {}
        }
        at += len;
    }
    contents
}

/// By the option `if_tsresol`; microseconds without.
fn nanos_a_tick(mut options: &[u8]) -> u64 {
    while let [kind, _, len, _, rest @ ..] = options {
        match (kind, len) {
            (9, 1) => return 10_u64.pow(9 - u32::from(rest[0])),
            (0, _) => break,
            _ => options = &rest[usize::from(*len).next_multiple_of(4)..],
        }
    }
    1_000
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}
