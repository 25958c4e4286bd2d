//! Which exchanges belong to an attempt, by their own fields.

use crate::http::{Fields, RequestHead, ResponseHead};
use crate::websocket::{Answer, Offer};

/// Whether a request is a try to open a WebSocket, or what a proxy left of one.
pub(super) fn asks_for_websocket(head: &RequestHead, offer: &Offer) -> bool {
    offer.upgrade || bears_websocket_field(&head.fields) || is_engine_io(head)
}

/// Whether there is any `Sec-WebSocket-*` field: they are end to end and outlive a stripped `Upgrade`.
pub(super) fn bears_websocket_field(fields: &Fields) -> bool {
    const PREFIX: &str = "sec-websocket-";
    fields.iter().any(|field| {
        field
            .name
            .get(..PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
    })
}

/// Whether a 101 is one to WebSocket: it says so, or that was asked for and it does not name another protocol.
pub(super) fn switches_to_websocket(head: &ResponseHead, answer: &Answer, asked: bool) -> bool {
    const OTHERS: &[&[u8]] = &[b"h2", b"http/", b"tls/", b"tcp"];
    let names_another = head.fields.elements("upgrade").any(|token| {
        OTHERS.iter().any(|other| {
            token
                .get(..other.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(other))
        })
    });
    answer.upgrade || (asked && !names_another)
}

/// A request of Engine.IO for its WebSocket transport; the parameters outlive a proxy that strips fields.
fn is_engine_io(head: &RequestHead) -> bool {
    head.query().is_some_and(|query| {
        query.split('&').any(|param| param == "transport=websocket")
            && query.split('&').any(|param| param.starts_with("EIO="))
    })
}
