//! Events of legs, written by hand: what the capture thread would say of a situation, without a packet.

use std::collections::HashMap;
use std::ops::Range;

use wscap::attempt::{Assembler, Output};
use wscap::event::{
    Connection, Event, Fact, FrameCounts, Frames, PlainExchange, Request, Response,
};
use wscap::flow::{ConnId, Direction, End, Endpoint};
use wscap::http::{Fields, RequestHead, ResponseHead, Status, Version};
use wscap::judge::{self, Catalogue, ClosingJudgement, JudgedAttempt, JudgedClosing};
use wscap::limits::Limits;
use wscap::time::{Stamp, Timestamp};
use wscap::websocket::{Answer, Close, Offer, accept_for};

pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODw==";

/// A script of events; times are in milliseconds.
#[derive(Default)]
pub(crate) struct Script {
    events: Vec<(i64, Event)>,
    /// The last exchange of each connection, and what it asked for.
    asked: HashMap<u64, (u32, Offer)>,
    /// The file of each connection, where it is not the first.
    sources: HashMap<u64, u16>,
}

/// A request to be scripted.
#[derive(Clone)]
pub(crate) struct Ask {
    client: Endpoint,
    server: Endpoint,
    method: &'static str,
    target: String,
    version: Version,
    fields: Vec<(String, String)>,
    exchange: u32,
}

