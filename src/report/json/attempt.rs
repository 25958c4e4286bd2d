//! The line of an attempt.

use std::borrow::Cow;

use super::format::{Plain, Text, object};
use super::time::Time;
use super::{Address, FindingJson, HopJson, Shown, Texts};
use crate::attempt::{EarlierTry, JoinedBy, Leg, Node, View};
use crate::event::{Connection, Request, Response};
use crate::judge::{Difference, JudgedAttempt};
use crate::report::community::{CommunityId, community_id};
use crate::report::facts;
use crate::report::mask::Mask;
use crate::report::names::Names;
use crate::tally::{answer_time, host_of, target_of};
use crate::time::Stamp;
use crate::websocket::Accept;

object! {
    #[derive(Debug)]
    pub(super) struct Line<'a> {
        v: u8,
        r#type: Plain<&'static str>,
        id: u64,
        time: Time,
        protocol: Option<Shown<'a>>,
        verdict: Plain<&'static str>,
        finding: Option<Plain<&'static str>>,
        confidence: Option<Plain<&'static str>>,
        severity: Plain<&'static str>,
        host: Option<Shown<'a>>,
        target: Option<Text<&'a str>>,
        status: Option<u16>,
        hop: Option<HopJson<'a>>,
        findings: Vec<FindingJson<'a>>,
        cause: Option<Text<&'a str>>,
        fix: Texts<'a>,
        wont_help: Texts<'a>,
        tries: u32,
        earlier_tries: Vec<Earlier<'a>>,
        ambiguous: bool,
        legs: Vec<LegJson<'a>>,
        diff: Vec<Diff<'a>>,
    }
}

object! {
    #[derive(Debug)]
    struct Earlier<'a> {
        time: Time,
        status: Option<u16>,
        target: Shown<'a>,
        tcp_stream: Option<u32>,
        frame: u64,
    }
}

object! {
    #[derive(Debug)]
    struct LegJson<'a> {
        parent: Option<usize>,
        role: Plain<&'static str>,
        joined_by: Option<Plain<&'static str>>,
        client: Address,
        server: Address,
        file: Option<u16>,
        seen_on: Vec<Shown<'a>>,
        also: Vec<ViewJson<'a>>,
        community_id: Plain<CommunityId>,
        tcp_stream: Option<u32>,
        redirected: Option<RedirectedJson>,
        proxied_for: Option<Address>,
        through: Option<Shown<'a>>,
        request: Option<RequestJson<'a>>,
        response: Option<ResponseJson<'a>>,
        ended: Plain<&'static str>,
        handshake_us: Option<u64>,
    }
}

object! {
    /// A leg under other addresses.
    #[derive(Debug)]
    struct ViewJson<'a> {
        client: Address,
        server: Address,
        file: u16,
        seen_on: Vec<Shown<'a>>,
        tcp_stream: Option<u32>,
    }
}

object! {
    #[derive(Debug)]
    struct RedirectedJson {
        from: Address,
        tcp_stream: Option<u32>,
    }
}

object! {
    #[derive(Debug)]
    struct RequestJson<'a> {
        frame: u64,
        time: Time,
        method: Shown<'a>,
        target: Shown<'a>,
        version: Plain<&'static str>,
        host: Option<Shown<'a>>,
        upgrade: Option<Shown<'a>>,
        connection: Option<Shown<'a>>,
        key: Option<Shown<'a>>,
        ws_version: Option<Shown<'a>>,
        extensions: Option<Shown<'a>>,
        subprotocols: Option<Shown<'a>>,
        origin: Option<Shown<'a>>,
        via: Option<Shown<'a>>,
        forwarded_for: Option<Shown<'a>>,
    }
}

object! {
    #[derive(Debug)]
    struct ResponseJson<'a> {
        frame: u64,
        time: Time,
        status: Option<u16>,
        version: Option<Plain<&'static str>>,
        upgrade: Option<Shown<'a>>,
        connection: Option<Shown<'a>>,
        accept: Option<Plain<&'static str>>,
        extensions: Option<Shown<'a>>,
        subprotocol: Option<Shown<'a>>,
        server: Option<Shown<'a>>,
        body: Option<Shown<'a>>,
    }
}

object! {
    #[derive(Debug)]
    struct Diff<'a> {
        from: usize,
        to: usize,
        message: Plain<&'static str>,
        field: Shown<'a>,
        change: Plain<&'static str>,
        was: Option<Shown<'a>>,
        is: Option<Shown<'a>>,
    }
}

