//! One connection under several addresses (NAT, port forwarding, a mirror that rewrites them): each of its views is a
//! connection to TCP, and all are one leg.
//!
//! Whoever translates addresses leaves sequence numbers and bytes alone. A hop opens a connection of its own, whose
//! numbers are others, however faithfully it copies the request.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash, Hasher};
use std::iter;
use std::time::Duration;

use crate::attempt::case::LiveLeg;
use crate::attempt::{Attempt, Leg, Node, Role, View};
use crate::event::Connection;
use crate::flow::{ConnId, Endpoint, is_host_reached};
use crate::hash::{DigestSeed, Seed};
use crate::http::RequestHead;
use crate::time::Timestamp;

/// Views follow each other within microseconds; clocks of two files differ by more.
pub(super) const SPAN: Duration = Duration::from_secs(5);
/// Beginnings remembered: fewer than the table of 65,536 places that finds them has.
const REMEMBERED: usize = 57_344;
/// Places that the table begins with.
const LEAST: usize = 64;
/// Of them, those with one number, which are looked through one by one: more than a few are somebody's game.
const ALIKE: usize = 16;
/// What one view lost, or has yet to read, may put its numbers apart by this much; those of strangers are anywhere.
const NEAR: u32 = 1 << 20;
/// Views followed of one leg beside the first: more interfaces than that show nothing new.
pub(super) const VIEWS: usize = 7;

/// The legs that began a moment ago, by their sequence numbers. Nearly all are looked up once, found to be new, and
/// forgotten: so the table that finds them is told of none that goes. What it says of those means nothing.
#[derive(Debug, Default)]
pub(super) struct Views {
    /// Where the latest stands of all whose numbers have one hash, counted from the first that ever was. At least as
    /// many as there are `prints`, and a power of two.
    latest: Vec<u32>,
    by_number: Seed,
    /// In the order in which they came, which is that in which they are forgotten.
    prints: VecDeque<Remembered>,
    /// Those before the first of `prints`.
    forgotten: u32,
    /// For the digests.
    seed: DigestSeed,
}

/// How a leg began, under one of its numbers.
#[derive(Debug)]
struct Remembered {
    print: Print,
    number: u32,
    until: Timestamp,
    /// Where the one before it stands whose number has the same hash; anywhere, if there is none.
    before: u32,
}

/// How a leg began.
#[derive(Clone, Copy, Debug)]
struct Print {
    conn: ConnId,
    /// A digest of it.
    began: u64,
    exchange: u32,
    behind: [Option<u32>; 2],
}

/// What is remembered of one number.
#[derive(Clone, Copy, Debug)]
struct Alike {
    number: u32,
    hash: u64,
    /// How many.
    known: usize,
    /// The connection and exchange of the first that began likewise.
    first: Option<(ConnId, u32)>,
}

#[derive(Hash)]
enum Began {
    /// Joined in the middle.
    MidStream,
    /// It was answered so.
    Answered(Option<u16>),
}

impl Views {
    /// The exchange of another connection that this leg is another view of. A leg that is none is remembered.
    pub(super) fn first_of(
        &mut self,
        leg: &Leg,
        exchange: u32,
        now: Timestamp,
    ) -> Option<(ConnId, u32)> {
        let behind = leg.connection().behind;
        let [client, server] = behind;
        // The number of a request is the one behind it; frames are found by those of either side.
        let (began, numbers) = match leg.request_head() {
            Some(head) => (digest(head, &self.seed), [client, None]),
            None => (self.seed.hash_one(Began::MidStream), [client, server]),
        };
        let print = Print {
            conn: leg.conn,
            exchange,
            began,
            behind,
        };
        self.same_as(numbers, print, now)
    }

    /// Likewise by its answer: of one of the two the request was lost.
    pub(super) fn answered_like(
        &mut self,
        leg: &Leg,
        exchange: u32,
        now: Timestamp,
    ) -> Option<(ConnId, u32)> {
        let (_, response) = leg.response.as_ref()?;
        let [client, _] = leg.connection().behind;
        let print = Print {
            conn: leg.conn,
            exchange,
            began: self.seed.hash_one(Began::Answered(leg.status())),
            behind: [client, response.behind],
        };
        self.same_as([None, response.behind], print, now)
    }

