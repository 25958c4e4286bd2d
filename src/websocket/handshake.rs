//! The fields of the opening handshake, read out of a request and a response (RFC 6455 §4).

use std::borrow::Cow;

use data_encoding::BASE64;
use sha1::{Digest, Sha1};

use super::Key;
use crate::http::{Fields, RequestHead, ResponseHead};

/// RFC 6455 §1.3: appended to the key before it is hashed.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What the names of its fields begin with.
const PREFIX: &str = "sec-websocket-";

/// What a request offers, whether or not it is a whole handshake.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// `Upgrade` names `websocket`.
    pub upgrade: bool,
    /// `Connection` has the option `upgrade`.
    pub connection: bool,
    /// `Sec-WebSocket-Key`; the first, if there are several.
    pub key: Option<Key>,
    /// `Sec-WebSocket-Version`.
    pub version: Option<Cow<'static, str>>,
    /// `Sec-WebSocket-Protocol`, in the order of preference.
    pub subprotocols: List,
    /// `Sec-WebSocket-Extensions`, in the order of preference.
    pub extensions: Cow<'static, [Extension]>,
}

/// What a response grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// `Upgrade` names `websocket`.
    pub upgrade: bool,
    /// `Connection` has the option `upgrade`.
    pub connection: bool,
    /// `Sec-WebSocket-Accept` held against the key of the request; `None` unless the status is 101.
    pub accept: Option<Accept>,
    /// `Sec-WebSocket-Protocol`.
    pub subprotocols: List,
    /// `Sec-WebSocket-Extensions`.
    pub extensions: Cow<'static, [Extension]>,
}

/// `Sec-WebSocket-Accept` of a 101 (RFC 6455 §4.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    /// It belongs to the key of this leg.
    Ok,
    /// It is there and belongs to another key.
    Wrong,
    /// It is not there.
    Missing,
    /// The request was not seen, so it cannot be told.
    Unknown,
}

/// A list as a field has it (RFC 9110 §5.6.1), in one piece: its elements are found where they are asked for.
#[derive(Clone, Debug, Default)]
pub struct List(Box<str>);

impl List {
    /// Of the lines of a field; nothing is kept where they have no element.
    fn of(fields: &Fields, name: &str) -> Self {
        let value = fields.value(name);
        let value = value.filter(|value| elements(value).next().is_some());
        Self(value.map(Into::into).unwrap_or_default())
    }

    /// Its elements, without the empty ones.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        elements(&self.0)
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is this.
    pub fn contains(&self, element: &str) -> bool {
        self.iter().any(|own| own == element)
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for List {}

/// One element of `Sec-WebSocket-Extensions` (RFC 6455 §9.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Its token, such as `permessage-deflate`.
    pub name: Cow<'static, str>,
    /// Its parameters in their order.
    pub params: Cow<'static, [Param]>,
}

/// One parameter of an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its value without quotes, where it has one.
    pub value: Option<Box<str>>,
}

impl Offer {
    /// Reads the handshake fields of a request.
    pub fn of(head: &RequestHead) -> Self {
        let fields = &head.fields;
        Self {
            upgrade: fields.has_element("upgrade", "websocket"),
            connection: fields.has_element("connection", "upgrade"),
            key: fields
                .first_value("sec-websocket-key")
                .map(|key| Key::from(&*key)),
            version: fields.first_value("sec-websocket-version").map(interned),
            subprotocols: List::of(fields, "sec-websocket-protocol"),
            extensions: extensions(fields),
        }
    }
}

impl Answer {
    /// Reads the handshake fields of a response to a request with that key (`None`: the request was not seen).
    pub fn of(head: &ResponseHead, offer: Option<&Offer>) -> Self {
        let key = offer.map(|offer| offer.key.as_ref().map_or(&[][..], Key::as_bytes));
        Self::to(head, key)
    }

