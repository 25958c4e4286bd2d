//! The analyzer's first half: events of connections go in, decided attempts and closings come out.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use crate::attempt::around::Around;
use crate::attempt::case::{Case, CaseId, LiveLeg, Progress, SETTLE_TRIES};
use crate::attempt::closing::Sockets;
use crate::attempt::join::{self, Client, Joined, Keys};
use crate::attempt::lone::Lone;
use crate::attempt::{
    Attempt, BodyStart, ClosingLeg, EarlierTry, Gaps, JoinedBy, Leg, LegEnd, Node, Output,
    Protocol, Role, Surroundings, tree,
};
use crate::event::{Connection, Event, Fact, Request, Response};
use crate::flow::ConnId;
use crate::limits::{Limit, Limits, Reached};
use crate::time::{Stamp, Timestamp};
use crate::websocket::{CloseCode, asks_for_websocket};

/// How often is said how much is open.
const PROGRESS: Duration = Duration::from_millis(500);

/// Puts legs together into attempts, decides when each is complete, and follows the opened ones to their end.
#[derive(Debug)]
pub struct Assembler {
    limits: Limits,
    now: Timestamp,
    last: Stamp,
    cases: HashMap<CaseId, Case>,
    next_case: CaseId,
    next_attempt: u64,
    /// Where the facts of a connection go.
    places: HashMap<ConnId, Place>,
    keys: Keys,
    lone: Lone,
    /// First frames of clients, by the attempt that shows them.
    by_bytes: HashMap<u64, CaseId>,
    /// Attempts whose answer invites the client to try again.
    inviting: HashMap<Client, CaseId>,
    /// When to look at a case again; entries may be out of date.
    due: BinaryHeap<Reverse<(Timestamp, CaseId)>>,
    around: Around,
    sockets: Sockets,
    reached: Reached,
    progress_due: Timestamp,
}

/// Where the facts of a connection go.
#[derive(Clone, Debug)]
enum Place {
    /// To undecided attempts: exchange number, attempt, and index of the leg. Never empty.
    Cases(Vec<(u32, CaseId, usize)>),
    /// To a decided attempt whose WebSocket is open: its number, and the index of its leg there.
    Socket(u64, usize),
}

impl Assembler {
    /// An assembler that has seen nothing.
    pub fn new(limits: &Limits) -> Self {
        Self {
            now: Timestamp::MIN,
            last: Stamp::default(),
            cases: HashMap::new(),
            next_case: 0,
            next_attempt: 1,
            places: HashMap::new(),
            keys: Keys::default(),
            lone: Lone::default(),
            by_bytes: HashMap::new(),
            inviting: HashMap::new(),
            due: BinaryHeap::new(),
            around: Around::new(limits.legs_waiting),
            sockets: Sockets::default(),
            reached: Reached::default(),
            progress_due: Timestamp::MIN,
            limits: limits.clone(),
        }
    }

    /// Takes an event, and hands on what is decided by it.
    pub fn push(&mut self, event: Event, out: &mut impl Extend<Output>) {
        match event {
            Event::Conn { conn, at, fact } => {
                self.advance(at.ts, out);
                self.last = at;
                self.fact(conn, at, fact);
            }
            Event::Tick(now) => {
                self.advance(now, out);
                // To count what waits is to look at all of it.
                if self.now >= self.progress_due {
                    self.progress_due = self.now.after(PROGRESS);
                    self.progress(out);
                }
            }
            Event::Interface {
                source,
                iface,
                name,
            } => out.extend([Output::Interface {
                source,
                iface,
                name,
            }]),
            Event::Health(mut health) => {
                self.around.health(&health);
                health.reached.add(&self.reached);
                out.extend([Output::Health(health)]);
            }
        }
    }

    /// The capture is over: decides all that is left, and says how each open WebSocket stands.
    pub fn finish(&mut self, out: &mut impl Extend<Output>) {
        self.run_due(self.now, out);
        let pending = self.pending();
        // In the order in which they would have been decided, had there been time: a try before the one it follows.
        let mut left: Vec<(Timestamp, CaseId, Cut)> = self
            .cases
            .iter()
            .map(|(&id, case)| match case.progress() {
                Progress::Settling(at) => (at, id, Cut::No),
                Progress::Waiting(_) => (Timestamp::MAX, id, Cut::Off),
            })
            .collect();
        left.sort_unstable_by_key(|&(at, id, _)| (at, id));
        for (_, id, cut) in left {
            self.decide(id, cut, out);
        }
        self.sockets.finish(self.now, out);
        out.extend([Output::Progress {
            now: self.now,
            pending,
            open: 0,
        }]);
    }

