//! Opened WebSockets on their way to their end, and what each leg showed of it (RFC 6455 §7).
//!
//! Silence ends nothing: a WebSocket is over when a side sent FIN or RST, or when its bytes went unacknowledged.

mod ends;
mod leg;
mod trips;

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::time::Duration;

pub use trips::RoundTrips;

use self::ends::{Ends, LegEnd};
use crate::attempt::places::SocketLeg;
use crate::attempt::{
    Attempt, Closing, ClosingLeg, FailedUpstream, Leg, Output, Role, SeenClose, UpstreamFailure,
    join,
};
use crate::event::Fact;
use crate::hash::{DigestSeed, HashMap};
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

/// Open WebSockets, by the number of their attempt.
#[derive(Debug, Default)]
pub(super) struct Sockets {
    open: HashMap<u64, Box<Socket>>,
    due: BinaryHeap<Reverse<(Timestamp, u64)>>,
    /// Of those, the ones that have ended and wait for their last packets.
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

#[derive(Debug)]
struct Socket {
    host: Option<Box<str>>,
    target: Box<str>,
    opened_at: Timestamp,
    /// Of each leg its views, the first first. Never empty.
    legs: Vec<Vec<ClosingLeg>>,
    failed_upstream: Vec<FailedUpstream>,
    first_end: Option<Timestamp>,
    /// How the outermost leg ended.
    outer_end: Option<LegEnd>,
    lossy: bool,
    /// When it will be looked at, if that is so.
    due: Option<Timestamp>,
}

impl Sockets {
    /// Follows an attempt that opened from here on; false where there is no room.
    pub(super) fn open_socket(
        &mut self,
        attempt: &Attempt,
        legs: Vec<Vec<ClosingLeg>>,
        limit: u64,
    ) -> bool {
        if self.open.len() as u64 >= limit {
            return false;
        }
        let Some(outermost) = legs.first().and_then(|views| views.first()) else {
            return true;
        };
        let leg = attempt.outermost();
        let socket = Socket {
            host: leg
                .request_field("host")
                .map(|host| join::host_name(&host).into()),
            target: leg
                .request_head()
                .map(|head| head.target.clone())
                .unwrap_or_default(),
            opened_at: outermost.opened_at,
            failed_upstream: attempt
                .legs
                .iter()
                .filter(|node| node.role == Role::Failed)
                .filter_map(|node| {
                    let how = UpstreamFailure::Ended(node.leg.end.how?);
                    let server = node.leg.connection.server;
                    Some(FailedUpstream { server, how })
                })
                .collect(),
            first_end: None,
            outer_end: None,
            lossy: attempt.surroundings.lossy,
            due: None,
            legs,
        };
        self.open.insert(attempt.id, Box::new(socket));
        self.reschedule(attempt.id);
        true
    }

    /// How many are open.
    pub(super) fn open(&self) -> u64 {
        self.open.len().saturating_sub(self.ended) as u64
    }

