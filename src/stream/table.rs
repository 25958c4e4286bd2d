//! The table of connections: each segment finds its own, takes a step there, and time passes for all of them.

mod ends;
mod holders;
mod place;
mod stitch;
mod whose;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::flow::{ConnId, Ends, FlowKey};
use crate::limits::{Budget, Limits};
use crate::packet::{Flags, Segment, Usual};
use crate::stream::age::Ages;
use crate::stream::ahead::{self, Addressed};
use crate::stream::conn::{Conn, Counters, Rank, Side};
use crate::stream::connection::{Connection, Scene};
use crate::stream::halves::Halves;
use crate::stream::index::{Hash, Index};
use crate::stream::lane::{Above, Begins, Lanes, Pair, Way};
use crate::stream::numbers::{self, Numbers};
use crate::stream::past::Past;
use crate::stream::slots::Slots;
use crate::stream::table::place::Place;
use crate::stream::{End, StreamItem};
use crate::time::{Stamp, Timestamp};

/// Of the connections that may be followed, this part may be remembered after their end.
const PAST_PART: u64 = 4;
/// Connections that are put in order at once when the capture is over.
const FINISHED_TOGETHER: usize = 1 << 17;

/// All connections that are followed. `S` is the state of the room above.
#[derive(Debug)]
pub struct Table<S: Above> {
    limits: Limits,
    counters: Counters,
    index: Index,
    lanes: Lanes<S::Passage>,
    slots: Slots<S>,
    ages: Ages,
    past: Past,
    halves: Halves,
    numbers: numbers::Counters,
    /// Connections with a hole, by when it is to be skipped.
    due: BTreeSet<(Timestamp, u32)>,
    /// Connections for which something is charged to the budget, by since when.
    holders: BTreeSet<(Timestamp, u32)>,
    /// The latest time seen; it never goes back.
    now: Timestamp,
    /// The last record's stamp, for ends that no record shows.
    last: Stamp,
    next_idle: Timestamp,
    /// The capture is over. The next connections to be told of are listed, the first last.
    ending: Option<Vec<u32>>,
    /// The SYNs that were seen last until then are told where they wait.
    waits_told: Timestamp,
    next_id: u64,
}

/// A segment with whom it belongs to.
#[derive(Clone, Copy)]
struct Arrival<'a> {
    hash: Hash,
    side: Side,
    segment: &'a Segment<'a>,
}

impl Addressed<'_> {
    /// With all there is to know of the segment.
    const fn arrival<'a>(&self, segment: &'a Segment<'a>) -> Arrival<'a> {
        Arrival {
            hash: self.hash,
            side: self.side,
            segment,
        }
    }
}

impl Arrival<'_> {
    /// Its pair of addresses.
    fn key(&self) -> FlowKey {
        FlowKey::new(self.segment.src, self.segment.dst)
    }
}

/// A connection that is not folded up.
#[derive(Debug)]
pub(super) struct Entry<S> {
    pub(super) conn: Conn<S>,
    pub(super) tcp: Connection,
    pub(super) numbers: Numbers,
    /// Its last record, save for the time, which is the table's.
    pub(super) last: Stamp,
    /// Who sent that.
    pub(super) last_side: Side,
    /// What stands in the table's `due`.
    pub(super) deadline: Option<Timestamp>,
    /// What is charged to the budget for it, here and in the room above.
    pub(super) held: u64,
    /// What stands in the table's `holders`.
    pub(super) held_since: Option<Timestamp>,
    /// Something unusual happened since it was listed among those that may be folded up.
    pub(super) stirred: bool,
}

impl<S: Above> Table<S> {
    /// An empty table.
    pub fn new(limits: &Limits) -> Self {
        let past = limits.connections.checked_div(PAST_PART).unwrap_or(0);
        Self {
            limits: limits.clone(),
            counters: Counters::default(),
            index: Index::new(),
            lanes: Lanes::new(),
            slots: Slots::new(),
            ages: Ages::new(),
            past: Past::new(usize::try_from(past).unwrap_or(usize::MAX).max(1)),
            halves: Halves::new(),
            numbers: numbers::Counters::default(),
            due: BTreeSet::new(),
            holders: BTreeSet::new(),
            now: Timestamp::MIN,
            last: Stamp::default(),
            next_idle: Timestamp::MIN,
            ending: None,
            waits_told: Timestamp::MIN,
            next_id: 0,
        }
    }

