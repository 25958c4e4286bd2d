//! What two ends say to each other, in words that are often HTTP.

use wscap::attempt::{Assembler, Output};
use wscap::dissect::Dissector;
use wscap::judge::{self, Catalogue};
use wscap::limits::Limits;

use super::link::{Packet, Talk};
use super::{Choices, limits};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// What is often said, so that it need not be found letter by letter.
const WORDS: &[&str] = &[
    "GET /ws HTTP/1.1\r\n",
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.0\r\n",
    "POST http://u:p@h/p?q=1#f HTTP/1.1\r\n",
    "CONNECT example.com:443 HTTP/1.1\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 204 No\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early\r\n\r\n",
    "HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"x\"\r\n",
    "HTTP/1.1 403 Forbidden\r\n",
    "HTTP/1.1 426 Upgrade Required\r\n",
    "HTTP/1.0 502 Bad Gateway\r\n",
    "Upgrade: websocket\r\n",
    "Upgrade: h2c\r\n",
    "Connection: Upgrade\r\n",
    "Connection: keep-alive, Upgrade, HTTP2-Settings\r\n",
    "Connection: close\r\n",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n",
    "Sec-WebSocket-Version: 13\r\n",
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
    "Sec-WebSocket-Protocol: chat, superchat\r\n",
    "Sec-WebSocket-Protocol: chat\r\n",
    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=15; x=\"a\\\"b\"\r\n",
    "Host: example.com\r\n",
    "Origin: https://example.com\r\n",
    "Via: 1.1 proxy\r\n",
    "X-Forwarded-For: 192.0.2.1, [2001:db8::1]:80\r\n",
    "Forwarded: for=\"[2001:db8::1]\";proto=https\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 18446744073709551615\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Content-Encoding: gzip\r\n",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "fffffffffffffff0\r\n",
    "1;a=\"b\r\n\"\r\nx\r\n",
    "0\r\nX: trailer\r\n\r\n",
    "X: folded\r\n more\r\n",
    "X : odd\r\n",
    "\r\n",
    "\n",
    "\r",
    ": \r\n",
    "hello",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01\0\x50\0\x50",
    "\x16\x03\x01\0\x05\x01\0\0\x01\x03",
    "+OK\r\n",
];

/// A conversation. A handshake is judged the same whether its bytes, and what stands behind it, come in the pieces they were
/// said in or one by one.
pub(crate) fn http(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let tight = usize::from(choices.byte());
    let limits = limits(tight);
    let mut said: Vec<(usize, Vec<u8>)> = Vec::new();
    let mut whole = true;
    let mut talks = [Talk::open([1_000, 5_000]), Talk::open([1_000, 5_000])];
    if tight & 0x80 != 0 {
        for (who, words) in [(0, request()), (1, switch())] {
            said.push((who, words.into_bytes()));
        }
    }
    while !choices.is_over() {
        let what = choices.byte();
        let who = usize::from(what & 1);
        match what >> 1 & 7 {
            0 => {
                let len = choices.byte().into();
                said.push((who, choices.take(len).to_vec()));
            }
            1 => {
                said.push((who, Vec::new()));
                let len = 1 + u32::from(choices.byte()) * 20;
                whole = false;
                speak(&mut talks, &mut said);
                for talk in &mut talks {
                    talk.lose(who, len);
                }
            }
            2 => {
                speak(&mut talks, &mut said);
                let wait = 1 + u64::from(choices.byte()) * 40_000;
                for talk in &mut talks {
                    talk.micros += wait;
                }
            }
            3 if what >> 4 == 15 => {
                speak(&mut talks, &mut said);
                for talk in &mut talks {
                    talk.end(who);
                }
            }
            _ => {
                let word = WORDS[usize::from(choices.byte()) % WORDS.len()];
                // Most heads come in one piece.
                match said.last_mut() {
                    Some((last, words)) if *last == who && what >> 4 != 0 => {
                        words.extend(word.as_bytes());
                    }
                    _ => said.push((who, word.as_bytes().to_vec())),
                }
            }
        }
    }
    speak(&mut talks, &mut said);
    let [at_once, one_by_one] = talks.map(|talk| heard(&talk.packets, &limits));
    // What a loss takes, or what is no HTTP, is taken up again where a segment begins; what is too large for a limit depends
    // on when it is seen. The handshake at the beginning is neither.
    if whole && tight & 0x80 != 0 && limits == Limits::default() {
        assert_eq!(at_once.first(), one_by_one.first());
    }
}

/// The first says it at once, the second byte by byte.
fn speak([at_once, one_by_one]: &mut [Talk; 2], said: &mut Vec<(usize, Vec<u8>)>) {
    for (who, words) in said.drain(..) {
        at_once.say(who, &words);
        let done = at_once.micros.max(one_by_one.micros + words.len() as u64);
        for byte in words {
            one_by_one.say(who, &[byte]);
            one_by_one.micros -= 99;
        }
        // Time goes on alike in both.
        at_once.micros = done;
        one_by_one.micros = done;
    }
}

fn request() -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

fn switch() -> String {
    "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        .into()
}

/// What is judged of it.
fn heard(packets: &[Packet], limits: &Limits) -> Vec<String> {
    let mut dissector = Dissector::new(limits, false);
    let mut assembler = Assembler::new(limits);
    let (mut events, mut outputs) = (Vec::new(), Vec::new());
    for (packet, frame) in packets.iter().zip(1..) {
        dissector.push(&packet.record(frame), &mut events);
        let budget = dissector.budget();
        assert!(budget.used() <= budget.limit());
        for event in events.drain(..) {
            assembler.push(event, &mut outputs);
        }
    }
    dissector.finish(&mut events);
    assert_eq!(dissector.budget().used(), 0);
    for event in events.drain(..) {
        assembler.push(event, &mut outputs);
    }
    assembler.finish(&mut outputs);
    let told = outputs.iter().filter_map(|output| match output {
        Output::Attempt(attempt) => {
            let judgement = judge::attempt(attempt, Catalogue::embedded());
            let findings = judgement.findings.iter().map(|finding| finding.id);
            Some(format!(
                "{:?} {:?} {:?}",
                judgement.verdict,
                judgement.severity,
                findings.collect::<Vec<_>>()
            ))
        }
        Output::Closing(closing) => {
            let judgement = judge::closing(closing, Catalogue::embedded());
            let findings = judgement.findings.iter().map(|finding| finding.id);
            Some(format!(
                "{:?} {:?} {:?} {:?}",
                judgement.kind,
                judgement.wire_code,
                judgement.by,
                findings.collect::<Vec<_>>()
            ))
        }
        _ => None,
    });
    told.collect()
}
