//! So many of something that no table can hold them: connections, keys, names.

use std::collections::BTreeSet;

use serde_json::Value;
use wscap::limits::Limits;

use super::stream::Streamed;
use super::{SERVER, SWITCH, bound, hostile};
use crate::support::flood::Peers;

const REFUSED: &[u8] = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";

/// What an attempt that may still be followed by another costs, in bytes; all of them together are bounded.
const UNDECIDED: u64 = 6_000;

/// What a name costs at most in all the tables that count by it, in bytes.
const LABEL: u64 = 4_000;

fn asks(host: &str, path: &str, key: &str, origin: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nOrigin: {origin}\r\n\r\n"
    )
    .into_bytes()
}

/// The most memory for so many that are refused one after the other: some connections at a time, and those of five seconds
/// that are not decided yet.
fn refused(count: u32) -> u64 {
    let limits = Limits::default();
    let undecided = (u64::from(count) * UNDECIDED).min(limits.undecided_bytes);
    bound(6_000, limits.buffered_bytes_total + undecided)
}

/// A key that nobody else has.
fn key(n: u32) -> String {
    let mixed = (u128::from(n) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    data_encoding::BASE64.encode(&mixed.to_be_bytes())
}

/// Connections that stop within a head and stay.
fn connections_of(count: u32) {
    let limits = Limits::default();
    let run = Streamed {
        options: &[],
        bound: bound(count.into(), limits.buffered_bytes_total),
    }
    .run(count, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        peers.send(flood, 0, b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgr");
    });
    let summary = run.lines.last().unwrap();
    assert_eq!(summary["health"]["evictions"], 0, "there is room for all");
}

#[test]
fn connections_that_stay() {
    connections_of(20_000);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_connections_that_stay() {
    connections_of(1_000_000);
}

/// Upgrades with a key each: refused, or let in with an answer to another key.
fn keys_of(count: u32) {
    let run = Streamed {
        options: &[],
        bound: refused(count),
    }
    .run(count, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        peers.send(
            flood,
            0,
            &asks("hostile.example", "/ws", &key(n), "https://x"),
        );
        let answer = if n % 2 == 0 { REFUSED } else { SWITCH };
        peers.send(flood, 1, answer);
        peers.close(flood);
    });
    let attempts = &run.lines.last().unwrap()["attempts"];
    assert_eq!(attempts["ok"], 3, "{attempts}");
    assert_eq!(
        attempts["rejected"], count,
        "each is judged by itself: {attempts}"
    );
}

#[test]
fn random_keys() {
    keys_of(10_000);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_random_keys() {
    keys_of(1_000_000);
}

/// Refusals of hosts, paths and origins that come once each.
fn names_of(count: u32) {
    let limits = Limits::default();
    let most = limits.tally_hosts + limits.tally_routes + limits.groups;
    let run = Streamed {
        options: &[],
        bound: refused(count) + most * LABEL,
    }
    .run(count, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        let (host, path) = (
            format!("h{n}.example"),
            format!("/p{}x/{}", name(n), name(n ^ 1)),
        );
        let origin = format!("https://o{n}.example");
        peers.send(flood, 0, &asks(&host, &path, &key(n), &origin));
        peers.send(flood, 1, REFUSED);
        peers.close(flood);
    });
    assert_eq!(run.lines.last().unwrap()["attempts"]["rejected"], count);
    for (kind, limit, name) in [
        ("group", limits.groups, "groups"),
        ("route", limits.tally_routes, "tally_routes"),
    ] {
        let lines = run.of_type(kind).count() as u64;
        let all: u64 = run.of_type(kind).map(members).sum();
        assert!(lines <= limit + 1, "{lines} lines of {kind}");
        assert!(all >= count.into(), "all are in one: {all}");
        let reached = run.limits_reached().get(name).copied();
        assert_eq!(reached.is_some(), u64::from(count) > limit, "{name}");
    }
    let hosts: BTreeSet<_> = run
        .of_type("route")
        .map(|route| route["host"].to_string())
        .collect();
    assert!(
        hosts.len() as u64 <= limits.tally_hosts + 1,
        "{}",
        hosts.len()
    );
}

/// A word that no template takes for a number.
fn name(n: u32) -> String {
    let letters =
        (0..6).map(|at| char::from(b'a' + u8::try_from(n / 26_u32.pow(at) % 26).unwrap()));
    letters.collect()
}

fn members(line: &Value) -> u64 {
    if line["type"] == "group" {
        return line["count"].as_u64().unwrap();
    }
    let verdicts = line["attempts"].as_object().unwrap();
    verdicts.values().map(|n| n.as_u64().unwrap()).sum()
}

#[test]
fn names_that_come_once() {
    names_of(12_000);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_names_that_come_once() {
    names_of(1_000_000);
}
