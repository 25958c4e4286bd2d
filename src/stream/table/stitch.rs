//! The second pair of addresses of a connection: finding it, and leading its segments to the connection.

use super::{Arrival, Entry, Place, Table};
use crate::flow::{Endpoint, FlowKey};
use crate::packet::{Flags, Segment};
use crate::stream::conn::Side;
use crate::stream::halves::Redirected;
use crate::stream::index::Hash;
use crate::stream::lane::Above;
use crate::stream::numbers::{self, Numbers};

impl<S: Above> Table<S> {
    /// A connection that was begun: its other half may come under another pair of addresses.
    pub(super) fn await_other_half(&mut self, slot: u32, segment: &Segment<'_>) {
        self.halves.begins(segment.src, slot);
        if !segment.flags.has(Flags::SYN) || segment.flags.has(Flags::ACK) {
            self.halves.is_addressed(segment.dst, slot);
        }
    }

    /// The connection of which a segment with these unknown addresses shows the other half. It goes there from now on,
    /// and so does all that has its addresses.
    pub(super) fn other_half(&mut self, arrival: &Arrival<'_>) -> Option<u32> {
        let &Arrival { segment, .. } = arrival;
        let answered = self
            .halves
            .begun_by(segment.dst)
            .filter(|&slot| self.is_other_half(slot, segment.dst, arrival));
        if let Some(slot) = answered {
            let numbers = self.numbers_of_past(arrival.hash);
            let entry = self.slots.get_mut(slot)?;
            entry.is_seen_as(arrival.key(), segment.dst, numbers)?;
            self.index.insert(arrival.hash, Place::Open(slot).value());
            return Some(slot);
        }
        // The answers came first: the order of records is not always that of the wire, and a capture begins anywhere.
        let slot = self.halves.addressed_to(segment.src)?;
        if !self.is_other_half(slot, segment.src, arrival) {
            let may_still = |entry: &Entry<S>| !entry.conn.both_ways;
            let entry = self.slots.get(slot);
            if !entry.is_some_and(may_still) {
                self.halves.clear_addressed(segment.src);
            }
            return None;
        }
        let numbers = self.numbers_of_past(arrival.hash);
        let entry = self.slots.get_mut(slot)?;
        entry.is_seen_as(arrival.key(), segment.src, numbers)?;
        if entry.exchange_pairs(segment.src, segment.dst) {
            self.lanes.exchange_sides(slot);
        }
        self.index.insert(arrival.hash, Place::Open(slot).value());
        Some(slot)
    }

    fn is_other_half(&self, slot: u32, client: Endpoint, arrival: &Arrival<'_>) -> bool {
        let Some(entry) = self.slots.get(slot) else {
            return false;
        };
        entry.conn.redirected.is_none()
            && entry.key() != arrival.key()
            && entry.side_of(client).is_some_and(|side| {
                let seen = if client == arrival.segment.dst {
                    side
                } else {
                    side.other()
                };
                entry.tcp.is_other_half(seen, arrival.segment)
            })
    }

    /// The numbers that a pair of addresses has in Wireshark, if an earlier connection had it.
    fn numbers_of_past(&mut self, hash: Hash) -> Numbers {
        match self.place(hash) {
            Some(Place::Past(place)) => self.past.take(place).map(|gone| gone.numbers),
            _ => None,
        }
        .unwrap_or_default()
    }
}

impl<S> Entry<S> {
    /// The first pair of addresses.
    pub(super) fn key(&self) -> FlowKey {
        FlowKey::new(self.conn.client, self.conn.server)
    }

    /// Which side of the connection sent a segment: by the first pair of addresses, whichever it bears.
    pub(super) fn side(&self, arrival: &Arrival<'_>) -> Side {
        match self.conn.redirected.as_deref() {
            Some(other) if other.crossed && other.key == arrival.key() => arrival.side.other(),
            _ => arrival.side,
        }
    }

    /// Gives the pair of addresses of a segment its number in Wireshark.
    pub(super) fn number(&mut self, arrival: &Arrival<'_>, counters: &mut numbers::Counters) {
        let source = arrival.segment.at.source;
        match self.conn.redirected.as_deref_mut() {
            Some(other) if other.key == arrival.key() => {
                other.tcp_stream = other.numbers.of(source, counters);
            }
            _ => self.conn.tcp_stream = self.numbers.of(source, counters),
        }
    }

    fn side_of(&self, endpoint: Endpoint) -> Option<Side> {
        side_in(self.key(), endpoint)
    }

    fn is_seen_as(&mut self, key: FlowKey, client: Endpoint, numbers: Numbers) -> Option<()> {
        let (here, there) = (self.side_of(client)?, side_in(key, client)?);
        self.conn.redirected = Some(Box::new(Redirected {
            from: key.other(client)?,
            tcp_stream: 0,
            key,
            crossed: here != there,
            numbers,
        }));
        Some(())
    }

    /// The second pair is that on which the client asks: it becomes the first. Whether the sides have changed places.
    fn exchange_pairs(&mut self, client: Endpoint, listener: Endpoint) -> bool {
        let first = self.key();
        let Some(other) = self.conn.redirected.as_deref_mut() else {
            return false;
        };
        other.key = first;
        std::mem::swap(&mut self.numbers, &mut other.numbers);
        // Where no SYN was seen, the ports may have been read the wrong way.
        let dialled = if self.conn.client == client {
            &mut self.conn.server
        } else {
            &mut self.conn.client
        };
        other.from = std::mem::replace(dialled, listener);
        std::mem::swap(&mut self.conn.tcp_stream, &mut other.tcp_stream);
        if other.crossed {
            self.tcp.exchange_sides();
        }
        other.crossed
    }
}

fn side_in(key: FlowKey, endpoint: Endpoint) -> Option<Side> {
    let other = key.other(endpoint)?;
    Some(if endpoint <= other {
        Side::Low
    } else {
        Side::High
    })
}
