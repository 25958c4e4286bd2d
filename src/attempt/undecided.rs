//! The attempts that are not decided yet, and all that finds them: connection, key, target, client, first frame.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Duration;

use crate::attempt::case::{Case, CaseId, Cases, LiveLeg, Progress, SETTLE_TRIES};
use crate::attempt::few::Few;
use crate::attempt::join::{self, Client, Joined, Key, Keys};
use crate::attempt::lone::{Lone, Partner};
use crate::attempt::places::{LegView, Place, Places, Slot, SocketLeg};
use crate::attempt::views::Views;
use crate::attempt::{JoinedBy, Leg, Protocol};
use crate::flow::ConnId;
use crate::hash::HashMap;
use crate::time::Timestamp;

/// Attempts of one client, as far as addresses tell clients apart, that may be followed by another try at one time.
const INVITING: usize = 16;

/// What a connection carries.
pub(super) enum Whose<'a> {
    /// A leg of an undecided attempt.
    Case(CaseId, &'a mut Case, LegView),
    /// A leg of a WebSocket, which may be over.
    Socket(SocketLeg),
    Nobody,
}

/// Undecided attempts with their indexes. A case stands in each of them until it is taken out or merged; in that of the
/// keys until [`Undecided::forget_keys`].
#[derive(Debug, Default)]
pub(super) struct Undecided {
    cases: Cases,
    /// By connection. Open WebSockets have their places here too, for a connection has one or the other.
    pub(super) places: Places,
    keys: Keys,
    views: Views,
    lone: Lone,
    /// First frames of clients, by the attempt that shows them.
    by_bytes: HashMap<u64, CaseId>,
    /// In the order of their first request.
    order: Queue,
    /// Those whose client has its 101, in the order in which they got it.
    opened: Queue,
    /// Bytes that all of them together keep.
    allocated: u64,
    /// Attempts whose answer invites the client to try again, the oldest first. Behind one address there may be several
    /// clients.
    inviting: HashMap<Client, VecDeque<CaseId>>,
}

impl Undecided {
    pub(super) fn len(&self) -> u64 {
        self.cases.len() as u64
    }

    /// Bytes that all of them together keep.
    pub(super) const fn allocated(&self) -> u64 {
        self.allocated
    }

    /// The one whose first request came first.
    pub(super) fn oldest(&mut self) -> Option<CaseId> {
        self.order.first(&self.cases)
    }

    /// The one whose client got its 101 first: its first frame is all that is waited for. Each is said once.
    pub(super) fn take_opened(&mut self) -> Option<CaseId> {
        while let Some(id) = self.opened.first(&self.cases) {
            self.opened.0.pop_front();
            let case = self.cases.get_mut(id)?;
            if case.has_opened() {
                return Some(id);
            }
            // An outer leg has joined it since.
            case.noted_opened = false;
        }
        None
    }

    /// A leg of an attempt was answered: takes account of what is kept by now, and notes that its client has its 101, if it
    /// has. Where only a hop has one, the client waits.
    pub(super) fn note_answer(&mut self, id: CaseId) {
        let Some(case) = self.cases.get_mut(id) else {
            return;
        };
        weigh(&mut self.allocated, case);
        let was_noted = case.noted_opened;
        case.noted_opened = was_noted || case.has_opened();
        if case.noted_opened && !was_noted {
            self.opened.push(id, &self.cases);
        }
    }

    pub(super) fn get(&self, id: CaseId) -> Option<&Case> {
        self.cases.get(id)
    }

