//! Tests of the room as a whole: what is told of connections that go one way or another.

mod halves;
mod silence;
mod waiting;

use std::time::Duration;

use crate::flow::{Direction, Endpoint};
use crate::limits::{Budget, Limits};
use crate::packet::{Flags, Segment};
use crate::stream::{Conn, Counters, Rank, StreamItem, Table};
use crate::time::{Stamp, Timestamp};

const SYN: u8 = Flags::SYN;
const ACK: u8 = Flags::ACK;
const FIN: u8 = Flags::FIN;
const RST: u8 = Flags::RST;
const CLIENT: u16 = 50_000;
const SERVER: u16 = 80;

/// A table, the clock, and what was told: `#conn item`.
struct Tap {
    table: Table<()>,
    budget: Budget,
    now: Timestamp,
    frame: u64,
    source: u16,
    iface: u16,
    ttl: u8,
    told: Vec<String>,
    rank: Option<Rank>,
    flip: bool,
}

impl Tap {
    fn new() -> Self {
        Self::with(&Limits::default())
    }

    fn with(limits: &Limits) -> Self {
        Self {
            table: Table::new(limits),
            budget: Budget::new(limits.buffered_bytes_total),
            now: Timestamp::from_secs(1_700_000_000, 0),
            frame: 0,
            source: 0,
            iface: 0,
            ttl: 64,
            told: Vec::new(),
            rank: None,
            flip: false,
        }
    }

    /// A segment between the two usual ports; the client's and the server's numbers begin at 1000 and 5000.
    fn send(&mut self, from: u16, flags: u8, (seq, ack): (u32, u32), payload: &[u8]) -> &mut Self {
        let to = if from == SERVER { CLIENT } else { SERVER };
        self.between((from, to), flags, (seq, ack), (payload, 0))
    }

    fn between(
        &mut self,
        (from, to): (u16, u16),
        flags: u8,
        (seq, ack): (u32, u32),
        (payload, missing): (&[u8], u32),
    ) -> &mut Self {
        self.frame += 1;
        let end = |port| Endpoint::new([10, 0, 0, if port == SERVER { 2 } else { 1 }].into(), port);
        let segment = Segment {
            at: Stamp {
                ts: self.now,
                frame: self.frame,
                source: self.source,
                iface: self.iface,
            },
            src: end(from),
            dst: end(to),
            seq,
            ack,
            flags: Flags(flags),
            window: 1000,
            ttl: self.ttl,
            ip_id: 7,
            payload,
            missing,
        };
        let (told, rank, flip) = (&mut self.told, self.rank, self.flip);
        self.table
            .push(&segment, &mut self.budget, &mut |conn, at, item, _| {
                note(told, conn, at, item);
                if told.len() == 1 && flip {
                    conn.flip();
                }
                if let Some(rank) = rank {
                    conn.rank = rank;
                }
            });
        self
    }

    /// The three segments that open a connection.
    fn open(&mut self) -> &mut Self {
        self.send(CLIENT, SYN, (999, 0), b"")
            .send(SERVER, SYN | ACK, (4999, 1000), b"")
            .send(CLIENT, ACK, (1000, 5000), b"")
    }

    fn wait(&mut self, millis: u64) -> &mut Self {
        self.now = self.now.after(Duration::from_millis(millis));
        let told = &mut self.told;
        self.table
            .tick(self.now, &mut self.budget, &mut |conn, at, item, _| {
                note(told, conn, at, item);
            });
        self
    }

    fn give_up(&mut self) -> bool {
        let told = &mut self.told;
        self.table
            .give_up(&mut self.budget, &mut |conn, at, item, _| {
                note(told, conn, at, item);
            })
    }

    fn finish(&mut self) -> &mut Self {
        let told = &mut self.told;
        self.table
            .finish(&mut self.budget, &mut |conn, at, item, _| {
                note(told, conn, at, item);
            });
        assert_eq!(self.budget.used(), 0);
        self
    }

    fn counters(&self) -> &Counters {
        self.table.counters()
    }

