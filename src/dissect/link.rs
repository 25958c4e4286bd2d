//! What every state of a connection is given: the connection, what bytes may cost, and where facts go.

use crate::dissect::connection::Connection;
use crate::dissect::waiting::Waiting;
use crate::event::{self, Event, Fact, PlainExchange, Request, Response};
use crate::flow::{Direction, Endpoint};
use crate::http::Head;
use crate::limits::{Budget, Limit, Limits, Reached};
use crate::stream::Conn;
use crate::time::Stamp;

/// What is counted over all connections.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) tls: u64,
    pub(super) http2: u64,
    pub(super) plain: u64,
    pub(super) waiting: Waiting,
    pub(super) reached: Reached,
    pub(super) blanks: Blanks,
}

/// What the next heads are read into, of whichever connection. They stand there where they will be told, and are moved no
/// more.
#[derive(Clone, Debug, Default)]
pub(super) struct Blanks {
    pub(super) request: Option<Box<Request>>,
    pub(super) response: Option<Box<Response>>,
}

impl Blanks {
    /// The place of the next request.
    pub(super) fn request(&mut self) -> Head<'_> {
        Head::Request(&mut self.request.get_or_insert_default().head)
    }

    /// The place of the next response.
    pub(super) fn response(&mut self) -> Head<'_> {
        let response = self.response.get_or_insert_default();
        Head::Response(response.head.get_or_insert_default())
    }
}

/// One connection while one item of it is read.
#[derive(Debug)]
pub(super) struct Link<'a> {
    pub(super) conn: &'a mut Conn<Connection>,
    /// The record that made the item known.
    pub(super) at: Stamp,
    pub(super) limits: &'a Limits,
    pub(super) budget: &'a mut Budget,
    pub(super) counts: &'a mut Counts,
    pub(super) events: &'a mut Vec<Event>,
    pub(super) live: bool,
}

impl Link<'_> {
    /// States a fact at the time of the item.
    pub(super) fn tell(&mut self, fact: Fact) {
        self.tell_at(self.at, fact);
    }

    /// States a fact that was known before.
    fn tell_at(&mut self, at: Stamp, fact: Fact) {
        self.events.push(Event::Conn {
            conn: self.conn.id,
            at,
            fact,
        });
    }

    /// States a fact that makes this connection one whose end is told too.
    pub(super) fn report_at(&mut self, at: Stamp, fact: Fact) {
        self.conn.state.reported = true;
        self.tell_at(at, fact);
    }

    /// States a fact only if something was reported of this connection before.
    pub(super) fn tell_if_reported(&mut self, fact: Fact) {
        if self.conn.state.reported {
            self.tell(fact);
        }
    }

    /// Counts an exchange that seems to belong to no attempt.
    pub(super) fn plain(&mut self, exchange: Option<PlainExchange>) {
        self.counts.plain += 1;
        self.tell(Fact::Plain(exchange.map(Box::new)));
    }

    /// Counts that a limit was reached.
    pub(super) fn reached(&mut self, limit: Limit) {
        self.counts.reached.count(limit);
    }

    /// Charges the budget with `now` in place of what was `charged` before; false, and nothing changed, if that is not there.
    pub(super) fn recharge(&mut self, charged: &mut u64, now: u64) -> bool {
        if !self.budget.charge(now.saturating_sub(*charged)) {
            self.reached(Limit::buffered_bytes_total);
            return false;
        }
        self.budget.release(charged.saturating_sub(now));
        *charged = now;
        true
    }

    /// The direction of an item, with the roles as they were read.
    pub(super) const fn direction(&self, dir: Direction) -> Direction {
        self.conn.state.direction(dir)
    }

    /// Takes the client for the server from now on; false where the SYN tells who is who.
    pub(super) const fn swap_roles(&mut self) -> bool {
        let guessed = self.conn.syn.is_none() && self.conn.syn_ack.is_none();
        if guessed {
            self.conn.state.swapped = !self.conn.state.swapped;
        }
        guessed
    }

    /// Client and server.
    pub(super) const fn endpoints(&self) -> (Endpoint, Endpoint) {
        if self.conn.state.swapped {
            (self.conn.server, self.conn.client)
        } else {
            (self.conn.client, self.conn.server)
        }
    }

    /// Sequence number behind what was told of the server.
    pub(super) fn behind(&self) -> Option<u32> {
        let (client, server) = self.endpoints();
        let [_, behind] = self.conn.behind(client, server);
        behind
    }

    /// What is known of the connection.
    pub(super) fn describe(&self) -> event::Connection {
        let (client, server) = self.endpoints();
        let origin = self.conn.state.origin.as_deref();
        event::Connection {
            client,
            server,
            tcp_stream: (!self.live).then_some(self.conn.tcp_stream),
            syn: self.conn.syn,
            syn_ack: self.conn.syn_ack,
            redirected: self
                .conn
                .redirected
                .as_ref()
                .map(|other| event::Redirected {
                    from: other.from,
                    tcp_stream: (!self.live).then_some(other.tcp_stream),
                }),
            proxied_for: origin.and_then(|origin| origin.proxied_for),
            through: origin.and_then(|origin| origin.through.clone()),
            seen_on: self.conn.seen_on,
            behind: self.conn.behind(client, server),
        }
    }
}