    fn progress(&self, out: &mut impl Extend<Output>) {
        out.extend([Output::Progress {
            now: self.now,
            pending: self.pending(),
            open: self.sockets.open(),
        }]);
    }

    /// Attempts that have waited for an answer for longer than the limit `pending_after`.
    fn pending(&self) -> u64 {
        let after = self.limits.span(Limit::pending_after);
        let waits = |case: &&Case| match case.progress() {
            Progress::Waiting(since) => self.now.since(since) >= after,
            Progress::Settling(_) => false,
        };
        self.cases.values().filter(waits).count() as u64
    }

    fn advance(&mut self, to: Timestamp, out: &mut impl Extend<Output>) {
        if to <= self.now {
            return;
        }
        self.run_due(to, out);
        self.now = to;
    }

    fn run_due(&mut self, to: Timestamp, out: &mut impl Extend<Output>) {
        while let Some(&Reverse((at, id))) = self.due.peek() {
            if at > to {
                break;
            }
            self.due.pop();
            self.now = self.now.max(at);
            match self.cases.get(&id).map(Case::progress) {
                Some(Progress::Settling(settled)) if settled <= at => self.decide(id, Cut::No, out),
                Some(Progress::Settling(settled)) => self.due.push(Reverse((settled, id))),
                Some(Progress::Waiting(since)) => {
                    let until = Case::unanswered_at(since, &self.limits);
                    if until <= at {
                        self.decide(id, Cut::TimedOut, out);
                    } else {
                        self.due.push(Reverse((until, id)));
                    }
                }
                None => {}
            }
        }
        self.sockets.tick(to, out);
        self.keys.tick(to);
    }

    fn fact(&mut self, conn: ConnId, at: Stamp, fact: Fact) {
        match fact {
            Fact::Request(request) => self.request(conn, at, *request),
            Fact::Response(response) => self.response(conn, at, *response),
            Fact::Body {
                exchange,
                bytes,
                whole,
                encoded,
            } => {
                if let Some(live) = self.live(conn, Some(exchange)) {
                    live.leg.body = Some(BodyStart {
                        bytes,
                        whole,
                        encoded,
                    });
                }
            }
            Fact::MidStream(connection) => self.mid_stream(conn, at, *connection),
            Fact::Failed(connection, how) => {
                if self.around.failed(*connection, how) {
                    self.reached.count(Limit::legs_waiting);
                }
            }
            Fact::Encrypted(hello) => self.around.encrypted(hello.client, hello.server, at.ts),
            Fact::FirstBytes { hash } => self.first_bytes(conn, hash),
            Fact::Plain | Fact::Http2 => {}
            later => self.later(conn, at, &later),
        }
    }

    /// Facts that say what became of a connection after its request.
    fn later(&mut self, conn: ConnId, at: Stamp, fact: &Fact) {
        let ended = matches!(fact, Fact::Ended { .. });
        match self.places.get(&conn) {
            Some(&Place::Socket(socket, leg)) => self.sockets.fact(socket, leg, at, fact),
            Some(Place::Cases(_)) => {
                let Some((id, live)) = self.last_live(conn) else {
                    return;
                };
                live.note(at, fact);
                self.reschedule(id);
            }
            None => {}
        }
        if ended {
            self.places.remove(&conn);
        }
    }

    fn request(&mut self, conn: ConnId, at: Stamp, request: Request) {
        let exchange = request.exchange;
        let protocol = protocol(&request);
        let leg = Leg {
            conn,
            connection: request.connection.clone(),
            request: Some((at, request)),
            ..Leg::default()
        };
        let joined = if protocol == Protocol::WebSocket {
            self.keys.place(&leg, &self.cases)
        } else {
            Joined::Alone
        };
        match joined {
            Joined::To(id) => self.join(id, exchange, leg),
            Joined::Alone => self.begin(exchange, leg, protocol, at.ts),
            Joined::TooLate => {
                self.places.remove(&conn);
            }
        }
    }

