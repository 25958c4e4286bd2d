//! What neighbours in the capture show of a host: which addresses are one proxy, what it passes on, what is hidden.
//!
//! Each memory is small and bounded; what falls out of it is only a hint less.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use crate::attempt::views::{VIEWS, is_same_syn};
use crate::attempt::{Node, Role, View};
use crate::event::{Connection, Health};
use crate::flow::{ConnId, End, Endpoint};
use crate::hash::HashMap;
use crate::time::Timestamp;

/// How long a neighbour counts (spec: within 60 s).
const WINDOW: Duration = Duration::from_secs(60);

/// Hosts kept in each memory.
const HOSTS: usize = 4096;

/// How far back another view of a failed connection is looked for.
const VIEWS_NEAR: usize = 256;

/// Decided attempts remembered as possible owners of a failed connection.
const WAITED: usize = 4096;

/// An upstream connection that never carried a request.
#[derive(Clone, Debug)]
pub(super) struct FailedConnection {
    /// Its number.
    conn: ConnId,
    /// Its endpoints.
    pub(super) connection: Connection,
    /// The same under other addresses.
    pub(super) also: Vec<View>,
    /// How it ended.
    pub(super) how: End,
    /// An attempt has it already, or it was answered after all.
    pub(super) taken: bool,
}

impl FailedConnection {
    /// Under all addresses.
    pub(super) fn views(&self) -> impl Iterator<Item = &Connection> {
        let also = self.also.iter().map(|view| &view.connection);
        std::iter::once(&self.connection).chain(also)
    }

    /// The same connection is seen under other addresses; the first to be seen stands for all.
    fn seen_again(&mut self, mut other: Connection, how: End) {
        if self.how == End::Unanswered {
            self.how = how;
        }
        let ends = |of: &Connection| (of.client, of.server);
        if self.views().any(|view| ends(view) == ends(&other)) {
            return;
        }
        let began = |of: &Connection| of.syn.map(|syn| (syn.ts, syn.frame));
        if began(&other) < began(&self.connection) {
            std::mem::swap(&mut self.connection, &mut other);
        }
        if self.also.len() < VIEWS {
            self.also.push(View::of_failed(other));
        }
    }
}

/// From when to when a server was waited for.
#[derive(Clone, Copy, Debug)]
struct Waited {
    server: IpAddr,
    from: Timestamp,
    to: Timestamp,
}

/// The memory of the neighbourhood.
#[derive(Debug)]
pub(super) struct Around {
    failed: VecDeque<FailedConnection>,
    /// Where each of them is, counted from the first that ever was.
    failed_at: HashMap<ConnId, u64>,
    /// Those before the first that is left.
    forgotten: u64,
    failed_limit: usize,
    /// None of them began later.
    failed_until: Timestamp,
    tls_to: HashMap<IpAddr, Timestamp>,
    tls_from: HashMap<IpAddr, Timestamp>,
    passes: HashMap<Endpoint, Timestamp>,
    upstream_side: HashMap<IpAddr, IpAddr>,
    /// From when to when the attempts decided last waited for their answers.
    waited: VecDeque<Waited>,
    lost: u64,
    /// When something was last known to be lost, packets or bytes of a connection.
    lost_at: Option<Timestamp>,
}

impl Around {
    pub(super) fn new(failed_limit: u64) -> Self {
        Self {
            failed: VecDeque::new(),
            failed_at: HashMap::default(),
            forgotten: 0,
            failed_limit: usize::try_from(failed_limit).unwrap_or(usize::MAX),
            tls_to: HashMap::default(),
            tls_from: HashMap::default(),
            passes: HashMap::default(),
            upstream_side: HashMap::default(),
            waited: VecDeque::new(),
            lost: 0,
            lost_at: None,
            failed_until: Timestamp::MIN,
        }
    }

