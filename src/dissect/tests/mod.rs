//! Whole conversations through the state of one connection, fed item by item.

mod exchanges;
mod frames;
mod giving_up;
mod records;
mod starts;

use proptest::prelude::*;

use crate::dissect::connection::{self, Connection};
use crate::dissect::link::{Counts, Link};
use crate::event::{Event, Fact};
use crate::flow::{ConnId, Direction, End, Endpoint};
use crate::limits::{Budget, Limits};
use crate::stream::{Conn, Interfaces, Rank, StreamItem};
use crate::time::{Stamp, Timestamp};

pub(super) const C: Direction = Direction::ToServer;
pub(super) const S: Direction = Direction::ToClient;

pub(super) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
pub(super) const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
pub(super) const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// A connection that is told what TCP would tell it.
pub(super) struct Talk {
    pub(super) conn: Conn<Connection>,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
    pub(super) counts: Counts,
    pub(super) events: Vec<Event>,
    pub(super) now: i64,
}

impl Talk {
    pub(super) fn new() -> Self {
        let mut talk = Self::joined();
        talk.conn.syn = Some(Stamp::default());
        talk.item(StreamItem::SynAck);
        talk
    }

    /// Without a SYN.
    pub(super) fn joined() -> Self {
        let limits = Limits::default();
        Self {
            conn: Conn {
                id: ConnId(0),
                client: Endpoint::new("10.0.0.1".parse().unwrap(), 40_000),
                server: Endpoint::new("10.0.0.2".parse().unwrap(), 80),
                syn: None,
                syn_ack: None,
                tcp_stream: 0,
                seen_on: Interfaces::default(),
                redirected: None,
                behind: [None; 2],
                both_ways: true,
                rank: Rank::default(),
                state: Connection::default(),
            },
            budget: Budget::new(limits.buffered_bytes_total),
            limits,
            counts: Counts::default(),
            events: vec![],
            now: 0,
        }
    }

    pub(super) fn item(&mut self, item: StreamItem<'_>) {
        self.now += 1_000_000;
        let at = Stamp {
            ts: Timestamp::from_nanos(self.now),
            ..Stamp::default()
        };
        let mut link = Link {
            conn: &mut self.conn,
            at,
            limits: &self.limits,
            budget: &mut self.budget,
            counts: &mut self.counts,
            events: &mut self.events,
            live: false,
        };
        connection::take(&mut link, item);
        assert!(self.budget.used() <= self.budget.limit());
    }

    pub(super) fn send(&mut self, dir: Direction, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.piece(dir, bytes.as_ref(), true);
        self
    }

    pub(super) fn piece(&mut self, dir: Direction, bytes: &[u8], at_segment_start: bool) {
        self.item(StreamItem::Data {
            dir,
            offset: 0,
            bytes,
            at_segment_start,
        });
    }

    pub(super) fn gap(&mut self, dir: Direction, len: u64) -> &mut Self {
        self.item(StreamItem::Gap {
            dir,
            offset: 0,
            len,
        });
        self
    }

    pub(super) fn fin(&mut self, dir: Direction) -> &mut Self {
        self.item(StreamItem::Fin { dir });
        self
    }

    /// Ends the connection; all that was told, and nothing is held any more.
    pub(super) fn end(&mut self, how: End) -> Vec<Fact> {
        self.item(StreamItem::End(how));
        assert_eq!(self.budget.used(), 0, "all that was charged is given back");
        self.facts()
    }

