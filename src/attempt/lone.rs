//! Legs that no key joins: paired by request id, or by time where no other pairing fits (spec: joining legs, 2 and 4).
//!
//! A hop that makes a key of its own, a client without one, a probe with the key of RFC 6455: their legs have nothing in
//! common but that one begins while the other waits, and that they ask for the same. Where two pairings fit, none is
//! made.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher;
use std::ops::RangeBounds;
use std::time::Duration;

use crate::attempt::case::{CaseId, Cases};
use crate::attempt::{JoinedBy, Leg, Protocol, tree};
use crate::hash::{DigestSeed, HashMap};
use crate::http::origin_form;
use crate::time::Timestamp;

/// Neighbours in time that are looked at; with more than that at once nothing can be told apart anyway.
const NEIGHBOURS: usize = 64;

/// A hop passes an answer on within this time.
const IN_STEP: Duration = Duration::from_millis(20);

/// Undecided attempts of a single leg, by what they ask for.
#[derive(Debug, Default)]
pub(super) struct Lone {
    /// By a digest of the target: as many targets as attempts may be kept.
    by_target: HashMap<u64, Begun>,
    seed: DigestSeed,
}

/// Attempts of one target, in the order in which they began.
#[derive(Debug)]
enum Begun {
    /// As most have it.
    One((Timestamp, CaseId)),
    #[expect(
        clippy::box_collection,
        reason = "few have several, and all are as large as the largest"
    )]
    Several(Box<BTreeSet<(Timestamp, CaseId)>>),
}

impl Begun {
    fn insert(&mut self, other: (Timestamp, CaseId)) {
        match self {
            Self::One(one) => *self = Self::Several(Box::new(BTreeSet::from([*one, other]))),
            Self::Several(all) => _ = all.insert(other),
        }
    }

    /// Whether there is no other.
    fn is_alone(&self, id: CaseId) -> bool {
        matches!(self, Self::One((_, one)) if *one == id)
    }

    /// False where that is the only one.
    fn remove(&mut self, other: (Timestamp, CaseId)) -> bool {
        match self {
            Self::One(one) => *one != other,
            Self::Several(all) => {
                all.remove(&other);
                !all.is_empty()
            }
        }
    }

    fn range(
        &self,
        range: impl RangeBounds<(Timestamp, CaseId)>,
    ) -> impl DoubleEndedIterator<Item = &(Timestamp, CaseId)> {
        let (one, several) = match self {
            Self::One(one) => (range.contains(one).then_some(one), None),
            Self::Several(all) => (None, Some(all.range(range))),
        };
        one.into_iter().chain(several.into_iter().flatten())
    }
}

/// Two attempts that are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) outer: CaseId,
    pub(super) inner: CaseId,
    pub(super) by: JoinedBy,
}

/// What else an attempt fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Partner {
    /// This one, and no other.
    Only(Pair),
    /// Several, or one that fits others too.
    Several,
    Nobody,
}

impl Lone {
    /// A new attempt has one leg so far.
    pub(super) fn add(&mut self, leg: &Leg, id: CaseId) {
        let Some(target) = self.target(leg) else {
            return;
        };
        let begun = (leg.started(), id);
        match self.by_target.entry(target) {
            Entry::Occupied(mut all) => all.get_mut().insert(begun),
            Entry::Vacant(place) => _ = place.insert(Begun::One(begun)),
        }
    }

    /// An attempt is decided, or has another leg.
    pub(super) fn remove(&mut self, leg: &Leg, id: CaseId) {
        let Some(target) = self.target(leg) else {
            return;
        };
        if let Entry::Occupied(mut all) = self.by_target.entry(target)
            && !all.get_mut().remove((leg.started(), id))
        {
            all.remove();
        }
    }

    /// What a leg asks for.
    fn target(&self, leg: &Leg) -> Option<u64> {
        let head = leg.request_head()?;
        Some(self.seed.hash_one(origin_form(head.target())))
    }

