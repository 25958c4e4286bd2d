//! How fast each room is, by itself and together: `cargo bench --bench rooms -- NAME`.
//!
//! All is done through what the crate makes public. Of `http` that is nothing, so heads are read through `dissect`, many in
//! one record, so that hardly anything but the heads is left; of reassembly it is the table with one connection.

// It ends where something goes wrong, and its numbers are small.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

#[allow(dead_code, reason = "what `peers` needs beside it")]
#[path = "peers/traffic/mod.rs"]
mod traffic;

use std::hint::black_box;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BatchSize, Bencher, Criterion, Throughput, criterion_group, criterion_main};
use etherparse::PacketBuilder;
use traffic::Profile;
use wscap::capture::{self, Input, Inputs, Item};
use wscap::dissect::Dissector;
use wscap::event::Event;
use wscap::flow::Endpoint;
use wscap::limits::{Budget, Limits};
use wscap::packet::{Decoder, Flags, Segment};
use wscap::record::{LinkType, Record};
use wscap::stream::{Above, Conn, StreamItem, Table};
use wscap::time::{Stamp, Timestamp};
use wscap::websocket::{FrameStep, FrameWalker};

criterion_group! {
    name = rooms;
    config = Criterion::default().warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    targets = records, decode, table, reassembly, heads, frames, dissect
}
criterion_main!(rooms);

/// Bytes of a generated capture.
const SIZE: u64 = 4 << 20;
/// Payload of a full segment.
const FULL: usize = 1448;
/// Of what is not generated.
const START: Timestamp = Timestamp::from_secs(1_700_000_000, 0);

/// A generated capture in memory.
struct Capture(Vec<u8>);

impl Capture {
    fn new(profile: Profile) -> Self {
        let mut bytes = Vec::new();
        traffic::generate(profile, SIZE, (1, 200), &mut bytes).unwrap();
        Self(bytes)
    }

    fn records(&self) -> Vec<Record<'_>> {
        let mut records = Vec::new();
        let mut rest = &self.0[24..];
        while let Some((head, behind)) = rest.split_at_checked(16) {
            let [secs, micros, len] =
                [0, 4, 8].map(|at| u32::from_le_bytes(*head[at..].first_chunk().unwrap()));
            let (data, behind) = behind.split_at(len as usize);
            let ts = Timestamp::from_secs(secs.into(), i64::from(micros) * 1000);
            records.push(record(ts, records.len(), data));
            rest = behind;
        }
        records
    }
}

fn record(ts: Timestamp, nth: usize, data: &[u8]) -> Record<'_> {
    Record {
        at: Stamp {
            ts,
            frame: nth as u64 + 1,
            ..Stamp::default()
        },
        link: LinkType::ETHERNET,
        wire_len: data.len() as u32,
        data,
    }
}

/// `capture`: a file is read and walked over, record by record.
fn records(c: &mut Criterion) {
    let mut group = c.benchmark_group("records");
    for profile in [Profile::Small, Profile::Big] {
        let capture = Capture::new(profile);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&capture.0).unwrap();
        let inputs = Inputs::Files(vec![Input::Path(file.path().to_owned())]);
        let count = capture.records().len();
        group.throughput(Throughput::ElementsAndBytes {
            elements: count as u64,
            bytes: capture.0.len() as u64,
        });
        group.bench_function(profile.name(), |b| {
            b.iter(|| {
                let mut source = capture::open(&inputs, None, &Arc::default())
                    .unwrap()
                    .begin()
                    .unwrap();
                let mut seen = 0;
                while source.read(|item| {
                    if let Item::Records(records) = item {
                        seen += records.len();
                    }
                }) {}
                assert_eq!(seen, count);
            });
        });
    }
    group.finish();
}

/// `packet`: Ethernet, IP and TCP headers.
fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    let limits = Limits::default();
    let capture = Capture::new(Profile::Small);
    let records = capture.records();
    group.throughput(Throughput::Elements(records.len() as u64));
    group.bench_function("small", |b| {
        let (mut decoder, mut budget) = (Decoder::new(&limits), Budget::new(u64::MAX));
        b.iter(|| {
            for record in &records {
                black_box(decoder.push(record, &mut budget));
            }
        });
    });
    group.finish();
}

/// The client's or the server's end of the n-th connection.
fn ends(nth: u32) -> (Endpoint, Endpoint) {
    let client = Endpoint::new(
        Ipv4Addr::from(0x0a00_0000 | nth >> 4).into(),
        1025 + (nth & 15) as u16,
    );
    (
        client,
        Endpoint::new(Ipv4Addr::new(192, 168, 7, 10).into(), 8080),
    )
}

