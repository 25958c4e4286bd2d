//! One view of a leg of an open WebSocket. What its handshake says it mostly shares with others.

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::attempt::closing::tail::Tail;
use crate::attempt::{ClosingLeg, Handshake, Leg};
use crate::flow::{ConnId, Endpoint};
use crate::hash::{DigestSeed, HashMap};
use crate::http::{Fields, Version};
use crate::websocket::{Accept, Extension, List};

/// Offered subprotocols kept of one leg, and the longest name: an app has a few, and strangers can name more.
const SUBPROTOCOLS: usize = 4;
const SUBPROTOCOL: usize = 64;

/// One view of a leg.
#[derive(Debug)]
pub(in crate::attempt) struct View {
    /// Its connection.
    pub(super) conn: ConnId,
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

/// A [`Handshake`] as it stands in a leg.
#[derive(Debug, Default)]
struct Said<'a> {
    leg: usize,
    host: Option<&'a str>,
    version: Option<Version>,
    software: Option<Cow<'a, str>>,
    offered: &'a [Extension],
    agreed: &'a [Extension],
    subprotocol: Option<&'a str>,
    proxy_mark: Option<&'static str>,
    /// Subprotocols asked for where none was agreed.
    subprotocols: Option<&'a List>,
    accept: Option<Accept>,
}

/// The handshakes of all that are open, each kept once, by their digests.
#[derive(Debug, Default)]
pub(in crate::attempt) struct Handshakes {
    /// With how many views have it.
    known: HashMap<u64, (Arc<Handshake>, usize)>,
    seed: DigestSeed,
}

impl Handshakes {
    /// A view of a leg.
    pub(in crate::attempt) fn view(&mut self, leg: &Leg, tail: Tail, of: Shown<'_>) -> View {
        let said = Said::of(leg, of);
        let digest = said.digest(&self.seed);
        let known = self.known.entry(digest);
        let (handshake, views) = known.or_insert_with(|| (Arc::new(said.owned(digest)), 0));
        *views += 1;
        View {
            conn: leg.conn,
            handshake: Arc::clone(handshake),
            tail,
            ends: Ends::of(of.client, of.server),
            marks: Marks::of(leg),
        }
    }

    /// A view is over. What its handshake says and no other has is forgotten.
    pub(super) fn leave(&mut self, view: &View) {
        if let Entry::Occupied(mut known) = self.known.entry(view.handshake.digest) {
            let (_, views) = known.get_mut();
            *views = views.saturating_sub(1);
            if *views == 0 {
                known.remove();
            }
        }
    }
}

impl View {
    /// The host of its attempt.
    pub(super) fn host(&self) -> Option<&Arc<str>> {
        self.handshake.host.as_ref()
    }

    /// As it is told.
    #[inline]
    pub(super) fn into_leg(self) -> ClosingLeg {
        let marks = self.marks.map_or_else(Vec::new, |marks| marks.0);
        self.tail.into_leg(self.handshake, self.ends.get(), marks)
    }

    /// Client and server.
    pub(super) fn ends(&self) -> (Endpoint, Endpoint) {
        self.ends.get()
    }
}

impl<'a> Said<'a> {
    fn of(leg: &'a Leg, of: Shown<'a>) -> Self {
        let request = leg.request.as_ref().map(|(_, request)| &**request);
        let mut said = Self {
            leg: of.leg,
            host: of.host,
            version: request.map(|request| request.head.version),
            proxy_mark: leg.proxy_mark(),
            ..Self::default()
        };
        let Some((_, response)) = &leg.response else {
            return said;
        };
        said.accept = response.answer.accept;
        said.agreed = &response.answer.extensions;
        said.subprotocol = response.answer.subprotocols.iter().next();
        said.software = leg.answer_field("server");
        if let Some(request) = request {
            said.offered = &request.offer.extensions;
            if said.subprotocol.is_none() {
                said.subprotocols = Some(&request.offer.subprotocols);
            }
        }
        said
    }

