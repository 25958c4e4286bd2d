//! A crowd: very many attempts at once, as the capture on a busy proxy host sees them, with a note of what each was built
//! to be.
#![allow(
    clippy::too_many_arguments,
    reason = "who asks whom for what, and when"
)]

use std::collections::HashMap;

use wscap::attempt::Leg;
use wscap::event::{Encrypted, Fact};
use wscap::flow::{Direction, End};

use super::legs::{Ask, Script, endpoint, handshake};

/// Numbers that look random and are the same each time (xorshift64*).
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// From `low` up to, and without, `high`.
    pub(crate) fn range(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.next() % u64::try_from(high - low).unwrap()).unwrap()
    }

    /// True once in so many times.
    pub(crate) fn once_in(&mut self, times: i64) -> bool {
        self.range(0, times) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.range(0, i64::try_from(of.len()).unwrap())).unwrap()]
    }

    fn key(&mut self) -> String {
        const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut key: String = (0..21).map(|_| char::from(self.pick(DIGITS))).collect();
        key.push(char::from(self.pick(b"AQgw")));
        key + "=="
    }
}

/// A proxy and what stands behind it.
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) front: &'static str,
    /// Its address towards the upstreams.
    pub(crate) inner: &'static str,
    pub(crate) backends: [&'static str; 2],
    pub(crate) auth: &'static str,
    /// From which address it mirrors, and where to.
    pub(crate) mirror: (&'static str, &'static str),
    /// All clients are on this address.
    pub(crate) local: bool,
}

/// Two addresses, one address, and all on one host.
pub(crate) const SITES: &[Site] = &[
    Site {
        front: "10.0.0.1:80",
        inner: "10.1.0.1",
        backends: ["10.1.0.10:8080", "10.1.0.11:8080"],
        auth: "10.1.0.20:9000",
        mirror: ("10.3.0.1", "10.3.0.30:9100"),
        local: false,
    },
    Site {
        front: "10.0.0.2:80",
        inner: "10.0.0.2",
        backends: ["10.0.0.12:8080", "10.0.0.13:8080"],
        auth: "10.0.0.20:9000",
        mirror: ("10.0.0.2", "10.0.0.30:9100"),
        local: false,
    },
    Site {
        front: "127.0.0.1:80",
        inner: "127.0.0.1",
        backends: ["127.0.0.1:3000", "127.0.0.1:3001"],
        auth: "127.0.0.1:9000",
        mirror: ("127.0.0.1", "127.0.0.1:9100"),
        local: true,
    },
];

/// What an attempt was built to be.
#[derive(Clone, Debug)]
pub(crate) struct Built {
    pub(crate) name: &'static str,
    pub(crate) fate: Fate,
    /// How many exchanges it is made of.
    pub(crate) exchanges: usize,
    /// Legs that may be left out of it: they come when it is decided already.
    pub(crate) late: usize,
    /// Where nothing tells its legs from those of others, they may stay apart.
    pub(crate) may_fall_apart: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It opened, and nobody is accused.
    Opens,
    /// The client left before the answer.
    Abandoned,
    /// Not a WebSocket: never severe.
    OtherProtocol,
    /// Broken on purpose: verdict, root finding, the hop by its front and its address towards the upstreams.
    Broken {
        verdict: &'static str,
        finding: &'static str,
        hop: Option<(&'static str, &'static str)>,
    },
}

/// A connection that the proxy keeps for sub-requests.
struct Kept {
    conn: u64,
    client: String,
    server: &'static str,
    next: u32,
    free_at: i64,
}

/// Builds the script of a crowd.
pub(crate) struct Crowd {
    pub(crate) rng: Rng,
    pub(crate) script: Script,
    pub(crate) built: Vec<Built>,
    owners: HashMap<(u64, u32), usize>,
    /// The second file's clock is this much off; `None` with one file.
    skew: Option<i64>,
    shifts: HashMap<u64, i64>,
    kept: Vec<Kept>,
    next_conn: u64,
}

impl Crowd {
    pub(crate) fn new(seed: u64, skew: Option<i64>) -> Self {
        Self {
            rng: Rng::new(seed),
            script: Script::default(),
            built: Vec::new(),
            owners: HashMap::new(),
            skew,
            shifts: HashMap::new(),
            kept: Vec::new(),
            next_conn: 0,
        }
    }

