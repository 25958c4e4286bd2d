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

    /// Another connection begins. Its slot, if its first segment is still to be taken.
    fn open<F>(
        &mut self,
        arrival: &Arrival<'_>,
        numbers: Numbers,
        (budget, sink): (&mut Budget, &mut F),
    ) -> Option<u32>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        self.make_room(budget, sink);
        let slot = self.enter(arrival, numbers)?;
        if !is_plain_syn(arrival.segment) {
            return Some(slot);
        }
        self.begin(slot, arrival);
        None
    }

    /// Makes a place for a connection of which nothing is known yet.
    pub(super) fn enter(&mut self, arrival: &Arrival<'_>, numbers: Numbers) -> Option<u32> {
        let segment = arrival.segment;
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

    /// Takes the SYN that begins a connection: of all that a segment may bring about, there is little that this one can.
    fn begin(&mut self, slot: u32, arrival: &Arrival<'_>) {
        let &Arrival { side, segment, .. } = arrival;
        let (Some((pair, recents)), Some(entry)) =
            (self.lanes.with_recents(slot), self.slots.get_mut(slot))
        else {
            return;
        };
        entry.number(arrival, &mut self.numbers);
        let start = segment.seq.wrapping_add(1);
        entry.tcp.begin(side, start);
        entry.conn.syn = Some(segment.at);
        entry.conn.seen_on = Interfaces::only(segment.at.iface);
        entry.conn.comes_to(side, start);
        recents.remember((slot, side), &segment.usual(), &segment.at, self.now);
        pair.learn_place(side, segment.at);
        self.ages.relist(slot, Rank::HalfOpen, self.now);
    }
}

/// A SYN as nearly all are: it asks, and carries nothing.
const fn is_plain_syn(segment: &Segment<'_>) -> bool {
    const ALL: u8 = Flags::SYN | Flags::ACK | Flags::FIN | Flags::RST;
    segment.flags.0 & ALL == Flags::SYN && segment.payload.is_empty() && segment.missing == 0
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

#[cfg(test)]
mod tests {
    use super::super::Table;
    use super::*;
    use crate::limits::Limits;
    use crate::time::Timestamp;

    /// What is left out of the way of any other segment changes nothing.
    #[test]
    fn a_syn_brings_about_the_same_by_the_way_of_any_segment() {
        let low = Endpoint::new([10, 0, 0, 1].into(), 40_000);
        let high = Endpoint::new([10, 0, 0, 2].into(), 80);
        for (src, dst) in [(low, high), (high, low)] {
            let segment = Segment {
                at: Stamp {
                    ts: Timestamp::from_secs(9, 7),
                    frame: 3,
                    source: 1,
                    iface: 2,
                },
                src,
                dst,
                seq: u32::MAX,
                ack: 0,
                flags: Flags(Flags::SYN),
                window: 1,
                ttl: 64,
                ip_id: 5,
                payload: b"",
                missing: 0,
            };
            let mut told = 0;
            let mut sink = |_: &mut Conn<()>, _, _: StreamItem<'_>, _: &mut Budget| told += 1;
            let mut budget = Budget::new(1 << 20);
            let mut both = [
                Table::new(&Limits::default()),
                Table::new(&Limits::default()),
            ];
            let slots = [0, 1].map(|way| {
                let table = &mut both[way];
                table.now = segment.at.ts;
                let ends = crate::flow::Ends::new(src, dst);
                let addressed = table.address(ends, segment.usual());
                let arrival = addressed.arrival(&segment);
                let slot = table.enter(&arrival, Numbers::default()).unwrap();
                if way == 0 {
                    table.begin(slot, &arrival);
                } else {
                    table.segment(slot, &arrival, (&mut budget, &mut sink));
                }
                slot
            });
            let [short, long] = &mut both;
            let (here, there) = (short.slots.get(slots[0]), long.slots.get(slots[1]));
            assert!(here.unwrap().is_same(there.unwrap()), "{here:?} {there:?}");
            let pairs = [short, long].map(|table| format!("{:?} {:?}", table.lanes, table.ages));
            assert_eq!(pairs[0], pairs[1]);
            assert_eq!(told, 0);
        }
    }
}
