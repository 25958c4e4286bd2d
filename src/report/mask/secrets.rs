//! The secrets of one handshake, to be hidden wherever somebody quotes them.
//!
//! Servers echo what they refuse (`Cannot GET /ws?token=…`), and evidence quotes what was sent. What is known to be a
//! secret from the request is hidden by its value; what only looks like one, by its form.

use std::cmp::Reverse;
use std::ops::Range;

use super::HIDDEN;
use super::plain::{is_bare, is_plain};
use super::target::{
    is_harmless, path_masked, pieces, split_pair, split_query, target_masked, write_usual,
};
use super::token::{
    hides_nothing, looks_secret, name_of_secret, names_a_token, subprotocol_masked,
};
use crate::http::RequestHead;

/// Shorter values are words that may stand anywhere.
const LEAST: usize = 6;
/// More secrets than this, and the oldest are hidden by their form only.
const MOST: usize = 64;
/// Words of handshakes, which are no secret though they may be the value of something.
const WORDS: &[&str] = &[
    "websocket",
    "upgrade",
    "polling",
    "connection",
    "keep-alive",
    "https",
    "client",
    "server",
    "origin",
    "request",
    "response",
    "status",
];
/// Parameters of permessage-deflate look like a query and are none.
const EXTENSION_PARAMS: &[&str] = &["client_max_window_bits", "server_max_window_bits"];

/// Values to hide, the longest first.
#[derive(Clone, Debug, Default)]
pub(super) struct Secrets {
    /// All of them, one behind the other.
    text: String,
    places: Vec<Range<usize>>,
}

impl Secrets {
    /// Forgets them.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
    }

    fn iter(&self) -> impl Iterator<Item = &str> {
        let places = self.places.iter();
        places.filter_map(|place| self.text.get(place.clone()))
    }

    fn add(&mut self, secret: &str) {
        let start = self.text.len();
        self.text.push_str(secret);
        self.places.push(start..self.text.len());
    }

    pub(super) fn of_url(&mut self, url: &str) {
        // Most have nothing to hide.
        if is_bare(url) || is_plain(url) {
            return;
        }
        let (path, query) = split_query(url);
        if let Some((_, query)) = query {
            for pair in pieces(query, |byte| matches!(byte, b'&' | b';' | b'#')) {
                match split_pair(pair) {
                    Some((name, value)) if !is_harmless(name, value) => self.keep(value),
                    Some(_) => {}
                    None => self.keep(pair),
                }
            }
        }
        if is_bare(path) || is_plain(path) {
            return;
        }
        if let Some((user, _)) = path.rsplit_once('@') {
            let user = user.rsplit_once("//").map_or(user, |(_, user)| user);
            user.split(':').for_each(|part| self.keep(part));
        }
        for segment in path.split(['/', ';']) {
            match segment.split_once('=') {
                Some((_, value)) => self.keep(value),
                None if looks_secret(segment, 32) => self.keep(segment),
                None => {}
            }
        }
    }

    pub(super) fn of_subprotocols(&mut self, list: &str) {
        if hides_nothing(list) {
            return;
        }
        let mut after = false;
        for name in list.split(',').map(str::trim) {
            let masked = subprotocol_masked(name);
            if after || masked == HIDDEN {
                self.keep(name);
            } else if let Some(prefix) = masked.strip_suffix(HIDDEN) {
                self.keep(name.get(prefix.len()..).unwrap_or_default());
            }
            after = names_a_token(name);
        }
    }

    /// Those of the target of a first leg, which is shown as is written there; false where nothing is written.
    pub(super) fn of_usual_target(&mut self, target: &str, shown: &mut String) -> bool {
        write_usual(target, shown, |secret| self.keep(secret))
    }

    /// Those of a further leg that its first leg has not.
    pub(super) fn of_further(&mut self, head: &RequestHead, first: &RequestHead) {
        if first.target() != head.target() {
            self.of_url(head.target());
        }
        self.of_fields(head, Some(first));
    }

    /// Those of the fields of a request; of a further leg those that its first leg has not.
    pub(super) fn of_fields(&mut self, head: &RequestHead, first: Option<&RequestHead>) {
        let fields = &head.fields;
        let others = first.map(|first| &first.fields);
        // Each name stands where it is looked up, so that the compiler knows what to look for.
        macro_rules! look_at_each {
            ($look:ident, $($name:literal),+) => {
                $(if others.is_none_or(|others| !others.is_same(fields, $name)) {
                    for field in fields.all($name) {
                        self.$look(&field.text());
                    }
                })+
            };
        }
        look_at_each!(of_url, "host", "origin", "referer");
        look_at_each!(of_subprotocols, "sec-websocket-protocol");
    }

    /// Whether one of them stands in `text`.
    pub(super) fn are_in(&self, text: &str) -> bool {
        self.may_be_among(text.len(), text)
    }

    /// Whether one of them stands in a text made of others, none of which is longer than that; or may do so, across two of
    /// them.
    pub(super) fn may_be_among(&self, longest: usize, texts: &str) -> bool {
        // The last is the shortest.
        let may_be = self
            .places
            .last()
            .is_some_and(|place| place.len() <= longest);
        may_be && self.iter().any(|secret| texts.contains(secret))
    }

    /// `text` with every secret hidden.
    pub(super) fn hidden_in(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in self.iter() {
            if text.contains(secret) {
                text = text.replace(secret, HIDDEN);
            }
        }
        by_form(&text)
    }

    fn keep(&mut self, value: &str) {
        let is_word = WORDS.iter().any(|word| value.eq_ignore_ascii_case(word));
        let is_bare = value.bytes().all(|b| b.is_ascii_lowercase()) && value.len() < 8;
        if value.len() < LEAST || is_word || is_bare || self.places.len() >= MOST {
            return;
        }
        if self.iter().any(|known| known == value) {
            return;
        }
        if let Some(decoded) = percent_decoded(value) {
            self.add(&decoded);
        }
        self.add(value);
        self.places.sort_by_key(|place| Reverse(place.len()));
    }
}