    /// One view of a leg was joined in the middle only.
    pub(super) fn joined(&mut self, place: SocketLeg) {
        if let Some(leg) = self.at(place) {
            leg.joined();
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
        let target = leg.request_head().map(|head| &*head.target);
        self.refusals.push_back(Refusal {
            at,
            client: leg.connection.client.addr,
            failed: FailedUpstream {
                server: leg.connection.server,
                how: UpstreamFailure::Refused(status),
            },
            target: target.map(|target| self.seed.hash_one(target)),
        });
    }

    /// The handshake that failed behind a gateway, which therefore closed this WebSocket of one leg with 1014; if there was
    /// but one.
    fn failed_behind(&self, socket: &Socket, until: Timestamp) -> Option<FailedUpstream> {
        let [views] = socket.legs.as_slice() else {
            return None;
        };
        let leg = views.first()?;
        let is_1014 = |close: &SeenClose| close.close.code == Some(CloseCode(1014));
        if !leg.closes.iter().any(is_1014) {
            return None;
        }
        let from = leg.opened_at.before(TOGETHER);
        let target = self.seed.hash_one(&*socket.target);
        let behind = |refusal: &&Refusal| {
            let same = refusal.target == Some(target);
            let is_of_gateway = refusal.client == leg.server.addr
                || (same
                    && refusal.client != leg.client.addr
                    && refusal.failed.server != leg.server);
            is_of_gateway && refusal.at >= from && refusal.at <= until
        };
        let mut found = self.refusals.iter().filter(behind);
        let only = found.next()?.failed;
        found.all(|other| other.failed == only).then_some(only)
    }

    fn at(&mut self, place: SocketLeg) -> Option<&mut ClosingLeg> {
        let socket = self.open.get_mut(&place.socket)?;
        socket.legs.get_mut(place.leg)?.get_mut(place.view)
    }

    /// Takes a fact of one leg.
    pub(super) fn fact(&mut self, place: SocketLeg, at: Stamp, fact: &Fact) {
        let socket = place.socket;
        let Some(leg) = self.at(place) else {
            return;
        };
        leg.note(at, fact);
        if matches!(
            fact,
            Fact::Close { .. }
                | Fact::Fin { .. }
                | Fact::Ended { .. }
                | Fact::Retransmitting { .. }
        ) {
            self.reschedule(socket);
        }
    }

    /// Hands on the closings that are complete at that time.
    pub(super) fn tick(&mut self, now: Timestamp, out: &mut impl Extend<Output>) {
        while let Some(&Reverse((at, id))) = self.due.peek() {
            if at > now {
                break;
            }
            self.due.pop();
            let Some(socket) = self.open.get_mut(&id) else {
                continue;
            };
            socket.due = socket.due.filter(|&due| due != at);
            match socket.complete_at() {
                Some(complete) if complete <= at => self.close(id, at, false, out),
                Some(complete) => self.look_at(id, complete),
                None => {}
            }
        }
    }

    /// The capture is over: hands on all that is left.
    pub(super) fn finish(&mut self, now: Timestamp, out: &mut impl Extend<Output>) {
        let mut left: Vec<u64> = self.open.keys().copied().collect();
        left.sort_unstable();
        for id in left {
            self.close(id, now, true, out);
        }
    }

    fn reschedule(&mut self, id: u64) {
        let Some(socket) = self.open.get_mut(&id) else {
            return;
        };
        let before = socket.first_end;
        socket.first_end = socket.best().filter_map(ClosingLeg::first_end).min();
        self.ended += usize::from(before.is_none() && socket.first_end.is_some());
        if socket.outer_end.is_none() {
            let end = socket.best().next().and_then(LegEnd::of);
            socket.outer_end = end;
            if let Some(end) = end {
                self.ends.add(end);
            }
        }
        if let Some(complete) = socket.complete_at() {
            self.look_at(id, complete);
        }
    }

    fn look_at(&mut self, id: u64, at: Timestamp) {
        if let Some(socket) = self.open.get_mut(&id)
            && socket.due.replace(at) != Some(at)
        {
            self.due.push(Reverse((at, id)));
        }
    }

    fn close(&mut self, id: u64, now: Timestamp, is_over: bool, out: &mut impl Extend<Output>) {
        let Some(mut socket) = self.open.remove(&id) else {
            return;
        };
        if self.shed_at.is_some_and(|shed| socket.opened_at <= shed) {
            let views = socket.legs.iter_mut().flatten();
            views.for_each(ClosingLeg::joined);
        }
        let at = socket
            .first_end
            .or_else(|| is_over.then_some(now))
            .unwrap_or(socket.opened_at);
        self.ended = self
            .ended
            .saturating_sub(usize::from(socket.first_end.is_some()));
        let mut failed_upstream = std::mem::take(&mut socket.failed_upstream);
        if failed_upstream.is_empty() {
            failed_upstream.extend(self.failed_behind(&socket, at));
        }
        // Very many may end with the capture: as much room as they need.
        let mut legs = Vec::with_capacity(socket.legs.len());
        legs.extend(socket.legs.into_iter().filter_map(best_of));
        // As the best view shows it now, which may not be the one that showed its end first.
        let outer_end = legs.first().and_then(LegEnd::of);
        let neighbours = outer_end.map(|end| self.ends.neighbours(end));
        // The client of a leg that did not end before the capture did has its WebSocket still.
        let outer_lives = legs.first().is_some_and(|leg| leg.first_end().is_none());
        let still_open = socket.first_end.is_none() || (is_over && outer_lives);
        let closing = Closing {
            attempt: id,
            at,
            opened_at: socket.opened_at,
            host: socket.host,
            target: socket.target,
            failed_upstream,
            neighbours: neighbours.unwrap_or_default(),
            still_open,
            seen_until: now,
            lossy: socket.lossy || legs.iter().any(|leg| leg.lossy || leg.one_sided),
            legs,
        };
        out.extend([Output::Closing(Box::new(closing))]);
    }
}

/// That view of a leg that lost least; the first where they show the same.
fn best_of<V: Borrow<ClosingLeg>>(
    views: impl IntoIterator<Item = V, IntoIter: DoubleEndedIterator + ExactSizeIterator>,
) -> Option<V> {
    let mut views = views.into_iter().rev();
    if views.len() == 1 {
        return views.next();
    }
    views.max_by_key(|view| view.borrow().clarity())
}

impl Socket {
    /// Each leg as its best view shows it.
    fn best(&self) -> impl Iterator<Item = &ClosingLeg> {
        self.legs.iter().filter_map(best_of)
    }

    /// When nothing more is to be expected of it; `None` while it is open.
    fn complete_at(&self) -> Option<Timestamp> {
        let first = self.first_end?;
        if self.best().all(ClosingLeg::is_over) {
            let last = self
                .best()
                .flat_map(|leg| &leg.tcp_ends)
                .map(|end| end.at)
                .max();
            return Some(last.unwrap_or(first).after(TOGETHER));
        }
        // A Close alone is not the end: the answer to it may take its time.
        let gone = self.best().filter_map(|leg| {
            let tcp = leg.tcp_ends.first().map(|end| end.at.after(STRAGGLERS));
            tcp.or_else(|| leg.retransmitting.map(|(_, since)| since.after(GIVING_UP)))
        });
        gone.min()
    }
}
