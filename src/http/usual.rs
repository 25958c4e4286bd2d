//! A head as nearly all are, read in one walk: lines that end in CRLF, one space between the words of the start line, and
//! none but printable characters.
//!
//! Of a head in any other form it says nothing, however little is odd, and leaves it to the reader that tolerates it. What
//! it says of a head is what that one would say.

use std::borrow::Cow;
use std::ops::Range;

use super::body::{Framing, Said};
use super::fields::{LONGEST, is_secret};
use super::head::{Head, LONGEST_METHOD};
use super::unread::{Secrets, Unread};
use super::words::{text_len, token_len, word_len};
use super::{Fields, RequestHead, ResponseHead, Status, Version};

/// What is read of a head, if it can be walked over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep {
    /// All but secrets.
    All,
    /// Of a response, how its content ends: nobody asks for more.
    Nothing,
    /// Of a request all, but not at once where no field has such a name.
    Named(fn(&[u8]) -> bool),
}

/// What came of a head.
#[derive(Debug)]
pub(super) enum Found<'a> {
    /// It was read.
    Head,
    /// It is that of a response of which nothing is kept.
    Plain(Plain),
    /// It is that of a request without such a field.
    Unread(Unread<'a>),
}

/// A response of which nothing is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain {
    /// Its status.
    pub(crate) status: Status,
    /// What its fields say of the end of the content.
    pub(crate) said: Option<Framing>,
}

/// Finds the head at the start of these bytes, with its length, and reads what is to be kept of it. `None` where it is not
/// whole, not in the usual form, or has more than so many field lines.
pub(super) fn find<'a>(
    head: &mut Head<'_>,
    keep: Keep,
    bytes: &'a [u8],
    most: u64,
) -> Option<(Found<'a>, usize)> {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    match (keep, head) {
        (Keep::Named(asks), Head::Request(head)) => {
            let request = request(head, bytes, most)?;
            match request.unread(asks) {
                Some(unread) => Some((Found::Unread(unread), request.head.len())),
                None => Some((Found::Head, request.read()?)),
            }
        }
        (Keep::Nothing, Head::Response(head)) => {
            let plain = plain(bytes, most).map(|(plain, len)| (Found::Plain(plain), len));
            plain.or_else(|| Some((Found::Head, response(head, bytes, most)?)))
        }
        (_, head) => Some((Found::Head, read(head, bytes, most)?)),
    }
}

/// Reads the head at the start of these bytes; its length with the blank line. `None` likewise.
pub(super) fn read(head: &mut Head<'_>, bytes: &[u8], most: u64) -> Option<usize> {
    let bytes = bytes.get(..LONGEST).unwrap_or(bytes);
    match head {
        Head::Request(head) => request(head, bytes, most)?.read(),
        Head::Response(head) => response(head, bytes, most),
    }
}

/// The request at the start of these bytes, its lines found, but not read yet.
struct Request<'a, 'h> {
    method: &'a [u8],
    target: &'a [u8],
    version: Version,
    /// Its lines, and the blank line.
    lines: &'a [u8],
    /// All of it.
    head: &'a [u8],
    /// Its lines are here already.
    into: &'h mut RequestHead,
}

/// Finds a request.
fn request<'a, 'h>(
    into: &'h mut RequestHead,
    bytes: &'a [u8],
    most: u64,
) -> Option<Request<'a, 'h>> {
    let (method, rest) = bytes.split_at_checked(token_len(bytes))?;
    let rest = rest.strip_prefix(b" ")?;
    let (target, rest) = rest.split_at_checked(text_len::<b'!', false>(rest))?;
    let (version, rest) = version(rest.strip_prefix(b" ")?)?;
    let rest = rest.strip_prefix(b"\r\n")?;
    let is_method = (1..LONGEST_METHOD).contains(&method.len());
    if !is_method || target.is_empty() {
        return None;
    }
    let len = walk_into(&mut into.fields, rest, most)?;
    Some(Request {
        method,
        target,
        version,
        lines: rest.get(..len)?,
        head: bytes.get(..bytes.len() - rest.len() + len)?,
        into,
    })
}