/// Hides what looks like a secret: the values of a query, userinfo in a URL, tokens, what follows `Bearer`.
fn by_form(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut after_scheme = false;
    for piece in text.split_inclusive(is_border) {
        let (word, border) = match piece.char_indices().next_back() {
            Some((at, c)) if is_border(c) => piece.split_at(at),
            _ => (piece, ""),
        };
        let word_shown = if word.is_empty() {
            String::new()
        } else if after_scheme {
            HIDDEN.to_owned()
        } else {
            word_masked(word)
        };
        out.push_str(&word_shown);
        out.push_str(border);
        if !word.is_empty() {
            after_scheme =
                border == " " && (word.eq_ignore_ascii_case("bearer") || word == "Basic");
        }
    }
    out
}

fn is_border(c: char) -> bool {
    let is_mark = matches!(
        c,
        '"' | '\'' | '<' | '>' | '(' | ')' | '[' | ']' | '{' | '}' | '`' | ',' | '|'
    );
    is_mark || c.is_whitespace() || c.is_control()
}

fn word_masked(word: &str) -> String {
    let has = |mark: u8| word.as_bytes().contains(&mark);
    if has(b'?')
        || has(b'@')
        || has(b'#')
        || (has(b'%') && (word.contains("%3F") || word.contains("%3f")))
        || (has(b';') && word.contains(";jsessionid="))
    {
        return target_masked(&word.replace("&amp;", "&"));
    }
    // The rest of a query whose beginning was elsewhere.
    if word.contains('&') && word.contains('=') {
        return target_masked(&format!("?{}", word.replace("&amp;", "&"))).split_off(1);
    }
    let word_end = word.trim_end_matches(['.', ':', ';', '!']);
    let tail = word.get(word_end.len()..).unwrap_or_default();
    match word_end.split_once('=') {
        Some((name, value)) if EXTENSION_PARAMS.contains(&name) || value.is_empty() => {}
        Some((name, value)) if name_of_secret(name) || looks_secret(value, 32) => {
            return format!("{name}={HIDDEN}{tail}");
        }
        _ => {}
    }
    if word_end.contains('/') {
        return format!("{}{tail}", path_masked(word_end));
    }
    if looks_secret(word_end, 32) {
        return format!("{HIDDEN}{tail}");
    }
    word.to_owned()
}

