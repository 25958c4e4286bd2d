//! Floods: each bound is filled on purpose, by captures of the program as it is run. Its peak memory stays under what the
//! limits say, the limit that was reached is named, and the honest handshakes before, within and after the flood are
//! judged as if there were none.

mod alike;
mod crowds;
mod endless;
mod frames;
pub(crate) mod stream;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use wscap::limits::Limits;

use crate::cli::WSCAP;
use crate::support::flood::{Flood, Fragment, Peers, SYN};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const SWITCH: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
const SERVER: (u32, u16) = (0x0a00_0005, 80);
/// What a followed connection costs at most besides what is charged to the budget, in bytes. docs/architecture.md says
/// the same.
const CONNECTION: u64 = 1_600;
/// What is allocated for a byte of the budget: malloc's own, and what it cannot use again at once.
const OVERHEAD: (u64, u64) = (5, 4);
/// Events on their way from one thread to the other, what was read ahead, and the pages of an allocator that keeps each
/// size apart (pipelined requests peak at 22 MiB with the one of glibc, at 28 MiB with ours): a flood fills them, a few
/// packets do not.
const ON_THE_WAY: u64 = 7 * MIB;
const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

/// What a run said and cost.
struct Run {
    lines: Vec<Value>,
    /// Peak memory in bytes.
    peak: u64,
}

fn request(path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: honest.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    .into_bytes()
}

/// A Close frame of the server.
fn close_frame(code: u16) -> Vec<u8> {
    [&[0x88, 2][..], &code.to_be_bytes()].concat()
}

/// The address of the `n`th hostile client.
fn hostile(n: u32) -> (u32, u16) {
    (0x0b00_0000 + n, 40_000)
}

/// An honest client on a port of its own.
fn honest(port: u16) -> (u32, u16) {
    (0x0a00_0001, port)
}

/// A handshake whose head comes in two segments, with something in between.
fn handshake(
    flood: &mut Flood,
    port: u16,
    path: &str,
    meanwhile: impl FnOnce(&mut Flood),
) -> Peers {
    let mut peers = Peers::open(flood, honest(port), SERVER);
    let head = request(path);
    let (first, rest) = head.split_at(30);
    peers.send(flood, 0, first);
    meanwhile(flood);
    peers.send(flood, 0, rest);
    peers.send(flood, 1, SWITCH);
    peers
}

/// A capture: an idle WebSocket opened before the flood and closed after it with 4001, one handshake in the midst of it
/// and one behind it. Of `count` hostile connections `attack` writes one.
fn capture(count: u32, attack: impl Fn(&mut Flood, u32)) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut flood = Flood::create(&dir.path().join("flood.pcap"));
    let flood = &mut flood;
    let mut idle = handshake(flood, 50_001, "/before", |_| {});
    let middle = count / 2;
    (0..middle).for_each(|n| attack(flood, n));
    let meanwhile = 20.min(count - middle);
    let mut within = handshake(flood, 50_002, "/within", |flood| {
        (middle..middle + meanwhile).for_each(|n| attack(flood, n));
    });
    within.send(flood, 1, &close_frame(1001));
    within.close(flood);
    (middle + meanwhile..count).for_each(|n| attack(flood, n));
    let mut after = handshake(flood, 50_003, "/after", |_| {});
    after.send(flood, 1, &close_frame(1008));
    after.close(flood);
    flood.wait(1_000);
    idle.send(flood, 1, &close_frame(4001));
    idle.close(flood);
    dir
}

