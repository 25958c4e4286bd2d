//! What holds of any conversation, whatever the network does to it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot be set up should fail at once"
)]

use std::collections::{BTreeMap, BTreeSet};

use etherparse::PacketBuilder;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence};
use wscap::dissect::Dissector;
use wscap::flow::End;
use wscap::flow::{ConnId, Direction, Endpoint};
use wscap::limits::{Budget, Limits};
use wscap::packet::{Decoder, Flags, Packet, Segment};
use wscap::record::LinkType;
use wscap::stream::{Conn, StreamItem, Table};
use wscap::time::{Stamp, Timestamp};

use crate::support::conversation::Conversation;
use crate::support::mischief::{self, Wrap};
use crate::support::{OwnedRecord, seed};

fn config() -> Config {
    Config {
        cases: 200,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/it/properties.proptest-regressions",
        ))),
        rng_seed: seed(),
        ..Config::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// Segmentation, order, repetition, overlap, wrapping and wrapping up change nothing in the bytes.
    #[test]
    fn a_conversation_reads_the_same_however_it_travels(
        client in vec(any::<u8>(), 1..1500),
        server in vec(any::<u8>(), 1..1500),
        isn in (near_wrap(), near_wrap()),
        size in 16_usize..600,
        smaller in 1_usize..200,
        overlap in 0_usize..40,
        shuffle in vec(any::<u32>(), 400),
        twice in vec(0_usize..200, 0..20),
        wrap in 0_usize..Wrap::ALL.len(),
    ) {
        let tidy = Conversation::new()
            .isn(isn.0, isn.1)
            .segment_size(size)
            .pace(std::time::Duration::from_micros(500))
            .client(&client)
            .server(&server)
            .close()
            .records();
        let mut records = mischief::overlap(&mischief::resegment(&tidy, smaller), overlap);
        records = mischief::duplicate(&records, &twice);
        let order = within_reach(records.len(), &shuffle);
        records = mischief::reorder(&records, &order);
        records = mischief::encapsulate(&records, Wrap::ALL[wrap]);

        let heard = listen(&records, &Limits::default());
        prop_assert_eq!(&heard.bytes[0], &client);
        prop_assert_eq!(&heard.bytes[1], &server);
        prop_assert_eq!(heard.gaps, 0);
        prop_assert_eq!(heard.overlaps, 0);
        prop_assert_eq!(heard.ends, [End::Fin]);
    }

    /// Whatever comes, no more is held than the budget allows; at the end nothing is.
    #[test]
    fn the_budget_holds(
        limit in prop_oneof![Just(0_u64), 500..20_000_u64, 20_000..400_000_u64],
        connections in 1_u64..6,
        says in vec((0_u16..6, any::<bool>(), 0_u32..3, 0_usize..SAYINGS.len(), 1_u16..1_500), 1..150),
    ) {
        let limits = Limits { buffered_bytes_total: limit, connections, ..Limits::default() };
        let mut dissector = Dissector::new(&limits, false);
        let mut events = Vec::new();
        let mut numbers = [[0_u32; 2]; 6];
        for (n, (port, server, ahead, saying, len)) in (0_u8..).zip(says) {
            let saying: Vec<u8> = SAYINGS[saying].iter().copied().cycle().take(len.into()).collect();
            let number = &mut numbers[usize::from(port)][usize::from(server)];
            let seq = number.wrapping_add(ahead * 700);
            *number = number.wrapping_add(if ahead == 0 { len.into() } else { 0 });
            for record in hostile_records(n, (port, server), seq, &saying) {
                dissector.push(&record.record(), &mut events);
                prop_assert!(dissector.budget().used() <= limit);
            }
        }
        dissector.finish(&mut events);
        prop_assert_eq!(dissector.budget().used(), 0);
    }

    /// Against the simplest model there is: a map from offset to the first copy of that byte.
    #[test]
    fn segments_agree_with_a_map_of_bytes(
        start in near_wrap(),
        arrivals in vec((0_u16..600, vec(any::<u8>(), 1..60), 0_u8..4), 1..60),
    ) {
        let mut table: Table<()> = Table::new(&Limits::default());
        let mut budget = Budget::new(1 << 20);
        let mut model = BTreeMap::new();
        let mut heard = Heard::default();
        table.push(&piece(start.wrapping_sub(1), Flags::SYN, b"", 0), &mut budget, &mut |c, _, i, _| heard.take(c, &i));
        for (offset, bytes, missing) in &arrivals {
            let offset = u32::from(*offset);
            let segment = piece(start.wrapping_add(offset), Flags::ACK, bytes, u32::from(*missing));
            table.push(&segment, &mut budget, &mut |c, _, i, _| heard.take(c, &i));
            let whole = bytes.iter().map(|&byte| Some(byte)).chain((0..*missing).map(|_| None));
            for (at, byte) in (u64::from(offset)..).zip(whole) {
                model.entry(at).or_insert(byte);
            }
        }
        table.finish(&mut budget, &mut |c, _, i, _| heard.take(c, &i));
        let end = model.keys().next_back().copied().unwrap_or(0) + 1;
        let expected: Vec<Option<u8>> = (0..end).map(|at| model.get(&at).copied().flatten()).collect();
        prop_assert_eq!(&heard.offsets[0], &expected);
        prop_assert_eq!(budget.used(), 0);
    }

    /// Small limits may lose bytes, but never order, never the bytes that are told, and never the account.
    #[test]
    fn at_its_limits_a_stream_has_gaps_but_no_lies(
        content in vec(any::<u8>(), 3200),
        order in vec((0_usize..3000, 1_usize..200), 1..200),
        bytes in 1_u64..4000,
        segments in 1_u64..8,
        total in 0_u64..4000,
    ) {
        let limits = Limits {
            reorder_bytes_per_direction: bytes,
            reorder_segments_per_direction: segments,
            ..Limits::default()
        };
        let mut table: Table<()> = Table::new(&limits);
        let mut budget = Budget::new(total);
        let mut heard = Heard::default();
        table.push(&piece(u32::MAX, Flags::SYN, b"", 0), &mut budget, &mut |c, _, i, _| heard.take(c, &i));
        for (at, len) in order {
            let part = &content[at..at + len];
            let segment = piece(u32::try_from(at).unwrap(), Flags::ACK, part, 0);
            table.push(&segment, &mut budget, &mut |c, _, i, _| heard.take(c, &i));
            prop_assert!(budget.used() <= budget.limit());
        }
        table.finish(&mut budget, &mut |c, _, i, _| heard.take(c, &i));
        for (told, was) in heard.offsets[0].iter().zip(&content) {
            prop_assert!(told.is_none_or(|told| told == *was));
        }
        prop_assert_eq!(budget.used(), 0);
    }

    /// Bytes that are no packets, and packets with bytes of them changed.
    #[test]
    fn nothing_that_is_captured_makes_it_panic(
        noise in vec((any::<u8>(), vec(any::<u8>(), 0..120)), 0..40),
        flips in vec((0_usize..40, 0_usize..120, any::<u8>()), 0..60),
        wrap in 0_usize..Wrap::ALL.len(),
        cut in 0_usize..200,
        fragments in 1_usize..8,
    ) {
        let tidy = Conversation::new().segment_size(100).client([7; 700]).server([8; 700]).close().records();
        let mut records = mischief::fragment(&tidy, fragments * 8);
        records = mischief::encapsulate(&records, Wrap::ALL[wrap]);
        for (place, at, byte) in flips {
            if let Some(byte_there) = records.get_mut(place).and_then(|record| record.data.get_mut(at)) {
                *byte_there ^= byte;
            }
        }
        if cut > 20 {
            records = mischief::truncate(&records, cut);
        }
        let links = [0, 1, 9, 12, 50, 51, 101, 108, 113, 228, 229, 239, 276, 105];
        for (link, data) in noise {
            let link = LinkType(links[usize::from(link) % links.len()]);
            records.push(OwnedRecord::whole(Stamp::default(), link, data));
        }
        let limits = Limits { buffered_bytes_total: 4000, fragments: 4, ..Limits::default() };
        let heard = listen(&records, &limits);
        prop_assert_eq!(heard.ends.len() as u64, heard.connections);
    }
}