    /// The only pairing that an attempt fits into: from either side where it has a single leg.
    pub(super) fn partner(&self, id: CaseId, cases: &Cases) -> Partner {
        let Some(leg) = single(cases, id) else {
            let pair = self.pair_by_accept(id, cases);
            return pair.map_or(Partner::Nobody, Partner::Only);
        };
        let Some(near) = self.near(leg).filter(|near| !near.is_alone(id)) else {
            return Partner::Nobody;
        };
        // Whether this attempt is the only one for the other, too.
        let is_mutual = |other, side| {
            let back = single(cases, other)
                .and_then(|leg| Some(only(self.near(leg)?, leg, other, cases, side)));
            matches!(back, Some(Fits::One(back, _)) if back == id)
        };
        let outer = only(near, leg, id, cases, Side::Outer);
        let pair = if let Fits::One(outer, by) = outer {
            let inner = id;
            is_mutual(outer, Side::Inner).then_some(Pair { outer, inner, by })
        } else {
            match only(near, leg, id, cases, Side::Inner) {
                Fits::One(inner, by) => {
                    let outer = id;
                    is_mutual(inner, Side::Outer).then_some(Pair { outer, inner, by })
                }
                Fits::None if outer == Fits::None => return Partner::Nobody,
                _ => None,
            }
        };
        pair.map_or(Partner::Several, Partner::Only)
    }

    /// Whether an attempt other than `id` may own a leg.
    pub(super) fn is_contested(&self, leg: &Leg, id: CaseId, cases: &Cases) -> bool {
        let Some(near) = self.near(leg) else {
            return false;
        };
        let before = near.range(..(leg.started(), CaseId::MAX)).rev();
        before.take(NEIGHBOURS).any(|&(_, other)| {
            other != id
                && single(cases, other)
                    .is_some_and(|outer| fit(outer, leg).is_some() && is_relayed(outer, leg))
        })
    }

    /// The attempt of a single leg which was given the accept that an attempt of several brought: the first hop of a chain
    /// made a key of its own, and the others passed that on.
    fn pair_by_accept(&self, id: CaseId, cases: &Cases) -> Option<Pair> {
        let inner = &cases.get(id)?.outermost()?.leg;
        let accept = inner.answer_field("sec-websocket-accept")?;
        let near = self.near(inner)?;
        let earlier = near.range(..(inner.started(), id)).rev().take(NEIGHBOURS);
        let mut fitting = earlier.filter_map(|&(_, other)| {
            let outer = single(cases, other)?;
            let is_same = outer.answer_field("sec-websocket-accept").as_ref() == Some(&accept);
            let by = is_same.then(|| fit(outer, inner))??;
            Some(Pair {
                outer: other,
                inner: id,
                by,
            })
        });
        let only = fitting.next()?;
        fitting.next().is_none().then_some(only)
    }

    /// The attempts that ask for the same as a leg.
    fn near(&self, leg: &Leg) -> Option<&Begun> {
        self.by_target.get(&self.target(leg)?)
    }
}

/// Which attempt on that side of a leg fits.
fn only(near: &Begun, leg: &Leg, id: CaseId, cases: &Cases, side: Side) -> Fits {
    let mut fits = Fits::None;
    for (other, by) in fitting(near, leg, id, cases, side) {
        if by == JoinedBy::RequestId {
            return Fits::One(other, by);
        }
        fits = match fits {
            Fits::None => Fits::One(other, by),
            _ => Fits::Several,
        };
    }
    fits
}

/// Those of `near` on that side of a leg that fit, the nearest in time first.
fn fitting<'s>(
    near: &'s Begun,
    leg: &'s Leg,
    id: CaseId,
    cases: &'s Cases,
    side: Side,
) -> impl Iterator<Item = (CaseId, JoinedBy)> + 's {
    let here = (leg.started(), id);
    let asks = move |id| {
        cases
            .get(id)
            .is_some_and(|case| case.protocol == Protocol::WebSocket)
    };
    let fits = move |&(_, other): &(Timestamp, CaseId)| {
        let found = single(cases, other).filter(|_| other != id)?;
        let ((outer, asked), (inner, asks_too)) = if side == Side::Outer {
            ((found, asks(other)), (leg, asks(id)))
        } else {
            ((leg, asks(id)), (found, asks(other)))
        };
        let by = fit(outer, inner).filter(|_| asked)?;
        (asks_too || by == JoinedBy::RequestId || is_relayed(outer, inner)).then_some((other, by))
    };
    let before = (side == Side::Outer).then(|| near.range(..here).rev());
    let after = (side == Side::Inner).then(|| near.range(here..));
    let near = before.into_iter().flatten();
    near.chain(after.into_iter().flatten())
        .take(NEIGHBOURS)
        .filter_map(fits)
}