impl<'a> Request<'a, '_> {
    /// The request as it is, if no line has a name that is asked for.
    fn unread(&self, asks: fn(&[u8]) -> bool) -> Option<Unread<'a>> {
        let lines = || self.into.fields.walked(self.lines);
        if lines().any(|(name, _)| asks(name)) {
            return None;
        }
        let behind = self.head.len() - self.lines.len();
        let mut said = Said::default();
        let mut secrets = Secrets::default();
        for (name, value) in lines() {
            said.add(name, self.lines.get(value.clone())?);
            if is_secret(name) {
                secrets.add(behind + value.start..behind + value.end)?;
            }
        }
        let target = self.method.len() + 1;
        Some(Unread {
            secrets,
            head: self.head,
            method: self.method,
            target: target..target + self.target.len(),
            framing: said.framing().unwrap_or(Framing::NONE),
        })
    }

    /// Reads it. Its length.
    fn read(self) -> Option<usize> {
        // From the target on it is one text: it is looked at, and copied, at once.
        let text = str::from_utf8(self.head.get(self.method.len() + 1..)?).ok()?;
        let behind = text.len() - self.lines.len();
        self.into.fields.copy(text, behind, self.target.len())?;
        self.into.method = method_name(self.method);
        self.into.version = self.version;
        Some(self.head.len())
    }
}

fn response(into: &mut ResponseHead, bytes: &[u8], most: u64) -> Option<usize> {
    let (version, status, reason, rest) = status_line(bytes)?;
    let len = walk_into(&mut into.fields, rest, most)?;
    let text = str::from_utf8(rest.get(..len)?).ok()?;
    into.fields.copy(text, 0, 0)?;
    into.version = version;
    into.status = Status(status);
    into.reason = reason_phrase(status, reason);
    Some(bytes.len() - rest.len() + len)
}

/// Walks over field lines, and places them.
fn walk_into(fields: &mut Fields, bytes: &[u8], most: u64) -> Option<usize> {
    fields.begin_walk();
    walk(bytes, most, |name, at, value, value_at| {
        fields.place(at, name.len(), &trimmed(value_at, value))
    })
}

/// The response at the start of these bytes, if it is such a head, and its length with the blank line. What has to do with
/// an upgrade is never left out (RFC 9110 §15.2.2 and §15.5.22).
pub(super) fn plain(bytes: &[u8], most: u64) -> Option<(Plain, usize)> {
    let (_, status, _, rest) = status_line(bytes)?;
    if matches!(status, 101 | 426) {
        return None;
    }
    let mut said = Said::default();
    let len = walk(rest, most, |name, _, value, _| {
        said.add(name, value);
        Some(())
    })?;
    let plain = Plain {
        status: Status(status),
        said: said.framing(),
    };
    Some((plain, bytes.len() - rest.len() + len))
}

/// Version, status and reason phrase, with what is behind them.
fn status_line(bytes: &[u8]) -> Option<(Version, u16, &[u8], &[u8])> {
    let (version, rest) = version(bytes)?;
    let (
        &[
            b' ',
            a @ b'0'..=b'9',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            b' ',
        ],
        rest,
    ) = rest.split_first_chunk()?
    else {
        return None;
    };
    let status = [a, b, c]
        .iter()
        .fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let (reason, rest) = rest.split_at_checked(text_len::<b' ', false>(rest))?;
    let rest = rest.strip_prefix(b"\r\n")?;
    (!reason.starts_with(b" ")).then_some((version, status, reason, rest))
}

fn version(bytes: &[u8]) -> Option<(Version, &[u8])> {
    let (minor, rest) = bytes.strip_prefix(b"HTTP/1.")?.split_first()?;
    match minor {
        b'0' => Some((Version::Http10, rest)),
        b'1' => Some((Version::Http11, rest)),
        _ => None,
    }
}

/// Walks over the field lines that the bytes begin with, and notes of each its name and its value with the spaces around it,
/// and where they begin; their length with the blank line behind them.
#[inline]
fn walk(
    bytes: &[u8],
    most: u64,
    mut note: impl FnMut(&[u8], usize, &[u8], usize) -> Option<()>,
) -> Option<usize> {
    let (mut rest, mut lines) = (bytes, 0);
    loop {
        if let [b'\r', b'\n', behind @ ..] = rest {
            return (lines <= most).then_some(bytes.len() - behind.len());
        }
        let (name, line) = match rest.split_at_checked(word_len(rest))? {
            usual @ (_, [b':', ..]) => usual,
            _ => rest.split_at_checked(token_len(rest))?,
        };
        let [b':', line @ ..] = line else {
            return None;
        };
        let (value, end) = line.split_at_checked(text_len::<b' ', true>(line))?;
        let [b'\r', b'\n', behind @ ..] = end else {
            return None;
        };
        if name.is_empty() {
            return None;
        }
        let start = bytes.len() - line.len();
        note(name, bytes.len() - rest.len(), value, start)?;
        lines += 1;
        rest = behind;
    }
}