    pub(super) fn get_mut(&mut self, id: CaseId) -> Option<&mut Case> {
        self.cases.get_mut(id)
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (CaseId, &Case)> {
        self.cases.iter()
    }

    /// Those that have waited for an answer for at least so long, in the order of their first request.
    pub(super) fn waiting(&self, now: Timestamp, at_least: Duration) -> Vec<CaseId> {
        let waits = |case: &Case| match case.progress() {
            Progress::Waiting(since) => now.since(since) >= at_least,
            Progress::Settling(_) => false,
        };
        let mut waiting: Vec<CaseId> = self
            .iter()
            .filter(|(_, case)| waits(case))
            .map(|(id, _)| id)
            .collect();
        waiting.sort_unstable();
        waiting
    }

    /// The key of a leg, where it has one.
    pub(super) fn key(&self, leg: &Leg) -> Option<Key> {
        self.keys.digest(leg)
    }

    /// Where a new leg belongs by its key.
    pub(super) fn by_key(&self, leg: &Leg, key: Option<Key>) -> Joined {
        self.keys.place(leg, key, &self.cases)
    }

    /// The leg that an exchange is.
    pub(super) fn live(&mut self, conn: ConnId, exchange: u32) -> Option<&mut LiveLeg> {
        let slot = self.of_exchange(conn, exchange)?;
        self.cases.get_mut(slot.case)?.view_mut(slot.at)
    }

    /// The leg that the last exchange of a connection is.
    pub(super) fn last_live(&mut self, conn: ConnId) -> Option<(CaseId, &mut LiveLeg)> {
        match self.whose(conn) {
            Whose::Case(id, case, at) => Some((id, case.view_mut(at)?)),
            _ => None,
        }
    }

    /// What the last exchange of a connection has become.
    #[inline]
    pub(super) fn whose(&mut self, conn: ConnId) -> Whose<'_> {
        let (place, at) = match self.places.get(conn) {
            None => return Whose::Nobody,
            Some(Place::Socket(socket, at)) => return Whose::Socket(SocketLeg { socket, at }),
            Some(Place::Case(place, at)) => (place, at),
            Some(Place::Several) => match self.places.several(conn).last() {
                Some(last) => (last.case.place(), last.at),
                None => return Whose::Nobody,
            },
        };
        match self.cases.at_mut(place) {
            Some((id, case)) if case.is_at(at, conn) => Whose::Case(id, case, at),
            _ => Whose::Nobody,
        }
    }

    /// Where an exchange is in its undecided attempt.
    pub(super) fn of_exchange(&self, conn: ConnId, exchange: u32) -> Option<Slot> {
        self.last_slot(conn, |slot| slot.exchange == exchange)
    }

    /// Likewise of the exchange that came last.
    pub(super) fn of_last(&self, conn: ConnId) -> Option<Slot> {
        self.last_slot(conn, |_| true)
    }

    /// Where the last of those exchanges of a connection is in its undecided attempt.
    fn last_slot(&self, conn: ConnId, is_it: impl Fn(&Slot) -> bool) -> Option<Slot> {
        match self.places.get(conn)? {
            Place::Case(place, at) => self.only_slot(conn, place, at).filter(is_it),
            Place::Several => {
                let several = self.places.several(conn).iter();
                several.rev().copied().find(is_it)
            }
            Place::Socket(..) => None,
        }
    }

    fn only_slot(&self, conn: ConnId, place: u32, at: LegView) -> Option<Slot> {
        let (id, case) = self.cases.at(place)?;
        let live = case.legs.get(at.leg())?.view(at.view())?;
        (live.leg.conn == conn).then_some(Slot {
            exchange: live.exchange,
            case: id,
            at,
        })
    }

    /// An exchange is a leg of an undecided attempt. A WebSocket that the connection had is over.
    fn insert(&mut self, conn: ConnId, slot: Slot) {
        let before = self.of_last(conn);
        self.places.insert(conn, slot, before);
    }

    /// Whether a leg is one that is known already, under other addresses: then it belongs there, or, where that is
    /// decided already, nowhere.
    pub(super) fn is_view(&mut self, leg: &Leg, exchange: u32, now: Timestamp) -> bool {
        let Some((conn, first)) = self.views.first_of(leg, exchange, now) else {
            return false;
        };
        let known = self.of_exchange(conn, first);
        let seen = known.and_then(|slot| {
            let view = self.cases.get_mut(slot.case)?.legs.get_mut(slot.at.leg())?;
            Some(Slot {
                exchange,
                at: LegView::new(slot.at.leg(), view.see(leg.clone(), exchange)?),
                ..slot
            })
        });
        match seen {
            Some(slot) => self.insert(leg.conn, slot),
            None => self.places.forget(leg.conn),
        }
        true
    }

