//! A frame costs the same whatever its size: its payload is jumped over, not read.

use std::fs;

use etherparse::TcpHeader;
use wscap::flow::Direction;
use wscap::record::LinkType;
use wscap::time::{Stamp, Timestamp};
use wscap::websocket::{FrameStep, FrameWalker};

use super::heard::listen;
use super::travel::{Journey, Travel};
use super::wire::{Frame, stream};
use crate::support::OwnedRecord;
use crate::support::conversation::{Who, frame};
use crate::support::mischief;

const KEY: Option<[u8; 4]> = Some([9, 8, 7, 6]);
/// Sizes of frames that no test sends whole.
const SIZES: [u64; 6] = [1 << 20, 1 << 26, 1 << 32, 1 << 40, (1 << 63) - 1, u64::MAX];

fn claiming(opcode: u8, size: u64) -> Frame {
    Frame {
        claim: Some(size),
        ..Frame::new(opcode, "").masked(KEY)
    }
}

#[test]
fn a_piece_of_a_payload_is_one_step_in_a_frame_of_any_size() {
    let piece = [0x81; 1448];
    for opcode in [0, 1, 2, 3, 8, 9, 10, 11] {
        for size in SIZES {
            let mut walker = FrameWalker::new();
            let header = claiming(opcode, size).header();
            let mut bytes = &header[..];
            assert!(matches!(
                walker.step(&mut bytes),
                Some(FrameStep::Header { .. })
            ));
            assert_eq!(walker.step(&mut bytes), None);
            for _ in 0..500 {
                let mut bytes = &piece[..];
                assert_eq!((walker.step(&mut bytes), bytes.len()), (None, 0));
            }
            let left = size - 500 * 1448;
            assert!(
                walker.skip(left - 1),
                "a loss within it is jumped over at once"
            );
            assert!(!walker.skip(2) && walker.skip(1));
            let ends = walker.step(&mut &[][..]);
            assert!(ends.is_some(), "{opcode} of {size}");
            let offset = (header.len() as u64).saturating_add(size);
            assert_eq!(
                (walker.offset(), walker.is_between_frames()),
                (offset, true)
            );
        }
    }
}

/// The memory that holds a payload is never even touched: no page of it is mapped.
#[test]
fn no_byte_of_a_data_payload_is_looked_at() {
    const SIZE: usize = 1 << 28;
    let payload = vec![0_u8; SIZE];
    let mut walker = FrameWalker::new();
    let header = claiming(2, SIZE as u64).header();
    assert!(walker.step(&mut &header[..]).is_some());
    let before = faults();
    let mut bytes = &payload[..];
    let step = walker.step(&mut bytes);
    let faults = faults() - before;
    assert_eq!(
        (step, bytes.len()),
        (Some(FrameStep::Message { len: SIZE as u64 }), 0)
    );
    // As much as the test itself may need; with the largest pages that are in use the payload would need 128.
    assert!(faults < 64, "{faults} pages touched");
}

/// Pages that this thread has touched for the first time.
fn faults() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(7).unwrap().parse().unwrap()
}

/// In a frame of any size a packet brings no fact and holds no byte.
#[test]
fn packets_within_a_frame_bring_nothing_and_hold_nothing() {
    let told = |opcode: u8, size: u64, packets: usize| {
        let mut last = claiming(opcode, size);
        last.payload = vec![0x81; 1448 * packets];
        let travel = Travel {
            segment_size: 1448,
            ..Travel::plain()
        };
        let client = [Frame::new(1, "x").masked(KEY), last];
        let heard = listen(&travel.of([&client, &[]]).records);
        assert_eq!(
            heard.most_held,
            listen(&travel.of([&client[..1], &[]]).records).most_held
        );
        heard.facts
    };
    for opcode in [2, 3] {
        let few = told(opcode, SIZES[0], 10);
        // A length with its highest bit set is a breach, which is told.
        for size in SIZES.into_iter().filter(|size| size >> 63 == 0) {
            assert_eq!(told(opcode, size, 300), few, "{opcode} of {size}");
        }
    }
    // Of a Close no more is held than one may have.
    for size in SIZES {
        assert_eq!(told(8, size, 300), told(8, size, 10));
    }
}