/// Where a value that begins there stands without the spaces around it.
#[inline]
fn trimmed(at: usize, spaced: &[u8]) -> Range<usize> {
    let behind = match spaced {
        [b' ', b' ', ..] => spaced.trim_ascii_start(),
        [b' ', value @ ..] | value => value,
    };
    let start = at + spaced.len() - behind.len();
    let value = match behind {
        [.., b' '] => behind.trim_ascii_end(),
        value => value,
    };
    start..start + value.len()
}

/// A method; those in use are not allocated.
pub(super) fn method_name(method: &[u8]) -> Cow<'static, str> {
    let known = match method {
        b"GET" => "GET",
        b"POST" => "POST",
        b"HEAD" => "HEAD",
        b"PUT" => "PUT",
        b"DELETE" => "DELETE",
        b"OPTIONS" => "OPTIONS",
        b"PATCH" => "PATCH",
        b"CONNECT" => "CONNECT",
        _ => return Cow::Owned(String::from_utf8_lossy(method).into_owned()),
    };
    Cow::Borrowed(known)
}

/// A reason phrase; where it is the usual one of its status (RFC 9110 §15) it is not allocated.
pub(super) fn reason_phrase(status: u16, reason: &[u8]) -> Cow<'static, str> {
    let usual = match status {
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        426 => "Upgrade Required",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    };
    if reason == usual.as_bytes() {
        Cow::Borrowed(usual)
    } else {
        Cow::Owned(String::from_utf8_lossy(reason).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::super::head::{Kind, tolerant};
    use super::*;
    use proptest::prelude::*;

    /// Heads of either kind, of which one is read.
    #[derive(Debug, Default, PartialEq)]
    struct Heads(RequestHead, ResponseHead);

    impl Heads {
        const fn of(&mut self, kind: Kind) -> Head<'_> {
            match kind {
                Kind::Request => Head::Request(&mut self.0),
                Kind::Response => Head::Response(&mut self.1),
            }
        }
    }

    /// One that was read before.
    fn other() -> Heads {
        let mut heads = Heads::default();
        let request = b"PUT /other HTTP/1.0\r\nHost: b\r\nHost: c\r\nCookie: d\r\n\r\n";
        let response = b"HTTP/1.0 500 Other\r\nServer: b\r\nServer: c\r\nVia: d\r\n\r\n";
        assert!(read(&mut heads.of(Kind::Request), request, 6).is_some());
        assert!(read(&mut heads.of(Kind::Response), response, 6).is_some());
        heads
    }

    fn agrees(kind: Kind, bytes: &[u8]) -> Result<bool, TestCaseError> {
        let plain = plain(bytes, 6);
        let mut heads = other();
        let Some(len) = read(&mut heads.of(kind), bytes, 6) else {
            prop_assert!(
                plain.is_none() || kind == Kind::Request || str::from_utf8(bytes).is_err()
            );
            return Ok(false);
        };
        let end = super::super::head::end_of_head(bytes, 0);
        prop_assert_eq!(end.map(|end| end.len), Some(len));
        if kind == Kind::Response {
            let head = &heads.1;
            prop_assert_eq!(plain.is_none(), matches!(head.status.0, 101 | 426));
            if let Some((plain, plain_len)) = plain {
                prop_assert_eq!((plain_len, plain.status), (len, head.status));
                prop_assert_eq!(
                    Framing::of_answer(plain.status, plain.said, None),
                    Framing::of_response(head, None)
                );
            }
        }
        if kind == Kind::Request {
            agrees_unread(bytes, &heads.0)?;
        }
        let mut tolerated = other();
        let read = tolerant(tolerated.of(kind), &bytes[..len], true, 6);
        prop_assert_eq!(read, Ok(()));
        prop_assert_eq!(heads, tolerated);
        Ok(true)
    }

    /// What is known of a request that is not read is what it says, and it can be read later.
    fn agrees_unread(bytes: &[u8], head: &RequestHead) -> Result<(), TestCaseError> {
        let asks = |name: &[u8]| name.eq_ignore_ascii_case(b"asked");
        let mut heads = other();
        let found = find(&mut heads.of(Kind::Request), Keep::Named(asks), bytes, 6);
        match found {
            Some((Found::Unread(unread), len)) => {
                prop_assert!(!head.fields.has("asked"));
                prop_assert_eq!(
                    (unread.head, unread.target()),
                    (&bytes[..len], head.target())
                );
                prop_assert_eq!(unread.method(), head.method.as_bytes());
                prop_assert_eq!(unread.framing(), Framing::of_request(head));
                let kept = unread.keep();
                prop_assert_eq!(kept.target(), head.target());
                prop_assert!(kept.allocated() <= len as u64);
                let read = kept.read();
                prop_assert_eq!(read.as_ref(), Some(head));
                prop_assert!(unread.read(&mut heads.0).is_some());
            }
            found => {
                let names = || head.fields.iter().map(|field| field.name.as_bytes());
                let secrets = names().filter(|name| is_secret(name)).count();
                prop_assert!(head.fields.has("asked") || secrets > 4);
                prop_assert!(matches!(found, Some((Found::Head, _))));
            }
        }
        prop_assert_eq!(&heads.0, head);
        Ok(())
    }

    #[test]
    fn a_usual_head_is_read() {
        for (kind, head) in [
            (
                Kind::Request,
                "GET /ws?a=1 HTTP/1.1\r\nHost: a\r\nCookie: secret\r\nX:   b  \r\nY:  \r\nauthorization:x\r\nEmpty:\r\n\r\n",
            ),
            (Kind::Request, "BREW /pot HTTP/1.0\r\n\r\nmore"),
            (
                Kind::Response,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSet-Cookie: secret\r\n\r\n\u{81}\0",
            ),
            (
                Kind::Response,
                "HTTP/1.0 404 None here\r\nVia: \u{e4}\r\n\r\n",
            ),
            (Kind::Response, "HTTP/1.1 200 \r\n\r\n"),
        ] {
            assert!(agrees(kind, head.as_bytes()).unwrap(), "{head:?}");
        }
    }

    #[test]
    fn an_odd_head_is_left_to_the_other_reader() {
        for head in [
            "GET /ws HTTP/1.1\nHost: a\n\n",
            "GET  /ws HTTP/1.1\r\n\r\n",
            "GET /ws HTTP/1.1 \r\n\r\n",
            "GET /ws HTTP/1.2\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET /ws HTTP/1.1\r\nno field\r\n\r\n",
            "GET /ws HTTP/1.1\r\n: a\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\tb\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\x7f\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\rb\r\n\r\n",
            "GET /\u{e4} HTTP/1.1\r\n\r\n",
            "GET /ws HTTP/1.1\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\na:b\r\n\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\r\n",
            "GET /ws HTTP/1.1\r\nHost: a\r\n\r",
        ] {
            let mut request = Heads::default();
            let read = read(&mut request.of(Kind::Request), head.as_bytes(), 5);
            assert_eq!(read, None, "{head:?}");
        }
        for head in ["HTTP/1.1 20 OK\r\n\r\n", "HTTP/1.1 200\r\n\r\n"] {
            let mut response = Heads::default();
            let read = read(&mut response.of(Kind::Response), head.as_bytes(), 5);
            assert_eq!(read, None, "{head:?}");
        }
    }

    /// Pieces of which many heads are usual ones, and as many nearly.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let line = prop_oneof![
            8 => "[A-Za-z-]{1,9}: ?[ -~]{0,20}\r\n",
            1 => "[A-Za-z:\t ]{0,3}:[ -~\t]{0,9}\r\n",
            1 => "[ -~\r\n\tä]{0,9}\r?\n",
            1 => "(Content-Length|Transfer-Encoding): ([0-9]{0,3}|chunked|, 5)\r\n",
            1 => "(Cookie|set-cookie|AUTHORIZATION): [a-z]{0,9}\r\n",
            1 => "(Asked|Host): [a-z]{0,9}\r\n",
        ];
        let start = prop_oneof![
            4 => "GET /[!-~]{0,9} HTTP/1\\.[01]\r\n",
            4 => "HTTP/1\\.[01] [0-9]{3} [ -~]{0,9}\r\n",
            1 => "[A-Z]{0,3}[ \t]{0,2}[ -~ä]{0,9} HTTP/1\\.[0-2] ?\r?\n",
            1 => "HTTP/1\\.[01] {1,2}[0-9]{2,4} ?[ -~ä\t]{0,9}\r?\n",
        ];
        let any = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..2);
        (start, proptest::collection::vec(line, 0..7), any).prop_map(|(start, lines, changes)| {
            let mut bytes = [&start, &*lines.concat(), "\r\nmore\r\n\r\n"]
                .concat()
                .into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_read_in_one_walk_is_what_the_tolerant_reader_reads(bytes in bytes()) {
            agrees(Kind::Request, &bytes)?;
            agrees(Kind::Response, &bytes)?;
        }
    }
}
