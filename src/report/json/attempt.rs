//! The line of an attempt.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::run::{Run, TEXTS, Values};
use super::time::Time;
use super::value::{Buffer, Json, Kept, List, OrAgain, Plain, Text, members, object};
use super::{Address, FindingJson, HopJson, VERSION};
use crate::attempt::{EarlierTry, JoinedBy, Leg, Node, View};
use crate::event::{Connection, Redirected, Request, Response};
use crate::http::{FieldNames, Fields};
use crate::judge::{Difference, JudgedAttempt};
use crate::report::community::community_id;
use crate::report::facts;
use crate::report::mask::{Kind, Mask};
use crate::report::names::Names;
use crate::tally::{answer_time, host_of};
use crate::time::Stamp;
use crate::websocket::Accept;

/// What is shown of an attempt, and how.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    pub(super) mask: &'a Mask,
    pub(super) names: &'a Names,
    /// The target of the outermost leg, which the others mostly have too.
    pub(super) target: Option<&'a str>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) judged: &'a JudgedAttempt,
    pub(super) page: Page<'a>,
}

impl Json for Line<'_> {
    fn write(self, out: &mut Buffer) {
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
            "protocol": Kind::Words.shown_if(mask, facts::protocol(attempt)),
            "verdict": Plain(judgement.verdict.name()),
            "finding": root.map(|finding| Plain(finding.id.name())),
            "confidence": root.map(|finding| Plain(finding.confidence.name())),
            "severity": Plain(judgement.severity.name()),
            "host": Kind::Host.shown_if(mask, host_of(outermost)),
            "target": page.target.map(|target| Kept(Kind::Target.shown(mask, target))),
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
    fn write(self, out: &mut Buffer) {
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
    fn write(self, out: &mut Buffer) {
        let Self { node, page } = self;
        let Page { mask, names, .. } = page;
        let leg = &node.leg;
        let connection = leg.connection();
        let source = facts::stamp(leg).map(|at| at.source);
        let request = leg.request.as_ref();
        let response = leg.response.as_ref();
        object!(out, {
            "parent": node.parent,
            "role": Plain(node.role.name()),
            "joined_by": node.joined_by.map(JoinedBy::name).map(Plain),
            "client": Address(connection.client),
            "server": Address(connection.server),
            "file": source,
            "seen_on": SeenOn { leg, source: source.unwrap_or_default(), names },
            "also": List(leg.also.iter().map(|view| ViewJson { view, names })),
            "community_id": Plain(community_id(connection.client, connection.server)),
            "tcp_stream": connection.tcp_stream,
            "redirected": connection.redirected.map(RedirectedJson),
            "proxied_for": connection.proxied_for.map(Address),
            "through": Kind::Host.shown_if(mask, connection.through.as_deref()),
            "request": request.map(|(at, request)| RequestJson { at, request, page }),
            "response": response.map(|(at, response)| ResponseJson { at, response, leg, mask }),
            "ended": Plain(facts::ended(leg)),
            "handshake_us": answer_time(leg).map(super::micros),
        });
    }
}

/// Each interface once.
#[derive(Clone, Copy, Debug)]
struct SeenOn<'a> {
    leg: &'a Leg,
    source: u16,
    names: &'a Names,
}

impl Json for SeenOn<'_> {
    fn write(self, out: &mut Buffer) {
        let Self { leg, source, names } = self;
        let own = named(leg.connection(), source, names);
        if leg.also.is_empty() {
            return List(own).write(out);
        }
        let mut seen_on: Vec<_> = own.collect();
        for View { source, connection } in &leg.also {
            for name in named(connection, *source, names) {
                if !seen_on.contains(&name) {
                    seen_on.push(name);
                }
            }
        }
        List(seen_on).write(out);
    }
}

/// A leg under other addresses.
#[derive(Clone, Copy, Debug)]
struct ViewJson<'a> {
    view: &'a View,
    names: &'a Names,
}

impl Json for ViewJson<'_> {
    fn write(self, out: &mut Buffer) {
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
    let seen_on = connection.seen_on.as_slice().iter();
    seen_on.map(move |&iface| Text(names.get(source, iface)))
}

#[derive(Clone, Copy, Debug)]
struct RedirectedJson(Redirected);

impl Json for RedirectedJson {
    fn write(self, out: &mut Buffer) {
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
    fn write(self, out: &mut Buffer) {
        let Self { at, request, page } = self;
        let Page { mask, target, .. } = page;
        let (head, fields) = (&request.head, &request.head.fields);
        out.put(b"{\"frame\":");
        at.frame.write(out);
        members!(out, {
            "time": Time(request.started.ts),
            "method": Kind::Words.shown(mask, &head.method),
            "target": match target {
                Some(target) if head.target() == target => OrAgain::Again,
                _ => OrAgain::Value(Kind::Target.shown(mask, head.target())),
            },
            "version": Plain(head.version.name()),
            "host": Kind::Host.named(mask, fields, "host"),
        });
        out.put_run(mask, &Offered { fields, mask });
        members!(out, {
            "forwarded_for": Kind::Words.named(mask, fields, "x-forwarded-for"),
        });
        out.push(b'}');
    }
}

/// What a request offers, around its key.
#[derive(Clone, Copy, Debug)]
struct Offered<'a> {
    fields: &'a Fields,
    mask: &'a Mask,
}

