//! Frames in captures of other projects: of each stream and direction what was read of them twice, by others.
//!
//! What wscap tells is held against it (counts by opcode, bytes, breaches, Close frames in their order), and so is its
//! walk alone over the bytes of the stream, which shows what is not told: masks, reserved bits, fragments.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use wscap::dissect::Dissector;
use wscap::event::{Event, Fact, FrameCounts, ViolationKind};
use wscap::flow::{ConnId, Direction};
use wscap::limits::{Budget, Limits};
use wscap::packet::{Decoder, Packet};
use wscap::record::LinkType;
use wscap::stream::{Conn, StreamItem, Table};
use wscap::time::{Stamp, Timestamp};
use wscap::websocket::{FrameStep, FrameWalker, Opcode};

use super::of_type;
use crate::support::{OwnedRecord, reader};

/// Streams whose closing line does not have what is known of their frames, each with the reason.
const NOT_IN_LINES: &[(&str, u64, &str)] = &[(
    "zeek/wrong-accept-header.pcap",
    0,
    "a client must refuse that 101: nothing opened, so nothing closes",
)];

/// Breaches that are told and are not known there: file, stream, side, how many, and the reason.
const NOT_KNOWN: &[(&str, u64, Direction, u64, &str)] = &[(
    "zeek/oversized-close-frame.pcapng",
    0,
    Direction::ToClient,
    1,
    "258 bytes are written with a length of eight bytes, and its reader takes any form of a length",
)];

/// By the names of the file of what is known.
const OPCODES: &[(Opcode, &str)] = &[
    (Opcode::CONTINUATION, "continuation"),
    (Opcode::TEXT, "text"),
    (Opcode::BINARY, "binary"),
    (Opcode::CLOSE, "close"),
    (Opcode::PING, "ping"),
    (Opcode::PONG, "pong"),
];

const SIDES: [(Direction, &str, &str); 2] = [
    (Direction::ToServer, "client", "c2s"),
    (Direction::ToClient, "server", "s2c"),
];

type Named = BTreeMap<&'static str, Value>;

/// Holds all streams of a file with frames against what is known; how many there were.
pub(super) fn check(file: &Path, known: &Value, lines: &[Value], wrong: &mut String) -> usize {
    let name = known["file"].as_str().unwrap();
    let streams: Vec<&Value> = known["streams"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|stream| stream["ws"].is_object())
        .collect();
    if streams.is_empty() {
        return 0;
    }
    let records = records(file);
    let (told, walked) = (told(&records), walked(&records));
    let in_lines = in_lines(lines);
    for stream in &streams {
        let number = stream["tcp_stream"].as_u64().unwrap();
        let mut differs = |what: &str, got: &Value, want: &Value| {
            if got != want {
                let _ = writeln!(
                    wrong,
                    "{name} stream {number}: {what} {got}, known is {want}"
                );
            }
        };
        let excepted = NOT_IN_LINES
            .iter()
            .any(|row| (row.0, row.1) == (name, number));
        let closing = in_lines.get(&number);
        differs(
            "has a closing line:",
            &json!(closing.is_some()),
            &json!(!excepted),
        );
        let deflates = !stream["upgrades"][0]["response"]["extensions"].is_null();
        for (dir, side, way) in SIDES {
            let mut want = wanted(&stream["ws"][way], dir, deflates);
            let more = NOT_KNOWN
                .iter()
                .filter(|row| (row.0, row.1, row.2) == (name, number, dir));
            let more: u64 = more.map(|row| row.3).sum();
            want.insert("other breaches", json!(more));
            let got = got(&told[&number][dir.index()], &walked[&number][dir.index()]);
            assert_eq!(want.len(), got.len());
            for (what, want) in &want {
                differs(&format!("of the {side} {what}"), &got[what], want);
            }
            let Some(frames) = closing.map(|leg| &leg["frames"][side]) else {
                continue;
            };
            let names = OPCODES.iter().map(|(_, name)| *name);
            for what in names.chain(["other", "bytes"]) {
                differs(
                    &format!("in the line of the {side} {what}"),
                    &frames[what],
                    &want[what],
                );
            }
        }
    }
    streams.len()
}