    fn same_as(
        &mut self,
        [one, other]: [Option<u32>; 2],
        print: Print,
        now: Timestamp,
    ) -> Option<(ConnId, u32)> {
        let by_one = self.alike(one, &print);
        let by_other = self.alike(other, &print);
        let first = |alike: &Option<Alike>| alike.as_ref()?.first;
        if let Some(first) = first(&by_one).or_else(|| first(&by_other)) {
            return Some(first);
        }
        let until = now.after(SPAN);
        let is_first = by_one.is_some_and(|alike| self.remember(alike, print, until));
        // It may be the same number.
        let by_other = if is_first {
            self.alike(other, &print)
        } else {
            by_other
        };
        if let Some(alike) = by_other {
            self.remember(alike, print, until);
        }
        None
    }

    /// False where there is no room for it.
    fn remember(&mut self, alike: Alike, print: Print, until: Timestamp) -> bool {
        if self.prints.len() >= REMEMBERED || alike.known >= ALIKE {
            return false;
        }
        if self.prints.len() == self.latest.len() {
            self.grow();
        }
        let place = self.place(self.prints.len());
        let latest = bucket(alike.hash, &self.latest);
        let before = self.latest.get_mut(latest);
        self.prints.push_back(Remembered {
            print,
            number: alike.number,
            until,
            before: before.map_or(place, |latest| std::mem::replace(latest, place)),
        });
        true
    }

    /// Makes room for twice as many.
    #[cold]
    fn grow(&mut self) {
        let size = (self.latest.len() * 2).max(LEAST);
        // Where nothing stands.
        self.latest = vec![self.forgotten.wrapping_sub(1); size];
        for index in 0..self.prints.len() {
            let place = self.place(index);
            let Some(known) = self.prints.get_mut(index) else {
                break;
            };
            let hash = self.by_number.hash_one(known.number);
            let latest = bucket(hash, &self.latest);
            if let Some(latest) = self.latest.get_mut(latest) {
                known.before = std::mem::replace(latest, place);
            }
        }
    }

    /// Where a print stands, counted from the first that ever was. They count round.
    #[expect(clippy::cast_possible_truncation, reason = "they are few")]
    const fn place(&self, index: usize) -> u32 {
        self.forgotten.wrapping_add(index as u32)
    }

    /// What is remembered of a number.
    fn alike(&self, number: Option<u32>, print: &Print) -> Option<Alike> {
        let number = number?;
        let hash = self.by_number.hash_one(number);
        let mut alike = Alike {
            number,
            hash,
            known: 0,
            first: None,
        };
        let mut next = self.latest.get(bucket(hash, &self.latest)).copied();
        let mut behind = self.prints.len();
        while let Some(place) = next {
            let index = place.wrapping_sub(self.forgotten) as usize;
            // Each stands before the one that leads to it; else it is no answer, but what is left of one that is forgotten.
            let known = self.prints.get(index).filter(|_| index < behind);
            if let Some(known) = known.filter(|known| known.number == number) {
                alike.known += 1;
                // The first that came is the one that stands for all.
                if known.print.is_like(print) {
                    alike.first = Some((known.print.conn, known.print.exchange));
                }
            }
            behind = index;
            next = known.map(|known| known.before);
        }
        Some(alike)
    }

    /// Forgets what is over.
    #[inline]
    pub(super) fn forget(&mut self, now: Timestamp) {
        while self.prints.front().is_some_and(|known| known.until < now) {
            self.prints.pop_front();
            self.forgotten = self.forgotten.wrapping_add(1);
        }
    }
}

impl Print {
    /// Whether another connection began so.
    fn is_like(&self, other: &Self) -> bool {
        let mut both = self.behind.into_iter().zip(other.behind);
        self.conn != other.conn && self.began == other.began && both.all(|(a, b)| near(a, b))
    }
}

