//! The analyzer's first half: events of connections go in, decided attempts and closings come out.

mod decide;

use std::time::Duration;

use self::decide::{Cut, Tails};
use crate::attempt::around::Around;
use crate::attempt::case::{Case, CaseId, LiveLeg, MOST_CASES, Progress};
use crate::attempt::closing::Sockets;
use crate::attempt::due::Due;
use crate::attempt::join::{Joined, Key};
use crate::attempt::places::Slot;
use crate::attempt::plain::Plain;
use crate::attempt::polls::Polls;
use crate::attempt::undecided::{Undecided, Whose};
use crate::attempt::{BodyStart, Gaps, Leg, Output, Protocol};
use crate::event::{Connection, Event, Fact, Request, Response};
use crate::flow::{ConnId, Direction, End};
use crate::limits::{Limit, Limits, Reached};
use crate::time::{Stamp, Timestamp};

/// Attempts that have opened may take this part of what may be undecided.
const OPENED_PART: u64 = 4;
/// How often is said how much is open.
const PROGRESS: Duration = Duration::from_millis(500);

/// Puts legs together into attempts, decides when each is complete, and follows the opened ones to their end.
#[derive(Debug)]
pub struct Assembler {
    limits: Limits,
    now: Timestamp,
    undecided: Undecided,
    /// When to look at undecided attempts again; what it says may be out of date.
    due: Due<CaseId>,
    next_attempt: u64,
    sockets: Sockets,
    around: Around,
    plain: Plain,
    polls: Polls,
    reached: Reached,
    progress_due: Timestamp,
    /// When events were shed last: of what was under way then, any may be missing.
    shed_at: Option<Timestamp>,
    /// Room for those of the one that is decided; empty between two.
    tails: Vec<Tails>,
}