/// Attempts that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fits {
    None,
    One(CaseId, JoinedBy),
    Several,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Outer,
    Inner,
}

fn single(cases: &Cases, id: CaseId) -> Option<&Leg> {
    let live = cases.get(id)?.legs.only()?;
    Some(&live.best().leg)
}

/// What says that `inner` serves `outer`.
pub(super) fn fit(outer: &Leg, inner: &Leg) -> Option<JoinedBy> {
    let same_server = outer.connection().server == inner.connection().server;
    if same_server || !tree::may_be_child(outer, inner) {
        return None;
    }
    if let (Some(a), Some(b)) = (request_id(outer), request_id(inner)) {
        return (a == b).then_some(JoinedBy::RequestId);
    }
    let ends_inside = match (inner.settled(), outer.settled()) {
        (Some(inner), Some(outer)) => inner <= outer,
        _ => true,
    };
    let answers_fit = match (outer.status(), inner.status()) {
        (Some(outer), Some(inner)) => outer == inner || outer >= 500,
        _ => true,
    };
    (ends_inside
        && answers_fit
        && names_client(outer, inner)
        && asks_alike(outer, inner)
        && keys_allow(outer, inner))
    .then_some(JoinedBy::Time)
}

/// What joins by time alone a leg without any field of a handshake: the same answer, and one host between the two.
pub(super) fn is_relayed(outer: &Leg, inner: &Leg) -> bool {
    let is_between = tree::is_adjacent(outer, inner) || tree::names_client_of(inner, outer);
    outer.status() == inner.status() && is_between
}

/// What the keys let two legs be that have nothing but time in common. Two whole keys are most likely of two clients: that
/// a hop made the second must be seen by the accept that it passed on, or by the one leg's answer following the other's.
fn keys_allow(outer: &Leg, inner: &Leg) -> bool {
    let key = |leg: &Leg| leg.offer().and_then(|offer| offer.key.clone());
    let (Some(a), Some(b)) = (key(outer), key(inner)) else {
        return true;
    };
    let named = tree::names_client_of(inner, outer);
    let adjacent = tree::is_adjacent(outer, inner);
    if a == b {
        // A key that RFC 6455 prints: all probes have it.
        return adjacent || named;
    }
    let accept = |leg: &Leg| {
        leg.answer_field("sec-websocket-accept")
            .map(Cow::into_owned)
    };
    let same_accept = accept(outer).is_some() && accept(outer) == accept(inner);
    let in_step = match (outer.answered(), inner.answered()) {
        (Some(outer), Some(inner)) => outer.since(inner) <= IN_STEP,
        _ => false,
    };
    // On loopback every leg is next to every other, and each names the same client.
    let ends = [outer.connection().client, outer.connection().server];
    let local = ends.iter().any(|end| end.addr.is_loopback());
    let opened = outer.status() == Some(101);
    same_accept || (in_step && !local && (named || (adjacent && !opened)))
}

/// Where the inner leg says for whom it is, that is the outer leg's client.
fn names_client(outer: &Leg, inner: &Leg) -> bool {
    let clients: Vec<String> = outer
        .pairs()
        .map(|(client, _)| client.addr.to_string())
        .collect();
    let is_client = |element: &str| clients.iter().any(|client| element.trim() == client);
    ["x-forwarded-for", "x-real-ip"].into_iter().all(|name| {
        inner.request_field(name).is_none_or(|value| {
            let passed_on = outer
                .request_field(name)
                .is_some_and(|before| value.starts_with(&*before));
            passed_on || value.split(',').any(is_client)
        })
    })
}

/// Fields that proxies pass on as they are.
fn asks_alike(outer: &Leg, inner: &Leg) -> bool {
    ["origin", "user-agent"]
        .into_iter()
        .all(|name| outer.request_field(name) == inner.request_field(name))
}

/// `X-Request-ID`, or the trace of `traceparent` (W3C Trace Context §3.2).
fn request_id(leg: &Leg) -> Option<String> {
    if let Some(id) = leg.request_field("x-request-id") {
        return Some(id.into_owned());
    }
    let trace = leg.request_field("traceparent")?;
    trace.split('-').nth(1).map(str::to_owned)
}