/// A frame of 2^40 bytes of which a byte in a thousand million is in the capture: the next frame is found to the byte.
#[test]
fn a_terabyte_is_jumped_over() {
    const SIZE: u64 = 1 << 40;
    const JUMP: u64 = 1 << 30;
    let first = claiming(2, SIZE);
    let journey = Travel::plain().of([std::slice::from_ref(&first), &[]]);
    let next = [
        // Without a mask: the breach tells where it is thought to begin.
        Frame::new(1, "hello"),
        Frame::new(9, "").masked(KEY),
        Frame::new(8, 1000_u16.to_be_bytes()).masked(KEY),
    ];
    let header = first.header().len() as u64;
    let jumps = (1..SIZE / JUMP).map(|n| (header + n * JUMP, vec![0x81]));
    let behind = (header + SIZE, stream(&next));
    let records = with_bytes_at(&journey, jumps.chain([behind]));
    assert!(records.len() > 2_000);
    let heard = listen(&records);
    let counts = heard.story.counts[0];
    assert_eq!(
        (
            counts.binary,
            counts.text,
            counts.ping,
            counts.close,
            counts.total()
        ),
        (1, 1, 1, 1, 4)
    );
    assert_eq!((counts.messages, counts.bytes), (2, SIZE + 5 + 2));
    assert_eq!(heard.story.largest[0], SIZE);
    let breach = &heard.story.violations[0];
    assert_eq!((breach.0, breach.1), (Direction::ToServer, header + SIZE));
    assert_eq!(heard.gaps, [SIZE - (SIZE / JUMP - 1), 0]);
    assert!(heard.most_held < 4096, "{} bytes held", heard.most_held);
    let end = heard.end.unwrap();
    assert_eq!((end.wire_code, end.lossy), (Some(1000), true));
}

/// The packets of a journey and further bytes of the client, at these offsets of its frames; each is acknowledged, and
/// there is time to give up what is missing.
fn with_bytes_at(
    journey: &Journey,
    pieces: impl Iterator<Item = (u64, Vec<u8>)>,
) -> Vec<OwnedRecord> {
    let mut records = journey.records.clone();
    let (first, _) = mischief::segment(&records[journey.carriers[0].place]);
    let (answer, _) = mischief::segment(&records[journey.carriers[0].place + 1]);
    let mut now = records.last().unwrap().at.ts;
    let mut say = |who: Who, tcp: TcpHeader, payload: &[u8]| {
        let mut ends = ["10.1.0.2".parse().unwrap(), "10.0.0.5".parse().unwrap()];
        if who == Who::Server {
            ends.reverse();
        }
        now = Timestamp::from_nanos(now.as_nanos() + 150_000_000);
        let at = Stamp {
            ts: now,
            frame: records.len() as u64 + 1,
            ..Stamp::default()
        };
        let data = frame(ends[0], ends[1], 7, tcp, payload);
        records.push(OwnedRecord::whole(at, LinkType::ETHERNET, data));
    };
    for (offset, payload) in pieces {
        let seq = first.sequence_number.wrapping_add(modulo(offset));
        let sent = TcpHeader {
            sequence_number: seq,
            ..first.clone()
        };
        let acknowledged = seq.wrapping_add(modulo(payload.len() as u64));
        let back = TcpHeader {
            acknowledgment_number: acknowledged,
            ..answer.clone()
        };
        say(Who::Client, sent, &payload);
        say(Who::Server, back, b"");
    }
    records
}

fn modulo(offset: u64) -> u32 {
    u32::try_from(offset & u64::from(u32::MAX)).unwrap()
}

/// As the kernel captures it with a small snap length: large segments of which the first bytes are kept.
#[test]
fn a_frame_of_many_megabytes_is_snapped_away() {
    let large = Frame::new(2, vec![0x82; 20_000_000]);
    let server = [large, Frame::new(1, "behind")];
    let travel = Travel {
        segment_size: 60_000,
        turns: vec![Who::Server],
        ..Travel::plain()
    };
    let journey = travel.of([&[], &server]);
    let heard = listen(&mischief::truncate(&journey.records[..3], 96));
    assert_eq!(heard.end, None, "the handshake is needed");
    let mut records = journey.records.clone();
    let frames = journey.carriers[0].place;
    let cut = mischief::truncate(&records.split_off(frames), 96);
    records.extend(cut);
    let heard = listen(&records);
    assert_eq!(heard.story, journey.story);
    assert!(heard.gaps[0] > 19_000_000 && heard.gaps[1] == 0);
    assert!(heard.most_held < 4096, "{} bytes held", heard.most_held);
    assert!(heard.end.unwrap().lossy);
}
