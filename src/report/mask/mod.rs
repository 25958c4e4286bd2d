//! Secrets that hide where handshakes are shown: in targets, origins, subprotocols, and in what servers echo of them.
//!
//! Everything that comes from the network and is printed passes through a [`Mask`], which also makes it fit to print.
//! Names stay, values go: `?token=…` is worth knowing, the token is not.

mod credentials;
mod familiar;
mod plain;
mod secrets;
mod target;
mod token;

use std::borrow::Cow;

use crate::attempt::{Attempt, Closing, Leg};
use crate::report::sanitize::clean;

use credentials::without_credentials;
pub(super) use familiar::Familiar;
use plain::{is_plain, is_printable};
use secrets::Secrets;
use target::{authority_masked, pieces, target_masked};
use token::{hides_nothing, name_of_secret};

/// What stands for a secret.
const HIDDEN: &str = "***";
/// Longest value that is printed.
const MOST: usize = 1_024;

/// Hides the secrets of one attempt or closing.
#[derive(Clone, Debug, Default)]
pub struct Mask {
    on: bool,
    secrets: Secrets,
    target: Looked,
}

/// A target that was looked through for its secrets, and how it is shown, in printable ASCII without anything that JSON
/// escapes; both empty where it was not.
#[derive(Clone, Debug, Default)]
struct Looked {
    target: String,
    shown: String,
}

/// What a value may bear, and so how it is masked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Free text, see [`Mask::words`].
    Words,
    /// A target or URL.
    Target,
    /// A host, perhaps with port and owner.
    Host,
    /// A value of `Sec-WebSocket-Protocol`.
    Subprotocols,
    /// What bears no secret.
    Open,
    /// Nothing else.
    Secret,
}

impl Kind {
    /// That of the field of that name, in any case.
    pub(super) fn of_field(name: &str) -> Self {
        const KINDS: &[(Kind, &[&str])] = &[
            (
                Kind::Target,
                &[
                    "target",
                    ":path",
                    "location",
                    "referer",
                    "origin",
                    "x-original-uri",
                    "x-original-url",
                    "x-forwarded-uri",
                    "x-auth-request-redirect",
                ],
            ),
            (Kind::Host, &["host", ":authority", "x-forwarded-host"]),
            (Kind::Subprotocols, &["sec-websocket-protocol"]),
            (
                Kind::Open,
                &[
                    "sec-websocket-key",
                    "sec-websocket-accept",
                    "sec-websocket-extensions",
                ],
            ),
        ];
        let is_name = |known: &&str| name.eq_ignore_ascii_case(known);
        let found = KINDS.iter().find(|(_, names)| names.iter().any(is_name));
        match found {
            Some(&(kind, _)) => kind,
            None if name_of_secret(name) => Self::Secret,
            None => Self::Words,
        }
    }
}

impl Mask {
    /// Hides what can be told by its form alone; with `on` false (`--no-redact`) nothing is hidden.
    pub fn new(on: bool) -> Self {
        Self {
            on,
            ..Self::default()
        }
    }

    /// Also hides the secrets of this attempt wherever they are echoed.
    pub fn of_attempt(on: bool, attempt: &Attempt) -> Self {
        let mut mask = Self::new(on);
        mask.set_attempt(attempt);
        mask
    }

    /// Hides the secrets of this attempt, and no longer those of another.
    pub(super) fn set_attempt(&mut self, attempt: &Attempt) {
        self.forget();
        if self.on {
            let legs = attempt.legs.iter().map(|node| &node.leg);
            let mut heads = legs.filter_map(Leg::request_head);
            if let Some(first) = heads.next() {
                self.look_at(first.target());
                self.secrets.of_fields(first, None);
                heads.for_each(|head| self.secrets.of_further(head, first));
            }
            for earlier in &attempt.earlier_tries {
                self.secrets.of_url(&earlier.target);
            }
        }
    }

    /// Hides the secrets of a target, and remembers how it is shown where that is found on the way.
    fn look_at(&mut self, target: &str) {
        let Looked { target: of, shown } = &mut self.target;
        if self.secrets.of_usual_target(target, shown) {
            of.push_str(target);
        } else {
            self.secrets.of_url(target);
        }
    }

    fn forget(&mut self) {
        self.secrets.clear();
        self.target.target.clear();
    }

    /// How a target is shown that was looked at already, in printable ASCII without anything that JSON escapes.
    pub(super) fn looked_at(&self, target: &str) -> Option<&str> {
        let Looked { target: of, shown } = &self.target;
        (of == target && !of.is_empty()).then_some(shown)
    }

    /// Also hides the secrets of this closing wherever they are echoed.
    pub fn of_closing(on: bool, closing: &Closing) -> Self {
        let mut mask = Self::new(on);
        mask.set_closing(closing);
        mask
    }