    /// An answer came. Where that is the answer of another leg too, and the request of one was lost, they are two views of
    /// one: returns the attempt that it belongs to.
    pub(super) fn same_answer(&mut self, here: Slot, now: Timestamp) -> Option<CaseId> {
        let live = self.cases.get_mut(here.case)?.view_mut(here.at)?;
        let (other, first) = self.views.answered_like(&live.leg, here.exchange, now)?;
        let there = self.of_exchange(other, first)?;
        let is_half = |slot: Slot| {
            let only = self.cases.get(slot.case).and_then(|case| case.legs.only());
            only.is_some_and(|only| only.leg.request.is_none())
        };
        let (whole, half) = match (is_half(here), is_half(there)) {
            _ if here.case == there.case => return None,
            (true, _) => (there, here),
            (false, true) => (here, there),
            (false, false) => return None,
        };
        let mut lost = self.take(half.case)?.legs.into_first();
        let others = std::mem::take(&mut lost.copies);
        for live in std::iter::once(lost).chain(others) {
            let conn = live.leg.conn;
            let leg = self
                .cases
                .get_mut(whole.case)?
                .legs
                .get_mut(whole.at.leg())?;
            self.places.release(conn, half.case);
            if let Some(view) = leg.adopt(live) {
                self.insert(
                    conn,
                    Slot {
                        at: LegView::new(whole.at.leg(), view),
                        exchange: half.exchange,
                        ..whole
                    },
                );
            }
        }
        Some(whole.case)
    }

    /// A leg, which has that key, is the first of an attempt.
    pub(super) fn begin(
        &mut self,
        live: LiveLeg,
        protocol: Protocol,
        key: Option<Key>,
        lost_before: u64,
    ) {
        let id = self.cases.next_id();
        let slot = Slot {
            exchange: live.exchange,
            case: id,
            at: LegView::new(0, 0),
        };
        let leg = &live.leg;
        self.insert(leg.conn, slot);
        let previous = self.previous(leg, key);
        self.keys.add(key, id);
        // A 426 to a request that asked for nothing may be the answer to what a hop has left of a handshake.
        if matches!(protocol, Protocol::WebSocket | Protocol::None) {
            self.lone.add(leg, id);
        }
        self.note_next(previous, id);
        let mut case = Box::new(Case {
            protocol,
            previous,
            next: None,
            legs: Few::one(live),
            lost_before,
            mid_stream: false,
            invites: None,
            noted_opened: false,
            first_bytes: None,
            weighed: 0,
            due: None,
        });
        weigh(&mut self.allocated, &mut case);
        self.cases.add(case);
        // Those that were decided before an older one stay in the list behind it.
        self.order.push(id, &self.cases);
    }

    /// The attempt that invited this client to try again as it does.
    fn previous(&self, leg: &Leg, key: Option<Key>) -> Option<CaseId> {
        if let Some(id) = self.keys.refused_before(leg, key, &self.cases) {
            return Some(id);
        }
        if self.inviting.is_empty() {
            return None;
        }
        let inviting = self.inviting.get(&Client::of(leg)?)?;
        let refused = |id: CaseId| Some(&self.cases.get(id)?.outermost()?.leg);
        let is_open = |id: CaseId| self.cases.get(id).is_some_and(|case| case.next.is_none());
        inviting
            .iter()
            .rev()
            .copied()
            .filter_map(|id| Some((id, join::follows(refused(id)?, leg)?)))
            // Of equals the oldest, for it has waited longest.
            .max_by_key(|&(id, likeness)| (is_open(id), likeness, Reverse(id)))
            .map(|(id, _)| id)
    }

