//! The short way: what is usual on an open connection costs one look-up and a cache line.
//!
//! A lane is a direction in which nothing is missing, nothing waits and nothing ends. It knows which sequence number
//! comes next; a segment that has it passes by if the room above need not be told of its bytes. What passed is kept as a
//! sum, until anything else comes: then the connection lands, which is to say that its full state takes in the sum, and
//! the segment goes the long way.

use std::fmt;

use crate::flow::Direction;
use crate::packet::{Flags, Usual};
use crate::stream::conn::Side;
use crate::stream::copies::Recents;
use crate::time::{Stamp, Timestamp};

/// What the room above keeps of a connection; and of which bytes it need not be told at once.
pub trait Above: Default {
    /// What it knows of a direction while bytes pass by, and what it counts of them. By default nothing passes.
    type Passage: Copy + Default;

    /// From where on bytes of this direction may pass by, if they may; now, and behind what it knew of it until now.
    fn passage(&self, _dir: Direction, _before: &Self::Passage, _now: Timestamp) -> Self::Passage {
        Self::Passage::default()
    }

    /// Lets bytes pass by. False, and nothing changed, where it is to be told of them.
    fn pass(_passage: &mut Self::Passage, _bytes: &[u8], _at: Timestamp) -> bool {
        false
    }

    /// What is told of bytes that pass by, though nothing of them was told before.
    type Word;

    /// Lets the next bytes of a direction pass by, with which something begins there. Of the other direction it may be looked
    /// whether anything began.
    fn begin(
        _: (&mut Self::Passage, &Self::Passage),
        _bytes: &[u8],
        _at: Timestamp,
    ) -> Begins<Self::Word> {
        Begins::Not
    }

    /// What is noted of bytes that do not pass by, but bring nothing else with them.
    type Note;

    /// What is to be noted of the next bytes of a direction, if that is all there is to do about them.
    fn note_of(_: &Self::Passage, _bytes: &[u8]) -> Option<Self::Note> {
        None
    }

    /// Notes it. False, and nothing changed, if there is more to do after all.
    fn note(&mut self, _: Direction, _: &Self::Note, _: Timestamp) -> bool {
        false
    }

    /// The same while it is folded up, with more than the few bits.
    fn note_folded(_: (u8, &mut Self::Folded), _: Direction, _: &Self::Note, _: Timestamp) -> bool {
        false
    }

    /// Takes in what has passed by, so many bytes, and when the last of them was heard.
    fn land(&mut self, _dir: Direction, _passage: &Self::Passage, _bytes: u64, _heard: Timestamp) {}

    /// What is left of it when it is folded up, beside a few bits.
    type Folded: fmt::Debug;

    /// Becomes small: nothing will be asked of it for a while.
    fn fold(self) -> (u8, Option<Box<Self::Folded>>);

    /// What it was before.
    fn unfold(bits: u8, rest: Option<Box<Self::Folded>>) -> Self;
}

/// What comes of bytes with which something may begin.
#[derive(Clone, Copy, Debug)]
pub enum Begins<W> {
    /// There is more to do, and nothing changed.
    Not,
    /// They passed by, and nothing is to be told.
    Quietly,
    /// They passed by, and this is to be told.
    With(W),
}

/// A connection of which the room above keeps nothing, and is told everything.
impl Above for () {
    type Passage = ();
    type Word = ();
    type Note = ();
    type Folded = ();

    fn fold(self) -> (u8, Option<Box<()>>) {
        (0, None)
    }

    fn unfold(_: u8, _: Option<Box<()>>) -> Self {}
}

/// Connections in one piece of memory.
const CHUNK: usize = 1024;

/// The lanes of all connections, by their slot.
#[derive(Debug)]
pub(super) struct Lanes<P> {
    pairs: Vec<Box<[Pair<P>; CHUNK]>>,
    recents: Recents,
}

/// What usual segments touch of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pair<P> {
    low: Lane<P>,
    high: Lane<P>,
}

/// One direction. Aligned, so that it is a cache line.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
pub(super) struct Lane<P> {
    /// The last segment that passed, or what came before the first.
    ts: Timestamp,
    /// Its number: the low half of it, and half of the high one, which a million a second get beyond in nine years.
    frame: u32,
    frame_high: u16,
    /// Sequence number of the next byte.
    pub(super) next: u32,
    /// The last acknowledgment.
    pub(super) acked: u32,
    /// How long before the last segment the last byte passed.
    ago: Ago,
    /// Where its segments are captured, if that is known.
    source: u16,
    iface: u16,
    state: u8,
    pub(super) passage: P,
}

