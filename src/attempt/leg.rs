//! One exchange on one connection, and what became of the connection.

use std::sync::LazyLock;

use crate::attempt::TcpEnd;
use crate::event::{Connection, Request, Response};
use crate::flow::{ConnId, Direction, End};
use crate::http::{RequestHead, ResponseHead};
use crate::time::{Stamp, Timestamp};
use crate::websocket::{Accept, Answer, Offer};

/// What one connection showed of one exchange.
#[derive(Clone, Debug, Default)]
pub struct Leg {
    /// Which connection.
    pub conn: ConnId,
    /// The connection, where no request brought it: a leg is large, and of most the request has it.
    pub unasked: Option<Box<Connection>>,
    /// The same connection under other addresses, as translation of addresses shows it.
    pub also: Vec<View>,
    /// The request, with the stamp of the record that completes its head.
    pub request: Option<(Stamp, Box<Request>)>,
    /// The final answer, likewise.
    pub response: Option<(Stamp, Box<Response>)>,
    /// How the content of the answer begins.
    pub body: Option<BodyStart>,
    /// When it was first noticed, where neither request nor answer was seen.
    pub noticed: Option<Timestamp>,
    /// What was lost of it.
    pub gaps: Gaps,
    /// How it ended, up to the time the attempt was decided.
    pub end: LegEnd,
    /// The text `HTTP/` came where frames should be.
    pub http_after_101: bool,
}

/// A leg under other addresses than those it was seen under first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Which file or interface of the command line shows it.
    pub source: u16,
    /// Its endpoints there.
    pub connection: Connection,
}

/// The first bytes of the content of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyStart {
    /// At most 256 bytes.
    pub bytes: Box<[u8]>,
    /// The content ended within them.
    pub whole: bool,
    /// Compressed, so the bytes say nothing.
    pub encoded: bool,
}

/// What was lost of a leg.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// Bytes that are, or may be, part of the request head.
    pub request: bool,
    /// Bytes that are, or may be, part of the response head.
    pub response: bool,
    /// What the client sent behind its request and before the answer: it may have been the FIN with which it left.
    pub behind: bool,
    /// Bytes of the frames or of the content.
    pub later: bool,
    /// Only one direction of the connection was ever seen.
    pub one_sided: bool,
}

/// How the connection of a leg came to its end so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegEnd {
    /// The first FIN or RST of either side.
    pub first: Option<TcpEnd>,
    /// How the connection was left.
    pub how: Option<End>,
    /// It is not known: nobody follows the end of a connection with plain exchanges.
    pub unseen: bool,
}

/// Of a leg of which nothing is known, as none is that is part of an attempt.
#[cold]
fn nowhere() -> &'static Connection {
    static NOWHERE: LazyLock<Connection> = LazyLock::new(Connection::default);
    &NOWHERE
}

impl Leg {
    /// Its endpoints and what was seen of its start.
    pub fn connection(&self) -> &Connection {
        match (&self.request, &self.unasked) {
            (Some((_, request)), _) => &request.connection,
            (None, Some(connection)) => connection,
            (None, None) => nowhere(),
        }
    }

