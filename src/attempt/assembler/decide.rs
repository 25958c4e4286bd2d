//! An attempt is decided: its tree is built, what stood around it is added, and its connections go on to their closing.

use std::net::IpAddr;

use super::Assembler;
use crate::attempt::case::{Case, CaseId, LiveLeg, Progress, SETTLE_TRIES};
use crate::attempt::closing::{Shown, SocketLegs, Tail};
use crate::attempt::few::Few;
use crate::attempt::join::{self, Client};
use crate::attempt::lone::Partner;
use crate::attempt::places::{LegView, SocketLeg};
use crate::attempt::plain::Behind;
use crate::attempt::{
    Attempt, EarlierTry, JoinedBy, Leg, LegEnd, Node, Output, Protocol, Role, Surroundings, tree,
};
use crate::flow::{ConnId, Endpoint, is_host_reached};
use crate::limits::Limit;
use crate::time::Timestamp;
use crate::websocket::CloseCode;

/// Tries that one attempt sums up; those before them are attempts of their own. Clients give up long before.
const MOST_TRIES: usize = 32;

/// Plain legs that are looked for behind one another.
const MOST_HOPS: usize = 4;

/// Where no WebSocket is kept.
const NOT_FOLLOWED: u32 = u32::MAX;

/// Why an attempt is decided although it has no final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// It has one.
    No,
    /// The capture ended.
    Off,
    /// It was silent for too long.
    TimedOut,
    /// Others need its room.
    NoRoom,
}

/// What the views of a leg show after its request.
#[derive(Debug)]
pub(super) struct Tails {
    /// Of the first, which is the leg in the attempt.
    conn: ConnId,
    /// `None` once it is handed over.
    first: Option<Tail>,
    others: Vec<LiveLeg>,
}

impl Tails {
    fn all(&self) -> impl Iterator<Item = &Tail> {
        let others = self.others.iter().map(|live| &live.tail);
        self.first.iter().chain(others)
    }

    /// Takes a leg apart.
    fn of(live: LiveLeg) -> (Node, Self) {
        let tails = Self {
            conn: live.leg.conn,
            first: Some(live.tail),
            others: live.copies,
        };
        (Node::of(live.leg, live.joined_by), tails)
    }
}

impl Assembler {
    /// Decides an attempt, unless the last look at it finds another leg that is still to be waited for.
    pub(super) fn decide(&mut self, id: CaseId, cut: Cut, out: &mut impl Extend<Output>) {
        let partner = self.undecided.pair(id);
        if let Partner::Only(pair) = partner {
            let settled = self.undecided.get(id).is_some_and(
                |case| matches!(case.progress(), Progress::Settling(at) if at <= self.now),
            );
            if !settled && cut == Cut::No {
                return self.reschedule(pair.outer);
            }
        }
        let mut is_ambiguous = partner == Partner::Several;
        let Some(mut case) = self.undecided.take(id) else {
            return;
        };
        case.legs.iter_mut().for_each(LiveLeg::elect);
        if let Some(shed_at) = self.shed_at {
            case.legs.iter_mut().for_each(|live| live.leg.shed(shed_at));
        }
        let earlier_tries = self.absorb_earlier(&case);
        let Case {
            protocol,
            legs,
            lost_before,
            mid_stream,
            ..
        } = *case;
        let mut nodes = Vec::with_capacity(legs.len());
        let mut tails = std::mem::take(&mut self.tails);
        for live in legs {
            let (node, of_leg) = Tails::of(live);
            nodes.push(node);
            tails.push(of_leg);
        }
        let bad_gateway = tails
            .iter()
            .flat_map(Tails::all)
            .flat_map(Tail::closes)
            .any(|close| close.close.code == Some(CloseCode(1014)));
        let (nodes, several) = self.add_plain(tree::build(nodes), id);
        is_ambiguous |= several;
        let (nodes, several) = self.add_failed(nodes, bad_gateway.then_some(self.now));
        is_ambiguous |= several;
        self.around.learn(&nodes, self.now);
        self.undecided.forget(self.now);
        let legs = nodes.iter().map(|node| &node.leg);
        self.undecided
            .forget_keys(id, legs, self.now.after(SETTLE_TRIES));

        let has_opened = nodes.first().is_some_and(|node| node.leg.opened());
        let attempt = Attempt {
            id: self.next_attempt,
            protocol,
            tries: u32::try_from(earlier_tries.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1),
            earlier_tries,
            surroundings: Surroundings {
                is_ambiguous,
                ..self.surroundings(&nodes, lost_before, has_opened)
            },
            legs: nodes,
            cut_off: cut == Cut::Off,
            timed_out: cut == Cut::TimedOut,
            let_go: cut == Cut::NoRoom,
        };
        self.next_attempt += 1;
        let is_open = attempt.protocol == Protocol::WebSocket
            && (mid_stream || has_opened || attempt.outermost().opened_unseen());
        self.hand_over(id, &attempt, &mut tails, is_open);
        tails.clear();
        self.tails = tails;
        out.extend([Output::Attempt(attempt)]);
    }

