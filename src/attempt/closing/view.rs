//! One view of a leg of an open WebSocket. What its handshake says it mostly shares with others.

use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::attempt::closing::tail::Tail;
use crate::attempt::{ClosingLeg, Leg};
use crate::flow::Endpoint;
use crate::hash::Seed;
use crate::http::{Fields, Version};
use crate::websocket::{Accept, Extension};

/// Offered subprotocols kept of one leg, and the longest name: an app has a few, and strangers can name more.
const SUBPROTOCOLS: usize = 4;
const SUBPROTOCOL: usize = 64;

/// One view of a leg.
#[derive(Debug)]
pub(in crate::attempt) struct View {
    pub(super) tail: Tail,
    ends: Ends,
    handshake: Arc<Handshake>,
    marks: Option<Box<Marks>>,
}

/// What its attempt says of a leg.
#[derive(Clone, Copy, Debug)]
pub(in crate::attempt) struct Shown<'a> {
    /// Its index there.
    pub(in crate::attempt) leg: usize,
    pub(in crate::attempt) client: Endpoint,
    pub(in crate::attempt) server: Endpoint,
    /// What the outermost request names, without port.
    pub(in crate::attempt) host: Option<&'a str>,
}

/// Client and server; most are of IPv4.
#[derive(Debug)]
enum Ends {
    Short([Ipv4Addr; 2], [u16; 2]),
    Long(Box<[Endpoint; 2]>),
}

/// Fields that show who handled it, which mostly bear a number of their own.
#[derive(Debug)]
struct Marks(Vec<Box<str>>);

/// What a handshake says that many say alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Handshake {
    /// Index of the leg in its attempt.
    leg: usize,
    /// Of the attempt.
    host: Option<Box<str>>,
    /// And this of a [`ClosingLeg`], in fields of the same names.
    version: Option<Version>,
    software: Option<Box<str>>,
    offered: Box<[Extension]>,
    agreed: Box<[Extension]>,
    subprotocol: Option<Box<str>>,
    proxy_mark: Option<&'static str>,
    offered_subprotocols: Box<[Box<str>]>,
    accept: Option<Accept>,
}

/// The handshakes of all that are open, each kept once.
#[derive(Debug, Default)]
pub(in crate::attempt) struct Handshakes(HashSet<Arc<Handshake>, Seed>);

impl Handshakes {
    /// A view of a leg.
    pub(in crate::attempt) fn view(&mut self, leg: &Leg, tail: Tail, of: Shown<'_>) -> View {
        let handshake = Handshake::of(leg, of);
        let handshake = match self.0.get(&handshake) {
            Some(known) => Arc::clone(known),
            None => {
                let new = Arc::new(handshake);
                self.0.insert(Arc::clone(&new));
                new
            }
        };
        View {
            tail,
            ends: Ends::of(of.client, of.server),
            handshake,
            marks: Marks::of(leg),
        }
    }

    /// The view as it is told, with the host of its attempt. What no other has is forgotten.
    pub(super) fn close(&mut self, view: View) -> (Option<Box<str>>, ClosingLeg) {
        // Here and in the set.
        if Arc::strong_count(&view.handshake) == 2 {
            self.0.remove(&view.handshake);
        }
        let (client, server) = view.ends.get();
        let said = Arc::unwrap_or_clone(view.handshake);
        let leg = ClosingLeg {
            leg: said.leg,
            client,
            server,
            version: said.version,
            software: said.software,
            marks: view.marks.map_or_else(Vec::new, |marks| marks.0),
            offered: said.offered,
            agreed: said.agreed,
            subprotocol: said.subprotocol,
            proxy_mark: said.proxy_mark,
            offered_subprotocols: said.offered_subprotocols,
            accept: said.accept,
            ..ClosingLeg::default()
        };
        (said.host, view.tail.into_leg(leg))
    }
}

impl View {
    /// Client and server.
    pub(super) fn ends(&self) -> (Endpoint, Endpoint) {
        self.ends.get()
    }
}