    /// The next attempt, to which all that is asked from here on belongs.
    pub(crate) fn begin(&mut self, name: &'static str, fate: Fate) {
        self.built.push(Built {
            name,
            fate,
            exchanges: 0,
            late: 0,
            may_fall_apart: false,
        });
    }

    pub(crate) fn now_building(&mut self) -> &mut Built {
        self.built.last_mut().unwrap()
    }

    pub(crate) fn has_two_clocks(&self) -> bool {
        self.skew.is_some()
    }

    /// Whose leg it is.
    pub(crate) fn owner(&self, leg: &Leg) -> Option<usize> {
        let exchange = leg.request.as_ref()?.1.exchange;
        self.owners.get(&(leg.conn.0, exchange)).copied()
    }

    /// Whose exchange `tcp_stream` had first.
    pub(crate) fn owner_of_stream(&self, stream: u32) -> Option<usize> {
        let mut owned = self.owners.iter();
        owned
            .find(|((conn, _), _)| *conn == u64::from(stream))
            .map(|(_, owner)| *owner)
    }

    /// A port that nobody had yet on that address.
    pub(crate) fn from(&mut self, addr: &str) -> String {
        self.next_conn += 1;
        format!("{addr}:{}", 1024 + self.next_conn % 60_000)
    }

    /// A client of its own, or one of those behind a large NAT.
    pub(crate) fn client(&mut self, site: &Site, own: bool) -> String {
        if site.local {
            return "127.0.0.1".into();
        }
        if !own && self.rng.once_in(4) {
            return format!("203.0.113.{}", self.rng.range(1, 5));
        }
        let n = self.built.len();
        format!("172.{}.{}.{}", 16 + n / 62_500, n / 250 % 250, n % 250 + 1)
    }

    /// What a client asks for, whoever it asks.
    pub(crate) fn wish(&mut self) -> Ask {
        let agent = self.rng.pick(&["Mozilla/5.0", "okhttp/4.12", ""]);
        let target = self.rng.pick(&["/ws", "/ws", "/ws", "/live"]);
        let key = self.rng.key();
        handshake("0.0.0.0:1", "0.0.0.0:1")
            .key(&key)
            .target(target)
            .with("Origin", "https://example.com")
            .with("User-Agent", agent)
    }

    /// Asks on a connection of its own; `inner` legs are in the second file, where there is one.
    pub(crate) fn ask(&mut self, t: i64, inner: bool, from: &str, to: &str, ask: Ask) -> u64 {
        self.next_conn += 1;
        let conn = self.next_conn;
        let (source, shift) = match self.skew {
            Some(skew) if inner && !from.starts_with("127.") => (1, skew),
            _ => (0, 0),
        };
        self.shifts.insert(conn, shift);
        // Plain exchanges came before it on the same connection.
        let exchange = if self.rng.once_in(5) {
            u32::try_from(self.rng.range(1, 9)).unwrap()
        } else {
            0
        };
        self.own(conn, exchange);
        let ask = ask.between(from, to).exchange(exchange);
        self.script.ask_in(source, conn, t + shift, ask);
        conn
    }

    /// Asks once more on the same connection.
    pub(crate) fn ask_again(&mut self, conn: u64, t: i64, from: &str, to: &str, ask: Ask) {
        let exchange = 10;
        self.own(conn, exchange);
        let t = self.at(conn, t);
        let ask = ask.between(from, to).exchange(exchange);
        self.script.ask_in(0, conn, t, ask);
    }

    /// Asks on a connection that the proxy keeps open for such requests, and gets this answer.
    pub(crate) fn ask_kept(
        &mut self,
        t: i64,
        took: i64,
        from: &str,
        to: &'static str,
        ask: Ask,
        status: u16,
    ) {
        let free = self.kept.iter().position(|kept| {
            kept.server == to && kept.free_at < t && kept.client.starts_with(from)
        });
        let index = free.unwrap_or_else(|| {
            let client = self.from(from);
            self.next_conn += 1;
            self.kept.push(Kept {
                conn: self.next_conn,
                client,
                server: to,
                next: 0,
                free_at: 0,
            });
            let shift = self.skew.filter(|_| !from.starts_with("127."));
            self.shifts.insert(self.next_conn, shift.unwrap_or(0));
            self.kept.len() - 1
        });
        let kept = &mut self.kept[index];
        kept.free_at = t + took + 1;
        let (conn, exchange, client) = (kept.conn, kept.next, kept.client.clone());
        kept.next += 1;
        self.own(conn, exchange);
        let source = u16::from(self.skew.is_some() && !from.starts_with("127."));
        let ask = ask.between(&client, to).exchange(exchange);
        let at = self.at(conn, t);
        self.script.ask_in(source, conn, at, ask);
        self.answer(conn, t + took, status, &[]);
    }