    /// Likewise by the key alone.
    pub(crate) fn to(head: &ResponseHead, key: Option<&[u8]>) -> Self {
        let fields = &head.fields;
        let accept = (head.status.0 == 101).then(|| {
            match (fields.first_value("sec-websocket-accept"), key) {
                (None, _) => Accept::Missing,
                (Some(_), None) => Accept::Unknown,
                (Some(accept), Some(key)) if *accept.as_bytes() == accept_bytes(key) => Accept::Ok,
                (Some(_), Some(_)) => Accept::Wrong,
            }
        });
        Self {
            upgrade: fields.has_element("upgrade", "websocket"),
            connection: fields.has_element("connection", "upgrade"),
            accept,
            subprotocols: List::of(fields, "sec-websocket-protocol"),
            extensions: extensions(fields),
        }
    }
}

/// Whether a request is a try to open a WebSocket, or what a proxy left of one.
pub fn asks_for_websocket(head: &RequestHead, offer: &Offer) -> bool {
    offer.upgrade || bears_websocket_field(&head.fields) || is_engine_io(head)
}

/// Whether there is any `Sec-WebSocket-*` field: they are end to end and outlive a stripped `Upgrade`.
pub fn bears_websocket_field(fields: &Fields) -> bool {
    fields.has_prefix(PREFIX)
}

/// Whether a field with this name makes a request one that may ask for a WebSocket, or another upgrade.
pub(crate) fn is_handshake_name(name: &[u8]) -> bool {
    match name {
        [b'U' | b'u', ..] => name.eq_ignore_ascii_case(b"upgrade"),
        [b'S' | b's', ..] => name
            .get(..PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX.as_bytes())),
        _ => false,
    }
}

/// Whether a 101 is one to WebSocket: it says so, or that was asked for and it does not name another protocol.
pub fn switches_to_websocket(head: &ResponseHead, answer: &Answer, asked: bool) -> bool {
    const OTHERS: &[&[u8]] = &[b"h2", b"http/", b"tls/", b"tcp"];
    let names_another = || {
        head.fields.elements("upgrade").any(|token| {
            OTHERS.iter().any(|other| {
                token
                    .get(..other.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(other))
            })
        })
    };
    answer.upgrade || (asked && !names_another())
}

/// A request of Engine.IO for its WebSocket transport; the parameters outlive a proxy that strips fields.
fn is_engine_io(head: &RequestHead) -> bool {
    head.query().is_some_and(|query| {
        split(query, b'&').any(|param| param == "transport=websocket")
            && split(query, b'&').any(|param| param.starts_with("EIO="))
    })
}

/// The accept value that belongs to a key (RFC 6455 §4.2.2, step 5.4).
pub fn accept_for(key: &str) -> String {
    String::from_utf8_lossy(&accept_bytes(key.as_bytes())).into_owned()
}

/// Its 28 characters.
fn accept_bytes(key: &[u8]) -> [u8; 28] {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(GUID);
    let mut accept = [0; 28];
    BASE64.encode_mut(&hash.finalize(), &mut accept);
    accept
}

/// Whether a key is 16 bytes in base64 (RFC 6455 §4.1).
pub fn is_valid_key(key: &str) -> bool {
    Key::from(key).is_valid()
}

/// The extensions of a head; what nearly all browsers and servers say of them (RFC 7692 §7.1) is not allocated.
fn extensions(fields: &Fields) -> Cow<'static, [Extension]> {
    let Some(value) = fields.value("sec-websocket-extensions") else {
        return Cow::Borrowed(&[]);
    };
    let usual = match &*value {
        "permessage-deflate" => &DEFLATE,
        "permessage-deflate; client_max_window_bits" => &DEFLATE_ANY_WINDOW,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover" => {
            &DEFLATE_WITHOUT_CONTEXT
        }
        _ => return read_extensions(&value).into(),
    };
    Cow::Borrowed(usual)
}

static DEFLATE: [Extension; 1] = [deflate(&[])];
static DEFLATE_ANY_WINDOW: [Extension; 1] = [deflate(&ANY_WINDOW)];
static DEFLATE_WITHOUT_CONTEXT: [Extension; 1] = [deflate(&WITHOUT_CONTEXT)];
static ANY_WINDOW: [Param; 1] = [bare("client_max_window_bits")];
static WITHOUT_CONTEXT: [Param; 2] = [
    bare("server_no_context_takeover"),
    bare("client_no_context_takeover"),
];

