//! The line of an attempt.

use serde::Serialize;

use super::{Address, FindingJson, HopJson, Time};
use crate::attempt::{EarlierTry, JoinedBy, Leg, Node};
use crate::event::{Request, Response};
use crate::http::Fields;
use crate::judge::{Difference, JudgedAttempt};
use crate::report::community::community_id;
use crate::report::facts;
use crate::report::mask::Mask;
use crate::report::names::Names;
use crate::tally::{answer_time, host_of, target_of};
use crate::time::Stamp;
use crate::websocket::Accept;

#[derive(Debug, Serialize)]
pub(super) struct Line<'a> {
    v: u8,
    r#type: &'static str,
    id: u64,
    time: Time,
    protocol: Option<String>,
    verdict: &'static str,
    finding: Option<&'static str>,
    confidence: Option<&'static str>,
    severity: &'static str,
    host: Option<String>,
    target: Option<String>,
    status: Option<u16>,
    hop: Option<HopJson>,
    findings: Vec<FindingJson<'a>>,
    cause: Option<&'a str>,
    fix: &'a [String],
    wont_help: &'a [String],
    tries: u32,
    earlier_tries: Vec<Earlier>,
    legs: Vec<LegJson>,
    diff: Vec<Diff>,
}

#[derive(Debug, Serialize)]
struct Earlier {
    time: Time,
    status: Option<u16>,
    target: String,
    tcp_stream: Option<u32>,
    frame: u64,
}

#[derive(Debug, Serialize)]
struct LegJson {
    parent: Option<usize>,
    role: &'static str,
    joined_by: Option<&'static str>,
    client: Address,
    server: Address,
    file: Option<u16>,
    seen_on: Vec<String>,
    community_id: String,
    tcp_stream: Option<u32>,
    proxied_for: Option<Address>,
    through: Option<String>,
    request: Option<RequestJson>,
    response: Option<ResponseJson>,
    ended: &'static str,
    handshake_us: Option<u64>,
}

#[derive(Debug, Serialize)]
struct RequestJson {
    frame: u64,
    time: Time,
    method: String,
    target: String,
    version: &'static str,
    host: Option<String>,
    upgrade: Option<String>,
    connection: Option<String>,
    key: Option<String>,
    ws_version: Option<String>,
    extensions: Option<String>,
    subprotocols: Option<String>,
    origin: Option<String>,
    via: Option<String>,
    forwarded_for: Option<String>,
}

#[derive(Debug, Serialize)]
struct ResponseJson {
    frame: u64,
    time: Time,
    status: Option<u16>,
    version: Option<&'static str>,
    upgrade: Option<String>,
    connection: Option<String>,
    accept: Option<&'static str>,
    extensions: Option<String>,
    subprotocol: Option<String>,
    server: Option<String>,
    body: Option<String>,
}

#[derive(Debug, Serialize)]
struct Diff {
    from: usize,
    to: usize,
    message: &'static str,
    field: String,
    change: &'static str,
    was: Option<String>,
    is: Option<String>,
}

impl<'a> Line<'a> {
    pub(super) fn new(judged: &'a JudgedAttempt, mask: &Mask, names: &Names) -> Self {
        let (attempt, judgement) = (&judged.attempt, &judged.judgement);
        let outermost = attempt.outermost();
        let root = facts::root(judged);
        Self {
            v: 1,
            r#type: "attempt",
            id: attempt.id,
            time: Time(outermost.started()),
            protocol: facts::protocol(attempt).map(|token| mask.words(token)),
            verdict: judgement.verdict.name(),
            finding: root.map(|finding| finding.id.name()),
            confidence: root.map(|finding| finding.confidence.name()),
            severity: judgement.severity.name(),
            host: host_of(outermost).map(|host| mask.host(&host)),
            target: target_of(outermost).map(|target| mask.target(target)),
            status: judgement.status,
            hop: judgement.hop.as_ref().map(|hop| HopJson::new(hop, mask)),
            findings: judgement
                .findings
                .iter()
                .map(|finding| FindingJson::new(finding, mask))
                .collect(),
            cause: judgement.advice.cause.as_deref(),
            fix: &judgement.advice.fix,
            wont_help: &judgement.advice.wont_help,
            tries: attempt.tries,
            earlier_tries: attempt
                .earlier_tries
                .iter()
                .map(|try_| Earlier::new(try_, mask))
                .collect(),
            legs: attempt
                .legs
                .iter()
                .map(|node| LegJson::new(node, mask, names))
                .collect(),
            diff: judgement
                .diff
                .iter()
                .map(|difference| Diff::new(difference, mask))
                .collect(),
        }
    }
}

