//! Libraries that can do without WebSocket: the requests with which they go on, and what in a request tells whose it is.
//!
//! socket.io and its Engine.IO, `SockJS`, SignalR of both makes. ActionCable has no other transport: its client only tries
//! again, so there is nothing of it to know here. A session is as good as a password: it is kept as a hash.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use super::handshake::split;
use crate::http::{RequestHead, origin_form};

/// The shortest connection token of SignalR is longer; what is shorter is the `id` of something else.
const SHORTEST_TOKEN: usize = 16;

/// Who it is that can go on without WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Library {
    /// Engine.IO, and socket.io on it. Begins with polling where it is not told otherwise.
    EngineIo,
    /// `SockJS`. Another session for each transport, but one server number for all.
    SockJs,
    /// SignalR of ASP.NET Core. Negotiates anew before the next transport.
    SignalR,
    /// SignalR of ASP.NET before Core.
    ClassicSignalR,
}

/// In what way it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// By the name that it has in the target.
    Named(&'static str),
    /// Not yet a transport: the negotiation that precedes each.
    Negotiation,
}

/// What of a request tells whose it is, handshake or poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traces {
    /// Whose habits it has.
    pub library: Library,
    /// Hash of the host and the path that all requests to this server share.
    pub place: u64,
    /// Hash of the session, where it names one.
    pub session: Option<u64>,
    /// Hash of `User-Agent`.
    pub agent: u64,
}

/// A request of a transport that is not WebSocket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Poll {
    /// Whose it is.
    pub traces: Traces,
    /// Which transport.
    pub by: Transport,
}

impl Transport {
    /// As the user knows it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Named(name) => name,
            Self::Negotiation => "negotiate",
        }
    }
}

impl Traces {
    /// Of a handshake for WebSocket, if it is one of these libraries'.
    pub fn of_handshake(head: &RequestHead) -> Option<Self> {
        let (path, query) = parts(head);
        if let Some((base, server, _, "websocket")) = sockjs(path) {
            return Some(Self::new(Library::SockJs, head, base, Some(server)));
        }
        match value(query, "transport") {
            Some("websocket") => {
                let session = value(query, "sid");
                Some(Self::new(Library::EngineIo, head, path, session))
            }
            Some("webSockets") => Self::of_classic(head, path, query),
            Some(_) => None,
            None => Self::of_token(head, path, query),
        }
    }

    fn of_classic(head: &RequestHead, path: &str, query: &str) -> Option<Self> {
        let token = value(query, "connectionToken")?;
        let (base, _) = path.rsplit_once('/')?;
        Some(Self::new(Library::ClassicSignalR, head, base, Some(token)))
    }

    fn of_token(head: &RequestHead, path: &str, query: &str) -> Option<Self> {
        let token = value(query, "id").filter(|token| token.len() >= SHORTEST_TOKEN)?;
        Some(Self::new(Library::SignalR, head, path, Some(token)))
    }

    fn new(library: Library, head: &RequestHead, base: &str, session: Option<&str>) -> Self {
        let host = head.fields.value("host").unwrap_or_default();
        Self {
            library,
            place: hash(&(host.to_ascii_lowercase(), base.trim_end_matches('/'))),
            session: session.map(hash),
            agent: hash(&head.fields.value("user-agent")),
        }
    }
}

