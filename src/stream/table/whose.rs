//! Whose a segment is: of the connection with its addresses, of one that ended, or of another that begins.

use std::time::Duration;

use super::{Arrival, Entry, Place, Table};
use crate::flow::{ConnId, End, Endpoint};
use crate::limits::Budget;
use crate::packet::{Flags, Segment};
use crate::stream::StreamItem;
use crate::stream::conn::{Conn, Interfaces, Rank, Side};
use crate::stream::connection::Connection;
use crate::stream::lane::Above;
use crate::stream::numbers::Numbers;
use crate::stream::past::{Gone, Why};
use crate::time::Stamp;

/// For so long after its end, whatever comes is late and belongs to the connection that ended.
const LINGER: Duration = Duration::from_secs(60);
/// A SYN that is sent once more after a RST is no copy of the first when it comes so much later.
const SYN_AGAIN: Duration = Duration::from_millis(200);

impl<S: Above> Table<S> {
    /// A connection is known: is this still the same one?
    pub(super) fn reuse<F>(
        &mut self,
        slot: u32,
        arrival: &Arrival<'_>,
        (budget, sink): (&mut Budget, &mut F),
    ) -> Option<u32>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let entry = self.slots.get(slot)?;
        if !entry
            .tcp
            .begins_another(entry.side(arrival), arrival.segment)
        {
            return Some(slot);
        }
        self.end(slot, End::Replaced, (budget, sink));
        match self.place(arrival.hash) {
            Some(Place::Past(place)) => self.again(place, arrival, (budget, sink)),
            _ => self.first(arrival, (budget, sink)),
        }
    }

    /// The connection with these addresses has ended: does another begin?
    pub(super) fn again<F>(
        &mut self,
        place: u64,
        arrival: &Arrival<'_>,
        (budget, sink): (&mut Budget, &mut F),
    ) -> Option<u32>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        if let Some(slot) = self.other_half(arrival) {
            return Some(slot);
        }
        let &Arrival { side, segment, .. } = arrival;
        let source = segment.at.source;
        let Some(gone) = self.past.get_mut(place) else {
            return self.first(arrival, (budget, sink));
        };
        let syn = segment.flags.has(Flags::SYN);
        let ack = segment.flags.has(Flags::ACK);
        let [low, high] = gone.starts;
        let start = match side {
            Side::Low => low,
            Side::High => high,
        };
        let same = start.is_none_or(|start| start == segment.seq.wrapping_add(1));
        let ago = self.now.since(gone.at);
        let carries = !segment.payload.is_empty() || segment.missing > 0;
        let begins = match gone.why {
            _ if syn && !same => true,
            _ if segment.flags.has(Flags::RST) => false,
            Why::NeverOpen if syn && !ack => ago >= SYN_AGAIN,
            Why::Closed | Why::NeverOpen => carries && ago >= LINGER,
            Why::Forgotten => syn || carries,
        };
        if !begins {
            gone.numbers.of(source, &mut self.numbers);
            return None;
        }
        let gone = self.past.take(place)?;
        // Wireshark sees another connection only in a SYN with another number.
        let numbers = if syn && !ack && (!same || start.is_none()) {
            Numbers::default()
        } else {
            gone.numbers
        };
        self.open(arrival, numbers, (budget, sink))
    }

    /// These addresses were never seen, or so long ago that they are forgotten.
    pub(super) fn first<F>(
        &mut self,
        arrival: &Arrival<'_>,
        (budget, sink): (&mut Budget, &mut F),
    ) -> Option<u32>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        if let Some(slot) = self.other_half(arrival) {
            return Some(slot);
        }
        let &Arrival { side, segment, .. } = arrival;
        if segment.flags.has(Flags::RST) {
            // The tail of a connection from before the capture: it counts for Wireshark, and says nothing.
            let mut numbers = Numbers::default();
            numbers.of(segment.at.source, &mut self.numbers);
            let ack = segment.flags.has(Flags::ACK).then_some(segment.ack);
            self.remember(Gone {
                hash: arrival.hash,
                starts: match side {
                    Side::Low => [Some(segment.seq), ack],
                    Side::High => [ack, Some(segment.seq)],
                },
                numbers,
                at: self.now,
                why: Why::Forgotten,
            });
            return None;
        }
        self.open(arrival, Numbers::default(), (budget, sink))
    }

    fn open<F>(
        &mut self,
        arrival: &Arrival<'_>,
        numbers: Numbers,
        (budget, sink): (&mut Budget, &mut F),
    ) -> Option<u32>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let segment = arrival.segment;
        self.make_room(budget, sink);
        let (client, roles_open) = guess_client(segment);
        let server = if client == segment.src {
            segment.dst
        } else {
            segment.src
        };
        let entry = Entry {
            conn: Conn {
                id: ConnId(self.next_id),
                client,
                server,
                syn: None,
                syn_ack: None,
                tcp_stream: 0,
                seen_on: Interfaces::default(),
                redirected: None,
                behind: [None; 2],
                both_ways: false,
                rank: Rank::default(),
                state: S::default(),
            },
            tcp: Connection::new(roles_open),
            numbers,
            last: segment.at,
            last_side: arrival.side,
            deadline: None,
            held: 0,
            held_since: None,
            drowsy: false,
            stirred: false,
        };
        let slot = self.slots.insert(entry)?;
        self.next_id = self.next_id.saturating_add(1);
        self.counters.connections = self.counters.connections.saturating_add(1);
        self.index.insert(arrival.hash, Place::Open(slot).value());
        self.lanes.make(slot);
        self.await_other_half(slot, segment);
        Some(slot)
    }
}

/// Who opened the connection, and whether the first data is to say it instead.
fn guess_client(segment: &Segment<'_>) -> (Endpoint, bool) {
    if segment.flags.has(Flags::SYN) {
        let answers = segment.flags.has(Flags::ACK);
        let client = if answers { segment.dst } else { segment.src };
        return (client, false);
    }
    // Well-known ports are below 1024 (RFC 6335 §6); below 32768 no system picks the port of a client by itself.
    let kind = |port: u16| match port {
        ..1024 => 0,
        1024..32768 => 1,
        _ => 2,
    };
    match kind(segment.src.port).cmp(&kind(segment.dst.port)) {
        std::cmp::Ordering::Less => (segment.dst, false),
        std::cmp::Ordering::Greater => (segment.src, false),
        std::cmp::Ordering::Equal => (segment.src, true),
    }
}
