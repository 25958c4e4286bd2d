//! From facts about connections to facts about attempts: legs, joined into a tree, and how each attempt closed.
//!
//! States what belongs together and when it is complete. What it means, `judge` says; nothing here names a fault.

mod around;
mod assembler;
mod case;
mod closing;
mod due;
mod few;
mod join;
mod leg;
mod lone;
mod places;
mod plain;
mod polls;
mod protocol;
mod tree;
mod undecided;
mod views;

use std::sync::Arc;
use std::time::Duration;

use arrayvec::ArrayVec;

pub use assembler::Assembler;
pub use leg::{BodyStart, Gaps, Leg, LegEnd, View, unoffered_extension, unoffered_subprotocol};
pub use protocol::Protocol;

use crate::event::{FrameCounts, Health, Largest, Violation, ViolationKind};
use crate::flow::{Direction, End, Endpoint};
use crate::http::Version;
use crate::time::{Stamp, Timestamp};
use crate::websocket::{Accept, Close, Extension, RoundTrips, Transport};

/// What the assembler hands on, in the order in which it was decided.
#[derive(Clone, Debug)]
pub enum Output {
    /// An attempt, decided.
    Attempt(Attempt),
    /// How an opened WebSocket ended; after its attempt.
    Closing(Closing),
    /// The state of the capture.
    Health(Box<Health>),
    /// An interface got its name.
    Interface {
        /// Which `-r` or `-i`, from 0.
        source: u16,
        /// Its number in [`Stamp::iface`].
        iface: u16,
        /// Its name.
        name: Box<str>,
    },
    /// Time has come this far, and how much is open.
    Progress {
        /// Packet time.
        now: Timestamp,
        /// Attempts without a final answer for longer than the limit `pending_after`.
        pending: u64,
        /// WebSockets open now.
        open: u64,
    },
}

/// One client's try to open a WebSocket, or another upgrade.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Number in the order of decision, from 1.
    pub id: u64,
    /// `None` for WebSocket; else the token of another protocol.
    pub protocol: Protocol,
    /// Outermost first, children after their parents, then in the order of their first byte. Never empty.
    pub legs: Vec<Node>,
    /// How many tries it took; the last one's legs are `legs`.
    pub tries: u32,
    /// The tries before it.
    pub earlier_tries: Vec<EarlierTry>,
    /// What the capture shows around it.
    pub surroundings: Surroundings,
    /// The capture ended, or lost it, before it was complete.
    pub cut_off: bool,
    /// It was silent for as long as the limit `unanswered_after`.
    pub timed_out: bool,
    /// There was no room to wait for more of it.
    pub let_go: bool,
}

/// A leg and its place in the tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// What the connection showed.
    pub leg: Leg,
    /// Index of the leg it serves; `None` for the outermost in sight.
    pub parent: Option<usize>,
    /// What it is for.
    pub role: Role,
    /// What joined it to its parent or its siblings.
    pub joined_by: Option<JoinedBy>,
    /// Whether its client is its parent's server: `Some(true)` same address, `Some(false)` something lies between,
    /// `None` cannot be told.
    pub adjacent: Option<bool>,
}

/// What a leg is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Its answer is the one the parent passes on.
    Path,
    /// Asks whether the client may.
    Auth,
    /// A copy whose answer nobody waits for.
    Mirror,
    /// An earlier upstream try that the proxy gave up.
    Retry,
    /// An upstream connection that never carried a request.
    Failed,
}

impl Role {
    /// As in the output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Auth => "auth",
            Self::Mirror => "mirror",
            Self::Retry => "retry",
            Self::Failed => "failed",
        }
    }
}

/// What joined a leg to its attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JoinedBy {
    /// Equal Sec-WebSocket-Key.
    Key,
    /// Equal X-Request-ID or traceparent.
    RequestId,
    /// Equal bytes after the 101.
    Bytes,
    /// Nested in time, and nothing else fits.
    Time,
}

impl JoinedBy {
    /// As in the output.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::RequestId => "request_id",
            Self::Bytes => "bytes",
            Self::Time => "time",
        }
    }
}

/// A try that was followed by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierTry {
    /// First byte of its request.
    pub time: Timestamp,
    /// Its final status.
    pub status: Option<u16>,
    /// Its target, with its secrets.
    pub target: Box<str>,
    /// `tcp.stream` of its outermost leg.
    pub tcp_stream: Option<u32>,
    /// Frame of its request.
    pub frame: u64,
    /// File of that frame.
    pub source: u16,
}

