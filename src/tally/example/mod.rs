//! Hand-made attempts and closings for tests: what analysis would have made of real packets.

mod situation;

pub(crate) use situation::{behind_tls, closing, forbidden, healthy, opened, stripped};

use crate::attempt::{
    Attempt, BodyStart, Gaps, JoinedBy, Leg, LegEnd, Node, Protocol, Role, Surroundings, TcpEnd,
};
use crate::event::{Connection, Request, Response};
use crate::flow::{ConnId, Direction, End, Endpoint, Interfaces};
use crate::http::{Fields, RequestHead, ResponseHead, Status, Version};
use crate::judge::{
    Advice, Change, Confidence, Difference, Finding, FindingId, JudgedAttempt, Judgement, Message,
    Severity, Verdict,
};
use crate::time::{Stamp, Timestamp};
use crate::websocket::{Answer, Offer};

/// The key of RFC 6455.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// 2026-01-02 03:04:05 UTC and so many milliseconds.
pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_secs(1_767_323_045, ms * 1_000_000)
}

pub(crate) fn stamp(frame: u64, ms: i64) -> Stamp {
    Stamp {
        ts: at(ms),
        frame,
        source: 0,
        iface: 0,
    }
}

pub(crate) fn end(text: &str) -> Endpoint {
    let addr: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(addr.ip(), addr.port())
}

pub(crate) fn fields(lines: &[(&str, &str)]) -> Fields {
    Fields::new(lines.iter().map(|&(name, value)| (name, value.as_bytes())))
}

/// A leg in the making.
pub(crate) struct LegOf(pub(crate) Leg);

pub(crate) fn leg(stream: u32, client: &str, server: &str) -> LegOf {
    LegOf(Leg {
        conn: ConnId(u64::from(stream)),
        unasked: Some(Box::new(Connection {
            client: end(client),
            server: end(server),
            tcp_stream: Some(stream),
            syn: Some(stamp(1, 0)),
            syn_ack: Some(stamp(2, 1)),
            seen_on: Interfaces::only(0),
            ..Connection::default()
        })),
        also: Vec::new(),
        request: None,
        response: None,
        body: None,
        gaps: Gaps::default(),
        end: LegEnd::default(),
        http_after_101: false,
        noticed: None,
    })
}

impl LegOf {
    #[expect(
        clippy::too_many_arguments,
        reason = "a table of examples reads best in rows"
    )]
    pub(crate) fn get(
        mut self,
        frame: u64,
        ms: i64,
        target: &str,
        version: Version,
        lines: &[(&str, &str)],
    ) -> Self {
        let head = RequestHead::new(
            "GET",
            target,
            version,
            lines.iter().map(|&(name, value)| (name, value.as_bytes())),
        );
        let request = Request {
            exchange: 0,
            connection: self.0.connection().clone(),
            started: stamp(frame, ms),
            offer: Offer::of(&head),
            head,
        };
        self.0.request = Some((stamp(frame, ms), Box::new(request)));
        self
    }

    pub(crate) fn answer(
        mut self,
        frame: u64,
        ms: i64,
        status: u16,
        lines: &[(&str, &str)],
    ) -> Self {
        let reason = match status {
            101 => "Switching Protocols",
            400 => "Bad Request",
            403 => "Forbidden",
            426 => "Upgrade Required",
            _ => "",
        };
        let head = ResponseHead {
            version: Version::Http11,
            status: Status(status),
            reason: reason.into(),
            fields: fields(lines),
        };
        let offer = self.0.request.as_ref().map(|(_, request)| &request.offer);
        let answer = Answer::of(&head, offer);
        let response = Response {
            exchange: 0,
            connection: None,
            started: stamp(frame, ms),
            head: Some(head),
            answer,
            interim: Vec::new(),
            behind: None,
        };
        self.0.response = Some((stamp(frame, ms), Box::new(response)));
        self
    }

    pub(crate) fn body(mut self, bytes: &[u8], encoded: bool) -> Self {
        self.0.body = Some(BodyStart {
            bytes: bytes.into(),
            whole: true,
            encoded,
        });
        self
    }

    pub(crate) fn fin(mut self, ms: i64) -> Self {
        self.0.end = LegEnd {
            first: Some(TcpEnd {
                dir: Direction::ToClient,
                at: at(ms),
                reset: false,
            }),
            how: Some(End::Fin),
            ..LegEnd::default()
        };
        self
    }

    /// Outermost.
    pub(crate) fn outer(self) -> Node {
        Node {
            leg: self.0,
            parent: None,
            role: Role::Path,
            joined_by: None,
            adjacent: None,
        }
    }

    /// Behind the outermost one, joined by key.
    pub(crate) fn inner(self) -> Node {
        Node {
            leg: self.0,
            parent: Some(0),
            role: Role::Path,
            joined_by: Some(JoinedBy::Key),
            adjacent: Some(true),
        }
    }
}

pub(crate) fn attempt(id: u64, legs: Vec<Node>) -> Attempt {
    Attempt {
        id,
        protocol: Protocol::WebSocket,
        legs,
        tries: 1,
        earlier_tries: Vec::new(),
        surroundings: Surroundings::default(),
        cut_off: false,
        timed_out: false,
        let_go: false,
    }
}

pub(crate) fn finding(
    id: FindingId,
    leg: usize,
    confidence: Confidence,
    evidence: &[&str],
) -> Finding {
    Finding {
        id,
        rule: None,
        leg,
        confidence,
        evidence: evidence.iter().map(|&text| text.to_owned()).collect(),
    }
}

pub(crate) fn judged(attempt: Attempt, verdict: Verdict, findings: Vec<Finding>) -> JudgedAttempt {
    let severity = match verdict {
        Verdict::Ok => Severity::Info,
        Verdict::Stripped | Verdict::Rejected => Severity::Error,
        Verdict::Downgraded | Verdict::Abandoned | Verdict::Unknown => Severity::Warning,
    };
    let status = attempt.outermost().status();
    JudgedAttempt {
        attempt,
        judgement: Judgement {
            verdict,
            severity,
            findings,
            hop: None,
            diff: Vec::new(),
            status,
            advice: Advice::default(),
        },
    }
}

pub(crate) fn text(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|&line| line.to_owned()).collect()
}

pub(crate) fn diff(
    message: Message,
    field: &str,
    change: Change,
    was: Option<&str>,
    is: Option<&str>,
) -> Difference {
    Difference {
        from: 0,
        to: 1,
        message,
        field: field.into(),
        change,
        was: was.map(Into::into),
        is: is.map(Into::into),
    }
}
