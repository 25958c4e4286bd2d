//! What belongs together: legs by their key, tries by their client (spec: joining legs).

use std::borrow::Cow;
use std::collections::VecDeque;
use std::collections::hash_map::{Entry, OccupiedEntry};
use std::hash::BuildHasher;
use std::net::IpAddr;

use crate::attempt::case::{Case, CaseId, Cases};
use crate::attempt::few::Few;
use crate::attempt::{Leg, tree};
use crate::flow::Endpoint;
use crate::hash::{DigestSeed, HashMap};
use crate::http::origin_form;
use crate::time::Timestamp;

/// Keys printed in RFC 6455 (§1.2, §4.1) and copied from there into probes and devices: they join nothing.
const SAMPLE_KEYS: &[&[u8]] = &[
    b"dGhlIHNhbXBsZSBub25jZQ==",
    b"AQIDBAUGBwgJCgsMDQ4PEC==",
    b"AQIDBAUGBwgJCgsMDQ4PEA==",
];

/// Undecided attempts of one key. What so many use at one time is no key, and a new leg would be held against each.
const MOST_OF_A_KEY: usize = 64;

/// Decided attempts whose key is remembered for late legs: as many as a hash table of 65,536 places takes before it
/// doubles.
const DECIDED: usize = 57_344;

/// A key, by a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

/// Which undecided attempts have which key, and which decided ones had it a moment ago.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: HashMap<Key, Known>,
    /// How many of them a decided attempt had.
    decided: usize,
    /// Those in the order in which they may be forgotten.
    expiring: VecDeque<(Timestamp, Key)>,
    seed: DigestSeed,
}

/// Who has a key. One of the two at least.
#[derive(Debug, Default)]
struct Known {
    cases: Option<Few<CaseId>>,
    decided: Option<Decided>,
}

/// What is remembered of a decided attempt, so that a late leg of it is not taken for an attempt of its own.
#[derive(Debug)]
struct Decided {
    client: IpAddr,
    server: Endpoint,
    /// What [`Named`] has kept.
    named: Option<Box<Names>>,
    until: Timestamp,
}

/// What a new leg with a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// A leg of this undecided attempt.
    To(CaseId),
    /// The start of an attempt.
    Alone,
    /// A late leg of an attempt that was decided already.
    TooLate,
}

impl Keys {
    /// Where a leg with a key belongs.
    pub(super) fn place(&self, leg: &Leg, key: Option<Key>, cases: &Cases) -> Joined {
        let Some(known) = self.known(key) else {
            return Joined::Alone;
        };
        if known.is_full() {
            return Joined::Alone;
        }
        let ends = Ends::of(leg);
        let fits = |case: &Case| {
            case.legs
                .iter()
                .all(|live| !Ends::of(&live.leg).conflicts(&ends) && !is_next_try(&live.leg, leg))
        };
        let has_room = |id: &CaseId| cases.get(*id).is_some_and(|case| case.has_room(1));
        let candidates = || {
            let all = known.cases.iter().flat_map(Few::iter).copied();
            all.filter(has_room)
        };
        if is_shared(candidates().filter_map(|id| cases.get(id))) {
            let mut serving = candidates().filter(|id| {
                let case = cases.get(*id);
                case.is_some_and(|case| fits(case) && may_serve_one_of_several(case, leg))
            });
            return match (serving.next(), serving.next()) {
                (Some(id), None) => Joined::To(id),
                _ => Joined::Alone,
            };
        }
        let fitting = candidates().filter(|id| cases.get(*id).is_some_and(fits));
        if let Some(id) = fitting.max() {
            return Joined::To(id);
        }
        match &known.decided {
            Some(decided)
                if leg.started() <= decided.until
                    && !decided.outermost().conflicts(&ends)
                    && !decided.outermost().is_again(&ends) =>
            {
                Joined::TooLate
            }
            _ => Joined::Alone,
        }
    }

    /// The undecided attempt after whose refusal the same client asks again with the key it had.
    pub(super) fn refused_before(
        &self,
        leg: &Leg,
        key: Option<Key>,
        cases: &Cases,
    ) -> Option<CaseId> {
        let candidates = self.known(key)?.cases.as_ref()?.iter().copied();
        candidates
            .filter(|id| {
                let Some(case) = cases.get(*id) else {
                    return false;
                };
                // Which is the outermost is the dearer question.
                case.legs.iter().any(|live| is_next_try(&live.leg, leg))
                    && case
                        .outermost()
                        .is_some_and(|refused| is_next_try(&refused.leg, leg))
            })
            .max()
    }

    /// An undecided attempt has that key.
    pub(super) fn add(&mut self, key: Option<Key>, case: CaseId) {
        let Some(key) = key else { return };
        let known = self.known.entry(key).or_default();
        if known.is_full() {
            return;
        }
        match &mut known.cases {
            Some(ids) => ids.push(case),
            none => *none = Some(Few::one(case)),
        }
    }

