//! An attempt that is not decided yet: the legs seen so far, and when it may be decided (spec: when it is decided).

use std::num::NonZeroU64;
use std::time::Duration;

use crate::attempt::closing::Tail;
use crate::attempt::few::Few;
use crate::attempt::join::Client;
use crate::attempt::places::LegView;
use crate::attempt::{JoinedBy, Leg, Protocol, tree};
use crate::event::{Fact, FrameCounts, GapOver, ViolationKind};
use crate::flow::{ConnId, End};
use crate::http::Fields;
use crate::slab::Slab;
use crate::time::{Stamp, Timestamp};

/// After an answer that nothing may follow.
const SETTLE: Duration = Duration::from_secs(1);
/// After an answer that another try or a sibling may follow.
pub(super) const SETTLE_TRIES: Duration = Duration::from_secs(5);
/// Packets of two interfaces or files may come out of order by this much.
const SETTLE_LEGS: Duration = Duration::from_millis(100);

/// Where a leg opened and another seems to have had no answer, that was lost: a hole is told a little later.
const SETTLE_HOLES: Duration = Duration::from_millis(250);

/// Legs that an attempt may have: more than any chain of hops with its retries and sub-requests. Strangers can make any
/// number of them alike, and each is held against all others.
pub(super) const MOST_LEGS: usize = 24;

/// Number of an undecided attempt: in the order of its first request, with the place where it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CaseId(NonZeroU64);

/// Bits of that number which say the place.
const PLACE_BITS: u32 = 24;

/// So many have a place.
pub(super) const MOST_CASES: u64 = (1 << PLACE_BITS) - 1;

/// Undecided attempts by their number.
#[derive(Debug, Default)]
pub(super) struct Cases {
    kept: Slab<(CaseId, Box<Case>)>,
    /// How many there ever were.
    begun: u64,
}

/// An undecided attempt: there may be very many at one time.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) protocol: Protocol,
    pub(super) legs: Few<LiveLeg>,
    /// The try before this one, which may turn out to be the same attempt.
    pub(super) previous: Option<CaseId>,
    /// The try after this one, as far as it is known.
    pub(super) next: Option<CaseId>,
    /// What the capture had lost when it began.
    pub(super) lost_before: u64,
    /// A WebSocket that was joined mid-stream: nothing more will be known of its handshake.
    pub(super) mid_stream: bool,
    /// Its answer invites this client to try again.
    pub(super) invites: Option<Box<Client>>,
    /// It is listed among those that have opened.
    pub(super) noted_opened: bool,
    /// What identifies the first frames of its legs.
    pub(super) first_bytes: Option<Few<u64>>,
    /// What it kept when it was last looked at, in bytes.
    pub(super) weighed: u64,
    /// When it will be looked at again, if that is so.
    pub(super) due: Option<Timestamp>,
}

/// A leg while it grows.
#[derive(Debug)]
pub(super) struct LiveLeg {
    pub(super) leg: Leg,
    /// Which exchange of its connection it is.
    pub(super) exchange: u32,
    pub(super) joined_by: Option<JoinedBy>,
    /// What came after the 101.
    pub(super) tail: Tail,
    /// The first frame other than Close, or what else shows that the 101 was taken or refused.
    pub(super) used_at: Option<Timestamp>,
    /// The same leg under other addresses. Nothing is counted twice: one view speaks for it.
    pub(super) copies: Vec<Self>,
}

/// What can be said of an undecided attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// It waits for an answer since then.
    Waiting(Timestamp),
    /// It may be decided at that time.
    Settling(Timestamp),
}

/// Bytes that a leg needs in the maps and lists that find its attempt, and that stay unused between allocations: measured,
/// over a hundred thousand at once.
const INDEXES: usize = 512;

impl Cases {
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn contains(&self, id: CaseId) -> bool {
        let kept = self.kept.get(id.place());
        kept.is_some_and(|(known, _)| *known == id)
    }

    #[inline]
    pub(super) fn get(&self, id: CaseId) -> Option<&Case> {
        let (known, case) = self.at(id.place())?;
        (known == id).then_some(case)
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: CaseId) -> Option<&mut Case> {
        let (known, case) = self.at_mut(id.place())?;
        (known == id).then_some(case)
    }