    /// Takes a segment and tells `sink` what follows from it, in order. The stamp is that of the record that made the
    /// item known: for bytes that waited behind a hole, of the record that filled it; where the hole was skipped, of
    /// the record that held them.
    ///
    /// Where the room above need not be shown the bytes for it, what is to be told of them is returned, with whose they are.
    pub fn push<F>(
        &mut self,
        segment: &Segment<'_>,
        budget: &mut Budget,
        sink: &mut F,
    ) -> Option<(ConnId, S::Word)>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let ends = Ends::new(segment.src, segment.dst);
        let mut addressed = self.address(ends, segment.usual());
        addressed.known = self.index.know(addressed.hash);
        if segment.missing > 0 {
            self.counters.cut_short = self.counters.cut_short.saturating_add(1);
            self.last = segment.at;
            let place = self.place(addressed.hash);
            self.take_whole(place, &addressed.arrival(segment), (budget, sink));
        } else if !self.pass(&addressed, &segment.at) {
            return self.take(&addressed, &segment.at, || Some(*segment), (budget, sink));
        }
        None
    }

    /// A usual segment that is to come, with what finds its connection.
    #[inline]
    pub(crate) fn address<'a>(&self, ends: Ends, usual: Usual<'a>) -> Addressed<'a> {
        Addressed::new(ends, usual, &self.index)
    }

    /// Looks up the connections of these segments, and asks the memory for what will be needed of them, all at once.
    #[inline]
    pub(crate) fn reach(&self, ahead: &mut [Option<Addressed<'_>>]) {
        ahead::reach(ahead, &self.index, &self.lanes);
    }

    /// Lets a segment that was captured at this time and place go the short way. False, and nothing changed but the time,
    /// where [`Table::take`] is to take it.
    #[expect(clippy::inline_always, reason = "nearly all packets go this way")]
    #[inline(always)]
    pub(crate) fn pass(&mut self, addressed: &Addressed<'_>, at: &Stamp) -> bool {
        self.now = self.now.max(at.ts);
        let Some(slot) = self.index.get_known(addressed.hash, addressed.known) else {
            return false;
        };
        // What is over has no lane.
        self.lanes
            .pass::<S>(slot, addressed.side, &addressed.segment, (at, self.now))
    }

    /// Takes a segment the long way, and tells `sink`, or returns, what [`Table::push`] does. All of it is asked for only
    /// where there is more to it than the next bytes of a connection.
    #[inline(never)]
    pub(crate) fn take<'a, F>(
        &mut self,
        addressed: &Addressed<'a>,
        at: &Stamp,
        whole: impl FnOnce() -> Option<Segment<'a>>,
        (budget, sink): (&mut Budget, &mut F),
    ) -> Option<(ConnId, S::Word)>
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        self.last = *at;
        let place = self.index.get_known(addressed.hash, addressed.known);
        let place = place.map(|value| Place::of(value, &self.past));
        if let Some(Place::Open(slot)) = place
            && let Some((pair, recents)) = self.lanes.with_recents(slot)
            && let Some(next) = pair.goes_on(addressed.side, &addressed.segment, at)
        {
            let &Addressed { segment, side, .. } = addressed;
            let begins = pair.begin::<S>(side, segment.payload, at);
            let mut is_noted = || {
                S::note_of(pair.passage(side), segment.payload)
                    .is_some_and(|note| self.slots.note(slot, side, &note, at.ts))
            };
            if !matches!(begins, Begins::Not) || is_noted() {
                recents.remember((slot, side), &segment, at, self.now);
                pair.let_by(side, &segment, (at, next));
                return match begins {
                    Begins::With(word) => self.slots.id(slot).map(|id| (id, word)),
                    Begins::Not | Begins::Quietly => None,
                };
            }
            self.tell(slot, (addressed, at, next), (budget, sink));
        } else if let Some(segment) = whole() {
            self.take_whole(place, &addressed.arrival(&segment), (budget, sink));
        }
        None
    }

    /// Takes a segment that may be anything.
    fn take_whole<F>(
        &mut self,
        place: Option<Place>,
        arrival: &Arrival<'_>,
        (budget, sink): (&mut Budget, &mut F),
    ) where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let slot = match place {
            Some(Place::Open(slot)) => {
                self.land(slot);
                if arrival.segment.flags.has(Flags::SYN) {
                    self.reuse(slot, arrival, (budget, sink))
                } else {
                    Some(slot)
                }
            }
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
            self.step(slot, (budget, sink), Connection::expire);
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
        while self.finish_some(usize::MAX, budget, sink) {}
    }

    /// The same of so many connections at most; false where no other is left. There may be a million, and nobody is to
    /// keep all at once that is told of them.
    pub fn finish_some<F>(&mut self, most: usize, budget: &mut Budget, sink: &mut F) -> bool
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        for _ in 0..most {
            let Some(slot) = self.next_to_finish() else {
                return false;
            };
            self.land(slot);
            let end = self.end_without_answer(slot).unwrap_or(End::CaptureOver);
            self.end(slot, end, (budget, sink));
        }
        true
    }

    /// The connection that is told of next, now that the capture is over.
    fn next_to_finish(&mut self) -> Option<u32> {
        let ending = self.ending.get_or_insert_default();
        if ending.is_empty() {
            *ending = self.slots.first(FINISHED_TOGETHER);
            ending.reverse();
        }
        ending.pop()
    }

    #[cfg(test)]
    pub(super) const fn slots(&mut self) -> &mut Slots<S> {
        &mut self.slots
    }

    /// What was counted so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Where the connection of a key is.
    fn place(&self, hash: Hash) -> Option<Place> {
        let value = self.index.get(hash)?;
        Some(Place::of(value, &self.past))
    }

    /// What passed by on a connection becomes part of its state; from here on its segments go the long way. Whatever it was
    /// before, it is not folded up any more.
    fn land(&mut self, slot: u32) {
        if let Some(pair) = self.lanes.of(slot)
            && let Some(entry) = self.slots.rouse(slot, pair)
        {
            entry.land(pair);
        }
    }

    /// The lanes of a connection are open: who was longest without anything unusual is folded up.
    fn lull(&mut self, slot: u32) {
        if let Some(slot) = self.slots.lull(slot)
            && let Some(pair) = self.lanes.of(slot).filter(|pair| pair.is_open())
        {
            self.slots.fold(slot, pair);
        }
    }

    /// A segment of a connection that has landed.
    fn segment<F>(
        &mut self,
        slot: u32,
        arrival: &Arrival<'_>,
        (budget, sink): (&mut Budget, &mut F),
    ) where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let segment = arrival.segment;
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        entry.number(arrival, &mut self.numbers);
        let side = entry.side(arrival);
        entry.last = segment.at;
        entry.last_side = side;
        let opens = !segment.flags.has(Flags::SYN) || segment.flags.has(Flags::ACK);
        if entry.conn.rank == Rank::HalfOpen && opens && !segment.flags.has(Flags::RST) {
            entry.conn.rank = Rank::Unknown;
        }
        if entry.deadline.is_some_and(|deadline| deadline <= self.now) {
            self.step(slot, (budget, sink), Connection::expire);
        }
        let (Some((pair, recents)), Some(entry)) =
            (self.lanes.with_recents(slot), self.slots.get_mut(slot))
        else {
            return;
        };
        let used = budget.used();
        let mut scene = Scene {
            now: self.now,
            at: segment.at,
            conn: &mut entry.conn,
            limits: &self.limits,
            counters: &mut self.counters,
            budget,
            sink,
        };
        let mut recent = recents.of(slot, side);
        let end = entry.tcp.segment(side, segment, &mut recent, &mut scene);
        recents.keep(side, recent);
        if let Some(end) = end {
            return self.end(slot, end, (budget, sink));
        }
        pair.learn_place(side, segment.at);
        if budget.used() != used {
            entry.holds(slot, (used, budget.used()), self.now, &mut self.holders);
        }
        entry.waits(slot, &self.limits, &mut self.due);
        self.ages.touch(slot, entry.conn.rank, self.now);
        if entry.open_lanes(pair, side, &segment.at) {
            self.lull(slot);
        }
    }

    /// The next bytes of a connection on which nothing is missing, waits or ends: they are told, and it goes on as before.
    fn tell<F>(
        &mut self,
        slot: u32,
        (addressed, at, next): (&Addressed<'_>, &Stamp, u32),
        (budget, sink): (&mut Budget, &mut F),
    ) where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let &Addressed { segment, side, .. } = addressed;
        let Some((pair, recents)) = self.lanes.with_recents(slot) else {
            return;
        };
        let Some(entry) = self.slots.rouse(slot, pair) else {
            return;
        };
        entry.land(pair);
        recents.remember((slot, side), &segment, at, self.now);
        entry.last = *at;
        entry.last_side = side;
        let used = budget.used();
        let conn = &mut entry.conn;
        let offset = entry.tcp.tell(side, next, segment.ack);
        conn.comes_to(side, next);
        let item = StreamItem::Data {
            dir: conn.dir(side),
            offset,
            bytes: segment.payload,
            at_segment_start: true,
        };
        sink(conn, *at, item, budget);
        if budget.used() != used {
            entry.holds(slot, (used, budget.used()), self.now, &mut self.holders);
        }
        self.ages.touch(slot, entry.conn.rank, self.now);
        let passages = entry.passages(pair, at.ts);
        pair.go_on(side, at, (next, segment.ack), passages);
        self.lull(slot);
    }

    /// What is due on one connection, and what follows from it: its end, its next deadline.
    fn step<F>(
        &mut self,
        slot: u32,
        (budget, sink): (&mut Budget, &mut F),
        step: impl FnOnce(&mut Connection, &mut Scene<'_, S, F>) -> Option<End>,
    ) where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let Some(entry) = self.slots.get_mut(slot) else {
            return;
        };
        let used = budget.used();
        let mut scene = Scene {
            now: self.now,
            at: entry.last,
            conn: &mut entry.conn,
            limits: &self.limits,
            counters: &mut self.counters,
            budget,
            sink,
        };
        if let Some(end) = step(&mut entry.tcp, &mut scene) {
            return self.end(slot, end, (budget, sink));
        }
        if budget.used() != used {
            entry.holds(slot, (used, budget.used()), self.now, &mut self.holders);
        }
        entry.waits(slot, &self.limits, &mut self.due);
    }
}

