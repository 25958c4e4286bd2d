//! What structure alone shows: how the legs of the path differ, and what a single leg lacks. No catalogue is needed.

use std::borrow::Cow;

use crate::attempt::{Attempt, JoinedBy, Leg, Node, origin_form};
use crate::http::Version;
use crate::judge::{Change, Confidence, Difference, FindingId, Hop, Message};

/// Fields of a request that are held against each other, in the order in which they are told.
const REQUEST_FIELDS: &[&str] = &[
    "host",
    "upgrade",
    "connection",
    "sec-websocket-key",
    "sec-websocket-version",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
    "origin",
];

/// Likewise of a response.
const RESPONSE_FIELDS: &[&str] = &[
    "upgrade",
    "connection",
    "sec-websocket-accept",
    "sec-websocket-extensions",
    "sec-websocket-protocol",
];

/// What load balancers turn `Connection` into to hide it (F5 `OneConnect`, `NetScaler`).
const RENAMED_CONNECTION: &[&str] = &["x-cnection", "cneonction", "nncoection"];

/// Two neighbouring `path` legs whose requests were both seen whole: the outer one, and the one that serves it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge<'a> {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) outer: &'a Leg,
    pub(super) inner: &'a Leg,
    node: &'a Node,
}

/// A fault that a request or an answer shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) id: FindingId,
    pub(super) evidence: Vec<String>,
}

impl Fault {
    fn new(id: FindingId, evidence: String) -> Self {
        Self {
            id,
            evidence: vec![evidence],
        }
    }
}

/// The edges of the path, outermost first.
pub(super) fn edges(attempt: &Attempt) -> Vec<Edge<'_>> {
    attempt
        .path()
        .filter_map(|to| {
            let node = attempt.legs.get(to)?;
            let from = node.parent?;
            let (outer, inner) = (&attempt.legs.get(from)?.leg, &node.leg);
            let whole = |leg: &Leg| leg.request.is_some() && !leg.gaps.request;
            (whole(outer) && whole(inner)).then_some(Edge {
                from,
                to,
                outer,
                inner,
                node,
            })
        })
        .collect()
}

