//! The line of an attempt.

use std::borrow::Cow;

use super::time::Time;
use super::value::{Json, List, Plain, Text, object};
use super::{Address, FindingJson, HopJson, VERSION, shown};
use crate::attempt::{EarlierTry, JoinedBy, Leg, Node, View};
use crate::event::{Connection, Redirected, Request, Response};
use crate::judge::{Difference, JudgedAttempt};
use crate::report::community::community_id;
use crate::report::facts;
use crate::report::mask::Mask;
use crate::report::names::Names;
use crate::tally::{answer_time, host_of, target_of};
use crate::time::Stamp;
use crate::websocket::Accept;

/// What is shown of an attempt, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    pub(super) mask: &'a Mask,
    pub(super) names: &'a Names,
    pub(super) target: Option<&'a Target<'a>>,
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

#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) judged: &'a JudgedAttempt,
    pub(super) page: Page<'a>,
}

impl Json for Line<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let Self { judged, page } = self;
        let mask = page.mask;
        let (attempt, judgement) = (&judged.attempt, &judged.judgement);
        let outermost = attempt.outermost();
        let root = facts::root(judged);
        let (findings, advice) = (&judgement.findings, &judgement.advice);
        let earlier = attempt.earlier_tries.iter();
        let diff = judgement.diff.iter();
        object!(out, {
            "v": VERSION,
            "type": Plain("attempt"),
            "id": attempt.id,
            "time": Time(outermost.started()),
            "protocol": shown(mask, facts::protocol(attempt), Mask::words),
            "verdict": Plain(judgement.verdict.name()),
            "finding": root.map(|finding| Plain(finding.id.name())),
            "confidence": root.map(|finding| Plain(finding.confidence.name())),
            "severity": Plain(judgement.severity.name()),
            "host": shown(mask, host_of(outermost), Mask::host),
            "target": page.target.map(|target| Text(&target.shown)),
            "status": judgement.status,
            "hop": judgement.hop.as_ref().map(|hop| HopJson { hop, mask }),
            "findings": List(findings.iter().map(|finding| FindingJson { finding, mask })),
            "cause": advice.cause.as_deref().map(Text),
            "fix": List(advice.fix.iter().map(Text)),
            "wont_help": List(advice.wont_help.iter().map(Text)),
            "tries": attempt.tries,
            "earlier_tries": List(earlier.map(|earlier| Earlier { earlier, mask })),
            "ambiguous": attempt.surroundings.is_ambiguous,
            "legs": List(attempt.legs.iter().map(|node| LegJson { node, page })),
            "diff": List(diff.map(|difference| Diff { difference, mask })),
        });
    }
}

#[derive(Clone, Copy, Debug)]
struct Earlier<'a> {
    earlier: &'a EarlierTry,
    mask: &'a Mask,
}

impl Json for Earlier<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let Self { earlier, mask } = self;
        object!(out, {
            "time": Time(earlier.time),
            "status": earlier.status,
            "target": Text(mask.target(&earlier.target)),
            "tcp_stream": earlier.tcp_stream,
            "frame": earlier.frame,
        });
    }
}

#[derive(Clone, Copy, Debug)]
struct LegJson<'a> {
    node: &'a Node,
    page: Page<'a>,
}

impl Json for LegJson<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let Self { node, page } = self;
        let Page { mask, names, .. } = page;
        let leg = &node.leg;
        let connection = &leg.connection;
        let source = facts::stamp(leg).map(|at| at.source);
        let mut seen_on: Vec<_> = named(connection, source.unwrap_or_default(), names).collect();
        for View { source, connection } in &leg.also {
            for name in named(connection, *source, names) {
                if !seen_on.contains(&name) {
                    seen_on.push(name);
                }
            }
        }
        let request = leg.request.as_ref();
        let response = leg.response.as_ref();
        object!(out, {
            "parent": node.parent,
            "role": Plain(node.role.name()),
            "joined_by": node.joined_by.map(JoinedBy::name).map(Plain),
            "client": Address(connection.client),
            "server": Address(connection.server),
            "file": source,
            "seen_on": List(seen_on),
            "also": List(leg.also.iter().map(|view| ViewJson { view, names })),
            "community_id": Plain(community_id(connection.client, connection.server)),
            "tcp_stream": connection.tcp_stream,
            "redirected": connection.redirected.map(RedirectedJson),
            "proxied_for": connection.proxied_for.map(Address),
            "through": shown(mask, connection.through.as_deref(), Mask::host),
            "request": request.map(|(at, request)| RequestJson { at, request, page }),
            "response": response.map(|(at, response)| ResponseJson { at, response, leg, mask }),
            "ended": Plain(facts::ended(leg)),
            "handshake_us": answer_time(leg).map(super::micros),
        });
    }
}