    fn join(&mut self, id: CaseId, exchange: u32, leg: Leg) {
        let conn = leg.conn;
        let Some(case) = self.cases.get_mut(&id) else {
            return;
        };
        if let [only] = case.legs.as_slice() {
            self.lone.remove(&only.leg, id);
        }
        let index = case.legs.len();
        case.legs.push(LiveLeg::new(leg, Some(JoinedBy::Key)));
        self.put(conn, exchange, id, index);
        self.reschedule(id);
    }

    fn begin(&mut self, exchange: u32, leg: Leg, protocol: Protocol, now: Timestamp) {
        if self.cases.len() as u64 >= self.limits.open_attempts {
            self.reached.count(Limit::open_attempts);
            return;
        }
        let id = self.next_case;
        self.next_case += 1;
        let conn = leg.conn;
        self.keys.add(&leg, id);
        if protocol == Protocol::WebSocket {
            self.lone.add(&leg, id);
        }
        let previous = Client::of(&leg)
            .and_then(|client| self.inviting.get(&client).copied())
            .filter(|previous| {
                let refused = self.cases.get(previous).and_then(Case::outermost);
                refused.is_some_and(|refused| join::follows(&refused.leg, &leg))
            });
        let case = Case {
            protocol,
            legs: vec![LiveLeg::new(leg, None)],
            previous,
            earlier: Vec::new(),
            lost_before: self.around.lost(),
            mid_stream: false,
            invites: None,
            first_bytes: Vec::new(),
        };
        self.cases.insert(id, case);
        self.put(conn, exchange, id, 0);
        self.due
            .push(Reverse((Case::unanswered_at(now, &self.limits), id)));
    }

    fn response(&mut self, conn: ConnId, at: Stamp, mut response: Response) {
        let exchange = response.exchange;
        if self.live(conn, Some(exchange)).is_none() {
            let Some(connection) = response.connection.take() else {
                return;
            };
            if matches!(self.places.get(&conn), Some(Place::Socket(..))) {
                return;
            }
            // The request was not seen.
            let leg = Leg {
                conn,
                connection,
                noticed: Some(at.ts),
                ..Leg::default()
            };
            self.begin(exchange, leg, switched(&response, &Protocol::None), at.ts);
        }
        let Some(id) = self.slot(conn, Some(exchange)).map(|(id, _)| id) else {
            return;
        };
        if let Some(case) = self.cases.get_mut(&id)
            && response
                .head
                .as_ref()
                .is_some_and(|head| head.status.0 == 101)
        {
            case.protocol = switched(&response, &case.protocol);
        }
        if let Some(live) = self.live(conn, Some(exchange)) {
            live.tail.opened(&response, live.leg.offer());
            live.leg.response = Some((at, response));
        }
        let root = self.cases.get(&id).and_then(Case::outermost);
        if let Some(root) =
            root.filter(|root| root.leg.conn == conn && root.leg.invites_another_try())
            && let Some(client) = Client::of(&root.leg)
        {
            if let Some(case) = self.cases.get_mut(&id) {
                case.invites = Some(client.clone());
            }
            self.inviting.insert(client, id);
        }
        self.reschedule(id);
    }

    /// Frames without a 101 in sight: joined in the middle, or the 101 of a known request was lost.
    fn mid_stream(&mut self, conn: ConnId, at: Stamp, connection: Connection) {
        let known = self.last_live(conn).is_some_and(|(_, live)| {
            live.leg.gaps.response |= live.leg.response.is_none();
            live.leg.response.is_none()
        });
        let leg = Leg {
            conn,
            connection,
            gaps: Gaps {
                request: true,
                response: true,
                ..Gaps::default()
            },
            noticed: Some(at.ts),
            ..Leg::default()
        };
        if !known {
            self.begin(0, leg, Protocol::WebSocket, at.ts);
        }
        let Some((id, live)) = self.last_live(conn) else {
            return;
        };
        live.tail.opened_at = at.ts;
        if let Some(case) = self.cases.get_mut(&id) {
            case.mid_stream = true;
        }
        self.reschedule(id);
    }

