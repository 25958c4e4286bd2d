//! Capture files of a few packets, made in memory and written by hand: the readers must not be tested with themselves.

use etherparse::PacketBuilder;

/// A packet with its time in nanoseconds.
pub(crate) type Packet = (u64, Vec<u8>);

const START: u64 = 1_767_323_045_000_000_000;
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// One TCP connection over which a client asks for a WebSocket and gets `answer`.
pub(crate) fn handshake(answer: &str, client_port: u16) -> Vec<Packet> {
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    let (mut out, mut at) = (Vec::new(), START);
    // No two connections begin with the same numbers.
    let first = u32::from(client_port) * 1000;
    let mut seq = [first, first + 5000];
    let mut send = |server: bool, flags: &str, payload: &[u8]| {
        let (from, to) = ([10, 0, 0, 1], [10, 0, 0, 2]);
        let (from, to, source, dest) = if server {
            (to, from, 80, client_port)
        } else {
            (from, to, client_port, 80)
        };
        let side = usize::from(server);
        let (mine, theirs) = (seq[side], seq[1 - side]);
        let mut tcp = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ipv4(from, to, 64)
            .tcp(source, dest, mine, 64_000);
        if flags.contains('S') {
            tcp = tcp.syn();
        }
        if flags.contains('F') {
            tcp = tcp.fin();
        }
        if flags.contains('A') {
            tcp = tcp.ack(theirs);
        }
        let mut bytes = Vec::new();
        tcp.write(&mut bytes, payload).unwrap();
        seq[side] += u32::try_from(payload.len()).unwrap();
        seq[side] += u32::from(flags.contains(['S', 'F']));
        at += 1_000_000;
        out.push((at, bytes));
    };
    send(false, "S", b"");
    send(true, "SA", b"");
    send(false, "A", b"");
    send(false, "A", request.as_bytes());
    send(true, "A", answer.as_bytes());
    send(false, "FA", b"");
    send(true, "FA", b"");
    send(false, "A", b"");
    out
}

/// A handshake that opens.
pub(crate) fn opened() -> Vec<Packet> {
    handshake(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        40_000,
    )
}

/// A handshake that is refused.
pub(crate) fn refused() -> Vec<Packet> {
    handshake(
        "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        40_001,
    )
}

/// A pcap file with nanoseconds.
pub(crate) fn pcap(link: u32, packets: &[Packet]) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0xa1b2_3c4d, 0x0004_0002, 0, 0, 262_144, link] {
        out.extend(u32::to_le_bytes(word));
    }
    for (at, bytes) in packets {
        let len = u32::try_from(bytes.len()).unwrap();
        let [secs, nanos] = [at / 1_000_000_000, at % 1_000_000_000];
        for word in [secs, nanos].map(|n| u32::try_from(n).unwrap()) {
            out.extend(word.to_le_bytes());
        }
        out.extend(len.to_le_bytes());
        out.extend(len.to_le_bytes());
        out.extend(bytes);
    }
    out
}

/// A pcapng file of one section; each packet names one of the interfaces, which are link types.
pub(crate) fn pcapng(links: &[u16], packets: &[(u32, Packet)]) -> Vec<u8> {
    let section = [
        &0x1a2b_3c4d_u32.to_le_bytes()[..],
        &[1, 0, 0, 0],
        &[0xff; 8],
    ]
    .concat();
    let mut out = block(0x0a0d_0d0a, &section);
    for link in links {
        let mut body = link.to_le_bytes().to_vec();
        body.extend([0, 0, 0, 0, 0, 0]);
        // if_tsresol: nanoseconds.
        body.extend([9, 0, 1, 0, 9, 0, 0, 0]);
        out.extend(block(1, &body));
    }
    for (iface, (at, bytes)) in packets {
        let len = u32::try_from(bytes.len()).unwrap();
        let [high, low] = [at >> 32, at & 0xffff_ffff].map(|half| u32::try_from(half).unwrap());
        let mut body = [*iface, high, low, len, len].map(u32::to_le_bytes).concat();
        body.extend(bytes);
        out.extend(block(6, &body));
    }
    out
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let padded = body.len().next_multiple_of(4);
    let total = u32::try_from(padded + 12).unwrap().to_le_bytes();
    let mut out = [kind.to_le_bytes(), total].concat();
    out.extend(body);
    out.resize(padded + 8, 0);
    out.extend(total);
    out
}