    /// Hides the secrets of this closing, and no longer those of another.
    pub(super) fn set_closing(&mut self, closing: &Closing) {
        self.forget();
        if self.on {
            self.secrets.of_url(&closing.target);
            for leg in &closing.legs {
                if let Some(subprotocol) = &leg.handshake.subprotocol {
                    self.secrets.of_subprotocols(subprotocol);
                }
            }
        }
    }

    /// Whether a text quotes a secret that is known as one.
    pub(super) fn is_quoted_in(&self, text: &str) -> bool {
        self.secrets.are_in(text)
    }

    /// Whether one of several texts may quote such a secret. They stand one behind the other, none longer than that.
    pub(super) fn may_be_quoted_among(&self, longest: usize, texts: &str) -> bool {
        self.secrets.may_be_among(longest, texts)
    }

    /// A request target: `/ws?token=***`.
    pub fn target<'t>(&self, target: &'t str) -> Cow<'t, str> {
        if is_plain(target) {
            return Cow::Borrowed(target);
        }
        self.target_closely(target)
    }

    /// The same for who knows that it is not plain.
    pub(super) fn target_closely<'t>(&self, target: &'t str) -> Cow<'t, str> {
        self.show(target, target_masked)
    }

    /// A route, which has lost its ids but may bear names that look like tokens.
    pub fn route<'t>(&self, route: &'t str) -> Cow<'t, str> {
        self.target(route)
    }

    /// A host, perhaps with port; userinfo is hidden.
    pub fn host<'t>(&self, host: &'t str) -> Cow<'t, str> {
        if host.contains('@') {
            self.show(host, authority_masked)
        } else {
            self.open(host)
        }
    }

    /// The value of `Sec-WebSocket-Protocol`: bearer tokens are hidden, names stay.
    pub fn subprotocols<'t>(&self, list: &'t str) -> Cow<'t, str> {
        if is_shown(list) {
            return self.open(list);
        }
        self.show(list, subprotocols_masked)
    }

    /// The value of a field that bears no secret: a key, an accept, extensions.
    pub fn open<'t>(&self, value: &'t str) -> Cow<'t, str> {
        if is_printable(value, MOST) {
            Cow::Borrowed(value)
        } else {
            clean(value, MOST)
        }
    }

    /// The value of the field of that name, in any case.
    pub fn field<'t>(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        self.value(Kind::of_field(name), value)
    }

    /// A value of that kind.
    pub(super) fn value<'t>(&self, kind: Kind, value: &'t str) -> Cow<'t, str> {
        match kind {
            Kind::Words => self.words(value),
            Kind::Target => self.target(value),
            Kind::Host => self.host(value),
            Kind::Subprotocols => self.subprotocols(value),
            Kind::Open => self.open(value),
            Kind::Secret => self.show(value, |_| HIDDEN.to_owned()),
        }
    }

    /// Free text that may quote a target, a token or a cookie: evidence, a body, a reason.
    pub fn words<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if is_plain(text) && !self.is_quoted_in(text) {
            return Cow::Borrowed(text);
        }
        let (text, is_cut) = bounded(text);
        let text = match without_credentials(text) {
            Cow::Borrowed(text) if !self.on => return clean(text, MOST),
            other => other,
        };
        let shown = self.show(&text, |text| {
            let mut shown = self.secrets.hidden_in(text);
            if is_cut {
                // The cut may have gone through a secret, whose beginning is then not known as one.
                let end = shown.rfind(char::is_whitespace).unwrap_or_default();
                shown.truncate(end);
                shown.push('…');
            }
            shown
        });
        Cow::Owned(shown.into_owned())
    }

    fn show<'t>(&self, text: &'t str, masked: impl Fn(&str) -> String) -> Cow<'t, str> {
        if !self.on {
            return clean(text, MOST);
        }
        let shown = masked(text);
        if is_printable(&shown, MOST) {
            return Cow::Owned(shown);
        }
        Cow::Owned(clean(&shown, MOST).into_owned())
    }
}

/// As much of a text as is looked through: a hostile head of 32 KB must not cost a thousand times its size.
fn bounded(text: &str) -> (&str, bool) {
    let most = MOST.saturating_mul(4);
    if text.len() <= most {
        return (text, false);
    }
    let end = (0..=most)
        .rev()
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or_default();
    (text.get(..end).unwrap_or_default(), true)
}

/// Whether a value of `Sec-WebSocket-Protocol` is shown as it is, as far as it can be printed.
fn is_shown(list: &str) -> bool {
    let is_trim = |element: &str| element.trim_end().len() == element.len();
    hides_nothing(list) && pieces(list, |byte| byte == b',').all(is_trim)
}