    /// From here on the facts of the attempt's connections go to its open WebSocket, or nowhere.
    fn hand_over(&mut self, id: CaseId, attempt: &Attempt, tails: &mut [Tails], is_open: bool) {
        let places = &mut self.undecided.places;
        if !is_open {
            for tails in tails.iter() {
                let others = tails.others.iter().map(|live| live.leg.conn);
                let conns = std::iter::once(tails.conn).chain(others);
                conns.for_each(|conn| _ = places.release(conn, id));
            }
            return;
        }
        // What comes on the connections of one that is not followed goes nowhere.
        let socket = self.sockets.next_place(self.limits.open_attempts);
        let at_socket = socket.unwrap_or(NOT_FOLLOWED);
        let mut legs = SocketLegs::None;
        let host = attempt.outermost().request_field("host");
        let host = host.as_deref().map(join::host_name);
        for (index, node) in attempt.legs.iter().enumerate() {
            // Those that failed have no number of their own.
            if node.role == Role::Failed {
                continue;
            }
            let of_leg = |tails: &&mut Tails| tails.conn == node.leg.conn;
            let found = tails.iter_mut().filter(of_leg);
            let mut found =
                found.filter_map(|tails| Some((tails.first.take()?, &mut tails.others)));
            let Some((tail, others)) = found.next() else {
                continue;
            };
            let (client, server) = attempt.facing(index, node);
            let of = Shown {
                leg: index,
                client,
                server,
                host,
            };
            let leg = legs.len();
            let is_path = node.role == Role::Path;
            let mut follow_view = |conn, leg_of: &Leg, tail: Tail, view| {
                let socket = SocketLeg {
                    socket: at_socket,
                    at: LegView::new(leg, view),
                };
                places.hand_over(conn, id, (is_path && !tail.has_ended()).then_some(socket));
                if !is_path {
                    return None;
                }
                Some(self.sockets.handshakes.view(leg_of, tail, of))
            };
            let first = follow_view(node.leg.conn, &node.leg, tail, 0);
            let mut views = first.map(Few::one);
            for (at, live) in std::mem::take(others).into_iter().enumerate() {
                let other = follow_view(live.leg.conn, &live.leg, live.tail, at + 1);
                if let (Some(views), Some(other)) = (&mut views, other) {
                    views.push(other);
                }
            }
            if let Some(views) = views {
                legs.push(views);
            }
        }
        if socket.is_some() {
            self.sockets.open_socket(attempt, legs);
        } else {
            self.reached.count(Limit::open_attempts);
            self.sockets.let_go(&legs);
        }
    }

