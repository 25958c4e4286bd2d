//! A request target or URL with its secrets hidden: values of the query, userinfo, tokens in the path.

use super::HIDDEN;
use super::plain::is_plain;
use super::token::{looks_secret, name_of_secret};
use crate::report::scan::{Marks, ODD};
use crate::tally::template;

/// Longer targets are not usual. What hides their values takes at most twice as much.
const USUAL: usize = 512;

/// The form in which a target is shown.
pub(super) fn target_masked(target: &str) -> String {
    let mut out = String::with_capacity(target.len());
    let fragment = target.bytes().position(|byte| byte == b'#');
    let (rest, fragment) = target.split_at(fragment.unwrap_or(target.len()));
    let (path, query) = split_query(rest);
    write_path(path, &mut out);
    if let Some((mark, query)) = query {
        out.push_str(mark);
        if mark == "?" {
            write_query(query, &mut out, |_| ());
        } else {
            out.push_str(HIDDEN);
        }
    }
    if fragment.len() > 1 {
        out.push('#');
        out.push_str(HIDDEN);
    }
    out
}

/// The same as [`target_masked`] of a target as most are that have something to hide, a plain path and a query without
/// percent-encoding; false where it is no such target. Hands on what of it may be secret.
pub(super) fn write_usual(target: &str, shown: &mut String, secret: impl FnMut(&str)) -> bool {
    shown.clear();
    if target.len() > USUAL || Marks::of(target.as_bytes()).has(ODD) {
        return false;
    }
    let mark = target.bytes().position(|byte| byte == b'?');
    let parts = mark.and_then(|mark| target.split_at_checked(mark + 1));
    let Some((path, query)) = parts else {
        return false;
    };
    let is_usual = path.strip_suffix('?').is_some_and(is_plain);
    if is_usual {
        shown.push_str(path);
        write_query(query, shown, secret);
    }
    is_usual
}

/// Splits at the question mark, also where somebody has percent-encoded it.
pub(super) fn split_query(target: &str) -> (&str, Option<(&str, &str)>) {
    let is_encoded = |at: usize| {
        let code = target.get(at..at + 3);
        code.is_some_and(|code| code.eq_ignore_ascii_case("%3F"))
    };
    let mark = |(at, byte)| match byte {
        b'?' => Some((at, 1)),
        b'%' if is_encoded(at) => Some((at, 3)),
        _ => None,
    };
    let first = target.bytes().enumerate().find_map(mark);
    first.map_or((target, None), |(at, len)| {
        let (path, rest) = target.split_at(at);
        (path, rest.split_at_checked(len))
    })
}

/// Name and value of a pair.
pub(super) fn split_pair(pair: &str) -> Option<(&str, &str)> {
    let at = pair.bytes().position(|byte| byte == b'=')?;
    Some((pair.get(..at)?, pair.get(at + 1..)?))
}

/// What stands between marks, which are ASCII.
pub(super) fn pieces(text: &str, is_mark: fn(u8) -> bool) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest.take()?;
        let Some(end) = text.bytes().position(is_mark) else {
            return Some(text);
        };
        rest = text.get(end + 1..);
        text.get(..end)
    })
}

pub(super) fn path_masked(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    write_path(path, &mut out);
    out
}

fn write_path(path: &str, out: &mut String) {
    if is_plain(path) {
        return out.push_str(path);
    }
    let mut path = path;
    if !path.starts_with('/') {
        if let Some((scheme, rest)) = path.split_once("://").filter(|(s, _)| !s.contains('/')) {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, after) = rest.split_at(end);
            out.push_str(scheme);
            out.push_str("://");
            out.push_str(&authority_masked(authority));
            path = after;
        } else if path.contains('@') {
            return out.push_str(&authority_masked(path));
        }
    }
    let mut previous = "";
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            out.push('/');
        }
        let is_value = name_of_secret(previous)
            && (template(segment) == "*" || (is_name_of_token(previous) && segment.len() >= 6));
        if is_value {
            out.push_str(HIDDEN);
        } else {
            write_segment(segment, out);
        }
        previous = segment;
    }
}

/// Whether what follows in the path can only be a token.
fn is_name_of_token(segment: &str) -> bool {
    let name = segment.to_ascii_lowercase();
    matches!(
        &*name,
        "token" | "tokens" | "jwt" | "secret" | "apikey" | "api_key" | "api-key" | "access_token"
    )
}

/// A segment of a path: `***` for a token, `name;jsessionid=***`, `token=***`.
fn write_segment(segment: &str, out: &mut String) {
    let (name, params) = segment
        .split_once(';')
        .map_or((segment, None), |(name, params)| (name, Some(params)));
    match name.split_once('=') {
        Some((key, value))
            if !value.is_empty() && (name_of_secret(key) || looks_secret(value, 24)) =>
        {
            out.push_str(key);
            out.push('=');
            out.push_str(HIDDEN);
        }
        _ if looks_secret(name, 32) => out.push_str(HIDDEN),
        _ => out.push_str(name),
    }
    for param in params.into_iter().flat_map(|params| params.split(';')) {
        out.push(';');
        out.push_str(param.split_once('=').map_or(param, |(key, _)| key));
        if param.contains('=') {
            out.push('=');
            out.push_str(HIDDEN);
        }
    }
}

pub(super) fn authority_masked(authority: &str) -> String {
    authority.rsplit_once('@').map_or_else(
        || authority.to_owned(),
        |(_, host)| format!("{HIDDEN}@{host}"),
    )
}

/// Writes a query, and hands on what of it may be secret.
fn write_query(query: &str, out: &mut String, mut secret: impl FnMut(&str)) {
    let mut rest = query;
    while !rest.is_empty() {
        let end = rest.bytes().position(|byte| matches!(byte, b'&' | b';'));
        let (pair, behind) = rest.split_at(end.unwrap_or(rest.len()));
        match split_pair(pair) {
            Some((name, value)) if value.is_empty() || is_harmless(name, value) => {
                out.push_str(pair);
            }
            Some((name, value)) => {
                secret(value);
                // A name that looks like a token is one, with padding: `?dGVzdA==`.
                if !looks_secret(name, 16) {
                    out.push_str(name);
                    out.push('=');
                }
                out.push_str(HIDDEN);
            }
            None if pair.is_empty() => {}
            None => {
                secret(pair);
                out.push_str(HIDDEN);
            }
        }
        let (mark, next) = behind.split_at(behind.len().min(1));
        out.push_str(mark);
        rest = next;
    }
}

/// What engine.io puts into every query, and what tells its versions apart.
pub(super) fn is_harmless(name: &str, value: &str) -> bool {
    match name {
        "EIO" => value.len() <= 2 && value.bytes().all(|b| b.is_ascii_digit()),
        "transport" => matches!(
            value,
            "websocket"
                | "polling"
                | "webtransport"
                | "flashsocket"
                | "webSockets"
                | "serverSentEvents"
                | "longPolling"
        ),
        _ => false,
    }
}
