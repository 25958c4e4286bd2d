//! What the table keeps of a connection for the room above, and what it counts of all.

pub use crate::flow::Interfaces;
use crate::flow::{ConnId, Direction, Endpoint, is_in_order};
use crate::limits::Reached;
use crate::stream::halves::Redirected;
use crate::time::Stamp;

/// How dear a connection is when there is no room for all: the lowest are forgotten first, the oldest of them before
/// the others. The room above says it, for it knows what is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// No more than a SYN was seen.
    #[default]
    HalfOpen,
    /// Not HTTP, or not known yet.
    Unknown,
    /// What looks like a WebSocket, of which neither the start nor the other side was seen: anybody can forge that. Never
    /// idle, for most are what they look like.
    Joined,
    /// HTTP with nothing in flight.
    Idle,
    /// A handshake is in flight.
    Handshaking,
    /// An open WebSocket; never idle.
    WebSocket,
}

/// A connection: what TCP shows of it, and what the room above keeps with it.
#[derive(Debug)]
pub struct Conn<S> {
    /// Its number.
    pub id: ConnId,
    /// Who opened it; a guess where the SYN was not seen, until [`Conn::flip`].
    pub client: Endpoint,
    /// Who was asked.
    pub server: Endpoint,
    /// The first SYN, where it was seen.
    pub syn: Option<Stamp>,
    /// The answer to it, where it was seen.
    pub syn_ack: Option<Stamp>,
    /// Wireshark's `tcp.stream` in the file that is being read.
    pub tcp_stream: u32,
    /// Interfaces on which its packets were seen.
    pub seen_on: Interfaces,
    /// The second pair of addresses, where the answers of the server come from another address than was asked.
    pub redirected: Option<Box<Redirected>>,
    /// Sequence numbers behind what was told of either end so far, or behind its SYN; the lower endpoint first.
    pub behind: [Option<u32>; 2],
    /// Whether packets of both directions were seen.
    pub both_ways: bool,
    /// How dear it is; set by the room above.
    pub rank: Rank,
    /// What the room above keeps.
    pub state: S,
}

/// What the table counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections seen.
    pub connections: u64,
    /// Of them, ended or forgotten with one direction seen only.
    pub one_sided: u64,
    /// Holes told as gaps.
    pub gaps: u64,
    /// Bytes in them.
    pub gap_bytes: u64,
    /// Connections forgotten for lack of room.
    pub evictions: u64,
    /// Segments of which the snap length cut bytes.
    pub cut_short: u64,
    /// Later copies that differ from the first.
    pub overlaps: u64,
    /// Limits reached.
    pub reached: Reached,
}

/// One end of a connection, by the order of the two endpoints; it stays when client and server are swapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Side {
    #[default]
    Low,
    High,
}

impl Side {
    /// Which way its bytes travel, between these two.
    pub(super) fn dir(self, client: Endpoint, server: Endpoint) -> Direction {
        let of_client = if is_in_order(&client, &server) {
            Self::Low
        } else {
            Self::High
        };
        if self == of_client {
            Direction::ToServer
        } else {
            Direction::ToClient
        }
    }

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

impl<S> Conn<S> {
    /// Swaps client and server: the room above has read who is who. Only before any item but this one was told.
    pub fn flip(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
    }

    /// Sequence numbers on the wire behind what was told of the bytes of these two, or behind their SYN. Whoever rewrites
    /// addresses leaves them as they are.
    pub fn behind(&self, client: Endpoint, server: Endpoint) -> [Option<u32>; 2] {
        let [low, high] = self.behind;
        if client <= server {
            [low, high]
        } else {
            [high, low]
        }
    }

    /// This side has come so far.
    pub(super) const fn comes_to(&mut self, side: Side, number: u32) {
        let [low, high] = &mut self.behind;
        let mine = match side {
            Side::Low => low,
            Side::High => high,
        };
        *mine = Some(number);
    }

    /// All but what the room above keeps, so that two can be compared.
    #[expect(
        clippy::type_complexity,
        reason = "all there is, so that nothing is forgotten"
    )]
    pub(super) fn parts(
        &self,
    ) -> (
        (ConnId, Endpoint, Endpoint, u32),
        (Option<Stamp>, Option<Stamp>),
        (&Interfaces, Option<&Redirected>, [Option<u32>; 2]),
        (bool, Rank),
    ) {
        let Self {
            id,
            client,
            server,
            syn,
            syn_ack,
            tcp_stream,
            seen_on,
            redirected,
            behind,
            both_ways,
            rank,
            state: _,
        } = self;
        (
            (*id, *client, *server, *tcp_stream),
            (*syn, *syn_ack),
            (seen_on, redirected.as_deref(), *behind),
            (*both_ways, *rank),
        )
    }

    /// Which way the bytes of this side travel.
    pub(super) fn dir(&self, side: Side) -> Direction {
        side.dir(self.client, self.server)
    }

    /// The client's side, then the server's.
    pub(super) fn sides(&self) -> [Side; 2] {
        match self.dir(Side::Low) {
            Direction::ToServer => [Side::Low, Side::High],
            Direction::ToClient => [Side::High, Side::Low],
        }
    }
}