    /// Two legs on which a client's first frame is the same: a tunnel lies between them.
    fn first_bytes(&mut self, conn: ConnId, hash: u64) {
        let Some((id, _)) = self.slot(conn, None) else {
            return;
        };
        match self.by_bytes.get(&hash) {
            Some(&other) if other != id && self.cases.contains_key(&other) => {
                let started = |id| {
                    self.cases
                        .get(&id)
                        .and_then(Case::outermost)
                        .map(|live| live.leg.started())
                };
                let (outer, inner) = if started(other) <= started(id) {
                    (other, id)
                } else {
                    (id, other)
                };
                self.merge(outer, inner, JoinedBy::Bytes);
                self.show_bytes(outer, hash);
                self.reschedule(outer);
            }
            _ => self.show_bytes(id, hash),
        }
    }

    fn show_bytes(&mut self, id: CaseId, hash: u64) {
        if let Some(case) = self.cases.get_mut(&id) {
            case.first_bytes.push(hash);
            self.by_bytes.insert(hash, id);
        }
    }

    fn put(&mut self, conn: ConnId, exchange: u32, id: CaseId, leg: usize) {
        let slot = (exchange, id, leg);
        match self.places.get_mut(&conn) {
            Some(Place::Cases(slots)) => slots.push(slot),
            _ => {
                self.places.insert(conn, Place::Cases(vec![slot]));
            }
        }
    }

    fn slot(&self, conn: ConnId, exchange: Option<u32>) -> Option<(CaseId, usize)> {
        let Some(Place::Cases(slots)) = self.places.get(&conn) else {
            return None;
        };
        let wanted =
            |slot: &&(u32, CaseId, usize)| exchange.is_none_or(|exchange| slot.0 == exchange);
        slots
            .iter()
            .rev()
            .find(wanted)
            .map(|&(_, id, leg)| (id, leg))
    }

    fn live(&mut self, conn: ConnId, exchange: Option<u32>) -> Option<&mut LiveLeg> {
        let (id, leg) = self.slot(conn, exchange)?;
        self.cases.get_mut(&id)?.legs.get_mut(leg)
    }

    fn last_live(&mut self, conn: ConnId) -> Option<(CaseId, &mut LiveLeg)> {
        let (id, leg) = self.slot(conn, None)?;
        Some((id, self.cases.get_mut(&id)?.legs.get_mut(leg)?))
    }

    fn reschedule(&mut self, id: CaseId) {
        let Some(case) = self.cases.get(&id) else {
            return;
        };
        if let Progress::Settling(at) = case.progress() {
            self.due.push(Reverse((at.max(self.now), id)));
        }
    }

    /// Takes a case that is no more out of all indexes but the keys.
    fn forget(&mut self, id: CaseId, case: &Case) {
        if let [only] = case.legs.as_slice() {
            self.lone.remove(&only.leg, id);
        }
        if let Some(client) = &case.invites
            && self.inviting.get(client) == Some(&id)
        {
            self.inviting.remove(client);
        }
        for hash in &case.first_bytes {
            if self.by_bytes.get(hash) == Some(&id) {
                self.by_bytes.remove(hash);
            }
        }
    }

    /// Two attempts turned out to be one.
    fn merge(&mut self, outer: CaseId, inner: CaseId, by: JoinedBy) {
        let Some(case) = self.cases.remove(&inner) else {
            return;
        };
        self.forget(inner, &case);
        let Some(into) = self.cases.get_mut(&outer) else {
            return;
        };
        if let [only] = into.legs.as_slice() {
            self.lone.remove(&only.leg, outer);
        }
        let offset = into.legs.len();
        for mut live in case.legs {
            if let Some(Place::Cases(slots)) = self.places.get_mut(&live.leg.conn) {
                for slot in slots.iter_mut().filter(|slot| slot.1 == inner) {
                    *slot = (slot.0, outer, slot.2.saturating_add(offset));
                }
            }
            self.keys.rename(&live.leg, inner, outer);
            live.joined_by.get_or_insert(by);
            into.legs.push(live);
        }
    }

