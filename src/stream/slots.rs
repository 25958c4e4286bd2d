//! Where connections are kept: the one that something happens on as it is, the others folded up.
//!
//! Of a million open WebSockets nearly all are silent, or say what goes the short way. Only so many lie open at a time; who
//! was longest without anything unusual is folded up for the next one. Whoever looks for a connection that is folded up
//! finds none: it is to be roused first.

use std::collections::VecDeque;

use crate::flow::ConnId;
use crate::slab::Slab;
use crate::stream::asleep::Asleep;
use crate::stream::conn::Side;
use crate::stream::lane::{Above, Pair};
use crate::stream::table::Entry;
use crate::time::Timestamp;

/// Connections that lie open though nothing unusual has happened on them for a while. None where tests are run, so that each
/// of them also tries whether anything is lost by folding.
const AWAKE: usize = if cfg!(debug_assertions) { 0 } else { 8192 };

/// All connections, by their slot.
#[derive(Debug)]
pub(super) struct Slots<S: Above> {
    all: Slab<Slot>,
    awake: Slab<Box<Entry<S>>>,
    asleep: Slab<Asleep<S>>,
    /// Those that may be folded up, the next first.
    drowsy: VecDeque<u32>,
    /// One bit for each slot that is listed there. It stays so when its connection ends: whoever comes next takes over the
    /// place, and the list gets no longer than there are slots.
    listed: Vec<u64>,
    most_awake: usize,
}

/// Where a connection is kept: apart, so that one has not the room for both, and by small numbers, for there may be a million.
#[derive(Clone, Copy, Debug)]
enum Slot {
    Awake(u32),
    Asleep(u32),
}

impl<S: Above> Slots<S> {
    pub(super) const fn new() -> Self {
        Self {
            all: Slab::new(),
            awake: Slab::new(),
            asleep: Slab::new(),
            drowsy: VecDeque::new(),
            listed: Vec::new(),
            most_awake: AWAKE,
        }
    }

    /// With no more than so many that lie open though nothing happens.
    #[cfg(test)]
    pub(super) const fn keep_awake(&mut self, awake: usize) {
        self.most_awake = awake;
    }

    /// How many connections there are.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// A connection that is not folded up.
    pub(super) fn get(&self, slot: u32) -> Option<&Entry<S>> {
        match *self.all.get(slot)? {
            Slot::Awake(at) => self.awake.get(at).map(|entry| &**entry),
            Slot::Asleep(_) => None,
        }
    }

    /// The same, to be changed.
    #[inline]
    pub(super) fn get_mut(&mut self, slot: u32) -> Option<&mut Entry<S>> {
        match *self.all.get(slot)? {
            Slot::Awake(at) => self.awake.get_mut(at).map(|entry| &mut **entry),
            Slot::Asleep(_) => None,
        }
    }

    /// The number of a connection.
    pub(super) fn id(&self, slot: u32) -> Option<ConnId> {
        self.id_of(*self.all.get(slot)?)
    }

    fn id_of(&self, slot: Slot) -> Option<ConnId> {
        Some(match slot {
            Slot::Awake(at) => self.awake.get(at)?.conn.id,
            Slot::Asleep(at) => self.asleep.get(at)?.id(),
        })
    }

    /// Adds a connection. Its slot, unless there are four thousand million.
    pub(super) fn insert(&mut self, entry: Entry<S>) -> Option<u32> {
        let at = self.awake.insert(Box::new(entry))?;
        self.all.insert(Slot::Awake(at))
    }

    /// Takes out a connection that is not folded up.
    pub(super) fn take(&mut self, slot: u32) -> Option<Box<Entry<S>>> {
        let Slot::Awake(at) = *self.all.get(slot)? else {
            return None;
        };
        self.all.take(slot)?;
        self.awake.take(at)
    }

    /// The slots of so many connections, of those with the lowest numbers, in their order.
    pub(super) fn first(&self, most: usize) -> Vec<u32> {
        let mut first = Vec::new();
        for found in self.ids() {
            if first.len() >= most.saturating_mul(2) {
                first.select_nth_unstable(most);
                first.truncate(most);
            }
            first.push(found);
        }
        first.sort_unstable();
        first.truncate(most);
        first.into_iter().map(|(_, slot)| slot).collect()
    }