/// What neighbours in the capture show; facts that a single attempt cannot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// TLS connections to the host of the outermost leg's client began within the last 60 s: it is likely the upstream
    /// leg of an encrypted one.
    pub client_leg_encrypted: bool,
    /// The server of the outermost leg had other, joined, clear upstream legs within 60 s, and nothing was lost.
    pub hop_passes_others: bool,
    /// Packets were dropped or bytes lost while this attempt ran.
    pub lossy: bool,
    /// Another request or connection could be its next leg, or one of several could, or it could be another's: so none
    /// was joined.
    pub is_ambiguous: bool,
    /// With what its client went on, if it did not open.
    pub fell_back: Option<FellBack>,
}

/// A transport that is not WebSocket, of the same client or session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FellBack {
    /// Which.
    pub by: Transport,
    /// How long after the attempt had failed it was first asked for; `None` where the session has begun with it.
    pub after: Option<Duration>,
    /// The session is the one of the attempt; else the client is.
    pub same_session: bool,
}

/// How an opened WebSocket ended, or that it did not.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Its attempt's `id`.
    pub attempt: u64,
    /// When it ended: the first Close, FIN or RST; for one still open the last packet of the capture.
    pub at: Timestamp,
    /// Of the outermost leg's 101.
    pub opened_at: Timestamp,
    /// Host and target as in the attempt, for grouping.
    pub host: Option<Arc<str>>,
    /// Target of the outermost leg, with its secrets.
    pub target: Box<str>,
    /// `path` legs, outermost first. Never empty.
    pub legs: Vec<ClosingLeg>,
    /// What failed behind it; 1014 asks for that.
    pub failed_upstream: Vec<FailedUpstream>,
    /// What its end has in common with others.
    pub neighbours: Neighbours,
    /// Not ended when the capture did.
    pub still_open: bool,
    /// How far the capture had come when this was stated.
    pub seen_until: Timestamp,
    /// Bytes or packets were lost after the 101, so that a Close may have been missed.
    pub lossy: bool,
}

/// One leg of an opened WebSocket.
#[derive(Clone, Debug, Default)]
pub struct ClosingLeg {
    /// Its index in the attempt's `legs`.
    pub leg: usize,
    /// Client of this leg.
    pub client: Endpoint,
    /// Server of this leg.
    pub server: Endpoint,
    /// What its handshake says.
    pub handshake: Arc<Handshake>,
    /// Fields that show who handled it: `cf-ray`, `via`, `x-amzn-trace-id` and the like, as `name: value`.
    pub marks: Vec<Box<str>>,
    /// Of its 101.
    pub opened_at: Timestamp,
    /// Close frames in their order, at most four.
    pub closes: Vec<SeenClose>,
    /// FIN and RST in their order, at most one of each kind and side.
    pub tcp_ends: ArrayVec<TcpEnd, TCP_ENDS>,
    /// How the connection was left.
    pub ended: Option<End>,
    /// Frames of the client.
    pub client_frames: FrameCounts,
    /// Frames of the server.
    pub server_frames: FrameCounts,
    /// The pings of the client, and of the server, that got a pong.
    pub rtt: [RoundTrips; 2],
    /// When the client, and the server, began its first text or binary frame; `None` also where frames before it may be
    /// missing.
    pub began: [Option<Timestamp>; 2],
    /// When the client, and the server, sent the oldest of its pings that wait for a pong.
    pub ping_waits: [Option<Timestamp>; 2],
    /// Last byte of the client and of the server before the end.
    pub last_bytes: [Option<Timestamp>; 2],
    /// Largest message of the client and of the server.
    pub largest: [Largest; 2],
    /// Payload bytes of the latest message of the client, and of the server.
    pub latest: [u64; 2],
    /// Payload bytes announced of a message of the client, and of the server, whose last byte has not come; 0 where none.
    pub unfinished: [u64; 2],
    /// Breaches of RFC 6455, the first of each kind and side, with how many there were.
    pub violations: Vec<SeenViolation>,
    /// Bytes of one side go unacknowledged since then.
    pub retransmitting: Option<(Direction, Timestamp)>,
    /// Bytes were lost after the 101.
    pub lossy: bool,
    /// Frames of the client, and of the server, may have been lost, a Close among them; or a FIN.
    pub blind: [bool; 2],
    /// Bytes of a payload of the client, and of the server, were lost, and a FIN may have been with them.
    pub torn: [bool; 2],
    /// Only one direction was ever seen.
    pub one_sided: bool,
}

/// What the handshake of an opened leg says, which many say alike: each is kept once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Version of the request, where it was seen.
    pub version: Option<Version>,
    /// The `Server` field of its answer.
    pub software: Option<Box<str>>,
    /// Extensions asked for.
    pub offered: Box<[Extension]>,
    /// Extensions agreed.
    pub agreed: Box<[Extension]>,
    /// Subprotocol agreed.
    pub subprotocol: Option<Box<str>>,
    /// What shows that a proxy sent the request, where something does.
    pub proxy_mark: Option<&'static str>,
    /// Subprotocols asked for, where none was agreed; the first few.
    pub offered_subprotocols: Box<[Box<str>]>,
    /// Accept of its 101.
    pub accept: Option<Accept>,
    /// Index of the leg in its attempt.
    leg: usize,
    /// The host of its attempt.
    host: Option<Arc<str>>,
    /// What tells it apart.
    digest: u64,
}