    /// An attempt turned out to be part of another.
    pub(super) fn rename(&mut self, leg: &Leg, from: CaseId, to: CaseId) {
        let known = self.digest(leg).and_then(|key| self.known.get_mut(&key));
        if let Some(ids) = known.and_then(|known| known.cases.as_mut()) {
            for id in ids.iter_mut().filter(|id| **id == from) {
                *id = to;
            }
        }
    }

    /// An attempt is decided; legs of it may still come until then.
    pub(super) fn decide<'a>(
        &mut self,
        case: CaseId,
        mut legs: impl Iterator<Item = &'a Leg>,
        until: Timestamp,
    ) {
        let Some(outermost) = legs.next() else { return };
        let own = self.digest(outermost);
        let mut last = own;
        for leg in legs {
            let Some(key) = self.digest(leg) else {
                continue;
            };
            // Most have one key.
            if last.replace(key) != Some(key)
                && let Entry::Occupied(known) = self.known.entry(key)
            {
                release(known, case);
            }
        }
        let Some(own) = own else { return };
        // With very many at once the oldest are still the ones whose late legs are to come.
        if self.decided >= DECIDED {
            if let Entry::Occupied(known) = self.known.entry(own) {
                release(known, case);
            }
            return;
        }
        self.expiring.push_back((until, own));
        let known = self.known.entry(own).or_default();
        known.leave(case);
        let ends = Ends::of(outermost);
        let before = known.decided.replace(Decided {
            client: ends.client,
            server: ends.server,
            named: ends.named.to_owned(),
            until,
        });
        self.decided += usize::from(before.is_none());
    }

    /// Forgets what is over.
    #[inline]
    pub(super) fn forget(&mut self, now: Timestamp) {
        while self.expiring.front().is_some_and(|(until, _)| *until < now) {
            self.forget_first(now);
        }
    }

    fn forget_first(&mut self, now: Timestamp) {
        let Some((_, key)) = self.expiring.pop_front() else {
            return;
        };
        let Entry::Occupied(mut known) = self.known.entry(key) else {
            return;
        };
        let decided = &mut known.get_mut().decided;
        if decided.take_if(|decided| decided.until < now).is_some() {
            self.decided = self.decided.saturating_sub(1);
            if known.get().cases.is_none() {
                known.remove();
            }
        }
    }

    /// Who has a key.
    fn known(&self, key: Option<Key>) -> Option<&Known> {
        self.known.get(&key?)
    }

    /// What tells the key of a leg apart, where it has one.
    pub(super) fn digest(&self, leg: &Leg) -> Option<Key> {
        Some(Key(self.seed.hash_one(usable_key(leg)?)))
    }
}

impl Known {
    fn is_full(&self) -> bool {
        let ids = self.cases.as_ref();
        ids.is_some_and(|ids| ids.len() >= MOST_OF_A_KEY)
    }

    /// An attempt has the key no more.
    fn leave(&mut self, case: CaseId) {
        self.cases.take_if(|ids| !ids.retain(|&id| id != case));
    }
}

/// Likewise; who has it last takes it along.
fn release(mut known: OccupiedEntry<'_, Key, Known>, case: CaseId) {
    known.get_mut().leave(case);
    let Known { cases, decided } = known.get();
    if cases.is_none() && decided.is_none() {
        known.remove();
    }
}

impl Decided {
    fn outermost(&self) -> Ends<'_> {
        Ends {
            client: self.client,
            server: self.server,
            named: Named::Kept(self.named.as_deref()),
        }
    }
}

/// Whether several clients use one key at one time, which makes it no key at all (spec: joining legs).
fn is_shared<'a>(mut cases: impl Iterator<Item = &'a Case> + Clone) -> bool {
    fn ends(case: &Case) -> Option<Ends<'_>> {
        case.outermost().map(|live| Ends::of(&live.leg))
    }
    while let Some(case) = cases.next() {
        if cases.clone().next().is_none() {
            break;
        }
        let Some(own) = ends(case) else { continue };
        let differs = |other: &Case| ends(other).is_some_and(|other| own.conflicts(&other));
        if cases.clone().any(differs) {
            return true;
        }
    }
    false
}

/// Of several attempts with one key a leg serves the one whose client it names; without a name the one that still waits
/// and has no leg of this kind.
fn may_serve_one_of_several(case: &Case, leg: &Leg) -> bool {
    let Some(outermost) = case.outermost().map(|live| &live.leg) else {
        return false;
    };
    if !tree::may_be_child(outermost, leg) {
        return false;
    }
    if leg.request_field("x-forwarded-for").is_some() {
        return tree::names_client_of(leg, outermost);
    }
    let is_alike = |other: &Leg| Ends::of(other).is_again(&Ends::of(leg));
    !case.legs.iter().any(|live| is_alike(&live.leg))
}

/// Who tries: a connection is not needed, for many clients open a new one after a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client {
    addr: IpAddr,
    host: Box<str>,
    named: Option<Box<str>>,
    agent: Option<Box<str>>,
}