fn subprotocols_masked(list: &str) -> String {
    let mut out = String::with_capacity(list.len());
    let mut after_secret_name = false;
    for (index, element) in list.split(',').enumerate() {
        if index > 0 {
            out.push(',');
        }
        let name = element.trim();
        let lead = element.len() - element.trim_start().len();
        out.push_str(element.get(..lead).unwrap_or_default());
        if after_secret_name && !name.is_empty() {
            out.push_str(HIDDEN);
        } else {
            out.push_str(&token::subprotocol_masked(name));
        }
        after_secret_name = token::names_a_token(name);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_and_values_go() {
        let mask = Mask::new(true);
        for (target, shown) in [
            ("/ws", "/ws"),
            ("/ws?token=CANARY", "/ws?token=***"),
            ("/ws?a=CANARY&b=&CANARY", "/ws?a=***&b=&***"),
            ("/ws?CANARY", "/ws?***"),
            ("/ws?Q0FOQVJZQ0FOQVJZ==", "/ws?***"),
            ("/ws?a=1;b=CANARY", "/ws?a=***;b=***"),
            ("/ws#CANARY", "/ws#***"),
            ("/ws%3Ftoken=CANARY", "/ws%3F***"),
            ("/ws;jsessionid=CANARY/x", "/ws;jsessionid=***/x"),
            ("/ws/token=CANARY", "/ws/token=***"),
            ("/ws/token/1234567", "/ws/token/***"),
            ("/ws/token/CANARY/x", "/ws/token/***/x"),
            ("http://me:CANARY@h/ws?x=CANARY", "http://***@h/ws?x=***"),
            ("me:CANARY@h:443", "***@h:443"),
            (
                "/socket.io/?EIO=4&transport=websocket&sid=CANARY",
                "/socket.io/?EIO=4&transport=websocket&sid=***",
            ),
            (
                "/socket.io/?EIO=CANARY&transport=CANARY",
                "/socket.io/?EIO=***&transport=***",
            ),
            (
                "/t/eyJDQU5BUlkiOjF9.eyJDQU5BUlkiOjF9.Q0FOQVJZ/x",
                "/t/***/x",
            ),
            ("/t/0123456789abcdef0123456789abcdef", "/t/***"),
            (
                "/my-very-long-service-name-for-the-chat-and-more/ws",
                "/my-very-long-service-name-for-the-chat-and-more/ws",
            ),
        ] {
            assert_eq!(mask.target(target), shown);
        }
        assert_eq!(Mask::new(false).target("/ws?t=CANARY"), "/ws?t=CANARY");
    }

    #[test]
    fn subprotocols_that_are_tokens_go() {
        let mask = Mask::new(true);
        for (list, shown) in [
            (
                "graphql-transport-ws, graphql-ws",
                "graphql-transport-ws, graphql-ws",
            ),
            ("v4.channel.k8s.io", "v4.channel.k8s.io"),
            (
                "actioncable-v1-json, actioncable-unsupported",
                "actioncable-v1-json, actioncable-unsupported",
            ),
            (
                "base64url.bearer.authorization.k8s.io.Q0FOQVJZ, v4.channel.k8s.io",
                "base64url.bearer.authorization.k8s.io.***, v4.channel.k8s.io",
            ),
            ("bearer.CANARY", "bearer.***"),
            ("access_token, CANARY", "access_token, ***"),
            (
                "realtime, openai-insecure-api-key.sk-CANARY",
                "realtime, openai-insecure-api-key.***",
            ),
            ("chat,eyJDQU5BUlki.eyJDQU5BUlki.Q0FOQVJZ", "chat,***"),
            ("Q0FOQVJZQ0FOQVJZQ0FOQVJZMQ==", "***"),
        ] {
            assert_eq!(mask.subprotocols(list), shown);
        }
    }

    #[test]
    fn fields_by_their_name() {
        let mask = Mask::new(true);
        assert_eq!(
            mask.field("Origin", "https://u:CANARY@a.example"),
            "https://***@a.example"
        );
        assert_eq!(
            mask.field("referer", "https://a/b?CANARY=CANARY1"),
            "https://a/b?CANARY=***"
        );
        assert_eq!(mask.field("X-Api-Token", "CANARY"), "***");
        assert_eq!(
            mask.field("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            "dGhlIHNhbXBsZSBub25jZQ=="
        );
        assert_eq!(mask.field("upgrade", "websocket"), "websocket");
        assert_eq!(mask.host("u:CANARY@h:80"), "***@h:80");
        assert_eq!(
            mask.field("location", "/login?next=\x1b[31m"),
            "/login?next=***"
        );
    }
}