impl Poll {
    /// Of a request without an upgrade, if it is one of these libraries'.
    pub fn of(head: &RequestHead) -> Option<Self> {
        let is_get = match &*head.method {
            "GET" => true,
            "POST" => false,
            // The question of a browser whether it may ask is not yet a poll.
            _ => return None,
        };
        let (path, query) = parts(head);
        let named = |name, traces| Self {
            traces,
            by: Transport::Named(name),
        };
        if let Some(transport) = value(query, "transport") {
            if transport == "polling" && value(query, "EIO").is_some() {
                let traces = Traces::new(Library::EngineIo, head, path, value(query, "sid"));
                return Some(named("transport=polling", traces));
            }
            let name = match transport {
                "longPolling" => "transport=longPolling",
                "serverSentEvents" => "transport=serverSentEvents",
                "foreverFrame" => "transport=foreverFrame",
                _ => return None,
            };
            return Some(named(name, Traces::of_classic(head, path, query)?));
        }
        if let Some(base) = path.strip_suffix("/negotiate").filter(|_| !is_get) {
            return Some(Self {
                traces: Traces::new(Library::SignalR, head, base, None),
                by: Transport::Negotiation,
            });
        }
        if last_of(path).is_some_and(is_sockjs_transport)
            && let Some((base, server, _, transport)) = sockjs(path)
        {
            let name = match (transport, is_get) {
                ("xhr", false) => "xhr",
                ("xhr_streaming", false) => "xhr_streaming",
                ("xhr_send", false) => "xhr_send",
                ("jsonp_send", false) => "jsonp_send",
                ("eventsource", true) => "eventsource",
                ("htmlfile", true) => "htmlfile",
                ("jsonp", true) => "jsonp",
                _ => return None,
            };
            let traces = Traces::new(Library::SockJs, head, base, Some(server));
            return Some(named(name, traces));
        }
        if !is_get {
            return None;
        }
        let traces = Traces::of_token(head, path, query)?;
        if sockjs(path).is_some() {
            return None;
        }
        // Its long polls are told from other requests by the time that keeps caches away.
        let is_timed = |at: &str| !at.is_empty() && at.bytes().all(|digit| digit.is_ascii_digit());
        if head.fields.has_element("accept", "text/event-stream") {
            Some(named("server-sent events", traces))
        } else if value(query, "_").is_some_and(is_timed) {
            Some(named("long polling", traces))
        } else {
            None
        }
    }
}

/// Whether a target may be that of one of these libraries, for its WebSocket or for a poll.
pub(crate) fn is_target_of_library(target: &str) -> bool {
    // In absolute form it stands before a forward proxy, of whose requests few are.
    if !target.starts_with('/') {
        return true;
    }
    let (path, query) = parts_of(target);
    let is_trace = |pair: &str| pair.starts_with("transport=") || pair.starts_with("id=");
    (!query.is_empty() && split(query, b'&').any(is_trace))
        || last_of(path).is_some_and(|last| last == "negotiate" || is_sockjs_transport(last))
}

/// Path and query of a request.
fn parts(head: &RequestHead) -> (&str, &str) {
    parts_of(head.target())
}

/// Path and query of a target.
fn parts_of(target: &str) -> (&str, &str) {
    let target = origin_form(target);
    let mark = memchr::memchr(b'?', target.as_bytes());
    let parts = mark.and_then(|mark| Some((target.get(..mark)?, target.get(mark + 1..)?)));
    parts.unwrap_or((target, ""))
}

/// The value of a name in a query, as it was sent.
fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    split(query, b'&')
        .filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        .find(|value| !value.is_empty())
}

/// The last part of a path.
fn last_of(path: &str) -> Option<&str> {
    let slash = memchr::memrchr(b'/', path.as_bytes())?;
    path.get(slash + 1..)
}

/// Whether this is a name of such a transport: of those that are asked for, then of those that are sent to.
fn is_sockjs_transport(name: &str) -> bool {
    matches!(
        name,
        "eventsource" | "htmlfile" | "jsonp" | "xhr" | "xhr_streaming" | "xhr_send" | "jsonp_send"
    )
}

/// Base, server number, session and transport: `/echo/766/yfzjpajr/websocket`. Neither number nor session has a dot, by
/// which `SockJS` tells them from the names of files.
fn sockjs(path: &str) -> Option<(&str, &str, &str, &str)> {
    let mut parts = path.rsplitn(4, '/');
    let (transport, session, server, base) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_name = |name: &str| !name.is_empty() && !name.contains('.');
    (is_name(server) && is_name(session)).then_some((base, server, session, transport))
}

fn hash(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests;