    /// The one that is kept there.
    #[inline]
    pub(super) fn at(&self, place: u32) -> Option<(CaseId, &Case)> {
        let (id, case) = self.kept.get(place)?;
        Some((*id, case))
    }

    /// The same, to be changed.
    #[inline]
    pub(super) fn at_mut(&mut self, place: u32) -> Option<(CaseId, &mut Case)> {
        let (id, case) = self.kept.get_mut(place)?;
        Some((*id, case))
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (CaseId, &Case)> {
        self.kept.iter().map(|(_, (id, case))| (*id, &**case))
    }

    /// The number of the next that is added.
    pub(super) fn next_id(&self) -> CaseId {
        CaseId::new(self.begun, self.kept.next_place().unwrap_or(u32::MAX))
    }

    /// Adds the next one.
    pub(super) fn add(&mut self, case: Box<Case>) {
        let id = self.next_id();
        self.begun += 1;
        self.kept.insert((id, case));
    }

    pub(super) fn remove(&mut self, id: CaseId) -> Option<Box<Case>> {
        let is_there = self.contains(id);
        is_there
            .then(|| self.kept.take(id.place()))?
            .map(|(_, case)| case)
    }
}

impl CaseId {
    /// The last there can be.
    pub(super) const MAX: Self = Self(NonZeroU64::MAX);

    pub(super) fn new(number: u64, place: u32) -> Self {
        Self(NonZeroU64::MIN.saturating_add(number << PLACE_BITS | u64::from(place)))
    }

    /// Where it is kept.
    #[inline]
    pub(super) const fn place(self) -> u32 {
        ((self.0.get() - 1) % (1 << PLACE_BITS)) as u32
    }
}

impl Case {
    /// Whether there is room for so many more legs.
    pub(super) fn has_room(&self, more: usize) -> bool {
        self.legs.len() + more <= MOST_LEGS
    }

    /// One view of one of its legs.
    pub(super) fn view_mut(&mut self, at: LegView) -> Option<&mut LiveLeg> {
        self.legs.get_mut(at.leg())?.view_mut(at.view())
    }

    /// Takes note of what came after the request of one view. True where that may change when it can be decided.
    pub(super) fn note(&mut self, view: LegView, at: Stamp, fact: Fact) -> bool {
        let Some(leg) = self.legs.get_mut(view.leg()) else {
            return false;
        };
        let is_seen_once = leg.copies.is_empty();
        let Some(live) = leg.view_mut(view.view()) else {
            return false;
        };
        // How a leg ends is waited for only where there is no answer, or nobody has used it.
        let is_waited_for = !is_seen_once || live.leg.response.is_none() || live.used_at.is_none();
        let is_end = matches!(fact, Fact::Fin { .. } | Fact::Ended { .. });
        live.note(at, fact) && (is_waited_for || !is_end)
    }

    /// Whether a connection is that view of a leg of it.
    #[inline]
    pub(super) fn is_at(&self, at: LegView, conn: ConnId) -> bool {
        let live = self.legs.get(at.leg());
        let view = live.and_then(|live| live.view(at.view()));
        view.is_some_and(|view| view.leg.conn == conn)
    }

    /// Bytes that are allocated for it.
    pub(super) fn allocated(&self) -> u64 {
        let legs = self.legs.iter().map(|live| {
            let asked = live.leg.request.as_ref().map_or(0, |(_, request)| {
                size_of_val(&**request) as u64 + request.head.allocated()
            });
            let answered = live.leg.response.as_ref().map_or(0, |(_, response)| {
                let fields = response.head.as_ref().map(|head| &head.fields);
                size_of_val(&**response) as u64 + fields.map_or(0, Fields::allocated)
            });
            (size_of::<LiveLeg>() + INDEXES) as u64 + asked + answered
        });
        legs.sum::<u64>() + size_of::<Self>() as u64
    }

