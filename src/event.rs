//! The facts that cross from the capture thread to the analyzer: owned, bounded, and about one connection each.
//!
//! Nothing here is a judgement. A `Wrong` accept is arithmetic; whose fault it is, `judge` says.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::flow::{ConnId, Direction, End, Endpoint, Interfaces};
use crate::http::{RequestHead, ResponseHead, Status};
use crate::limits::Reached;
use crate::record::LinkType;
use crate::time::{Stamp, Timestamp};
use crate::websocket::{Answer, Close, Offer, Poll, RoundTrips};

/// One fact, or the passing of time.
#[derive(Clone, Debug)]
pub enum Event {
    /// Something was seen on a connection.
    Conn {
        /// Which connection.
        conn: ConnId,
        /// The record that showed it; for a head the one that completes it.
        at: Stamp,
        /// What was seen.
        fact: Fact,
    },
    /// Time has come this far: from records, and live also when none come.
    Tick(Timestamp),
    /// An interface got its name.
    Interface {
        /// Which `-r` or `-i`, from 0.
        source: u16,
        /// Its number in [`Stamp::iface`].
        iface: u16,
        /// Its name.
        name: Box<str>,
    },
    /// The state of the capture so far.
    Health(Box<Health>),
    /// Events were shed just here, of whichever connections: the analyzer could not follow.
    Shed,
}

impl Event {
    /// Bytes that are allocated for the head it brings; all else is small.
    pub(crate) fn allocated(&self) -> u64 {
        match self {
            Self::Conn { fact, .. } => match fact {
                Fact::Request(request) => request.head.allocated(),
                Fact::Response(response) => {
                    let head = response.head.as_ref();
                    head.map_or(0, |head| head.fields.allocated())
                }
                _ => 0,
            },
            _ => 0,
        }
    }
}

/// What was seen on a connection. Boxed where large, so that an event stays small.
#[derive(Clone, Debug)]
pub enum Fact {
    /// A connection that ended before it carried a byte: refused, unanswered, closed. Also one whose SYN was
    /// sent again or has waited for some seconds; of that one it may be said again, when it was refused after all.
    Failed(Box<Connection>, End),
    /// A connection of which [`Fact::Failed`] was said has got its answer.
    Connected,
    /// A request that belongs to an attempt, or to another upgrade.
    Request(Box<Request>),
    /// The final answer to it. Without a request of the same `exchange` before, that request was not seen.
    Response(Box<Response>),
    /// How the content of a refusal begins; comes after its response.
    Body {
        /// Which exchange of the connection.
        exchange: u32,
        /// At most 256 bytes, with chunk framing taken out.
        bytes: Box<[u8]>,
        /// The content ended within them.
        whole: bool,
        /// It is compressed (`Content-Encoding`), so the bytes say nothing.
        encoded: bool,
    },
    /// An ordinary HTTP exchange: counted. With what it was where it may be the leg of an attempt that has lost every
    /// field: a small GET, answered while a handshake waits somewhere.
    Plain(Option<Box<PlainExchange>>),
    /// A request of a library that polls instead of WebSocket; said when it is asked, for it may wait long for its answer.
    Polling(Box<Polling>),
    /// A WebSocket whose handshake came before the capture; said when the headers of several frames have chained.
    MidStream(Box<Connection>),
    /// The first frame of the client: a tunnel copies it as it is, so the same value on two legs is the same frame. Not of
    /// one that comes when every attempt that it might join is settled.
    FirstBytes {
        /// Its masking key, opcode and length. Never told of a frame without a mask.
        hash: u64,
    },
    /// A side sent its first frame that is no Close, or began its first message, while that may settle the attempt: the 101 was
    /// taken. Not once the other side has begun a message.
    Used,
    /// Frames since the last such fact. Comes before a loss behind the first of a side, before a Close that does not come
    /// alone, and at the end.
    Frames(Box<Frames>),
    /// A Close frame.
    Close {
        /// Who sent it, by the way of its bytes.
        dir: Direction,
        /// What it says.
        close: Close,
        /// How long it is, where [`Fact::Frames`] has not counted it: most come alone, and leave all else as it was.
        alone: Option<u8>,
    },
    /// Something that RFC 6455 forbids, or bytes that are no protocol at all.
    Violation(Violation),
    /// Bytes are missing from the capture.
    Gap {
        /// Which way.
        dir: Direction,
        /// How many.
        len: u64,
        /// What they would have been.
        over: GapOver,
    },
    /// Bytes or probes of one direction are sent again and again, and nobody answers: for 15 s, or until the sender gave up
    /// with a RST.
    Retransmitting {
        /// Whose bytes.
        dir: Direction,
    },
    /// The same packets are seen on another interface too.
    SeenOn {
        /// The other interface.
        iface: u16,
    },
    /// A TLS handshake begins: nothing more can be read.
    Encrypted(Box<Encrypted>),
    /// HTTP/2 without an upgrade: counted, not read.
    Http2,
    /// One side has nothing more to send.
    Fin {
        /// Who sent the FIN, by the way of its bytes.
        dir: Direction,
    },
    /// The side that sent a FIN is the only one of which packets were seen so far.
    OneSided,
    /// The connection is over.
    Ended {
        /// How.
        how: End,
        /// Whether packets of both directions were ever seen.
        both_ways: bool,
    },
}

