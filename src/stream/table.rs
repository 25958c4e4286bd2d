//! The table of connections.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::flow::{ConnId, Endpoint, FlowKey};
use crate::limits::{Budget, Limit, Limits, Reached};
use crate::packet::{Flags, Segment};
use crate::stream::age::Ages;
use crate::stream::connection::{Connection, Scene, Side};
use crate::stream::numbers::{self, Numbers};
use crate::stream::past::{Gone, Past, Why};
use crate::stream::{End, StreamItem};
use crate::time::{Stamp, Timestamp};

/// For so long after its end, whatever comes is late and belongs to the connection that ended.
const LINGER: Duration = Duration::from_secs(60);
/// A SYN that is sent once more after a RST is no copy of the first when it comes so much later.
const SYN_AGAIN: Duration = Duration::from_millis(200);
/// A SYN that waited so long at the end of the capture was not answered.
const SYN_WAIT: Duration = Duration::from_secs(3);
/// Of the connections that may be followed, this part may be remembered after their end.
const PAST_PART: u64 = 4;
/// Holders of buffered bytes that give them up for one segment, before the segment's own connection does.
const GIVE_UP: usize = 8;

/// How dear a connection is when there is no room for all: the lowest are forgotten first, the oldest of them before
/// the others. The room above says it, for it knows what is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// No more than a SYN was seen.
    #[default]
    HalfOpen,
    /// Not HTTP, or not known yet.
    Unknown,
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
    /// Interfaces on which its packets were seen, the first first, at most eight.
    pub seen_on: Vec<u16>,
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

/// All connections that are followed. `S` is the state of the room above.
#[derive(Debug)]
pub struct Table<S> {
    limits: Limits,
    counters: Counters,
    index: HashMap<FlowKey, Place>,
    slots: Vec<Option<Entry<S>>>,
    free: Vec<u32>,
    ages: Ages,
    past: Past,
    numbers: numbers::Counters,
    /// Connections with a hole, by when it is to be skipped.
    due: BTreeSet<(Timestamp, u32)>,
    /// The latest time seen; it never goes back.
    now: Timestamp,
    /// The last record's stamp, for ends that no record shows.
    last: Stamp,
    next_idle: Timestamp,
    next_id: u64,
}

/// Where the connection with some pair of addresses is.
#[derive(Clone, Copy, Debug)]
enum Place {
    Open(u32),
    Past(u64),
}

/// A segment with whom it belongs to.
#[derive(Clone, Copy)]
struct Arrival<'a> {
    key: FlowKey,
    side: Side,
    segment: &'a Segment<'a>,
}

#[derive(Debug)]
struct Entry<S> {
    conn: Conn<S>,
    tcp: Connection,
    key: FlowKey,
    numbers: Numbers,
    /// Its last record, save for the time, which is the table's.
    last: Stamp,
    /// What stands in the table's `due`.
    deadline: Option<Timestamp>,
}

impl<S: Default> Table<S> {
    /// An empty table.
    pub fn new(limits: &Limits) -> Self {
        let past = limits.connections.checked_div(PAST_PART).unwrap_or(0);
        Self {
            limits: limits.clone(),
            counters: Counters::default(),
            index: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            ages: Ages::new(),
            past: Past::new(usize::try_from(past).unwrap_or(usize::MAX).max(1)),
            numbers: numbers::Counters::default(),
            due: BTreeSet::new(),
            now: Timestamp::MIN,
            last: Stamp::default(),
            next_idle: Timestamp::MIN,
            next_id: 0,
        }
    }