    /// When it may be decided, by what is known now.
    pub(super) fn progress(&self) -> Progress {
        let (parents, two, many): (&[Option<usize>], _, Vec<_>);
        if let Some(only) = self.legs.only() {
            return self.progress_of_root(only.best(), true);
        } else if let Some([first, second]) = self.legs.both() {
            two = tree::parents_of_two([&first.leg, &second.leg]);
            match two {
                [None, Some(_)] => return self.progress_of_root(first.best(), false),
                [Some(_), None] => return self.progress_of_root(second.best(), false),
                _ => parents = &two,
            }
        } else {
            let legs: Vec<&Leg> = self.legs.iter().map(|live| &live.leg).collect();
            many = tree::parents(&legs);
            parents = &many;
        }
        let is_root = |index: usize| parents.get(index).copied().flatten().is_none();
        let roots = || {
            self.legs
                .iter()
                .enumerate()
                .filter(|&(index, _)| is_root(index))
                .map(|(_, live)| live.best())
        };
        let first = roots()
            .map(|live| live.leg.started())
            .min()
            .unwrap_or_default();
        if self.mid_stream {
            return Progress::Settling(first.after(SETTLE_LEGS));
        }
        if let Some(open) = roots().find(|live| live.leg.status() == Some(101)) {
            return Progress::Settling(self.settled_101(open));
        }
        let lone = parents.iter().all(Option::is_none);
        let mut due = Timestamp::MIN;
        for root in roots() {
            match root.final_answer() {
                Some(at) => due = due.max(at.after(root.leg.settle_span(lone))),
                None => return Progress::Waiting(root.leg.started()),
            }
        }
        Progress::Settling(due)
    }

    /// Likewise with a single root, as most have it.
    fn progress_of_root(&self, live: &LiveLeg, lone: bool) -> Progress {
        let leg = &live.leg;
        if self.mid_stream {
            return Progress::Settling(leg.started().after(SETTLE_LEGS));
        }
        if leg.status() == Some(101) {
            return Progress::Settling(self.settled_101(live));
        }
        match live.final_answer() {
            Some(at) => Progress::Settling(at.after(leg.settle_span(lone))),
            None => Progress::Waiting(leg.started()),
        }
    }

    /// Whether its client has its 101, so that nothing but the first frame is waited for.
    pub(super) fn has_opened(&self) -> bool {
        let root = self.outermost();
        root.is_some_and(|live| live.leg.status() == Some(101))
    }

    /// A 101 settles until something shows what became of it, at most 1 s; legs whose packets come late a little more.
    fn settled_101(&self, open: &LiveLeg) -> Timestamp {
        let answered = open.leg.answered().unwrap_or_default();
        let latest = answered.after(SETTLE);
        let Some(used) = open.used_at else {
            return latest;
        };
        let answered = |live: &LiveLeg| live.best().leg.response.is_some();
        match (self.legs.len(), self.legs.iter().all(answered)) {
            (2.., true) => used,
            (_, true) => used.after(SETTLE_LEGS).min(latest.max(used)),
            (_, false) => used.after(SETTLE_HOLES).min(latest.max(used)),
        }
    }

    /// The leg whose answer counts, as its best view shows it.
    pub(super) fn outermost(&self) -> Option<&LiveLeg> {
        self.root().map(LiveLeg::best)
    }

    /// The leg whose answer counts, as far as it is known: the first of the roots.
    pub(super) fn root(&self) -> Option<&LiveLeg> {
        if let Some(only) = self.legs.only() {
            return Some(only);
        }
        if let Some([first, second]) = self.legs.both() {
            match tree::parents_of_two([&first.leg, &second.leg]) {
                [None, Some(_)] => return Some(first),
                [Some(_), _] => return Some(second),
                [None, None] => {}
            }
        }
        let legs: Vec<&Leg> = self.legs.iter().map(|live| &live.leg).collect();
        let parents = tree::parents(&legs);
        let roots = self
            .legs
            .iter()
            .zip(parents)
            .filter(|(_, parent)| parent.is_none());
        roots
            .map(|(live, _)| live)
            .min_by_key(|live| (live.leg.started(), live.leg.conn))
    }
}

impl LiveLeg {
    pub(super) fn new(leg: Leg, exchange: u32, joined_by: Option<JoinedBy>) -> Self {
        Self {
            leg,
            exchange,
            joined_by,
            tail: Tail::default(),
            used_at: None,
            copies: Vec::new(),
        }
    }

    /// Takes note of what came after the request. True where that may change when the attempt can be decided.
    fn note(&mut self, at: Stamp, fact: Fact) -> bool {
        let may_end = matches!(fact, Fact::Fin { .. } | Fact::Ended { .. });
        let is_news = self.note_fact(at, &fact);
        self.tail.note(at, fact);
        let has_ended = may_end && self.ended();
        is_news || has_ended
    }