/// A Close frame and when it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenClose {
    /// Who sent it, by the way of its bytes.
    pub dir: Direction,
    /// When and where.
    pub at: Stamp,
    /// What it says.
    pub close: Close,
    /// The largest message that its sender had been sent by then.
    pub received: Largest,
    /// Payload bytes announced of a message that was on its way to the sender just then; 0 where none.
    pub receiving: u64,
}

/// An upstream of a gateway that did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedUpstream {
    /// Its address.
    pub server: Endpoint,
    /// What became of the gateway's try.
    pub how: UpstreamFailure,
}

/// What became of a gateway's try to reach its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// The connection never carried a request.
    Ended(End),
    /// The handshake was answered with another status than 101.
    Refused(u16),
}

/// What an end has in common with others by the same ender, a server's address or a client's host, that closed with the
/// same code or without a Close as well.
///
/// Those that came at one moment had one cause: they count as one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Others that ended at the same moment, within a third of a second.
    pub together: u32,
    /// Other times at which some ended without a Close.
    pub other_times: u32,
    /// Those without a Close after the same silence of both sides.
    pub same_silence: Alike,
    /// The same of the server's silence.
    pub same_server_silence: Alike,
    /// The same of the age.
    pub same_age: Alike,
}

/// Ends after the same span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alike {
    /// Others at the same moment.
    pub together: u32,
    /// Other times.
    pub other_times: u32,
}

/// FIN and RST of either side.
pub const TCP_ENDS: usize = 4;

/// FIN or RST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpEnd {
    /// Who sent it, by the way of its bytes.
    pub dir: Direction,
    /// When.
    pub at: Timestamp,
    /// RST rather than FIN.
    pub reset: bool,
}

/// Breaches of one kind by one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenViolation {
    /// The first of them.
    pub first: Violation,
    /// Where it was.
    pub at: Stamp,
    /// How many there were.
    pub count: u64,
}

impl Closing {
    /// From the 101 to the end.
    pub fn age(&self) -> Duration {
        self.at.since(self.opened_at)
    }

    /// How long both sides were silent before the end; on the innermost leg, for that is what a proxy's timer watches.
    pub fn idle(&self) -> Duration {
        let [client, server] = self.innermost_bytes();
        self.silent_since(client.max(server))
    }

    /// How long the client was silent before the end.
    pub fn client_idle(&self) -> Duration {
        let [client, _] = self.innermost_bytes();
        self.silent_since(client)
    }

    /// How long the server was silent before the end.
    pub fn server_idle(&self) -> Duration {
        let [_, server] = self.innermost_bytes();
        self.silent_since(server)
    }

    fn innermost_bytes(&self) -> [Option<Timestamp>; 2] {
        self.legs.last().map_or([None; 2], |leg| leg.last_bytes)
    }

    fn silent_since(&self, last: Option<Timestamp>) -> Duration {
        self.at.since(last.unwrap_or(self.opened_at))
    }
}

impl SeenViolation {
    /// What is wrong.
    pub const fn kind(&self) -> ViolationKind {
        self.first.kind
    }
}

impl ClosingLeg {
    /// Whether a side may have sent a Close or a FIN that is not in the capture.
    pub fn may_hide(&self, dir: Direction) -> bool {
        self.one_sided || self.blind.get(dir.index()).is_none_or(|&blind| blind)
    }

    /// Whether a side may have ended TCP first, or at all, without the capture showing it.
    pub fn may_hide_end(&self, dir: Direction) -> bool {
        let torn = self.torn.get(dir.index()).is_none_or(|&torn| torn);
        let ended = self.tcp_ends.iter().any(|end| end.dir == dir);
        self.may_hide(dir) || (torn && !ended)
    }
}

impl Attempt {
    /// The outermost leg in sight.
    ///
    /// # Panics
    /// Never: an attempt has at least one leg.
    pub fn outermost(&self) -> &Leg {
        #[expect(
            clippy::indexing_slicing,
            reason = "an attempt is made from its first leg"
        )]
        &self.legs[0].leg
    }

    /// Indices of the `path` legs, outermost first.
    pub fn path(&self) -> impl Iterator<Item = usize> + '_ {
        self.legs
            .iter()
            .enumerate()
            .filter(|(_, node)| node.role == Role::Path)
            .map(|(index, _)| index)
    }
}