/// What is known of a connection when it first matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connection {
    /// Who opened it.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// Wireshark's `tcp.stream` in the file of the request; `None` live.
    pub tcp_stream: Option<u32>,
    /// The first SYN, where it was seen.
    pub syn: Option<Stamp>,
    /// The answer to it, where it was seen.
    pub syn_ack: Option<Stamp>,
    /// What the client dialled, where it was redirected to `server` on its own host.
    pub redirected: Option<Redirected>,
    /// The client that a PROXY preface names.
    pub proxied_for: Option<Endpoint>,
    /// The authority of a CONNECT that this connection went through, where it is a tunnel of a forward proxy.
    pub through: Option<Box<str>>,
    /// Interfaces on which its packets were seen so far.
    pub seen_on: Interfaces,
    /// Sequence numbers behind what was read of client and server as this was said, or behind their SYN, as they are on
    /// the wire: who translates addresses leaves them alone.
    pub behind: [Option<u32>; 2],
}

/// A connection that is seen under a second pair of addresses: the answers come from what the client dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redirected {
    /// What the client dialled.
    pub from: Endpoint,
    /// Wireshark's `tcp.stream` of the answers; `None` live.
    pub tcp_stream: Option<u32>,
}

/// The request of an exchange.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Number of the exchange on its connection, from 0.
    pub exchange: u32,
    /// The connection it came on.
    pub connection: Connection,
    /// Its first byte; the event's stamp is that of its last.
    pub started: Stamp,
    /// Request line and fields.
    pub head: RequestHead,
    /// Its handshake fields.
    pub offer: Offer,
}

/// The final response of an exchange.
#[derive(Clone, Debug, Default)]
pub struct Response {
    /// Number of the exchange on its connection, from 0.
    pub exchange: u32,
    /// The connection, where the request was not seen and nothing is known of it yet.
    pub connection: Option<Box<Connection>>,
    /// Its first byte.
    pub started: Stamp,
    /// Status line and fields; `None` where the server sent bytes that are no HTTP.
    pub head: Option<ResponseHead>,
    /// Its handshake fields.
    pub answer: Answer,
    /// Interim responses that came before it (100, 103), at most eight.
    pub interim: Vec<Status>,
    /// Sequence number behind what was read of the server as this was said.
    pub behind: Option<u32>,
}

/// An exchange without any field of a handshake.
#[derive(Clone, Debug)]
pub struct PlainExchange {
    /// The request.
    pub request: Box<Request>,
    /// The record that completed its head.
    pub asked_at: Stamp,
    /// The final answer, completed at the event's stamp.
    pub response: Box<Response>,
}

/// A poll, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Polling {
    /// Its client: as the nearest proxy names it, else whose connection it came on.
    pub client: IpAddr,
    /// What it is.
    pub poll: Poll,
    /// Said again at its answer, which is a refusal.
    pub is_refused: bool,
}

/// Frames of both directions since the last such fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Of the client.
    pub client: FrameCounts,
    /// Of the server.
    pub server: FrameCounts,
    /// The largest message so far of each side, one under way included; 1009 asks for it.
    pub largest: [Largest; 2],
    /// Payload bytes announced of a message of each side whose last byte has not come, as of this fact; 0 where none.
    pub unfinished: [u64; 2],
    /// When each side sent the oldest of its pings that wait for a pong, as of this fact.
    pub ping_waits: [Option<Timestamp>; 2],
    /// Payload bytes announced of the latest message of each side, as of this fact.
    pub latest: [u64; 2],
    /// When the header of the first text, binary or continuation frame of each side was whole, since the last such fact.
    pub began: [Option<Timestamp>; 2],
    /// The last byte of either side that is no part of a Close, as of this fact.
    pub last: [Option<Timestamp>; 2],
    /// The pings of each side that got a pong, all so far.
    pub answered: [RoundTrips; 2],
}

/// The largest message of one side, in payload bytes as its frames announce them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Largest {
    /// Its bytes on the wire.
    pub bytes: u64,
    /// Bytes of the largest before it.
    pub before: u64,
    /// It is compressed (RFC 7692): unpacked it is larger.
    pub compressed: bool,
}