/// What must come out for one direction, by name.
fn wanted(known: &Value, dir: Direction, deflates: bool) -> Named {
    let count = |name: &str| known[name].as_u64().unwrap();
    let by_opcode = |name: &str| known["ops"][name].as_u64().unwrap_or(0);
    let of_opcodes = OPCODES
        .iter()
        .map(|(_, name)| (*name, json!(by_opcode(name))));
    let named: u64 = OPCODES.iter().map(|(_, name)| by_opcode(name)).sum();
    let closes = known["close"].as_array().unwrap().iter().map(|close| {
        let reason = close["reason"].as_str().unwrap_or("");
        // No more than a Close may have is kept.
        json!([close["code"], reason.chars().take(123).collect::<String>()])
    });
    let masks = if dir == Direction::ToServer {
        "unmasked"
    } else {
        "masked"
    };
    let bits = if deflates { 0 } else { count("rsv1") };
    // Breaches are known in words, and in these files only of control frames.
    let control = known["violations"].as_array().unwrap();
    let of_control = |what: &Value| what.as_str().unwrap().starts_with("control frame payload");
    assert!(control.iter().all(of_control), "{control:?}");
    of_opcodes
        .chain([
            ("other", json!(count("frames") - named)),
            ("bytes", json!(count("payload_bytes"))),
            ("masked", json!(count("masked"))),
            ("unmasked", json!(count("unmasked"))),
            ("rsv1", json!(count("rsv1"))),
            ("rsv23", json!(count("rsv23"))),
            ("fragmented", json!(count("fragmented_messages"))),
            ("bytes of a part", json!(count("partial_tail_bytes"))),
            ("closes", closes.collect()),
            ("mask breaches", json!(count(masks))),
            ("bit breaches", json!(bits + count("rsv23"))),
            ("control breaches", json!(control.len())),
            ("other breaches", json!(0)),
        ])
        .collect()
}

/// What came out for one direction, by the same names.
fn got(told: &Told, walked: &Walked) -> Named {
    let counts = &told.counts;
    let breaches = |of: &[ViolationKind]| {
        let listed = told.breaches.iter().filter(|kind| of.contains(kind));
        listed.count()
    };
    let masks = breaches(&[ViolationKind::Unmasked, ViolationKind::Masked]);
    let bits = breaches(&[ViolationKind::Rsv]);
    let control = breaches(&[ViolationKind::Control]);
    let of_opcodes = OPCODES.iter().map(|(opcode, name)| {
        let all = walked.opcodes.get(&opcode.0).copied().unwrap_or(0);
        let said = match *opcode {
            Opcode::CONTINUATION => counts.continuation,
            Opcode::TEXT => counts.text,
            Opcode::BINARY => counts.binary,
            Opcode::CLOSE => counts.close,
            Opcode::PING => counts.ping,
            _ => counts.pong,
        };
        assert_eq!(said, all, "{name}: told, and walked");
        (*name, json!(said))
    });
    of_opcodes
        .chain([
            ("other", json!(counts.other)),
            ("bytes", json!(counts.bytes)),
            ("masked", json!(walked.masked)),
            ("unmasked", json!(walked.unmasked)),
            ("rsv1", json!(walked.rsv1)),
            ("rsv23", json!(walked.rsv23)),
            ("fragmented", json!(walked.fragmented)),
            ("bytes of a part", json!(walked.part)),
            ("closes", told.closes.iter().cloned().collect()),
            ("mask breaches", json!(masks)),
            ("bit breaches", json!(bits)),
            ("control breaches", json!(control)),
            (
                "other breaches",
                json!(told.breaches.len() - masks - bits - control),
            ),
        ])
        .collect()
}

/// What is told of one direction.
#[derive(Debug, Default)]
struct Told {
    counts: FrameCounts,
    breaches: Vec<ViolationKind>,
    closes: Vec<Value>,
}

/// By the number of the stream.
fn told(records: &[OwnedRecord]) -> BTreeMap<u64, [Told; 2]> {
    let mut dissector = Dissector::new(&Limits::default(), false);
    let mut events = Vec::new();
    for record in records {
        dissector.push(&record.record(), &mut events);
    }
    dissector.finish(&mut events);
    let mut numbers: BTreeMap<ConnId, u64> = BTreeMap::new();
    let mut told: BTreeMap<u64, [Told; 2]> = BTreeMap::new();
    for event in events {
        let Event::Conn { conn, fact, .. } = event else {
            continue;
        };
        if let Fact::Request(request) = &fact {
            numbers.insert(conn, request.connection.tcp_stream.unwrap().into());
        }
        let Some(number) = numbers.get(&conn) else {
            continue;
        };
        let sides = told.entry(*number).or_default();
        match fact {
            Fact::Frames(frames) => {
                sides[0].counts.add(&frames.client);
                sides[1].counts.add(&frames.server);
            }
            Fact::Violation(wrong) => sides[wrong.dir.index()].breaches.push(wrong.kind),
            Fact::Close { dir, close, alone } => {
                if let Some(len) = alone {
                    let counts = &mut sides[dir.index()].counts;
                    counts.close += 1;
                    counts.bytes += u64::from(len);
                }
                let code = close.code.map(|code| code.0);
                sides[dir.index()]
                    .closes
                    .push(json!([code, &*close.reason]));
            }
            _ => {}
        }
    }
    told
}