/// Sequence numbers anywhere, and often so that they wrap within the conversation.
fn near_wrap() -> impl Strategy<Value = u32> {
    prop_oneof![any::<u32>(), (0_u32..2000).prop_map(|back| u32::MAX - back)]
}

/// An order in which no packet moves further than 16 places, and the handshake keeps its place.
pub(crate) fn within_reach(len: usize, shuffle: &[u32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    let keys = shuffle.iter().cycle();
    for (window, key) in (3..len).step_by(8).zip(keys) {
        let end = (window + 16).min(len);
        let span = end - window;
        for (step, at) in (window..end).enumerate() {
            let other = window + (*key as usize).wrapping_mul(step + 7) / 3 % span;
            if order[at].abs_diff(other) <= 16 && order[other].abs_diff(at) <= 16 {
                order.swap(at, other);
            }
        }
    }
    order
}

/// What came out of decoder and table.
/// What fills a buffer of each kind, over and over.
const SAYINGS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    b"GET /x HTTP/1.1\r\nX: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    b"CONNECT example.com:80 HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 403 No\r\nContent-Length: 900\r\n\r\nno such thing",
    b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"\x81\x81\x01\x02\x03\x04x",
    b"\x88\x02\x03\xe8",
    b"\x16\x03\x01\x02\x00\x01",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"P",
];