/// Nanoseconds in five bytes, eighteen minutes of them: the acknowledgments of a side that says nothing for so long pass.
#[derive(Clone, Copy, Debug, Default)]
struct Ago {
    low: [u8; 4],
    high: u8,
}

impl Ago {
    const NOW: Self = Self {
        low: [0; 4],
        high: 0,
    };

    /// Unless it is more, or less than nothing.
    #[inline]
    const fn new(nanos: i64) -> Option<Self> {
        let [a, b, c, d, high, 0, 0, 0] = nanos.to_le_bytes() else {
            return None;
        };
        let low = [a, b, c, d];
        Some(Self { low, high })
    }

    #[inline]
    const fn as_nanos(self) -> i64 {
        let [a, b, c, d] = self.low;
        i64::from_le_bytes([a, b, c, d, self.high, 0, 0, 0])
    }
}

impl<P: Copy + Default> Lanes<P> {
    pub(super) const fn new() -> Self {
        Self {
            pairs: Vec::new(),
            recents: Recents::new(),
        }
    }

    /// Makes lanes for a slot, closed.
    pub(super) fn make(&mut self, slot: u32) {
        while self.pairs.len() <= slot as usize / CHUNK {
            let more = vec![Pair::default(); CHUNK];
            let Ok(more) = more.into_boxed_slice().try_into() else {
                return;
            };
            self.pairs.push(more);
        }
        if let Some(pair) = self.of(slot) {
            *pair = Pair::default();
        }
        self.recents.make(slot);
    }

    /// The lanes of a slot, and the last segments of all.
    #[inline]
    pub(super) fn with_recents(&mut self, slot: u32) -> Option<(&mut Pair<P>, &mut Recents)> {
        let (chunk, at) = (slot as usize / CHUNK, slot as usize % CHUNK);
        let pair = self.pairs.get_mut(chunk)?.get_mut(at)?;
        Some((pair, &mut self.recents))
    }

    /// The other pair of addresses has its ends in the other order.
    pub(super) fn exchange_sides(&mut self, slot: u32) {
        self.recents.exchange_sides(slot);
    }

    /// The lanes of a slot.
    #[inline]
    pub(super) fn of(&mut self, slot: u32) -> Option<&mut Pair<P>> {
        self.with_recents(slot).map(|(pair, _)| pair)
    }

    /// Looks at what a segment of this slot would ask for.
    #[inline]
    pub(super) fn glance(&self, slot: u32, side: Side) -> u32 {
        let (chunk, at) = (slot as usize / CHUNK, slot as usize % CHUNK);
        let Some(pair) = self.pairs.get(chunk).and_then(|chunk| chunk.get(at)) else {
            return 0;
        };
        let me = match side {
            Side::Low => &pair.low,
            Side::High => &pair.high,
        };
        me.next
    }

    /// Lets a segment pass by; false where it goes the long way.
    #[expect(clippy::inline_always, reason = "nearly all packets go this way")]
    #[inline(always)]
    pub(super) fn pass<S: Above<Passage = P>>(
        &mut self,
        slot: u32,
        side: Side,
        segment: &Usual<'_>,
        (at, now): (&Stamp, Timestamp),
    ) -> bool {
        let (chunk, place) = (slot as usize / CHUNK, slot as usize % CHUNK);
        let pair = self.pairs.get_mut(chunk);
        let Some(pair) = pair.and_then(|chunk| chunk.get_mut(place)) else {
            return false;
        };
        let (me, peer) = match side {
            Side::Low => (&mut pair.low, &pair.high),
            Side::High => (&mut pair.high, &pair.low),
        };
        let acknowledges = me.is_acknowledging(segment);
        if !me.continues(peer, segment, at) {
            return false;
        }
        if segment.payload.is_empty() {
            let heard = me.ts.as_nanos().wrapping_sub(me.ago.as_nanos());
            let Some(ago) = Ago::new(at.ts.as_nanos().wrapping_sub(heard)) else {
                return false;
            };
            me.ago = ago;
        } else {
            let Some(next) = me.after(segment) else {
                return false;
            };
            if !S::pass(&mut me.passage, segment.payload, at.ts) {
                return false;
            }
            me.next = next;
            me.ago = Ago::NOW;
            self.recents.remember((slot, side), segment, at, now);
        }
        if acknowledges {
            me.acked = segment.ack;
        }
        me.comes_to(at);
        true
    }
}