impl Edge<'_> {
    /// How sure a difference between these two legs is.
    pub(super) fn confidence(&self) -> Confidence {
        if self.node.joined_by == Some(JoinedBy::Time) {
            Confidence::Likely
        } else {
            Confidence::Proved
        }
    }

    /// How sure a fault is; legs are joined by time only where target, Origin and X-Forwarded-For agree, and then a key
    /// of their own proves the hop's doing.
    pub(super) fn confidence_of(&self, fault: &Fault) -> Confidence {
        if fault.id == FindingId::KeyChanged {
            Confidence::Proved
        } else {
            self.confidence()
        }
    }

    /// The hop between the two legs.
    pub(super) fn hop(&self) -> Hop {
        Hop {
            inward: Some(self.outer.connection.server),
            outward: Some(self.inner.connection.client),
            software: software(self.outer, Some(self.inner)),
            adjacent: self.node.adjacent,
        }
    }

    /// What the hop did to the request, the root first.
    pub(super) fn request_faults(&self) -> Vec<Fault> {
        let (Some(before), Some(after)) = (self.outer.offer(), self.inner.offer()) else {
            return Vec::new();
        };
        let mut faults = Vec::new();
        let mut add = |id, evidence| faults.push(Fault::new(id, evidence));
        let told = |name: &str| format!("{}; {}", says(self.outer, name), says(self.inner, name));
        if before.upgrade && !after.upgrade {
            let mangled = self
                .inner
                .request_field("upgrade")
                .is_some_and(|value| !value.is_empty());
            add(
                if mangled {
                    FindingId::UpgradeMangled
                } else {
                    FindingId::UpgradeStripped
                },
                told("Upgrade"),
            );
        }
        if before.connection && !after.connection {
            match renamed_connection(self.inner) {
                Some(name) => add(
                    FindingId::ConnectionMangled,
                    format!(
                        "{}; {} has {name} in its place",
                        says(self.outer, "Connection"),
                        name_of(self.inner)
                    ),
                ),
                None => add(FindingId::ConnectionStripped, told("Connection")),
            }
        }
        match (&before.key, &after.key) {
            (Some(_), None) => add(FindingId::KeyStripped, told("Sec-WebSocket-Key")),
            (Some(key), Some(other)) if key != other => {
                add(FindingId::KeyChanged, told("Sec-WebSocket-Key"));
            }
            _ => {}
        }
        if before.version.is_some() && after.version.is_none() {
            add(FindingId::VersionStripped, told("Sec-WebSocket-Version"));
        }
        faults
    }

    /// What the hop did to what is offered beyond the bare handshake. A hop that agrees an extension by itself speaks
    /// WebSocket on both sides and may offer what it likes (rules P13).
    pub(super) fn offer_faults(&self) -> Vec<Fault> {
        let (Some(before), Some(after)) = (self.outer.offer(), self.inner.offer()) else {
            return Vec::new();
        };
        let granted = self.outer.answer();
        let mut faults = Vec::new();
        let mut compare =
            |name: &str, had: bool, has: bool, agreed: bool, removed, added: Option<FindingId>| {
                let told = || format!("{}; {}", says(self.outer, name), says(self.inner, name));
                if had && !has && !agreed {
                    faults.push(Fault::new(removed, told()));
                } else if let Some(added) = added.filter(|_| !had && has) {
                    faults.push(Fault::new(added, told()));
                }
            };
        compare(
            "Sec-WebSocket-Extensions",
            !before.extensions.is_empty(),
            !after.extensions.is_empty(),
            granted.is_some_and(|answer| !answer.extensions.is_empty()),
            FindingId::ExtensionsStripped,
            Some(FindingId::ExtensionsAdded),
        );
        compare(
            "Sec-WebSocket-Protocol",
            !before.subprotocols.is_empty(),
            !after.subprotocols.is_empty(),
            granted.is_some_and(|answer| !answer.subprotocols.is_empty()),
            FindingId::SubprotocolStripped,
            None,
        );
        faults
    }

    /// What the hop did to a 101 on its way out.
    pub(super) fn response_faults(&self) -> Vec<Fault> {
        let both = self.outer.status() == Some(101) && self.inner.status() == Some(101);
        let (true, Some(out), Some(brought)) = (both, self.outer.answer(), self.inner.answer())
        else {
            return Vec::new();
        };
        let told = |name: &str| {
            format!(
                "{}; {}",
                answers(self.inner, name),
                answers(self.outer, name)
            )
        };
        let same_key = self.outer.offer().and_then(|offer| offer.key.as_deref())
            == self.inner.offer().and_then(|offer| offer.key.as_deref());
        let accept = |leg: &Leg| {
            leg.answer_field("sec-websocket-accept")
                .map(Cow::into_owned)
        };
        let checks = [
            (
                FindingId::ResponseUpgradeStripped,
                "Upgrade",
                brought.upgrade && !out.upgrade,
            ),
            (
                FindingId::ResponseConnectionStripped,
                "Connection",
                brought.connection && !out.connection,
            ),
            (
                FindingId::ResponseAcceptStripped,
                "Sec-WebSocket-Accept",
                accept(self.inner).is_some() && accept(self.outer).is_none(),
            ),
            (
                FindingId::ResponseAcceptChanged,
                "Sec-WebSocket-Accept",
                same_key
                    && accept(self.outer).is_some()
                    && accept(self.outer) != accept(self.inner),
            ),
            (
                FindingId::ResponseExtensionsStripped,
                "Sec-WebSocket-Extensions",
                !brought.extensions.is_empty() && out.extensions.is_empty(),
            ),
            (
                FindingId::ResponseSubprotocolStripped,
                "Sec-WebSocket-Protocol",
                !brought.subprotocols.is_empty() && out.subprotocols.is_empty(),
            ),
        ];
        checks
            .into_iter()
            .filter(|&(_, _, holds)| holds)
            .map(|(id, name, _)| Fault::new(id, told(name)))
            .collect()
    }

    /// The hop speaks HTTP/1.0 to the server although it was asked in HTTP/1.1.
    pub(super) fn lowers_version(&self) -> bool {
        let version = |leg: &Leg| leg.request_head().map(|head| head.version);
        version(self.outer) == Some(Version::Http11) && version(self.inner) == Some(Version::Http10)
    }

    /// Whether a request field has another value behind the hop.
    pub(super) fn changes(&self, name: &str) -> bool {
        self.outer.request_field(name) != self.inner.request_field(name)
    }
}