/// Runs the program on a capture, and watches its memory. It reads from a pipe, so that it cannot be over before that was
/// read.
fn run(dir: &TempDir, limits: &[(&str, u64)]) -> Run {
    let out = dir.path().join("out.json");
    let mut command = Command::new(WSCAP);
    command.args(["--json", "-r", "-"]);
    for (name, value) in limits {
        command.arg("--limit").arg(format!("{name}={value}"));
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(File::create(&out).unwrap())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut capture = File::open(dir.path().join("flood.pcap")).unwrap();
    std::io::copy(&mut capture, &mut input).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let mut peak = high_water(child.id()).expect("a process that waits for more");
    drop(input);
    let code = loop {
        peak = peak.max(high_water(child.id()).unwrap_or(0));
        if let Some(code) = child.try_wait().unwrap() {
            break code;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    assert!(code.success(), "{code}");
    let text = fs::read_to_string(&out).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    Run {
        lines: lines.collect(),
        peak,
    }
}

/// The most memory that a process ever had, in bytes; the mark never falls. Of one that is over nothing can be read.
fn high_water(process: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = mark.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * KIB)
}

/// What the program needs for the honest part alone.
fn base() -> u64 {
    let dir = capture(0, |_, _| {});
    run(&dir, &[]).peak
}

impl Run {
    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.lines.iter().filter(move |line| line["type"] == kind)
    }

    fn limits_reached(&self) -> BTreeMap<String, u64> {
        let summary = self.lines.last().unwrap();
        serde_json::from_value(summary["health"]["limits_reached"].clone()).unwrap()
    }

    /// Three honest handshakes that opened, and how each ended.
    fn assert_honest(&self) {
        let mut told = BTreeMap::new();
        let mut others = BTreeSet::new();
        for attempt in self.of_type("attempt") {
            if attempt["host"] == "honest.example" {
                assert_eq!(attempt["verdict"], "ok", "{attempt}");
                assert_eq!(attempt["legs"][0]["response"]["accept"], "ok", "{attempt}");
                told.insert(attempt["id"].as_u64(), attempt["target"].clone());
            } else {
                others.insert(attempt["id"].as_u64());
            }
        }
        let mut ended = BTreeMap::new();
        for closing in self.of_type("closing") {
            let of = closing["attempt"].as_u64();
            if others.contains(&of) {
                continue;
            }
            let target = told.get(&of).expect("a closing of nobody");
            ended.insert(target.as_str().unwrap(), closing["wire_code"].as_u64());
        }
        let expected = [("/after", 1008), ("/before", 4001), ("/within", 1001)];
        assert_eq!(
            ended,
            expected.map(|(target, code)| (target, Some(code))).into()
        );
        assert_eq!(told.len(), 3);
    }

    /// No hop is named for what a server answers, or does not.
    fn assert_no_hop_is_named(&self) {
        for attempt in self.of_type("attempt") {
            let verdict = attempt["verdict"].as_str().unwrap();
            assert!(
                matches!(verdict, "ok" | "unknown" | "abandoned" | "rejected"),
                "{attempt}"
            );
        }
    }

    /// No hop is blamed for what was given up.
    fn assert_nobody_accused(&self) {
        for attempt in self.of_type("attempt") {
            let verdict = attempt["verdict"].as_str().unwrap();
            assert!(
                matches!(verdict, "ok" | "unknown" | "abandoned"),
                "{attempt}"
            );
        }
    }
}

/// The most memory that these limits allow.
fn bound(connections: u64, buffers: u64) -> u64 {
    base() + ON_THE_WAY + connections * CONNECTION + buffers * OVERHEAD.0 / OVERHEAD.1
}

/// Runs a capture with limits that hold it within a bound, and without them, which must not.
fn run_bound(dir: &TempDir, limits: &[(&str, u64)], bound: u64) -> Run {
    let held = run(dir, limits);
    let none: Vec<_> = limits.iter().map(|(name, _)| (*name, 1 << 30)).collect();
    let free = run(dir, &none);
    println!(
        "peak {} KiB, bound {} KiB, without it {} KiB, {:?}",
        held.peak / KIB,
        bound / KIB,
        free.peak / KIB,
        held.limits_reached()
    );
    assert!(held.peak <= bound, "more than the limits allow");
    assert!(
        free.peak > bound,
        "the flood is too small to prove anything"
    );
    held
}

/// Runs a flood that is to fill one budget of 2 MiB.
fn fill_the_budget(count: u32, attack: impl Fn(&mut Flood, u32)) -> Run {
    fill_the_budget_of(&capture(count, attack), count.into())
}

/// The same for a capture of so many connections.
fn fill_the_budget_of(dir: &TempDir, connections: u64) -> Run {
    let total = 2 * MIB;
    let limits = [("buffered_bytes_total", total), ("fragments", 1 << 30)];
    let run = run_bound(dir, &limits, bound(connections, total));
    assert!(run.limits_reached().contains_key("buffered_bytes_total"));
    run.assert_honest();
    run.assert_nobody_accused();
    run
}

#[test]
fn syns() {
    let connections = 2_000;
    let dir = capture(60_000, |flood, n| {
        flood.segment([hostile(n), SERVER], SYN, [n, 0], b"");
    });
    let bound = bound(connections, 0);
    let run = run_bound(&dir, &[("connections", connections)], bound);
    assert!(run.limits_reached()["connections"] > 50_000);
    run.assert_honest();
}

/// Connections with something to say come after the half-open ones, and open WebSockets behind all.
#[test]
fn connections_of_every_rank() {
    let connections = 500;
    let dir = capture(24_000, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        match n % 4 {
            0 => {}
            1 => peers.send(flood, 0, b"\x16\x03\x01\x02\x00\x01"),
            2 => peers.send(flood, 0, b"GET /idle HTTP/1.1\r\nHost: x\r\n\r\n"),
            _ => peers.send(flood, 0, b"no protocol at all"),
        }
    });
    let bound = bound(connections, 0);
    let run = run_bound(&dir, &[("connections", connections)], bound);
    assert!(run.limits_reached()["connections"] > 20_000);
    run.assert_honest();
}