const fn deflate(params: &'static [Param]) -> Extension {
    Extension {
        name: Cow::Borrowed("permessage-deflate"),
        params: Cow::Borrowed(params),
    }
}

const fn bare(name: &'static str) -> Param {
    Param {
        name: Cow::Borrowed(name),
        value: None,
    }
}

fn read_extensions(value: &str) -> Vec<Extension> {
    // Most that name any name one.
    let mut extensions = Vec::with_capacity(1);
    for element in elements(value) {
        let mut parts = split(element, b';').map(str::trim_ascii);
        let name = interned(parts.next().unwrap_or_default());
        let params = parts.filter(|part| !part.is_empty()).map(param).collect();
        extensions.push(Extension { name, params });
    }
    extensions
}

/// The elements of a list, without the empty ones (RFC 9110 §5.6.1).
fn elements(list: &str) -> impl Iterator<Item = &str> {
    split(list, b',')
        .map(str::trim_ascii)
        .filter(|element| !element.is_empty())
}

/// The parts between these marks, which are ASCII.
pub(super) fn split(text: &str, mark: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some(at) = memchr::memchr(mark, text.as_bytes()) else {
            return Some(text);
        };
        rest = text.get(at + 1..);
        text.get(..at)
    })
}

fn param(part: &str) -> Param {
    match part.split_once('=') {
        Some((name, value)) => Param {
            name: interned(name.trim_ascii()),
            value: Some(value.trim_ascii().trim_matches('"').into()),
        },
        None => Param {
            name: interned(part),
            value: None,
        },
    }
}

/// A token of the handshake; those of RFC 6455 and RFC 7692 are not allocated.
fn interned<'a>(token: impl Into<Cow<'a, str>>) -> Cow<'static, str> {
    let token = token.into();
    let known = match &*token {
        "13" => "13",
        "permessage-deflate" => "permessage-deflate",
        "client_max_window_bits" => "client_max_window_bits",
        "server_max_window_bits" => "server_max_window_bits",
        "client_no_context_takeover" => "client_no_context_takeover",
        "server_no_context_takeover" => "server_no_context_takeover",
        _ => return Cow::Owned(token.into_owned()),
    };
    Cow::Borrowed(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_of_the_rfc_and_of_tungstenite() {
        assert_eq!(
            accept_for("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        for key in ["", "x", "AQIDBAUGBwgJCgsMDQ4PEA=="] {
            let oracle = tungstenite::handshake::derive_accept_key(key.as_bytes());
            assert_eq!(accept_for(key), oracle);
        }
    }

    #[test]
    fn usual_extensions_are_what_is_read_of_them() {
        for value in [
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ] {
            let lines = [("Sec-WebSocket-Extensions", value.as_bytes())];
            let known = extensions(&Fields::new(lines.into_iter()));
            assert!(matches!(known, Cow::Borrowed([_])), "{value}");
            assert_eq!(*known, *read_extensions(value));
        }
    }

    #[test]
    fn a_head_is_read_for_any_field_of_a_handshake() {
        for (name, is_one) in [
            ("Upgrade", true),
            ("upgrade", true),
            ("SEC-WebSocket-Key", true),
            ("sec-websocket-anything", true),
            ("Sec-WebSocket-", true),
            ("Sec-WebSocket", false),
            ("Sec-Fetch-Dest", false),
            ("Upgrade-Insecure-Requests", false),
            ("Connection", false),
            ("", false),
        ] {
            assert_eq!(is_handshake_name(name.as_bytes()), is_one, "{name}");
            let fields = Fields::new([(name, b"websocket".as_slice())].into_iter());
            let bears = bears_websocket_field(&fields) || fields.has_elements("upgrade");
            assert_eq!(bears, is_one, "{name}");
        }
    }

    #[test]
    fn a_key_is_sixteen_bytes() {
        assert!(is_valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(!is_valid_key("dGhlIHNhbXBsZSBub25jZQ="));
        assert!(!is_valid_key("AAAA"));
        assert!(!is_valid_key("not base64 at all ======"));
    }
}
