//! What a handshake asks for, and what a 101 says of it (RFC 9110 §7.8).

use crate::event::{Request, Response};
use crate::http::Fields;
use crate::websocket::asks_for_websocket;

/// What a handshake asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// WebSocket.
    WebSocket,
    /// Another token of `Upgrade`, such as `h2c`.
    Other(Box<str>),
    /// Nothing: a 426 to a request without an upgrade.
    None,
}

impl Protocol {
    /// What a request asks for.
    pub(super) fn asked_by(request: &Request) -> Self {
        if asks_for_websocket(&request.head, &request.offer) {
            Self::WebSocket
        } else {
            Self::named_in(&request.head.fields).unwrap_or(Self::None)
        }
    }

    /// A 101 says what is spoken from there on; but who asked for a WebSocket is judged by what that takes.
    pub(super) fn switched(&self, response: &Response) -> Self {
        if response.answer.upgrade || *self == Self::WebSocket {
            return Self::WebSocket;
        }
        let head = response.head.as_ref();
        head.and_then(|head| Self::named_in(&head.fields))
            .unwrap_or_else(|| self.clone())
    }

    /// The first token of `Upgrade`, which is not `websocket`.
    fn named_in(fields: &Fields) -> Option<Self> {
        let token = fields.elements("upgrade").next()?;
        Some(Self::Other(String::from_utf8_lossy(token).into()))
    }
}
