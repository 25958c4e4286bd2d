//! From a request target to its route: what stays the same when the ids in it change.

use crate::attempt::Leg;

/// Longer routes are cut: they are labels, and labels are kept.
const MAX_CHARS: usize = 120;
/// Longer host names do not exist (RFC 1035 §2.3.4), ports aside.
const MAX_HOST: usize = 261;
/// What stands for an id.
const ANY: &str = "*";

/// The route of a target: its path without query, with `*` in the place of ids, numbers and tokens.
pub fn template(target: &str) -> String {
    let path = path(target);
    let segments: Vec<&str> = path.split('/').collect();
    let sockjs = sockjs_session(&segments);
    let mut route = String::with_capacity(path.len().min(MAX_CHARS));
    for (index, segment) in segments.iter().enumerate() {
        if index > 0 {
            route.push('/');
        }
        if Some(index) == sockjs {
            route.push_str(ANY);
        } else {
            route.push_str(&collapse(segment));
        }
    }
    if route.is_empty() {
        route.push('/');
    }
    cut(route, MAX_CHARS)
}

/// The host that the client named, in lower case.
pub(super) fn host(name: &str) -> Box<str> {
    cut(name.trim().to_ascii_lowercase(), MAX_HOST).into()
}

/// The host of a leg as it was sent: the `Host` field, else the authority of an absolute target, else that of the CONNECT
/// it came through.
pub fn host_of(leg: &Leg) -> Option<String> {
    let head = leg.request.as_ref().map(|(_, request)| &request.head);
    head.and_then(|head| head.fields.value("host").map(String::from))
        .filter(|host| !host.is_empty())
        .or_else(|| authority(&head?.target).map(String::from))
        .or_else(|| leg.connection.through.as_deref().map(String::from))
}

/// The target of a leg as it was sent.
pub fn target_of(leg: &Leg) -> Option<&str> {
    leg.request
        .as_ref()
        .map(|(_, request)| &*request.head.target)
}

/// Whether a piece of a path is one of many: a number, an id, a token.
fn is_id(piece: &str) -> bool {
    let digits = piece.bytes().filter(u8::is_ascii_digit).count();
    if piece.is_empty() {
        return false;
    }
    if digits == piece.len() || piece.contains('@') {
        return true;
    }
    let letters = piece.bytes().filter(u8::is_ascii_alphabetic).count();
    let hex = piece.bytes().all(|b| b.is_ascii_hexdigit());
    if hex && piece.len() >= 8 && digits > 0 {
        return true;
    }
    if letters + digits == piece.len() {
        let jumps = jumps(piece);
        return (piece.len() >= 6 && jumps >= 3)
            || (piece.len() >= 16 && digits > 0)
            || piece.len() >= 32;
    }
    false
}

/// How often a piece goes from letters to digits and back; names do it once or twice (`oauth2`, `base64url`).
fn jumps(piece: &str) -> usize {
    let kinds = piece.bytes().map(|b| b.is_ascii_digit());
    kinds
        .clone()
        .zip(kinds.skip(1))
        .filter(|(a, b)| a != b)
        .count()
}

fn collapse(segment: &str) -> String {
    // Path parameters (`;jsessionid=…`) are of one session, never of a route.
    let segment = segment.split_once(';').map_or(segment, |(name, _)| name);
    if is_id(segment) || is_token(segment) {
        return ANY.to_owned();
    }
    let mut out = String::with_capacity(segment.len());
    for piece in segment.split_inclusive(['-', '_', ':', ',', '=', '~']) {
        let (name, mark) = match piece.char_indices().next_back() {
            Some((at, mark)) if !mark.is_alphanumeric() && mark != '.' => {
                (piece.get(..at).unwrap_or_default(), Some(mark))
            }
            _ => (piece, None),
        };
        out.push_str(if is_id(name) { ANY } else { name });
        out.extend(mark);
    }
    out
}