impl Handshake {
    fn of(leg: &Leg, of: Shown<'_>) -> Self {
        let request = leg.request.as_ref().map(|(_, request)| request);
        let response = leg.response.as_ref().map(|(_, response)| response);
        let mut handshake = Self {
            leg: of.leg,
            host: of.host.map(Into::into),
            version: request.map(|request| request.head.version),
            proxy_mark: leg.proxy_mark(),
            ..Self::default()
        };
        let Some(response) = response else {
            return handshake;
        };
        handshake.accept = response.answer.accept;
        handshake.agreed.clone_from(&response.answer.extensions);
        handshake.subprotocol = response.answer.subprotocols.first().cloned();
        if let Some(request) = request {
            handshake.offered.clone_from(&request.offer.extensions);
            if handshake.subprotocol.is_none() {
                let few = request.offer.subprotocols.iter();
                let few = few.filter(|name| name.len() <= SUBPROTOCOL);
                handshake.offered_subprotocols = few.take(SUBPROTOCOLS).cloned().collect();
            }
        }
        let software = leg.answer_field("server");
        handshake.software = software.map(|server| server.as_ref().into());
        handshake
    }
}

impl Hash for Handshake {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // What tells most of them apart.
        (self.leg, &self.host, &self.software, &self.subprotocol).hash(hasher);
        self.proxy_mark.hash(hasher);
        self.offered_subprotocols.hash(hasher);
        for extension in self.offered.iter().chain(&self.agreed) {
            extension.name.hash(hasher);
            for param in &extension.params {
                (&param.name, &param.value).hash(hasher);
            }
        }
    }
}

impl Marks {
    fn of(leg: &Leg) -> Option<Box<Self>> {
        const NAMES: &[&str] = &[
            "via",
            "cf-ray",
            "x-amz-cf-id",
            "x-amzn-trace-id",
            "x-cloud-trace-context",
            "x-served-by",
            "x-cache",
            "x-envoy-upstream-service-time",
        ];
        let asked = leg.request_head().map(|head| &head.fields);
        // Without an answer nothing is known of who handled it.
        let response = leg.response.as_ref()?;
        let answered = response.1.head.as_ref().map(|head| &head.fields);
        let mark = |(name, fields): (&str, &Fields)| {
            let value = fields.value(name)?;
            Some(format!("{name}: {value}").into())
        };
        // A hop in front of this leg marks the request, one behind it the answer.
        let mut marks = Vec::new();
        for fields in [asked, answered].into_iter().flatten() {
            marks.extend(NAMES.iter().filter_map(|name| mark((name, fields))));
        }
        (!marks.is_empty()).then(|| Box::new(Self(marks)))
    }
}

impl Ends {
    fn of(client: Endpoint, server: Endpoint) -> Self {
        use std::net::IpAddr::V4;

        match (client.addr, server.addr) {
            (V4(from), V4(to)) => Self::Short([from, to], [client.port, server.port]),
            _ => Self::Long(Box::new([client, server])),
        }
    }

    fn get(&self) -> (Endpoint, Endpoint) {
        match self {
            Self::Short([from, to], [from_port, to_port]) => (
                Endpoint::new((*from).into(), *from_port),
                Endpoint::new((*to).into(), *to_port),
            ),
            Self::Long(ends) => {
                let [client, server] = **ends;
                (client, server)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_say_is_kept_once_and_as_long_as_one_is_open() {
        let mut handshakes = Handshakes::default();
        let leg = Leg::default();
        let mut open = |addr: &str| {
            let of = Shown {
                leg: 0,
                client: Endpoint::new(addr.parse().unwrap(), 1),
                server: Endpoint::default(),
                host: Some("a.example"),
            };
            handshakes.view(&leg, Tail::default(), of)
        };
        let (short, long) = (open("10.0.0.1"), open("2001:db8::1"));
        assert!(Arc::ptr_eq(&short.handshake, &long.handshake));
        for (view, addr) in [(short, "10.0.0.1"), (long, "2001:db8::1")] {
            assert_eq!(handshakes.0.len(), 1);
            let (host, leg) = handshakes.close(view);
            assert_eq!(host.as_deref(), Some("a.example"));
            assert_eq!(leg.client, Endpoint::new(addr.parse().unwrap(), 1));
        }
        assert!(handshakes.0.is_empty());
    }

    #[test]
    fn a_silent_one_takes_little_room() {
        assert!(size_of::<View>() <= 56, "{}", size_of::<View>());
    }
}
