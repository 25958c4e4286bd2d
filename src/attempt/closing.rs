//! Opened WebSockets on their way to their end, and what each leg showed of it (RFC 6455 §7).
//!
//! Silence ends nothing: a WebSocket is over when a side sent FIN or RST, or when its bytes went unacknowledged.

mod ends;
mod leg;
mod legs;
mod tail;
mod view;

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Duration;

pub(super) use self::legs::SocketLegs;
pub(super) use self::tail::Tail;
pub(super) use self::view::Shown;

use self::ends::Ends;
use self::tail::earlier;
use self::view::{Handshakes, View};
use crate::attempt::due::Due;
use crate::attempt::places::SocketLeg;
use crate::attempt::{
    Attempt, Closing, FailedUpstream, Leg, Output, Role, SeenClose, UpstreamFailure,
};
use crate::event::Fact;
use crate::flow::ConnId;
use crate::hash::DigestSeed;
use crate::slab::Slab;
use crate::time::{Stamp, Timestamp};
use crate::websocket::CloseCode;

/// What comes within this time belongs together.
const TOGETHER: Duration = Duration::from_secs(1);
/// Refused handshakes remembered, each for as long as a WebSocket that may depend on it takes to close.
const REFUSALS: usize = 256;
/// How long the other legs may take once one has ended.
const STRAGGLERS: Duration = Duration::from_secs(10);
/// How long one whose bytes nobody acknowledges may take until somebody gives up.
const GIVING_UP: Duration = Duration::from_secs(60);

/// Open WebSockets.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    open: Slab<Socket>,
    pub(super) handshakes: Handshakes,
    /// When to look at which, by the number of its attempt and where it is kept.
    due: Due<(u64, u32)>,
    /// Of the open ones, those that have ended and wait for their last packets.
    ended: usize,
    ends: Ends,
    refusals: VecDeque<Refusal>,
    /// For the hashes of their targets.
    seed: DigestSeed,
    /// When events were shed last.
    shed_at: Option<Timestamp>,
}

/// A handshake that was refused a while ago: a gateway's own, maybe.
#[derive(Debug)]
struct Refusal {
    at: Timestamp,
    client: IpAddr,
    failed: FailedUpstream,
    /// Hash of its target.
    target: Option<u64>,
}

/// An open WebSocket: there may be very many.
#[derive(Debug)]
struct Socket {
    /// Number of its attempt.
    attempt: u64,
    target: Box<str>,
    legs: SocketLegs,
    /// Most have nothing of it as long as they are open.
    trouble: Option<Box<Trouble>>,
}

/// What there is to know of one that ends, or that had a bad start.
#[derive(Debug, Default)]
struct Trouble {
    failed_upstream: Vec<FailedUpstream>,
    first_end: Option<Timestamp>,
    /// That the outermost leg ended is told.
    has_outer_ended: bool,
    lossy: bool,
    /// When it will be looked at, if that is so.
    due: Option<Timestamp>,
}

/// How far the legs of a WebSocket have come to their end.
#[derive(Debug)]
struct Ending {
    /// The first sign of it on any leg.
    first: Option<Timestamp>,
    /// Nothing more can come on any leg.
    is_over: bool,
    /// The last FIN or RST.
    last: Option<Timestamp>,
    /// When nobody waits for the others any more.
    gone: Option<Timestamp>,
}

impl Sockets {
    /// Where the next that opens is kept; nowhere if there is no room.
    pub(super) fn next_place(&self, limit: u64) -> Option<u32> {
        let has_room = (self.open.len() as u64) < limit;
        has_room.then(|| self.open.next_place()).flatten()
    }

    /// Forgets the legs of one that finds no room.
    pub(super) fn let_go(&mut self, legs: &SocketLegs) {
        legs.views().for_each(|view| self.handshakes.leave(view));
    }