    /// Takes a segment and tells `sink` what follows from it, in order. The stamp is that of the record that made the
    /// item known: for bytes that waited behind a hole, of the record that filled it; where the hole was skipped, of
    /// the record that held them.
    pub fn push<F>(&mut self, segment: &Segment<'_>, budget: &mut Budget, sink: &mut F)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        self.now = self.now.max(segment.at.ts);
        self.last = segment.at;
        if segment.missing > 0 {
            self.counters.cut_short = self.counters.cut_short.saturating_add(1);
        }
        let key = FlowKey::new(segment.src, segment.dst);
        let side = if segment.src <= segment.dst {
            Side::Low
        } else {
            Side::High
        };
        let arrival = Arrival { key, side, segment };
        let slot = match self.index.get(&key).copied() {
            Some(Place::Open(slot)) => self.reuse(slot, arrival, (budget, sink)),
            Some(Place::Past(place)) => self.again(place, arrival, (budget, sink)),
            None => self.first(arrival, (budget, sink)),
        };
        if let Some(slot) = slot {
            self.segment(slot, arrival, (budget, sink));
        }
    }

    /// Lets time pass: holes that waited too long, connections that are idle. Costs a comparison or two where nothing
    /// is due, so it may be called with the time of each record.
    pub fn tick<F>(&mut self, now: Timestamp, budget: &mut Budget, sink: &mut F)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        self.now = self.now.max(now);
        while let Some(&(deadline, slot)) = self.due.first() {
            if deadline > self.now {
                break;
            }
            self.step(slot, None, (budget, sink), Connection::expire);
        }
        if self.now >= self.next_idle {
            self.next_idle = self.now.after(Duration::from_secs(1));
            self.sweep(budget, sink);
        }
    }

    /// The capture is over: what waits behind holes is handed on after its gap, then every connection ends with
    /// [`End::CaptureOver`](crate::flow::End::CaptureOver), in the order of their numbers. A SYN that waited for some
    /// seconds is [`End::Unanswered`](crate::flow::End::Unanswered).
    pub fn finish<F>(&mut self, budget: &mut Budget, sink: &mut F)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let mut open: Vec<(ConnId, u32)> = (0_u32..)
            .zip(&self.slots)
            .filter_map(|(slot, entry)| Some((entry.as_ref()?.conn.id, slot)))
            .collect();
        open.sort_unstable();
        for (_, slot) in open {
            let end = self.end_without_answer(slot).unwrap_or(End::CaptureOver);
            self.end(slot, end, (budget, sink));
        }
    }

    /// What was counted so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A connection is known: is this still the same one?
    fn reuse<F>(
        &mut self,
        slot: u32,
        arrival: Arrival<'_>,
        (budget, sink): (&mut Budget, &mut F),
    ) -> Option<u32>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let entry = self.slots.get(slot as usize)?.as_ref()?;
        if !entry.tcp.begins_another(arrival.side, arrival.segment) {
            return Some(slot);
        }
        self.end(slot, End::Replaced, (budget, sink));
        match self.index.get(&arrival.key).copied() {
            Some(Place::Past(place)) => self.again(place, arrival, (budget, sink)),
            _ => self.first(arrival, (budget, sink)),
        }
    }

    /// The connection with these addresses has ended: does another begin?
    fn again<F>(
        &mut self,
        place: u64,
        arrival: Arrival<'_>,
        (budget, sink): (&mut Budget, &mut F),
    ) -> Option<u32>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let Arrival { side, segment, .. } = arrival;
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
    fn first<F>(
        &mut self,
        arrival: Arrival<'_>,
        (budget, sink): (&mut Budget, &mut F),
    ) -> Option<u32>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let Arrival { key, side, segment } = arrival;
        if segment.flags.has(Flags::RST) {
            // The tail of a connection from before the capture: it counts for Wireshark, and says nothing.
            let mut numbers = Numbers::default();
            numbers.of(segment.at.source, &mut self.numbers);
            let ack = segment.flags.has(Flags::ACK).then_some(segment.ack);
            self.remember(Gone {
                key,
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
        arrival: Arrival<'_>,
        numbers: Numbers,
        (budget, sink): (&mut Budget, &mut F),
    ) -> Option<u32>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let Arrival { key, segment, .. } = arrival;
        self.make_room(budget, sink);
        let slot = if let Some(slot) = self.free.pop() {
            slot
        } else {
            self.slots.push(None);
            u32::try_from(self.slots.len().saturating_sub(1)).ok()?
        };
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
                seen_on: Vec::new(),
                both_ways: false,
                rank: Rank::default(),
                state: S::default(),
            },
            tcp: Connection::new(roles_open),
            key,
            numbers,
            last: segment.at,
            deadline: None,
        };
        self.next_id = self.next_id.saturating_add(1);
        self.counters.connections = self.counters.connections.saturating_add(1);
        self.index.insert(key, Place::Open(slot));
        *self.slots.get_mut(slot as usize)? = Some(entry);
        Some(slot)
    }

    fn make_room<F>(&mut self, budget: &mut Budget, sink: &mut F)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let most = usize::try_from(self.limits.connections).unwrap_or(usize::MAX);
        while self.slots.len().saturating_sub(self.free.len()) >= most.max(1) {
            let Some(slot) = self.ages.lowest() else {
                return;
            };
            self.counters.evictions = self.counters.evictions.saturating_add(1);
            self.counters.reached.count(Limit::connections);
            let end = self.end_without_answer(slot).unwrap_or(End::Evicted);
            self.end(slot, end, (budget, sink));
        }
    }

    fn segment<F>(&mut self, slot: u32, arrival: Arrival<'_>, (budget, sink): (&mut Budget, &mut F))
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let Arrival { side, segment, .. } = arrival;
        let Some(Some(entry)) = self.slots.get_mut(slot as usize) else {
            return;
        };
        entry.last = segment.at;
        entry.conn.tcp_stream = entry.numbers.of(segment.at.source, &mut self.numbers);
        let opens = !segment.flags.has(Flags::SYN) || segment.flags.has(Flags::ACK);
        if entry.conn.rank == Rank::HalfOpen && opens && !segment.flags.has(Flags::RST) {
            entry.conn.rank = Rank::Unknown;
        }
        if entry.deadline.is_some_and(|deadline| deadline <= self.now) {
            self.step(slot, None, (budget, sink), Connection::expire);
        }
        let needs = Connection::cost(segment);
        if budget.limit().saturating_sub(budget.used()) < needs {
            self.give_up_others(slot, arrival, (budget, sink));
        }
        self.step(slot, Some(segment.at), (budget, sink), |tcp, scene| {
            tcp.segment(side, segment, scene)
        });
    }

    /// The budget has no room for a segment that came too early: those whose holes are due first give up theirs.
    fn give_up_others<F>(
        &mut self,
        slot: u32,
        Arrival { side, segment, .. }: Arrival<'_>,
        (budget, sink): (&mut Budget, &mut F),
    ) where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let Some(Some(entry)) = self.slots.get(slot as usize) else {
            return;
        };
        if !entry.tcp.would_hold(side, segment) {
            return;
        }
        let holders: Vec<u32> = self
            .due
            .iter()
            .map(|&(_, holder)| holder)
            .filter(|&holder| holder != slot)
            .take(GIVE_UP)
            .collect();
        for holder in holders {
            if budget.limit().saturating_sub(budget.used()) >= Connection::cost(segment) {
                return;
            }
            self.counters.reached.count(Limit::buffered_bytes_total);
            self.step(holder, None, (budget, sink), Connection::flush);
        }
    }

    /// A step on one connection, and what follows from it: its end, its next deadline, its place among the others.
    fn step<F>(
        &mut self,
        slot: u32,
        at: Option<Stamp>,
        (budget, sink): (&mut Budget, &mut F),
        step: impl FnOnce(&mut Connection, &mut Scene<'_, S, F>) -> Option<End>,
    ) where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let Some(Some(entry)) = self.slots.get_mut(slot as usize) else {
            return;
        };
        let mut scene = Scene {
            now: self.now,
            at: at.unwrap_or(entry.last),
            conn: &mut entry.conn,
            limits: &self.limits,
            counters: &mut self.counters,
            budget,
            sink,
        };
        if let Some(end) = step(&mut entry.tcp, &mut scene) {
            return self.end(slot, end, (budget, sink));
        }
        let deadline = entry.tcp.deadline(&self.limits, entry.conn.both_ways);
        if deadline != entry.deadline {
            if let Some(old) = entry.deadline {
                self.due.remove(&(old, slot));
            }
            if let Some(new) = deadline {
                self.due.insert((new, slot));
            }
            entry.deadline = deadline;
        }
        if at.is_some() {
            self.ages.touch(slot, entry.conn.rank, self.now);
        }
    }

    /// Ends a connection: hands on what it holds, says how it ended, and keeps what late segments need.
    fn end<F>(&mut self, slot: u32, end: End, (budget, sink): (&mut Budget, &mut F))
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let Some(mut entry) = self.slots.get_mut(slot as usize).and_then(Option::take) else {
            return;
        };
        self.free.push(slot);
        self.ages.remove(slot);
        if let Some(deadline) = entry.deadline {
            self.due.remove(&(deadline, slot));
        }
        let mut scene = Scene {
            now: self.now,
            at: entry.last,
            conn: &mut entry.conn,
            limits: &self.limits,
            counters: &mut self.counters,
            budget,
            sink,
        };
        let end = entry.tcp.flush(&mut scene).unwrap_or(end);
        let at = match end {
            // Only the passing of time shows these.
            End::Idle | End::Unanswered | End::CaptureOver => Stamp {
                ts: self.now,
                ..entry.last
            },
            End::Evicted | End::Replaced => self.last,
            End::Fin | End::Rst(_) | End::Refused => entry.last,
        };
        if !entry.conn.both_ways {
            self.counters.one_sided = self.counters.one_sided.saturating_add(1);
        }
        sink(&mut entry.conn, at, StreamItem::End(end), budget);
        self.remember(Gone {
            key: entry.key,
            starts: entry.tcp.starts(),
            numbers: entry.numbers,
            at: self.now,
            why: match end {
                End::Fin | End::Rst(_) | End::Replaced => Why::Closed,
                End::Refused | End::Unanswered => Why::NeverOpen,
                End::Idle | End::Evicted | End::CaptureOver => Why::Forgotten,
            },
        });
    }

    fn remember(&mut self, gone: Gone) {
        let key = gone.key;
        let (place, forgotten) = self.past.push(gone);
        if let Some(forgotten) = forgotten
            && forgotten.key != key
        {
            self.index.remove(&forgotten.key);
        }
        self.index.insert(key, Place::Past(place));
    }

    /// How a connection of which only SYNs were seen ends when it is forgotten.
    fn end_without_answer(&self, slot: u32) -> Option<End> {
        let entry = self.slots.get(slot as usize)?.as_ref()?;
        let waited = self.now.since(entry.conn.syn?.ts);
        (entry.tcp.is_half_open() && waited >= SYN_WAIT).then_some(End::Unanswered)
    }

    /// Forgets the connections that are idle.
    fn sweep<F>(&mut self, budget: &mut Budget, sink: &mut F)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let span = self.limits.span(Limit::idle_timeout);
        while let Some(slot) = self.ages.idle(span, self.now) {
            // Listed to a second only: it may have been seen a little later.
            if let Some(Some(entry)) = self.slots.get(slot as usize)
                && entry.last.ts.after(span) > self.now
            {
                self.ages.relist(slot, entry.conn.rank, entry.last.ts);
                continue;
            }
            self.counters.reached.count(Limit::idle_timeout);
            let end = self.end_without_answer(slot).unwrap_or(End::Idle);
            self.end(slot, end, (budget, sink));
        }
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

impl<S> Conn<S> {
    /// Swaps client and server: the room above has read who is who. Only before any item but this one was told.
    pub fn flip(&mut self) {
        std::mem::swap(&mut self.client, &mut self.server);
    }
}