    /// The same, to be changed.
    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        match &mut self.request {
            Some((_, request)) => &mut request.connection,
            None => self.unasked.get_or_insert_default(),
        }
    }

    /// First byte of the request; else of the response; else when it was noticed; else the SYN.
    pub fn started(&self) -> Timestamp {
        self.request
            .as_ref()
            .map(|(_, request)| request.started.ts)
            .or_else(|| {
                self.response
                    .as_ref()
                    .map(|(_, response)| response.started.ts)
            })
            .or(self.noticed)
            .or_else(|| self.connection().syn.map(|syn| syn.ts))
            .unwrap_or_default()
    }

    /// First byte of the final answer.
    pub fn answered(&self) -> Option<Timestamp> {
        self.response
            .as_ref()
            .map(|(_, response)| response.started.ts)
    }

    /// First byte of the final answer, or the end of the connection without one.
    pub fn settled(&self) -> Option<Timestamp> {
        self.answered().or_else(|| self.end.first.map(|end| end.at))
    }

    /// Final status, where there is one.
    pub fn status(&self) -> Option<u16> {
        self.answer_head().map(|head| head.status.0)
    }

    /// Request line and fields.
    pub fn request_head(&self) -> Option<&RequestHead> {
        self.request.as_ref().map(|(_, request)| &request.head)
    }

    /// Status line and fields of the final answer.
    pub fn answer_head(&self) -> Option<&ResponseHead> {
        self.response.as_ref()?.1.head.as_ref()
    }

    /// Handshake fields of the request.
    pub fn offer(&self) -> Option<&Offer> {
        self.request.as_ref().map(|(_, request)| &request.offer)
    }

    /// Handshake fields of the final answer.
    pub fn answer(&self) -> Option<&Answer> {
        self.response.as_ref().map(|(_, response)| &response.answer)
    }

    /// A field of the request as text.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub fn request_field<'a>(&'a self, name: &'a str) -> Option<std::borrow::Cow<'a, str>> {
        self.request_head()?.fields.value(name)
    }

    /// A field of the final answer as text.
    #[expect(
        clippy::inline_always,
        reason = "the name is known where it is asked for"
    )]
    #[inline(always)]
    pub fn answer_field<'a>(&'a self, name: &'a str) -> Option<std::borrow::Cow<'a, str>> {
        self.answer_head()?.fields.value(name)
    }

    /// The client sent FIN or RST before the server had answered.
    pub fn client_left_first(&self) -> bool {
        self.end.first.is_some_and(|end| {
            end.dir == Direction::ToServer
                && self.answered().is_none_or(|answered| end.at < answered)
        })
    }

    /// The server sent FIN or RST and no byte of an answer.
    pub fn server_left_first(&self) -> bool {
        self.response.is_none()
            && self
                .end
                .first
                .is_some_and(|end| end.dir == Direction::ToClient)
    }

    /// Whether a client takes the answer as an open WebSocket (RFC 6455 §4.1): 101, its fields and the accept right,
    /// nothing agreed that was not offered; and it had not left before.
    pub fn opened(&self) -> bool {
        let (Some(offer), Some(answer)) = (self.offer(), self.answer()) else {
            return false;
        };
        self.status() == Some(101)
            && answer.accept == Some(Accept::Ok)
            && answer.upgrade
            && answer.connection
            && unoffered_subprotocol(offer, answer).is_none()
            && unoffered_extension(offer, answer).is_none()
            && !self.client_left_first()
            && !self.http_after_101
    }

    /// A right 101 whose request is not in the capture: it cannot be told whether the client took it.
    pub fn opened_unseen(&self) -> bool {
        let answer = self.answer();
        self.request.is_none()
            && self.status() == Some(101)
            && answer.is_some_and(|answer| {
                answer.upgrade && answer.connection && answer.accept == Some(Accept::Unknown)
            })
    }

    /// The field that proves that a proxy sent this request, where one does.
    pub fn proxy_mark(&self) -> Option<&'static str> {
        let head = self.request_head()?;
        // Each name stands where it is looked up, so that the compiler knows what to look for.
        macro_rules! first_of {
            ($($mark:literal),+) => {
                $(if head.fields.has($mark) { Some($mark) } else)+ { None }
            };
        }
        first_of!(
            "via",
            "forwarded",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-server",
            "x-forwarded-port",
            "x-real-ip",
            "x-varnish"
        )
        .or_else(|| {
            let is_old = head.version == crate::http::Version::Http10;
            (is_old && head.fields.has_element("connection", "close"))
                .then_some("HTTP/1.0 with Connection: close")
        })
    }

    /// The request bears marks of a sub-request that asks whether the client may.
    pub fn is_marked_auth(&self) -> bool {
        let has = |name| {
            self.request_head()
                .is_some_and(|head| head.fields.has(name))
        };
        [
            "x-original-uri",
            "x-original-url",
            "x-original-method",
            "x-auth-request-redirect",
        ]
        .into_iter()
        .any(has)
            || (has("x-forwarded-uri") && has("x-forwarded-method"))
    }
}

/// A subprotocol of the answer that the request did not offer, or a second one (RFC 6455 §4.1, step 6).
pub fn unoffered_subprotocol<'a>(offer: &Offer, answer: &'a Answer) -> Option<&'a str> {
    let mut selected = answer.subprotocols.iter();
    let first = selected.next()?;
    if offer.subprotocols.contains(first) {
        selected.next()
    } else {
        Some(first)
    }
}

/// An extension of the answer that the request did not offer (RFC 6455 §4.1, step 5).
pub fn unoffered_extension<'a>(offer: &Offer, answer: &'a Answer) -> Option<&'a str> {
    let offered = |name: &str| {
        offer
            .extensions
            .iter()
            .any(|extension| *extension.name == *name)
    };
    answer
        .extensions
        .iter()
        .map(|extension| &*extension.name)
        .find(|name| !offered(name))
}
