//! Frames in any segments, behind a handshake or joined in the middle.

use wscap::dissect::Dissector;
use wscap::event::{Event, Fact};
use wscap::limits::Limits;
use wscap::websocket::{FrameStep, FrameWalker};

use super::Choices;
use super::link::{Packet, Talk};

const REQUEST: &str = "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Frames of both ends. The walker finds the same in any pieces; what passes by the short way is told as by the long way.
pub(crate) fn frames(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let first = choices.byte();
    let mut talk = if first & 1 == 0 {
        let mut talk = Talk::open([u32::MAX - 400, 7]);
        talk.say(0, REQUEST.as_bytes());
        talk.say(1, SWITCH.as_bytes());
        talk
    } else {
        Talk::joined([9, 7])
    };
    let mut streams = [Vec::new(), Vec::new()];
    let mut sizes = Vec::new();
    while !choices.is_over() {
        let what = choices.byte();
        let who = usize::from(what & 1);
        let part = match what >> 1 & 7 {
            // As it stands.
            0 | 1 => {
                let len = choices.byte().into();
                choices.take(len).to_vec()
            }
            2 => {
                talk.micros += u64::from(choices.byte()) * 30_000;
                Vec::new()
            }
            // A header that promises more than ever comes.
            3 => {
                let mut header = vec![choices.byte(), 127 | if who == 0 { 0x80 } else { 0 }];
                header.extend(choices.take(12));
                header
            }
            4 if what >> 4 == 15 => {
                talk.end(who);
                Vec::new()
            }
            // A frame with all that it promises.
            _ => {
                let (opcode, len) = (choices.byte(), choices.byte());
                frame(who, opcode, usize::from(len) * usize::from(1 + (what >> 4)))
            }
        };
        sizes.push(part.len());
        streams[who].extend(&part);
        let piece = 1 + usize::from(what >> 3) * 7;
        for part in part.chunks(piece) {
            talk.say(who, part);
        }
    }
    for stream in &streams {
        assert_eq!(walked(stream, &[stream.len()]), walked(stream, &sizes));
        assert_eq!(walked(stream, &[stream.len()]), walked(stream, &[1]));
    }
    let mut apart = talk.packets.clone();
    for (iface, packet) in (0..).zip(&mut apart) {
        packet.iface = iface;
    }
    assert_eq!(facts(&talk.packets), facts(&apart));
}

fn frame(who: usize, first: u8, len: usize) -> Vec<u8> {
    let mask = if who == 0 { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match u16::try_from(len).unwrap() {
        len @ 0..126 => bytes.push(mask | len.to_le_bytes()[0]),
        len => {
            bytes.push(mask | 0x7e);
            bytes.extend(len.to_be_bytes());
        }
    }
    if who == 0 {
        bytes.extend([0; 4]);
    }
    // A code that means something, should it be a Close.
    let code = [0x03, 0xe8 + u8::try_from(len % 16).unwrap()];
    let payload = code.into_iter().chain(std::iter::repeat(b'x'));
    bytes.extend(payload.take(len));
    bytes
}

/// What a walker finds in a stream that comes in pieces of these sizes, over and over.
fn walked(stream: &[u8], sizes: &[usize]) -> (Vec<FrameStep>, u64) {
    let mut walker = FrameWalker::new();
    let mut steps = Vec::new();
    let mut rest = stream;
    let mut sizes = sizes.iter().copied().filter(|&size| size > 0).cycle();
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(1).min(rest.len());
        let (mut piece, behind) = rest.split_at(size);
        rest = behind;
        while let Some(step) = walker.step(&mut piece) {
            let is_stop = matches!(step, FrameStep::Http { .. });
            steps.push(step);
            if is_stop {
                return (steps, 0);
            }
        }
    }
    (steps, walker.offset())
}

/// All facts but those that say which interface.
fn facts(packets: &[Packet]) -> Vec<String> {
    let mut dissector = Dissector::new(&Limits::default(), false);
    let mut events = Vec::new();
    for (packet, frame) in packets.iter().zip(1..) {
        dissector.push(&packet.record(frame), &mut events);
        let budget = dissector.budget();
        assert!(budget.used() <= budget.limit());
    }
    dissector.finish(&mut events);
    assert_eq!(dissector.budget().used(), 0);
    let facts = events.iter().filter_map(|event| match event {
        Event::Conn {
            fact: Fact::SeenOn { .. },
            ..
        } => None,
        Event::Conn { conn, at, fact } => {
            let fact = unplaced(&format!("{fact:?}"));
            Some(format!("{conn:?} {:?} #{} {fact}", at.ts, at.frame))
        }
        _ => None,
    });
    facts.collect()
}

/// Without what is said of interfaces.
fn unplaced(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((start, mark)) = ["iface: ", "seen_on: ["]
        .iter()
        .filter_map(|mark| Some((rest.find(mark)?, *mark)))
        .min()
    {
        let (before, behind) = rest.split_at(start + mark.len());
        plain.push_str(before);
        rest = behind.trim_start_matches(|c: char| c.is_ascii_digit() || c == ',' || c == ' ');
    }
    plain + rest
}
