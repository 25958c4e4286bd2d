//! From segments to connections: a bounded table, and for each direction its bytes in order (RFC 9293).
//!
//! Knows TCP and nothing above it. The rooms above keep what they know of a connection in the table too, as the `S` of
//! [`Table`], so that a packet costs one look-up.
//!
//! Invariants: a byte is handed on at most once, in the order of the stream; the first copy of a byte wins; what was
//! lost is a [`StreamItem::Gap`] of known length, never silence; all that is buffered is charged to one
//! [`Budget`](crate::limits::Budget).

mod age;
mod ahead;
mod asleep;
mod conn;
mod connection;
mod copies;
mod halves;
mod index;
mod lane;
mod numbers;
mod past;
mod reassembler;
#[cfg(test)]
mod scenarios;
mod seq;
mod slots;
mod table;

pub use ahead::Addressed;
pub use conn::{Conn, Counters, Interfaces, Rank};
pub use halves::Redirected;
pub use lane::{Above, Begins};
pub use table::Table;

use crate::flow::{Direction, End};

/// What happened on a connection, in the order of its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamItem<'a> {
    /// The server answered the SYN.
    SynAck,
    /// The SYN was sent again, or has waited for some seconds; an answer may still come.
    SynWaits,
    /// The next bytes of one direction.
    Data {
        /// Which way.
        dir: Direction,
        /// Offset of the first byte from the start of the direction (the byte after the SYN is 0; from the first byte
        /// seen where the connection was joined mid-stream).
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
        /// True where the bytes begin a segment as it was sent: sync can be taken up again only there.
        at_segment_start: bool,
    },
    /// Bytes that will never come.
    Gap {
        /// Which way.
        dir: Direction,
        /// Offset of the first lost byte.
        offset: u64,
        /// How many.
        len: u64,
    },
    /// The sender has nothing more to send; comes in order, after its last byte.
    Fin {
        /// Who sent the FIN, by the way of its bytes.
        dir: Direction,
    },
    /// Bytes or probes of one direction are sent again and again, and the peer has answered nothing for 15 s, or until the
    /// sender gave up with a RST.
    Retransmitting {
        /// Whose bytes go unacknowledged.
        dir: Direction,
    },
    /// The same segments are seen on another interface too: a copy, no retransmission.
    SeenOn {
        /// The other interface.
        iface: u16,
    },
    /// A later copy of some bytes differs from the first.
    OverlapDiffers {
        /// Which way.
        dir: Direction,
    },
    /// The budget of all buffers is used up and nobody has held bytes for longer: what the room above holds of the
    /// connection must go.
    GiveUp,
    /// The connection is over; nothing follows.
    End(End),
}