    /// Remembers a refused, unanswered or empty connection; true where an older one had to go.
    pub(super) fn failed(&mut self, conn: ConnId, connection: Connection, how: End) -> bool {
        // Only of one that waited for long is it said twice.
        if let Some(known) = self.failed_mut(conn) {
            known.how = how;
            return false;
        }
        let latest = self.failed.iter_mut().rev().take(VIEWS_NEAR);
        let first = latest
            .into_iter()
            .find(|known| known.views().any(|view| is_same_syn(view, &connection)));
        if let Some(first) = first {
            first.seen_again(connection, how);
            return false;
        }
        let full = self.failed.len() >= self.failed_limit;
        if full && let Some(oldest) = self.failed.pop_front() {
            self.failed_at.remove(&oldest.conn);
            self.forgotten += 1;
        }
        let began = connection.syn.map_or(Timestamp::MIN, |syn| syn.ts);
        self.failed_until = self.failed_until.max(began);
        let place = self.forgotten + self.failed.len() as u64;
        self.failed_at.insert(conn, place);
        self.failed.push_back(FailedConnection {
            conn,
            connection,
            also: Vec::new(),
            how,
            taken: false,
        });
        full
    }

    /// A connection that waited for long was answered after all.
    pub(super) fn connected(&mut self, conn: ConnId) {
        if let Some(failed) = self.failed_mut(conn) {
            failed.taken = true;
        }
    }

    fn failed_mut(&mut self, conn: ConnId) -> Option<&mut FailedConnection> {
        let place = self.failed_at.get(&conn)?.checked_sub(self.forgotten)?;
        self.failed.get_mut(usize::try_from(place).ok()?)
    }

    /// Remembers that a TLS connection began.
    pub(super) fn encrypted(&mut self, client: Endpoint, server: Endpoint, now: Timestamp) {
        remember(&mut self.tls_to, server.addr, now);
        remember(&mut self.tls_from, client.addr, now);
    }

    /// Takes note of what the capture has lost so far.
    pub(super) fn health(&mut self, health: &Health) {
        let lost = health
            .kernel_drops
            .saturating_add(health.iface_drops)
            .saturating_add(health.shed_events);
        if lost != self.lost {
            self.lost = lost;
            self.lost_at = health.now.or(self.lost_at);
        }
    }

    /// Bytes of some connection are missing.
    pub(super) fn gap(&mut self, now: Timestamp) {
        self.lost_at = Some(now);
    }

    /// Packets and events lost so far; a change of it between two points in time means loss between them.
    pub(super) const fn lost(&self) -> u64 {
        self.lost
    }

    /// Learns from a decided tree when it waited, and which addresses are the two sides of one proxy.
    pub(super) fn learn(&mut self, nodes: &[Node], now: Timestamp) {
        if let Some(outermost) = nodes.first().map(|node| &node.leg) {
            let from = outermost.started();
            let to = outermost.settled().unwrap_or(now);
            for (_, server) in outermost.pairs() {
                if self.waited.len() >= WAITED {
                    self.waited.pop_front();
                }
                self.waited.push_back(Waited {
                    server: server.addr,
                    from,
                    to,
                });
            }
        }
        // The first has no parent.
        for node in nodes.iter().skip(1) {
            let outer = node.parent.and_then(|parent| nodes.get(parent));
            let Some(outer) = outer.filter(|_| node.role == Role::Path) else {
                continue;
            };
            for (_, server) in outer.leg.pairs() {
                remember(&mut self.passes, server, now);
                if self.upstream_side.len() < HOSTS {
                    self.upstream_side
                        .insert(server.addr, node.leg.connection().client.addr);
                }
            }
        }
    }

    /// Whether the server passed handshakes on within the last 60 s, and nothing was lost in that time.
    pub(super) fn passes_others(&self, server: Endpoint, now: Timestamp) -> bool {
        let is_whole = self.lost_at.is_none_or(|lost| now.since(lost) > WINDOW);
        is_whole && recent(&self.passes, &server, now)
    }