impl<S: Above> Entry<S> {
    /// Takes in what passed by on its lanes, which are closed then.
    fn land(&mut self, pair: &mut Pair<S::Passage>) {
        if !pair.is_open() {
            return;
        }
        for (side, lane) in [Side::Low, Side::High].into_iter().zip(pair.land()) {
            if lane.frame() > self.last.frame {
                self.last = lane.last();
                self.last_side = side;
            }
            let passed = self.tcp.land(side, lane.next, lane.acked);
            if passed > 0 {
                self.conn.comes_to(side, lane.next);
                let dir = self.conn.dir(side);
                let heard = lane.heard();
                self.conn.state.land(dir, &lane.passage, passed, heard);
            }
        }
    }

    /// What is usual may go the short way from here on, if nothing is in its way.
    fn open_lanes(&self, pair: &mut Pair<S::Passage>, side: Side, at: &Stamp) -> bool {
        let conn = &self.conn;
        if self.deadline.is_some() || !conn.both_ways || conn.redirected.is_some() {
            return false;
        }
        let Some([low, high]) = self.tcp.ways() else {
            return false;
        };
        let [of_low, of_high] = self.passages(pair, at.ts);
        let way = |(next, acked), passage| Way {
            next,
            acked,
            passage,
        };
        pair.open(side, *at, [way(low, of_low), way(high, of_high)]);
        true
    }