    /// All connections with their slots.
    fn ids(&self) -> impl Iterator<Item = (ConnId, u32)> + '_ {
        let all = self.all.iter();
        all.filter_map(|(slot, kept)| Some((self.id_of(*kept)?, slot)))
    }

    /// A connection, opened if it is folded up. What its lanes show is as it was left to them, or later.
    #[inline]
    pub(super) fn rouse<P: Copy + Default>(
        &mut self,
        slot: u32,
        lanes: &Pair<P>,
    ) -> Option<&mut Entry<S>> {
        let place = self.all.get_mut(slot)?;
        if let Slot::Asleep(at) = *place
            && let Some(asleep) = self.asleep.take(at)
        {
            let at = self.awake.insert(asleep.unfold(lanes));
            *place = at.map_or(Slot::NOWHERE, Slot::Awake);
        }
        match *place {
            Slot::Awake(at) => self.awake.get_mut(at).map(|entry| &mut **entry),
            Slot::Asleep(_) => None,
        }
    }

    /// Has the room above note something of a side. False, and nothing changed, where that is not all there is to do.
    pub(super) fn note(&mut self, slot: u32, side: Side, note: &S::Note, at: Timestamp) -> bool {
        match self.all.get(slot) {
            Some(&Slot::Awake(place)) => self.awake.get_mut(place).is_some_and(|entry| {
                let dir = entry.conn.dir(side);
                entry.conn.state.note(dir, note, at)
            }),
            Some(&Slot::Asleep(place)) => self
                .asleep
                .get_mut(place)
                .is_some_and(|asleep| asleep.note(side, note, at)),
            None => false,
        }
    }

    /// Something unusual happened on a connection, and from now on nothing need. Whoever was longest without is folded up.
    pub(super) fn lull(&mut self, slot: u32) -> Option<u32> {
        let was_listed = self.list(slot, true);
        self.get_mut(slot)?.stirred = was_listed;
        if !was_listed {
            self.drowsy.push_back(slot);
        }
        // One is listed at most, and two are taken: the list gets no longer than it may be, but for those that are busy.
        for _ in 0..2 {
            if self.drowsy.len() <= self.most_awake {
                return None;
            }
            let slot = self.drowsy.pop_front()?;
            self.list(slot, false);
            // It may have ended.
            let Some(entry) = self.get_mut(slot) else {
                continue;
            };
            if !std::mem::take(&mut entry.stirred) {
                return Some(slot);
            }
            self.list(slot, true);
            self.drowsy.push_back(slot);
        }
        None
    }

    /// Notes whether a slot is listed; whether it was.
    fn list(&mut self, slot: u32, is_listed: bool) -> bool {
        let (at, bit) = (slot as usize / 64, 1 << (slot % 64));
        if at >= self.listed.len() {
            self.listed.resize(at.saturating_add(1), 0);
        }
        let Some(word) = self.listed.get_mut(at) else {
            return false;
        };
        let was_listed = *word & bit != 0;
        *word = if is_listed { *word | bit } else { *word & !bit };
        was_listed
    }

    /// Folds a connection up, if nothing of it is lost by that.
    pub(super) fn fold<P: Copy + Default>(&mut self, slot: u32, lanes: &Pair<P>) {
        let Some(place) = self.all.get_mut(slot) else {
            return;
        };
        let Slot::Awake(at) = *place else {
            return;
        };
        let Some(entry) = self.awake.take(at) else {
            return;
        };
        *place = match Asleep::fold(entry, lanes) {
            Ok(asleep) => self.asleep.insert(asleep).map(Slot::Asleep),
            Err(entry) => self.awake.insert(entry).map(Slot::Awake),
        }
        .unwrap_or(Slot::NOWHERE);
    }
}

impl Slot {
    /// Nothing is kept there.
    const NOWHERE: Self = Self::Asleep(u32::MAX);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Endpoint;
    use crate::limits::{Budget, Limits};
    use crate::packet::{Flags, Segment};
    use crate::stream::Table;
    use crate::time::{Stamp, Timestamp};

    /// What the room above keeps: whether it is folded up, and how often it was.
    #[derive(Debug, Default)]
    struct Above {
        folded: bool,
        times: u32,
    }

    impl crate::stream::Above for Above {
        type Passage = ();
        type Word = ();
        type Note = ();
        type Folded = Self;

        fn fold(mut self) -> (u8, Option<Box<Self>>) {
            self.folded = true;
            self.times += 1;
            (7, Some(Box::new(self)))
        }

        fn unfold(bits: u8, rest: Option<Box<Self>>) -> Self {
            let mut above = *rest.unwrap();
            assert!(std::mem::take(&mut above.folded) && bits == 7);
            above
        }
    }

    /// Connections that shake hands and speak once on either side, one after the other, by their client's port.
    struct Talk {
        table: Table<Above>,
        frame: u64,
        told: usize,
    }