impl<P> Lane<P> {
    /// What is usual may pass.
    const OPEN: u8 = 1;
    /// Where its segments are captured is known.
    const PLACED: u8 = 2;

    /// Whether a segment is the next one, with nothing about it but data and an acknowledgment of what was seen.
    #[inline]
    fn continues(&self, peer: &Self, segment: &Usual<'_>, at: &Stamp) -> bool {
        const PLAIN: u8 = Flags::SYN | Flags::FIN | Flags::RST | Flags::ACK;
        // What acknowledges bytes that were not seen tells of a loss. Nothing else asks for the line of the peer.
        let is_ahead = || {
            self.is_acknowledging(segment) && segment.ack.wrapping_sub(peer.next).cast_signed() > 0
        };
        self.state == Self::OPEN | Self::PLACED
            && segment.seq == self.next
            && segment.flags.0 & PLAIN == Flags::ACK
            && (self.source, self.iface) == (at.source, at.iface)
            && !is_ahead()
    }

    /// A segment passed.
    #[inline]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the rest of it is nothing for years"
    )]
    const fn comes_to(&mut self, at: &Stamp) {
        self.ts = at.ts;
        self.frame = at.frame as u32;
        self.frame_high = (at.frame >> u32::BITS) as u16;
    }

    pub(super) const fn frame(&self) -> u64 {
        (self.frame_high as u64) << u32::BITS | self.frame as u64
    }

    const fn is_open(&self) -> bool {
        self.state & Self::OPEN != 0
    }

    /// Whether a segment acknowledges more than was acknowledged before.
    #[inline]
    const fn is_acknowledging(&self, segment: &Usual<'_>) -> bool {
        segment.ack.wrapping_sub(self.acked).cast_signed() > 0
    }

    /// The sequence number behind the payload of a segment that is the next one. The full state takes in what passed by its
    /// sequence numbers, so it must before these go round: then there is none.
    #[inline]
    const fn after(&self, segment: &Usual<'_>) -> Option<u32> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "no record is longer than 16 MiB"
        )]
        let next = self.next.wrapping_add(segment.payload.len() as u32);
        if (next ^ self.next) >> 31 == 0 {
            Some(next)
        } else {
            None
        }
    }

    pub(super) fn last(&self) -> Stamp {
        Stamp {
            ts: self.ts,
            frame: self.frame(),
            source: self.source,
            iface: self.iface,
        }
    }

    /// When its last byte passed, if any did.
    pub(super) fn heard(&self) -> Timestamp {
        Timestamp::from_nanos(self.ts.as_nanos().saturating_sub(self.ago.as_nanos()))
    }
}

impl<P: Copy + Default> Pair<P> {
    pub(super) const fn is_open(&self) -> bool {
        self.low.is_open() || self.high.is_open()
    }

    /// The last record: of the lane that it went on, or of this side where none has passed.
    pub(super) fn last(&self, side: Side) -> Stamp {
        let (me, peer) = match side {
            Side::Low => (&self.low, &self.high),
            Side::High => (&self.high, &self.low),
        };
        if peer.frame() > me.frame() { peer } else { me }.last()
    }

    /// What the room above knew last of a side.
    pub(super) const fn passage(&self, side: Side) -> &P {
        match side {
            Side::Low => &self.low.passage,
            Side::High => &self.high.passage,
        }
    }

    /// The sequence number behind a segment with data that is the next one of its side, if it is.
    pub(super) fn goes_on(&self, side: Side, segment: &Usual<'_>, at: &Stamp) -> Option<u32> {
        let (me, peer) = match side {
            Side::Low => (&self.low, &self.high),
            Side::High => (&self.high, &self.low),
        };
        let goes_on = !segment.payload.is_empty() && me.continues(peer, segment, at);
        goes_on.then(|| me.after(segment)).flatten()
    }

    /// Lets the room above begin something with the next bytes of a side.
    pub(super) fn begin<S: Above<Passage = P>>(
        &mut self,
        side: Side,
        bytes: &[u8],
        at: &Stamp,
    ) -> Begins<S::Word> {
        let (me, peer) = match side {
            Side::Low => (&mut self.low, &self.high),
            Side::High => (&mut self.high, &self.low),
        };
        S::begin((&mut me.passage, &peer.passage), bytes, at.ts)
    }

