//! One direction of a connection: segments in, bytes in order out (RFC 9293 §3.10.7.4).
//!
//! Invariants: `next` never goes back, and every byte before it was handed on, or told as lost, exactly once; what is
//! held starts behind `next`, does not overlap, and is charged to the budget. The first copy of a byte wins.

mod hole;

use std::time::Duration;

pub(super) use self::hole::Arrival;
use self::hole::{Held, Hole, slice};
use crate::limits::{Budget, Limit, Limits, Reached};
use crate::time::{Stamp, Timestamp};

/// No FIN was seen yet.
const OPEN_END: u64 = u64::MAX;

/// What comes out, in the order of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Data {
        offset: u64,
        bytes: &'a [u8],
        at_segment_start: bool,
    },
    Gap {
        offset: u64,
        len: u64,
    },
    Fin,
    /// A later copy of bytes that are still held is another.
    Differs,
}

/// What a step works with, and where its pieces go.
pub(super) struct Out<'o> {
    /// Packet time, which never goes back.
    pub(super) now: Timestamp,
    /// The record that is being read.
    pub(super) at: Stamp,
    pub(super) limits: &'o Limits,
    pub(super) budget: &'o mut Budget,
    pub(super) reached: &'o mut Reached,
    pub(super) tell: &'o mut dyn FnMut(Stamp, Piece<'_>, &mut Budget),
}

/// One direction.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reassembler {
    next: u64,
    /// How far the peer acknowledged.
    acked: u64,
    /// Offset of the FIN, which is the length of the stream.
    fin: u64,
    finished: bool,
    /// There only while something is missing at `next`.
    hole: Option<Box<Hole>>,
}

impl Default for Reassembler {
    fn default() -> Self {
        Self {
            next: 0,
            acked: 0,
            fin: OPEN_END,
            finished: false,
            hole: None,
        }
    }
}

impl Reassembler {
    /// Where so many bytes were handed on and so many acknowledged, and nothing waits.
    pub(super) fn quietly(next: u64, acked: u64) -> Self {
        Self {
            next,
            acked,
            ..Self::default()
        }
    }

    /// Offset of the next byte to be handed on.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Whether all bytes up to the FIN were handed on.
    pub(super) const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Whether nothing came yet, so that the stream may still begin elsewhere.
    pub(super) const fn is_untouched(&self) -> bool {
        self.next == 0 && self.hole.is_none() && self.fin == OPEN_END
    }

    /// Something is missing, or waits.
    pub(super) const fn has_hole(&self) -> bool {
        self.hole.is_some()
    }

    /// Nothing is missing, and no end is in sight.
    pub(super) const fn is_quiet(&self) -> bool {
        self.hole.is_none() && self.fin == OPEN_END
    }

    /// Everything before `to` was seen elsewhere, in order.
    pub(super) const fn pass(&mut self, to: u64) {
        self.next = to;
    }

    /// The peer has acknowledged, and nothing that was not seen.
    pub(super) fn pass_acknowledged(&mut self, to: u64) {
        self.acked = self.acked.max(to);
    }

    /// Whether bytes wait behind a hole.
    pub(super) fn is_waiting(&self) -> bool {
        self.hole.as_ref().is_some_and(|hole| !hole.held.is_empty())
    }

    /// Takes the bytes of a segment.
    pub(super) fn push(&mut self, arrival: Arrival<'_>, out: &mut Out<'_>) {
        let (arrival, _) = arrival.split(self.fin);
        let Some(arrival) = arrival.after(self.next) else {
            return;
        };
        if arrival.start > self.next {
            self.hold(arrival, out);
        } else if self.hole.is_none() {
            // The usual case: nothing is missing, nothing waits.
            self.hand_on(arrival, out.at, out);
            self.end(out.at, out);
        } else {
            self.fill(arrival, out);
            self.settle(out.now);
        }
    }

    /// The FIN is next, and its room tells it.
    pub(super) const fn finish(&mut self) {
        self.fin = self.next;
        self.finished = true;
    }

    /// The FIN has this offset. A second one that differs is not believed.
    pub(super) fn finish_at(&mut self, offset: u64, out: &mut Out<'_>) {
        if self.fin == OPEN_END && offset >= self.next {
            self.fin = offset;
            self.end(out.at, out);
            self.settle(out.now);
            if let Some(hole) = &mut self.hole {
                hole.fin_at = Some(out.at);
            }
        }
    }

    /// The peer has acknowledged all bytes before `to`.
    pub(super) fn acknowledge(&mut self, to: u64, now: Timestamp) {
        if to > self.acked {
            self.acked = to;
            if to > self.next {
                self.settle(now);
            }
        }
    }