fn segment(ends: (Endpoint, Endpoint), seq: u32, flags: u8, payload: &[u8]) -> Segment<'_> {
    Segment {
        at: Stamp {
            ts: START,
            ..Stamp::default()
        },
        src: ends.0,
        dst: ends.1,
        seq,
        ack: 0,
        flags: Flags(flags),
        window: 501,
        ttl: 64,
        ip_id: 0,
        payload,
        missing: 0,
    }
}

/// What the room above keeps of a connection, here of the size that `dissect` needs; and nobody who listens.
#[derive(Debug, Default)]
struct State {
    _room: [u64; 5],
}

impl Above for State {
    type Passage = ();
    type Word = ();
    type Note = ();
    type Folded = Self;

    fn fold(self) -> (u8, Option<Box<Self>>) {
        (0, Some(Box::new(self)))
    }

    fn unfold(_: u8, rest: Option<Box<Self>>) -> Self {
        rest.map_or_else(Self::default, |rest| *rest)
    }
}

fn ignore(_: &mut Conn<State>, _: Stamp, item: StreamItem<'_>, _: &mut Budget) {
    black_box(item);
}

/// `stream`: one segment in order for a connection drawn at random, so that from some number on each misses the caches.
fn table(c: &mut Criterion) {
    let mut group = c.benchmark_group("table");
    // Measured only with `cargo bench`; as a test the least will do.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let sizes: &[u32] = if measured {
        &[1_000, 100_000, 1_000_000]
    } else {
        &[1_000]
    };
    for &size in sizes {
        const DRAWN: usize = 100_000;
        let mut budget = Budget::new(u64::MAX);
        let mut table: Table<State> = Table::new(&Limits::default());
        for nth in 0..size {
            let (client, server) = ends(nth);
            table.push(
                &segment((client, server), 0, Flags::SYN, &[]),
                &mut budget,
                &mut ignore,
            );
            table.push(
                &segment((server, client), 0, Flags::SYN | Flags::ACK, &[]),
                &mut budget,
                &mut ignore,
            );
        }
        let mut next = vec![1_u32; size as usize];
        let (mut random, mut now) = (1_u64, START);
        group.throughput(Throughput::Elements(DRAWN as u64));
        group.bench_function(size.to_string(), |b| {
            b.iter(|| {
                for _ in 0..DRAWN {
                    random = random.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                    let nth = ((u64::from(size) * (random >> 32)) >> 32) as u32;
                    let seq = &mut next[nth as usize];
                    let mut segment = segment(ends(nth), *seq, Flags::ACK, b"12345678");
                    // A million packets a second.
                    now = now.after(Duration::from_micros(1));
                    segment.at.ts = now;
                    table.push(&segment, &mut budget, &mut ignore);
                    *seq = seq.wrapping_add(8);
                }
            });
        });
    }
    group.finish();
}