impl Assembler {
    /// An assembler that has seen nothing.
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            now: Timestamp::MIN,
            undecided: Undecided::default(),
            due: Due::default(),
            next_attempt: 1,
            sockets: Sockets::default(),
            around: Around::new(limits.legs_waiting),
            plain: Plain::new(limits.plain_digests),
            polls: Polls::default(),
            reached: Reached::default(),
            progress_due: Timestamp::MIN,
            shed_at: None,
            tails: Vec::new(),
        }
    }

    /// Takes an event, and hands on what is decided by it.
    pub fn push(&mut self, event: Event, out: &mut impl Extend<Output>) {
        match event {
            Event::Conn { conn, at, fact } => {
                self.advance(at.ts, out);
                let may_add = matches!(
                    fact,
                    Fact::Request(_) | Fact::Response(_) | Fact::MidStream(_)
                );
                self.fact(conn, at, fact, out);
                // Nothing else adds to what is undecided.
                if may_add {
                    self.make_room(out);
                }
            }
            Event::Tick(now) => {
                self.advance(now, out);
                self.undecided.forget(self.now);
                if self.now >= self.progress_due {
                    self.progress_due = self.now.after(PROGRESS);
                    self.look_over(out);
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
            Event::Shed => {
                self.shed_at = Some(self.now);
                self.around.gap(self.now);
                self.sockets.shed(self.now);
            }
        }
    }

    /// The capture is over: decides all that is left, and says how each open WebSocket stands.
    pub fn finish(&mut self, out: &mut impl Extend<Output>) {
        self.run_due(self.now, out);
        let pending = self.pending();
        // In the order in which they would have been decided, had there been time: what is settled first, and a try after
        // the one that takes it in.
        let mut left: Vec<(Timestamp, CaseId, Cut)> = self
            .undecided
            .iter()
            .map(|(id, case)| match case.progress() {
                Progress::Settling(at) => {
                    let next = self.undecided.next_settles(id);
                    let then = next.map(|next| next.max(at).after(Duration::from_nanos(1)));
                    (then.unwrap_or(at), id, Cut::No)
                }
                Progress::Waiting(_) => (Timestamp::MAX, id, Cut::Off),
            })
            .collect();
        left.sort_unstable_by_key(|&(at, id, _)| (at, id));
        for (_, id, cut) in left {
            self.decide(id, cut, out);
        }
        self.sockets.finish(self.now, out);
        out.extend([self.progress(pending, 0)]);
    }

    /// What only a look at all undecided attempts tells: which have waited for too long, and how many wait.
    fn look_over(&mut self, out: &mut impl Extend<Output>) {
        let patience = self.limits.span(Limit::unanswered_after);
        for id in self.undecided.waiting(self.now, patience) {
            self.decide(id, Cut::TimedOut, out);
        }
        let (pending, open) = (self.pending(), self.sockets.open());
        out.extend([self.progress(pending, open)]);
    }

    /// Too much is undecided: the oldest attempts are decided by what is known of them. Long before that those which have
    /// opened, of which nothing but the first frame is waited for.
    fn make_room(&mut self, out: &mut impl Extend<Output>) {
        loop {
            let allocated = self.undecided.allocated();
            if allocated > self.limits.undecided_bytes / OPENED_PART
                && let Some(id) = self.undecided.take_opened()
            {
                self.reached.count(Limit::undecided_bytes);
                self.decide(id, Cut::NoRoom, out);
                continue;
            }
            let limit = if allocated > self.limits.undecided_bytes {
                Limit::undecided_bytes
            } else if self.undecided.len() > self.limits.open_attempts.min(MOST_CASES) {
                Limit::open_attempts
            } else {
                return;
            };
            let Some(id) = self.undecided.oldest() else {
                return;
            };
            self.reached.count(limit);
            self.decide(id, Cut::NoRoom, out);
        }
    }

    const fn progress(&self, pending: u64, open: u64) -> Output {
        Output::Progress {
            now: self.now,
            pending,
            open,
        }
    }

    /// Attempts that have waited for an answer for longer than the limit `pending_after`.
    fn pending(&self) -> u64 {
        let after = self.limits.span(Limit::pending_after);
        self.undecided.waiting(self.now, after).len() as u64
    }

    fn advance(&mut self, to: Timestamp, out: &mut impl Extend<Output>) {
        if to <= self.now {
            return;
        }
        self.run_due(to, out);
        self.now = to;
    }

    /// Mostly there is nothing to do.
    #[inline]
    fn run_due(&mut self, to: Timestamp, out: &mut impl Extend<Output>) {
        if self.due.is_due(to) {
            self.decide_due(to, out);
        }
        if self.sockets.is_due(to) {
            self.sockets.tick(to, out);
        }
    }

    fn decide_due(&mut self, to: Timestamp, out: &mut impl Extend<Output>) {
        while let Some((at, id)) = self.due.pop(to) {
            self.now = self.now.max(at);
            let Some(case) = self.undecided.get_mut(id) else {
                continue;
            };
            case.due = case.due.filter(|&due| due != at);
            match case.progress() {
                Progress::Settling(settled) if settled <= at => {
                    match self.undecided.next_settles(id) {
                        // Right after the try that will take it in.
                        Some(next) if next > at => {
                            let then = next.after(Duration::from_nanos(1));
                            if let Some(case) = self.undecided.get_mut(id) {
                                look_again(&mut self.due, id, case, then);
                            }
                        }
                        _ => self.decide(id, Cut::No, out),
                    }
                }
                Progress::Settling(settled) => look_again(&mut self.due, id, case, settled),
                Progress::Waiting(_) => {}
            }
        }
    }

    fn fact(&mut self, conn: ConnId, at: Stamp, fact: Fact, out: &mut impl Extend<Output>) {
        match fact {
            Fact::Request(request) => self.request(conn, at, request),
            Fact::Response(response) => self.response(conn, at, response),
            Fact::Body {
                exchange,
                bytes,
                whole,
                encoded,
            } => {
                if let Some(live) = self.undecided.live(conn, exchange) {
                    live.leg.body = Some(BodyStart {
                        bytes,
                        whole,
                        encoded,
                    });
                }
            }
            Fact::MidStream(connection) => self.mid_stream(conn, at, connection),
            Fact::Failed(connection, how) => {
                if self.around.failed(conn, *connection, how) {
                    self.reached.count(Limit::legs_waiting);
                }
            }
            Fact::Connected => self.around.connected(conn),
            Fact::Encrypted(hello) => self.around.encrypted(hello.client, hello.server, at.ts),
            Fact::FirstBytes { hash } => {
                if let Some(joined) = self.undecided.first_bytes(conn, hash) {
                    self.reschedule(joined);
                }
            }
            Fact::Plain(Some(exchange)) => {
                if self.plain.add(conn, at, *exchange) {
                    self.reached.count(Limit::plain_digests);
                }
            }
            Fact::Polling(polling) => self.polls.add(&polling, at.ts),
            Fact::Plain(None) | Fact::Http2 => {}
            later => self.later(conn, at, later, out),
        }
    }

    /// Facts that say what became of a connection after its request.
    fn later(&mut self, conn: ConnId, at: Stamp, fact: Fact, out: &mut impl Extend<Output>) {
        if matches!(fact, Fact::Gap { .. }) {
            self.around.gap(at.ts);
        }
        let is_over = matches!(fact, Fact::Ended { .. });
        match self.undecided.whose(conn) {
            Whose::Case(id, case, leg) => {
                if case.note(leg, at, fact) {
                    reschedule(&mut self.due, id, case, self.now);
                }
            }
            Whose::Socket(place) => {
                let is_last = matches!(
                    fact,
                    Fact::Ended {
                        how: End::CaptureOver,
                        ..
                    }
                );
                self.sockets.fact(conn, place, at, fact);
                if is_last {
                    self.sockets.capture_over(place, self.now, out);
                }
            }
            Whose::Nobody => {}
        }
        if is_over {
            self.undecided.places.forget(conn);
        }
    }

    fn request(&mut self, conn: ConnId, at: Stamp, request: Box<Request>) {
        self.undecided.forget(self.now);
        let exchange = request.exchange;
        let protocol = Protocol::asked_by(&request);
        let leg = Leg {
            conn,
            request: Some((at, request)),
            ..Leg::default()
        };
        if self.undecided.is_view(&leg, exchange, at.ts) {
            return;
        }
        let key = self.undecided.key(&leg);
        let joined = if protocol == Protocol::WebSocket {
            self.undecided.by_key(&leg, key)
        } else {
            Joined::Alone
        };
        match joined {
            Joined::To(id) => {
                self.undecided.join(id, exchange, leg, key);
                self.reschedule(id);
            }
            Joined::Alone => self.begin(exchange, leg, protocol, key),
            Joined::TooLate => self.undecided.places.forget(conn),
        }
    }

    fn begin(&mut self, exchange: u32, leg: Leg, protocol: Protocol, key: Option<Key>) {
        let live = LiveLeg::new(leg, exchange, None);
        self.undecided
            .begin(live, protocol, key, self.around.lost());
    }

    fn response(&mut self, conn: ConnId, at: Stamp, mut response: Box<Response>) {
        self.undecided.forget(self.now);
        let exchange = response.exchange;
        let known = self.undecided.of_exchange(conn, exchange);
        let slot = known.or_else(|| self.unasked(conn, at, &mut response));
        let Some(slot) = slot else { return };
        let id = slot.case;
        let Some(case) = self.undecided.get_mut(id) else {
            return;
        };
        let status = response.head.as_ref().map(|head| head.status.0);
        if status == Some(101) {
            case.protocol = case.protocol.switched(&response);
        }
        if let Some(live) = case.view_mut(slot.at) {
            if let Some(status) = status.filter(|&status| status != 101) {
                self.sockets.refused(&live.leg, at.ts, status);
            }
            live.tail.opened_at = response.started.ts;
            live.leg.response = Some((at, response));
        }
        self.undecided.note_answer(id);
        if status != Some(101) {
            self.undecided.note_invitation(id, conn);
        }
        let same = self.undecided.same_answer(slot, at.ts);
        self.reschedule(same.unwrap_or(id));
    }

    /// The start of an attempt of which the request was not seen; `None` where the answer is of one that is decided.
    fn unasked(&mut self, conn: ConnId, at: Stamp, response: &mut Response) -> Option<Slot> {
        let connection = response.connection.take()?;
        if self.undecided.places.socket(conn).is_some() {
            return None;
        }
        let leg = Leg {
            conn,
            unasked: Some(connection),
            noticed: Some(at.ts),
            ..Leg::default()
        };
        let protocol = Protocol::None.switched(response);
        self.begin(response.exchange, leg, protocol, None);
        // Nor is it known what followed it.
        if let Some((_, live)) = self.undecided.last_live(conn) {
            live.tail.lose(Direction::ToServer);
        }
        self.undecided.of_last(conn)
    }

    /// Frames without a 101 in sight: joined in the middle, or the 101 of a known request was lost.
    fn mid_stream(&mut self, conn: ConnId, at: Stamp, connection: Box<Connection>) {
        self.undecided.forget(self.now);
        if let Some(place) = self.undecided.places.socket(conn) {
            // Another view of its leg has shown the 101.
            return self.sockets.joined(conn, place);
        }
        let known = self.undecided.last_live(conn).is_some_and(|(_, live)| {
            let unanswered = live.leg.response.is_none();
            live.leg.gaps.response |= unanswered;
            unanswered
        });
        if !known {
            let leg = Leg {
                conn,
                unasked: Some(connection),
                gaps: Gaps {
                    request: true,
                    response: true,
                    ..Gaps::default()
                },
                noticed: Some(at.ts),
                ..Leg::default()
            };
            if !self.undecided.is_view(&leg, 0, at.ts) {
                self.begin(0, leg, Protocol::WebSocket, None);
            }
        }
        let Some((id, live)) = self.undecided.last_live(conn) else {
            return;
        };
        live.tail.opened_at = at.ts;
        live.tail.joined();
        if let Some(case) = self.undecided.get_mut(id) {
            case.mid_stream = true;
        }
        self.reschedule(id);
    }

    fn reschedule(&mut self, id: CaseId) {
        if let Some(case) = self.undecided.get_mut(id) {
            reschedule(&mut self.due, id, case, self.now);
        }
    }
}

/// Something of an attempt has changed: it may be decided at another time.
fn reschedule(due: &mut Due<CaseId>, id: CaseId, case: &mut Case, now: Timestamp) {
    if let Progress::Settling(at) = case.progress() {
        look_again(due, id, case, at.max(now));
    }
}

fn look_again(due: &mut Due<CaseId>, id: CaseId, case: &mut Case, at: Timestamp) {
    if case.due.replace(at) != Some(at) {
        due.push(at, id);
    }
}