    /// When the hole will have been waited for long enough.
    pub(super) fn deadline(&self, limits: &Limits, one_sided: bool) -> Option<Timestamp> {
        let hole = self.hole.as_ref()?;
        let most = hole.since.after(limits.span(Limit::hole_max));
        let (since, span) = match hole.acked {
            Some((since, _)) => (since, limits.span(Limit::hole_acked)),
            None if one_sided => (hole.since, limits.span(Limit::hole_one_sided)),
            None => (hole.since, Duration::MAX),
        };
        Some(since.after(span).min(most))
    }

    /// Skips the holes that have been waited for long enough.
    pub(super) fn expire(&mut self, one_sided: bool, out: &mut Out<'_>) {
        while let Some(deadline) = self.deadline(out.limits, one_sided) {
            if deadline > out.now {
                return;
            }
            let (limit, to) = match self.hole.as_ref().and_then(|hole| hole.acked) {
                // Acknowledged in part: the rest of the hole may still be filled.
                Some((_, acked)) => (Limit::hole_acked, acked.min(self.hole_end())),
                None if one_sided => (Limit::hole_one_sided, self.hole_end()),
                None => (Limit::hole_max, self.hole_end()),
            };
            out.reached.count(limit);
            self.skip(to, out);
        }
    }

    /// Skips all holes: nothing more will come.
    pub(super) fn flush(&mut self, out: &mut Out<'_>) {
        while self.hole.is_some() {
            self.skip(self.hole_end(), out);
        }
    }

    /// Where the hole at `next` ends: at what is held, at the FIN, or where the peer's acknowledgment says.
    fn hole_end(&self) -> u64 {
        let held = self.hole.as_ref().and_then(|hole| hole.held.keys().next());
        match held {
            Some(&start) => start,
            None if self.fin != OPEN_END => self.fin,
            None => self.acked,
        }
        .max(self.next)
    }

    /// Gives up what is missing before `to`, and hands on what follows.
    fn skip(&mut self, to: u64, out: &mut Out<'_>) {
        // What follows was captured then, so that is when the loss and the bytes behind it became known.
        let at = match self.first_held() {
            Some(held) => held.at,
            None => out.at,
        };
        self.lose(to, at, out);
        self.drain(None, out);
        // Who sent the first FIN matters: it was captured when it was, however long it waited.
        let fin_at = self.hole.as_ref().and_then(|hole| hole.fin_at);
        self.end(fin_at.unwrap_or(at), out);
        if let Some(hole) = &mut self.hole {
            hole.since = out.now;
            hole.acked = hole.acked.filter(|&(_, to)| to > self.next);
        }
        self.settle_kept(out.now);
    }

    fn first_held(&self) -> Option<&Held> {
        self.hole.as_ref()?.held.values().next()
    }

    /// Tells that the bytes before `to` are lost.
    fn lose(&mut self, to: u64, at: Stamp, out: &mut Out<'_>) {
        let len = to.saturating_sub(self.next);
        if len > 0 {
            let offset = self.next;
            self.next = to;
            (out.tell)(at, Piece::Gap { offset, len }, out.budget);
        }
    }

    /// Hands on an arrival that begins at `next`.
    fn hand_on(&mut self, arrival: Arrival<'_>, at: Stamp, out: &mut Out<'_>) {
        let offset = self.next;
        self.next = offset.saturating_add(arrival.bytes.len() as u64);
        if !arrival.bytes.is_empty() {
            let piece = Piece::Data {
                offset,
                bytes: arrival.bytes,
                at_segment_start: arrival.starts,
            };
            (out.tell)(at, piece, out.budget);
        }
        if arrival.missing > 0 {
            self.lose(self.next.saturating_add(arrival.missing), at, out);
        }
    }

    /// Hands on an arrival that begins at `next`, and what was held and now follows.
    fn fill(&mut self, arrival: Arrival<'_>, out: &mut Out<'_>) {
        self.compare(arrival, out);
        let mut left = Some(arrival);
        while let Some(arrival) = left {
            let limit = match &self.hole {
                Some(hole) => hole.held.keys().next().copied().unwrap_or(u64::MAX),
                None => u64::MAX,
            };
            let (now, rest) = arrival.split(limit);
            self.hand_on(now, out.at, out);
            self.drain(Some(out.at), out);
            left = rest.and_then(|rest| rest.after(self.next));
        }
        self.end(out.at, out);
        if let Some(hole) = &mut self.hole {
            // It became smaller, so it is being filled: give it time anew.
            hole.since = out.now;
            hole.acked = None;
        }
    }

