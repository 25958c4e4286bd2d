//! How what was said is changed into what a stranger might say: heads, contents, frames.

use super::change::Chance;

/// Lines and parts of lines that mean something somewhere.
const WORDS: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\0",
    b": ",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 502 Bad Gateway\r\n\r\n",
    b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: //evil.example/\x1b[2J\r\n\r\n",
    b"HTTP/1.1 99999 x\r\n\r\n",
    b"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /socket.io/?EIO=4&transport=websocket&sid=abc HTTP/1.1\r\n\r\n",
    b"CONNECT [2001:db8::1]:99999 HTTP/1.1\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 99999\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"Upgrade: websocket\r\n",
    b"Upgrade: websocket, h2c, websocket\r\n",
    b"Connection: Upgrade\r\n",
    b"Connection: close\r\n",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    b"Sec-WebSocket-Key: x\r\n",
    b"Sec-WebSocket-Version: 8\r\n",
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
    b"Sec-WebSocket-Protocol: \xff\xfe, \xe2\x80\xae\r\n",
    b"Sec-WebSocket-Extensions: permessage-deflate; a=\"\\\"; b, ;;,\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: 5, 6\r\n",
    b"Content-Length: 18446744073709551616\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Expect: 100-continue\r\n",
    b"Origin: null\r\n",
    b"X-Forwarded-For: ::, \x1b]0;x\x07, 1.2.3.4:5:6\r\n",
    b"Forwarded: for=\"\\\"\";;by=_x\r\n",
    b"traceparent: 00-00000000000000000000000000000000-0000000000000000-00\r\n",
    b"ffffffffffffffff\r\n",
    b"7fffffffffffffff;x\r\n",
    b"-1\r\n",
    b"0\r\n\r\n",
    b"0\r\nTrailer: x\r\n\r\n",
    b"\x88\x80\0\0\0\0",
    b"\x88\x02\x03\xe8",
    b"\x88\x01\x03",
    b"\x88\x02\xff\xff",
    b"\x88\x7e\x00\x7e",
    b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00",
    b"\x01\x7f\x00\x00\x00\x00\x00\x00\x00\x00",
    b"\x81\xfe\x00\x01\0\0\0\0x",
    b"\x89\x00\x8a\x00\x89\x00",
    b"\x80\x00",
    b"\xc1\x00",
    b"\xff\xff",
];

/// Numbers where lengths, codes and statuses stand.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "13",
    "65535",
    "65536",
    "999",
    "1000",
    "-1",
    "4294967296",
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999999",
    "ffffffffffffffff",
    "0x10",
];

/// One to five changes of what was said.
pub(super) fn changed(chance: &mut Chance, was: &[u8], other: &[u8]) -> Vec<u8> {
    let mut is = was.to_vec();
    for _ in 0..=chance.below(5) {
        let at = chance.below(is.len() + 1);
        let end = (at + chance.below(40)).min(is.len());
        match chance.below(10) {
            0 => drop(is.drain(at..end)),
            1 => insert(&mut is, at, &was[chance.below(was.len())..]),
            2 => {
                let part = is[at..end].repeat(1 + chance.below(30));
                insert(&mut is, end, &part);
            }
            3 => number(chance, &mut is),
            4 => frame(chance, &mut is),
            5 => {
                let line = lines(&is);
                let at = *chance.of(&line);
                let word: &[u8] = chance.of::<&[u8]>(WORDS);
                insert(&mut is, at, word);
            }
            6 => {
                let line = lines(&is);
                let [one, two] = [(); 2].map(|()| *chance.of(&line));
                drop(is.drain(one.min(two)..one.max(two)));
            }
            7 => {
                let from = chance.below(other.len());
                let to = (from + chance.below(200)).min(other.len());
                insert(&mut is, at, &other[from..to]);
            }
            8 => is
                .iter_mut()
                .skip(at)
                .take(1 + end - at)
                .for_each(|byte| *byte ^= 0x20),
            _ => {
                let word: &[u8] = chance.of::<&[u8]>(WORDS);
                insert(&mut is, at, word);
            }
        }
    }
    is
}

fn insert(is: &mut Vec<u8>, at: usize, part: &[u8]) {
    is.splice(at..at, part.iter().copied().take(4_000));
}

/// Where lines begin, and the end.
fn lines(bytes: &[u8]) -> Vec<usize> {
    let behind = (1..).zip(bytes).filter(|(_, byte)| **byte == b'\n');
    let inner = behind.map(|(at, _)| at);
    [0].into_iter().chain(inner).chain([bytes.len()]).collect()
}

/// One of the numbers in it becomes another.
fn number(chance: &mut Chance, is: &mut Vec<u8>) {
    let starts: Vec<usize> = (0..is.len())
        .filter(|&at| is[at].is_ascii_digit() && (at == 0 || !is[at - 1].is_ascii_digit()))
        .collect();
    if starts.is_empty() {
        return;
    }
    let at = *chance.of(&starts);
    let len = is[at..]
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    is.splice(at..at + len, chance.of(NUMBERS).bytes());
}

/// The header at the beginning becomes another, as if these were frames.
fn frame(chance: &mut Chance, is: &mut Vec<u8>) {
    if is.len() < 2 {
        return;
    }
    match chance.below(5) {
        0 => is[0] ^= 1 << chance.below(8),
        1 => is[0] = is[0] & 0xf0 | chance.byte() & 0x0f,
        2 => is[1] ^= 0x80,
        3 => is[1] = is[1] & 0x80 | chance.byte() & 0x7f,
        _ => {
            is[1] |= 0x7f;
            let huge = [0xff_u8; 8].map(|byte| if chance.one_in(2) { byte } else { 0 });
            is.splice(2..2, huge);
        }
    }
}