    /// What was told since the last time it was asked for.
    fn told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

fn note(told: &mut Vec<String>, conn: &Conn<()>, at: Stamp, item: StreamItem<'_>) {
    let way = |dir| match dir {
        Direction::ToServer => '>',
        Direction::ToClient => '<',
    };
    let text = match item {
        StreamItem::Data {
            dir,
            offset,
            bytes,
            at_segment_start,
        } => {
            let start = if at_segment_start { "" } else { "+" };
            let text = String::from_utf8_lossy(bytes);
            format!("{} {offset} {start}{text}", way(dir))
        }
        StreamItem::Gap { dir, offset, len } => format!("{} {offset} gap {len}", way(dir)),
        StreamItem::Fin { dir } => format!("{} fin", way(dir)),
        StreamItem::End(end) => format!("{end:?}"),
        other => format!("{other:?}"),
    };
    told.push(format!("#{} f{} {text}", conn.id.0, at.frame));
}

#[test]
fn a_tidy_connection() {
    let mut tap = Tap::new();
    tap.open()
        .send(CLIENT, ACK, (1000, 5000), b"GET")
        .send(SERVER, ACK, (5000, 1003), b"101")
        .send(CLIENT, FIN | ACK, (1003, 5003), b"")
        .send(SERVER, FIN | ACK, (5003, 1004), b"bye")
        .send(CLIENT, ACK, (1004, 5007), b"")
        .finish();
    assert_eq!(
        tap.told(),
        [
            "#0 f2 SynAck",
            "#0 f4 > 0 GET",
            "#0 f5 < 0 101",
            "#0 f6 > fin",
            "#0 f7 < 3 bye",
            "#0 f7 < fin",
            "#0 f7 Fin"
        ]
    );
    assert_eq!(
        (tap.counters().connections, tap.counters().one_sided),
        (1, 0)
    );
}

#[test]
fn what_waits_is_told_by_the_record_that_fills_the_hole() {
    let mut tap = Tap::new();
    tap.open()
        .send(CLIENT, ACK, (1003, 5000), b"def")
        .send(CLIENT, FIN | ACK, (1006, 5000), b"")
        .send(CLIENT, ACK, (1000, 5000), b"abc");
    assert_eq!(
        tap.told(),
        [
            "#0 f2 SynAck",
            "#0 f6 > 0 abc",
            "#0 f6 > 3 def",
            "#0 f6 > fin"
        ]
    );
}

#[test]
fn a_hole_that_the_peer_acknowledged_is_skipped_soon() {
    let mut tap = Tap::new();
    tap.open()
        .send(CLIENT, ACK, (1010, 5000), b"later")
        .send(SERVER, ACK, (5000, 1015), b"");
    tap.told();
    assert!(tap.wait(99).told().is_empty());
    assert_eq!(tap.wait(1).told(), ["#0 f4 > 0 gap 10", "#0 f4 > 10 later"]);
    assert_eq!((tap.counters().gaps, tap.counters().gap_bytes), (1, 10));
}

#[test]
fn a_hole_acknowledged_in_part_is_skipped_in_part() {
    let mut tap = Tap::new();
    tap.open()
        .send(CLIENT, ACK, (1010, 5000), b"later")
        .send(SERVER, ACK, (5000, 1004), b"");
    tap.told();
    assert_eq!(tap.wait(100).told(), ["#0 f4 > 0 gap 4"]);
    assert!(tap.wait(1000).told().is_empty());
    tap.send(CLIENT, ACK, (1004, 5000), b"resent");
    assert_eq!(tap.told(), ["#0 f6 > 4 resent", "#0 f6 > 10 later"]);
}

#[test]
fn lost_bytes_with_nothing_behind_them_are_told_too() {
    let mut tap = Tap::new();
    tap.open().send(SERVER, ACK, (5000, 1400), b"HTTP/1.1 200");
    tap.told();
    assert_eq!(tap.wait(100).told(), ["#0 f4 > 0 gap 400"]);
}

#[test]
fn an_acknowledged_fin_that_was_not_captured_is_missed_like_a_byte() {
    let mut tap = Tap::new();
    tap.open()
        .send(CLIENT, ACK, (1000, 5000), b"request")
        .send(SERVER, ACK, (5000, 1008), b"");
    tap.told();
    assert_eq!(tap.wait(100).told(), ["#0 f5 > 7 gap 1"]);
}

#[test]
fn an_unacknowledged_hole_waits_for_the_sender() {
    let mut tap = Tap::new();
    tap.open().send(CLIENT, ACK, (1010, 5000), b"later");
    tap.told();
    assert!(tap.wait(59_999).told().is_empty());
    assert_eq!(tap.wait(1).told(), ["#0 f4 > 0 gap 10", "#0 f4 > 10 later"]);
}

#[test]
fn where_the_peer_is_not_seen_a_hole_waits_a_second() {
    let mut tap = Tap::new();
    tap.send(CLIENT, SYN, (999, 0), b"")
        .send(CLIENT, ACK, (1000, 5000), b"a")
        .send(CLIENT, ACK, (1005, 5000), b"b");
    tap.told();
    assert!(tap.wait(999).told().is_empty());
    assert_eq!(tap.wait(1).told(), ["#0 f3 > 1 gap 4", "#0 f3 > 5 b"]);
    tap.finish();
    assert_eq!(tap.counters().one_sided, 1);
}

#[test]
fn bytes_cut_by_the_snap_length_are_a_gap_at_once() {
    let mut tap = Tap::new();
    tap.open();
    tap.between((CLIENT, SERVER), ACK, (1000, 5000), (b"GET", 97))
        .send(CLIENT, ACK, (1100, 5000), b"next");
    assert_eq!(
        tap.told(),
        [
            "#0 f2 SynAck",
            "#0 f4 > 0 GET",
            "#0 f4 > 3 gap 97",
            "#0 f5 > 100 next"
        ]
    );
    assert_eq!(tap.counters().cut_short, 1);
}

#[test]
fn the_first_copy_of_a_byte_wins_and_a_different_one_is_told() {
    let mut tap = Tap::new();
    tap.open()
        .send(CLIENT, ACK, (1003, 5000), b"def")
        .send(CLIENT, ACK, (1000, 5000), b"abcXYZg");
    assert_eq!(
        tap.told(),
        [
            "#0 f2 SynAck",
            "#0 f5 OverlapDiffers { dir: ToServer }",
            "#0 f5 > 0 abc",
            "#0 f5 > 3 def",
            "#0 f5 > 6 +g"
        ]
    );
    assert_eq!(tap.counters().overlaps, 1);
}

#[test]
fn keep_alive_probes_and_old_segments_say_nothing() {
    let mut tap = Tap::new();
    tap.open()
        .send(CLIENT, ACK, (1000, 5000), b"abc")
        .send(CLIENT, ACK, (1002, 5000), b"\0")
        .send(CLIENT, ACK, (1002, 5000), b"")
        .send(CLIENT, ACK, (1000, 5000), b"abc")
        .send(CLIENT, ACK, (999, 5000), b"\0abcd");
    assert_eq!(
        tap.told(),
        ["#0 f2 SynAck", "#0 f4 > 0 abc", "#0 f8 > 3 +d"]
    );
}

#[test]
fn joined_mid_stream_the_first_byte_seen_is_the_first() {
    let mut tap = Tap::new();
    tap.send(SERVER, ACK, (70_000, 1000), b"frame")
        .send(CLIENT, ACK, (1200, 70_005), b"frame")
        .send(CLIENT, ACK, (1100, 70_005), b"older");
    assert_eq!(tap.told(), ["#0 f1 < 0 frame", "#0 f2 > 0 frame"]);
}

#[test]
fn a_keep_alive_probe_at_the_beginning_is_no_gap() {
    let mut tap = Tap::new();
    tap.send(CLIENT, ACK, (1199, 5000), b"")
        .send(SERVER, ACK, (5000, 1200), b"")
        .send(CLIENT, ACK, (1200, 5000), b"frame");
    assert_eq!(tap.wait(1000).told(), ["#0 f3 > 0 frame"]);
}

#[test]
fn of_two_high_ports_who_speaks_first_is_the_client_unless_the_reader_knows_better() {
    for (flip, ways) in [
        (false, ["#0 f2 > 0 a", "#0 f3 < 0 b"]),
        (true, ["#0 f2 > 0 a", "#0 f3 > 0 b"]),
    ] {
        let mut tap = Tap::new();
        tap.flip = flip;
        tap.between((40_001, 40_002), ACK, (1, 1), (b"", 0))
            .between((40_002, 40_001), ACK, (1, 1), (b"a", 0))
            .between((40_001, 40_002), ACK, (1, 2), (b"b", 0));
        assert_eq!(tap.told(), ways);
    }
}

#[test]
fn a_flip_counts_for_what_is_told_in_the_same_step() {
    let mut tap = Tap::new();
    tap.flip = true;
    tap.send(SERVER, FIN | ACK, (5000, 1000), b"GET /");
    assert_eq!(tap.told(), ["#0 f1 < 0 GET /", "#0 f1 > fin"]);
}

#[test]
fn data_in_the_syn_is_told_once() {
    let mut tap = Tap::new();
    tap.send(CLIENT, SYN, (999, 0), b"GET")
        .send(SERVER, SYN | ACK, (4999, 1000), b"")
        .send(CLIENT, ACK, (1000, 5000), b"GET /");
    assert_eq!(
        tap.told(),
        ["#0 f1 > 0 GET", "#0 f2 SynAck", "#0 f3 > 3 + /"]
    );
}

#[test]
fn refused_and_unanswered() {
    let mut tap = Tap::new();
    tap.send(CLIENT, SYN, (999, 0), b"")
        .send(SERVER, RST | ACK, (0, 1000), b"");
    assert_eq!(tap.told(), ["#0 f2 Refused"]);

    let mut tap = Tap::new();
    tap.send(CLIENT, SYN, (999, 0), b"")
        .wait(1000)
        .send(CLIENT, SYN, (999, 0), b"")
        .wait(2000)
        .finish();
    assert_eq!(tap.told(), ["#0 f2 SynWaits", "#0 f2 Unanswered"]);

    // Told while it waits, and again after another try.
    let mut tap = Tap::new();
    tap.send(CLIENT, SYN, (999, 0), b"");
    for _ in 0..5 {
        tap.wait(1000);
    }
    assert_eq!(tap.told(), ["#0 f1 SynWaits"]);
    tap.send(CLIENT, SYN, (999, 0), b"");
    assert_eq!(tap.told(), ["#0 f2 SynWaits"]);
    tap.wait(5000);
    assert_eq!(tap.told(), ["#0 f2 SynWaits"]);
    tap.send(SERVER, SYN | ACK, (4999, 1000), b"").wait(5000);
    assert_eq!(tap.told(), ["#0 f3 SynAck"]);

    let mut tap = Tap::new();
    tap.send(CLIENT, SYN, (999, 0), b"").wait(2999).finish();
    assert_eq!(tap.told(), ["#0 f1 CaptureOver"]);
}

#[test]
fn a_reset_counts_only_near_the_window_and_after_the_bytes_before_it() {
    let mut tap = Tap::new();
    tap.open()
        .send(CLIENT, ACK, (1000, 5000), b"abc")
        .send(SERVER, RST, (500_000_000, 0), b"")
        .send(SERVER, RST, (5003, 0), b"");
    assert_eq!(tap.told(), ["#0 f2 SynAck", "#0 f4 > 0 abc"]);
    tap.send(SERVER, ACK, (5000, 1003), b"bye");
    assert_eq!(tap.told(), ["#0 f7 < 0 bye", "#0 f7 Rst(ToClient)"]);

    let mut tap = Tap::new();
    tap.open().send(CLIENT, RST, (1010, 0), b"");
    tap.told();
    assert!(tap.wait(99).told().is_empty());
    let told = ["#0 f4 > 0 gap 10", "#0 f4 Rst(ToServer)"];
    assert_eq!(tap.wait(1).told(), told);
}

#[test]
fn a_reset_tells_of_the_lost_bytes_that_it_acknowledges() {
    let mut tap = Tap::new();
    tap.open().send(SERVER, RST | ACK, (5000, 1007), b"");
    let told = ["#0 f2 SynAck", "#0 f4 > 0 gap 7", "#0 f4 Rst(ToClient)"];
    assert_eq!(tap.told(), told);
}

#[test]
fn what_comes_after_the_end_begins_nothing() {
    let mut tap = Tap::new();
    tap.open()
        .send(CLIENT, RST, (1000, 0), b"")
        .send(SERVER, ACK, (5000, 1000), b"late")
        .wait(1000)
        .send(SERVER, FIN | ACK, (5004, 1000), b"")
        .finish();
    assert_eq!(tap.told(), ["#0 f2 SynAck", "#0 f4 Rst(ToServer)"]);
    assert_eq!(tap.counters().connections, 1);
}

#[test]
fn the_same_addresses_again_are_another_connection() {
    let mut tap = Tap::new();
    tap.open()
        .send(CLIENT, SYN, (999, 0), b"")
        .send(CLIENT, SYN, (77_777, 0), b"")
        .send(SERVER, SYN | ACK, (88_887, 77_778), b"")
        .send(CLIENT, ACK, (77_778, 88_888), b"GET");
    assert_eq!(
        tap.told(),
        [
            "#0 f2 SynAck",
            "#0 f5 Replaced",
            "#1 f6 SynAck",
            "#1 f7 > 0 GET"
        ]
    );
}

#[test]
fn both_may_send_a_syn_at_once() {
    let mut tap = Tap::new();
    tap.send(CLIENT, SYN, (999, 0), b"")
        .send(SERVER, SYN, (4999, 0), b"")
        .send(CLIENT, SYN | ACK, (999, 5000), b"")
        .send(SERVER, SYN | ACK, (4999, 1000), b"")
        .send(CLIENT, ACK, (1000, 5000), b"a")
        .send(SERVER, ACK, (5000, 1001), b"b");
    assert_eq!(tap.told(), ["#0 f3 SynAck", "#0 f5 > 0 a", "#0 f6 < 0 b"]);
}

#[test]
fn a_copy_on_another_interface_is_told_once_and_is_no_retransmission() {
    let mut tap = Tap::new();
    tap.open();
    for second in 0..30_u32 {
        tap.iface = 0;
        tap.send(CLIENT, ACK, (1000 + second, 5000), b"a");
        tap.iface = 3;
        tap.send(CLIENT, ACK, (1000 + second, 5000), b"a");
        tap.wait(1000);
    }
    let told = tap.told();
    let other: Vec<_> = told.iter().filter(|told| !told.contains('>')).collect();
    assert_eq!(other, ["#0 f2 SynAck", "#0 f5 SeenOn { iface: 3 }"]);
}

#[test]
fn the_lowest_rank_is_forgotten_first_and_a_websocket_last() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let mut tap = Tap::with(&limits);
    tap.rank = Some(Rank::WebSocket);
    tap.between((40_000, SERVER), ACK, (1, 1), (b"a", 0));
    tap.rank = Some(Rank::Idle);
    tap.wait(2000)
        .between((40_001, SERVER), ACK, (1, 1), (b"b", 0));
    tap.rank = Some(Rank::Unknown);
    tap.wait(2000)
        .between((40_002, SERVER), ACK, (1, 1), (b"c", 0));
    tap.wait(2000)
        .between((40_003, SERVER), ACK, (1, 1), (b"d", 0));
    assert_eq!(
        tap.told(),
        [
            "#0 f1 > 0 a",
            "#1 f2 > 0 b",
            "#1 f3 Evicted",
            "#2 f3 > 0 c",
            "#2 f4 Evicted",
            "#3 f4 > 0 d"
        ]
    );
    assert_eq!(tap.counters().evictions, 2);
    tap.wait(3_600_000);
    assert_eq!(tap.told(), ["#3 f4 Idle"]);
    assert_eq!(tap.finish().told(), ["#0 f1 CaptureOver"]);
}