    /// Takes in the tries before this one, if it got further than they did and in time.
    fn absorb_earlier(&mut self, case: &Case) -> Vec<EarlierTry> {
        let mut earlier = Vec::new();
        if case.previous.is_none() {
            return earlier;
        }
        let Some(live) = case.outermost() else {
            return earlier;
        };
        if live.leg.response.is_none() || live.leg.invites_another_try() {
            return earlier;
        }
        let client = Client::of(&live.leg);
        let mut answered = live.leg.answered();
        let mut previous = case.previous;
        while let (Some(id), Some(by)) = (previous, answered)
            && earlier.len() < MOST_TRIES
        {
            let in_time = self
                .undecided
                .get(id)
                .and_then(Case::root)
                .filter(|refused| Client::of(&refused.leg) == client)
                .and_then(|live| live.best().leg.answered())
                .filter(|&refused| by.since(refused) <= SETTLE_TRIES);
            if in_time.is_none() {
                break;
            }
            let Some(before) = self.undecided.take(id) else {
                break;
            };
            let legs = || before.legs.iter().map(|live| &live.leg);
            self.undecided.forget_keys(id, legs(), Timestamp::MIN);
            for conn in before.legs.iter().flat_map(LiveLeg::conns) {
                self.undecided.places.release(conn, id);
            }
            if let Some(live) = before.outermost() {
                earlier.insert(0, earlier_try(&live.leg));
            }
            answered = in_time;
            previous = before.previous;
        }
        earlier
    }

    /// Adds the legs behind the innermost hop that have lost every field of the handshake; true where several could be
    /// that, or one could be another's, and none was added.
    fn add_plain(&mut self, mut nodes: Vec<Node>, id: CaseId) -> (Vec<Node>, bool) {
        for _ in 0..MOST_HOPS {
            let innermost = nodes.iter().rfind(|node| node.role == Role::Path);
            let refused = innermost
                .map(|node| &node.leg)
                .filter(|leg| leg.status().is_some_and(|status| status != 101));
            let undecided = &self.undecided;
            let behind = refused.map_or(Behind::Nothing, |outer| {
                let is_contested = |leg: &Leg| undecided.is_contested(leg, id);
                self.plain.take_behind(outer, is_contested)
            });
            let (leg, by) = match behind {
                Behind::Leg(leg, by) => (*leg, by),
                Behind::Ambiguous => return (nodes, true),
                Behind::Nothing => break,
            };
            nodes.push(Node::of(leg, Some(by)));
            nodes = tree::build(nodes);
        }
        (nodes, false)
    }

    /// Adds the upstream connections that the innermost hops tried and that never carried a request. Up to `until` where
    /// the gateway complained of one after it had opened. True where some would explain its answer, but may be another's.
    fn add_failed(&mut self, mut nodes: Vec<Node>, until: Option<Timestamp>) -> (Vec<Node>, bool) {
        let Some(innermost) = nodes.iter().rposition(|node| node.role == Role::Path) else {
            return (nodes, false);
        };
        let (mut failed, mut is_ambiguous) = self.failed_of(&nodes, innermost, None, until);
        if let Some(parent) = nodes.get(innermost).and_then(|node| node.parent) {
            let (further, several) = self.failed_of(&nodes, parent, Some(innermost), until);
            failed.extend(further);
            is_ambiguous |= several;
        }
        if failed.is_empty() {
            return (nodes, is_ambiguous);
        }
        nodes.extend(failed);
        (tree::arrange(nodes), false)
    }

