//! Cookies and credentials that a body or a reason quotes by the name of their field, as debugging endpoints do.
//!
//! No option lets them out: whoever wants to see tokens in targets has not asked for these.

use std::borrow::Cow;

use super::HIDDEN;

/// How the names of their fields end: `Set-Cookie`, `Proxy-Authorization`.
const NAMES: &[&str] = &["cookie", "cookies", "authorization"];
/// Most characters between a name and its colon: `&quot; : `.
const BETWEEN: usize = 9;

/// `text` with the values of such fields hidden.
pub(super) fn without_credentials(text: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, value, after)) = next_value(rest) {
        out.push_str(before);
        if !value.is_empty() {
            out.push_str(HIDDEN);
        }
        rest = after;
    }
    if out.is_empty() {
        return Cow::Borrowed(text);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What stands before the first such value, the value, and what comes after it.
fn next_value(text: &str) -> Option<(&str, &str, &str)> {
    let start = (0..text.len()).find_map(|at| value_of_name_at(text, at))?;
    let (before, rest) = text.split_at_checked(start)?;
    let (value, after) = rest.split_at_checked(value_length(rest))?;
    Some((before, value, after))
}

/// Where the value begins, if a name and its colon stand at `at`.
fn value_of_name_at(text: &str, at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let bytes = rest.as_bytes();
    // Nearly every byte is none of these.
    if !matches!(bytes.first()? | 0x20, b'a' | b'c') {
        return None;
    }
    NAMES.iter().find_map(|name| {
        let is_name = bytes
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
        let after = rest.get(name.len()..).filter(|_| is_name)?;
        let colon = after.find([':', '='])?;
        let between = after.get(..colon)?;
        let is_between = between.len() <= BETWEEN
            && (between.trim_matches(|c: char| c.is_whitespace() || "\"'\\".contains(c)))
                .trim_end_matches(';')
                .trim_start_matches("&quot")
                .trim_start_matches("&#34")
                .is_empty();
        is_between.then(|| {
            let value = after.get(colon..).unwrap_or_default();
            let lead = value.find(|c: char| !(": =>\t".contains(c)));
            at + name.len() + colon + lead.unwrap_or(value.len())
        })
    })
}

/// A quoted string, a list or an object up to its end; else the rest of the line, or of what HTML calls one.
fn value_length(text: &str) -> usize {
    let end = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => text
            .char_indices()
            .skip(1)
            .find(|&(at, c)| c == quote && !text.get(..at).unwrap_or_default().ends_with('\\'))
            .map(|(at, c)| at + c.len_utf8()),
        Some('[') => text.find(']').map(|at| at + 1),
        Some('{') => text.find('}').map(|at| at + 1),
        _ => text.find(['\r', '\n', '<']),
    };
    end.unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_debugging_endpoint_says_of_a_request_is_hidden() {
        for (text, shown) in [
            ("Cookie: sid=1; a=b\r\nHost: x", "Cookie: ***\r\nHost: x"),
            (
                "set-cookie:x<br>AUTHORIZATION = y",
                "set-cookie:***<br>AUTHORIZATION = ***",
            ),
            (
                r#"{"cookie": "a=\"1\"", "proxy-authorization":"Basic eA==","via":"1.1 a"}"#,
                r#"{"cookie": ***, "proxy-authorization":***,"via":"1.1 a"}"#,
            ),
            (r#"{"Cookie":["a","b"],"x":1}"#, r#"{"Cookie":***,"x":1}"#),
            (r#"{"cookies":{"a":"b"},"x":1}"#, r#"{"cookies":***,"x":1}"#),
            (
                "&quot;Cookie&quot;: &quot;a=b&quot;",
                "&quot;Cookie&quot;: ***",
            ),
            ("[\"COOKIE\"] => a", "[\"COOKIE\"] => a"),
            ("no cookie was sent: log in", "no cookie was sent: log in"),
            ("authorization", "authorization"),
            ("Cookie:", "Cookie:"),
            ("Gräfin: Cookie: ä", "Gräfin: Cookie: ***"),
        ] {
            assert_eq!(without_credentials(text), shown);
        }
    }
}
