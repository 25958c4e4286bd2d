//! From records to facts: every connection is followed through the protocols that it speaks.
//!
//! Wires the rooms before it together and is the last that sees bytes. Knows one connection at a time; what it states is
//! owned, bounded, and about that connection alone. Nothing here judges.

mod connection;
mod content;
mod exchange;
mod folded;
mod hello;
mod hunt;
mod link;
mod passage;
mod pending;
mod pings;
mod preface;
mod probe;
mod probing;
mod socket;
mod sync;
#[cfg(test)]
mod tests;
mod tls;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::dissect::connection::Connection;
use crate::dissect::link::{Counts, Link};
use crate::dissect::passage::Begun;
use crate::event::{Event, Health};
use crate::flow::ConnId;
use crate::limits::{Budget, Limits};
use crate::packet::{self, Decoder, Packet, Undecoded};
use crate::record::{LinkType, Record};
use crate::stream::{Addressed, Conn, StreamItem, Table};
use crate::time::{Stamp, Timestamp};

/// Records whose connections are looked for at once.
const AHEAD: usize = 16;
/// Connections whose end is told at once when the capture is over.
const FINISHED_TOGETHER: usize = 64;
/// Packet time between two [`Event::Tick`].
const TICK: Duration = Duration::from_millis(50);
/// Time between two of them where no packets come: what is due then waits for nothing else.
const QUIET_TICK: Duration = Duration::from_millis(20);
/// Packet time between two [`Event::Health`].
const HEALTH: Duration = Duration::from_secs(1);

/// Reads records and states what they show.
#[derive(Debug)]
pub struct Dissector {
    limits: Limits,
    live: bool,
    budget: Budget,
    decoder: Decoder,
    table: Table<Connection>,
    counts: Counts,
    seen: Seen,
    next_tick: Timestamp,
    last_health: Option<Timestamp>,
    /// Facts of the record at hand; empty between two calls.
    events: Vec<Event>,
}

/// What was counted of records.
#[derive(Debug)]
struct Seen {
    packets: u64,
    bytes: u64,
    not_decoded: u64,
    unknown_links: BTreeMap<LinkType, u64>,
    first: Option<Timestamp>,
    /// The latest time; nothing while there is no first.
    now: Timestamp,
}

impl Dissector {
    /// Nothing seen yet. `live`: Wireshark has not numbered these connections.
    pub fn new(limits: &Limits, live: bool) -> Self {
        Self {
            limits: limits.clone(),
            live,
            budget: Budget::new(limits.buffered_bytes_total),
            decoder: Decoder::new(limits),
            table: Table::new(limits),
            counts: Counts::default(),
            seen: Seen {
                packets: 0,
                bytes: 0,
                not_decoded: 0,
                unknown_links: BTreeMap::new(),
                first: None,
                now: Timestamp::MIN,
            },
            next_tick: Timestamp::MIN,
            last_health: None,
            events: Vec::new(),
        }
    }

    /// Takes the next record.
    pub fn push(&mut self, record: &Record<'_>, out: &mut impl Extend<Event>) {
        self.push_all(std::slice::from_ref(record), out);
    }