    fn decide(&mut self, id: CaseId, cut: Cut, out: &mut impl Extend<Output>) {
        if let Some(pair) = self.lone.pair(id, &self.cases) {
            self.merge(pair.outer, pair.inner, pair.by);
            let settled = self.cases.get(&id).is_some_and(
                |case| matches!(case.progress(), Progress::Settling(at) if at <= self.now),
            );
            if !settled && cut == Cut::No {
                return self.reschedule(pair.outer);
            }
        }
        let Some(mut case) = self.cases.remove(&id) else {
            return;
        };
        self.absorb_earlier(&mut case);
        self.forget(id, &case);
        let tails: HashMap<ConnId, ClosingLeg> = case
            .legs
            .iter_mut()
            .map(|live| (live.leg.conn, std::mem::take(&mut live.tail)))
            .collect();
        let legs = case
            .legs
            .into_iter()
            .map(|live| (live.leg, live.joined_by))
            .collect();
        let bad_gateway = tails
            .values()
            .flat_map(|tail| &tail.closes)
            .any(|close| close.close.code == Some(CloseCode(1014)));
        let nodes = self.add_failed(tree::build(legs), bad_gateway.then_some(self.now));
        self.around.learn(&nodes, self.now);
        let until = self.now.after(SETTLE_TRIES);
        self.keys.decide(
            id,
            &nodes.iter().map(|node| &node.leg).collect::<Vec<_>>(),
            until,
        );

        let attempt = Attempt {
            id: self.next_attempt,
            protocol: case.protocol,
            tries: u32::try_from(case.earlier.len())
                .unwrap_or(u32::MAX)
                .saturating_add(1),
            earlier_tries: case.earlier,
            surroundings: self.surroundings(&nodes, case.lost_before),
            legs: nodes,
            cut_off: cut == Cut::Off,
            timed_out: cut == Cut::TimedOut,
        };
        self.next_attempt += 1;
        self.hand_over(id, &attempt, tails, case.mid_stream);
        out.extend([Output::Attempt(Box::new(attempt))]);
    }

    /// From here on the facts of the attempt's connections go to its open WebSocket, or nowhere.
    fn hand_over(
        &mut self,
        id: CaseId,
        attempt: &Attempt,
        mut tails: HashMap<ConnId, ClosingLeg>,
        mid_stream: bool,
    ) {
        let is_open = attempt.protocol == Protocol::WebSocket
            && (mid_stream || attempt.outermost().opened() || attempt.outermost().opened_unseen());
        let mut legs = Vec::new();
        for (index, node) in attempt.legs.iter().enumerate() {
            let conn = node.leg.conn;
            let tail = tails.remove(&conn);
            let this = |slot: &(u32, CaseId, usize)| slot.1 == id;
            let mut gone = false;
            if let Some(Place::Cases(slots)) = self.places.get_mut(&conn) {
                slots.retain(|slot| !this(slot));
                gone = slots.is_empty();
            }
            if gone {
                self.places.remove(&conn);
            }
            if let Some(mut tail) = tail
                && is_open
                && node.role == Role::Path
            {
                tail.leg = index;
                if gone && tail.ended.is_none() {
                    self.places
                        .insert(conn, Place::Socket(attempt.id, legs.len()));
                }
                legs.push(tail);
            }
        }
        if is_open
            && !self
                .sockets
                .open_socket(attempt, legs, self.limits.open_attempts)
        {
            self.reached.count(Limit::open_attempts);
        }
    }

    /// Takes in the tries before this one, if it got further than they did and in time.
    fn absorb_earlier(&mut self, case: &mut Case) {
        let Some(live) = case.outermost() else { return };
        if live.leg.response.is_none() || live.leg.invites_another_try() {
            return;
        }
        let mut answered = live.leg.answered();
        let mut previous = case.previous;
        while let (Some(id), Some(by)) = (previous, answered) {
            let in_time = self
                .cases
                .get(&id)
                .and_then(Case::outermost)
                .and_then(|live| live.leg.answered())
                .filter(|&refused| by.since(refused) <= SETTLE_TRIES);
            if in_time.is_none() {
                break;
            }
            let Some(before) = self.cases.remove(&id) else {
                break;
            };
            self.forget(id, &before);
            self.keys.decide(
                id,
                &before.legs.iter().map(|live| &live.leg).collect::<Vec<_>>(),
                Timestamp::MIN,
            );
            if let Some(live) = before.outermost() {
                case.earlier.insert(0, earlier_try(&live.leg));
            }
            for live in &before.legs {
                self.release(live.leg.conn, id);
            }
            answered = in_time;
            previous = before.previous;
        }
    }

    fn release(&mut self, conn: ConnId, id: CaseId) {
        if let Some(Place::Cases(slots)) = self.places.get_mut(&conn) {
            slots.retain(|slot| slot.1 != id);
            if slots.is_empty() {
                self.places.remove(&conn);
            }
        }
    }