    /// Follows an attempt that opened from here on.
    pub(super) fn open_socket(&mut self, attempt: &Attempt, legs: SocketLegs) {
        let target = attempt.outermost().request_head();
        let target = target.map(|head| head.target().into());
        let failed = attempt.legs.iter().filter_map(|node| {
            let failed = (node.role == Role::Failed).then_some(&node.leg)?;
            let how = UpstreamFailure::Ended(failed.end.how?);
            let server = failed.connection().server;
            Some(FailedUpstream { server, how })
        });
        let trouble = Trouble {
            failed_upstream: failed.collect(),
            lossy: attempt.surroundings.lossy,
            ..Trouble::default()
        };
        let has_some = trouble.lossy || !trouble.failed_upstream.is_empty();
        let socket = Socket {
            attempt: attempt.id,
            target: target.unwrap_or_default(),
            legs,
            trouble: has_some.then(|| Box::new(trouble)),
        };
        let has_ended = socket.legs.views().any(|view| view.tail.has_end());
        if let Some(at) = self.open.insert(socket)
            && has_ended
        {
            self.reschedule(at);
        }
    }

    /// How many are open.
    pub(super) fn open(&self) -> u64 {
        self.open.len().saturating_sub(self.ended) as u64
    }

    /// One view of a leg was joined in the middle only.
    pub(super) fn joined(&mut self, conn: ConnId, place: SocketLeg) {
        if let Some(leg) = self.at(conn, place) {
            leg.tail.joined();
        }
    }

    /// Events of any connection were shed. What that means to each is seen at its end: they may be many.
    pub(super) const fn shed(&mut self, at: Timestamp) {
        self.shed_at = Some(at);
    }

    /// A handshake was refused. Where a gateway has opened towards its client first, the client's WebSocket ends by it.
    pub(super) fn refused(&mut self, leg: &Leg, at: Timestamp, status: u16) {
        if self.refusals.len() >= REFUSALS {
            self.refusals.pop_front();
        }
        let target = leg.request_head().map(crate::http::RequestHead::target);
        self.refusals.push_back(Refusal {
            at,
            client: leg.connection().client.addr,
            failed: FailedUpstream {
                server: leg.connection().server,
                how: UpstreamFailure::Refused(status),
            },
            target: target.map(|target| self.seed.hash_one(target)),
        });
    }

    /// The handshake that failed behind a gateway, which therefore closed this WebSocket of one leg with 1014; if there was
    /// but one.
    fn failed_behind(&self, socket: &Socket, until: Timestamp) -> Option<FailedUpstream> {
        let leg = socket.legs.first().filter(|_| socket.legs.len() == 1)?;
        let is_1014 = |close: &SeenClose| close.close.code == Some(CloseCode(1014));
        if !leg.tail.closes().iter().any(is_1014) {
            return None;
        }
        let (client, server) = leg.ends();
        let from = leg.tail.opened_at.before(TOGETHER);
        let target = self.seed.hash_one(&*socket.target);
        let behind = |refusal: &&Refusal| {
            let same = refusal.target == Some(target);
            let is_of_gateway = refusal.client == server.addr
                || (same && refusal.client != client.addr && refusal.failed.server != server);
            is_of_gateway && refusal.at >= from && refusal.at <= until
        };
        let mut found = self.refusals.iter().filter(behind);
        let only = found.next()?.failed;
        found.all(|other| other.failed == only).then_some(only)
    }

    /// The leg that a connection is, unless its WebSocket is over and another one has its place.
    fn at(&mut self, conn: ConnId, place: SocketLeg) -> Option<&mut View> {
        let view = self.open.get_mut(place.socket)?.legs.at_mut(place.at)?;
        (view.conn == conn).then_some(view)
    }