/// `stream`: the bytes of one direction, in this order of its segments.
fn reassembly(c: &mut Criterion) {
    const COUNT: usize = 4096;
    /// Fewer than may wait behind a hole with the limits as they are.
    const WAITING: usize = 128;
    let mut group = c.benchmark_group("reassembly");
    let in_order: Vec<usize> = (0..COUNT).collect();
    let mut swapped = in_order.clone();
    (0..COUNT - 1)
        .step_by(100)
        .for_each(|at| swapped.swap(at, at + 1));
    // Each first segment comes last, the others behind it in reverse: every one of them is another hole.
    let holes: Vec<usize> = in_order
        .chunks(WAITING)
        .flat_map(|part| part.iter().rev().copied())
        .collect();
    let payload = [b'a'; FULL];
    group.throughput(Throughput::ElementsAndBytes {
        elements: COUNT as u64,
        bytes: (COUNT * FULL) as u64,
    });
    for (name, order) in [
        ("in_order", &in_order),
        ("one_percent_swapped", &swapped),
        ("worst_holes", &holes),
    ] {
        group.bench_function(name, |b| {
            b.iter_batched_ref(
                opened,
                |(table, budget)| {
                    let mut bytes = 0;
                    for &nth in order {
                        let segment =
                            segment(ends(0), 1 + (nth * FULL) as u32, Flags::ACK, &payload);
                        table.push(
                            &segment,
                            budget,
                            &mut |_: &mut Conn<State>, _, item, _: &mut Budget| match item {
                                StreamItem::Data { bytes: data, .. } => bytes += data.len(),
                                StreamItem::Gap { .. } => bytes = usize::MAX,
                                _ => {}
                            },
                        );
                    }
                    assert_eq!(bytes, COUNT * FULL, "all of it, and in order");
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// A table with one connection, and its budget.
fn opened() -> (Table<State>, Budget) {
    let (mut table, mut budget) = (Table::new(&Limits::default()), Budget::new(u64::MAX));
    let (client, server) = ends(0);
    table.push(
        &segment((client, server), 0, Flags::SYN, &[]),
        &mut budget,
        &mut ignore,
    );
    table.push(
        &segment((server, client), 0, Flags::SYN | Flags::ACK, &[]),
        &mut budget,
        &mut ignore,
    );
    (table, budget)
}

/// `http`: heads of requests and answers, eight of either kind in one record, as a card that cuts segments itself shows them.
fn heads(c: &mut Criterion) {
    const AT_ONCE: usize = 8;
    const ROUNDS: usize = 64;
    let request = "GET /api/v1/items/4711?page=3 HTTP/1.1\r\nHost: app.example.com\r\n\
        Accept: application/json, text/plain, */*\r\nAccept-Encoding: gzip, deflate\r\nAccept-Language: en-GB,en;q=0.9\r\n\
        User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0\r\n\
        Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nConnection: keep-alive\r\n\r\n"
        .repeat(AT_ONCE);
    let answer =
        "HTTP/1.1 200 OK\r\nServer: nginx/1.25.5\r\nDate: Mon, 01 Jul 2024 10:00:00 GMT\r\n\
        Content-Type: application/json\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"
            .repeat(AT_ONCE);
    let mut frames = vec![
        frame(true, 0, 0, Flags::SYN, &[]),
        frame(false, 0, 1, Flags::SYN | Flags::ACK, &[]),
    ];
    let (mut sent, mut answered) = (1, 1);
    for _ in 0..ROUNDS {
        frames.push(frame(true, sent, answered, Flags::ACK, request.as_bytes()));
        sent += request.len() as u32;
        frames.push(frame(false, answered, sent, Flags::ACK, answer.as_bytes()));
        answered += answer.len() as u32;
    }
    let records: Vec<Record<'_>> = frames
        .iter()
        .enumerate()
        .map(|(nth, data)| record(START, nth, data))
        .collect();
    let mut group = c.benchmark_group("heads");
    let bytes = ROUNDS * (request.len() + answer.len());
    group.throughput(Throughput::ElementsAndBytes {
        elements: (ROUNDS * AT_ONCE * 2) as u64,
        bytes: bytes as u64,
    });
    group.bench_function("requests_and_answers", |b| {
        dissected(b, &records, |dissector| {
            assert_eq!(dissector.health().plain_http, (ROUNDS * AT_ONCE) as u64);
        });
    });
    group.finish();
}

/// An Ethernet frame on one connection.
fn frame(by_client: bool, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
    let (client, server) = (([10, 1, 0, 2], 50_208), ([10, 0, 0, 5], 80));
    let (from, to) = if by_client {
        (client, server)
    } else {
        (server, client)
    };
    let mut tcp = PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4(from.0, to.0, 64)
        .tcp(from.1, to.1, seq, 64_000);
    if flags & Flags::SYN != 0 {
        tcp = tcp.syn();
    }
    if flags & Flags::ACK != 0 {
        tcp = tcp.ack(ack);
    }
    let mut bytes = Vec::new();
    tcp.write(&mut bytes, payload).unwrap();
    bytes
}

/// `websocket`: from frame header to frame header, over segments.
fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("frames");
    for (name, len, count) in [("200_bytes", 200_u16, 5_000_u64), ("16_KiB", 16 << 10, 200)] {
        let [high, low] = len.to_be_bytes();
        let one = [&[0x82, 126, high, low][..], &vec![b'a'; usize::from(len)]].concat();
        let stream = one.repeat(count as usize);
        group.throughput(Throughput::ElementsAndBytes {
            elements: count,
            bytes: stream.len() as u64,
        });
        group.bench_function(name, |b| {
            b.iter(|| {
                let (mut walker, mut seen) = (FrameWalker::new(), 0);
                for mut segment in stream.chunks(FULL) {
                    while let Some(step) = walker.step(&mut segment) {
                        seen += u64::from(matches!(step, FrameStep::Header { .. }));
                    }
                }
                assert_eq!(seen, count);
            });
        });
    }
    group.finish();
}

/// All of it together, from records to facts.
fn dissect(c: &mut Criterion) {
    let mut group = c.benchmark_group("dissect");
    for profile in [Profile::Small, Profile::Big, Profile::Storm] {
        let capture = Capture::new(profile);
        let records = capture.records();
        group.throughput(Throughput::ElementsAndBytes {
            elements: records.len() as u64,
            bytes: capture.0.len() as u64,
        });
        group.bench_function(profile.name(), |b| {
            dissected(b, &records, |dissector| {
                assert_eq!(dissector.health().gaps, 0);
            });
        });
    }
    group.finish();
}

fn dissected(b: &mut Bencher<'_>, records: &[Record<'_>], check: impl Fn(&Dissector)) {
    let limits = Limits::default();
    b.iter(|| {
        let mut dissector = Dissector::new(&limits, false);
        let mut events: Vec<Event> = Vec::new();
        for record in records {
            dissector.push(record, &mut events);
            events.clear();
        }
        check(&dissector);
    });
}