/// The target of the outermost leg, which the others mostly have too.
#[derive(Debug)]
pub(super) struct Target<'a> {
    sent: &'a str,
    shown: Cow<'a, str>,
}

impl<'a> Target<'a> {
    pub(super) fn of(leg: &'a Leg, mask: &Mask) -> Option<Self> {
        target_of(leg).map(|sent| Self {
            sent,
            shown: mask.target(sent),
        })
    }
}

impl<'a> Line<'a> {
    pub(super) fn new(
        judged: &'a JudgedAttempt,
        mask: &Mask,
        names: &'a Names,
        target: Option<&'a Target<'a>>,
    ) -> Self {
        let (attempt, judgement) = (&judged.attempt, &judged.judgement);
        let outermost = attempt.outermost();
        let root = facts::root(judged);
        Self {
            v: 1,
            r#type: Plain("attempt"),
            id: attempt.id,
            time: Time(outermost.started()),
            protocol: facts::protocol(attempt).map(|token| Text(mask.words(token))),
            verdict: Plain(judgement.verdict.name()),
            finding: root.map(|finding| Plain(finding.id.name())),
            confidence: root.map(|finding| Plain(finding.confidence.name())),
            severity: Plain(judgement.severity.name()),
            host: shown(host_of(outermost), |host| mask.host(host)),
            target: target.map(|target| Text(&*target.shown)),
            status: judgement.status,
            hop: judgement.hop.as_ref().map(|hop| HopJson::new(hop, mask)),
            findings: judgement
                .findings
                .iter()
                .map(|finding| FindingJson::new(finding, mask))
                .collect(),
            cause: judgement.advice.cause.as_deref().map(Text),
            fix: Texts(&judgement.advice.fix),
            wont_help: Texts(&judgement.advice.wont_help),
            tries: attempt.tries,
            earlier_tries: attempt
                .earlier_tries
                .iter()
                .map(|try_| Earlier::new(try_, mask))
                .collect(),
            ambiguous: attempt.surroundings.is_ambiguous,
            legs: attempt
                .legs
                .iter()
                .map(|node| LegJson::new(node, mask, names, target))
                .collect(),
            diff: judgement
                .diff
                .iter()
                .map(|difference| Diff::new(difference, mask))
                .collect(),
        }
    }
}

impl<'a> Earlier<'a> {
    fn new(earlier: &'a EarlierTry, mask: &Mask) -> Self {
        Self {
            time: Time(earlier.time),
            status: earlier.status,
            target: Text(mask.target(&earlier.target)),
            tcp_stream: earlier.tcp_stream,
            frame: earlier.frame,
        }
    }
}

impl<'a> LegJson<'a> {
    fn new(node: &'a Node, mask: &Mask, names: &'a Names, target: Option<&'a Target<'a>>) -> Self {
        let leg = &node.leg;
        let connection = &leg.connection;
        let source = facts::stamp(leg).map(|at| at.source);
        let also: Vec<ViewJson<'_>> = leg
            .also
            .iter()
            .map(|view| ViewJson::new(view, names))
            .collect();
        let mut seen_on = named(connection, source.unwrap_or_default(), names);
        for name in also.iter().flat_map(|view| &view.seen_on) {
            if !seen_on.contains(name) {
                seen_on.push(name.clone());
            }
        }
        let through = connection.through.as_deref();
        let request = leg.request.as_ref();
        let response = leg.response.as_ref();
        Self {
            parent: node.parent,
            role: Plain(node.role.name()),
            joined_by: node.joined_by.map(JoinedBy::name).map(Plain),
            client: Address(connection.client),
            server: Address(connection.server),
            file: source,
            seen_on,
            also,
            community_id: Plain(community_id(connection.client, connection.server)),
            tcp_stream: connection.tcp_stream,
            redirected: connection.redirected.map(|other| RedirectedJson {
                from: Address(other.from),
                tcp_stream: other.tcp_stream,
            }),
            proxied_for: connection.proxied_for.map(Address),
            through: through.map(|authority| Text(mask.host(authority))),
            request: request.map(|(at, request)| RequestJson::new(*at, request, mask, target)),
            response: response.map(|(at, response)| ResponseJson::new(*at, response, leg, mask)),
            ended: Plain(facts::ended(leg)),
            handshake_us: answer_time(leg).map(super::micros),
        }
    }
}