impl<'a> Run<'a> for Offered<'a> {
    fn values(&self) -> Option<Values<'a>> {
        /// The first four are free text.
        static NAMES: LazyLock<FieldNames<TEXTS>> = LazyLock::new(|| {
            FieldNames::of([
                "upgrade",
                "connection",
                "sec-websocket-version",
                "via",
                "sec-websocket-extensions",
                "sec-websocket-protocol",
                "origin",
            ])
        });
        Some(Values {
            number: 0,
            texts: self.fields.only(&NAMES).ok()?,
            words: 4,
        })
    }

    fn begin(&self, out: &mut Buffer) {
        let Self { fields, mask } = *self;
        members!(out, {
            "upgrade": Kind::Words.named(mask, fields, "upgrade"),
            "connection": Kind::Words.named(mask, fields, "connection"),
        });
    }

    fn own(&self, out: &mut Buffer) {
        let Self { fields, mask } = *self;
        members!(out, {
            "key": Kind::Open.named(mask, fields, "sec-websocket-key"),
        });
    }

    fn end(&self, out: &mut Buffer) {
        let Self { fields, mask } = *self;
        members!(out, {
            "ws_version": Kind::Words.named(mask, fields, "sec-websocket-version"),
            "extensions": Kind::Open.named(mask, fields, "sec-websocket-extensions"),
            "subprotocols": Kind::Subprotocols.named(mask, fields, "sec-websocket-protocol"),
            "origin": Kind::Target.named(mask, fields, "origin"),
            "via": Kind::Words.named(mask, fields, "via"),
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
    fn write(self, out: &mut Buffer) {
        let Self {
            at,
            response,
            leg,
            mask,
        } = self;
        out.put(b"{\"frame\":");
        at.frame.write(out);
        members!(out, {
            "time": Time(response.started.ts),
        });
        out.put_run(mask, &Answered { response, mask });
        members!(out, {
            "body": Kind::Words.shown_if(mask, facts::text_body(leg)),
        });
        out.push(b'}');
    }
}

/// What an answer says.
#[derive(Clone, Copy, Debug)]
struct Answered<'a> {
    response: &'a Response,
    mask: &'a Mask,
}

impl<'a> Run<'a> for Answered<'a> {
    fn values(&self) -> Option<Values<'a>> {
        /// The first three are free text.
        static NAMES: LazyLock<FieldNames<5>> = LazyLock::new(|| {
            FieldNames::of([
                "upgrade",
                "connection",
                "server",
                "sec-websocket-extensions",
                "sec-websocket-protocol",
            ])
        });
        let Response { head, answer, .. } = self.response;
        let head = head.as_ref()?;
        let accept = answer.accept.map_or(0, |accept| 1 + accept as u8);
        let [low, high] = head.status.0.to_le_bytes();
        let [upgrade, connection, server, extensions, subprotocol] =
            head.fields.only(&NAMES).ok()?;
        Some(Values {
            // Never that of a request.
            number: u32::from_le_bytes([low, high, accept, 1 + head.version as u8]),
            texts: [
                upgrade,
                connection,
                server,
                extensions,
                subprotocol,
                None,
                None,
            ],
            words: 3,
        })
    }

    fn begin(&self, out: &mut Buffer) {
        let Self { response, mask } = *self;
        let head = response.head.as_ref();
        let fields = head.map(|head| &head.fields);
        let accept = response.answer.accept.and_then(|accept| match accept {
            Accept::Ok => Some("ok"),
            Accept::Wrong => Some("wrong"),
            Accept::Missing => Some("missing"),
            Accept::Unknown => None,
        });
        members!(out, {
            "status": head.map(|head| head.status.0),
            "version": head.map(|head| Plain(head.version.name())),
            "upgrade": Kind::Words.named(mask, fields, "upgrade"),
            "connection": Kind::Words.named(mask, fields, "connection"),
            "accept": accept.map(Plain),
            "extensions": Kind::Open.named(mask, fields, "sec-websocket-extensions"),
            "subprotocol": Kind::Subprotocols.named(mask, fields, "sec-websocket-protocol"),
            "server": Kind::Words.named(mask, fields, "server"),
        });
    }

    /// None has one.
    fn own(&self, _out: &mut Buffer) {}

    fn end(&self, _out: &mut Buffer) {}
}

#[derive(Clone, Copy, Debug)]
struct Diff<'a> {
    difference: &'a Difference,
    mask: &'a Mask,
}

impl Json for Diff<'_> {
    fn write(self, out: &mut Buffer) {
        let Self { difference, mask } = self;
        let field = &*difference.field;
        let kind = Kind::of_field(field);
        object!(out, {
            "from": difference.from,
            "to": difference.to,
            "message": Plain(difference.message.name()),
            "field": Kind::Words.shown(mask, field),
            "change": Plain(difference.change.name()),
            "was": kind.shown_if(mask, difference.was.as_deref()),
            "is": kind.shown_if(mask, difference.is.as_deref()),
        });
    }
}
