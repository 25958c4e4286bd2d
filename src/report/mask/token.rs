//! What a token looks like, and what it is called.

use super::HIDDEN;

/// Names under which secrets travel, in parts of names.
const SECRET_NAMES: &[&str] = &[
    "token",
    "secret",
    "password",
    "passwd",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "accesskey",
    "auth",
    "jwt",
    "bearer",
    "session",
    "signature",
    "credential",
    "ticket",
    "cookie",
];

/// Subprotocol names that stand before a token, in the same element or the one before it.
const TOKEN_PREFIXES: &[&str] = &[
    "base64url.bearer.authorization.k8s.io.",
    "openai-insecure-api-key.",
    "openai-organization.",
    "openai-project.",
];

/// Shorter names of subprotocols are no tokens by their form alone.
const SHORT: usize = 24;

/// Whether a name is one of something secret.
pub(super) fn name_of_secret(name: &str) -> bool {
    // These are public by nature, and needed to understand a handshake.
    let is_public = || {
        [
            "author",
            "authors",
            "authority",
            "oauth2",
            "www-authenticate",
        ]
        .iter()
        .any(|public| name.eq_ignore_ascii_case(public))
    };
    bears_secret_name(name) && !is_public()
}

/// Whether the name of something secret stands anywhere in a text, in any case.
pub(super) fn bears_secret_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut pairs = Pairs::default();
    bytes.iter().enumerate().any(|(at, &byte)| {
        pairs
            .next(at, byte)
            .is_some_and(|begins| begins_with_secret_name(bytes.get(begins..).unwrap_or_default()))
    })
}

/// Whether a text begins with the name of something secret, in any case.
pub(super) fn begins_with_secret_name(text: &[u8]) -> bool {
    let &[first, second, third, ..] = text else {
        return false;
    };
    matches!(
        &[first | 0x20, second | 0x20, third | 0x20],
        b"tok"
            | b"sec"
            | b"pas"
            | b"api"
            | b"acc"
            | b"aut"
            | b"jwt"
            | b"bea"
            | b"ses"
            | b"sig"
            | b"cre"
            | b"tic"
            | b"coo"
    ) && SECRET_NAMES.iter().any(|name| {
        text.get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
    })
}

/// Finds where secrets and their names may begin, from byte to byte: few pairs of a text get past this.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// For each of [`PAIRS`] a bit: the last byte is the first of such a pair.
    begun: u16,
}

/// How the names begin, in any case, and what else gives a secret away: a first byte, and what may follow it.
const PAIRS: &[(u8, &[u8])] = &[
    (b't', b"oi"),
    (b's', b"ei"),
    (b'p', b"a"),
    (b'a', b"pcu"),
    (b'j', b"w"),
    (b'b', b"ea"),
    (b'c', b"or"),
    (b'e', b"y"),
];

/// Of each byte the pairs that it begins, and those that it ends.
#[expect(
    clippy::indexing_slicing,
    reason = "by the compiler, over its own length"
)]
const IN_PAIRS: [(u16, u16); 256] = {
    const fn add(table: &mut [(u16, u16); 256], byte: u8, begins: u16, ends: u16) {
        let other_case = byte.to_ascii_uppercase();
        table[byte as usize].0 |= begins;
        table[byte as usize].1 |= ends;
        table[other_case as usize].0 |= begins;
        table[other_case as usize].1 |= ends;
    }
    let mut table = [(0, 0); 256];
    let (mut pairs, mut bit) = (PAIRS, 1);
    while let Some((&(first, mut seconds), others)) = pairs.split_first() {
        add(&mut table, first, bit, 0);
        while let Some((&second, rest)) = seconds.split_first() {
            add(&mut table, second, 0, bit);
            seconds = rest;
        }
        (pairs, bit) = (others, bit << 1);
    }
    table
};

impl Pairs {
    /// Takes the next byte, at that place; where a pair began that it ends.
    #[inline]
    pub(super) fn next(&mut self, at: usize, byte: u8) -> Option<usize> {
        let &(begins, ends) = IN_PAIRS.get(usize::from(byte))?;
        let is_pair = self.begun & ends != 0;
        self.begun = begins;
        if is_pair { at.checked_sub(1) } else { None }
    }
}

/// Whether `text` of at least `least` characters was written by a machine to be secret: hex, base64, a JSON Web Token.
pub(super) fn looks_secret(text: &str, least: usize) -> bool {
    if text.len() < least.min(JWT) {
        return false;
    }
    let in_alphabet = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.=+~%".contains(&b));
    if !in_alphabet {
        return false;
    }
    is_jwt(text) || (text.len() >= least && !is_slug(text))
}

/// Shorter ones are cut off too early to be known as such.
const JWT: usize = 16;