    /// Likewise without what the tail shows.
    fn note_fact(&mut self, at: Stamp, fact: &Fact) -> bool {
        match fact {
            Fact::Gap { over, .. } => {
                let before = self.leg.gaps;
                self.leg.lost(*over);
                self.leg.gaps != before
            }
            Fact::SeenOn { iface } => {
                self.leg.connection_mut().seen_on.place(*iface);
                false
            }
            Fact::Violation(violation) if violation.kind == ViolationKind::Http => {
                let is_new = !std::mem::replace(&mut self.leg.http_after_101, true);
                self.used(at) || is_new
            }
            Fact::Frames(frames) => {
                let has_used = |counts: &FrameCounts| counts.total() > counts.close;
                (has_used(&frames.client) || has_used(&frames.server)) && self.used(at)
            }
            // Its end may be long in coming, and is not waited for.
            Fact::OneSided => !std::mem::replace(&mut self.leg.gaps.one_sided, true),
            Fact::Used | Fact::Close { .. } | Fact::Fin { .. } => self.used(at),
            Fact::Ended { how, both_ways } => {
                self.used(at);
                self.leg.gaps.one_sided = !both_ways;
                self.leg.end.how = Some(*how);
                // Forgotten for lack of room or for silence: what is missing is not to be held against anybody.
                if *how == End::Evicted && self.leg.response.is_none() {
                    self.leg.gaps.response = true;
                }
                true
            }
            _ => false,
        }
    }

    /// Something shows that the 101 was taken or refused; true where that is the first that does.
    const fn used(&mut self, at: Stamp) -> bool {
        let is_first = self.used_at.is_none();
        if is_first {
            self.used_at = Some(at.ts);
        }
        is_first
    }

    /// A side has ended TCP; true where it is another that did so first.
    fn ended(&mut self) -> bool {
        let first = self.tail.tcp_ends().first().copied();
        first != std::mem::replace(&mut self.leg.end.first, first)
    }

    /// When the answer came, or it was sure that none will.
    fn final_answer(&self) -> Option<Timestamp> {
        self.leg
            .response
            .as_ref()
            .map(|(at, _)| at.ts)
            .or_else(|| self.leg.end.first.map(|end| end.at))
    }
}

impl Leg {
    /// Bytes are missing, and these would have been something like that.
    const fn lost(&mut self, over: GapOver) {
        let gaps = &mut self.gaps;
        match over {
            GapOver::RequestHead if self.request.is_none() => gaps.request = true,
            GapOver::RequestHead if self.response.is_none() => gaps.behind = true,
            GapOver::ResponseHead if self.response.is_none() => gaps.response = true,
            _ => gaps.later = true,
        }
    }

    /// Events of any connection were shed at that time: what this leg had not shown by then it may have shown.
    pub(super) fn shed(&mut self, at: Timestamp) {
        if self.started() > at {
            return;
        }
        if self.response.is_none() {
            self.gaps.response = true;
            self.gaps.behind = true;
        }
        self.gaps.later = true;
    }

    /// How long to wait for what may follow the answer.
    fn settle_span(&self, lone: bool) -> Duration {
        match self.status() {
            Some(300..=399) => SETTLE_TRIES,
            Some(401 | 407) if self.is_challenge() => SETTLE_TRIES,
            // It may be a sub-request whose siblings are still to come.
            Some(200..=299 | 403 | 500..=599) if lone && self.response.is_some() => SETTLE_TRIES,
            _ => SETTLE,
        }
    }

    /// A refusal after which the client may come back with credentials (RFC 9110 §11.6.1, §11.7.1).
    pub(super) fn is_challenge(&self) -> bool {
        matches!(self.status(), Some(401 | 407))
            && self.answer_head().is_some_and(|head| {
                head.fields
                    .first("www-authenticate")
                    .or_else(|| head.fields.first("proxy-authenticate"))
                    .is_some()
            })
    }

    /// An answer after which the same client may try again as part of the same attempt.
    pub(super) fn invites_another_try(&self) -> bool {
        self.is_challenge() || matches!(self.status(), Some(300..=399))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_undecided_one_is_small() {
        assert!(size_of::<Case>() <= 384, "{}", size_of::<Case>());
        assert!(size_of::<LiveLeg>() <= 248, "{}", size_of::<LiveLeg>());
    }
}
