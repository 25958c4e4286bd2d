//! WebSockets that were opened in order to do harm: frames without end, by number or by what they claim.

use wscap::limits::Limits;

use super::stream::Streamed;
use super::{Run, SERVER, SWITCH, bound, hostile, request};
use crate::support::flood::{Flood, Peers};

/// What an open WebSocket costs at most on both sides of the channel, in bytes. docs/performance.md has measured it.
const OPEN: u64 = 3_200;

/// A hostile client that was let in.
fn opened(flood: &mut Flood, n: u32) -> Peers {
    let mut peers = Peers::open(flood, hostile(n), SERVER);
    let ask = String::from_utf8(request("/frames")).unwrap();
    peers.send(flood, 0, ask.replace("honest", "hostile").as_bytes());
    peers.send(flood, 1, SWITCH);
    peers
}

fn flood(connections: u64) -> Streamed<'static> {
    Streamed {
        options: &[],
        bound: bound(0, Limits::default().held_bytes) + connections * OPEN,
    }
}

/// One segment after the other on one connection.
fn on_one_connection(segments: u32, who: usize, say: &[u8]) -> Run {
    let mut peers = None;
    flood(10).run(segments, |flood, n| {
        let peers = peers.get_or_insert_with(|| opened(flood, n));
        peers.send(flood, who, say);
    })
}

/// What is said of the hostile connection, of which there is one.
fn hostile_closing(run: &Run) -> &serde_json::Value {
    let attempt = run
        .of_type("attempt")
        .find(|attempt| attempt["host"] == "hostile.example")
        .unwrap();
    assert_eq!(attempt["verdict"], "ok", "{attempt}");
    run.of_type("closing")
        .find(|closing| closing["attempt"] == attempt["id"])
        .unwrap()
}

/// Headers of frames that promise 2^63 bytes and more, each on a connection of its own; a little of it comes.
fn claims_of(count: u32) {
    let run = flood(count.into()).run(count, |flood, n| {
        let mut peers = opened(flood, n);
        let claim = [1 << 63, u64::MAX, u64::MAX >> 1, 1 << 32][n as usize % 4];
        let frame = [&[0x82, 0x7f][..], &claim.to_be_bytes(), &[0; 1_000]].concat();
        peers.send(flood, 1, &frame);
        let frame = [&[0x82, 0xff][..], &claim.to_be_bytes(), &[0; 1_000]].concat();
        peers.send(flood, 0, &frame);
        peers.send(flood, 1, &[0; 1_400]);
    });
    let summary = run.lines.last().unwrap();
    assert_eq!(summary["attempts"]["ok"], count + 3);
    let open = summary["closings"]["open"].as_u64();
    assert_eq!(open, Some(count.into()), "silence ends nothing: {summary}");
}

#[test]
fn headers_that_claim_more_than_there_is() {
    claims_of(3_000);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_headers_that_claim_more_than_there_is() {
    claims_of(200_000);
}

/// Frames of no byte: data, and pings that nobody answers.
fn tiny_of(segments: u32) {
    for (who, frame, counted) in [
        (1, &[0x82, 0x00][..], "binary"),
        (0, &[0x81, 0x80, 0, 0, 0, 0], "text"),
        (1, &[0x89, 0x00], "ping"),
        (0, &[0x8a, 0x80, 0, 0, 0, 0], "pong"),
        (1, &[0x00, 0x00], "continuation"),
    ] {
        let each = 1_200 / frame.len();
        let run = on_one_connection(segments, who, &frame.repeat(each));
        let side = ["client", "server"][who];
        let frames = &hostile_closing(&run)["legs"][0]["frames"][side];
        let all = u64::from(segments) * each as u64;
        assert_eq!(frames[counted].as_u64(), Some(all), "{counted}: {frames}");
    }
}

#[test]
fn tiny_frames() {
    tiny_of(300);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_tiny_frames() {
    tiny_of(20_000);
}

/// One Close after the other, by both sides; and others that are broken.
fn closes_of(segments: u32) {
    for (who, frame) in [
        (1, &[0x88, 0x02, 0x03, 0xe8][..]),
        (0, &[0x88, 0x82, 0, 0, 0, 0, 0x0f, 0xa1]),
        (1, &[0x88, 0x01, 0x03]),
        (1, &[0x88, 0x04, 0x03, 0xe8, 0xff, 0xfe]),
    ] {
        let each = 1_200 / frame.len();
        let run = on_one_connection(segments, who, &frame.repeat(each));
        let closing = hostile_closing(&run);
        let side = ["client", "server"][who];
        assert_eq!(closing["by"], side, "{closing}");
        let closes = closing["legs"][0]["frames"][side]["close"].as_u64();
        assert!(closes.is_some_and(|closes| closes > 0), "{closing}");
    }
}

#[test]
fn closes() {
    closes_of(300);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_closes() {
    closes_of(20_000);
}