/// Which of the latest is that of a number, by its hash.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is left are enough bits"
)]
const fn bucket(hash: u64, latest: &[u32]) -> usize {
    hash as usize & latest.len().wrapping_sub(1)
}

/// Whether two connections that never carried a byte began with the same SYN.
pub(super) fn is_same_syn(a: &Connection, b: &Connection) -> bool {
    let ([Some(a_client), a_server], [Some(b_client), b_server]) = (a.behind, b.behind) else {
        return false;
    };
    let (Some(a_syn), Some(b_syn)) = (a.syn, b.syn) else {
        return false;
    };
    let apart = a_syn.ts.since(b_syn.ts).max(b_syn.ts.since(a_syn.ts));
    a_client == b_client
        && near(a_server, b_server)
        && apart <= SPAN
        && (a.client, a.server) != (b.client, b.server)
}

fn near(a: Option<u32>, b: Option<u32>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return true;
    };
    a.wrapping_sub(b) <= NEAR || b.wrapping_sub(a) <= NEAR
}

/// All of a head, in its order; the target stands in front of its fields.
fn digest(head: &RequestHead, seed: &DigestSeed) -> u64 {
    let mut hasher = seed.build_hasher();
    (&head.method, head.version).hash(&mut hasher);
    head.fields.hash(&mut hasher);
    hasher.finish()
}

impl LiveLeg {
    /// Another view of it; `None` where enough are followed.
    pub(super) fn see(&mut self, leg: Leg, exchange: u32) -> Option<usize> {
        self.adopt(Self::new(leg, exchange, None))
    }

    /// Likewise with all that is known of it.
    pub(super) fn adopt(&mut self, mut view: Self) -> Option<usize> {
        if self.copies.len() >= VIEWS {
            return None;
        }
        self.leg.also.push(View::of(&view.leg));
        view.leg.also = vec![View::of(&self.leg)];
        self.copies.push(view);
        Some(self.copies.len())
    }

    /// The leg as one of its views shows it: 0 is the first.
    #[inline]
    pub(super) fn view(&self, view: usize) -> Option<&Self> {
        match view.checked_sub(1) {
            None => Some(self),
            Some(copy) => self.copies.get(copy),
        }
    }

    /// The same, to be changed.
    pub(super) fn view_mut(&mut self, view: usize) -> Option<&mut Self> {
        match view.checked_sub(1) {
            None => Some(self),
            Some(copy) => self.copies.get_mut(copy),
        }
    }

    /// The view that shows most: the first, unless it lost what another has.
    pub(super) fn best(&self) -> &Self {
        // As nearly all are.
        if self.copies.is_empty() {
            return self;
        }
        let views = iter::once(self).chain(&self.copies);
        let rank = |view: &&Self| {
            let first = Reverse((view.leg.started(), source_of(&view.leg), view.leg.conn));
            (view.clarity(), first)
        };
        views.max_by_key(rank).unwrap_or(self)
    }

    fn clarity(&self) -> (bool, bool, bool, bool, usize) {
        let gaps = self.leg.gaps;
        (
            self.leg.response.is_some(),
            self.leg.settled().is_some(),
            !gaps.request && !gaps.response && !gaps.one_sided,
            !gaps.behind,
            self.leg.body.as_ref().map_or(0, |body| body.bytes.len()),
        )
    }

    /// Puts the best view first, and says of it under which addresses it was seen beside its own.
    pub(super) fn elect(&mut self) {
        if self.copies.is_empty() {
            return;
        }
        let best = self.best().leg.conn;
        if let Some(copy) = self.copies.iter_mut().find(|copy| copy.leg.conn == best) {
            std::mem::swap(&mut self.leg, &mut copy.leg);
            std::mem::swap(&mut self.tail, &mut copy.tail);
            std::mem::swap(&mut self.used_at, &mut copy.used_at);
        }
        self.leg.also = self.copies.iter().map(|copy| View::of(&copy.leg)).collect();
    }