/// How the legs of the path differ, field by field.
pub(super) fn differences(edges: &[Edge<'_>]) -> Vec<Difference> {
    let mut all = Vec::new();
    for edge in edges {
        let mut compare =
            |message, field: &str, was: Option<Cow<'_, str>>, is: Option<Cow<'_, str>>| {
                let change = match (&was, &is) {
                    (Some(was), Some(is)) if was == is => return,
                    (None, None) => return,
                    (Some(_), Some(_)) => Change::Changed,
                    (Some(_), None) => Change::Removed,
                    (None, Some(_)) => Change::Added,
                };
                let boxed = |value: Option<Cow<'_, str>>| value.map(|value| value.as_ref().into());
                all.push(Difference {
                    from: edge.from,
                    to: edge.to,
                    message,
                    field: field.into(),
                    change,
                    was: boxed(was),
                    is: boxed(is),
                });
            };
        if let (Some(outer), Some(inner)) = (edge.outer.request_head(), edge.inner.request_head()) {
            let mut line = |field, was: &str, is: &str| {
                compare(
                    Message::Request,
                    field,
                    Some(Cow::Owned(was.into())),
                    Some(Cow::Owned(is.into())),
                );
            };
            line("method", &outer.method, &inner.method);
            line(
                "target",
                origin_form(&outer.target),
                origin_form(&inner.target),
            );
            line("version", outer.version.name(), inner.version.name());
            for &field in REQUEST_FIELDS {
                compare(
                    Message::Request,
                    field,
                    outer.fields.value(field),
                    inner.fields.value(field),
                );
            }
        }
        if let (Some(outer), Some(inner)) = (edge.outer.answer_head(), edge.inner.answer_head()) {
            let text = |value: String| Some(Cow::Owned(value));
            compare(
                Message::Response,
                "status",
                text(inner.status.0.to_string()),
                text(outer.status.0.to_string()),
            );
            compare(
                Message::Response,
                "version",
                text(inner.version.name().into()),
                text(outer.version.name().into()),
            );
            for &field in RESPONSE_FIELDS {
                compare(
                    Message::Response,
                    field,
                    inner.fields.value(field),
                    outer.fields.value(field),
                );
            }
        }
        mark_renamed(edge, &mut all);
    }
    all
}

/// `Connection` that went away and came back under another name was renamed.
fn mark_renamed(edge: &Edge<'_>, all: &mut [Difference]) {
    let Some(name) = renamed_connection(edge.inner) else {
        return;
    };
    let removed = all.iter_mut().find(|difference| {
        difference.to == edge.to
            && difference.message == Message::Request
            && &*difference.field == "connection"
            && difference.change == Change::Removed
    });
    if let Some(difference) = removed {
        difference.change = Change::Renamed;
        let value = edge.inner.request_field(name).unwrap_or_default();
        difference.is = Some(format!("{name}: {value}").into());
    }
}

/// What a request lacks by itself, where no outer leg is in sight to say who took it: the hop before, if there is one.
pub(super) fn lone_faults(leg: &Leg) -> Vec<Fault> {
    let Some(offer) = leg.offer() else {
        return Vec::new();
    };
    let mut faults = Vec::new();
    let mut add = |id, evidence| faults.push(Fault::new(id, evidence));
    if !offer.upgrade {
        let other = leg
            .request_field("upgrade")
            .filter(|value| !value.is_empty());
        match other {
            Some(_) => add(FindingId::UpgradeMangled, says(leg, "Upgrade")),
            None => add(
                FindingId::UpgradeStripped,
                lacks(leg, "Upgrade", offer.key.is_some()),
            ),
        }
    }
    if !offer.connection {
        match renamed_connection(leg) {
            Some(name) => {
                add(
                    FindingId::ConnectionMangled,
                    format!("{} has {name} where Connection should be", name_of(leg)),
                );
            }
            None => add(FindingId::ConnectionStripped, says(leg, "Connection")),
        }
    }
    faults
}

/// How sure a fault of a lone leg is: only what a proxy or a browser sent can have lost something on the way.
pub(super) fn lone_confidence(leg: &Leg, encrypted_before: bool) -> Confidence {
    let sub_request = matches!(leg.status(), Some(200..=299 | 401 | 403));
    if !sub_request && sender_is_known(leg, encrypted_before) {
        Confidence::Certain
    } else {
        Confidence::Likely
    }
}

/// Whether it is sure that somebody before this leg sent the whole handshake.
pub(super) fn sender_is_known(leg: &Leg, encrypted_before: bool) -> bool {
    let browser = leg
        .request_field("user-agent")
        .is_some_and(|agent| agent.starts_with("Mozilla/"));
    leg.proxy_mark().is_some() || browser || encrypted_before
}

/// What the hop calls itself towards its client; nothing where it only passed on what the server behind it said.
pub(super) fn software(outer: &Leg, inner: Option<&Leg>) -> Option<Box<str>> {
    let server = outer.answer_field("server")?;
    let passed_on =
        inner.is_some_and(|inner| inner.answer_field("server").as_ref() == Some(&server));
    (!passed_on).then(|| server.as_ref().into())
}

/// `10.1.0.2 → 10.0.0.5:80`.
pub(super) fn name_of(leg: &Leg) -> String {
    format!("{} → {}", leg.connection.client.addr, leg.connection.server)
}

/// What a request says in a field.
pub(super) fn says(leg: &Leg, name: &str) -> String {
    match leg.request_field(name) {
        Some(value) => format!("{}: {name}: {value}", name_of(leg)),
        None => format!("{}: no {name}", name_of(leg)),
    }
}

/// What an answer says in a field.
pub(super) fn answers(leg: &Leg, name: &str) -> String {
    match leg.answer_field(name) {
        Some(value) => format!("{} answered with {name}: {value}", leg.connection.server),
        None => format!("{} answered without {name}", leg.connection.server),
    }
}

fn lacks(leg: &Leg, name: &str, has_key: bool) -> String {
    if has_key {
        format!(
            "{}: Sec-WebSocket-Key is there, {name} is not",
            name_of(leg)
        )
    } else {
        says(leg, name)
    }
}

fn renamed_connection(leg: &Leg) -> Option<&'static str> {
    let head = leg.request_head()?;
    RENAMED_CONNECTION
        .iter()
        .copied()
        .find(|name| head.fields.first(name).is_some())
}