    /// Takes the next records: the same as one by one, but that they wait for memory together.
    pub fn push_all(&mut self, records: &[Record<'_>], out: &mut impl Extend<Event>) {
        let mut rest = records;
        while let [first, others @ ..] = rest {
            self.seen.count(std::slice::from_ref(first));
            if first.at.ts >= self.next_tick {
                self.tick_at(first.at.ts);
            }
            // Time passes before the next one of which it is due.
            let before = others.iter().take(AHEAD - 1);
            let before = before.take_while(|record| record.at.ts < self.next_tick);
            let (near, behind) = others.split_at_checked(before.count()).unwrap_or_default();
            self.seen.count(near);
            let (near, _) = rest.split_at_checked(near.len() + 1).unwrap_or_default();
            self.take_near(near);
            rest = behind;
        }
        if !self.events.is_empty() {
            out.extend(self.events.drain(..));
        }
    }

    /// Takes so few records that all of them may be looked for before the first is taken.
    fn take_near(&mut self, records: &[Record<'_>]) {
        let mut ahead = [None; AHEAD];
        for (place, record) in ahead.iter_mut().zip(records) {
            packet::usual(record, |ends, usual| {
                *place = Some(self.table.address(ends, usual));
            });
        }
        self.table.reach(&mut ahead);
        for (record, addressed) in records.iter().zip(&ahead) {
            match addressed {
                Some(addressed) if self.table.pass(addressed, &record.at) => {}
                Some(addressed) => self.take_whole(record, addressed),
                None => self.decode(record),
            }
        }
    }

    /// Takes a usual segment of which something is to be told.
    #[inline(never)]
    fn take_whole(&mut self, record: &Record<'_>, addressed: &Addressed<'_>) {
        self.make_room();
        let word = self.table.take(
            addressed,
            &record.at,
            || packet::straight(record),
            (
                &mut self.budget,
                &mut sink(&self.limits, self.live, &mut self.counts, &mut self.events),
            ),
        );
        say(record.at, word, &mut self.events);
    }

    /// Takes a record that is none of the usual ones.
    #[inline(never)]
    fn decode(&mut self, record: &Record<'_>) {
        self.make_room();
        match self.decoder.walk(record, &mut self.budget) {
            Packet::Segment(segment) => {
                let word = self.table.push(
                    &segment,
                    &mut self.budget,
                    &mut sink(&self.limits, self.live, &mut self.counts, &mut self.events),
                );
                say(segment.at, word, &mut self.events);
            }
            Packet::Other => {}
            Packet::NotDecoded(why) => {
                self.seen.not_decoded += 1;
                if let Undecoded::Link(link) = why {
                    *self.seen.unknown_links.entry(link).or_default() += 1;
                }
            }
        }
    }

    /// Where the budget is used up, whoever began first to hold something gives it up, a connection or a datagram in fragments,
    /// until there is room for the next record.
    fn make_room(&mut self) {
        while self.budget.is_short() {
            let fragments = self.decoder.oldest_holder();
            let connection = self.table.oldest_holder();
            let freed = match (fragments, connection) {
                (None, None) => return,
                (Some(waits), holds) if holds.is_none_or(|since| waits <= since) => {
                    self.decoder.give_up(&mut self.budget)
                }
                _ => self.table.give_up(
                    &mut self.budget,
                    &mut sink(&self.limits, self.live, &mut self.counts, &mut self.events),
                ),
            };
            if !freed {
                return;
            }
        }
    }

    /// Lets time pass: on its own where no records come.
    pub fn tick(&mut self, now: Timestamp, out: &mut impl Extend<Event>) {
        if now.after(TICK.saturating_sub(QUIET_TICK)) >= self.next_tick {
            self.seen.now = self.seen.now.max(now);
            self.tick_at(now);
        }
        out.extend(self.events.drain(..));
    }

    #[inline(never)]
    fn tick_at(&mut self, now: Timestamp) {
        self.seen.first.get_or_insert(now);
        self.next_tick = now.after(TICK);
        self.table.tick(
            now,
            &mut self.budget,
            &mut sink(&self.limits, self.live, &mut self.counts, &mut self.events),
        );
        self.events.push(Event::Tick(now));
        let health_from = *self.last_health.get_or_insert(now);
        if now >= health_from.after(HEALTH) {
            self.last_health = Some(now);
            self.events.push(Event::Health(Box::new(self.health())));
        }
    }

    /// The capture is over.
    pub fn finish(&mut self, out: &mut impl Extend<Event>) {
        while self.finish_some(out) {}
    }

    /// The capture is over: tells the end of some connections, and false with the state of the capture once that was told
    /// of all. Who hands on what is told after each call never keeps much of it.
    pub fn finish_some(&mut self, out: &mut impl Extend<Event>) -> bool {
        self.decoder.finish(&mut self.budget);
        let has_more = self.table.finish_some(
            FINISHED_TOGETHER,
            &mut self.budget,
            &mut sink(&self.limits, self.live, &mut self.counts, &mut self.events),
        );
        if !has_more {
            self.events.push(Event::Health(Box::new(self.health())));
        }
        out.extend(self.events.drain(..));
        has_more
    }

    /// The budget that all buffers share, as it is used now.
    pub const fn budget(&self) -> &Budget {
        &self.budget
    }

    /// What was seen and lost so far. What only the pipeline knows (drops of kernel and interface, events that were
    /// shed) is 0.
    pub fn health(&self) -> Health {
        let table = self.table.counters();
        let mut reached = self.counts.reached.clone();
        reached.add(&table.reached);
        reached.add(self.decoder.reached());
        Health {
            packets: self.seen.packets,
            bytes: self.seen.bytes,
            kernel_drops: 0,
            iface_drops: 0,
            gaps: table.gaps,
            gap_bytes: table.gap_bytes,
            evictions: table.evictions,
            shed_events: 0,
            connections: table.connections,
            tls_connections: self.counts.tls,
            http2_connections: self.counts.http2,
            one_sided_connections: table.one_sided,
            plain_http: self.counts.plain,
            not_decoded: self.seen.not_decoded,
            unknown_links: self.seen.unknown_links.clone(),
            cut_short: table.cut_short,
            overlaps: table.overlaps,
            reached,
            now: self.seen.first.map(|_| self.seen.now),
            first: self.seen.first,
        }
    }
}

impl Seen {
    fn count(&mut self, records: &[Record<'_>]) {
        for record in records {
            self.packets += 1;
            self.bytes += u64::from(record.wire_len);
            // Clocks step back, and files that are merged do; time does not.
            self.now = self.now.max(record.at.ts);
        }
    }
}

/// Tells what was found of bytes that pass by.
#[inline]
fn say(at: Stamp, word: Option<(ConnId, Begun)>, events: &mut Vec<Event>) {
    if let Some((conn, begun)) = word {
        let facts = begun.facts().into_iter().flatten();
        events.extend(facts.map(|fact| Event::Conn { conn, at, fact }));
    }
}

/// Where the table puts what it finds.
fn sink<'a>(
    limits: &'a Limits,
    live: bool,
    counts: &'a mut Counts,
    events: &'a mut Vec<Event>,
) -> impl FnMut(&mut Conn<Connection>, Stamp, StreamItem<'_>, &mut Budget) + 'a {
    move |conn, at, item, budget| {
        let mut link = Link {
            conn,
            at,
            limits,
            budget,
            counts,
            events,
            live,
        };
        connection::take(&mut link, item);
    }
}