    /// A leg with the key of an attempt is another leg of it.
    pub(super) fn join(&mut self, id: CaseId, exchange: u32, leg: Leg, key: Option<Key>) {
        let previous = self.previous(&leg, key);
        let Some(case) = self.cases.get_mut(id) else {
            return;
        };
        if let Some(only) = case.legs.only() {
            self.lone.remove(&only.leg, id);
        }
        let slot = Slot {
            exchange,
            case: id,
            at: LegView::new(case.legs.len(), 0),
        };
        self.insert(leg.conn, slot);
        let Some(case) = self.cases.get_mut(id) else {
            return;
        };
        case.legs
            .push(LiveLeg::new(leg, exchange, Some(JoinedBy::Key)));
        // By the clock of another file an inner leg may have come first; who tries again is the outermost one's client.
        if case.previous.is_none() && previous != Some(id) {
            case.previous = previous;
            weigh(&mut self.allocated, case);
            self.note_next(previous, id);
        } else {
            weigh(&mut self.allocated, case);
        }
    }

    fn note_next(&mut self, of: Option<CaseId>, next: CaseId) {
        if let Some(case) = of.and_then(|of| self.cases.get_mut(of)) {
            case.next = Some(next);
        }
    }

    /// When the next try of the same client may be decided, where that was answered in time and will take this one in.
    pub(super) fn next_settles(&self, id: CaseId) -> Option<Timestamp> {
        let refused = self.cases.get(id)?;
        let next = self.cases.get(refused.next?)?;
        let (before, after) = (&refused.outermost()?.leg, &next.outermost()?.leg);
        let in_time = after.answered()?.since(before.answered()?) <= SETTLE_TRIES;
        match next.progress() {
            Progress::Settling(at) if next.previous == Some(id) && in_time => Some(at),
            _ => None,
        }
    }

    /// Makes one attempt of two if nothing else fits an attempt of a single leg.
    pub(super) fn pair(&mut self, id: CaseId) -> Partner {
        let partner = self.lone.partner(id, &self.cases);
        if let Partner::Only(pair) = partner {
            self.merge(pair.outer, pair.inner, pair.by);
        }
        partner
    }

    /// Whether an attempt other than `id` may own a leg that no field joins to any.
    pub(super) fn is_contested(&self, leg: &Leg, id: CaseId) -> bool {
        self.lone.is_contested(leg, id, &self.cases)
    }

    /// A client's first frame on a connection. Two legs on which it is the same have a tunnel between them: returns the
    /// attempt that they make.
    pub(super) fn first_bytes(&mut self, conn: ConnId, hash: u64) -> Option<CaseId> {
        let id = self.of_last(conn)?.case;
        let other = self
            .by_bytes
            .get(&hash)
            .copied()
            .filter(|other| *other != id && self.may_be_one(*other, id));
        let Some(other) = other else {
            self.show_bytes(id, hash);
            return None;
        };
        let started = |id| Some(self.cases.get(id)?.outermost()?.leg.started());
        let (outer, inner) = if started(other) <= started(id) {
            (other, id)
        } else {
            (id, other)
        };
        self.merge(outer, inner, JoinedBy::Bytes);
        self.show_bytes(outer, hash);
        Some(outer)
    }

    /// Whether both are there, and have not too many legs for one.
    fn may_be_one(&self, one: CaseId, other: CaseId) -> bool {
        let (Some(one), Some(other)) = (self.cases.get(one), self.cases.get(other)) else {
            return false;
        };
        one.has_room(other.legs.len())
    }

    fn show_bytes(&mut self, id: CaseId, hash: u64) {
        if let Some(case) = self.cases.get_mut(id) {
            match &mut case.first_bytes {
                Some(hashes) => hashes.push(hash),
                none => *none = Some(Few::one(hash)),
            }
            self.by_bytes.insert(hash, id);
        }
    }

