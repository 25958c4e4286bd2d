//! From a request target to its route: what stays the same when the ids in it change.

use std::borrow::Cow;

use crate::attempt::Leg;

/// Longer routes are cut: they are labels, and labels are kept.
const MAX_CHARS: usize = 120;
/// Longer host names do not exist (RFC 1035 §2.3.4), ports aside.
const MAX_HOST: usize = 261;
/// Shorter words than this are nothing else.
const WORD: usize = 16;
/// How many paths are kept with their routes, and how long they may be.
const PLACES: usize = 256;
const LONGEST: usize = 128;
/// What stands for an id.
const ANY: &str = "*";

/// The route of a target: its path without query, with `*` in the place of ids, numbers and tokens.
pub fn template(target: &str) -> String {
    let mut route = String::new();
    write_route(path(target), &mut route);
    route
}

fn write_route(path: &str, route: &mut String) {
    let sockjs = sockjs_session(path);
    let slashes = path.bytes().enumerate().filter(|&(_, byte)| byte == b'/');
    let ends = slashes.map(|(at, _)| at).chain([path.len()]);
    let mut start = 0;
    for (index, end) in ends.enumerate() {
        if index > 0 {
            route.push('/');
        }
        if Some(index) == sockjs {
            route.push_str(ANY);
        } else {
            collapse(path.get(start..end).unwrap_or_default(), route);
        }
        start = end + 1;
    }
    if route.is_empty() {
        route.push('/');
    }
    cut(route, MAX_CHARS);
}

/// The host that the client named, in lower case.
fn write_host(name: &str, host: &mut String) {
    host.push_str(name.trim());
    host.make_ascii_lowercase();
    cut(host, MAX_HOST);
}

/// Host and route under which an attempt or a closing is counted. Written over from one to the next.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels {
    host: String,
    has_host: bool,
    route: String,
    known: Known,
}

/// Paths of late with their routes, each in its place: nearly all paths come again, and a closing has that of its attempt.
#[derive(Clone, Debug)]
struct Known(Vec<Path>);

/// A path, and its route.
#[derive(Clone, Debug)]
struct Path {
    /// All of it but the number that stands behind its last slash, if it has one.
    stem: String,
    has_id: bool,
    route: String,
}

impl Labels {
    /// Those of an attempt.
    pub(super) fn of_leg(&mut self, leg: &Leg) {
        self.set(host_of(leg).as_deref(), target_of(leg));
    }

    /// Those of a host and a target; without a target any.
    pub(super) fn set(&mut self, host: Option<&str>, target: Option<&str>) {
        self.host.clear();
        self.has_host = host.is_some();
        if let Some(name) = host {
            write_host(name, &mut self.host);
        }
        self.route.clear();
        match target {
            Some(target) => self.known.write_route(path(target), &mut self.route),
            None => self.route.push_str(ANY),
        }
    }

    /// The host that the client named, in lower case.
    pub(super) fn host(&self) -> Option<&str> {
        self.has_host.then_some(&*self.host)
    }

    /// Path of the target, with `*` for ids.
    pub(super) fn route(&self) -> &str {
        &self.route
    }
}

impl Default for Known {
    fn default() -> Self {
        let mut route = String::new();
        write_route("", &mut route);
        let known = Path {
            stem: String::new(),
            has_id: false,
            route,
        };
        Self(vec![known; PLACES])
    }
}

impl Known {
    fn write_route(&mut self, path: &str, route: &mut String) {
        // A last segment of digits alone is an id, whichever.
        let stem = path.trim_end_matches(|c: char| c.is_ascii_digit());
        let has_id = stem.len() < path.len() && stem.ends_with('/');
        let stem = if has_id { stem } else { path };
        let place = match stem.as_bytes() {
            [.., before, last, _] => {
                usize::from(*before) * 8 + usize::from(*last) + stem.len() * 32
            }
            _ => stem.len(),
        };
        match self.0.get_mut(place % PLACES) {
            Some(known) if stem.len() <= LONGEST => {
                if known.stem != stem || known.has_id != has_id {
                    known.stem.clear();
                    known.stem.push_str(stem);
                    known.has_id = has_id;
                    known.route.clear();
                    write_route(path, &mut known.route);
                }
                route.push_str(&known.route);
            }
            _ => write_route(path, route),
        }
    }
}

/// The host of a leg as it was sent: the `Host` field, else the authority of an absolute target, else that of the CONNECT
/// it came through.
pub fn host_of(leg: &Leg) -> Option<Cow<'_, str>> {
    let head = leg.request.as_ref().map(|(_, request)| &request.head);
    head.and_then(|head| head.fields.value("host"))
        .filter(|host| !host.is_empty())
        .or_else(|| authority(head?.target()).map(Cow::Borrowed))
        .or_else(|| leg.connection().through.as_deref().map(Cow::Borrowed))
}

/// The target of a leg as it was sent.
pub fn target_of(leg: &Leg) -> Option<&str> {
    leg.request
        .as_ref()
        .map(|(_, request)| request.head.target())
}