/// A whole segment that only a machine writes: a UUID, a JSON Web Token, base64.
fn is_token(segment: &str) -> bool {
    if segment.len() < 20 {
        return false;
    }
    let in_alphabet = segment
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-_.=+~%".contains(&b));
    let pieces = || segment.split(['-', '_', '.']);
    let is_uuid = segment.len() == 36
        && pieces().map(str::len).eq([8, 4, 4, 4, 12])
        && segment.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let is_jwt = segment.starts_with("eyJ") && segment.matches('.').count() >= 2;
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let upper = segment.bytes().filter(u8::is_ascii_uppercase).count();
    let is_base64 = in_alphabet
        && pieces().any(|piece| piece.len() >= 16)
        && (digits > 1 || (upper > 2 && jumps(segment) > 0));
    is_uuid || (in_alphabet && is_jwt) || is_base64
}

/// `SockJS` puts a server number and a session before its transport: `/echo/123/abcdefgh/websocket`.
fn sockjs_session(segments: &[&str]) -> Option<usize> {
    let [.., server, _, "websocket"] = segments else {
        return None;
    };
    (server.len() == 3 && server.bytes().all(|b| b.is_ascii_alphanumeric()))
        .then(|| segments.len() - 2)
        .filter(|_| server.bytes().any(|b| b.is_ascii_digit()))
}

/// The path of a target in origin or absolute form, without query.
fn path(target: &str) -> &str {
    let after_scheme = target.split_once("://").map(|(_, rest)| rest);
    let path = match after_scheme {
        Some(rest) if !target.starts_with('/') => rest
            .find('/')
            .and_then(|slash| rest.get(slash..))
            .unwrap_or("/"),
        _ => target,
    };
    let end = path.find(['?', '#']).unwrap_or(path.len());
    let encoded = path.find("%3F").or_else(|| path.find("%3f"));
    path.get(..encoded.map_or(end, |at| at.min(end)))
        .unwrap_or(path)
}

fn authority(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    (!scheme.contains('/'))
        .then(|| rest.get(..end))
        .flatten()
        .filter(|authority| !authority.is_empty())
}

fn cut(text: String, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => text.get(..at).unwrap_or_default().to_owned() + "…",
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_collapse_and_names_stay() {
        for (target, route) in [
            ("/ws", "/ws"),
            ("/", "/"),
            ("", "/"),
            ("/ws/1234/chat?token=x", "/ws/*/chat"),
            ("/ws/feed", "/ws/feed"),
            ("/ws/orders", "/ws/orders"),
            ("/v1/stream", "/v1/stream"),
            ("/ws/550e8400-e29b-41d4-a716-446655440000", "/ws/*"),
            ("/ws/deadbeef01", "/ws/*"),
            ("/ws/facade", "/ws/facade"),
            ("/room-1234/user_77", "/room-*/user_*"),
            ("/socket.io/?EIO=4&transport=websocket", "/socket.io/"),
            ("/echo/123/abcdefgh/websocket", "/echo/*/*/websocket"),
            (
                "/api/oauth2callback/base64url",
                "/api/oauth2callback/base64url",
            ),
            ("/t/eyJhbGciOi.eyJzdWIiOiIx.c2lnbmF0dXJl", "/t/*"),
            ("/t/dGhpcyBpcyBhIHRva2Vu1234", "/t/*"),
            ("/app;jsessionid=F00/ws", "/app/ws"),
            ("http://user:pw@example.com/a/7?q", "/a/*"),
            ("http://example.com", "/"),
            (
                "/redirect/http://example.com/x",
                "/redirect/http://example.com/x",
            ),
            ("/ws%3Ftoken=abc", "/ws"),
            (
                "/my-very-long-service-name/for-the-chat",
                "/my-very-long-service-name/for-the-chat",
            ),
        ] {
            assert_eq!(template(target), route, "{target}");
        }
    }

    #[test]
    fn labels_stay_short() {
        let long = format!("/{}", "é/".repeat(9_000));
        assert_eq!(template(&long).chars().count(), MAX_CHARS + 1);
        assert!(host(&"H".repeat(9_000)).len() < 300);
    }
}