/// A leg under other addresses.
#[derive(Clone, Copy, Debug)]
struct ViewJson<'a> {
    view: &'a View,
    names: &'a Names,
}

impl Json for ViewJson<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let View { source, connection } = self.view;
        object!(out, {
            "client": Address(connection.client),
            "server": Address(connection.server),
            "file": *source,
            "seen_on": List(named(connection, *source, self.names)),
            "tcp_stream": connection.tcp_stream,
        });
    }
}

/// The names of the interfaces on which a connection was seen.
fn named<'a>(
    connection: &'a Connection,
    source: u16,
    names: &'a Names,
) -> impl Iterator<Item = Text<Cow<'a, str>>> {
    let seen_on = connection.seen_on.iter();
    seen_on.map(move |&iface| Text(names.get(source, iface)))
}

#[derive(Clone, Copy, Debug)]
struct RedirectedJson(Redirected);

impl Json for RedirectedJson {
    fn write(self, out: &mut Vec<u8>) {
        object!(out, {
            "from": Address(self.0.from),
            "tcp_stream": self.0.tcp_stream,
        });
    }
}

#[derive(Clone, Copy, Debug)]
struct RequestJson<'a> {
    at: &'a Stamp,
    request: &'a Request,
    page: Page<'a>,
}

impl Json for RequestJson<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let Self { at, request, page } = self;
        let Page { mask, target, .. } = page;
        let (head, fields) = (&request.head, &request.head.fields);
        object!(out, {
            "frame": at.frame,
            "time": Time(request.started.ts),
            "method": Text(mask.words(&head.method)),
            "target": Text(match target {
                Some(target) if head.target() == target.sent => Cow::Borrowed(&*target.shown),
                _ => mask.target(head.target()),
            }),
            "version": Plain(head.version.name()),
            "host": shown(mask, fields.value("host"), Mask::host),
            "upgrade": shown(mask, fields.value("upgrade"), Mask::words),
            "connection": shown(mask, fields.value("connection"), Mask::words),
            "key": shown(mask, fields.value("sec-websocket-key"), Mask::open),
            "ws_version": shown(mask, fields.value("sec-websocket-version"), Mask::words),
            "extensions": shown(mask, fields.value("sec-websocket-extensions"), Mask::open),
            "subprotocols": shown(mask, fields.value("sec-websocket-protocol"), Mask::subprotocols),
            "origin": shown(mask, fields.value("origin"), Mask::target),
            "via": shown(mask, fields.value("via"), Mask::words),
            "forwarded_for": shown(mask, fields.value("x-forwarded-for"), Mask::words),
        });
    }
}

#[derive(Clone, Copy, Debug)]
struct ResponseJson<'a> {
    at: &'a Stamp,
    response: &'a Response,
    leg: &'a Leg,
    mask: &'a Mask,
}

impl Json for ResponseJson<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let Self {
            at,
            response,
            leg,
            mask,
        } = self;
        let head = response.head.as_ref();
        let fields = head.map(|head| &head.fields);
        let accept = response.answer.accept.and_then(|accept| match accept {
            Accept::Ok => Some("ok"),
            Accept::Wrong => Some("wrong"),
            Accept::Missing => Some("missing"),
            Accept::Unknown => None,
        });
        let extensions = fields.and_then(|fields| fields.value("sec-websocket-extensions"));
        let subprotocol = fields.and_then(|fields| fields.value("sec-websocket-protocol"));
        object!(out, {
            "frame": at.frame,
            "time": Time(response.started.ts),
            "status": head.map(|head| head.status.0),
            "version": head.map(|head| Plain(head.version.name())),
            "upgrade": shown(mask, fields.and_then(|fields| fields.value("upgrade")), Mask::words),
            "connection": shown(mask, fields.and_then(|fields| fields.value("connection")), Mask::words),
            "accept": accept.map(Plain),
            "extensions": shown(mask, extensions, Mask::open),
            "subprotocol": shown(mask, subprotocol, Mask::subprotocols),
            "server": shown(mask, fields.and_then(|fields| fields.value("server")), Mask::words),
            "body": shown(mask, facts::text_body(leg), Mask::words),
        });
    }
}

#[derive(Clone, Copy, Debug)]
struct Diff<'a> {
    difference: &'a Difference,
    mask: &'a Mask,
}

impl Json for Diff<'_> {
    fn write(self, out: &mut Vec<u8>) {
        let Self { difference, mask } = self;
        let field = &difference.field;
        object!(out, {
            "from": difference.from,
            "to": difference.to,
            "message": Plain(difference.message.name()),
            "field": Text(mask.words(field)),
            "change": Plain(difference.change.name()),
            "was": difference.was.as_deref().map(|was| Text(mask.field(field, was))),
            "is": difference.is.as_deref().map(|is| Text(mask.field(field, is))),
        });
    }
}
