//! Times that step, jump and lie.

use std::time::Duration;

use serde_json::Value;
use wscap::limits::Limits;
use wscap::websocket::accept_for;

use crate::cli::{Dir, code, piped, read, stderr, stdout};
use crate::fuzzed::targets::whole::Scratch;
use crate::support::conversation::Conversation;
use crate::support::files::{self, Packet};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;

/// One client after the other is let in, says hello and leaves; each answer takes a fifth of a second.
pub(super) fn opened(count: u16) -> Vec<Packet> {
    let mut packets: Vec<Packet> = (0..count).flat_map(one).collect();
    packets.sort();
    packets
}

fn one(n: u16) -> Vec<Packet> {
    let key = data_encoding::BASE64.encode(&u128::from(n).to_be_bytes());
    let start = wscap::time::Timestamp::from_secs(1_700_000_000, 0);
    let start = start.after(Duration::from_millis(u64::from(n) * 100));
    Conversation::new()
        .endpoints(&format!("10.1.0.2:{}", 40_000 + n), "10.1.0.1:80")
        .start(start)
        .pace(Duration::from_millis(50))
        .client(format!(
            "GET /ws HTTP/1.1\r\nHost: app.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ))
        .server(format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            accept_for(&key)
        ))
        .client([0x81, 0x82, 0, 0, 0, 0, b'h', b'i'])
        .client([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])
        .server([0x88, 0x02, 0x03, 0xe8])
        .close()
        .records()
        .into_iter()
        .map(|record| (u64::try_from(record.at.ts.as_nanos()).unwrap(), record.data))
        .collect()
}

/// What is said of a capture with these packets: verdicts, closings, and on standard error.
fn said(packets: &[Packet]) -> (Vec<String>, Vec<String>, String) {
    let dir = Dir::new();
    let bytes = files::pcap(1, packets);
    let output = read(&dir.file("c.pcap", &bytes), &["--json"]);
    assert_eq!(code(&output), 0);
    // Whether it has to be waited for makes no difference.
    assert_eq!(piped(&bytes, &["--json"]).stdout, output.stdout);
    let text = stdout(&output);
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let of = |kind: &str, key: &str| {
        let lines = lines.iter().filter(|line| line["type"] == kind);
        lines
            .map(|line| line[key].as_str().unwrap().to_owned())
            .collect()
    };
    (
        of("attempt", "verdict"),
        of("closing", "kind"),
        stderr(&output),
    )
}

/// How a clock is wrong, which times it makes of the right ones, and what is said of it.
type Wrong = (&'static str, fn(usize, u64) -> u64, &'static str);

const CLIENTS: u16 = 40;
const MIDDLE: usize = 300;

const WRONG: &[Wrong] = &[
    ("right", |_, at| at, ""),
    (
        "set back by an hour",
        |n, at| before(n, at, at - HOUR),
        "3600 s too early",
    ),
    (
        "set back by 2 s",
        |n, at| before(n, at, at - 2 * SECOND),
        "s too early",
    ),
    (
        "set back by 300 ms",
        |n, at| before(n, at, at - SECOND * 3 / 10),
        "s too early",
    ),
    (
        "set forward by an hour",
        |n, at| before(n, at, at + HOUR),
        "",
    ),
    (
        "not there in places",
        |n, at| if n % 97 == 50 { 0 } else { at },
        "s too early",
    ),
    (
        "not there for a while",
        |n, at| if n % 97 / 3 == 10 { 0 } else { at },
        "s too early",
    ),
    ("not there at all", |_, _| 0, ""),
    (
        "in the far future once",
        |n, at| if n == MIDDLE { LAST } else { at },
        "s too late",
    ),
    (
        "in the far future at the end",
        |n, at| if n == 679 { LAST } else { at },
        "",
    ),
    (
        "running backwards",
        |n, _| START - n as u64 * SECOND,
        "s too early",
    ),
    (
        "one of two that differ",
        |n, at| if n % 2 == 0 { at } else { at - 400 * SECOND },
        "s too early",
    ),
];

const START: u64 = 1_700_000_000 * SECOND;
const LAST: u64 = u32::MAX as u64 * SECOND;

const fn before(n: usize, at: u64, then: u64) -> u64 {
    if n < MIDDLE { at } else { then }
}

#[test]
fn a_clock_that_is_wrong_accuses_nobody() {
    let whole = opened(CLIENTS);
    assert_eq!(whole.len(), 680);
    for (name, change, told) in WRONG {
        let packets = whole.iter().enumerate();
        let packets = packets.map(|(n, (at, data))| (change(n, *at), data.clone()));
        let (verdicts, kinds, stderr) = said(&packets.collect::<Vec<_>>());
        // Nothing tells a silence of an hour from a clock that was set forward.
        if !name.contains("forward") {
            assert_eq!(verdicts, vec!["ok"; CLIENTS.into()], "{name}: {stderr}");
            assert_eq!(kinds, vec!["normal"; CLIENTS.into()], "{name}: {stderr}");
        }
        assert_eq!(stderr.is_empty(), told.is_empty(), "{name}: {stderr}");
        assert!(
            stderr.contains(told) && stderr.lines().count() <= 1,
            "{name}: {stderr}"
        );
    }
}

/// What waits for a span that ends behind the last of all times is not waited for over and over.
#[test]
fn at_the_end_of_time_it_ends_too() {
    let end = u64::try_from(i64::MAX).unwrap();
    let mut packets = opened(1);
    let said = packets[3].clone();
    packets.truncate(4);
    // Bytes that are sent again and again, until there is no time left.
    packets.extend((0..12).map(|_| said.clone()));
    let last = packets.len() as u64;
    for (n, packet) in (0..).zip(&mut packets) {
        let left = SECOND / 2 * (last - n);
        packet.0 = if n + 1 == last { end } else { end - left };
    }
    let packets: Vec<_> = packets.into_iter().map(|packet| (0, packet)).collect();
    let bytes = files::pcapng(&[1], &packets);
    let told = Scratch::new().through(&bytes, &Limits::default());
    assert_eq!(told.unwrap().packets, last);
}