    /// The connections of all views.
    pub(super) fn conns(&self) -> impl Iterator<Item = ConnId> + '_ {
        iter::once(self.leg.conn).chain(self.copies.iter().map(|copy| copy.leg.conn))
    }
}

fn source_of(leg: &Leg) -> u16 {
    let request = leg.request.as_ref().map(|(at, _)| *at);
    request
        .or_else(|| leg.connection().syn)
        .unwrap_or_default()
        .source
}

impl View {
    pub(super) fn of(leg: &Leg) -> Self {
        Self {
            source: source_of(leg),
            connection: leg.connection().clone(),
        }
    }

    /// Of a connection that carried nothing.
    pub(super) fn of_failed(connection: Connection) -> Self {
        Self {
            source: connection.syn.unwrap_or_default().source,
            connection,
        }
    }
}

impl Leg {
    /// Under which addresses it was seen, the first first.
    pub fn pairs(&self) -> impl Iterator<Item = (Endpoint, Endpoint)> + '_ {
        iter::once(self.connection())
            .chain(self.also.iter().map(|view| &view.connection))
            .map(|connection| (connection.client, connection.server))
    }

    /// The server was seen to answer the SYN, in any of the views.
    pub fn accepted(&self) -> bool {
        let mut others = self.also.iter().map(|view| &view.connection);
        self.connection().syn_ack.is_some() || others.any(|view| view.syn_ack.is_some())
    }

    /// The server of this leg and the client of an inner one as the hop between them shows itself: where both have one
    /// address in some view, so. A router in front of both legs may have one too, but is not the first to open anything.
    pub fn facing(&self, inner: &Self) -> (Endpoint, Endpoint) {
        self.meeting(inner)
            .unwrap_or_else(|| (self.connection().server, inner.connection().client))
    }

    /// The same, where they are surely of one host.
    pub(super) fn meeting(&self, inner: &Self) -> Option<(Endpoint, Endpoint)> {
        // As nearly all are seen.
        if self.also.is_empty() && inner.also.is_empty() {
            let (own, opener) = (self.connection(), inner.connection().client);
            let is_one = is_host_reached(opener.addr, own.client, own.server);
            return is_one.then_some((own.server, opener));
        }
        let openers = inner.pairs().map(|(opener, _)| opener);
        let mut met = openers.filter_map(|opener| {
            let (_, server) = self
                .pairs()
                .find(|&(client, server)| is_host_reached(opener.addr, client, server))?;
            Some((server, opener))
        });
        met.next()
    }
}