/// What the walk alone shows of one direction.
#[derive(Debug, Default)]
struct Walked {
    opcodes: BTreeMap<u8, u64>,
    masked: u64,
    unmasked: u64,
    rsv1: u64,
    rsv23: u64,
    fragmented: u64,
    /// Bytes at the end that are no whole frame.
    part: u64,
}

/// Every stream with a 101, walked from behind the heads.
fn walked(records: &[OwnedRecord]) -> BTreeMap<u64, [Walked; 2]> {
    let limits = Limits::default();
    let mut decoder = Decoder::new(&limits);
    let mut table: Table<()> = Table::new(&limits);
    let mut budget = Budget::new(limits.buffered_bytes_total);
    let mut bytes: BTreeMap<u64, [Vec<u8>; 2]> = BTreeMap::new();
    let mut take = |conn: &mut Conn<()>, _: Stamp, item: StreamItem<'_>, _: &mut Budget| {
        if let StreamItem::Data {
            dir, bytes: more, ..
        } = item
        {
            let sides = bytes.entry(conn.tcp_stream.into()).or_default();
            sides[dir.index()].extend_from_slice(more);
        }
    };
    for record in records {
        if let Packet::Segment(segment) = decoder.push(&record.record(), &mut budget) {
            table.push(&segment, &mut budget, &mut take);
        }
    }
    table.finish(&mut budget, &mut take);
    let sides = bytes.into_iter();
    sides
        .filter(|(_, sides)| sides[1].starts_with(b"HTTP/1.1 101"))
        .map(|(number, sides)| (number, sides.map(|side| walk(&side))))
        .collect()
}

fn walk(stream: &[u8]) -> Walked {
    let head = stream
        .windows(4)
        .position(|end| end == b"\r\n\r\n")
        .unwrap();
    let mut bytes = &stream[head + 4..];
    let mut seen = Walked::default();
    let mut walker = FrameWalker::new();
    let mut last = 0;
    while let Some(step) = walker.step(&mut bytes) {
        let FrameStep::Header { header, offset, .. } = step else {
            continue;
        };
        last = offset;
        *seen.opcodes.entry(header.opcode.0).or_default() += 1;
        seen.masked += u64::from(header.mask.is_some());
        seen.unmasked += u64::from(header.mask.is_none());
        seen.rsv1 += u64::from(header.rsv.0 & 4 != 0);
        seen.rsv23 += u64::from(header.rsv.0 & 3 != 0);
        let begins = matches!(header.opcode, Opcode::TEXT | Opcode::BINARY);
        seen.fragmented += u64::from(begins && !header.fin);
    }
    if !walker.is_between_frames() {
        seen.part = walker.offset() - last;
    }
    seen
}

/// The leg of each stream in the closing lines.
fn in_lines(lines: &[Value]) -> BTreeMap<u64, &Value> {
    let attempts = of_type(lines, "attempt");
    let mut legs = BTreeMap::new();
    for closing in of_type(lines, "closing") {
        let attempt = attempts
            .iter()
            .find(|attempt| attempt["id"] == closing["attempt"])
            .unwrap();
        for leg in closing["legs"].as_array().unwrap() {
            let place = usize::try_from(leg["leg"].as_u64().unwrap()).unwrap();
            let number = attempt["legs"][place]["tcp_stream"].as_u64().unwrap();
            legs.insert(number, leg);
        }
    }
    legs
}

fn records(file: &Path) -> Vec<OwnedRecord> {
    let contents = reader::read(file);
    let packets = (1..).zip(contents.packets);
    packets
        .map(|(frame, (iface, (nanos, data)))| {
            let at = Stamp {
                ts: Timestamp::from_nanos(i64::try_from(nanos).unwrap()),
                frame,
                ..Stamp::default()
            };
            let link = contents.links[iface as usize];
            OwnedRecord::whole(at, LinkType(link), data)
        })
        .collect()
}