/// A whole handshake from one endpoint to another.
pub(crate) fn handshake(client: &str, server: &str) -> Ask {
    Ask {
        client: endpoint(client),
        server: endpoint(server),
        method: "GET",
        target: "/ws".into(),
        version: Version::Http11,
        fields: [
            ("Host", "example.com"),
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec(),
        exchange: 0,
    }
}

impl Ask {
    /// Sets a field, or removes it with an empty value.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.fields
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        if !value.is_empty() {
            self.fields.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.with("Sec-WebSocket-Key", key)
    }

    pub(crate) fn target(mut self, target: &str) -> Self {
        self.target = target.into();
        self
    }

    /// The same, from one endpoint to another.
    pub(crate) fn between(mut self, client: &str, server: &str) -> Self {
        self.client = endpoint(client);
        self.server = endpoint(server);
        self
    }

    /// The same request as another, but for the key.
    pub(crate) fn like(self, other: &Self) -> Self {
        let key = self
            .fields
            .into_iter()
            .find(|(name, _)| name == "Sec-WebSocket-Key");
        other
            .clone()
            .key(&key.map(|(_, key)| key).unwrap_or_default())
    }

    /// Not the first exchange of its connection.
    pub(crate) fn exchange(mut self, number: u32) -> Self {
        self.exchange = number;
        self
    }

    pub(crate) fn http10(mut self) -> Self {
        self.version = Version::Http10;
        self
    }

    /// What is left of it where a hop takes every field.
    pub(crate) fn bare(self) -> Self {
        self.with("Upgrade", "")
            .with("Connection", "close")
            .with("Sec-WebSocket-Version", "")
            .key("")
    }

    /// What nginx makes of it where nothing is configured.
    pub(crate) fn stripped(self) -> Self {
        self.http10()
            .with("Upgrade", "")
            .with("Connection", "close")
    }
}

impl Script {
    fn add(&mut self, conn: u64, ms: i64, fact: Fact) {
        let at = Stamp {
            source: self.sources.get(&conn).copied().unwrap_or_default(),
            ..stamp(ms, self.events.len() as u64 + 1)
        };
        self.events.push((
            ms,
            Event::Conn {
                conn: ConnId(conn),
                at,
                fact,
            },
        ));
    }

    pub(crate) fn ask(&mut self, conn: u64, ms: i64, ask: Ask) -> &mut Self {
        self.ask_in(0, conn, ms, ask)
    }

    /// Asks in a file of its own.
    pub(crate) fn ask_in(&mut self, source: u16, conn: u64, ms: i64, ask: Ask) -> &mut Self {
        let Ask {
            client,
            server,
            method,
            target,
            version,
            fields,
            exchange,
        } = ask;
        let fields = fields.iter().map(|(name, value)| (&**name, &**value));
        let head = RequestHead::new(method, &target, version, pairs(fields));
        let offer = Offer::of(&head);
        self.asked.insert(conn, (exchange, offer.clone()));
        self.sources.insert(conn, source);
        let connection = Connection {
            client,
            server,
            tcp_stream: u32::try_from(conn).ok(),
            syn: Some(stamp(ms - 1, 0)),
            syn_ack: Some(stamp(ms - 1, 0)),
            ..Connection::default()
        };
        let request = Request {
            exchange,
            connection,
            started: stamp(ms, 0),
            head,
            offer,
        };
        self.add(conn, ms, Fact::Request(Box::new(request)));
        self
    }

    /// A plain exchange, asked and answered.
    pub(crate) fn plain(
        &mut self,
        conn: u64,
        (asked, answered): (i64, i64),
        ask: Ask,
        status: u16,
    ) -> &mut Self {
        let mut script = Self::default();
        script
            .ask(conn, asked, ask)
            .answer(conn, answered, status, &[]);
        let fact = |(_, event)| match event {
            Event::Conn { at, fact, .. } => Some((at, fact)),
            _ => None,
        };
        let mut facts = script.events.into_iter().filter_map(fact);
        let (Some((asked_at, Fact::Request(request))), Some((_, Fact::Response(response)))) =
            (facts.next(), facts.next())
        else {
            return self;
        };
        let exchange = PlainExchange {
            request,
            asked_at,
            response,
        };
        self.add(conn, answered, Fact::Plain(Some(Box::new(exchange))));
        self
    }

    /// An answer with these fields to the last exchange asked on that connection.
    pub(crate) fn answer(
        &mut self,
        conn: u64,
        ms: i64,
        status: u16,
        with: &[(&str, &str)],
    ) -> &mut Self {
        let (exchange, offer) = match self.asked.get(&conn) {
            Some((exchange, offer)) => (*exchange, Some(offer)),
            None => (0, None),
        };
        let head = ResponseHead {
            version: Version::Http11,
            status: Status(status),
            reason: "".into(),
            fields: Fields::new(pairs(with.iter().copied())),
        };
        let answer = Answer::of(&head, offer);
        let response = Response {
            exchange,
            connection: None,
            started: stamp(ms, 0),
            head: Some(head),
            answer,
            interim: Vec::new(),
            behind: None,
        };
        self.add(conn, ms, Fact::Response(Box::new(response)));
        self
    }

    /// The right 101 to what was asked on that connection, with some fields more.
    pub(crate) fn switch(&mut self, conn: u64, ms: i64, with: &[(&str, &str)]) -> &mut Self {
        let key = self
            .asked
            .get(&conn)
            .and_then(|(_, offer)| offer.key.as_deref())
            .unwrap_or_default();
        let accept = accept_for(key);
        let mut all = vec![
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", &*accept),
        ];
        all.extend_from_slice(with);
        self.answer(conn, ms, 101, &all)
    }

    pub(crate) fn body(&mut self, conn: u64, ms: i64, text: &str) -> &mut Self {
        let bytes = text.as_bytes().into();
        let exchange = self.asked.get(&conn).map_or(0, |(exchange, _)| *exchange);
        self.add(
            conn,
            ms,
            Fact::Body {
                exchange,
                bytes,
                whole: true,
                encoded: false,
            },
        );
        self
    }

    pub(crate) fn text(&mut self, conn: u64, ms: i64, dir: Direction) -> &mut Self {
        let one = FrameCounts {
            text: 1,
            messages: 1,
            bytes: 5,
            ..FrameCounts::default()
        };
        let mut frames = Frames::default();
        match dir {
            Direction::ToServer => frames.client = one,
            Direction::ToClient => frames.server = one,
        }
        frames.last[dir.index()] = Some(time(ms));
        self.add(conn, ms, Fact::Frames(Box::new(frames)));
        self
    }

    pub(crate) fn close(
        &mut self,
        conn: u64,
        ms: i64,
        dir: Direction,
        payload: &[u8],
    ) -> &mut Self {
        self.add(
            conn,
            ms,
            Fact::Close {
                dir,
                close: Close::parse(payload),
                alone: None,
            },
        );
        self
    }

    pub(crate) fn fin(&mut self, conn: u64, ms: i64, dir: Direction) -> &mut Self {
        self.add(conn, ms, Fact::Fin { dir });
        self
    }

    /// Only the client's packets were captured, of which a FIN is the last so far.
    pub(crate) fn fin_unseen_server(&mut self, conn: u64, ms: i64) -> &mut Self {
        self.add(conn, ms, Fact::OneSided);
        self.fin(conn, ms, Direction::ToServer)
    }

    pub(crate) fn ended(&mut self, conn: u64, ms: i64, how: End) -> &mut Self {
        self.add(
            conn,
            ms,
            Fact::Ended {
                how,
                both_ways: true,
            },
        );
        self
    }

    pub(crate) fn refused(&mut self, conn: u64, ms: i64, client: &str, server: &str) -> &mut Self {
        self.failed(conn, ms, (client, server), End::Refused)
    }

    pub(crate) fn unanswered(
        &mut self,
        conn: u64,
        ms: i64,
        client: &str,
        server: &str,
    ) -> &mut Self {
        self.failed(conn, ms, (client, server), End::Unanswered)
    }

    fn failed(
        &mut self,
        conn: u64,
        ms: i64,
        (client, server): (&str, &str),
        how: End,
    ) -> &mut Self {
        let connection = Connection {
            client: endpoint(client),
            server: endpoint(server),
            syn: Some(stamp(ms, 0)),
            ..Connection::default()
        };
        self.add(conn, ms, Fact::Failed(Box::new(connection), how));
        self
    }

    pub(crate) fn fact(&mut self, conn: u64, ms: i64, fact: Fact) -> &mut Self {
        self.add(conn, ms, fact);
        self
    }

    /// How many facts it has.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The same where the analyzer was behind, and these of its facts were shed.
    pub(crate) fn shed(&self, lost: Range<usize>) -> Self {
        let mut script = Self::default();
        let mut events = self.events.clone();
        events.sort_by_key(|(ms, _)| *ms);
        let at = events[lost.start].0;
        events.splice(lost, [(at, Event::Shed)]);
        script.events = events;
        script
    }

    /// Lets time pass to that point and says what is decided by then.
    pub(crate) fn decided_by(&self, ms: i64) -> Vec<JudgedAttempt> {
        self.decided_within(&Limits::default(), ms)
    }

    /// The same, within these limits.
    pub(crate) fn decided_within(&self, limits: &Limits, ms: i64) -> Vec<JudgedAttempt> {
        let mut out = Vec::new();
        let mut assembler = Assembler::new(limits);
        self.feed(&mut assembler, ms, &mut out);
        judged(out).0
    }

    /// The closings that are told by then, though events may come yet.
    pub(crate) fn closed_by(&self, ms: i64) -> Vec<JudgedClosing> {
        let mut out = Vec::new();
        self.feed(&mut Assembler::new(&Limits::default()), ms, &mut out);
        judged(out).1
    }

    /// Runs it to its end and a little further.
    pub(crate) fn run(&self) -> (Vec<JudgedAttempt>, Vec<JudgedClosing>) {
        self.run_for(0)
    }

    /// Runs it to its end, then lets so much time pass before the capture ends.
    pub(crate) fn run_for(&self, more: i64) -> (Vec<JudgedAttempt>, Vec<JudgedClosing>) {
        let mut out = Vec::new();
        let mut assembler = Assembler::new(&Limits::default());
        let last = self
            .events
            .iter()
            .map(|(ms, _)| *ms)
            .max()
            .unwrap_or_default();
        self.feed(&mut assembler, last + more, &mut out);
        assembler.finish(&mut out);
        judged(out)
    }

    /// The only attempt.
    pub(crate) fn one(&self) -> JudgedAttempt {
        let (mut attempts, _) = self.run();
        assert_eq!(attempts.len(), 1, "one attempt: {attempts:#?}");
        attempts.remove(0)
    }

    fn feed(&self, assembler: &mut Assembler, until: i64, out: &mut Vec<Output>) {
        let mut events: Vec<_> = self.events.iter().filter(|(ms, _)| *ms <= until).collect();
        events.sort_by_key(|(ms, _)| *ms);
        let mut now = events.first().map_or(0, |(ms, _)| *ms);
        for (ms, event) in events {
            while now + 50 <= *ms {
                now += 50;
                assembler.push(Event::Tick(time(now)), out);
            }
            assembler.push(event.clone(), out);
        }
        while now < until {
            now = (now + 50).min(until);
            assembler.push(Event::Tick(time(now)), out);
        }
    }
}

/// Roles of the legs, outermost first, as in the table of the captures.
pub(crate) fn roles(judged: &JudgedAttempt) -> String {
    judged
        .attempt
        .legs
        .iter()
        .map(|node| node.role.name())
        .collect::<Vec<_>>()
        .join("+")
}

/// Names of the findings, root cause first.
pub(crate) fn findings(judged: &JudgedAttempt) -> Vec<&'static str> {
    judged
        .judgement
        .findings
        .iter()
        .map(|finding| finding.id.name())
        .collect()
}