    pub(super) fn facts(&self) -> Vec<Fact> {
        self.events
            .iter()
            .map(|event| match event {
                Event::Conn { fact, .. } => fact.clone(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// Facts in short, one word each.
    pub(super) fn story(&self) -> String {
        story(&self.facts())
    }
}

/// Facts in short.
pub(super) fn story(facts: &[Fact]) -> String {
    // What the first frame looks like is no part of a story; it has tests of its own.
    let told = facts
        .iter()
        .filter(|fact| !matches!(fact, Fact::FirstBytes { .. }));
    let words: Vec<String> = told.map(word).collect();
    words.join(" ")
}

fn word(fact: &Fact) -> String {
    match fact {
        Fact::FirstBytes { hash } => format!("bytes({hash:x})"),
        Fact::Failed(_, end) => format!("failed({end:?})"),
        Fact::Connected => "connected".into(),
        Fact::Request(request) => format!("request{}({})", request.exchange, request.head.target()),
        Fact::Response(response) => {
            let status = response.head.as_ref().map_or(0, |head| head.status.0);
            let accept = response.answer.accept.map(|accept| format!(",{accept:?}"));
            format!(
                "response{}({status}{})",
                response.exchange,
                accept.unwrap_or_default()
            )
        }
        Fact::Body { bytes, whole, .. } => {
            let more = if *whole { "" } else { "…" };
            format!("body({}{more})", String::from_utf8_lossy(bytes))
        }
        Fact::Polling(polling) => {
            let refused = if polling.is_refused { ",refused" } else { "" };
            format!("polling({}{refused})", polling.poll.by.name())
        }
        Fact::Plain(None) => "plain".into(),
        Fact::Plain(Some(plain)) => format!("plain({})", plain.request.head.target()),
        Fact::MidStream(_) => "midstream".into(),
        Fact::Used => "used".into(),
        Fact::Frames(frames) => {
            format!(
                "frames({},{})",
                frames.client.total(),
                frames.server.total()
            )
        }
        Fact::Close { dir, close, alone } => {
            let code = close
                .code
                .map_or_else(|| "none".into(), |code| code.to_string());
            // However it came, it is one frame.
            let frames = match (alone, dir) {
                (None, _) => "",
                (Some(_), Direction::ToServer) => "frames(1,0) ",
                (Some(_), Direction::ToClient) => "frames(0,1) ",
            };
            format!("{frames}close({},{code})", short(*dir))
        }
        Fact::Violation(violation) => {
            format!(
                "{:?}({},{})",
                violation.kind,
                short(violation.dir),
                violation.offset
            )
        }
        Fact::Gap { dir, len, over } => format!("gap({},{len},{over:?})", short(*dir)),
        Fact::Retransmitting { dir } => format!("retransmitting({})", short(*dir)),
        Fact::SeenOn { iface } => format!("seen_on({iface})"),
        Fact::OneSided => "one_sided".into(),
        Fact::Encrypted(tls) => format!("tls({})", tls.sni.as_deref().unwrap_or("-")),
        Fact::Http2 => "http2".into(),
        Fact::Fin { dir } => format!("fin({})", short(*dir)),
        Fact::Ended { how, .. } => format!("ended({how:?})"),
    }
}

fn short(dir: Direction) -> char {
    if dir == C { 'c' } else { 's' }
}

/// A frame, masked if the client sends it.
pub(super) fn frame(dir: Direction, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut wire = vec![first];
    let bit = if dir == C { 0x80 } else { 0 };
    match payload.len() {
        len @ 0..126 => wire.push(bit | u8::try_from(len).unwrap()),
        len @ 126..0x1_0000 => {
            wire.push(bit | 0x7E);
            wire.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            wire.push(bit | 0x7F);
            wire.extend((len as u64).to_be_bytes());
        }
    }
    if dir == C {
        let key = [1, 2, 3, 4];
        wire.extend(key);
        wire.extend(payload.iter().zip(key.iter().cycle()).map(|(a, b)| a ^ b));
    } else {
        wire.extend(payload);
    }
    wire
}

/// An opened WebSocket.
pub(super) fn opened() -> Talk {
    let mut talk = Talk::new();
    talk.send(C, UPGRADE).send(S, SWITCH);
    talk.events.clear();
    talk
}

/// One conversation with most of what there is.
fn long_talk() -> Vec<(Direction, Vec<u8>)> {
    vec![
        (C, b"GET /page HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()),
        (
            S,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_vec(),
        ),
        (C, UPGRADE.into()),
        (
            S,
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nnope".to_vec(),
        ),
        (C, [UPGRADE.as_bytes(), &frame(C, 0x81, b"early")].concat()),
        (
            S,
            [
                SWITCH.as_bytes(),
                &frame(S, 0x01, b"hello"),
                &frame(S, 0x89, b"p"),
            ]
            .concat(),
        ),
        (C, frame(C, 0x8a, b"p")),
        (
            S,
            [frame(S, 0x80, b"!"), frame(S, 0x88, b"\x03\xe9bye")].concat(),
        ),
        (C, frame(C, 0x88, b"\x03\xe9")),
    ]
}

#[test]
fn what_is_kept_of_a_connection_is_small() {
    use crate::dissect::exchange::Exchanges;
    use crate::dissect::socket::Socket;
    // A million connections may be open, and each open WebSocket has all of the second.
    assert!(size_of::<Connection>() <= 40, "{}", size_of::<Connection>());
    assert!(size_of::<Socket>() <= 336, "{}", size_of::<Socket>());
    assert!(size_of::<Exchanges>() <= 320, "{}", size_of::<Exchanges>());
}

#[test]
fn a_long_talk() {
    let mut talk = Talk::new();
    for (dir, bytes) in long_talk() {
        talk.send(dir, bytes);
    }
    talk.fin(S).fin(C).end(End::Fin);
    assert_eq!(
        talk.story(),
        "plain request1(/ws) response1(400) body(nope) request2(/ws) response2(101,Ok) used \
         frames(2,4) close(s,1001) frames(1,0) close(c,1001) fin(s) fin(c) ended(Fin)"
    );
    assert_eq!(talk.counts.plain, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_segmentation_tells_the_same(size in 1usize..40) {
        let mut whole = Talk::new();
        let mut pieces = Talk::new();
        for (dir, bytes) in long_talk() {
            whole.send(dir, &bytes);
            for (n, piece) in bytes.chunks(size).enumerate() {
                pieces.piece(dir, piece, n == 0);
            }
        }
        whole.end(End::Fin);
        pieces.end(End::Fin);
        prop_assert_eq!(pieces.story(), whole.story());
    }

    #[test]
    fn whatever_comes_is_no_panic(items in proptest::collection::vec(
        (any::<bool>(), 0usize..9, proptest::collection::vec(any::<u8>(), 0..40), any::<bool>()), 0..30)) {
        let talk = long_talk();
        for mut fed in [Talk::new(), Talk::joined()] {
            for (to_server, kind, noise, start) in &items {
                let dir = if *to_server { C } else { S };
                match kind {
                    0 => { fed.gap(dir, noise.len() as u64 + 1); }
                    1 => { fed.fin(dir); }
                    2..5 => fed.piece(dir, noise, *start),
                    n => {
                        let (dir, bytes) = &talk[(n + noise.len()) % talk.len()];
                        let cut = noise.first().map_or(bytes.len(), |&n| usize::from(n).min(bytes.len()));
                        fed.piece(*dir, &bytes[..cut], *start);
                    }
                }
            }
            fed.end(End::CaptureOver);
        }
    }
}

#[test]
fn cut_at_any_byte_the_facts_are_a_prefix() {
    let wire: Vec<(Direction, u8)> = long_talk()
        .into_iter()
        .flat_map(|(dir, bytes)| bytes.into_iter().map(move |byte| (dir, byte)))
        .collect();
    let mut whole = Talk::new();
    for (dir, byte) in &wire {
        whole.send(*dir, [*byte]);
    }
    for cut in 0..wire.len() {
        let mut talk = Talk::new();
        for (dir, byte) in &wire[..cut] {
            talk.send(*dir, [*byte]);
        }
        assert!(
            whole.story().starts_with(&talk.story()),
            "{} {}",
            talk.story(),
            whole.story()
        );
        talk.end(End::CaptureOver);
    }
}