    /// Whether TLS goes to the host that opened a leg, or comes from the client that the leg's proxy names.
    pub(super) fn is_encrypted_before(
        &self,
        opener: IpAddr,
        named: Option<IpAddr>,
        now: Timestamp,
    ) -> bool {
        recent(&self.tls_to, &opener, now)
            || named.is_some_and(|client| recent(&self.tls_from, &client, now))
    }

    /// Whether any that failed may have begun at that time or later.
    pub(super) fn may_have_failed_since(&self, from: Timestamp) -> bool {
        from <= self.failed_until
    }

    /// Whether a connection that nobody has yet failed in that time.
    pub(super) fn has_failed(&self, (from, to): (Timestamp, Timestamp)) -> bool {
        self.failed.iter().any(|failed| {
            let began = failed.connection.syn.map(|syn| syn.ts);
            !failed.taken && began.is_some_and(|syn| from <= syn && syn <= to)
        })
    }

    /// Whether none of the attempts decided last waited for that host at that time.
    pub(super) fn waited_alone(
        &self,
        servers: &[Endpoint],
        (from, to): (Timestamp, Timestamp),
    ) -> bool {
        let is_there = |addr| servers.iter().any(|server| server.addr == addr);
        !self
            .waited
            .iter()
            .any(|waited| is_there(waited.server) && waited.from <= to && from <= waited.to)
    }

    /// The failed connections that the proxy behind `servers`, all one to us, began between two points in time and that nobody has yet;
    /// only where it is clear that they are its own.
    ///
    /// `alone` says that no undecided attempt could own them. `inner_client` is the proxy's address towards its upstreams, where another leg of the attempt shows it.
    pub(super) fn take_failed(
        &mut self,
        servers: &[Endpoint],
        inner_client: Option<IpAddr>,
        (from, to): (Timestamp, Timestamp),
        alone: bool,
    ) -> Vec<FailedConnection> {
        let began = |failed: &FailedConnection| failed.connection.syn.map(|syn| syn.ts);
        let in_window = |failed: &FailedConnection| {
            !failed.taken
                && !servers.contains(&failed.connection.server)
                && began(failed).is_some_and(|syn| from <= syn && syn <= to)
        };
        let sides = &self.upstream_side;
        let known = inner_client.or_else(|| {
            let mut known = servers.iter().filter_map(|server| sides.get(&server.addr));
            known.next().copied()
        });
        let is_own = |failed: &FailedConnection| {
            failed.views().map(|view| view.client.addr).any(|client| {
                Some(client) == known || servers.iter().any(|server| server.addr == client)
            })
        };
        let own = self
            .failed
            .iter()
            .any(|failed| in_window(failed) && is_own(failed));
        let mut clients = self
            .failed
            .iter()
            .filter(|failed| in_window(failed))
            .map(|failed| failed.connection.client.addr);
        let first = clients.next();
        let one_client = first.is_some() && clients.all(|client| Some(client) == first);
        let alone = alone
            && !self
                .waited
                .iter()
                .any(|waited| waited.from <= to && from <= waited.to);
        let unambiguous = alone && known.is_none() && one_client;
        if !own && !unambiguous {
            return Vec::new();
        }
        let mut taken = Vec::new();
        for failed in &mut self.failed {
            if in_window(failed) && (!own || is_own(failed)) {
                failed.taken = true;
                taken.push(failed.clone());
            }
        }
        taken
    }
}

fn remember<K: std::hash::Hash + Eq>(hosts: &mut HashMap<K, Timestamp>, host: K, now: Timestamp) {
    if hosts.len() >= HOSTS && !hosts.contains_key(&host) {
        hosts.retain(|_, seen| now.since(*seen) <= WINDOW);
    }
    if hosts.len() < HOSTS {
        hosts.insert(host, now);
    } else if let Some(seen) = hosts.get_mut(&host) {
        *seen = now;
    }
}

fn recent<K: std::hash::Hash + Eq>(
    hosts: &HashMap<K, Timestamp>,
    host: &K,
    now: Timestamp,
) -> bool {
    hosts
        .get(host)
        .is_some_and(|&seen| now.since(seen) <= WINDOW)
}