    /// Those of the server of one leg, which has an inner leg or none. True where there are some that would explain its
    /// answer, but may be another's.
    fn failed_of(
        &mut self,
        nodes: &[Node],
        holder: usize,
        inner: Option<usize>,
        until: Option<Timestamp>,
    ) -> (Vec<Node>, bool) {
        let Some(node) = nodes.get(holder) else {
            return (Vec::new(), false);
        };
        let leg = &node.leg;
        if !self.around.may_have_failed_since(leg.started()) {
            return (Vec::new(), false);
        }
        let answered_itself = inner.is_none() && leg.status().is_some_and(|status| status < 500);
        if node.role != Role::Path || (answered_itself && until.is_none()) {
            return (Vec::new(), false);
        }
        let inner = inner
            .and_then(|inner| nodes.get(inner))
            .map(|node| &node.leg);
        // Where it opened, those that came before the upstream that took it.
        let taken = inner.filter(|_| leg.opened()).map(Leg::started);
        let window = (
            leg.started(),
            until
                .or(taken)
                .or_else(|| leg.settled())
                .unwrap_or(self.now),
        );
        if !self.around.has_failed(window) {
            return (Vec::new(), false);
        }
        let waits = |live: &LiveLeg| {
            live.leg.started() <= window.1
                && live.leg.settled().is_none_or(|settled| settled >= window.0)
        };
        let servers: Vec<Endpoint> = leg.pairs().map(|(_, server)| server).collect();
        let others = self.undecided.iter().flat_map(|(_, case)| case.legs.iter());
        let is_among = |addr: IpAddr| servers.iter().any(|server| server.addr == addr);
        let (alone, alone_there) =
            others
                .filter(|live| waits(live))
                .fold((true, true), |(_, there), live| {
                    let same = live.leg.pairs().any(|(_, other)| is_among(other.addr));
                    (false, there && !same)
                });
        // A gateway's own 5xx needs an explanation; else what others may have tried is left alone.
        let explains = until.is_some()
            || (inner.is_none() && leg.status().is_some_and(|status| status >= 500));
        let unambiguous = alone_there && self.around.waited_alone(&servers, window);
        if !explains && !unambiguous {
            return (Vec::new(), false);
        }
        // Who redirected the client is on its host.
        let client = leg.connection().client;
        let redirects = leg.connection().server.addr.is_loopback();
        let inner_client = inner
            .map(|inner| inner.connection().client.addr)
            .or_else(|| redirects.then_some(client.addr));
        let failed = self
            .around
            .take_failed(&servers, inner_client, window, alone);
        let is_ambiguous = failed.is_empty() && explains;
        let as_node = failed.into_iter().map(|one| {
            let is_hop = |opener: IpAddr| {
                let mut pairs = leg.pairs();
                pairs.any(|(client, server)| is_host_reached(opener, client, server))
            };
            let adjacent = one.views().any(|view| is_hop(view.client.addr));
            Node {
                parent: Some(holder),
                role: Role::Failed,
                joined_by: Some(JoinedBy::Time),
                adjacent: adjacent.then_some(true),
                leg: Leg {
                    unasked: Some(Box::new(one.connection)),
                    also: one.also,
                    end: LegEnd {
                        first: None,
                        how: Some(one.how),
                        unseen: false,
                    },
                    ..Leg::default()
                },
            }
        });
        (as_node.collect(), is_ambiguous)
    }

    fn surroundings(&self, nodes: &[Node], lost_before: u64, has_opened: bool) -> Surroundings {
        let Some(outermost) = nodes.first().map(|node| &node.leg) else {
            return Surroundings::default();
        };
        let client_leg_encrypted = self.around.is_encrypted_before(
            outermost.connection().client.addr,
            outermost
                .request_head()
                .and_then(|head| head.fields.forwarded_for()),
            self.now,
        );
        let went_on = || {
            let is_behind = client_leg_encrypted || outermost.proxy_mark().is_some();
            self.polls.after(outermost, is_behind)
        };
        let fell_back = if has_opened { None } else { went_on() };
        Surroundings {
            client_leg_encrypted,
            hop_passes_others: self
                .around
                .passes_others(outermost.connection().server, self.now),
            lossy: self.around.lost() != lost_before
                || self.shed_at.is_some_and(|at| outermost.started() <= at),
            is_ambiguous: false,
            fell_back,
        }
    }
}

fn earlier_try(leg: &Leg) -> EarlierTry {
    let at = leg.request.as_ref().map(|(at, _)| *at).unwrap_or_default();
    EarlierTry {
        time: leg.started(),
        status: leg.status(),
        target: leg
            .request_head()
            .map(|head| head.target().into())
            .unwrap_or_default(),
        tcp_stream: leg.connection().tcp_stream,
        frame: at.frame,
        source: at.source,
    }
}