/// One segment makes what looks like a WebSocket. It must not go behind the handshakes that are begun afterwards.
#[test]
fn forged_websockets() {
    let frames = b"\x81\x85\x01\x02\x03\x04hello".repeat(12);
    let connections = 500;
    let dir = capture(24_000, |flood, n| {
        flood.segment([hostile(n), SERVER], 0x18, [n << 8, 1], &frames);
    });
    let run = run(&dir, &[("connections", connections)]);
    assert!(run.limits_reached()["connections"] > 20_000);
    run.assert_honest();
}

#[test]
fn heads_without_end() {
    let part = [
        b"GET /x HTTP/1.1\r\nHost: x\r\nX: ".as_slice(),
        &[b'x'; 8_100],
    ]
    .concat();
    fill_the_budget(4_000, |flood, n| {
        Peers::open(flood, hostile(n), SERVER).send(flood, 0, &part);
    });
}

/// Who drips does not stay young by it.
#[test]
fn dripping_heads() {
    let part = [
        b"GET /x HTTP/1.1\r\nHost: x\r\nX: ".as_slice(),
        &[b'x'; 3_900],
    ]
    .concat();
    fill_the_budget(6_000, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        for piece in part.chunks(200) {
            peers.send(flood, 0, piece);
        }
    });
}

#[test]
fn segments_out_of_order() {
    fill_the_budget(2_000, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        for at in 1..12 {
            peers.send_ahead(flood, at * 2_000, &[b'x'; 1_400]);
        }
    });
}

#[test]
fn tiny_segments() {
    let run = fill_the_budget(800, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        for at in 1..300 {
            peers.send_ahead(flood, at * 2, b"x");
        }
    });
    assert!(
        run.limits_reached()
            .contains_key("reorder_segments_per_direction")
    );
}

fn fragment(flood: &mut Flood, n: u32) {
    let part = Fragment {
        id: u16::try_from(n % 60_000).unwrap(),
        offset: 0,
        more: true,
    };
    flood.datagram([hostile(n).0, SERVER.0], part, &[0; 1_400]);
}

#[test]
fn fragments() {
    let dir = capture(24_000, fragment);
    fill_the_budget_of(&dir, 0);
    let run = run_bound(&dir, &[("fragments", 64)], bound(0, 64 * 64 * KIB));
    assert!(run.limits_reached()["fragments"] > 20_000);
    run.assert_honest();
}

/// An upgrade that is never answered, and what the client sends behind it.
fn held(flood: &mut Flood, n: u32) {
    let mut peers = Peers::open(flood, hostile(n), SERVER);
    let ask = String::from_utf8(request("/held")).unwrap();
    peers.send(flood, 0, ask.replace("honest", "hostile").as_bytes());
    for _ in 0..45 {
        peers.send(flood, 0, &[b'x'; 1_400]);
    }
}

#[test]
fn client_bytes_behind_an_upgrade() {
    fill_the_budget(500, held);
}

/// What waits for its answer is remembered behind the channel too.
#[test]
fn upgrades_never_answered() {
    let ask = String::from_utf8(request("/never")).unwrap();
    let filler = format!("\r\nX: {}\r\n\r\n", "x".repeat(30_000));
    let large = ask.replace("honest", "hostile").trim_end().to_owned() + &filler;
    let dir = capture(4_000, |flood, n| {
        Peers::open(flood, hostile(n), SERVER).send(flood, 0, large.as_bytes());
    });
    let most = 8 * MIB;
    // Heads that wait in the channel are bounded in messages of 64 KiB.
    let bound = bound(4_000, most) + 24 * MIB;
    let run = run_bound(&dir, &[("undecided_bytes", most), ("recent", 10)], bound);
    assert!(run.limits_reached()["undecided_bytes"] > 3_000);
    let unknown = &run.lines.last().unwrap()["attempts"]["unknown"];
    assert_eq!(
        unknown.as_u64(),
        Some(4_000),
        "those that were not waited for"
    );
    run.assert_honest();
    run.assert_nobody_accused();
}

#[test]
fn pipelined_requests() {
    let one = format!(
        "GET /x HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "x".repeat(1_300)
    );
    fill_the_budget(1_500, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        for _ in 0..16 {
            peers.send(flood, 0, one.as_bytes());
        }
    });
}

/// Frames of connections that were joined in the middle and never show where a frame begins.
#[test]
fn places_where_frames_may_begin() {
    let small = b"\x81\x81\x01\x02\x03\x04x".repeat(31);
    let frames = [&small[..], b"\x82\xfe\xff\xff1234"].concat();
    fill_the_budget(4_000, |flood, n| {
        flood.segment([hostile(n), SERVER], 0x18, [1, 1], &frames);
    });
}

/// What nobody changed: two thousand connections that hold 64 KiB each.
#[test]
fn the_defaults() {
    let dir = capture(2_000, held);
    let default = Limits::default().buffered_bytes_total;
    let limits = [("buffered_bytes_total", default)];
    let run = run_bound(&dir, &limits, bound(2_000, default));
    assert!(run.limits_reached()["buffered_bytes_total"] > 0);
    run.assert_honest();
    run.assert_nobody_accused();
}
