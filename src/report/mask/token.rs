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

/// Whether a name is one of something secret.
pub(super) fn name_of_secret(name: &str) -> bool {
    // These are public by nature, and needed to understand a handshake.
    let is_public = [
        "author",
        "authors",
        "authority",
        "oauth2",
        "www-authenticate",
    ]
    .iter()
    .any(|public| name.eq_ignore_ascii_case(public));
    bears_secret_name(name) && !is_public
}

/// Whether the name of something secret stands anywhere in a text, in any case.
pub(super) fn bears_secret_name(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(2).enumerate().any(|(at, pair)| {
        // How these names begin; few pairs of a text get past this.
        let &[first, second] = pair else { return false };
        matches!(
            &[first | 0x20, second | 0x20],
            b"to"
                | b"se"
                | b"pa"
                | b"ap"
                | b"ac"
                | b"au"
                | b"jw"
                | b"be"
                | b"si"
                | b"co"
                | b"cr"
                | b"ti"
        ) && SECRET_NAMES.iter().any(|name| {
            bytes
                .get(at..at + name.len())
                .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()))
        })
    })
}

/// Whether `text` of at least `least` characters was written by a machine to be secret: hex, base64, a JSON Web Token.
pub(super) fn looks_secret(text: &str, least: usize) -> bool {
    let in_alphabet = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.=+~%".contains(&b));
    if !in_alphabet {
        return false;
    }
    is_jwt(text) || (text.len() >= least && !is_slug(text))
}

/// Three parts in base64url (RFC 7515 §7.1), or the beginning of that.
fn is_jwt(text: &str) -> bool {
    text.len() >= 16 && text.starts_with("eyJ")
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
    if looks_secret(name, 24) {
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