    /// Upstream connections that the innermost hops tried and that never carried a request. Up to `until` where the
    /// gateway complained of one after it had opened.
    fn add_failed(&mut self, mut nodes: Vec<Node>, until: Option<Timestamp>) -> Vec<Node> {
        let Some(innermost) = nodes.iter().rposition(|node| node.role == Role::Path) else {
            return nodes;
        };
        let parent = nodes.get(innermost).and_then(|node| node.parent);
        let mut failed = Vec::new();
        for (holder, inner) in [(Some(innermost), None), (parent, Some(innermost))] {
            let Some((holder, node)) = holder.and_then(|holder| Some((holder, nodes.get(holder)?)))
            else {
                continue;
            };
            let leg = &node.leg;
            let answered_itself =
                inner.is_none() && leg.status().is_some_and(|status| status < 500);
            if node.role != Role::Path || (answered_itself && until.is_none()) {
                continue;
            }
            let window = (
                leg.started(),
                until.or_else(|| leg.settled()).unwrap_or(self.now),
            );
            let inner_client = inner
                .and_then(|inner: usize| nodes.get(inner))
                .map(|node| node.leg.connection.client.addr);
            let waits = |live: &LiveLeg| {
                live.leg.started() <= window.1
                    && live.leg.settled().is_none_or(|settled| settled >= window.0)
            };
            let alone = !self.cases.values().any(|case| case.legs.iter().any(waits));
            let server = leg.connection.server;
            for one in self.around.take_failed(server, inner_client, window, alone) {
                let end = LegEnd {
                    first: None,
                    how: Some(one.how),
                };
                let leg = Leg {
                    connection: one.connection,
                    end,
                    ..Leg::default()
                };
                let adjacent = (leg.connection.client.addr == server.addr).then_some(true);
                failed.push(Node {
                    leg,
                    parent: Some(holder),
                    role: Role::Failed,
                    joined_by: Some(JoinedBy::Time),
                    adjacent,
                });
            }
        }
        if failed.is_empty() {
            return nodes;
        }
        nodes.extend(failed);
        tree::arrange(nodes)
    }

    fn surroundings(&self, nodes: &[Node], lost_before: u64) -> Surroundings {
        let Some(outermost) = nodes.first().map(|node| &node.leg) else {
            return Surroundings::default();
        };
        let named = outermost
            .request_field("x-forwarded-for")
            .or_else(|| outermost.request_field("x-real-ip"))
            .and_then(|list| {
                list.rsplit(',')
                    .next()
                    .and_then(|last| last.trim().parse::<IpAddr>().ok())
            });
        Surroundings {
            client_leg_encrypted: self.around.is_encrypted_before(
                outermost.connection.client.addr,
                named,
                self.now,
            ),
            hop_passes_others: self
                .around
                .passes_others(outermost.connection.server, self.now),
            lossy: self.around.lost() != lost_before,
        }
    }
}

/// Why an attempt is decided although it has no final answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// It has one.
    No,
    /// The capture ended.
    Off,
    /// It was silent for too long.
    TimedOut,
}

fn protocol(request: &Request) -> Protocol {
    if asks_for_websocket(&request.head, &request.offer) {
        return Protocol::WebSocket;
    }
    match request.head.fields.elements("upgrade").next() {
        Some(token) => Protocol::Other(String::from_utf8_lossy(token).to_ascii_lowercase().into()),
        None => Protocol::None,
    }
}

/// A 101 says what is spoken from there on, whatever was asked for.
fn switched(response: &Response, asked: &Protocol) -> Protocol {
    let token = response
        .head
        .as_ref()
        .and_then(|head| head.fields.elements("upgrade").next());
    match token {
        _ if response.answer.upgrade || *asked == Protocol::WebSocket => Protocol::WebSocket,
        Some(token) => Protocol::Other(String::from_utf8_lossy(token).to_ascii_lowercase().into()),
        None => asked.clone(),
    }
}

fn earlier_try(leg: &Leg) -> EarlierTry {
    let at = leg.request.as_ref().map(|(at, _)| *at).unwrap_or_default();
    EarlierTry {
        time: leg.started(),
        status: leg.status(),
        target: leg
            .request_head()
            .map(|head| head.target.clone())
            .unwrap_or_default(),
        tcp_stream: leg.connection.tcp_stream,
        frame: at.frame,
        source: at.source,
    }
}