    /// Takes a fact of one leg.
    pub(super) fn fact(&mut self, conn: ConnId, place: SocketLeg, at: Stamp, fact: Fact) {
        let Some(leg) = self.at(conn, place) else {
            return;
        };
        let may_end = matches!(
            fact,
            Fact::Close { .. }
                | Fact::Fin { .. }
                | Fact::Ended { .. }
                | Fact::Retransmitting { .. }
        );
        let is_news = leg.tail.note(at, fact);
        if !is_news && !may_end {
            return;
        }
        // Of several views another may be the best by now.
        let Some(socket) = self.open.get(place.socket) else {
            return;
        };
        let is_seen_once = socket.legs.is_seen_once();
        if !is_seen_once || (is_news && !socket.will_be_looked_at(at.ts)) {
            self.reschedule(place.socket);
        }
    }

    /// The capture was over for one view of a WebSocket. Where it was for all, and nothing else had happened to it, nothing
    /// of others can tell more: it is handed on at once, for of very many that are open there is not to be kept all that
    /// is told at the end.
    pub(super) fn capture_over(
        &mut self,
        place: SocketLeg,
        now: Timestamp,
        out: &mut impl Extend<Output>,
    ) {
        let socket = self.open.get(place.socket);
        if socket.is_some_and(Socket::is_left_open) {
            self.close(place.socket, now, true, out);
        }
    }

    /// Whether there is one to look at by then.
    #[inline]
    pub(super) fn is_due(&self, by: Timestamp) -> bool {
        self.due.is_due(by)
    }

    /// Hands on the closings that are complete at that time.
    pub(super) fn tick(&mut self, now: Timestamp, out: &mut impl Extend<Output>) {
        while let Some((due, (attempt, at))) = self.due.pop(now) {
            let socket = self.open.get_mut(at);
            let Some(socket) = socket.filter(|socket| socket.attempt == attempt) else {
                continue;
            };
            if let Some(trouble) = &mut socket.trouble {
                trouble.due = trouble.due.filter(|&other| other != due);
            }
            match socket.complete_at() {
                Some(complete) if complete <= due => self.close(at, due, false, out),
                Some(complete) => socket.look_at(at, complete, &mut self.due),
                None => {}
            }
        }
    }

    /// The capture is over: hands on all that is left, in the order of the attempts.
    pub(super) fn finish(&mut self, now: Timestamp, out: &mut impl Extend<Output>) {
        let open = self.open.iter();
        let mut left: Vec<_> = open.map(|(at, socket)| (socket.attempt, at)).collect();
        left.sort_unstable();
        for (_, at) in left {
            self.close(at, now, true, out);
        }
    }

    fn reschedule(&mut self, at: u32) {
        let Some(socket) = self.open.get_mut(at) else {
            return;
        };
        let ending = socket.ending();
        let first_end = ending.first;
        // As long as it has not ended, and had not before.
        if first_end.is_none() && socket.trouble.is_none() {
            return;
        }
        let trouble = socket.trouble.get_or_insert_default();
        let before = std::mem::replace(&mut trouble.first_end, first_end);
        self.ended += usize::from(before.is_none() && first_end.is_some());
        if !trouble.has_outer_ended
            && let Some(end) = self.ends.end_of(socket.legs.first_best())
        {
            trouble.has_outer_ended = true;
            self.ends.add(end);
        }
        let Some(first) = first_end else { return };
        // What follows its first end mostly comes at once, and moves the time at which it is complete. That is never so
        // early that it would not do to look then.
        let earliest = first.after(TOGETHER);
        if trouble.due.is_some_and(|due| due <= earliest) {
            return;
        }
        let complete = ending.complete(first);
        let is_new = before.is_none().then_some(earliest);
        if let Some(when) = is_new.or(complete) {
            socket.look_at(at, when, &mut self.due);
        }
    }

