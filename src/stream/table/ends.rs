//! How connections end: by themselves, by silence, for lack of room; and what is kept of them for late segments.

use std::time::Duration;

use super::{Place, Scene, Table};
use crate::flow::End;
use crate::limits::{Budget, Limit};
use crate::stream::StreamItem;
use crate::stream::conn::Conn;
use crate::stream::lane::Above;
use crate::stream::past::{Gone, Why};
use crate::time::Stamp;

/// A SYN that waits so long is told, and at the end of the capture it was not answered. Systems send it again after one
/// second (RFC 6298 §2), and once more after another two.
const SYN_WAIT: Duration = Duration::from_secs(3);

impl<S: Above> Table<S> {
    pub(super) fn make_room<F>(&mut self, budget: &mut Budget, sink: &mut F)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let most = usize::try_from(self.limits.connections).unwrap_or(usize::MAX);
        while self.slots.len() >= most.max(1) {
            let Some(slot) = self.ages.lowest() else {
                return;
            };
            if self.has_passed_since(slot) {
                continue;
            }
            self.counters.evictions = self.counters.evictions.saturating_add(1);
            self.counters.reached.count(Limit::connections);
            let end = self.end_without_answer(slot).unwrap_or(End::Evicted);
            self.end(slot, end, (budget, sink));
        }
    }

    /// Ends a connection: hands on what it holds, says how it ended, and keeps what late segments need.
    pub(super) fn end<F>(&mut self, slot: u32, end: End, (budget, sink): (&mut Budget, &mut F))
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        self.land(slot);
        let Some(mut entry) = self.slots.take(slot) else {
            return;
        };
        self.ages.remove(slot);
        if let Some(deadline) = entry.deadline {
            self.due.remove(&(deadline, slot));
        }
        if let Some(since) = entry.held_since {
            self.holders.remove(&(since, slot));
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
        // A SYN that nobody answered is no sign that the answers went another way.
        if !entry.conn.both_ways && !entry.tcp.is_half_open() {
            self.counters.one_sided = self.counters.one_sided.saturating_add(1);
        }
        sink(&mut entry.conn, at, StreamItem::End(end), budget);
        let why = match end {
            End::Fin | End::Rst(_) | End::Replaced => Why::Closed,
            End::Refused | End::Unanswered => Why::NeverOpen,
            End::Idle | End::Evicted | End::CaptureOver => Why::Forgotten,
        };
        let starts = entry.tcp.starts();
        let key = entry.key();
        if let Some(other) = entry.conn.redirected {
            let [low, high] = starts;
            self.remember(Gone {
                hash: self.index.hash_of(&other.key),
                starts: if other.crossed { [high, low] } else { starts },
                numbers: other.numbers,
                at: self.now,
                why,
            });
        }
        self.remember(Gone {
            hash: self.index.hash_of(&key),
            starts,
            numbers: entry.numbers,
            at: self.now,
            why,
        });
    }

    pub(super) fn remember(&mut self, gone: Gone) {
        // Once the capture is over nothing comes late.
        if self.ending.is_some() {
            return;
        }
        let hash = gone.hash;
        let (place, forgotten) = self.past.push(gone);
        if let Some(forgotten) = forgotten
            && forgotten.hash != hash
        {
            self.index.remove(forgotten.hash);
        }
        self.index.insert(hash, Place::Past(place).value());
    }

    /// How a connection of which only SYNs were seen ends when it is forgotten.
    pub(super) fn end_without_answer(&self, slot: u32) -> Option<End> {
        let entry = self.slots.get(slot)?;
        let waited = self.now.since(entry.conn.syn?.ts);
        (entry.tcp.is_half_open() && waited >= SYN_WAIT).then_some(End::Unanswered)
    }

    /// Tells of the SYNs that have waited for some seconds: who sent them may have given up without a packet.
    fn tell_waiting<F>(&mut self, budget: &mut Budget, sink: &mut F)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        let until = self.now.before(SYN_WAIT);
        let waiting: Vec<u32> = self.ages.half_open(self.waits_told, until).collect();
        self.waits_told = self.waits_told.max(until);
        for &slot in waiting.iter().rev() {
            if let Some(entry) = self.slots.get_mut(slot)
                && entry.tcp.is_half_open()
                && entry.conn.syn.is_some()
            {
                let at = Stamp {
                    ts: self.now,
                    ..entry.last
                };
                sink(&mut entry.conn, at, StreamItem::SynWaits, budget);
            }
        }
    }

    /// What goes the short way does not move its connection among the others. Whether it was seen since it was listed, so
    /// that it has moved now: each packet makes that true once at most.
    fn has_passed_since(&mut self, slot: u32) -> bool {
        self.land(slot);
        let entry = self.slots.get(slot);
        entry.is_some_and(|entry| self.ages.was_seen(slot, entry.last.ts))
    }

    /// Tells which SYNs wait, and forgets the connections that are idle.
    pub(super) fn sweep<F>(&mut self, budget: &mut Budget, sink: &mut F)
    where
        F: FnMut(&mut Conn<S>, Stamp, StreamItem<'_>, &mut Budget),
    {
        self.tell_waiting(budget, sink);
        let span = self.limits.span(Limit::idle_timeout);
        while let Some(slot) = self.ages.idle(span, self.now) {
            self.land(slot);
            // Listed to a second only, and what goes the short way does not list it anew.
            if let Some(entry) = self.slots.get(slot)
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