/// The value without percent-encoding, where it has some.
fn percent_decoded(value: &str) -> Option<String> {
    value.bytes().position(|byte| byte == b'%')?;
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = (first == b'%')
            .then(|| after.split_at_checked(2))
            .flatten()
            .and_then(|(hex, rest)| {
                Some((
                    u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?,
                    rest,
                ))
            });
        let (byte, after) = hex.unwrap_or((first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() >= LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sanitize::clean;

    proptest::proptest! {
        /// What is found and shown of a usual target in one look is what the longer way finds and shows.
        #[test]
        fn one_look_at_a_target_is_as_good_as_two(
            path in "(/|ws|token|[0-9]{3}|;|=|%|@|a?b|[a-z0-9]{30,40}){0,4}",
            query in "(&|;|=|a=|token=|EIO=4|transport=websocket|[ -~]|eyJ[a-z0-9]{9,20}|[a-zA-Z0-9]{4,40}|#|%20|é|\\?){0,9}",
        ) {
            let target = format!("{path}?{query}");
            let (mut one, mut two) = (Secrets::default(), Secrets::default());
            let mut shown = String::new();
            if one.of_usual_target(&target, &mut shown) {
                two.of_url(&target);
                let masked = target_masked(&target);
                proptest::prop_assert_eq!(&shown, &masked);
                proptest::prop_assert_eq!(clean(&masked, 1_024), &*shown, "it can be printed");
                let is_escaped = |byte: u8| matches!(byte, b'"' | b'\\' | ..b' ');
                proptest::prop_assert!(!shown.bytes().any(is_escaped));
            }
            proptest::prop_assert_eq!(one.iter().collect::<Vec<_>>(), two.iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_usual_target_is_known_as_one() {
        let mut secrets = Secrets::default();
        let mut shown = String::new();
        assert!(secrets.of_usual_target("/ws/7?token=CANARY1&EIO=4&x", &mut shown));
        assert_eq!(shown, "/ws/7?token=***&EIO=4&***");
        assert_eq!(secrets.iter().collect::<Vec<_>>(), ["CANARY1"]);
        for target in [
            "/ws",
            "/ws?a=%41",
            "/ws?a#b",
            "/token/CANARY1?a=b",
            "/ws?\"",
            "/?\u{e4}",
        ] {
            assert!(!secrets.of_usual_target(target, &mut shown), "{target}");
        }
    }

    #[test]
    fn what_a_server_echoes_is_hidden() {
        let mut secrets = Secrets::default();
        secrets.of_url("/ws?ticket=C4N%41RY&type=websocket&z=%20CANARY1");
        secrets.of_url("https://me:CANARY2@a.example");
        secrets.of_subprotocols("chat, bearer.CANARY3");
        for (text, shown) in [
            ("Upgrade: websocket", "Upgrade: websocket"),
            (
                "the key is dGhlIHNhbXBsZSBub25jZQ==",
                "the key is dGhlIHNhbXBsZSBub25jZQ==",
            ),
            ("bad ticket C4NARY for CANARY3.", "bad ticket *** for ***."),
            (
                "<pre>Cannot GET /ws?ticket=C4N%41R</pre>",
                "<pre>Cannot GET /ws?ticket=***</pre>",
            ),
            (
                "Origin https://me:x@a.example/ refused",
                "Origin https://***@a.example/ refused",
            ),
            ("Authorization: Bearer CANARY4", "Authorization: Bearer ***"),
            ("{\"t\":\"eyJDQU5BUlkiOjF9.eyJD\"}", "{\"t\":\"***\"}"),
            (
                "permessage-deflate; client_max_window_bits=15",
                "permessage-deflate; client_max_window_bits=15",
            ),
            ("GET /ws HTTP/1.0", "GET /ws HTTP/1.0"),
            ("a&amp;token=CANARY5", "***&token=***"),
        ] {
            assert_eq!(secrets.hidden_in(text), shown);
        }
    }
}
