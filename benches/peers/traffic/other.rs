//! What is on the same wire and no WebSocket: HTTP, TLS, UDP.

use std::fmt::Write as _;

use super::heads::browser;
use super::wire::{ACK, CLIENT, Leg, POOL, PSH, SERVER, Wire};
use super::{MILLIS, Profile};

/// Requests and answers on a connection that is kept; the client ends it.
pub(crate) fn http(left: &mut u64, wire: &mut Wire<'_>, leg: &mut Leg) -> Option<u64> {
    if *left == 0 {
        wire.finish_leg(leg, CLIENT);
        return None;
    }
    *left -= 1;
    wire.truth.http_requests += 1;
    let rng = &mut wire.rng;
    let posted = if rng.below(8) == 0 {
        rng.range(20, 600)
    } else {
        0
    };
    let method = if posted > 0 { "POST" } else { "GET" };
    let mut request = format!(
        "{method} /api/v1/items/{}?page={} HTTP/1.1\r\nHost: app{}.example.com\r\n\
         Accept: application/json, text/plain, */*\r\n{}",
        rng.below(100_000),
        rng.below(50),
        rng.below(40),
        browser(rng),
    );
    if posted > 0 {
        let _ = write!(
            request,
            "Content-Type: application/json\r\nContent-Length: {posted}\r\n"
        );
    }
    request += "Connection: keep-alive\r\n\r\n";
    let request = [request.as_bytes(), &text(wire, posted)].concat();
    wire.stream(leg, CLIENT, &request);

    let rng = &mut wire.rng;
    let most = if wire.profile == Profile::Big {
        60_000
    } else {
        20_000
    };
    let length = if rng.below(10) > 0 {
        rng.range(80, 4000)
    } else {
        rng.range(4000, most)
    };
    let status = if rng.below(12) > 0 {
        "200 OK"
    } else {
        "404 Not Found"
    };
    let (framing, tail) = if rng.below(5) == 0 {
        (
            format!("Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n{length:x}"),
            "\r\n0\r\n\r\n",
        )
    } else {
        (
            format!("Content-Length: {length}\r\nConnection: keep-alive\r\n"),
            "",
        )
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nServer: nginx/1.25.5\r\nDate: Mon, 01 Jul 2024 10:00:00 GMT\r\n\
         Content-Type: application/json\r\n{framing}\r\n"
    );
    let answer = [head.as_bytes(), &text(wire, length), tail.as_bytes()].concat();
    wire.stream(leg, SERVER, &answer);
    Some(1 + wire.rng.span(150 * MILLIS))
}

fn text(wire: &mut Wire<'_>, len: u64) -> Vec<u8> {
    let start = wire.rng.below(POOL / 2) as usize;
    wire.pools.text[start..start + len as usize].to_vec()
}

/// A `ClientHello`, then records.
pub(crate) fn tls(
    began: &mut bool,
    left: &mut u64,
    wire: &mut Wire<'_>,
    leg: &mut Leg,
) -> Option<u64> {
    if !std::mem::replace(began, true) {
        let hello = client_hello(&noise(wire, 64));
        wire.stream(leg, CLIENT, &hello);
        return Some(leg.rtt);
    }
    if *left == 0 {
        wire.finish_leg(leg, CLIENT);
        return None;
    }
    *left -= 1;
    let most = if wire.profile == Profile::Big { 40 } else { 4 };
    let from = usize::from(wire.rng.below(4) > 0);
    let full = leg.segment_size() - 5;
    let records = wire.rng.range(1, most);
    for nth in 1..=records {
        let len = if nth < records {
            full as u64
        } else {
            wire.rng.range(60, 1200)
        };
        let mut record = vec![23, 3, 3];
        record.extend((len as u16).to_be_bytes());
        record.extend(noise(wire, len));
        wire.segment(leg, from, ACK | PSH, &record);
        if nth % 2 == 0 {
            wire.ack(leg, 1 - from);
        }
    }
    wire.ack(leg, 1 - from);
    Some(1 + wire.rng.span(80 * MILLIS))
}

/// With a session id, one cipher suite, and padding for its only extension (RFC 8446 §4.1.2, RFC 7685).
fn client_hello(random: &[u8]) -> Vec<u8> {
    const LEN: usize = 513;
    let mut hello = vec![22, 3, 1, 1, 0xfc, 1, 0, 1, 0xf8, 3, 3];
    hello.extend(&random[..32]);
    hello.push(32);
    hello.extend(&random[32..64]);
    hello.extend([0, 2, 0x13, 0x01, 1, 0]);
    let extensions = (LEN - hello.len() - 2) as u16;
    hello.extend(extensions.to_be_bytes());
    hello.extend([0, 21]);
    hello.extend((extensions - 4).to_be_bytes());
    hello.resize(LEN, 0);
    hello
}

fn noise(wire: &mut Wire<'_>, len: u64) -> Vec<u8> {
    let start = wire.rng.below(POOL - 2048) as usize;
    wire.pools.noise[start..start + len as usize].to_vec()
}

/// What looks like DNS, or like QUIC.
pub(crate) fn udp(left: &mut u64, wire: &mut Wire<'_>, leg: &mut Leg) -> Option<u64> {
    if leg.server_port() == 53 {
        let id = (wire.rng.next() as u16).to_be_bytes();
        let question = b"\x03api\x07example\x03com\0\0\x01\0\x01";
        let query = [&id[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0], question].concat();
        let address = [0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 7];
        let reply = [
            &id[..],
            &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0],
            question,
            &address,
        ]
        .concat();
        wire.datagram(leg, CLIENT, &query);
        wire.datagram(leg, SERVER, &reply);
    } else {
        for _ in 0..wire.rng.range(1, 12) {
            let len = if wire.rng.below(3) > 0 {
                1250
            } else {
                wire.rng.range(30, 200)
            };
            let mut packet = noise(wire, len);
            packet[0] = 0x40 | packet[0] & 0x3f;
            let from = usize::from(wire.rng.below(4) > 0);
            wire.datagram(leg, from, &packet);
        }
    }
    *left -= 1;
    (*left > 0).then(|| 1 + wire.rng.span(40 * MILLIS))
}