/// `kind code by`.
pub(crate) fn ending(judgement: &ClosingJudgement) -> String {
    let code = judgement
        .code
        .map_or_else(|| "-".to_owned(), |code| code.to_string());
    format!("{} {code} {}", judgement.kind.name(), judgement.by.name())
}

pub(crate) fn endpoint(text: &str) -> Endpoint {
    let (addr, port) = text.rsplit_once(':').unwrap();
    Endpoint::new(addr.parse().unwrap(), port.parse().unwrap())
}

fn judged(out: Vec<Output>) -> (Vec<JudgedAttempt>, Vec<JudgedClosing>) {
    let catalogue = Catalogue::embedded();
    let (mut attempts, mut closings) = (Vec::new(), Vec::new());
    for item in out {
        match item {
            Output::Attempt(attempt) => {
                let judgement = judge::attempt(&attempt, catalogue);
                attempts.push(JudgedAttempt { attempt, judgement });
            }
            Output::Closing(closing) => {
                let judgement = judge::closing(&closing, catalogue);
                closings.push(JudgedClosing { closing, judgement });
            }
            _ => {}
        }
    }
    (attempts, closings)
}

fn pairs<'a>(
    lines: impl Iterator<Item = (&'a str, &'a str)> + Clone,
) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone {
    lines.map(|(name, value)| (name, value.as_bytes()))
}

pub(crate) fn time(ms: i64) -> Timestamp {
    Timestamp::from_nanos(1_700_000_000_000_000_000 + ms * 1_000_000)
}

fn stamp(ms: i64, frame: u64) -> Stamp {
    Stamp {
        ts: time(ms),
        frame,
        source: 0,
        iface: 0,
    }
}