/// A segment with these bytes as records: whole, or in fragments of which the last may never come. Connections with an
/// even port begin with a SYN.
fn hostile_records(n: u8, (port, server): (u16, bool), seq: u32, bytes: &[u8]) -> Vec<OwnedRecord> {
    let (from, to) = if server {
        (([10, 0, 0, 2], 80), ([10, 0, 0, 1], 40_000 + port))
    } else {
        (([10, 0, 0, 1], 40_000 + port), ([10, 0, 0, 2], 80))
    };
    let mut out = Vec::new();
    let syn = port % 2 == 0 && seq == 0;
    for payload in [None, Some(bytes)] {
        let tcp = PacketBuilder::ipv4(from.0, to.0, 64).tcp(from.1, to.1, seq, 1000);
        let mut data = Vec::new();
        match payload {
            None if syn && server => tcp.syn().ack(0).write(&mut data, b""),
            None if syn => tcp.syn().write(&mut data, b""),
            None => continue,
            Some(payload) => tcp.ack(0).write(&mut data, payload),
        }
        .unwrap();
        let at = Stamp {
            ts: Timestamp::from_secs(1_700_000_000, 10_000_000 * i64::from(n)),
            frame: 1,
            ..Stamp::default()
        };
        out.push(OwnedRecord::whole(at, LinkType::RAW, data));
    }
    // Every seventh is a first fragment that waits for the rest.
    if n % 7 == 3
        && let Some(last) = out.last_mut()
    {
        last.data[6] = 0x20;
        last.data[5] = n;
        let whole = last.data.len();
        last.data.truncate(20 + (whole - 20) / 8 * 8);
        let len = u16::try_from(last.data.len()).unwrap();
        last.data[2..4].copy_from_slice(&len.to_be_bytes());
        last.wire_len = len.into();
    }
    out
}

#[derive(Debug, Default)]
struct Heard {
    bytes: [Vec<u8>; 2],
    /// As `bytes`, with `None` for what was lost.
    offsets: [Vec<Option<u8>>; 2],
    gaps: u64,
    overlaps: u64,
    connections: u64,
    ends: Vec<End>,
    over: BTreeSet<ConnId>,
    next: BTreeMap<ConnId, [u64; 2]>,
}

impl Heard {
    fn take(&mut self, conn: &Conn<()>, item: &StreamItem<'_>) {
        assert!(!self.over.contains(&conn.id), "{item:?} after the end");
        match *item {
            StreamItem::Data {
                dir, offset, bytes, ..
            } => {
                assert!(!bytes.is_empty());
                self.follows(conn, dir, offset, bytes.len() as u64);
                self.bytes[dir.index()].extend_from_slice(bytes);
                self.offsets[dir.index()].extend(bytes.iter().map(|&byte| Some(byte)));
            }
            StreamItem::Gap { dir, offset, len } => {
                assert!(len > 0);
                self.follows(conn, dir, offset, len);
                self.gaps += 1;
                // Noise may jump far ahead: that is not written down byte by byte.
                self.offsets[dir.index()].extend((0..len.min(1 << 16)).map(|_| None));
            }
            StreamItem::OverlapDiffers { .. } => self.overlaps += 1,
            StreamItem::End(end) => {
                self.ends.push(end);
                self.over.insert(conn.id);
            }
            _ => {}
        }
    }

    /// Every byte is told once, and in order.
    fn follows(&mut self, conn: &Conn<()>, dir: Direction, offset: u64, len: u64) {
        let next = self.next.entry(conn.id).or_default();
        assert_eq!(
            next[dir.index()],
            offset,
            "a byte was told twice, or left out"
        );
        next[dir.index()] += len;
    }
}

fn listen(records: &[OwnedRecord], limits: &Limits) -> Heard {
    let mut decoder = Decoder::new(limits);
    let mut table: Table<()> = Table::new(limits);
    let mut budget = Budget::new(limits.buffered_bytes_total);
    let mut heard = Heard::default();
    for record in records {
        table.tick(record.at.ts, &mut budget, &mut |c, _, i, _| {
            heard.take(c, &i);
        });
        if let Packet::Segment(segment) = decoder.push(&record.record(), &mut budget) {
            table.push(&segment, &mut budget, &mut |c, _, i, _| heard.take(c, &i));
        }
        assert!(budget.used() <= budget.limit());
    }
    table.finish(&mut budget, &mut |c, _, i, _| heard.take(c, &i));
    decoder.finish(&mut budget);
    assert_eq!(budget.used(), 0);
    heard.connections = table.counters().connections;
    heard
}

/// A segment from client to server.
fn piece(seq: u32, flags: u8, payload: &[u8], missing: u32) -> Segment<'_> {
    Segment {
        at: Stamp {
            ts: Timestamp::from_secs(1_700_000_000, 0),
            ..Stamp::default()
        },
        src: Endpoint::new([10, 1, 0, 2].into(), 50208),
        dst: Endpoint::new([10, 0, 0, 5].into(), 80),
        seq,
        ack: 0,
        flags: Flags(flags),
        window: 1000,
        ttl: 64,
        ip_id: 0,
        payload,
        missing,
    }
}