    fn close(&mut self, at: u32, now: Timestamp, is_over: bool, out: &mut impl Extend<Output>) {
        let Some(mut socket) = self.open.take(at) else {
            return;
        };
        let opened_at = socket.legs.first().map(|view| view.tail.opened_at);
        let opened_at = opened_at.unwrap_or_default();
        if self.shed_at.is_some_and(|shed| opened_at <= shed) {
            socket.legs.views_mut().for_each(|view| view.tail.joined());
        }
        let trouble = socket.trouble.take().unwrap_or_default();
        let first_end = trouble.first_end;
        let at = first_end
            .or_else(|| is_over.then_some(now))
            .unwrap_or(opened_at);
        self.ended = self.ended.saturating_sub(usize::from(first_end.is_some()));
        let mut failed_upstream = trouble.failed_upstream;
        if failed_upstream.is_empty() {
            failed_upstream.extend(self.failed_behind(&socket, at));
        }
        // As the best view shows it now, which may not be the one that showed its end first.
        let outer_end = self.ends.end_of(socket.legs.first_best());
        let mut legs = Vec::with_capacity(socket.legs.len());
        let mut host = None;
        socket.legs.take_apart(|view, is_best| {
            self.handshakes.leave(&view);
            if is_best {
                host = host.take().or_else(|| view.host().cloned());
                legs.push(view.into_leg());
            }
        });
        let neighbours = outer_end.map(|end| self.ends.neighbours(end));
        // The client of a leg that did not end before the capture did has its WebSocket still.
        let outer_lives = legs.first().is_some_and(|leg| leg.first_end().is_none());
        let still_open = first_end.is_none() || (is_over && outer_lives);
        let closing = Closing {
            attempt: socket.attempt,
            at,
            opened_at,
            host,
            target: socket.target,
            failed_upstream,
            neighbours: neighbours.unwrap_or_default(),
            still_open,
            seen_until: now,
            lossy: trouble.lossy || legs.iter().any(|leg| leg.lossy || leg.one_sided),
            legs,
        };
        out.extend([Output::Closing(closing)]);
    }
}

impl Socket {
    /// Nothing but the end of the capture ended any view of it.
    fn is_left_open(&self) -> bool {
        self.trouble.is_none() && self.legs.views().all(|view| view.tail.has_ended())
    }

    /// How far its legs have come to their end.
    fn ending(&self) -> Ending {
        let mut ending = Ending {
            first: None,
            is_over: true,
            last: None,
            gone: None,
        };
        self.legs.each_best(|view| ending.add(&view.tail));
        ending
    }

    /// Whether it will be looked at before it can be complete, so that nothing need be done for a sign of its end, of a leg
    /// that is seen once, at that time: those before were told, and the first is still the first.
    fn will_be_looked_at(&self, at: Timestamp) -> bool {
        let Some(trouble) = &self.trouble else {
            return false;
        };
        let first = trouble.first_end.filter(|&first| first <= at);
        let earliest = first.map(|first| first.after(TOGETHER));
        trouble.has_outer_ended && trouble.due.is_some() && trouble.due <= earliest
    }

    /// It, which is kept at this place, will be looked at then.
    fn look_at(&mut self, at: u32, when: Timestamp, due: &mut Due<(u64, u32)>) {
        let trouble = self.trouble.get_or_insert_default();
        if trouble.due.replace(when) != Some(when) {
            due.push(when, (self.attempt, at));
        }
    }

    /// When nothing more is to be expected of it; `None` while it is open.
    fn complete_at(&self) -> Option<Timestamp> {
        let first = self.trouble.as_ref()?.first_end?;
        self.ending().complete(first)
    }
}

impl Ending {
    /// One more leg.
    fn add(&mut self, tail: &Tail) {
        self.first = earlier(self.first, tail.first_end());
        let ends = tail.tcp_ends();
        self.is_over &= tail.is_over();
        self.last = self.last.max(ends.last().map(|end| end.at));
        // A Close alone is not the end: the answer to it may take its time.
        let gone = match ends.first() {
            Some(end) => Some(end.at.after(STRAGGLERS)),
            None => tail.stuck_since().map(|since| since.after(GIVING_UP)),
        };
        self.gone = earlier(self.gone, gone);
    }

