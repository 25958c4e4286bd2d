//! Strangers that are all alike in what else tells which legs, tries and views are of one attempt: each is asked about the
//! others, and nobody may have thousands of legs.

use super::stream::Streamed;
use super::{Run, SERVER, SWITCH, bound, hostile};
use crate::support::flood::{Flood, Peers};

/// Nobody tells a longer story in one line.
const LINE: usize = 300_000;

/// What an attempt that waits costs on both sides of the channel, in bytes.
const WAITING: u64 = 6_000;

fn ask(key: &str, more: &str) -> Vec<u8> {
    format!(
        "GET /ws HTTP/1.1\r\nHost: hostile.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
    )
    .into_bytes()
}

/// One that no document prints.
const KEY: &str = "QUFBQUFBQUFBQUFBQUFBQQ==";

const REFUSED: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";

/// A key of one's own.
fn key(n: u32) -> String {
    data_encoding::BASE64.encode(&(u128::from(n) << 64 | 1).to_be_bytes())
}

fn run(count: u32, attack: impl FnMut(&mut Flood, u32)) -> Run {
    let run = Streamed {
        options: &[],
        bound: bound(0, 0) + u64::from(count) * WAITING,
    }
    .run(count, attack);
    let longest = run.lines.iter().map(|line| line.to_string().len()).max();
    assert!(longest.unwrap() < LINE, "a line of {longest:?} bytes");
    run.assert_no_hop_is_named();
    run
}

/// The same client, on the `n`th of its ports.
const fn port(n: u32) -> (u32, u16) {
    (0x0b00_0001, 1_024 + (n % 60_000) as u16)
}

fn first_frames_of(count: u32) {
    let frames = b"\x81\x85\x01\x02\x03\x04hello".repeat(12);
    run(count, |flood, n| {
        flood.segment([hostile(n), SERVER], 0x18, [n << 8, 1], &frames);
    });
    run(count, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        peers.send(flood, 0, &ask(&key(n), ""));
        peers.send(flood, 1, SWITCH);
        peers.send(flood, 0, &frames);
    });
}

#[test]
fn first_frames() {
    first_frames_of(2_000);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_first_frames() {
    first_frames_of(100_000);
}

/// From everywhere, from one address; waiting, refused, and let in.
fn one_key_of(count: u32) {
    for answer in [None, Some(REFUSED), Some(SWITCH)] {
        for from in [hostile, port] {
            run(count, |flood, n| {
                let mut peers = Peers::open(flood, from(n), SERVER);
                peers.send(flood, 0, &ask(KEY, ""));
                if let Some(answer) = answer {
                    peers.send(flood, 1, answer);
                }
            });
        }
    }
}

#[test]
fn one_key() {
    one_key_of(2_000);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_one_key() {
    one_key_of(60_000);
}

fn one_request_id_of(count: u32) {
    run(count, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        let id = "X-Request-ID: 7f3c2a\r\nX-Forwarded-For: 192.0.2.1\r\n";
        peers.send(flood, 0, &ask(&key(n), id));
    });
}

#[test]
fn one_request_id() {
    one_request_id_of(2_000);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_one_request_id() {
    one_request_id_of(100_000);
}

/// A client that is asked who it is, says so, and is asked again.
fn tries_of(count: u32) {
    let again = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n";
    for known in [true, false] {
        run(count, |flood, n| {
            let mut peers = Peers::open(flood, port(n), SERVER);
            let key = if known { KEY.to_owned() } else { key(n) };
            peers.send(flood, 0, &ask(&key, "Authorization: Basic eDp5\r\n"));
            // At last it is told that this is not enough.
            let last = n + 1 == count;
            peers.send(flood, 1, if last { REFUSED } else { again });
            peers.close(flood);
        });
    }
}

#[test]
fn tries() {
    tries_of(2_000);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_tries() {
    tries_of(60_000);
}
