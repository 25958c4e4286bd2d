//! How the legs of the path differ, field by field: what is shown, whether or not it is a fault.

use std::borrow::Cow;

use super::{Edge, renamed_connection};
use crate::http::{Status, origin_form};
use crate::judge::{Change, Difference, Message};

/// Compares each of these fields in two heads. The names stand where they are looked up, so that the compiler knows what to
/// look for.
macro_rules! compare_each {
    ($compare:ident, $message:expr, $was:expr, $is:expr, [$($name:literal,)+]) => {
        $(if !$was.fields.is_same(&$is.fields, $name) {
            $compare($message, $name, $was.fields.value($name), $is.fields.value($name));
        })+
    };
}

/// How the legs of the path differ, field by field.
pub(in crate::judge) fn differences(edges: &[Edge<'_>]) -> Vec<Difference> {
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
                    Some(Cow::Borrowed(was)),
                    Some(Cow::Borrowed(is)),
                );
            };
            line("method", &outer.method, &inner.method);
            line(
                "target",
                origin_form(outer.target()),
                origin_form(inner.target()),
            );
            line("version", outer.version.name(), inner.version.name());
            // In the order in which they are told.
            compare_each!(
                compare,
                Message::Request,
                outer,
                inner,
                [
                    "host",
                    "upgrade",
                    "connection",
                    "sec-websocket-key",
                    "sec-websocket-version",
                    "sec-websocket-extensions",
                    "sec-websocket-protocol",
                    "origin",
                ]
            );
        }
        if let (Some(outer), Some(inner)) = (edge.outer.answer_head(), edge.inner.answer_head()) {
            if inner.status != outer.status {
                let text = |status: Status| Some(Cow::Owned(status.0.to_string()));
                compare(
                    Message::Response,
                    "status",
                    text(inner.status),
                    text(outer.status),
                );
            }
            compare(
                Message::Response,
                "version",
                Some(Cow::Borrowed(inner.version.name())),
                Some(Cow::Borrowed(outer.version.name())),
            );
            compare_each!(
                compare,
                Message::Response,
                inner,
                outer,
                [
                    "upgrade",
                    "connection",
                    "sec-websocket-accept",
                    "sec-websocket-extensions",
                    "sec-websocket-protocol",
                ]
            );
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