    /// When nothing more is to be expected of what first ended then; `None` while it is open.
    fn complete(&self, first: Timestamp) -> Option<Timestamp> {
        if self.is_over {
            return Some(self.last.unwrap_or(first).after(TOGETHER));
        }
        self.gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::few::Few;
    use crate::attempt::places::LegView;
    use crate::flow::{Direction, End, Endpoint};
    use crate::websocket::Close;

    const LEGS: u64 = 2;

    fn ms(ms: i64) -> Timestamp {
        Timestamp::from_nanos(ms * 1_000_000)
    }

    /// An open one, of two legs.
    fn open(sockets: &mut Sockets) -> u32 {
        let mut legs = SocketLegs::None;
        for conn in 0..LEGS {
            let leg = Leg {
                conn: ConnId(conn),
                ..Leg::default()
            };
            let of = Shown {
                leg: 0,
                client: Endpoint::default(),
                server: Endpoint::default(),
                host: None,
            };
            let view = sockets.handshakes.view(&leg, Tail::default(), of);
            legs.push(Few::one(view));
        }
        let socket = Socket {
            attempt: 1,
            target: Box::default(),
            legs,
            trouble: None,
        };
        sockets.open.insert(socket).unwrap()
    }

    fn sign_of_end(which: u8) -> Fact {
        let dir = if which.is_multiple_of(2) {
            Direction::ToServer
        } else {
            Direction::ToClient
        };
        match which / 2 {
            0 => Fact::Close {
                dir,
                close: Close::parse(&[]),
                alone: Some(2),
            },
            1 => Fact::Fin { dir },
            2 => Fact::Retransmitting { dir },
            _ => Fact::Ended {
                how: if which.is_multiple_of(2) {
                    End::Fin
                } else {
                    End::Rst(dir)
                },
                both_ways: true,
            },
        }
    }

    proptest::proptest! {
        /// As if each look was at the time at which it is complete by what is known.
        #[test]
        fn a_closing_is_told_when_it_is_complete(
            signs in proptest::collection::vec((0..LEGS, 0..8_u8, 0..900_i64, 0..20_i64), 1..14),
        ) {
            let mut sockets = Sockets::default();
            let socket = open(&mut sockets);
            let mut now = 0;
            let mut told = Vec::new();
            let complete = |sockets: &Sockets| {
                let ending = sockets.open.get(socket)?.ending();
                ending.complete(ending.first?)
            };
            for (leg, which, later, late) in signs {
                now += later;
                let known = complete(&sockets).filter(|&at| at <= ms(now));
                sockets.tick(ms(now), &mut told);
                proptest::prop_assert_eq!(told.len(), usize::from(known.is_some()));
                if let [Output::Closing(closing)] = &*told {
                    proptest::prop_assert_eq!(Some(closing.seen_until), known);
                    return Ok(());
                }
                let place = SocketLeg {
                    socket,
                    at: LegView::new(usize::try_from(leg).unwrap(), 0),
                };
                // What waited behind a hole is told late.
                let at = Stamp {
                    ts: ms(now - 50 * late),
                    ..Stamp::default()
                };
                sockets.fact(ConnId(leg), place, at, sign_of_end(which));
                let first = sockets.open.get(socket).and_then(|socket| socket.ending().first);
                proptest::prop_assert_eq!(sockets.open(), u64::from(first.is_none()));
            }
            let known = complete(&sockets);
            sockets.tick(ms(now + 600_000), &mut told);
            let told = told.first().map(|told| match told {
                Output::Closing(closing) => closing.seen_until,
                _ => Timestamp::MIN,
            });
            proptest::prop_assert_eq!(told, known);
        }
    }

    #[test]
    fn a_silent_one_takes_little_room() {
        assert_eq!(size_of::<Option<Socket>>(), 96);
    }
}