impl<'a> ViewJson<'a> {
    fn new(view: &View, names: &'a Names) -> Self {
        let View { source, connection } = view;
        Self {
            client: Address(connection.client),
            server: Address(connection.server),
            file: *source,
            seen_on: named(connection, *source, names),
            tcp_stream: connection.tcp_stream,
        }
    }
}

/// The names of the interfaces on which a connection was seen.
fn named<'a>(connection: &Connection, source: u16, names: &'a Names) -> Vec<Shown<'a>> {
    let seen_on = connection.seen_on.iter();
    seen_on
        .map(|&iface| Text(names.get(source, iface)))
        .collect()
}

impl<'a> RequestJson<'a> {
    fn new(at: Stamp, request: &'a Request, mask: &Mask, target: Option<&'a Target<'a>>) -> Self {
        let (head, fields) = (&request.head, &request.head.fields);
        let words = |value| shown(value, |text| mask.words(text));
        let open = |value| shown(value, |text| mask.open(text));
        Self {
            frame: at.frame,
            time: Time(request.started.ts),
            method: Text(mask.words(&head.method)),
            target: Text(match target {
                Some(target) if *head.target == *target.sent => Cow::Borrowed(&target.shown),
                _ => mask.target(&head.target),
            }),
            version: Plain(head.version.name()),
            host: shown(fields.value("host"), |text| mask.host(text)),
            upgrade: words(fields.value("upgrade")),
            connection: words(fields.value("connection")),
            key: open(fields.value("sec-websocket-key")),
            ws_version: words(fields.value("sec-websocket-version")),
            extensions: open(fields.value("sec-websocket-extensions")),
            subprotocols: shown(fields.value("sec-websocket-protocol"), |text| {
                mask.subprotocols(text)
            }),
            origin: shown(fields.value("origin"), |text| mask.target(text)),
            via: words(fields.value("via")),
            forwarded_for: words(fields.value("x-forwarded-for")),
        }
    }
}

impl<'a> ResponseJson<'a> {
    fn new(at: Stamp, response: &'a Response, leg: &'a Leg, mask: &Mask) -> Self {
        let head = response.head.as_ref();
        let fields = head.map(|head| &head.fields);
        let words = |value| shown(value, |text| mask.words(text));
        Self {
            frame: at.frame,
            time: Time(response.started.ts),
            status: head.map(|head| head.status.0),
            version: head.map(|head| Plain(head.version.name())),
            upgrade: words(fields.and_then(|fields| fields.value("upgrade"))),
            connection: words(fields.and_then(|fields| fields.value("connection"))),
            accept: response.answer.accept.and_then(|accept| match accept {
                Accept::Ok => Some(Plain("ok")),
                Accept::Wrong => Some(Plain("wrong")),
                Accept::Missing => Some(Plain("missing")),
                Accept::Unknown => None,
            }),
            extensions: shown(
                fields.and_then(|fields| fields.value("sec-websocket-extensions")),
                |text| mask.open(text),
            ),
            subprotocol: shown(
                fields.and_then(|fields| fields.value("sec-websocket-protocol")),
                |text| mask.subprotocols(text),
            ),
            server: words(fields.and_then(|fields| fields.value("server"))),
            body: facts::text_body(leg).map(|text| Text(mask.words(text))),
        }
    }
}

impl<'a> Diff<'a> {
    fn new(difference: &'a Difference, mask: &Mask) -> Self {
        let field = &difference.field;
        let value = |value: &'a Option<Box<str>>| {
            let value = value.as_deref()?;
            Some(Text(mask.field(field, value)))
        };
        Self {
            from: difference.from,
            to: difference.to,
            message: Plain(difference.message.name()),
            field: Text(mask.words(field)),
            change: Plain(difference.change.name()),
            was: value(&difference.was),
            is: value(&difference.is),
        }
    }
}

/// A value as far as it may be shown, without a copy where that is all of it.
fn shown(value: Option<Cow<'_, str>>, show: impl Fn(&str) -> Cow<'_, str>) -> Option<Shown<'_>> {
    Some(Text(match value? {
        Cow::Borrowed(text) => match show(text) {
            Cow::Borrowed(same) if same.len() == text.len() => Cow::Borrowed(text),
            other => Cow::Owned(other.into_owned()),
        },
        Cow::Owned(text) => Cow::Owned(show(&text).into_owned()),
    }))
}
