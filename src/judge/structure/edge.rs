//! Two neighbouring legs, and what the hop between them did to the handshake.

use super::{Fault, answers, name_of, renamed_connection, says, software};
use crate::attempt::{Attempt, JoinedBy, Leg, Node, Role};
use crate::http::Version;
use crate::judge::{Confidence, FindingId, Hop};
use crate::websocket::{Accept, Key};

/// Two neighbouring `path` legs whose requests were both seen whole: the outer one, and the one that serves it.
#[derive(Clone, Copy, Debug)]
pub(in crate::judge) struct Edge<'a> {
    pub(in crate::judge) from: usize,
    pub(in crate::judge) to: usize,
    pub(in crate::judge) outer: &'a Leg,
    pub(in crate::judge) inner: &'a Leg,
    node: &'a Node,
    /// A leg behind the inner one brought an answer.
    is_answered_behind: bool,
}

/// The edges of the path, outermost first.
pub(in crate::judge) fn edges(attempt: &Attempt) -> Vec<Edge<'_>> {
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
                is_answered_behind: attempt.legs.iter().any(|behind| {
                    behind.parent == Some(to)
                        && behind.role == Role::Path
                        && behind.leg.response.is_some()
                }),
            })
        })
        .collect()
}

impl Edge<'_> {
    /// How sure a difference between these two legs is.
    pub(in crate::judge) fn confidence(&self) -> Confidence {
        if self.node.joined_by == Some(JoinedBy::Time) {
            Confidence::Likely
        } else {
            Confidence::Proved
        }
    }

    /// How sure a fault is; legs are joined by time only where target, Origin and X-Forwarded-For agree, and then a key
    /// of their own proves the hop's doing.
    pub(in crate::judge) fn confidence_of(&self, fault: &Fault) -> Confidence {
        if fault.id == FindingId::KeyChanged {
            Confidence::Proved
        } else {
            self.confidence()
        }
    }

    /// The hop between the two legs.
    pub(in crate::judge) fn hop(&self) -> Hop {
        let (inward, outward) = self.outer.facing(self.inner);
        Hop {
            inward: Some(inward),
            outward: Some(outward),
            software: software(self.outer, Some(self.inner)).filter(|_| !self.has_lost_answer()),
            adjacent: self.node.adjacent,
        }
    }

    /// An answer came from further in, and is not seen on the inner leg: what it says of its software may be that of
    /// another hop.
    fn has_lost_answer(&self) -> bool {
        self.is_answered_behind && self.inner.response.is_none()
    }

    /// What the hop did to the request, the root first.
    pub(in crate::judge) fn request_faults(&self) -> Vec<Fault> {
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
    pub(in crate::judge) fn offer_faults(&self) -> Vec<Fault> {
        let (Some(before), Some(after)) = (self.outer.offer(), self.inner.offer()) else {
            return Vec::new();
        };
        let granted = self.outer.answer();
        let is_gateway = self.is_gateway();
        let mut faults = Vec::new();
        let mut compare =
            |name: &str, had: bool, has: bool, agreed: bool, removed, added: Option<FindingId>| {
                let told = || format!("{}; {}", says(self.outer, name), says(self.inner, name));
                let is_declined = is_gateway && removed == FindingId::ExtensionsStripped;
                if had && !has && !agreed && !is_declined {
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
    pub(in crate::judge) fn response_faults(&self) -> Vec<Fault> {
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
        let same_key = self.outer.offer().and_then(|offer| offer.key.as_ref())
            == self.inner.offer().and_then(|offer| offer.key.as_ref());
        let accept = self.outer.answer_field("sec-websocket-accept");
        let brought_accept = self.inner.answer_field("sec-websocket-accept");
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
                brought_accept.is_some() && accept.is_none(),
            ),
            (
                FindingId::ResponseAcceptChanged,
                "Sec-WebSocket-Accept",
                same_key && accept.is_some() && accept != brought_accept,
            ),
            (
                FindingId::ResponseExtensionsStripped,
                "Sec-WebSocket-Extensions",
                !brought.extensions.is_empty() && out.extensions.is_empty() && !self.is_gateway(),
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

    /// The hop opened a WebSocket of its own, with a key of its own, and answered the client by itself: it speaks WebSocket
    /// on both sides, and each has the extensions that it agreed.
    fn is_gateway(&self) -> bool {
        fn key(leg: &Leg) -> Option<&Key> {
            leg.offer()?.key.as_ref()
        }
        let is_right =
            |leg: &Leg| leg.answer().and_then(|answer| answer.accept) == Some(Accept::Ok);
        let (outer, inner) = (self.outer, self.inner);
        key(outer).is_some()
            && key(inner).is_some()
            && key(outer) != key(inner)
            && is_right(outer)
            && is_right(inner)
    }

    /// The hop speaks HTTP/1.0 to the server although it was asked in HTTP/1.1.
    pub(in crate::judge) fn lowers_version(&self) -> bool {
        let version = |leg: &Leg| leg.request_head().map(|head| head.version);
        version(self.outer) == Some(Version::Http11) && version(self.inner) == Some(Version::Http10)
    }

    /// Whether a request field has another value behind the hop.
    pub(in crate::judge) fn changes(&self, name: &str) -> bool {
        self.outer.request_field(name) != self.inner.request_field(name)
    }
}