/// Whether a piece of a path is one of many: a number, an id, a token.
fn is_id(piece: &str) -> bool {
    let (mut digits, mut letters, mut jumps) = (0_usize, 0_usize, 0_usize);
    let (mut hex, mut at) = (true, false);
    let mut before = None;
    for byte in piece.bytes() {
        let is_digit = byte.is_ascii_digit();
        digits += usize::from(is_digit);
        letters += usize::from(byte.is_ascii_alphabetic());
        hex &= byte.is_ascii_hexdigit();
        at |= byte == b'@';
        // From letters to digits and back; names do it once or twice (`oauth2`, `base64url`).
        jumps += usize::from(before == Some(!is_digit));
        before = Some(is_digit);
    }
    if piece.is_empty() {
        return false;
    }
    if digits == piece.len() || at || (hex && piece.len() >= 8 && digits > 0) {
        return true;
    }
    letters + digits == piece.len()
        && ((piece.len() >= 6 && jumps >= 3)
            || (piece.len() >= 16 && digits > 0)
            || piece.len() >= 32)
}

/// How often a piece goes from letters to digits and back.
fn jumps(piece: &str) -> usize {
    let kinds = piece.bytes().map(|b| b.is_ascii_digit());
    kinds
        .clone()
        .zip(kinds.skip(1))
        .filter(|(a, b)| a != b)
        .count()
}

const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'-' | b'_' | b':' | b',' | b'=' | b'~')
}

/// Adds a segment, with `*` for its ids.
fn collapse(segment: &str, out: &mut String) {
    // Most are a word, too short for a token and without the digits of an id, or a number.
    let is_word = |byte: u8| byte.is_ascii_alphabetic() || byte == b'.';
    if segment.len() < WORD && segment.bytes().all(is_word) {
        return out.push_str(segment);
    }
    if segment.bytes().all(|byte| byte.is_ascii_digit()) {
        return out.push_str(ANY);
    }
    // Path parameters (`;jsessionid=…`) are of one session, never of a route.
    let segment = segment.split_once(';').map_or(segment, |(name, _)| name);
    if is_id(segment) || is_token(segment) {
        return out.push_str(ANY);
    }
    if segment
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    {
        // One piece.
        return out.push_str(segment);
    }
    for piece in segment.split_inclusive(|c: char| u8::try_from(c).is_ok_and(is_mark)) {
        let (name, mark) = match piece.char_indices().next_back() {
            Some((at, mark)) if !mark.is_alphanumeric() && mark != '.' => {
                (piece.get(..at).unwrap_or_default(), Some(mark))
            }
            _ => (piece, None),
        };
        out.push_str(if is_id(name) { ANY } else { name });
        out.extend(mark);
    }
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

/// `SockJS` puts a server number and a session before its transport: `/echo/123/abcdefgh/websocket`. Which segment the
/// session is.
fn sockjs_session(path: &str) -> Option<usize> {
    let before = path.strip_suffix("/websocket")?;
    let (before, _) = before.rsplit_once('/')?;
    let server = before.rsplit('/').next()?;
    (server.len() == 3 && server.bytes().all(|b| b.is_ascii_alphanumeric()))
        .then(|| before.matches('/').count() + 1)
        .filter(|_| server.bytes().any(|b| b.is_ascii_digit()))
}

/// The path of a target in origin or absolute form, without query.
fn path(target: &str) -> &str {
    let after_scheme = if target.starts_with('/') {
        None
    } else {
        target.split_once("://").map(|(_, rest)| rest)
    };
    let path = match after_scheme {
        Some(rest) => rest
            .find('/')
            .and_then(|slash| rest.get(slash..))
            .unwrap_or("/"),
        None => target,
    };
    let ends = |at: usize, byte: u8| match byte {
        b'?' | b'#' => true,
        b'%' => path
            .get(at..at + 3)
            .is_some_and(|code| code.eq_ignore_ascii_case("%3f")),
        _ => false,
    };
    let mut bytes = path.bytes().enumerate();
    let end = bytes.find(|&(at, byte)| ends(at, byte));
    path.get(..end.map_or(path.len(), |(at, _)| at))
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

fn cut(text: &mut String, most: usize) {
    if text.len() <= most {
        return;
    }
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// Whatever came before, a path has its own route.
        #[test]
        fn a_route_is_known_as_it_would_be_made_anew(
            targets in proptest::collection::vec("(/|ws|abc|7|12|123|a1b2c3|websocket|\\?x|#|%3f|%|é){0,6}", 0..60),
        ) {
            let mut labels = Labels::default();
            for target in &targets {
                labels.set(None, Some(target));
                proptest::prop_assert_eq!(labels.route(), template(target), "{}", target);
            }
        }

        #[test]
        fn a_path_ends_at_the_first_mark(path in "/([a-c%3fF?#]|%3f|%3F|é){0,9}") {
            let ends = |at: &usize| {
                let rest = path.as_bytes().get(*at..).unwrap();
                rest.starts_with(b"?") || rest.starts_with(b"#")
                    || rest.get(..3).is_some_and(|code| code.eq_ignore_ascii_case(b"%3f"))
            };
            let end = (0..path.len()).find(ends).unwrap_or(path.len());
            proptest::prop_assert_eq!(super::path(&path), path.get(..end).unwrap());
        }
    }

    #[test]
    fn ids_collapse_and_names_stay() {
        let mut labels = Labels::default();
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
            // Also where it is known, or another has had its place.
            for target in [target, target, "/other/1", target] {
                labels.set(None, Some(target));
                assert_eq!(labels.route(), template(target));
            }
        }
    }

    #[test]
    fn labels_stay_short() {
        let long = format!("/{}", "é/".repeat(9_000));
        let mut labels = Labels::default();
        labels.set(Some(&"H".repeat(9_000)), Some(&long));
        assert_eq!(labels.route().chars().count(), MAX_CHARS + 1);
        assert!(labels.host().unwrap().len() < 300);
        // They are written over.
        labels.set(None, None);
        assert_eq!((labels.host(), labels.route()), (None, "*"));
    }
}