    fn own(&mut self, conn: u64, exchange: u32) {
        self.owners.insert((conn, exchange), self.built.len() - 1);
        self.now_building().exchanges += 1;
    }

    fn at(&self, conn: u64, t: i64) -> i64 {
        t + self.shifts.get(&conn).copied().unwrap_or(0)
    }

    pub(crate) fn answer(&mut self, conn: u64, t: i64, status: u16, with: &[(&str, &str)]) {
        let t = self.at(conn, t);
        self.script.answer(conn, t, status, with);
    }

    pub(crate) fn switch(&mut self, conn: u64, t: i64, with: &[(&str, &str)]) {
        let t = self.at(conn, t);
        self.script.switch(conn, t, with);
    }

    pub(crate) fn body(&mut self, conn: u64, t: i64, text: &str) {
        let t = self.at(conn, t);
        self.script.body(conn, t, text);
    }

    pub(crate) fn fin(&mut self, conn: u64, t: i64, dir: Direction) {
        let t = self.at(conn, t);
        self.script.fin(conn, t, dir);
    }

    pub(crate) fn ended(&mut self, conn: u64, t: i64, how: End) {
        let t = self.at(conn, t);
        self.script.ended(conn, t, how);
    }

    /// One side lets go, and the other does so too.
    pub(crate) fn hang_up(&mut self, conn: u64, t: i64, first: Direction) {
        self.fin(conn, t, first);
        self.fin(conn, t + 1, first.flip());
        self.ended(conn, t + 1, End::Fin);
    }

    pub(crate) fn refused(&mut self, t: i64, from: &str, to: &str) {
        let client = self.from(from);
        self.next_conn += 1;
        let t = t + self.skew.unwrap_or(0);
        self.script.refused(self.next_conn, t, &client, to);
    }

    pub(crate) fn encrypted(&mut self, t: i64, from: &str, to: &str) {
        let client = self.from(from);
        self.next_conn += 1;
        let hello = Encrypted {
            client: endpoint(&client),
            server: endpoint(to),
            ..Encrypted::default()
        };
        self.script
            .fact(self.next_conn, t, Fact::Encrypted(Box::new(hello)));
    }

    /// The client's first frame, as each leg of a tunnel shows it.
    pub(crate) fn first_frame(&mut self, conns: &[u64], t: i64) {
        let hash = self.rng.next();
        for (n, &conn) in (0..).zip(conns) {
            let at = self.at(conn, t + n);
            self.script.fact(conn, at, Fact::FirstBytes { hash });
            self.script.text(conn, at, Direction::ToServer);
        }
    }

    pub(crate) fn server_says(&mut self, conns: &[u64], t: i64) {
        for (n, &conn) in (0..).zip(conns.iter().rev()) {
            let at = self.at(conn, t + n);
            self.script.text(conn, at, Direction::ToClient);
        }
    }

    /// A Close from one side, the answer to it, and the end of TCP, along all legs.
    pub(crate) fn close(&mut self, conns: &[u64], t: i64, by: Direction, code: u16) {
        let payload = code.to_be_bytes();
        let hops = i64::try_from(conns.len()).unwrap();
        for (n, &conn) in (0..).zip(conns) {
            let (asks, answers) = match by {
                Direction::ToServer => (t + n, t + 2 * hops - n),
                Direction::ToClient => (t + hops - n, t + hops + 1 + n),
            };
            let (asks, answers) = (self.at(conn, asks), self.at(conn, answers));
            self.script.close(conn, asks, by, &payload);
            self.script.close(conn, answers, by.flip(), &payload);
            self.hang_up(conn, t + 3 * hops + 1, Direction::ToClient);
        }
    }
}