impl Attempt {
    /// Client and server of a leg, on either side of a hop as [`Leg::facing`] has them.
    pub(super) fn facing(&self, index: usize, node: &Node) -> (Endpoint, Endpoint) {
        let outer = node.parent.filter(|_| node.role == Role::Path);
        let outer = outer.and_then(|at| self.legs.get(at));
        // Nobody but the `path` leg behind it says how its server is seen from there.
        let serves = |inner: &&Node| inner.parent == Some(index) && inner.role == Role::Path;
        let inner = self.legs.iter().rfind(serves);
        let own = node.leg.connection();
        (
            outer.map_or(own.client, |outer| outer.leg.facing(&node.leg).1),
            inner.map_or(own.server, |inner| node.leg.facing(&inner.leg).0),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Request;
    use crate::http::Version;
    use crate::time::Stamp;

    fn leg(conn: u64, numbers: [u32; 2], target: &str) -> Leg {
        let request = Request {
            connection: Connection {
                behind: numbers.map(Some),
                ..Connection::default()
            },
            head: RequestHead::new("GET", target, Version::Http11, iter::empty()),
            ..Request::default()
        };
        Leg {
            conn: ConnId(conn),
            request: Some((Stamp::default(), Box::new(request))),
            ..Leg::default()
        }
    }

    #[test]
    fn the_first_of_a_number_stands_for_all_until_it_is_forgotten() {
        let mut views = Views {
            // As after very many.
            forgotten: u32::MAX - 1,
            ..Views::default()
        };
        let at = |second: i64| Timestamp::from_nanos(second * 1_000_000_000);
        let far = 1 << 30;
        let mut first_of = |second, conn, numbers, target| {
            views.forget(at(second));
            let first = views.first_of(&leg(conn, numbers, target), 0, at(second));
            first.map(|(ConnId(conn), _)| conn)
        };
        assert_eq!(first_of(0, 1, [7, 1], "/a"), None);
        assert_eq!(first_of(0, 2, [8, 1], "/a"), None);
        // The same number, but another head, or a server far from it.
        assert_eq!(first_of(1, 3, [7, 1], "/b"), None);
        assert_eq!(first_of(2, 4, [7, far], "/a"), None);
        assert_eq!(first_of(3, 5, [7, 2], "/a"), Some(1));
        assert_eq!(first_of(3, 6, [7, far], "/a"), Some(4));
        assert_eq!(first_of(3, 7, [7, 1], "/b"), Some(3));
        // By now the first is forgotten, those after it are not.
        assert_eq!(first_of(6, 8, [7, 1], "/a"), None);
        assert_eq!(first_of(6, 9, [7, 1], "/b"), Some(3));
        assert_eq!(first_of(6, 10, [7, 2], "/a"), Some(8));
        assert_eq!(first_of(60, 11, [7, 1], "/b"), None);
        assert_eq!(views.prints.len(), 1);
    }

    #[test]
    fn few_of_one_number_are_remembered() {
        let mut views = Views::default();
        for conn in 0..40 {
            let target = format!("/{conn}");
            let leg = leg(conn, [7, 1], &target);
            assert!(views.first_of(&leg, 0, Timestamp::MIN).is_none());
        }
        assert_eq!(views.prints.len(), ALIKE);
    }

    /// What [`Views`] is to say, looked up one by one.
    #[derive(Default)]
    struct Plainly(Vec<(u32, Print, Timestamp)>);

    impl Plainly {
        fn same_as(
            &mut self,
            numbers: [Option<u32>; 2],
            print: Print,
            now: Timestamp,
        ) -> Option<(ConnId, u32)> {
            self.0.retain(|(_, _, until)| *until >= now);
            let is_it = |known: &Print| {
                let all_near = known.behind.iter().zip(print.behind);
                known.conn != print.conn
                    && known.began == print.began
                    && all_near.into_iter().all(|(a, b)| near(*a, b))
            };
            for number in numbers.into_iter().flatten() {
                let alike = |known: &&(u32, Print, Timestamp)| known.0 == number && is_it(&known.1);
                if let Some((_, first, _)) = self.0.iter().find(alike) {
                    return Some((first.conn, first.exchange));
                }
            }
            for number in numbers.into_iter().flatten() {
                if self.0.iter().filter(|known| known.0 == number).count() < ALIKE {
                    self.0.push((number, print, now.after(SPAN)));
                }
            }
            None
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_found_is_what_a_look_at_each_finds(
            begun in proptest::collection::vec(
                (0..200_u64, 0..3_u64, [0..250_u32, 0..250_u32], 0..3_u8, 0..40_i64),
                0..400,
            ),
            forgotten: u32,
        ) {
            let mut views = Views {
                forgotten,
                ..Views::default()
            };
            let mut plainly = Plainly::default();
            let mut now = Timestamp::MIN;
            for (exchange, (conn, began, [one, other], which, later)) in (0..).zip(begun) {
                now = now.after(Duration::from_millis(later.unsigned_abs()));
                let numbers = [(which != 0).then_some(one), (which != 1).then_some(other)];
                let print = Print {
                    conn: ConnId(conn),
                    began,
                    exchange,
                    behind: numbers,
                };
                views.forget(now);
                let found = views.same_as(numbers, print, now);
                proptest::prop_assert_eq!(found, plainly.same_as(numbers, print, now));
            }
        }
    }
}