    /// Lets a segment with data pass by, which is the next one, up to this sequence number.
    pub(super) fn let_by(&mut self, side: Side, segment: &Usual<'_>, (at, next): (&Stamp, u32)) {
        let me = match side {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        };
        if me.is_acknowledging(segment) {
            me.acked = segment.ack;
        }
        (me.next, me.ago) = (next, Ago::NOW);
        me.comes_to(at);
    }

    /// Learns where the segments of a side are captured.
    pub(super) fn learn_place(&mut self, side: Side, at: Stamp) {
        let me = match side {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        };
        (me.source, me.iface) = (at.source, at.iface);
        me.state |= Lane::<P>::PLACED;
    }

    /// Opens both lanes behind a segment of `side`, unless the other one comes from another file.
    pub(super) fn open(&mut self, side: Side, at: Stamp, ways: [Way<P>; 2]) {
        let [low, high] = ways;
        for (lane, way) in [(&mut self.low, low), (&mut self.high, high)] {
            lane.comes_to(&at);
            lane.next = way.next;
            lane.acked = way.acked;
            lane.ago = Ago::NOW;
            lane.passage = way.passage;
        }
        let (me, peer) = match side {
            Side::Low => (&mut self.low, &mut self.high),
            Side::High => (&mut self.high, &mut self.low),
        };
        let is_placed = peer.state & Lane::<P>::PLACED != 0;
        if !is_placed || peer.source == at.source {
            me.state |= Lane::<P>::OPEN;
            peer.state |= Lane::<P>::OPEN;
        }
    }

    /// Opens both lanes again behind the next bytes of `side`, that acknowledge so much.
    pub(super) fn go_on(
        &mut self,
        side: Side,
        at: &Stamp,
        (next, acked): (u32, u32),
        [low, high]: [P; 2],
    ) {
        for (lane, passage) in [(&mut self.low, low), (&mut self.high, high)] {
            lane.comes_to(at);
            lane.ago = Ago::NOW;
            lane.state |= Lane::<P>::OPEN;
            lane.passage = passage;
        }
        let me = match side {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        };
        me.next = next;
        if acked.wrapping_sub(me.acked).cast_signed() > 0 {
            me.acked = acked;
        }
    }

    /// Closes both lanes: what each came to, with what passed by.
    pub(super) const fn land(&mut self) -> [&Lane<P>; 2] {
        self.low.state &= !Lane::<P>::OPEN;
        self.high.state &= !Lane::<P>::OPEN;
        [&self.low, &self.high]
    }
}

/// From where on a lane goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way<P> {
    pub(super) next: u32,
    pub(super) acked: u32,
    pub(super) passage: P,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_a_cache_line() {
        assert_eq!(size_of::<Lane<[u64; 4]>>(), 64);
        assert_eq!(size_of::<Pair<[u64; 4]>>(), 128);
    }

    /// Most clients of a feed say nothing for minutes, and acknowledge all the while.
    #[test]
    fn who_only_acknowledges_goes_on_passing() {
        let mut lanes = Lanes::<()>::new();
        lanes.make(0);
        let at = |seconds: i64| Stamp {
            ts: Timestamp::from_nanos(seconds * 1_000_000_000),
            frame: seconds.cast_unsigned(),
            ..Stamp::default()
        };
        let pair = lanes.of(0).unwrap();
        for side in [Side::Low, Side::High] {
            pair.learn_place(side, at(0));
        }
        let way = Way {
            next: 7,
            acked: 7,
            passage: (),
        };
        pair.open(Side::Low, at(0), [way; 2]);
        let mut acknowledges = |seconds| {
            let segment = Usual {
                seq: 7,
                ack: 7,
                ip_id: 0,
                flags: Flags(Flags::ACK),
                ttl: 64,
                payload: b"",
            };
            let at = at(seconds);
            let passes = lanes.pass::<()>(0, Side::Low, &segment, (&at, at.ts));
            (passes, lanes.of(0).unwrap().low.heard())
        };
        for seconds in [1, 5, 600, 1099] {
            assert_eq!(acknowledges(seconds), (true, at(0).ts));
        }
        assert!(!acknowledges(1100).0, "there is no room for more");
    }
}
