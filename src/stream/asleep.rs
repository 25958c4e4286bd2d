//! A connection folded up: all that is kept of it while it does nothing unusual, in a fifth of the space.
//!
//! Most of what a connection may be, it is not: nothing waits, nothing is sent again, no end is in sight. Folding writes
//! down the few numbers that are left, unfolds them again, and looks whether that is the same connection. If it is not, it
//! stays as it is. So nothing is ever lost by it, whatever a connection comes to hold.

use std::net::{IpAddr, Ipv4Addr};

use crate::flow::{ConnId, Endpoint};
use crate::stream::conn::{Conn, Interfaces, Rank, Side};
use crate::stream::connection::Connection;
use crate::stream::lane::{Above, Pair};
use crate::stream::numbers::Numbers;
use crate::stream::table::Entry;
use crate::time::{Stamp, Timestamp};

/// A connection that does nothing unusual.
#[derive(Debug)]
pub(super) struct Asleep<S: Above> {
    still: Still,
    /// What the room above keeps of it, but for a few bits.
    rest: Option<Box<S::Folded>>,
}

/// What TCP shows of it.
#[derive(Debug)]
struct Still {
    id: ConnId,
    ends: Ends,
    /// The first of its SYN and SYN-ACK that was seen, if either was; how much later the second came, in time and frames.
    first: (Timestamp, u64),
    second: (u32, u32),
    tcp_stream: u32,
    source: u16,
    iface: u16,
    /// Sequence number of the first byte, bytes sent and bytes acknowledged of either side.
    low: [u32; 3],
    high: [u32; 3],
    rank: Rank,
    syn: bool,
    syn_ack: bool,
    told: bool,
    low_syn: bool,
    high_syn: bool,
    /// Who sent the last record, if nothing has passed since.
    last: Side,
    /// Of the room above.
    above: u8,
}

/// Client and server. With the newer addresses they are apart, since they take four times the room.
#[derive(Debug)]
enum Ends {
    V4([Ipv4Addr; 2], [u16; 2]),
    Other(Box<[Endpoint; 2]>),
}

impl<S: Above> Asleep<S> {
    /// Folds a connection up; it comes back where something would be lost.
    pub(super) fn fold<P: Copy + Default>(
        mut entry: Box<Entry<S>>,
        lanes: &Pair<P>,
    ) -> Result<Self, Box<Entry<S>>> {
        let still = Still::of(&entry).filter(|still| {
            let mut same: Entry<()> = still.unfold((), lanes);
            // What has passed by since is no part of it yet.
            if same.last.frame > entry.last.frame {
                same.last = entry.last;
            }
            same.is_same(&entry)
        });
        let Some(mut still) = still else {
            return Err(entry);
        };
        let (above, rest) = std::mem::take(&mut entry.conn.state).fold();
        still.above = above;
        Ok(Self { still, rest })
    }

    /// The connection as it was, but for what its lanes know better.
    pub(super) fn unfold<P: Copy + Default>(self, lanes: &Pair<P>) -> Box<Entry<S>> {
        let state = S::unfold(self.still.above, self.rest);
        Box::new(self.still.unfold(state, lanes))
    }

    pub(super) const fn id(&self) -> ConnId {
        self.still.id
    }

    /// Has the room above note something of a side.
    pub(super) fn note(&mut self, side: Side, note: &S::Note, at: Timestamp) -> bool {
        let [client, server] = self.still.ends.get();
        let dir = side.dir(client, server);
        self.rest
            .as_deref_mut()
            .is_some_and(|rest| S::note_folded((self.still.above, rest), dir, note, at))
    }
}

impl Still {
    /// What there is to write down; what does not fit is not looked at.
    fn of<S>(entry: &Entry<S>) -> Option<Self> {
        let conn = &entry.conn;
        let first = conn.syn.or(conn.syn_ack);
        let second = conn.syn_ack.or(first);
        let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
        let [low, high] = entry.tcp.quiet()?;
        Some(Self {
            id: conn.id,
            ends: Ends::of(conn.client, conn.server),
            first: (first.ts, first.frame),
            second: (
                u32::try_from(second.ts.since(first.ts).as_nanos()).ok()?,
                u32::try_from(second.frame.checked_sub(first.frame)?).ok()?,
            ),
            tcp_stream: conn.tcp_stream,
            source: entry.last.source,
            iface: entry.last.iface,
            low,
            high,
            rank: conn.rank,
            syn: conn.syn.is_some(),
            syn_ack: conn.syn_ack.is_some(),
            told: entry.tcp.has_told(),
            low_syn: entry.tcp.has_syn(Side::Low),
            high_syn: entry.tcp.has_syn(Side::High),
            last: entry.last_side,
            above: 0,
        })
    }

    fn unfold<S, P: Copy + Default>(&self, state: S, lanes: &Pair<P>) -> Entry<S> {
        let [client, server] = self.ends.get();
        let stamp = |ts, frame| Stamp {
            ts,
            frame,
            source: self.source,
            iface: self.iface,
        };
        let (ts, frame) = self.first;
        let (later, frames) = self.second;
        let second = stamp(
            Timestamp::from_nanos(ts.as_nanos().saturating_add(i64::from(later))),
            frame.saturating_add(u64::from(frames)),
        );
        let behind = |[start, sent, _]: [u32; 3]| Some(start.wrapping_add(sent));
        Entry {
            conn: Conn {
                id: self.id,
                client,
                server,
                syn: self.syn.then(|| stamp(ts, frame)),
                syn_ack: self.syn_ack.then_some(second),
                tcp_stream: self.tcp_stream,
                seen_on: Interfaces::only(self.iface),
                redirected: None,
                behind: [behind(self.low), behind(self.high)],
                both_ways: true,
                rank: self.rank,
                state,
            },
            tcp: Connection::quietly(
                [(self.low, self.low_syn), (self.high, self.high_syn)],
                self.told,
            ),
            numbers: Numbers::only(self.source, self.tcp_stream),
            last: lanes.last(self.last),
            last_side: self.last,
            deadline: None,
            held: 0,
            held_since: None,
            stirred: false,
        }
    }
}

impl Ends {
    fn of(client: Endpoint, server: Endpoint) -> Self {
        match (client.addr, server.addr) {
            (IpAddr::V4(a), IpAddr::V4(b)) => Self::V4([a, b], [client.port, server.port]),
            _ => Self::Other(Box::new([client, server])),
        }
    }

    fn get(&self) -> [Endpoint; 2] {
        match self {
            Self::V4([a, b], [client, server]) => [
                Endpoint::new(IpAddr::V4(*a), *client),
                Endpoint::new(IpAddr::V4(*b), *server),
            ],
            Self::Other(ends) => **ends,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With what the table keeps of it elsewhere, and the rooms above, less than half a kilobyte.
    #[test]
    fn it_is_small() {
        assert_eq!(size_of::<Option<Asleep<()>>>(), 96);
    }
}