#[test]
fn a_forgotten_connection_comes_back_with_its_bytes_and_its_number() {
    let mut tap = Tap::new();
    tap.between((40_000, SERVER), ACK, (1, 1), (b"a", 0));
    assert_eq!(tap.wait(299_999).told(), ["#0 f1 > 0 a"]);
    assert_eq!(tap.wait(1000).told(), ["#0 f1 Idle"]);
    let mut number = None;
    tap.between((40_000, SERVER), ACK, (2, 1), (b"", 0));
    assert!(tap.told().is_empty());
    tap.between((40_000, SERVER), ACK, (2, 1), (b"b", 0));
    assert_eq!(tap.told(), ["#1 f3 > 0 b"]);
    tap.table.finish(&mut tap.budget, &mut |conn, _, _, _| {
        number = Some(conn.tcp_stream);
    });
    assert_eq!(number, Some(0));
}

#[test]
fn who_began_first_to_hold_gives_up_first_however_it_drips() {
    let mut tap = Tap::new();
    for port in [40_000, 40_001] {
        tap.between((port, SERVER), SYN, (0, 0), (b"", 0)).between(
            (SERVER, port),
            SYN | ACK,
            (0, 1),
            (b"", 0),
        );
        tap.between((port, SERVER), ACK, (11, 1), (b"held", 0))
            .wait(1);
    }
    tap.between((40_000, SERVER), ACK, (15, 1), (b"more", 0));
    tap.told();
    let used = tap.budget.used();
    assert!(tap.give_up());
    assert_eq!(
        tap.told(),
        [
            "#0 f3 > 0 gap 10",
            "#0 f3 > 10 held",
            "#0 f7 > 14 more",
            "#0 f7 GiveUp"
        ]
    );
    assert!(tap.budget.used() < used);
    // Whoever holds anew is young.
    tap.between((40_000, SERVER), ACK, (28, 1), (b"anew", 0));
    assert!(tap.give_up());
    assert_eq!(
        tap.told(),
        ["#1 f6 > 0 gap 10", "#1 f6 > 10 held", "#1 f6 GiveUp"]
    );
    assert!(tap.give_up());
    assert!(!tap.give_up(), "nobody holds anything");
    assert_eq!(tap.budget.used(), 0);
    tap.finish();
}