    /// Subprotocols asked for where none was agreed, the first few.
    fn offered_subprotocols(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let few = self.subprotocols.into_iter().flat_map(List::iter);
        few.filter(|name| name.len() <= SUBPROTOCOL)
            .take(SUBPROTOCOLS)
    }

    /// What tells it apart from all others.
    fn digest(&self, seed: &DigestSeed) -> u64 {
        let mut hasher = seed.build_hasher();
        hasher.write_usize(self.leg);
        let software = self.software.as_deref();
        for text in [self.host, software, self.subprotocol, self.proxy_mark] {
            // An empty one is not one that is absent.
            hasher.write_usize(text.map_or(usize::MAX, str::len));
            hasher.write(text.unwrap_or_default().as_bytes());
        }
        let version = self.version.map_or(u8::MAX, |version| version as u8);
        let accept = self.accept.map_or(u8::MAX, |accept| accept as u8);
        hasher.write_u16(u16::from_be_bytes([version, accept]));
        for extensions in [self.offered, self.agreed] {
            extensions.len().hash(&mut hasher);
            for extension in extensions {
                (&extension.name, extension.params.len()).hash(&mut hasher);
                for param in &*extension.params {
                    (&param.name, &param.value).hash(&mut hasher);
                }
            }
        }
        self.offered_subprotocols()
            .for_each(|name| name.hash(&mut hasher));
        hasher.finish()
    }

    fn owned(&self, digest: u64) -> Handshake {
        Handshake {
            digest,
            leg: self.leg,
            host: self.host.map(Into::into),
            version: self.version,
            software: self.software.as_deref().map(Into::into),
            offered: self.offered.into(),
            agreed: self.agreed.into(),
            subprotocol: self.subprotocol.map(Into::into),
            proxy_mark: self.proxy_mark,
            offered_subprotocols: self.offered_subprotocols().map(Into::into).collect(),
            accept: self.accept,
        }
    }
}

impl Marks {
    fn of(leg: &Leg) -> Option<Box<Self>> {
        // Without an answer nothing is known of who handled it.
        let (_, response) = leg.response.as_ref()?;
        let asked = leg.request_head().map(|head| &head.fields);
        let answered = response.head.as_ref().map(|head| &head.fields);
        // A hop in front of this leg marks the request, one behind it the answer.
        let heads = [asked, answered];
        let is_marked = heads.into_iter().flatten().any(Self::are_in);
        is_marked.then(|| Box::new(Self::read(heads)))
    }

    #[inline(never)]
    fn read(heads: [Option<&Fields>; 2]) -> Self {
        let mut marks = Vec::new();
        for fields in heads.into_iter().flatten() {
            Self::add(fields, &mut marks);
        }
        Self(marks)
    }
}

/// Each name stands where it is looked up, so that the compiler knows what to look for.
macro_rules! marks {
    ($($name:literal,)+) => {
        impl Marks {
            /// Whether a head has any of them.
            fn are_in(fields: &Fields) -> bool {
                $(fields.has($name))||+
            }

            /// Adds those of a head.
            fn add(fields: &Fields, marks: &mut Vec<Box<str>>) {
                $(if let Some(value) = fields.value($name) {
                    marks.push(format!(concat!($name, ": {}"), value).into());
                })+
            }
        }
    };
}

marks!(
    "via",
    "cf-ray",
    "x-amz-cf-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-served-by",
    "x-cache",
    "x-envoy-upstream-service-time",
);

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
            assert_eq!(handshakes.known.len(), 1);
            handshakes.leave(&view);
            assert_eq!(view.host().map(|host| &**host), Some("a.example"));
            assert_eq!(
                view.into_leg().client,
                Endpoint::new(addr.parse().unwrap(), 1)
            );
        }
        assert!(handshakes.known.is_empty());
    }

    #[test]
    fn a_silent_one_takes_little_room() {
        assert!(size_of::<View>() <= 64, "{}", size_of::<View>());
    }
}