/// Frames of one direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameCounts {
    /// Text frames.
    pub text: u64,
    /// Binary frames.
    pub binary: u64,
    /// Continuation frames.
    pub continuation: u64,
    /// Pings.
    pub ping: u64,
    /// Pongs.
    pub pong: u64,
    /// Close frames.
    pub close: u64,
    /// Frames of a reserved opcode.
    pub other: u64,
    /// Messages whose last fragment was seen.
    pub messages: u64,
    /// Payload bytes of all frames.
    pub bytes: u64,
    /// Pings that had no pong yet when this was said; not summed up.
    pub pings_unanswered: u64,
}

impl FrameCounts {
    /// All frames.
    pub const fn total(&self) -> u64 {
        self.data()
            .saturating_add(self.ping)
            .saturating_add(self.pong)
            .saturating_add(self.close)
            .saturating_add(self.other)
    }

    /// Text, binary and continuation frames.
    pub const fn data(&self) -> u64 {
        self.text
            .saturating_add(self.binary)
            .saturating_add(self.continuation)
    }

    /// Adds what was seen since.
    pub const fn add(&mut self, since: &Self) {
        self.text = self.text.saturating_add(since.text);
        self.binary = self.binary.saturating_add(since.binary);
        self.continuation = self.continuation.saturating_add(since.continuation);
        self.ping = self.ping.saturating_add(since.ping);
        self.pong = self.pong.saturating_add(since.pong);
        self.close = self.close.saturating_add(since.close);
        self.other = self.other.saturating_add(since.other);
        self.messages = self.messages.saturating_add(since.messages);
        self.bytes = self.bytes.saturating_add(since.bytes);
        self.pings_unanswered = since.pings_unanswered;
    }
}

/// A breach of RFC 6455 after the 101.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Who sent it, by the way of its bytes.
    pub dir: Direction,
    /// Offset of the frame's first byte, from the first byte after the head.
    pub offset: u64,
    /// What is wrong.
    pub kind: ViolationKind,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ViolationKind {
    /// A client's frame without a mask (§5.1).
    Unmasked,
    /// A server's frame with a mask (§5.1).
    Masked,
    /// A reserved bit that no extension of this leg gives a meaning, or that no frame of this kind may bear (§5.2).
    Rsv,
    /// A reserved opcode (§5.2).
    Opcode,
    /// A control frame that is a fragment or holds more than 125 bytes (§5.5).
    Control,
    /// A continuation without a beginning, or a new message within another (§5.4).
    Continuation,
    /// A length not in its shortest form (§5.2).
    Length,
    /// A frame after the sender's Close (§5.5.1), a second Close among them.
    AfterClose,
    /// A Close of one byte, or whose reason is no UTF-8 (§5.5.1).
    CloseBody,
    /// The text `HTTP/` where a frame should begin.
    Http,
}

/// What missing bytes would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GapOver {
    /// The head of a request, or what comes between two of them.
    RequestHead,
    /// The head of a response.
    ResponseHead,
    /// The content of a message.
    Body,
    /// The header of a frame, so that frames may be lost too.
    FrameHeader,
    /// The payload of a frame: packets were lost, and perhaps a FIN with them.
    Payload,
    /// The rest of a packet, behind the header of a frame: cut off as the snap length has it.
    Snapped,
}

/// What a TLS handshake shows before it hides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encrypted {
    /// Who opened the connection.
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// Server name, where the client sent one.
    pub sni: Option<Box<str>>,
    /// Protocols the client offers, such as `http/1.1`.
    pub alpn: Vec<Box<str>>,
}

/// What the capture has seen and lost so far. All are totals.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Records read.
    pub packets: u64,
    /// Bytes that they had on the wire.
    pub bytes: u64,
    /// Packets that the kernel dropped because its buffer was full.
    pub kernel_drops: u64,
    /// Packets that the interface dropped.
    pub iface_drops: u64,
    /// Holes in the streams.
    pub gaps: u64,
    /// Bytes lost in them.
    pub gap_bytes: u64,
    /// Connections forgotten for lack of room.
    pub evictions: u64,
    /// Facts dropped because the analyzer could not follow.
    pub shed_events: u64,
    /// TCP connections seen.
    pub connections: u64,
    /// Of them, those that began a TLS handshake.
    pub tls_connections: u64,
    /// Of them, those that spoke HTTP/2 from the start.
    pub http2_connections: u64,
    /// Of them, those of which one direction was seen only.
    pub one_sided_connections: u64,
    /// Plain HTTP exchanges.
    pub plain_http: u64,
    /// Packets that could not be read as far as TCP.
    pub not_decoded: u64,
    /// Of them, those of a link type that is not read, by that type.
    pub unknown_links: BTreeMap<LinkType, u64>,
    /// Segments of which the snap length cut bytes.
    pub cut_short: u64,
    /// Later copies of bytes that differ from the first.
    pub overlaps: u64,
    /// Limits that were reached.
    pub reached: Reached,
    /// The last record's time.
    pub now: Option<Timestamp>,
    /// The first record's time.
    pub first: Option<Timestamp>,
}