impl Earlier {
    fn new(earlier: &EarlierTry, mask: &Mask) -> Self {
        Self {
            time: Time(earlier.time),
            status: earlier.status,
            target: mask.target(&earlier.target),
            tcp_stream: earlier.tcp_stream,
            frame: earlier.frame,
        }
    }
}

impl LegJson {
    fn new(node: &Node, mask: &Mask, names: &Names) -> Self {
        let leg = &node.leg;
        let connection = &leg.connection;
        let source = facts::stamp(leg).map(|at| at.source);
        let seen_on = connection.seen_on.iter();
        Self {
            parent: node.parent,
            role: node.role.name(),
            joined_by: node.joined_by.map(JoinedBy::name),
            client: Address(connection.client),
            server: Address(connection.server),
            file: source,
            seen_on: seen_on
                .map(|&iface| names.get(source.unwrap_or_default(), iface))
                .collect(),
            community_id: community_id(connection.client, connection.server),
            tcp_stream: connection.tcp_stream,
            proxied_for: connection.proxied_for.map(Address),
            through: connection
                .through
                .as_deref()
                .map(|authority| mask.host(authority)),
            request: leg
                .request
                .as_ref()
                .map(|(at, request)| RequestJson::new(*at, request, mask)),
            response: leg
                .response
                .as_ref()
                .map(|(at, response)| ResponseJson::new(*at, response, leg, mask)),
            ended: facts::ended(leg),
            handshake_us: answer_time(leg).map(super::micros),
        }
    }
}

impl RequestJson {
    fn new(at: Stamp, request: &Request, mask: &Mask) -> Self {
        let head = &request.head;
        let field = |name| value(&head.fields, name, mask);
        Self {
            frame: at.frame,
            time: Time(request.started.ts),
            method: mask.words(&head.method),
            target: mask.target(&head.target),
            version: head.version.name(),
            host: field("host"),
            upgrade: field("upgrade"),
            connection: field("connection"),
            key: field("sec-websocket-key"),
            ws_version: field("sec-websocket-version"),
            extensions: field("sec-websocket-extensions"),
            subprotocols: field("sec-websocket-protocol"),
            origin: field("origin"),
            via: field("via"),
            forwarded_for: field("x-forwarded-for"),
        }
    }
}

impl ResponseJson {
    fn new(at: Stamp, response: &Response, leg: &Leg, mask: &Mask) -> Self {
        let head = response.head.as_ref();
        let field = |name| value(&head?.fields, name, mask);
        Self {
            frame: at.frame,
            time: Time(response.started.ts),
            status: head.map(|head| head.status.0),
            version: head.map(|head| head.version.name()),
            upgrade: field("upgrade"),
            connection: field("connection"),
            accept: response.answer.accept.and_then(|accept| match accept {
                Accept::Ok => Some("ok"),
                Accept::Wrong => Some("wrong"),
                Accept::Missing => Some("missing"),
                Accept::Unknown => None,
            }),
            extensions: field("sec-websocket-extensions"),
            subprotocol: field("sec-websocket-protocol"),
            server: field("server"),
            body: facts::text_body(leg).map(|text| mask.words(text)),
        }
    }
}

impl Diff {
    fn new(difference: &Difference, mask: &Mask) -> Self {
        let field = &difference.field;
        let value =
            |value: &Option<Box<str>>| value.as_deref().map(|value| mask.field(field, value));
        Self {
            from: difference.from,
            to: difference.to,
            message: difference.message.name(),
            field: mask.words(field),
            change: difference.change.name(),
            was: value(&difference.was),
            is: value(&difference.is),
        }
    }
}

fn value(fields: &Fields, name: &'static str, mask: &Mask) -> Option<String> {
    fields.value(name).map(|value| mask.field(name, &value))
}