    impl Talk {
        fn new(awake: usize) -> Self {
            let mut table = Table::new(&Limits::default());
            table.slots().keep_awake(awake);
            Self {
                table,
                frame: 0,
                told: 0,
            }
        }

        fn send(
            &mut self,
            (port, to_server): (u16, bool),
            flags: u8,
            at: (u32, u32),
            payload: &[u8],
        ) {
            self.frame += 1;
            let client = Endpoint::new([10, 0, 0, 1].into(), port);
            let server = Endpoint::new([10, 0, 0, 2].into(), 80);
            let (src, dst) = if to_server {
                (client, server)
            } else {
                (server, client)
            };
            let segment = Segment {
                at: Stamp {
                    ts: Timestamp::from_nanos(self.frame.cast_signed() * 1_000_000),
                    frame: self.frame,
                    ..Stamp::default()
                },
                src,
                dst,
                seq: at.0,
                ack: at.1,
                flags: Flags(flags),
                window: 1,
                ttl: 64,
                ip_id: 0,
                payload,
                missing: 0,
            };
            let told = &mut self.told;
            let mut budget = Budget::new(1 << 20);
            self.table
                .push(&segment, &mut budget, &mut |conn, _, _, _| {
                    assert!(!conn.state.folded);
                    *told += 1;
                });
        }

        fn open(&mut self, port: u16) {
            let (syn, ack) = (Flags::SYN, Flags::ACK);
            self.send((port, true), syn, (100, 0), b"");
            self.send((port, false), syn | ack, (500, 101), b"");
            self.send((port, true), ack, (101, 501), b"ask");
            self.send((port, false), ack, (501, 104), b"answer");
        }

        fn asleep(&mut self) -> Vec<bool> {
            let slots = self.table.slots();
            let all = slots.all.iter();
            all.map(|(_, kept)| matches!(kept, Slot::Asleep(_)))
                .collect()
        }
    }

    #[test]
    fn who_was_longest_without_anything_unusual_is_folded_up() {
        let mut talk = Talk::new(2);
        for port in 1..=6 {
            talk.open(port);
        }
        let asleep = talk.asleep();
        assert_eq!(asleep.iter().filter(|is| **is).count(), 4, "{asleep:?}");
        assert!(!asleep[5], "the last is awake");
        assert_eq!(talk.table.slots().ids().count(), 6);
        // The first says something, and is awake for that.
        let before = talk.told;
        talk.send((1, true), Flags::ACK, (104, 507), b"more");
        assert_eq!(talk.told, before + 1);
        assert!(!talk.asleep()[0]);
    }

    #[test]
    fn those_that_end_take_no_place_from_who_is_open() {
        let mut talk = Talk::new(3);
        for port in 1..=50 {
            talk.open(port);
            talk.send((port, true), Flags::RST | Flags::ACK, (104, 507), b"");
        }
        for port in 51..=53 {
            talk.open(port);
        }
        assert_eq!(talk.asleep(), [false; 3]);
        talk.open(54);
        assert_eq!(talk.asleep().iter().filter(|is| **is).count(), 1);
    }

    #[test]
    fn the_first_are_those_of_the_lowest_numbers_wherever_they_are_kept() {
        let mut talk = Talk::new(3);
        for port in 1..=20 {
            talk.open(port);
        }
        // Another takes the slot of the first, and has the highest number.
        talk.send((1, true), Flags::RST | Flags::ACK, (104, 507), b"");
        talk.open(21);
        let slots = talk.table.slots();
        assert_eq!(slots.first(3), [1, 2, 3]);
        let all: Vec<u32> = (1..20).chain([0]).collect();
        assert_eq!((slots.first(20), slots.first(100)), (all.clone(), all));
    }

    #[test]
    fn where_one_is_kept_takes_little_room() {
        assert_eq!(size_of::<Option<Slot>>(), 8);
    }

    #[test]
    fn what_is_folded_up_goes_on_where_it_was() {
        let mut talk = Talk::new(0);
        talk.open(1);
        assert_eq!(talk.asleep(), [true]);
        let before = talk.told;
        // Sent before, and so not told again; then the next byte, and the end.
        talk.send((1, true), Flags::ACK, (101, 507), b"ask");
        assert_eq!(talk.told, before);
        talk.send((1, true), Flags::ACK, (104, 507), b"more");
        assert_eq!(talk.told, before + 1);
        assert_eq!(talk.asleep(), [true]);
        talk.send((1, true), Flags::ACK | Flags::FIN, (108, 507), b"");
        assert_eq!(talk.asleep(), [false], "an end is in sight");
        talk.send((1, false), Flags::ACK | Flags::FIN, (507, 109), b"");
        assert_eq!(talk.table.slots().len(), 0);
    }
}