    /// What may pass by on the lower side, and on the higher.
    fn passages(&self, pair: &Pair<S::Passage>, now: Timestamp) -> [S::Passage; 2] {
        let of_low = self.conn.dir(Side::Low);
        let passage = |side, dir| self.conn.state.passage(dir, pair.passage(side), now);
        [
            passage(Side::Low, of_low),
            passage(Side::High, of_low.flip()),
        ]
    }
}

impl<S> Entry<S> {
    /// When time will bring something to light is listed.
    fn waits(&mut self, slot: u32, limits: &Limits, due: &mut BTreeSet<(Timestamp, u32)>) {
        let deadline = self.tcp.deadline(limits, self.conn.both_ways);
        if deadline == self.deadline {
            return;
        }
        if let Some(old) = self.deadline {
            due.remove(&(old, slot));
        }
        if let Some(new) = deadline {
            due.insert((new, slot));
        }
        self.deadline = deadline;
    }

    /// Whether another is the same connection in every way, but for what the room above keeps.
    pub(super) fn is_same<T>(&self, other: &Entry<T>) -> bool {
        self.parts() == other.parts() && self.conn.parts() == other.conn.parts()
    }

    #[expect(
        clippy::type_complexity,
        reason = "all there is, so that nothing is forgotten"
    )]
    const fn parts(
        &self,
    ) -> (
        &Connection,
        &Numbers,
        (&Stamp, &Side),
        (&Option<Timestamp>, &u64, &Option<Timestamp>),
    ) {
        let Self {
            conn: _,
            tcp,
            numbers,
            last,
            last_side,
            deadline,
            held,
            held_since,
            // Of where it is listed, which it is not while it is folded up.
            stirred: _,
        } = self;
        (
            tcp,
            numbers,
            (last, last_side),
            (deadline, held, held_since),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What docs/architecture.md sums up.
    #[test]
    fn what_is_kept_of_a_connection_is_small() {
        use crate::stream::past::Gone;
        // The room above keeps 32 bytes with it.
        let entry = size_of::<Entry<[u64; 4]>>();
        assert!(entry <= 512, "{entry}");
        let gone = size_of::<Option<Gone>>();
        assert!(gone <= 72, "{gone}");
    }
}