    /// Hands on what is held and begins at `next`. `at` is the record that filled the hole, if one did.
    fn drain(&mut self, at: Option<Stamp>, out: &mut Out<'_>) {
        while let Some(hole) = &mut self.hole {
            let Some(first) = hole.held.first_entry() else {
                return;
            };
            if *first.key() > self.next {
                return;
            }
            let held = first.remove();
            hole.give_back(held.cost(), out.budget);
            let arrival = Arrival {
                start: self.next,
                bytes: &held.bytes,
                missing: held.missing,
                starts: held.starts,
            };
            self.hand_on(arrival, at.unwrap_or(held.at), out);
        }
    }

    /// Tells the FIN once everything before it was told.
    fn end(&mut self, at: Stamp, out: &mut Out<'_>) {
        if self.next == self.fin && !self.finished {
            self.finished = true;
            (out.tell)(at, Piece::Fin, out.budget);
        }
    }

    /// Keeps what came too early, where it is not held yet.
    fn hold(&mut self, arrival: Arrival<'_>, out: &mut Out<'_>) {
        self.compare(arrival, out);
        let mut left = Some(arrival);
        while let Some(arrival) = left.and_then(|arrival| arrival.after(self.next)) {
            let (covered_to, limit) = self.around(arrival.start);
            if covered_to > arrival.start {
                left = arrival.after(covered_to);
                continue;
            }
            let (part, rest) = arrival.split(limit);
            self.keep(part, out);
            left = rest;
        }
        self.settle(out.now);
    }

    /// How far what is held reaches from `offset` on, and where it begins again.
    fn around(&self, offset: u64) -> (u64, u64) {
        let Some(hole) = &self.hole else {
            return (offset, u64::MAX);
        };
        let before = hole.held.range(..=offset).next_back();
        let after = hole.held.range(offset.saturating_add(1)..).next();
        (
            before.map_or(offset, |(&start, held)| held.end(start)),
            after.map_or(u64::MAX, |(&start, _)| start),
        )
    }

    /// Keeps bytes that overlap with nothing held. At a limit, holes are skipped until they fit, or are next.
    fn keep(&mut self, part: Arrival<'_>, out: &mut Out<'_>) {
        loop {
            if part.start <= self.next {
                if let Some(part) = part.after(self.next) {
                    self.fill(part, out);
                }
                return;
            }
            let hole = self
                .hole
                .get_or_insert_with(|| Box::new(Hole::new(out.now)));
            let Err(limit) = hole.insert(part, out) else {
                return;
            };
            out.reached.count(limit);
            let to = self.hole_end_before(part.start);
            self.skip(to, out);
        }
    }

    /// Where the hole at `next` ends if something begins at `start`.
    fn hole_end_before(&self, start: u64) -> u64 {
        self.first_start().unwrap_or(start).min(start)
    }

    fn first_start(&self) -> Option<u64> {
        self.hole.as_ref()?.held.keys().next().copied()
    }

    /// Tells once if bytes that are still held came again and are others.
    fn compare(&self, arrival: Arrival<'_>, out: &mut Out<'_>) {
        let Some(hole) = &self.hole else { return };
        let (from, to) = (arrival.start, arrival.bytes_end());
        let before = hole.held.range(..from).next_back();
        let differs = before
            .into_iter()
            .chain(hole.held.range(from..to))
            .any(|(&start, held)| {
                let begin = start.max(from);
                let end = start.saturating_add(held.bytes.len() as u64).min(to);
                begin < end
                    && slice(&held.bytes, start, begin, end)
                        != slice(arrival.bytes, from, begin, end)
            });
        if differs {
            (out.tell)(out.at, Piece::Differs, out.budget);
        }
    }

    /// Begins or ends the hole, as what is known of the stream says.
    fn settle(&mut self, now: Timestamp) {
        if let Some(hole) = &mut self.hole {
            // The acknowledgment may have covered an earlier hole only.
            hole.acked = hole.acked.filter(|&(_, to)| to > self.next);
        }
        self.settle_kept(now);
    }

    fn settle_kept(&mut self, now: Timestamp) {
        let acked = self.acked.min(self.fin);
        // One byte that the peer acknowledged and nothing behind it is most likely a FIN. Who sent the first one matters,
        // so it is missed like any byte.
        let lost_end = acked > self.next || (self.fin != OPEN_END && self.next < self.fin);
        if !lost_end && !self.is_waiting() {
            self.hole = None;
            return;
        }
        let hole = self.hole.get_or_insert_with(|| Box::new(Hole::new(now)));
        if hole.acked.is_none() && acked > self.next {
            hole.acked = Some((now, acked));
        }
    }
}
