//! What never ends: one head, one content, one line of a chunk, fields and more fields, fragments over fragments.

use wscap::limits::Limits;

use super::stream::Streamed;
use super::{MIB, SERVER, bound, hostile, request};
use crate::support::flood::{Flood, Fragment, Peers};

const SEGMENT: usize = 1_400;
/// Segments in a mebibyte.
const A_MEBIBYTE: u32 = 749;

/// One client, or a server, sends the same over and over; each step is a segment.
fn on_one_connection(
    segments: u32,
    begin: impl Fn(&mut Flood, &mut Peers),
    who: usize,
    say: &[u8],
) -> super::Run {
    let mut peers = None;
    let run = Streamed {
        options: &[],
        bound: bound(10, Limits::default().head_bytes * 4),
    };
    run.run(segments, |flood, n| {
        let peers = peers.get_or_insert_with(|| {
            let mut peers = Peers::open(flood, hostile(n), SERVER);
            begin(flood, &mut peers);
            peers
        });
        peers.send(flood, who, say);
    })
}

/// A head of so many mebibytes.
fn head_of(mebibytes: u32) {
    let ask = |flood: &mut Flood, peers: &mut Peers| {
        peers.send(
            flood,
            0,
            b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nX: ",
        );
    };
    let run = on_one_connection(mebibytes * A_MEBIBYTE, ask, 0, &[b'x'; SEGMENT]);
    assert_eq!(run.limits_reached()["head_bytes"], 1, "it is given up once");
    let answer = |flood: &mut Flood, peers: &mut Peers| {
        let ask = String::from_utf8(request("/big")).unwrap();
        peers.send(flood, 0, ask.replace("honest", "hostile").as_bytes());
        peers.send(flood, 1, b"HTTP/1.1 101 Switching Protocols\r\nX: ");
    };
    let run = on_one_connection(mebibytes * A_MEBIBYTE, answer, 1, &[b'x'; SEGMENT]);
    assert_eq!(run.limits_reached()["head_bytes"], 1, "it is given up once");
    run.assert_nobody_accused();
}

#[test]
fn one_head() {
    head_of(4);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_one_head() {
    head_of(100);
}

/// Contents in chunks that go on and on: tiny ones, one whose line never ends, one that is larger than any.
fn chunks_of(mebibytes: u32) {
    let tiny = b"1\r\nx\r\n".repeat(SEGMENT / 6);
    let ask = |flood: &mut Flood, peers: &mut Peers| {
        let head = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        peers.send(flood, 0, head);
    };
    let answer = |flood: &mut Flood, peers: &mut Peers| {
        peers.send(flood, 0, b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
        let head = b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n";
        peers.send(flood, 1, head);
    };
    let endless = |flood: &mut Flood, peers: &mut Peers| {
        answer(flood, peers);
        peers.send(flood, 1, b"5;");
    };
    let huge = |flood: &mut Flood, peers: &mut Peers| {
        answer(flood, peers);
        peers.send(flood, 1, b"fffffffffffffff\r\n");
    };
    let trailer = |flood: &mut Flood, peers: &mut Peers| {
        answer(flood, peers);
        peers.send(flood, 1, b"0\r\n");
    };
    let segments = mebibytes * A_MEBIBYTE;
    for run in [
        on_one_connection(segments, ask, 0, &tiny),
        on_one_connection(segments, answer, 1, &tiny),
        on_one_connection(segments, endless, 1, &[b'x'; SEGMENT]),
        on_one_connection(segments, huge, 1, &tiny),
        on_one_connection(segments, trailer, 1, &b"X: y\r\n".repeat(SEGMENT / 6)),
    ] {
        assert!(!run.limits_reached().contains_key("buffered_bytes_total"));
    }
}

#[test]
fn chunks() {
    chunks_of(2);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_chunks() {
    chunks_of(100);
}

/// Upgrades with as many fields as there is room for, and with more.
fn fields_of(count: u32) {
    let limits = Limits::default();
    let ask = String::from_utf8(request("/bomb")).unwrap();
    let ask = ask.replace("honest", "hostile").trim_end().to_owned();
    let fields = |many: usize| format!("{ask}\r\n{}\r\n", "a:b\r\n".repeat(many)).into_bytes();
    let large = format!(
        "{ask}\r\n{}\r\n",
        format!("a:{}\r\n", "b".repeat(250)).repeat(120)
    );
    let heads = [fields(6_000), fields(100), large.into_bytes()];
    let run = Streamed {
        options: &[],
        bound: bound(count.into(), limits.buffered_bytes_total) + u64::from(count) * 34 * 1024,
    }
    .run(count, |flood, n| {
        let mut peers = Peers::open(flood, hostile(n), SERVER);
        for part in heads[n as usize % 3].chunks(SEGMENT) {
            peers.send(flood, 0, part);
        }
        peers.send(
            flood,
            1,
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        );
        peers.close(flood);
    });
    assert_eq!(
        run.limits_reached()["header_fields"],
        u64::from(count.div_ceil(3))
    );
    let judged = &run.lines.last().unwrap()["attempts"]["rejected"];
    assert_eq!(judged.as_u64(), Some((count - count.div_ceil(3)).into()));
}

#[test]
fn fields() {
    fields_of(300);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_fields() {
    fields_of(20_000);
}

/// Datagrams of which each fragment lies upon others, from the last to the first.
fn overlaps_of(count: u32) {
    let run = Streamed {
        options: &["--limit", "buffered_bytes_total=2097152"],
        bound: bound(0, 2 * MIB),
    }
    .run(count, |flood, n| {
        for step in (0..300_u16).rev() {
            let part = Fragment {
                id: u16::try_from(n % 60_000).unwrap(),
                offset: step * 3,
                more: true,
            };
            let len = 8 * (1 + usize::from(step % 7));
            flood.datagram([hostile(n).0, SERVER.0], part, &[0; 64][..len]);
        }
    });
    let reached = run.limits_reached();
    assert!(reached["fragments_per_datagram"] > 0, "{reached:?}");
}

#[test]
fn fragments_that_overlap() {
    overlaps_of(100);
}

#[test]
#[ignore = "takes minutes: see docs/reliability.md"]
fn full_fragments_that_overlap() {
    overlaps_of(10_000);
}