/// Whether one may begin anywhere in a text.
pub(super) fn bears_jwt(text: &str) -> bool {
    let bytes = text.as_bytes();
    // A capital J is rare.
    bytes.contains(&b'J') && bytes.windows(3).any(|three| three == b"eyJ")
}

/// Three parts in base64url (RFC 7515 §7.1), or the beginning of that.
fn is_jwt(text: &str) -> bool {
    text.len() >= JWT && text.starts_with("eyJ")
}

/// Words and small numbers with marks between: `my-service-v2`, `v4.channel.k8s.io`.
fn is_slug(text: &str) -> bool {
    text.split(['-', '_', '.', '~', '%', '+']).all(|word| {
        let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
        let digits = word
            .bytes()
            .skip(letters)
            .take_while(u8::is_ascii_digit)
            .count();
        let rest = word.len() - letters - digits;
        let is_mixed_case = word.bytes().skip(1).any(|b| b.is_ascii_uppercase())
            && word.bytes().any(|b| b.is_ascii_lowercase())
            && word.len() > 8;
        letters <= 15 && digits <= 4 && rest <= 3 && !word.contains('=') && !is_mixed_case
    })
}

/// Whether a value of `Sec-WebSocket-Protocol` is so short and plain that none of its elements can be a token, nor a name
/// that announces one.
pub(super) fn hides_nothing(list: &str) -> bool {
    list.len() < SHORT
        && !list.bytes().any(|byte| byte == b'.')
        && !bears_jwt(list)
        && !bears_secret_name(list)
}

/// One element of `Sec-WebSocket-Protocol`, its token hidden.
pub(super) fn subprotocol_masked(name: &str) -> String {
    for prefix in TOKEN_PREFIXES {
        if name.len() > prefix.len() && name.starts_with(prefix) {
            return format!("{prefix}{HIDDEN}");
        }
    }
    // `bearer.…`, `auth-…`, `token:…`: the name up to its mark, then the token.
    let lower = name.to_ascii_lowercase();
    for (at, mark) in lower.char_indices().filter(|(_, c)| ".-:_ |=".contains(*c)) {
        let (before, after) = lower.split_at(at);
        let tail = after.get(mark.len_utf8()..).unwrap_or_default();
        let names_token = SECRET_NAMES.iter().any(|secret| before.ends_with(secret));
        if names_token && !tail.is_empty() && !names_a_token(&lower) && !is_known_word(tail) {
            let keep = name.get(..at + mark.len_utf8()).unwrap_or_default();
            return format!("{keep}{HIDDEN}");
        }
    }
    if looks_secret(name, SHORT) {
        return HIDDEN.to_owned();
    }
    name.to_owned()
}

/// Whether the element after this one is a token: `["access_token", TOKEN]`.
pub(super) fn names_a_token(name: &str) -> bool {
    matches!(
        &*name.to_ascii_lowercase(),
        "access_token"
            | "access-token"
            | "accesstoken"
            | "bearer"
            | "token"
            | "authorization"
            | "auth"
            | "jwt"
            | "id_token"
            | "apikey"
            | "api_key"
            | "api-key"
            | "auth_token"
            | "auth-token"
            | "authtoken"
            | "x-auth-token"
    )
}

/// What follows a token's name in the names of real protocols: `auth-v2`, `token.json`.
fn is_known_word(tail: &str) -> bool {
    let version = tail.strip_prefix('v').unwrap_or(tail);
    (!version.is_empty()
        && version.len() <= 3
        && version.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
        || matches!(
            tail,
            "json" | "binary" | "msgpack" | "protobuf" | "ws" | "websocket"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_wherever_it_stands() {
        for name in SECRET_NAMES {
            for name in [(*name).to_owned(), name.to_uppercase()] {
                for text in [name.clone(), format!("my-{name}"), format!("t{name}x")] {
                    assert!(bears_secret_name(&text), "{text}");
                    let cut = text.get(..text.len() - 2).unwrap();
                    let by_hand = SECRET_NAMES
                        .iter()
                        .any(|name| cut.to_ascii_lowercase().contains(name));
                    assert_eq!(bears_secret_name(cut), by_hand, "{cut}");
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn what_hides_nothing_stays_as_it_is(list in "(chat|ws|auth|token|id_|bearer|eyJ|[a-z., -]{1,4}){0,5}") {
            let shown: Vec<_> = list.split(',').map(|name| subprotocol_masked(name.trim())).collect();
            let names: Vec<_> = list.split(',').map(str::trim).collect();
            if hides_nothing(&list) {
                proptest::prop_assert_eq!(shown, names.clone());
                proptest::prop_assert!(!names.into_iter().any(names_a_token));
            }
        }
    }
}