impl Client {
    /// Who sent the request of a leg. `None` where a proxy sent it and does not say for whom: its clients look alike.
    pub(super) fn of(leg: &Leg) -> Option<Self> {
        let field = |name| leg.request_field(name).map(|value| value.as_ref().into());
        let named: Option<Box<str>> = field("x-forwarded-for").or_else(|| field("x-real-ip"));
        if leg.proxy_mark().is_some() && named.is_none() {
            return None;
        }
        Some(Self {
            addr: leg.connection().client.addr,
            host: host_name(&leg.request_field("host")?)
                .to_ascii_lowercase()
                .into(),
            named,
            agent: field("user-agent"),
        })
    }
}

/// Whether `next` may be the try that follows `refused`: a redirect leads elsewhere, credentials do not. The more says so,
/// the larger the number.
pub(super) fn follows(refused: &Leg, next: &Leg) -> Option<u8> {
    let head = next.request_head()?;
    let same_connection = u8::from(refused.conn == next.conn);
    let fits = if matches!(refused.status(), Some(401 | 407)) {
        let before = refused.request_head()?;
        if path(before.target()) != path(head.target()) {
            return None;
        }
        // Their values are never kept, that they were sent is.
        let credentials = ["authorization", "proxy-authorization"];
        credentials.iter().any(|name| head.fields.count(name) > 0)
    } else {
        let led = refused.answer_field("location");
        led.is_some_and(|led| path(&led) == path(head.target()))
    };
    Some(2 * u8::from(fits) + same_connection)
}

/// Whether `next` is the try after `refused` by a client that uses its key again. A sub-request bears the key too, but
/// asks for no upgrade.
fn is_next_try(refused: &Leg, next: &Leg) -> bool {
    let is_after = |at| at <= next.started();
    let (before, after) = (refused.connection(), next.connection());
    refused.invites_another_try()
        && refused.offer().is_some_and(|offer| offer.upgrade)
        && refused.answered().is_some_and(is_after)
        && before.client.addr == after.client.addr
        && (before.server == after.server || !refused.is_challenge())
        && follows(refused, next).is_some()
}

/// A host without its port (RFC 9110 §7.2).
pub(super) fn host_name(host: &str) -> &str {
    let digits = host.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (name, _) = host.split_at(host.len() - digits);
    match name.strip_suffix(':') {
        Some(name) if digits > 0 => name,
        _ => host,
    }
}

fn path(target: &str) -> &str {
    let target = origin_form(target);
    target.split(['?', '#']).next().unwrap_or(target)
}

fn usable_key(leg: &Leg) -> Option<&[u8]> {
    let key = leg.offer()?.key.as_ref()?.as_bytes();
    (!key.is_empty() && !SAMPLE_KEYS.contains(&key)).then_some(key)
}

/// Between whom a leg runs, and for whom it says that it does.
#[derive(Clone, Copy, Debug)]
struct Ends<'a> {
    client: IpAddr,
    server: Endpoint,
    named: Named<'a>,
}

/// For whom: by the fields that name clients, of which most legs have none. Looked up only where that is asked.
#[derive(Clone, Copy, Debug)]
enum Named<'a> {
    By(&'a Leg),
    Kept(Option<&'a Names>),
}

/// The first element of each of the two fields that name clients.
type Names = [Option<Box<str>>; 2];

impl<'a> Ends<'a> {
    fn of(leg: &'a Leg) -> Self {
        let connection = leg.connection();
        Self {
            client: connection.client.addr,
            server: connection.server,
            named: Named::By(leg),
        }
    }

    /// Two legs to one server that come from different hosts, or for different clients, are not of one attempt: somebody
    /// uses a key twice.
    fn conflicts(&self, other: &Ends<'_>) -> bool {
        self.server == other.server
            && (self.client != other.client || self.named.is_another(other.named))
    }

    /// The same client asks the same server again, with the key it used before.
    fn is_again(&self, other: &Ends<'_>) -> bool {
        self.client == other.client && self.server == other.server
    }
}

impl<'a> Named<'a> {
    fn names(self) -> [Option<Cow<'a, str>>; 2] {
        match self {
            // Each name stands where it is looked up, so that the compiler knows what to look for.
            Self::By(leg) => [
                leg.request_field("x-forwarded-for"),
                leg.request_field("x-real-ip"),
            ]
            .map(|list| {
                Some(match list? {
                    Cow::Borrowed(list) => Cow::Borrowed(first_element(list)),
                    Cow::Owned(list) => Cow::Owned(first_element(&list).to_owned()),
                })
            }),
            Self::Kept(None) => [None, None],
            Self::Kept(Some(names)) => {
                let [first, second] = names;
                [first, second].map(|name| name.as_deref().map(Cow::Borrowed))
            }
        }
    }

    fn is_another(self, other: Named<'_>) -> bool {
        let (own, others) = (self.names(), other.names());
        own.iter()
            .zip(&others)
            .any(|(a, b)| a.is_some() && b.is_some() && a != b)
    }

    /// To be kept.
    fn to_owned(self) -> Option<Box<Names>> {
        let names = self.names();
        let has_some = names.iter().any(Option::is_some);
        has_some.then(|| Box::new(names.map(|name| Some(name?.into_owned().into()))))
    }
}

fn first_element(list: &str) -> &str {
    list.split(',').next().unwrap_or(list).trim()
}