    /// An answer on this connection came; where it invites the client of the attempt to try again, that is noted.
    pub(super) fn note_invitation(&mut self, id: CaseId, conn: ConnId) {
        let Some(case) = self.cases.get_mut(id) else {
            return;
        };
        let may_invite = |live: &LiveLeg| {
            live.conns().any(|of| of == conn) && live.best().leg.invites_another_try()
        };
        if !case.legs.iter().any(may_invite) {
            return;
        }
        let client = case
            .root()
            .filter(|root| root.conns().any(|of| of == conn))
            .filter(|root| root.best().leg.invites_another_try())
            .and_then(|root| Client::of(&root.leg));
        if let Some(client) = client {
            let before = case.invites.replace(Box::new(client.clone()));
            if let Some(before) = before {
                self.uninvite(&before, id);
            }
            let inviting = self.inviting.entry(client).or_default();
            if inviting.len() >= INVITING {
                inviting.pop_front();
            }
            inviting.push_back(id);
        }
    }

    fn uninvite(&mut self, client: &Client, id: CaseId) {
        if let Some(inviting) = self.inviting.get_mut(client) {
            inviting.retain(|&invited| invited != id);
            if inviting.is_empty() {
                self.inviting.remove(client);
            }
        }
    }

    /// Two attempts turned out to be one.
    fn merge(&mut self, outer: CaseId, inner: CaseId, by: JoinedBy) {
        let Some(case) = self.take(inner) else {
            return;
        };
        let Some(into) = self.cases.get_mut(outer) else {
            return;
        };
        if let Some(only) = into.legs.only() {
            self.lone.remove(&only.leg, outer);
        }
        let offset = into.legs.len();
        for mut live in case.legs {
            for conn in live.conns() {
                self.places.rename(conn, inner, outer, offset);
            }
            self.keys.rename(&live.leg, inner, outer);
            live.joined_by.get_or_insert(by);
            into.legs.push(live);
        }
        if let Some(into) = self.cases.get_mut(outer) {
            weigh(&mut self.allocated, into);
        }
    }

    /// Takes an attempt out. Its keys and places stay: others may have them next.
    pub(super) fn take(&mut self, id: CaseId) -> Option<Box<Case>> {
        let case = self.cases.remove(id)?;
        self.allocated = self.allocated.saturating_sub(case.weighed);
        if let Some(only) = case.legs.only() {
            self.lone.remove(&only.leg, id);
        }
        if let Some(client) = &case.invites {
            self.uninvite(client, id);
        }
        for hash in case.first_bytes.iter().flat_map(Few::iter) {
            if self.by_bytes.get(hash) == Some(&id) {
                self.by_bytes.remove(hash);
            }
        }
        Some(case)
    }

    /// The keys of an attempt that was taken out find it no more; legs of it that come until then are too late.
    pub(super) fn forget_keys<'a>(
        &mut self,
        id: CaseId,
        legs: impl Iterator<Item = &'a Leg>,
        until: Timestamp,
    ) {
        self.keys.decide(id, legs, until);
    }

    /// Forgets of decided attempts and of what legs began with what is over. What looks them up asks for it first.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.keys.forget(now);
        self.views.forget(now);
    }
}

/// Attempts in some order. Who is decided meanwhile stays listed, until it is the first or there are too many of them.
#[derive(Debug, Default)]
struct Queue(VecDeque<CaseId>);

impl Queue {
    /// One more, which is not listed yet.
    fn push(&mut self, id: CaseId, cases: &Cases) {
        if self.0.len() > cases.len().saturating_mul(2).saturating_add(64) {
            self.0.retain(|id| cases.contains(*id));
        }
        self.0.push_back(id);
    }

    /// The first that is still undecided.
    fn first(&mut self, cases: &Cases) -> Option<CaseId> {
        while let Some(&id) = self.0.front() {
            if cases.contains(id) {
                return Some(id);
            }
            self.0.pop_front();
        }
        None
    }
}

/// Takes account in the sum of all of what an attempt keeps by now.
fn weigh(sum: &mut u64, case: &mut Case) {
    let weighed = case.allocated();
    let before = std::mem::replace(&mut case.weighed, weighed);
    *sum = sum.saturating_sub(before).saturating_add(weighed);
}
